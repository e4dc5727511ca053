//! What a new room begins with.

use super::*;
use crate::server::homeserver::testing::{login, refusal, request, world};

/// Alice creates a room as asked; Bob and Cy can be invited.
fn made(asked: Value) -> (World, Answer<Response>) {
    let mut world = world();
    let [alice, ..] = ["alice", "bob", "cy"].map(|name| login(&mut world, name, "PHONE"));
    let answer = create(&mut world, alice, request(&[], "", asked));
    (world, answer)
}

/// The events of the room, and the content of its current state by type and key.
fn room(asked: Value) -> (Vec<String>, impl Fn(&str, &str) -> Value) {
    let (mut world, answer) = made(asked);
    let room = world.rooms.remove(&answer.unwrap().room_id).unwrap();
    let kinds = room.events.iter().map(|event| event.kind.trim_start_matches("m.room.").to_owned()).collect();
    (kinds, move |kind: &str, key: &str| room.state(kind, key).map_or(Value::Null, |event| event.content.clone()))
}

#[test]
fn the_events_come_in_the_order_of_the_specification() {
    let (kinds, state) = room(json!({
        "name": "Ours",
        "topic": "Us",
        "room_alias_name": "ours",
        "invite": ["@bob:localhost"],
        "is_direct": true,
        "creation_content": { "type": "m.space", "room_version": "1" },
        "initial_state": [
            { "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } },
            { "type": "m.room.name", "content": { "name": "Overruled" } },
        ],
    }));
    let expected = [
        "create",
        "member",
        "power_levels",
        "canonical_alias",
        "join_rules",
        "history_visibility",
        "guest_access",
        "encryption",
        "name",
        "topic",
        "member",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(state("m.room.create", ""), json!({ "type": "m.space", "room_version": "11" }));
    assert_eq!(state("m.room.canonical_alias", ""), json!({ "alias": "#ours:localhost" }));
    assert_eq!(state("m.room.encryption", ""), json!({ "algorithm": "m.megolm.v1.aes-sha2" }));
    assert_eq!(state("m.room.name", ""), json!({ "name": "Ours" }));
    assert_eq!(state("m.room.topic", ""), json!({ "topic": "Us" }));
    let invite = json!({ "membership": "invite", "displayname": "bob", "is_direct": true });
    assert_eq!(state("m.room.member", "@bob:localhost"), invite);
}

#[test]
fn presets_say_who_may_come_and_who_has_power() {
    for (asked, join_rule, guests, power_of_bob) in [
        (json!({}), "invite", "can_join", Value::Null),
        (json!({ "visibility": "public" }), "public", "forbidden", Value::Null),
        (json!({ "visibility": "public", "preset": "private_chat" }), "invite", "can_join", Value::Null),
        (json!({ "preset": "public_chat" }), "public", "forbidden", Value::Null),
        (json!({ "preset": "trusted_private_chat" }), "invite", "can_join", 100.into()),
    ] {
        let mut asked = asked;
        asked["invite"] = json!(["@bob:localhost"]);
        let (_, state) = room(asked.clone());
        assert_eq!(state("m.room.join_rules", "")["join_rule"], join_rule, "{asked}");
        assert_eq!(state("m.room.guest_access", "")["guest_access"], guests, "{asked}");
        assert_eq!(state("m.room.history_visibility", "")["history_visibility"], "shared", "{asked}");
        let users = &state("m.room.power_levels", "")["users"];
        assert_eq!((&users["@alice:localhost"], &users["@bob:localhost"]), (&100.into(), &power_of_bob), "{asked}");
    }
}

#[test]
fn what_is_asked_for_goes_over_what_is_preset() {
    let (kinds, state) = room(json!({
        "preset": "private_chat",
        "initial_state": [{ "type": "m.room.join_rules", "state_key": "", "content": { "join_rule": "public" } }],
        "power_level_content_override": { "events_default": 10, "users": { "@alice:localhost": 101 } },
    }));
    assert_eq!(kinds.iter().filter(|kind| *kind == "join_rules").count(), 1);
    assert_eq!(state("m.room.join_rules", "")["join_rule"], "public");
    let levels = state("m.room.power_levels", "");
    assert_eq!((&levels["events_default"], &levels["ban"]), (&10.into(), &50.into()));
    assert_eq!(levels["users"], json!({ "@alice:localhost": 101 }));
}

#[test]
fn when_anything_is_wrong_there_is_no_room() {
    let name = "x".repeat(70_000);
    let event = |kind: &str, content: Value| json!({ "initial_state": [{ "type": kind, "content": content }] });
    for (wrong, status, code) in [
        (json!({ "room_version": "1" }), 400, "M_UNSUPPORTED_ROOM_VERSION"),
        (json!({ "invite": ["@nobody:localhost"] }), 404, "M_NOT_FOUND"),
        (json!({ "room_alias_name": "x".repeat(300) }), 400, "M_INVALID_PARAM"),
        (json!({ "invite": ["@alice:localhost"] }), 403, "M_FORBIDDEN"),
        (json!({ "name": name }), 413, "M_TOO_LARGE"),
        (event("m.room.join_rules", json!({})), 400, "M_BAD_JSON"),
        (event("m.room.topic", json!([])), 400, "M_BAD_JSON"),
        (event("m.room.create", json!({})), 403, "M_FORBIDDEN"),
        (json!({ "power_level_content_override": { "users": {} } }), 403, "M_FORBIDDEN"),
        (json!({ "power_level_content_override": 7 }), 400, "M_BAD_JSON"),
        (json!({ "creation_content": [] }), 400, "M_BAD_JSON"),
    ] {
        let mut asked = wrong.clone();
        if asked.get("room_alias_name").is_none() {
            asked["room_alias_name"] = "ours".into();
        }
        let (world, answer) = made(asked);
        assert_eq!(refusal(answer), (status, code.to_owned()), "{wrong}");
        assert!(world.rooms.is_empty() && world.aliases.is_empty(), "{wrong}");
    }
}

#[test]
fn an_alias_is_one_rooms() {
    let (mut world, answer) = made(json!({ "room_alias_name": "ours" }));
    let bob = login(&mut world, "bob", "PHONE");
    let again = create(&mut world, bob, request(&[], "", json!({ "room_alias_name": "ours" })));
    assert_eq!(refusal(again), (400, "M_ROOM_IN_USE".to_owned()));
    assert_eq!(world.aliases.values().collect::<Vec<_>>(), [&answer.unwrap().room_id]);
}
