//! What is shown to whom, page by page.

use ruma::{OwnedEventId, OwnedRoomId};
use serde_json::json;

use super::*;
use crate::server::homeserver::{
    rooms::{Draft, send},
    testing::{body, login, refusal, request, room, set_membership, world},
};

/// Alice, who says `0` to `9` in a room, Bob, who is there too, and Sam, who is not.
fn setting() -> (World, OwnedRoomId, [Caller; 3]) {
    let mut world = world();
    let callers = ["alice", "bob", "sam"].map(|name| login(&mut world, name, "PHONE"));
    let id = room(&mut world, "room", &[&callers[0], &callers[1]]);
    for number in 0..10 {
        say(&mut world, &id, &callers[0], &number.to_string());
    }
    (world, id, callers)
}

fn say(world: &mut World, room: &RoomId, who: &Caller, what: &str) -> OwnedEventId {
    send(world, room, &who.user_id, Draft::message("m.room.message", json!({ "body": what }))).unwrap()
}

/// The bodies of messages, one after the other; `?` for what is none.
fn bodies(chunk: &Value) -> String {
    chunk.as_array().into_iter().flatten().map(|event| event["content"]["body"].as_str().unwrap_or("?")).collect()
}

fn read(world: &mut World, room: &RoomId, who: &Caller, query: &str) -> Answer<get_message_events::v3::Response> {
    messages(world, who.clone(), request(&[room.as_str()], query, json!({})))
}

#[test]
fn messages_go_back_and_forth_by_one_kind_of_token() {
    let (mut world, id, [_, bob, _]) = setting();
    let mut page = |query: &str| body(read(&mut world, &id, &bob, query));
    let first = page("dir=b&limit=4");
    assert_eq!((first["start"].as_str(), first["end"].as_str()), (Some("t12"), Some("t8")));
    assert_eq!(bodies(&first["chunk"]), "9876");
    assert!(first["chunk"][0]["room_id"].is_string());
    let second = page("dir=b&limit=4&from=t8");
    assert_eq!((bodies(&second["chunk"]), second["end"].as_str()), ("5432".to_owned(), Some("t4")));
    let last = page("dir=b&limit=4&from=t4");
    assert_eq!((bodies(&last["chunk"]), last["end"].as_str()), ("10??".to_owned(), None));

    let forth = page("dir=f&limit=4&from=t4");
    assert_eq!((bodies(&forth["chunk"]), forth["end"].as_str()), ("2345".to_owned(), Some("t8")));
    assert_eq!(bodies(&page("dir=f&limit=4")["chunk"]), "??01");
    assert_eq!(page("dir=f&limit=4&from=t8")["end"].as_str(), None);
    assert_eq!(bodies(&page("dir=b&from=t8&to=t6")["chunk"]), "54");
    assert_eq!(bodies(&page("dir=f&from=t6&to=t8")["chunk"]), "45");
    assert_eq!(bodies(&page("dir=f&from=t8&to=t6")["chunk"]), "");
    assert_eq!(bodies(&page("dir=b&from=t99999&limit=1")["chunk"]), "9");
    assert_eq!(bodies(&page("dir=b")["chunk"]).len(), 10);
}

#[test]
fn a_token_of_another_make_is_refused() {
    let (mut world, id, [_, bob, _]) = setting();
    for token in ["7", "t", "t-1", "t7t", "s7", "t99999999999999999999"] {
        let answer = read(&mut world, &id, &bob, &format!("dir=b&from={token}"));
        assert_eq!(refusal(answer), (400, "M_INVALID_PARAM".to_owned()), "{token}");
    }
}

#[test]
fn nobody_gets_more_than_a_thousand_events() {
    let (mut world, id, [_, bob, _]) = setting();
    for number in 0..1_000 {
        say(&mut world, &id, &bob, &number.to_string());
    }
    for limit in ["1001", "1000000", "9007199254740991"] {
        let page = body(read(&mut world, &id, &bob, &format!("dir=b&limit={limit}")));
        assert_eq!(page["chunk"].as_array().unwrap().len(), 1_000);
    }
    assert_eq!(bodies(&body(read(&mut world, &id, &bob, "dir=b&limit=0"))["chunk"]), "");
}

#[test]
fn who_is_not_there_reads_nothing_and_who_left_reads_up_to_leaving() {
    let (mut world, id, [alice, bob, sam]) = setting();
    set_membership(&mut world, &id, &bob, "leave");
    say(&mut world, &id, &alice, "X");
    assert_eq!(refusal(read(&mut world, &id, &sam, "dir=b")), (403, "M_FORBIDDEN".to_owned()));
    assert_eq!(bodies(&body(read(&mut world, &id, &bob, "dir=b&limit=3"))["chunk"]), "?98");
    assert_eq!(bodies(&body(read(&mut world, &id, &alice, "dir=b&limit=3"))["chunk"]), "X?9");
}

#[test]
fn filters_ask_for_types_senders_and_urls() {
    let (mut world, id, [_, bob, _]) = setting();
    send(&mut world, &id, &bob.user_id, Draft::message("org.example.a.b", json!({ "body": "B", "url": "mxc://a/b" })))
        .unwrap();
    let mut filtered = |filter: Value| {
        let filter: String = url::form_urlencoded::byte_serialize(filter.to_string().as_bytes()).collect();
        body(read(&mut world, &id, &bob, &format!("dir=f&limit=100&filter={filter}")))
    };
    for (filter, expected) in [
        (json!({ "types": ["org.example.*"] }), "B"),
        (json!({ "types": ["*.b", "m.room.member"] }), "??B"),
        (json!({ "types": ["o*e*.a.*b"] }), "B"),
        (json!({ "types": ["o*e*.a.*b*c"] }), ""),
        (json!({ "types": [] }), ""),
        (json!({ "not_types": ["m.room.message", "m.room.mem*"] }), "B"),
        (json!({ "types": ["*"], "not_types": ["*"] }), ""),
        (json!({ "senders": ["@bob:localhost"] }), "?B"),
        (json!({ "not_senders": ["@alice:localhost"] }), "?B"),
        (json!({ "contains_url": true }), "B"),
        (json!({ "contains_url": false, "not_types": ["m.room.member"] }), "0123456789"),
    ] {
        assert_eq!(bodies(&filtered(filter.clone())["chunk"]), expected, "{filter}");
    }
    let lazy = filtered(json!({ "types": ["m.room.message"], "lazy_load_members": true }));
    assert_eq!(lazy["state"].as_array().unwrap().len(), 1);
    assert_eq!(lazy["state"][0]["state_key"], "@alice:localhost");
}

#[test]
fn context_is_half_before_and_half_after() {
    let (mut world, id, [alice, bob, _]) = setting();
    let five = world.rooms[&id].events[7].id.clone();
    set_membership(&mut world, &id, &alice, "leave");
    let mut around =
        |query: &str| body(context(&mut world, bob.clone(), request(&[id.as_str(), five.as_str()], query, json!({}))));
    let some = around("limit=5");
    assert_eq!((bodies(&some["events_before"]), bodies(&some["events_after"])), ("43".to_owned(), "678".to_owned()));
    assert_eq!(some["event"]["content"]["body"], "5");
    assert_eq!((some["start"].as_str(), some["end"].as_str()), (Some("t5"), Some("t11")));
    let state = some["state"].as_array().unwrap();
    assert!(state.iter().all(|event| event["content"]["membership"] == "join") && state.len() == 2);
    let none = around("limit=0");
    assert_eq!((bodies(&none["events_before"]), bodies(&none["events_after"])), (String::new(), String::new()));
    let all = around("limit=100");
    assert_eq!((bodies(&all["events_before"]).len(), bodies(&all["events_after"]).len()), (7, 5));
    assert_eq!((all["start"].as_str(), all["end"].as_str()), (None, None));
}

#[test]
fn unknown_invisible_and_elsewhere_are_one_and_the_same_404() {
    let (mut world, id, [alice, bob, sam]) = setting();
    let other = room(&mut world, "other", &[&alice]);
    let elsewhere = say(&mut world, &other, &alice, "Elsewhere");
    set_membership(&mut world, &id, &bob, "leave");
    let later = say(&mut world, &id, &alice, "Later");
    let first = world.rooms[&id].events[2].id.clone();
    let mut ask = |who: &Caller, room: &RoomId, what: &str| {
        event(&mut world, who.clone(), request(&[room.as_str(), what], "", json!({})))
    };
    assert_eq!(body(ask(&bob, &id, first.as_str()))["content"]["body"], "0");
    let wrong = [
        ask(&bob, &id, "$unknown"),
        ask(&bob, &id, later.as_str()),
        ask(&bob, &id, elsewhere.as_str()),
        ask(&sam, &id, first.as_str()),
        ask(&sam, ruma::room_id!("!nowhere:localhost"), first.as_str()),
    ];
    let wrong = wrong.map(|answer| format!("{:?}", answer.unwrap_err()));
    assert!(wrong[0].contains("NotFound"), "{}", wrong[0]);
    assert!(wrong.iter().all(|answer| *answer == wrong[0]), "{wrong:?}");
}

#[test]
fn members_are_told_as_they_are_or_were() {
    let (mut world, id, [alice, bob, sam]) = setting();
    set_membership(&mut world, &id, &bob, "leave");
    set_membership(&mut world, &id, &sam, "join");
    let mut who = |caller: &Caller, query: &str| {
        let answer = body(members(&mut world, caller.clone(), request(&[id.as_str()], query, json!({}))));
        let chunk = answer["chunk"].as_array().unwrap().clone();
        let member =
            |event: &Value| format!("{}:{}", event["sender"].as_str().unwrap(), event["content"]["membership"]);
        chunk.iter().map(member).collect::<Vec<_>>().join(" ").replace(":localhost", "").replace('"', "")
    };
    assert_eq!(who(&alice, ""), "@alice:join @bob:leave @sam:join");
    assert_eq!(who(&alice, "membership=join"), "@alice:join @sam:join");
    assert_eq!(who(&alice, "not_membership=join"), "@bob:leave");
    assert_eq!(who(&alice, "at=t12"), "@alice:join @bob:join");
    assert_eq!(who(&alice, "at=t0"), "");
    assert_eq!(who(&bob, ""), "@alice:join @bob:leave", "who left knows who was there then");
    assert_eq!(who(&bob, "at=t1"), "@alice:join");
}
