//! The sentences of PROTOCOL §7 about federation, each with a test that is named after it.

use proptest::prelude::*;

use super::*;
use crate::{delivery::receipt::malformed::Malformed, model::DeviceId};

const NAME: &str = "org.matrix.msc4089.delivery";

fn receipt() -> Receipt {
    Receipt {
        room_id: RoomId::new("!room"),
        event_id: EventId::new("$event"),
        to: UserId::new("@you:here"),
        claimant: UserId::new("@ada:there:8448"),
        device_id: None,
        ts: Timestamp::from_millis(5),
        name: ReceiptName::Unstable,
        quiet: false,
    }
}

fn event() -> EventFacts {
    EventFacts {
        room_id: RoomId::new("!room"),
        sender: UserId::new("@you:here"),
        since_join: true,
        state: false,
        redacted: false,
    }
}

fn facts(event: &EventFacts) -> Facts<'_> {
    Facts { allowed: true, origin_joined: true, claimant_joined: true, event: Some(event) }
}

fn entry() -> Entry {
    let Receipt { room_id: room, event_id: event, claimant, ts, name, .. } = receipt();
    Entry { room_id: room, event_id: event, claimant, ts, name }
}

/// What becomes of one user's entry that comes from the server `there:8448`.
fn read(user: &str, entry: &Value) -> Vec<Result<Entry, Skipped>> {
    incoming(&json!({ "!room": { NAME: { user: entry } } }), "there:8448")
}

#[test]
fn an_edu_has_exactly_one_event_and_its_ts_and_names_no_device() {
    let named = Receipt { device_id: Some(DeviceId::new("PHONE")), ..receipt() };
    let expected = json!({ "!room": { "org.matrix.msc4089.delivery": {
        "@ada:there:8448": { "event_ids": ["$event"], "data": { "ts": 5 } }
    } } });
    assert_eq!(outgoing(&named), expected);
}

#[test]
fn what_one_server_sends_the_other_takes() {
    for name in ReceiptName::ALL {
        let sent = Receipt { name, ..receipt() };
        let entries = incoming(&outgoing(&sent), "there:8448");
        assert_eq!(entries, [Ok(Entry { name, ..entry() })]);
        assert_eq!(entry().check("here", &facts(&event())), Ok(receipt()));
    }
}

#[test]
fn the_claimant_is_of_the_origin() {
    for user in ["@ada:elsewhere", "@ada:there", "@ada:8448", "@ada", "@ada:x:there:8448", "@ada:there:8448.evil"] {
        let found = read(user, &json!({ "event_ids": ["$event"], "data": { "ts": 5 } }));
        assert_eq!(found, [Err(Skipped::NotOfOrigin)], "{user}");
    }
}

#[test]
fn exactly_one_event_is_acknowledged() {
    for events in [json!([]), json!(["$event", "$other"])] {
        let found = read("@ada:there:8448", &json!({ "event_ids": events, "data": { "ts": 5 } }));
        assert_eq!(found, [Err(Skipped::NotOneEvent)]);
    }
}

#[test]
fn the_origins_acl_origin_and_claimant_in_the_room_event_known_and_sent_by_a_local_user() {
    type Change = fn(&mut Facts<'_>);
    let spoilt: [(Change, Skipped); 4] = [
        (|facts| facts.allowed = false, Skipped::Denied),
        (|facts| facts.origin_joined = false, Skipped::OriginNotInRoom),
        (|facts| facts.claimant_joined = false, Skipped::ClaimantNotInRoom),
        (|facts| facts.event = None, Skipped::NoSuchEvent),
    ];
    let event = event();
    for (spoil, skipped) in spoilt {
        let mut facts = facts(&event);
        spoil(&mut facts);
        assert_eq!(entry().check("here", &facts), Err(skipped));
    }
    assert_eq!(entry().check("elsewhere", &facts(&event)), Err(Skipped::SenderNotLocal));
}

#[test]
fn the_event_is_one_that_a_local_receipt_would_be_taken_for() {
    type Change = fn(&mut EventFacts);
    let spoilt: [(Change, Skipped); 5] = [
        (|event| event.room_id = RoomId::new("!other"), Skipped::NoSuchEvent),
        (|event| event.since_join = false, Skipped::NoSuchEvent),
        (|event| event.state = true, Skipped::NothingToSay),
        (|event| event.redacted = true, Skipped::NothingToSay),
        (|event| event.sender = UserId::new("@ada:there:8448"), Skipped::NothingToSay),
    ];
    for (spoil, skipped) in spoilt {
        let mut event = event();
        spoil(&mut event);
        assert_eq!(entry().check("here", &facts(&event)), Err(skipped));
    }
}

#[test]
fn a_bad_entry_is_skipped_and_the_others_are_taken() {
    let good = json!({ "event_ids": ["$event"], "data": { "ts": 5, "thread_id": "main" } });
    let content = json!({
        "!room": {
            NAME: {
                "@1:there:8448": { "event_ids": ["$event"], "data": {} },
                "@2:there:8448": { "event_ids": "$event", "data": { "ts": 5 } },
                "@3:there:8448": { "event_ids": ["event"], "data": { "ts": 5 } },
                "@4:there:8448": { "event_ids": ["$event"], "data": { "ts": -5 } },
                "@5:there:8448": [],
                "@ada:there:8448": good,
                "ada:there:8448": good,
            },
            "m.delivery": 1,
            "m.read": { "@ada:there:8448": good },
        },
        "room": { NAME: { "@ada:there:8448": good } },
        "!other": "nothing",
    });
    let found = incoming(&content, "there:8448");
    assert_eq!(found.iter().flatten().collect::<Vec<_>>(), [&entry()]);
    let skipped: Vec<_> = found.into_iter().filter_map(Result::err).collect();
    assert_eq!(skipped, [Skipped::Malformed; 8]);
}

#[test]
fn only_so_many_entries_are_read() {
    let room = |room: usize| {
        let entry = |n: usize| (format!("@{n}:there"), json!({ "event_ids": ["$event"], "data": { "ts": n } }));
        (format!("!{room}"), json!({ NAME: (0..700).map(entry).collect::<serde_json::Map<_, _>>(), "m.delivery": 1 }))
    };
    let content: Value = (0..3).map(room).collect::<serde_json::Map<_, _>>().into();
    assert_eq!(incoming(&content, "there").len(), RECEIPTS_READ);
}

#[test]
fn both_names_are_filtered_from_every_sync_response_that_passes() {
    let mut content = json!({
        "$both": { "m.delivery": { "@a:x": { "ts": 1 } }, NAME: { "@b:x": { "ts": 1 } } },
        "$read": { "m.read": { "@a:x": { "ts": 2 } }, "m.delivery": { "@a:x": { "ts": 1 } } },
        "$private": { "m.read.private": { "@a:x": { "ts": 2 } } },
        "$empty": {},
        "$odd": [],
    });
    strip(&mut content);
    let expected = json!({
        "$read": { "m.read": { "@a:x": { "ts": 2 } } },
        "$private": { "m.read.private": { "@a:x": { "ts": 2 } } },
        "$empty": {},
        "$odd": [],
    });
    assert_eq!(content, expected);

    let mut edu = outgoing(&receipt());
    strip(&mut edu);
    assert_eq!(edu, json!({}));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        prop_oneof![Just("$event"), Just(""), Just("x")].prop_map(Value::from),
    ];
    let names = ["!room", NAME, "m.delivery", "m.read", "@ada:there", "event_ids", "data", "ts", "$event", ""];
    leaf.prop_recursive(6, 64, 4, move |inner| {
        let name = prop::sample::select(names.map(str::to_owned).to_vec());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    /// Whatever comes in, the transaction never fails for it, and what is taken is something that
    /// could have been sent.
    #[test]
    fn the_transaction_never_fails(content in any_json(), users in any_json(), entry in any_json()) {
        let alone = json!({ "!room": { NAME: { "@ada:there": entry } } });
        for content in [content, json!({ "!room": { NAME: users } }), alone] {
            for entry in incoming(&content, "there").into_iter().flatten() {
                let event = EventFacts { room_id: entry.room_id.clone(), ..event() };
                let taken = entry.clone().check("here", &facts(&event)).unwrap();
                prop_assert_eq!(incoming(&outgoing(&taken), "there"), [Ok(entry)]);
            }
        }
    }

    #[test]
    fn l6_a_malformed_entry_anywhere_costs_itself_only(
        receipts in prop::collection::btree_map("@[a-c]:there", ("!room[ab]", "\\$[a-z]", 0..9_u64), 1..5),
        malformed in Malformed::any(),
    ) {
        let mut content = json!({});
        for (user, (room, event, ts)) in &receipts {
            content[room][NAME][user] = json!({ "event_ids": [event], "data": { "ts": ts } });
        }
        let taken = |content: &Value| incoming(content, "there").into_iter().flatten().collect::<Vec<_>>();
        let spoiled = malformed.put_into(&content);
        prop_assert_ne!(&spoiled, &content);
        prop_assert_eq!(taken(&content).len(), receipts.len());
        prop_assert_eq!(taken(&spoiled), taken(&content));
    }

    /// What is stripped has neither name, whoever wrote it, and stripping it again changes nothing.
    #[test]
    fn nothing_of_either_name_passes(content in any_json(), types in any_json()) {
        for mut content in [content, json!({ "$event": types })] {
            strip(&mut content);
            let types = content.as_object().into_iter().flatten().filter_map(|(_, types)| types.as_object());
            for types in types {
                prop_assert!(ReceiptName::ALL.iter().all(|name| !types.contains_key(name.as_str())));
            }
            let once = content.clone();
            strip(&mut content);
            prop_assert_eq!(content, once);
        }
    }
}
