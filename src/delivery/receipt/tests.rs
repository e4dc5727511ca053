//! What is written and read on the wire, and what is not.

use proptest::prelude::*;

use super::{malformed::Malformed, *};

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn claim(at: Option<Timestamp>, state: ClaimState) -> Claim {
    Claim { at, state }
}

#[test]
fn the_request_on_the_wire() {
    let request = Request { room_id: RoomId::new("!r"), expires: at(1_800), again: false };
    let wire = json!({ "room_id": "!r", "expires_ts": 1_800 });
    assert_eq!(request.to_json(), wire);
    assert_eq!(Request::parse(&wire), Some(request));
    for no_request in [
        json!(null),
        json!({}),
        json!({ "room_id": "!r" }),
        json!({ "room_id": "r", "expires_ts": 1 }),
        json!({ "room_id": "!r", "expires_ts": -1 }),
        json!({ "room_id": "!r", "expires_ts": "1" }),
        json!({ "room_id": ["!r"], "expires_ts": 1 }),
    ] {
        assert_eq!(Request::parse(&no_request), None, "{no_request}");
    }
}

#[test]
fn a_request_holds_for_seven_days_at_most() {
    let until = |expires| Request { room_id: RoomId::new("!r"), expires, again: false }.holds_until(at(1_000));
    assert_eq!(until(at(1_000)), None);
    assert_eq!(until(at(1_001)), Some(at(1_001)));
    assert_eq!(until(Timestamp::MAX), Some(at(1_000) + REQUEST_LIFETIME));
}

#[test]
fn the_answer_on_the_wire() {
    let answer = Answer {
        room_id: RoomId::new("!r"),
        receipts: vec![
            (EventId::new("$a"), claim(Some(at(5)), ClaimState::Delivered)),
            (EventId::new("$b"), claim(None, ClaimState::Undecryptable)),
        ],
        quiet: false,
    };
    let mut wire = json!({
        "room_id": "!r",
        "receipts": { "$a": { "ts": 5, "state": "delivered" }, "$b": { "state": "undecryptable" } },
    });
    assert_eq!(answer.to_json(), wire);
    assert_eq!(Answer::parse(&wire), Some(answer.clone()));
    for (quiet, expected) in [(json!(true), true), (json!(false), false), (json!("true"), false), (json!(null), false)]
    {
        wire["quiet"] = quiet;
        assert_eq!(Answer::parse(&wire), Some(Answer { quiet: expected, ..answer.clone() }));
    }
    assert_eq!(Answer { quiet: true, ..answer }.to_json()["quiet"], true);
}

#[test]
fn l6_a_malformed_entry_costs_that_entry_only() {
    let wire = json!({ "room_id": "!r", "receipts": {
        "$good": { "ts": 5 },
        "$no_time": {},
        "$negative": { "ts": -5 },
        "$fraction": { "ts": 5.5 },
        "$text": { "ts": "5" },
        "$null": null,
        "$list": [5],
        "$new_state": { "ts": 5, "state": "pondered" },
        "$odd_state": { "ts": 5, "state": 1 },
        "no_event": { "ts": 5 },
    }});
    let read = Answer::parse(&wire).unwrap().receipts;
    let delivered = |at| claim(at, ClaimState::Delivered);
    assert_eq!(read, [(EventId::new("$good"), delivered(Some(at(5)))), (EventId::new("$no_time"), delivered(None))]);
}

#[test]
fn an_answer_without_room_or_receipts_is_none() {
    for no_answer in [
        json!([]),
        json!({ "receipts": {} }),
        json!({ "room_id": "!r" }),
        json!({ "room_id": "!r", "receipts": [] }),
        json!({ "room_id": 1, "receipts": {} }),
    ] {
        assert_eq!(Answer::parse(&no_answer), None, "{no_answer}");
    }
}

#[test]
fn only_so_many_receipts_are_read() {
    let receipts: Map<String, Value> = (0..RECEIPTS_READ + 5).map(|n| (format!("${n}"), json!({ "ts": n }))).collect();
    let answer = Answer::parse(&json!({ "room_id": "!r", "receipts": receipts })).unwrap();
    assert_eq!(answer.receipts.len(), RECEIPTS_READ);
}

#[test]
fn p11_a_message_has_one_of_three_lengths() {
    let length = |kind: &str, content: Value| kind.len() + padded(kind, content).to_string().len();
    let answer = |count: usize, id: usize, state, quiet| {
        let event = |n: usize| EventId::new(format!("${n:0>id$}"));
        let receipts = (0..count).map(|n| (event(n), claim(Some(at(1_800_000_000_000)), state))).collect();
        length(ANSWER_TYPE, Answer { room_id: RoomId::new("!room:example.org"), receipts, quiet }.to_json())
    };
    let request = Request { room_id: RoomId::new("!room:example.org"), expires: at(1_800_000_000_000), again: true };
    assert_eq!(length(REQUEST_TYPE, request.to_json()), SIZES[0]);
    for (count, id, size) in [(1, 43, 0), (7, 43, 0), (60, 43, 1), (60, 254, 2), (RECEIPTS_SENT, 254, 2)] {
        for (state, quiet) in [(ClaimState::Delivered, true), (ClaimState::Undecryptable, false)] {
            assert_eq!(answer(count, id, state, quiet), SIZES[size], "{count} receipts for ids of {id}");
        }
    }
    let answer = padded(ANSWER_TYPE, json!({ "room_id": "!r", "receipts": { "$e": {} } }));
    assert_eq!(Answer::parse(&answer).unwrap().receipts.len(), 1, "padding is not read");
    let too_long = json!({ "room_id": "x".repeat(SIZES[2]) });
    assert_eq!(padded(REQUEST_TYPE, too_long.clone()), too_long);
}

#[test]
fn a_full_answer_fits_into_a_to_device_event() {
    let longest = |n: usize| EventId::new(format!("${n:0>254}"));
    let receipts = (0..RECEIPTS_SENT).map(|n| (longest(n), claim(Some(Timestamp::MAX), ClaimState::Undecryptable)));
    let answer = Answer { room_id: RoomId::new(format!("!{:0>254}", 0)), receipts: receipts.collect(), quiet: false };
    let encrypted = padded(ANSWER_TYPE, answer.to_json()).to_string().len() * 4 / 3;
    assert!(encrypted < 64 * 1024 - 2 * 1024, "{encrypted}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    let names = prop_oneof![
        Just("room_id".to_owned()),
        Just("receipts".to_owned()),
        Just("expires_ts".to_owned()),
        Just("ts".to_owned()),
        Just("state".to_owned()),
        "[$!].*",
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(names.clone(), inner, 0..8).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn any_claim() -> impl Strategy<Value = Claim> {
    let state = prop_oneof![Just(ClaimState::Delivered), Just(ClaimState::Undecryptable)];
    (any::<Option<u64>>(), state).prop_map(|(time, state)| Claim { at: time.map(at), state })
}

proptest! {
    /// Whatever is read is something that could have been written.
    #[test]
    fn l6_any_json_is_read_without_harm(json in any_json(), inner in any_json()) {
        for content in [&json, &json!({ "room_id": "!r", "receipts": inner, "expires_ts": json })] {
            if let Some(request) = Request::parse(content) {
                prop_assert_eq!(Request::parse(&request.to_json()), Some(request));
            }
            if let Some(answer) = Answer::parse(content) {
                prop_assert_eq!(Answer::parse(&answer.to_json()), Some(answer));
            }
        }
    }

    #[test]
    fn what_is_written_is_read(room in "![a-z:]*", claims in prop::collection::btree_map("\\$.{1,20}", any_claim(), 0..40)) {
        let receipts: Vec<_> = claims.into_iter().map(|(event, claim)| (EventId::new(event), claim)).collect();
        let answer = Answer { room_id: RoomId::new(room), receipts, quiet: false };
        prop_assert_eq!(Answer::parse(&answer.to_json()), Some(answer));
    }

    #[test]
    fn l6_a_malformed_entry_anywhere_costs_itself_only(
        claims in prop::collection::btree_map("\\$[a-z]", any_claim(), 1..5),
        malformed in Malformed::any(),
    ) {
        let receipts: Vec<_> = claims.into_iter().map(|(event, claim)| (EventId::new(event), claim)).collect();
        let answer = Answer { room_id: RoomId::new("!r"), receipts, quiet: true };
        let request = Request { room_id: RoomId::new("!r"), expires: at(5), again: true };
        let [spoiled, asked] = [answer.to_json(), request.to_json()].map(|content| malformed.put_into(&content));
        prop_assert_ne!(&spoiled, &answer.to_json());
        prop_assert_eq!(Answer::parse(&spoiled), Some(answer));
        prop_assert_eq!(Request::parse(&asked), Some(request));
    }
}
