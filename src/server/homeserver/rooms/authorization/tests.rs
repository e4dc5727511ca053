//! The table of what is allowed to whom.
//!
//! In the room are Alice, who made it (100), Mo, a moderator (50), and Bob. Ivy is invited, Ben is
//! banned, Lea has left, and Sam was never there.

use serde_json::json;

use super::*;
use crate::server::homeserver::{
    rooms::send,
    testing::{login, refusal, room, set_membership, world},
    world::World,
};

/// The room, with this join rule.
fn setting(join_rule: &str) -> (World, ruma::OwnedRoomId) {
    let mut world = world();
    let [alice, mo, bob, ivy, ben, lea, _] =
        ["alice", "mo", "bob", "ivy", "ben", "lea", "sam"].map(|name| login(&mut world, name, "PHONE"));
    let id = room(&mut world, "room", &[]);
    let mut set = |draft| send(&mut world, &id, &alice.user_id, draft).unwrap();
    set(Draft::state("m.room.create", "", json!({ "room_version": "11" })));
    set(Draft::state("m.room.member", alice.user_id.as_str(), json!({ "membership": "join" })));
    for caller in [&mo, &bob, &lea] {
        set_membership(&mut world, &id, caller, "join");
    }
    for (caller, membership) in [(&ivy, "invite"), (&ben, "ban"), (&lea, "leave")] {
        set_membership(&mut world, &id, caller, membership);
    }
    let mut set = |draft| send(&mut world, &id, &alice.user_id, draft).unwrap();
    set(Draft::state("m.room.power_levels", "", levels_with(&json!({}))));
    set(Draft::state("m.room.join_rules", "", json!({ "join_rule": join_rule })));
    (world, id)
}

/// The levels of the room, but for these changes.
fn levels_with(changes: &Value) -> Value {
    let mut levels = json!({
        "users": { "@alice:localhost": 100, "@mo:localhost": 50 },
        "events": { "m.room.name": 50, "m.room.power_levels": 50, "org.example.quiet": 10, "org.example.grand": 100 },
        "invite": 10,
        "kick": 50,
        "ban": 50,
    });
    for (name, change) in changes.as_object().unwrap() {
        levels[name] = change.clone();
    }
    levels
}

/// Checks who of Alice, Mo, Bob, Ivy, Ben, Lea and Sam may send something: a `+` for yes, in this
/// order.
#[track_caller]
fn check(join_rule: &str, allowed: &str, draft: impl Fn(&str) -> Draft) {
    let (world, id) = setting(join_rule);
    let may = ["alice", "mo", "bob", "ivy", "ben", "lea", "sam"].map(|name| {
        let sender = UserId::parse(format!("@{name}:localhost")).unwrap();
        let answer = authorize(&world.rooms[&id], &sender, &draft(sender.as_str()));
        if answer.is_err() {
            assert_eq!(refusal(answer), (403, "M_FORBIDDEN".to_owned()), "{name}");
            return '-';
        }
        '+'
    });
    assert_eq!(may.iter().collect::<String>(), allowed, "{:?}", draft("@sender:localhost"));
}

fn member(target: &str, membership: &str) -> Draft {
    let target = if target.starts_with('@') { target.to_owned() } else { format!("@{target}:localhost") };
    Draft::state("m.room.member", target, json!({ "membership": membership }))
}

#[test]
fn who_is_in_the_room_sends_what_their_level_allows() {
    check("invite", "+++----", |_| Draft::message("m.room.message", json!({})));
    check("invite", "++-----", |_| Draft::message("org.example.quiet", json!({})));
    check("invite", "+------", |_| Draft::message("org.example.grand", json!({})));
    check("invite", "++-----", |_| Draft::state("m.room.name", "", json!({})));
    check("invite", "++-----", |_| Draft::state("org.example.state", "", json!({})));
}

#[test]
fn state_of_a_user_is_set_by_nobody_else() {
    check("invite", "++-----", |sender| Draft::state("org.example.state", sender, json!({})));
    check("invite", "-------", |_| Draft::state("org.example.state", "@other:localhost", json!({})));
}

#[test]
fn a_room_is_created_once() {
    check("invite", "-------", |_| Draft::state("m.room.create", "", json!({})));
    check("invite", "-------", |_| Draft::message("m.room.create", json!({})));
}

#[test]
fn who_may_join_is_said_by_the_join_rule_and_nobody_joins_for_others() {
    check("invite", "++++---", |sender| member(sender, "join"));
    check("restricted", "++++---", |sender| member(sender, "join"));
    check("public", "++++-++", |sender| member(sender, "join"));
    check("public", "------+", |_| member("sam", "join"));
    check("public", "-------", |sender| member(sender, "knock"));
}

#[test]
fn an_invite_takes_being_there_and_the_power_and_who_is_there_or_banned_gets_none() {
    check("invite", "++-----", |_| member("sam", "invite"));
    check("invite", "++-----", |_| member("lea", "invite"));
    check("invite", "++-----", |_| member("ivy", "invite"));
    check("invite", "-------", |_| member("bob", "invite"));
    check("invite", "-------", |_| member("ben", "invite"));
}

#[test]
fn one_leaves_what_one_is_in_or_invited_to() {
    check("invite", "++++---", |sender| member(sender, "leave"));
}

#[test]
fn who_removes_or_bans_has_the_power_for_it_and_more_than_the_other() {
    check("invite", "+++----", |_| member("bob", "leave"));
    check("invite", "++-----", |_| member("bob", "ban"));
    check("invite", "++-----", |_| member("sam", "ban"));
    check("invite", "++-----", |_| member("ben", "leave"));
    check("invite", "+------", |_| member("mo", "ban"));
    check("invite", "-------", |_| member("alice", "ban"));
    check("invite", "+------", |_| member("alice", "leave"));
}

#[test]
fn a_membership_is_somebodys() {
    check("public", "-------", |_| Draft::state("m.room.member", "nobody", json!({ "membership": "join" })));
    check("public", "-------", |_| Draft::message("m.room.member", json!({ "membership": "join" })));
}

#[test]
fn nobody_gives_or_takes_a_level_above_their_own() {
    let change = |changes: Value| move |_: &str| Draft::state("m.room.power_levels", "", levels_with(&changes));
    check("invite", "++-----", change(json!({})));
    check("invite", "++-----", change(json!({ "events_default": 50, "invite": 50, "state_default": 20 })));
    check("invite", "+------", change(json!({ "events_default": 51 })));
    check("invite", "++-----", change(json!({ "notifications": { "room": 50 } })));
    check("invite", "+------", change(json!({ "notifications": { "room": 51 } })));
    // Mo may not touch what is above 50, be it to lower it or to take it away.
    check("invite", "+------", change(json!({ "events": { "m.room.name": 50, "m.room.power_levels": 50 } })));
    check("invite", "++-----", change(json!({ "events": { "org.example.grand": 100 } })));
}

#[test]
fn nobody_takes_power_from_their_equals_but_everybody_from_themselves() {
    let users = |users: Value| {
        move |_: &str| Draft::state("m.room.power_levels", "", levels_with(&json!({ "users": users.clone() })))
    };
    check("invite", "++-----", users(json!({ "@alice:localhost": 100, "@mo:localhost": 0 })));
    check("invite", "++-----", users(json!({ "@alice:localhost": 100, "@mo:localhost": 50, "@bob:localhost": 50 })));
    check("invite", "+------", users(json!({ "@alice:localhost": 100, "@mo:localhost": 51 })));
    check("invite", "+------", users(json!({ "@alice:localhost": 50, "@mo:localhost": 50 })));

    let (mut world, id) = setting("invite");
    let [alice, mo] = ["@alice:localhost", "@mo:localhost"].map(|user| UserId::parse(user).unwrap());
    let equals = users(json!({ "@alice:localhost": 100, "@mo:localhost": 100 }))("");
    send(&mut world, &id, &alice, equals).unwrap();
    let fall = users(json!({ "@alice:localhost": 100, "@mo:localhost": 0 }))("");
    assert!(authorize(&world.rooms[&id], &alice, &fall).is_err());
    assert!(authorize(&world.rooms[&id], &mo, &fall).is_ok());
}

#[test]
fn a_redaction_is_ones_own_or_takes_the_power() {
    let (mut world, id) = setting("invite");
    let [alice, mo, bob] =
        ["@alice:localhost", "@mo:localhost", "@bob:localhost"].map(|user| UserId::parse(user).unwrap());
    let from_bob = send(&mut world, &id, &bob, Draft::message("m.room.message", json!({}))).unwrap();
    let from_mo = send(&mut world, &id, &mo, Draft::message("m.room.message", json!({}))).unwrap();
    let may = |who: &UserId, what: &str| {
        let draft = Draft::message("m.room.redaction", json!({ "redacts": what }));
        authorize(&world.rooms[&id], who, &draft)
    };
    for who in [&alice, &mo, &bob] {
        assert!(may(who, from_bob.as_str()).is_ok(), "{who}");
    }
    assert_eq!(refusal(may(&bob, from_mo.as_str())), (403, "M_FORBIDDEN".to_owned()));
    assert_eq!(refusal(may(&alice, "$unknown")), (404, "M_NOT_FOUND".to_owned()));
}

#[test]
fn before_there_are_levels_the_creator_may_do_everything() {
    let mut world = world();
    let [alice, bob] = ["alice", "bob"].map(|name| login(&mut world, name, "PHONE"));
    let id = room(&mut world, "room", &[]);
    let create = Draft::state("m.room.create", "", json!({ "room_version": "11" }));
    send(&mut world, &id, &alice.user_id, create).unwrap();
    assert!(authorize(&world.rooms[&id], &bob.user_id, &member("bob", "join")).is_err());
    send(&mut world, &id, &alice.user_id, member("alice", "join")).unwrap();
    set_membership(&mut world, &id, &bob, "join");
    let room = &world.rooms[&id];
    assert!(authorize(room, &alice.user_id, &member("bob", "ban")).is_ok());
    assert!(authorize(room, &bob.user_id, &member("alice", "ban")).is_err());
    assert!(authorize(room, &bob.user_id, &Draft::state("m.room.name", "", json!({ "name": "Ours" }))).is_ok());
}
