//! What is visible to whom, what state is left to who left, and how a room introduces itself.

use serde_json::json;

use super::*;
use crate::server::homeserver::{
    rooms::{Draft, send},
    testing::{login, room, set_membership, world},
    world::{Caller, World},
};

/// Alice talks in a room of this visibility, while Bob is first nobody to it, then invited, then
/// there, then gone. What Bob can read of it, as it stands after `until`.
fn read_by_bob(visibility: &str, until: &str) -> Vec<String> {
    let mut world = world();
    let [alice, bob] = ["alice", "bob"].map(|name| login(&mut world, name, "PHONE"));
    let id = room(&mut world, "room", &[&alice]);
    let content = json!({ "history_visibility": visibility });
    send(&mut world, &id, &alice.user_id, Draft::state("m.room.history_visibility", "", content)).unwrap();
    for when in ["strange", "invite", "join", "leave"] {
        if when != "strange" {
            set_membership(&mut world, &id, &bob, when);
        }
        say(&mut world, &id, &alice, when);
        if when == until {
            break;
        }
    }
    let room = &world.rooms[&id];
    let messages = room.events.iter().enumerate().filter(|(_, event)| event.kind == "m.room.message");
    let visible = messages.filter(|(place, _)| room.visible(&bob.user_id, *place));
    visible.map(|(_, event)| event.content["body"].as_str().unwrap().to_owned()).collect()
}

fn say(world: &mut World, room: &ruma::RoomId, who: &Caller, what: &str) {
    send(world, room, &who.user_id, Draft::message("m.room.message", json!({ "body": what }))).unwrap();
}

#[test]
fn what_is_visible_follows_from_how_things_stood_when_it_was_sent() {
    for (visibility, until, visible) in [
        ("world_readable", "strange", &["strange"][..]),
        ("world_readable", "leave", &["strange", "invite", "join", "leave"]),
        ("shared", "strange", &[]),
        ("shared", "invite", &[]),
        ("shared", "join", &["strange", "invite", "join"]),
        ("shared", "leave", &["strange", "invite", "join"]),
        ("invited", "invite", &["invite"]),
        ("invited", "leave", &["invite", "join"]),
        ("joined", "invite", &[]),
        ("joined", "leave", &["join"]),
        ("of a kind that nobody knows", "leave", &["strange", "invite", "join"]),
    ] {
        assert_eq!(read_by_bob(visibility, until), visible, "{visibility}, {until}");
    }
}

#[test]
fn an_event_that_changes_what_is_visible_is_seen_before_or_after() {
    let mut world = world();
    let [alice, bob] = ["alice", "bob"].map(|name| login(&mut world, name, "PHONE"));
    let id = room(&mut world, "room", &[&alice]);
    let set = |world: &mut World, visibility: &str| {
        let content = json!({ "history_visibility": visibility });
        send(world, &id, &alice.user_id, Draft::state("m.room.history_visibility", "", content)).unwrap();
        world.rooms[&id].events.len() - 1
    };
    let closed = set(&mut world, "joined");
    set_membership(&mut world, &id, &bob, "join");
    let joined = world.rooms[&id].events.len() - 1;
    set_membership(&mut world, &id, &bob, "leave");
    let left = world.rooms[&id].events.len() - 1;
    let opened = set(&mut world, "world_readable");
    let closed_again = set(&mut world, "joined");
    let (room, user) = (&world.rooms[&id], &bob.user_id);
    // What was sent before anything was said is shared with who joins later.
    assert!(room.visible(user, 0) && room.visible(user, closed));
    assert!(room.visible(user, joined) && room.visible(user, left));
    assert!(room.visible(user, opened) && room.visible(user, closed_again));
    assert!(!room.visible(user, room.events.len()));
}

#[test]
fn who_left_sees_the_state_as_it_was_then_and_who_was_never_there_sees_none() {
    let mut world = world();
    let [alice, bob, ivy, sam] = ["alice", "bob", "ivy", "sam"].map(|name| login(&mut world, name, "PHONE"));
    let id = room(&mut world, "room", &[&alice, &bob]);
    let name = |world: &mut World, name: &str| {
        send(world, &id, &alice.user_id, Draft::state("m.room.name", "", json!({ "name": name }))).unwrap();
    };
    name(&mut world, "Then");
    set_membership(&mut world, &id, &bob, "leave");
    set_membership(&mut world, &id, &ivy, "invite");
    name(&mut world, "Now");
    // Being invited again and refusing changes nothing.
    set_membership(&mut world, &id, &bob, "invite");
    set_membership(&mut world, &id, &bob, "leave");

    let seen = |world: &World, who: &Caller| {
        let state = world.rooms[&id].state_for(&who.user_id)?;
        Some(state[&("m.room.name", "")].content["name"].as_str().unwrap().to_owned())
    };
    assert_eq!(seen(&world, &alice).as_deref(), Some("Now"));
    assert_eq!(seen(&world, &bob).as_deref(), Some("Then"));
    assert_eq!((seen(&world, &ivy), seen(&world, &sam)), (None, None));

    world.rooms.get_mut(&id).unwrap().forgotten.insert(bob.user_id.clone());
    assert_eq!(seen(&world, &bob), None);
    set_membership(&mut world, &id, &bob, "join");
    assert_eq!(seen(&world, &bob).as_deref(), Some("Now"));

    let open = json!({ "history_visibility": "world_readable" });
    send(&mut world, &id, &alice.user_id, Draft::state("m.room.history_visibility", "", open)).unwrap();
    assert_eq!(seen(&world, &sam).as_deref(), Some("Now"));
}

#[test]
fn a_room_is_called_after_the_first_who_came_and_when_all_have_gone_after_those() {
    let mut world = world();
    let callers = ["zoe", "bob", "cy", "dan", "eve", "fay", "gus"].map(|name| login(&mut world, name, "PHONE"));
    let id = room(&mut world, "room", &callers.iter().collect::<Vec<_>>()[..6]);
    set_membership(&mut world, &id, &callers[6], "invite");
    let names = |summary: &Summary| summary.heroes.iter().map(|hero| hero.localpart().to_owned()).collect::<Vec<_>>();
    let summary = world.rooms[&id].summary(&callers[1].user_id);
    assert_eq!(names(&summary), ["zoe", "cy", "dan", "eve", "fay"]);
    assert_eq!((summary.joined, summary.invited), (6, 1));

    for caller in callers.iter().filter(|caller| caller.user_id != callers[1].user_id) {
        set_membership(&mut world, &id, caller, "leave");
    }
    let summary = world.rooms[&id].summary(&callers[1].user_id);
    assert_eq!(names(&summary), ["zoe", "cy", "dan", "eve", "fay"]);
    assert_eq!((summary.joined, summary.invited), (1, 0));
}

#[test]
fn who_is_invited_is_told_what_the_room_is_and_who_invites_and_nothing_else() {
    let mut world = world();
    let [alice, bob, ivy] = ["alice", "bob", "ivy"].map(|name| login(&mut world, name, "PHONE"));
    let id = room(&mut world, "room", &[&bob, &alice]);
    for (kind, content) in [
        ("m.room.name", json!({ "name": "Ours" })),
        ("m.room.encryption", json!({ "algorithm": "m.megolm.v1.aes-sha2" })),
        ("org.example.secret", json!({})),
    ] {
        send(&mut world, &id, &alice.user_id, Draft::state(kind, "", content)).unwrap();
    }
    let invite = Draft::member(&world, &ivy.user_id, &MembershipState::Invite, None);
    send(&mut world, &id, &alice.user_id, invite).unwrap();
    let strip = |kind: &str, key: &str, content: Value| json!({ "type": kind, "state_key": key, "sender": "@alice:localhost", "content": content });
    assert_eq!(
        world.rooms[&id].stripped_state(&ivy.user_id),
        [
            strip("m.room.name", "", json!({ "name": "Ours" })),
            strip("m.room.encryption", "", json!({ "algorithm": "m.megolm.v1.aes-sha2" })),
            strip("m.room.member", "@alice:localhost", json!({ "membership": "join" })),
            strip("m.room.member", "@ivy:localhost", json!({ "membership": "invite", "displayname": "ivy" })),
        ]
    );
}
