//! Coming and going.

use serde_json::json;

use super::*;
use crate::server::homeserver::testing::{body, login, refusal, request, room, world};

/// Alice and Bob in a room with the alias `#ours:localhost`, Cy not.
fn setting() -> (World, OwnedRoomId, [Caller; 3]) {
    let mut world = world();
    let callers = ["alice", "bob", "cy"].map(|name| login(&mut world, name, "PHONE"));
    let id = room(&mut world, "ours", &[]);
    let [alice, bob, _] = &callers;
    for draft in [
        Draft::state("m.room.create", "", json!({ "room_version": "11" })),
        Draft::member(&world, &alice.user_id, &MembershipState::Join, None),
        Draft::state("m.room.power_levels", "", json!({ "users": { "@alice:localhost": 100 } })),
        Draft::member(&world, &bob.user_id, &MembershipState::Invite, None),
    ] {
        send(&mut world, &id, &alice.user_id, draft).unwrap();
    }
    world.aliases.insert("#ours:localhost".try_into().unwrap(), id.clone());
    join(&mut world, &bob.user_id, id.clone(), None).unwrap();
    (world, id, callers)
}

fn membership(world: &World, room: &RoomId, who: &Caller) -> String {
    world.rooms[room].membership(&who.user_id).to_string()
}

#[test]
fn somebody_is_invited_joins_and_leaves() {
    let (mut world, id, [alice, _, cy]) = setting();
    let path = [id.as_str()];
    let join = |world: &mut World| join_by_id(world, cy.clone(), request(&path, "", json!({ "reason": "I may" })));
    assert_eq!(refusal(join(&mut world)), (403, "M_FORBIDDEN".to_owned()));
    invite(&mut world, alice, request(&path, "", json!({ "user_id": cy.user_id, "reason": "Come" }))).unwrap();
    let event = world.rooms[&id].state("m.room.member", cy.user_id.as_str()).unwrap();
    assert_eq!(event.content, json!({ "membership": "invite", "displayname": "cy", "reason": "Come" }));

    assert_eq!(body(join(&mut world)), json!({ "room_id": id }));
    let position = world.position;
    assert_eq!(body(join(&mut world)), json!({ "room_id": id }));
    assert_eq!(world.position, position, "who is there stays as they are");

    leave(&mut world, cy.clone(), request(&path, "", json!({}))).unwrap();
    assert_eq!(membership(&world, &id, &cy), "leave");
    assert_eq!(refusal(leave(&mut world, cy, request(&path, "", json!({})))), (403, "M_FORBIDDEN".to_owned()));
}

#[test]
fn a_room_is_joined_by_its_alias_too() {
    let (mut world, id, [alice, _, cy]) = setting();
    invite(&mut world, alice, request(&[id.as_str()], "", json!({ "user_id": cy.user_id }))).unwrap();
    let mut join = |name: &str| join_by_id_or_alias(&mut world, cy.clone(), request(&[name], "", json!({})));
    assert_eq!(refusal(join("#none:localhost")), (404, "M_NOT_FOUND".to_owned()));
    assert_eq!(refusal(join("!none:localhost")), (404, "M_NOT_FOUND".to_owned()));
    assert_eq!(body(join("#ours:localhost")), json!({ "room_id": id }));
    assert_eq!(body(join(id.as_str())), json!({ "room_id": id }));
}

#[test]
fn only_users_of_this_homeserver_can_be_invited() {
    let (mut world, id, [alice, ..]) = setting();
    let mut invite = |who: serde_json::Value| invite(&mut world, alice.clone(), request(&[id.as_str()], "", who));
    assert_eq!(refusal(invite(json!({ "user_id": "@nobody:localhost" }))), (404, "M_NOT_FOUND".to_owned()));
    let by_mail =
        json!({ "id_server": "id.example", "id_access_token": "t", "medium": "email", "address": "cy@example.org" });
    assert_eq!(refusal(invite(by_mail)), (400, "M_INVALID_PARAM".to_owned()));
}

#[test]
fn who_is_removed_was_there_and_who_is_unbanned_was_banned() {
    let (mut world, id, [alice, bob, cy]) = setting();
    let path = [id.as_str()];
    let about = |who: &Caller| json!({ "user_id": who.user_id, "reason": "Because" });
    let no = (403, "M_FORBIDDEN".to_owned());
    assert_eq!(refusal(kick(&mut world, alice.clone(), request(&path, "", about(&cy)))), no);
    assert_eq!(refusal(kick(&mut world, bob.clone(), request(&path, "", about(&alice)))), no);
    assert_eq!(refusal(unban(&mut world, alice.clone(), request(&path, "", about(&bob)))), no);

    kick(&mut world, alice.clone(), request(&path, "", about(&bob))).unwrap();
    assert_eq!(membership(&world, &id, &bob), "leave");
    ban(&mut world, alice.clone(), request(&path, "", about(&bob))).unwrap();
    assert_eq!(membership(&world, &id, &bob), "ban");
    assert_eq!(refusal(kick(&mut world, alice.clone(), request(&path, "", about(&bob)))), no);
    assert_eq!(refusal(invite(&mut world, alice.clone(), request(&path, "", json!({ "user_id": bob.user_id })))), no);
    unban(&mut world, alice, request(&path, "", about(&bob))).unwrap();
    assert_eq!(membership(&world, &id, &bob), "leave");
}

#[test]
fn one_leaves_before_one_forgets() {
    let (mut world, id, [_, bob, _]) = setting();
    let path = [id.as_str()];
    let asked = || request(&path, "", json!({}));
    assert_eq!(refusal(forget(&mut world, bob.clone(), asked())), (400, "M_UNKNOWN".to_owned()));
    leave(&mut world, bob.clone(), request(&path, "", json!({}))).unwrap();
    assert!(world.rooms[&id].seen_until(&bob.user_id).is_some());
    forget(&mut world, bob.clone(), asked()).unwrap();
    assert!(world.rooms[&id].seen_until(&bob.user_id).is_none());
}

#[test]
fn every_room_that_one_is_in_learns_a_new_name() {
    let (mut world, id, [alice, bob, _]) = setting();
    let left = room(&mut world, "left", &[&bob]);
    leave(&mut world, bob.clone(), request(&[left.as_str()], "", json!({}))).unwrap();
    let position = world.position;
    introduce_anew(&mut world, &alice.user_id).unwrap();
    assert_eq!(world.position, position, "nothing is new about Alice");

    world.users.get_mut(&bob.user_id).unwrap().name = Some("Robert".to_owned());
    introduce_anew(&mut world, &bob.user_id).unwrap();
    let event = world.rooms[&id].state("m.room.member", bob.user_id.as_str()).unwrap();
    assert_eq!(event.content, json!({ "membership": "join", "displayname": "Robert" }));
    assert_eq!(membership(&world, &left, &bob), "leave");
}
