//! One way in for every event, and what comes out.

use proptest::prelude::*;

use super::*;
use crate::server::homeserver::{
    testing::{login, refusal, request, room, world},
    world::Caller,
};

fn say(world: &mut World, room: &RoomId, who: &Caller, what: &str) -> OwnedEventId {
    send(world, room, &who.user_id, Draft::message("m.room.message", json!({ "body": what }))).unwrap()
}

/// Alice and Bob in a room.
fn two() -> (World, ruma::OwnedRoomId, Caller, Caller) {
    let mut world = world();
    let [alice, bob] = ["alice", "bob"].map(|name| login(&mut world, name, "PHONE"));
    let id = room(&mut world, "room", &[&alice, &bob]);
    (world, id, alice, bob)
}

#[test]
fn what_a_device_has_sent_already_is_found_again() {
    let (mut world, id, alice, _) = two();
    let mut draft = Draft::message("m.room.message", json!({ "body": "Hi" }));
    draft.transaction = Some((alice.device_id.clone(), "1".into()));
    let first = send(&mut world, &id, &alice.user_id, draft.clone()).unwrap();
    let position = world.position;
    assert_eq!(send(&mut world, &id, &alice.user_id, draft.clone()).unwrap(), first);
    assert_eq!(world.position, position);

    let laptop = login(&mut world, "alice", "LAPTOP");
    let same_name = Draft { transaction: Some((laptop.device_id, "1".into())), ..draft.clone() };
    let other_kind = Draft { kind: "m.sticker".to_owned(), ..draft };
    for draft in [same_name, other_kind] {
        assert_ne!(send(&mut world, &id, &alice.user_id, draft).unwrap(), first);
    }
}

#[test]
fn setting_state_to_what_it_is_changes_nothing() {
    let (mut world, id, alice, bob) = two();
    let name = |name: &str| Draft::state("m.room.name", "", json!({ "name": name }));
    let first = send(&mut world, &id, &alice.user_id, name("Ours")).unwrap();
    let position = world.position;
    assert_eq!(send(&mut world, &id, &bob.user_id, name("Ours")).unwrap(), first);
    assert_eq!(world.position, position);
    let second = send(&mut world, &id, &bob.user_id, name("Theirs")).unwrap();
    assert_ne!(second, first);
    assert_eq!(world.rooms[&id].event(&second).unwrap().replaces, Some(first));
}

#[test]
fn who_is_not_there_cannot_tell_a_room_from_none() {
    let (mut world, id, ..) = two();
    let sam = login(&mut world, "sam", "PHONE");
    let answers = [&*id, ruma::room_id!("!nowhere:localhost")].map(|room| {
        format!("{:?}", send(&mut world, room, &sam.user_id, Draft::message("m.room.message", json!({}))).unwrap_err())
    });
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].contains("Forbidden"), "{}", answers[0]);
}

#[test]
fn a_redaction_leaves_what_the_rules_of_version_11_leave() {
    let (mut world, id, alice, bob) = two();
    let message = say(&mut world, &id, &alice, "Oops");
    let rules = json!({ "join_rule": "invite", "allow": [], "because": "so" });
    let rules = send(&mut world, &id, &alice.user_id, Draft::state("m.room.join_rules", "", rules)).unwrap();
    let redact = |world: &mut World, what: &EventId| {
        let content = json!({ "redacts": what, "reason": "typo" });
        send(world, &id, &alice.user_id, Draft::message("m.room.redaction", content)).unwrap()
    };
    let redaction = redact(&mut world, &message);
    redact(&mut world, &rules);
    redact(&mut world, &redaction);

    let room = &world.rooms[&id];
    let shown = room.event(&message).unwrap().to_json(room, &bob, false);
    assert_eq!(shown["content"], json!({}));
    assert_eq!(shown["unsigned"]["redacted_because"]["event_id"], redaction.as_str());
    assert_eq!(room.event(&rules).unwrap().content, json!({ "join_rule": "invite", "allow": [] }));
    // The first redaction is redacted too: it still says what it redacts, but no longer why.
    let redaction = room.event(&redaction).unwrap();
    assert_eq!(redaction.content, json!({ "redacts": message }));
    assert_eq!(redaction.to_json(room, &bob, false)["redacts"], message.as_str());
}

#[test]
fn a_chain_of_redactions_has_an_end() {
    let (mut world, id, alice, _) = two();
    let mut last = say(&mut world, &id, &alice, "Oops");
    for _ in 0..10_000 {
        let draft = Draft::message("m.room.redaction", json!({ "redacts": last }));
        last = send(&mut world, &id, &alice.user_id, draft).unwrap();
    }
    let room = &world.rooms[&id];
    let first = room.events.iter().find(|event| event.kind == "m.room.message").unwrap();
    assert!(first.to_json(room, &alice, false).to_string().len() < 2_000);
}

#[test]
fn what_is_malformed_is_bad_json() {
    let (mut world, id, alice, _) = two();
    let state = |kind: &str, key: &str, content: Value| Draft::state(kind, key, content);
    for draft in [
        Draft::message("m.room.message", json!([])),
        Draft::message("m.room.message", json!({ "half": 0.5 })),
        Draft::message("m.room.message", json!({ "large": 1_u64 << 53 })),
        Draft::message("m.room.redaction", json!({})),
        Draft::message("m.room.redaction", json!({ "redacts": "no id" })),
        state("m.room.member", "@alice:localhost", json!({})),
        state("m.room.member", "@alice:localhost", json!({ "membership": "boss" })),
        state("m.room.member", "@alice:localhost", json!({ "membership": "join", "displayname": 1 })),
        state("m.room.member", "alice", json!({ "membership": "join" })),
        state("m.room.power_levels", "", json!({ "ban": "50" })),
        state("m.room.power_levels", "", json!({ "users": [] })),
        state("m.room.power_levels", "", json!({ "users": { "alice": 100 } })),
        state("m.room.power_levels", "", json!({ "events": { "m.room.name": null } })),
        state("m.room.join_rules", "", json!({})),
        state("m.room.history_visibility", "", json!({ "history_visibility": 1 })),
        state("m.room.canonical_alias", "", json!({ "alias": "no alias" })),
    ] {
        let answer = send(&mut world, &id, &alice.user_id, draft.clone());
        assert_eq!(refusal(answer), (400, "M_BAD_JSON".to_owned()), "{draft:?}");
    }
}

#[test]
fn what_is_too_large_is_refused_and_not_one_byte_earlier() {
    let (mut world, id, alice, _) = two();
    let mut of_size = |bytes: usize| {
        let content = json!({ "body": "x".repeat(bytes - r#"{"body":""}"#.len()) });
        send(&mut world, &id, &alice.user_id, Draft::message("m.room.message", content))
    };
    assert!(of_size(65_536).is_ok());
    assert_eq!(refusal(of_size(65_537)), (413, "M_TOO_LARGE".to_owned()));
    let mut named = |bytes: usize| send(&mut world, &id, &alice.user_id, Draft::message("x".repeat(bytes), json!({})));
    assert!(named(255).is_ok());
    assert_eq!(refusal(named(256)), (413, "M_TOO_LARGE".to_owned()));
}

#[test]
fn the_same_reaction_is_refused_until_it_is_taken_back() {
    let (mut world, id, alice, bob) = two();
    let message = say(&mut world, &id, &alice, "Hi");
    let react = |world: &mut World, who: &Caller, key: &str| {
        let relation = json!({ "rel_type": "m.annotation", "event_id": message, "key": key });
        send(world, &id, &who.user_id, Draft::message("m.reaction", json!({ "m.relates_to": relation })))
    };
    let first = react(&mut world, &bob, "👍").unwrap();
    assert_eq!(refusal(react(&mut world, &bob, "👍")), (400, "M_DUPLICATE_ANNOTATION".to_owned()));
    react(&mut world, &bob, "👎").unwrap();
    react(&mut world, &alice, "👍").unwrap();
    let take_back = Draft::message("m.room.redaction", json!({ "redacts": first }));
    send(&mut world, &id, &bob.user_id, take_back).unwrap();
    react(&mut world, &bob, "👍").unwrap();
}

#[test]
fn a_room_can_be_called_by_its_own_aliases_only() {
    let (mut world, id, alice, _) = two();
    let other = room(&mut world, "other", &[&alice]);
    for (alias, of) in [("#ours:localhost", &id), ("#other:localhost", &other)] {
        world.aliases.insert(alias.try_into().unwrap(), of.clone());
    }
    let mut call =
        |content: Value| send(&mut world, &id, &alice.user_id, Draft::state("m.room.canonical_alias", "", content));
    for content in [
        json!({ "alias": "#other:localhost" }),
        json!({ "alias": "#none:localhost" }),
        json!({ "alias": "#ours:localhost", "alt_aliases": ["#other:localhost"] }),
    ] {
        assert_eq!(refusal(call(content)), (400, "M_BAD_ALIAS".to_owned()));
    }
    call(json!({ "alias": "#ours:localhost", "alt_aliases": ["#ours:localhost"] })).unwrap();
    call(json!({})).unwrap();
}

/// JSON of any shape, with the words that the rules look for.
fn content() -> impl Strategy<Value = Value> {
    const WORDS: [&str; 14] = [
        "membership",
        "join",
        "leave",
        "users",
        "@alice:localhost",
        "events",
        "ban",
        "redacts",
        "m.relates_to",
        "rel_type",
        "event_id",
        "m.thread",
        "join_rule",
        "alias",
    ];
    let word = proptest::sample::select(&WORDS[..]).prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(word.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn rubbish_is_refused_or_kept_and_leaves_the_others_alone(
        drafts in prop::collection::vec((0_usize..7, prop::option::of("|@alice:localhost|@bob:localhost|.*"), content()), 1..20)
    ) {
        const KINDS: [&str; 7] = [
            "m.room.message",
            "m.room.member",
            "m.room.power_levels",
            "m.room.join_rules",
            "m.room.canonical_alias",
            "m.room.redaction",
            "m.room.history_visibility",
        ];
        let mut world = world();
        let [alice, sam] = ["alice", "sam"].map(|name| login(&mut world, name, "PHONE"));
        let asked = request(&[], "", json!({ "preset": "private_chat", "invite": ["@sam:localhost"] }));
        let id = creation::create(&mut world, alice.clone(), asked).unwrap().room_id;
        let join = Draft::member(&world, &sam.user_id, &MembershipState::Join, None);
        send(&mut world, &id, &sam.user_id, join).unwrap();
        for (kind, state_key, content) in drafts {
            let draft = Draft { kind: KINDS[kind].to_owned(), state_key, content, transaction: None };
            let before = world.position;
            let sent = send(&mut world, &id, &sam.user_id, draft);
            let kept = |event: OwnedEventId| world.rooms[&id].event(&event).is_some();
            prop_assert!(sent.map_or(world.position == before, kept));
        }
        prop_assert!(world.rooms[&id].has(&alice.user_id));
        say(&mut world, &id, &alice, "Still here");
        let room = &world.rooms[&id];
        for place in 0..room.events.len() {
            prop_assert!(room.visible(&alice.user_id, place));
            room.events[place].to_json(room, &alice, true);
        }
    }
}
