//! Replies, edits and reactions, and what is told of a thread.

use ruma::{EventId, OwnedEventId, OwnedRoomId, RoomId};
use serde_json::{Value, json};

use super::*;
use crate::server::homeserver::{
    rooms::{Draft, send},
    testing::{body, login, plain, refusal, room, set_membership, world},
};

fn setting() -> (World, OwnedRoomId, [Caller; 2]) {
    let mut world = world();
    let callers = ["alice", "bob"].map(|name| login(&mut world, name, "PHONE"));
    let id = room(&mut world, "room", &[&callers[0], &callers[1]]);
    (world, id, callers)
}

fn say(world: &mut World, room: &RoomId, who: &Caller) -> OwnedEventId {
    send(world, room, &who.user_id, Draft::message("m.room.message", json!({}))).unwrap()
}

fn relate(world: &mut World, room: &RoomId, who: &Caller, kind: &str, how: &str, target: &EventId) -> OwnedEventId {
    let content = json!({ "m.relates_to": { "rel_type": how, "event_id": target } });
    send(world, room, &who.user_id, Draft::message(kind, content)).unwrap()
}

fn asked(world: &World, who: &Caller, path: &[&str], query: &str) -> Answer<Response> {
    let mut request = plain(who, path, "");
    *request.http.uri_mut() = format!("/?{query}").parse().unwrap();
    relations(world, who, request)
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["chunk"].as_array().unwrap().iter().map(|event| event["event_id"].as_str().unwrap()).collect()
}

#[test]
fn relations_are_asked_for_by_how_and_by_type() {
    let (mut world, id, [alice, bob]) = setting();
    let root = say(&mut world, &id, &alice);
    let mut add = |kind: &str, how: &str| relate(&mut world, &id, &bob, kind, how, &root);
    let reply = add("m.room.message", "m.thread");
    let sticker = add("m.sticker", "m.thread");
    let edit = add("m.room.message", "m.replace");
    let gone = add("m.room.message", "m.thread");
    send(&mut world, &id, &bob.user_id, Draft::message("m.room.redaction", json!({ "redacts": gone }))).unwrap();

    let path = [id.as_str(), root.as_str(), "m.thread", "m.sticker"];
    let found = body(asked(&world, &bob, &path[..2], ""));
    assert_eq!(ids(&found), [&edit, &sticker, &reply]);
    let found = body(asked(&world, &bob, &path[..2], "dir=f&limit=2"));
    assert_eq!(ids(&found), [&reply, &sticker]);
    let next = format!("dir=f&from={}", found["next_batch"].as_str().unwrap());
    let rest = body(asked(&world, &bob, &path[..2], &next));
    assert_eq!((ids(&rest), rest["next_batch"].as_str()), (vec![edit.as_str()], None));
    assert_eq!(rest["prev_batch"], found["next_batch"]);
    let found = body(asked(&world, &bob, &path[..3], ""));
    assert_eq!(ids(&found), [&sticker, &reply]);
    let found = body(asked(&world, &bob, &path, ""));
    assert_eq!(ids(&found), [&sticker]);

    let unknown = asked(&world, &bob, &[id.as_str(), "$unknown"], "");
    assert_eq!(refusal(unknown), (404, "M_NOT_FOUND".to_owned()));
}

#[test]
fn what_relates_to_relations_comes_when_it_is_asked_for_and_three_steps_deep() {
    let (mut world, id, [alice, bob]) = setting();
    let mut chain = vec![say(&mut world, &id, &alice)];
    for how in ["m.thread", "m.replace", "m.reference", "m.reference"] {
        let last = chain.last().unwrap().clone();
        chain.push(relate(&mut world, &id, &bob, "m.room.message", how, &last));
    }
    let path = [id.as_str(), chain[0].as_str()];
    let plain = body(asked(&world, &bob, &path, "dir=f"));
    assert_eq!((ids(&plain), &plain["recursion_depth"]), (vec![chain[1].as_str()], &Value::Null));
    let deep = body(asked(&world, &bob, &path, "dir=f&recurse=true"));
    assert_eq!(ids(&deep), chain[1..4].iter().map(|id| id.as_str()).collect::<Vec<_>>());
    assert_eq!(deep["recursion_depth"], 3);
}

#[test]
fn the_root_of_a_thread_tells_its_length_its_latest_and_whether_one_is_in_it() {
    let (mut world, id, [alice, bob]) = setting();
    let root = say(&mut world, &id, &alice);
    let shown = |world: &World, who: &Caller| {
        let place = &world.rooms[&id];
        place.event(&root).unwrap().to_json(place, who, false)["unsigned"]["m.relations"]["m.thread"].clone()
    };
    assert_eq!(shown(&world, &alice), Value::Null);
    let first = relate(&mut world, &id, &alice, "m.room.message", "m.thread", &root);
    let second = relate(&mut world, &id, &alice, "m.room.message", "m.thread", &root);
    relate(&mut world, &id, &bob, "m.reaction", "m.annotation", &root);
    let thread = shown(&world, &bob);
    assert_eq!((&thread["count"], &thread["current_user_participated"]), (&2.into(), &false.into()));
    assert_eq!(thread["latest_event"]["event_id"], second.as_str());
    assert_eq!(shown(&world, &alice)["current_user_participated"], true);

    send(&mut world, &id, &alice.user_id, Draft::message("m.room.redaction", json!({ "redacts": second }))).unwrap();
    let thread = shown(&world, &bob);
    assert_eq!((&thread["count"], &thread["latest_event"]["event_id"]), (&1.into(), &first.as_str().into()));
}

#[test]
fn who_left_is_not_told_what_was_related_later() {
    let (mut world, id, [alice, bob]) = setting();
    let root = say(&mut world, &id, &alice);
    let before = relate(&mut world, &id, &alice, "m.room.message", "m.thread", &root);
    set_membership(&mut world, &id, &bob, "leave");
    relate(&mut world, &id, &alice, "m.room.message", "m.thread", &root);
    let path = [id.as_str(), root.as_str()];
    let found = body(asked(&world, &bob, &path, ""));
    assert_eq!(ids(&found), [&before]);
    let place = &world.rooms[&id];
    let root = place.event(&root).unwrap().to_json(place, &bob, false);
    let thread = &root["unsigned"]["m.relations"]["m.thread"];
    assert_eq!((&thread["count"], &thread["latest_event"]["event_id"]), (&1.into(), &before.as_str().into()));
}
