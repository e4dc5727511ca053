//! Replies, edits and reactions, and what is told of threads.

use ruma::{EventId, OwnedEventId, OwnedRoomId, RoomId};
use serde_json::{Value, json};

use super::*;
use crate::server::homeserver::{
    rooms::{Draft, send},
    testing::{body, login, refusal, request, room, set_membership, world},
};

fn setting() -> (World, OwnedRoomId, [Caller; 2]) {
    let mut world = world();
    let callers = ["alice", "bob"].map(|name| login(&mut world, name, "PHONE"));
    let id = room(&mut world, "room", &[&callers[0], &callers[1]]);
    (world, id, callers)
}

fn say(world: &mut World, room: &RoomId, who: &Caller) -> OwnedEventId {
    send(world, room, &who.user, Draft::message("m.room.message", json!({}))).unwrap()
}

fn relate(world: &mut World, room: &RoomId, who: &Caller, kind: &str, how: &str, target: &EventId) -> OwnedEventId {
    let content = json!({ "m.relates_to": { "rel_type": how, "event_id": target } });
    send(world, room, &who.user, Draft::message(kind, content)).unwrap()
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
    send(&mut world, &id, &bob.user, Draft::message("m.room.redaction", json!({ "redacts": gone }))).unwrap();

    let path = [id.as_str(), root.as_str(), "m.thread", "m.sticker"];
    let found = body(all(&mut world, bob.clone(), request(&path[..2], "", json!({}))));
    assert_eq!(ids(&found), [&edit, &sticker, &reply]);
    let found = body(all(&mut world, bob.clone(), request(&path[..2], "dir=f&limit=2", json!({}))));
    assert_eq!(ids(&found), [&reply, &sticker]);
    let next = format!("dir=f&from={}", found["next_batch"].as_str().unwrap());
    let rest = body(all(&mut world, bob.clone(), request(&path[..2], &next, json!({}))));
    assert_eq!((ids(&rest), rest["next_batch"].as_str()), (vec![edit.as_str()], None));
    assert_eq!(rest["prev_batch"], found["next_batch"]);
    let found = body(of_relation(&mut world, bob.clone(), request(&path[..3], "", json!({}))));
    assert_eq!(ids(&found), [&sticker, &reply]);
    let found = body(of_relation_and_type(&mut world, bob.clone(), request(&path, "", json!({}))));
    assert_eq!(ids(&found), [&sticker]);

    let unknown = all(&mut world, bob, request(&[id.as_str(), "$unknown"], "", json!({})));
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
    let plain = body(all(&mut world, bob.clone(), request(&path, "dir=f", json!({}))));
    assert_eq!((ids(&plain), &plain["recursion_depth"]), (vec![chain[1].as_str()], &Value::Null));
    let deep = body(all(&mut world, bob, request(&path, "dir=f&recurse=true", json!({}))));
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

    send(&mut world, &id, &alice.user, Draft::message("m.room.redaction", json!({ "redacts": second }))).unwrap();
    let thread = shown(&world, &bob);
    assert_eq!((&thread["count"], &thread["latest_event"]["event_id"]), (&1.into(), &first.as_str().into()));
}

#[test]
fn threads_come_with_the_latest_reply_first() {
    let (mut world, id, [alice, bob]) = setting();
    let roots: Vec<_> = (0..4).map(|_| say(&mut world, &id, &alice)).collect();
    for (who, root) in [(&alice, 0), (&bob, 1), (&alice, 2), (&alice, 0)] {
        relate(&mut world, &id, who, "m.room.message", "m.thread", &roots[root]);
    }
    let mut ask = |query: &str| body(threads(&mut world, bob.clone(), request(&[id.as_str()], query, json!({}))));
    assert_eq!(ids(&ask("include=all")), [&roots[0], &roots[2], &roots[1]]);
    assert_eq!(ids(&ask("include=participated")), [&roots[1]]);
    let page = ask("include=all&limit=2");
    let rest = ask(&format!("include=all&limit=2&from={}", page["next_batch"].as_str().unwrap()));
    assert_eq!(ids(&page), [&roots[0], &roots[2]]);
    assert_eq!((ids(&rest), rest["next_batch"].as_str()), (vec![roots[1].as_str()], None));
    assert_eq!(page["chunk"][0]["unsigned"]["m.relations"]["m.thread"]["count"], 2);
}

#[test]
fn a_request_for_threads_means_all_when_it_does_not_say() {
    for (asked, read) in [("", "?&include=all"), ("?limit=2", "?limit=2&include=all"), ("?include=x", "?include=x")] {
        let uri = format!("/threads{asked}").parse().unwrap();
        assert_eq!(with_include(&uri).unwrap().to_string(), format!("/threads{read}"));
        let http = axum::http::Request::get(with_include(&uri).unwrap()).body(Vec::new()).unwrap();
        assert!(get_threads::v1::Request::try_from_http_request(http, &["!room:localhost"]).is_ok(), "{asked}");
    }
}

#[test]
fn who_left_is_not_told_what_was_related_later() {
    let (mut world, id, [alice, bob]) = setting();
    let root = say(&mut world, &id, &alice);
    let before = relate(&mut world, &id, &alice, "m.room.message", "m.thread", &root);
    set_membership(&mut world, &id, &bob, "leave");
    relate(&mut world, &id, &alice, "m.room.message", "m.thread", &root);
    let path = [id.as_str(), root.as_str()];
    let found = body(all(&mut world, bob.clone(), request(&path, "", json!({}))));
    assert_eq!(ids(&found), [&before]);
    let page = body(threads(&mut world, bob, request(&path[..1], "include=all", json!({}))));
    let thread = &page["chunk"][0]["unsigned"]["m.relations"]["m.thread"];
    assert_eq!((&thread["count"], &thread["latest_event"]["event_id"]), (&1.into(), &before.as_str().into()));
}
