//! What bridges send today: `com.beeper.message_send_status`, an event in the room about an event
//! in the room (PROTOCOL §4).
//!
//! A bridge tells with it whether a message got to the other network, and perhaps to whom. It may
//! say so several times: 'pending', then a failure, then after a retry success, then success with
//! one more person. Each status is about the message itself, also after a retry, so `last_retry`,
//! which names the retry, is not needed.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::{BridgeState, EventId, SafeText, UserId};

/// The event's type.
pub const BRIDGE_STATUS_TYPE: &str = "com.beeper.message_send_status";

/// So many people are read of one status, and kept of all that are about one message (L7).
pub const REACHED_KEPT: usize = 1000;

/// The states by their names on the wire.
const STATES: [(&str, BridgeState); 4] = [
    ("PENDING", BridgeState::Pending),
    ("FAIL_RETRIABLE", BridgeState::Retriable),
    ("FAIL_PERMANENT", BridgeState::Failed),
    ("SUCCESS", BridgeState::Sent),
];

/// What is said for a `reason` where the bridge gives no words of its own.
const REASONS: [(&str, &str); 7] = [
    ("m.event_not_handled", "the bridge did not handle it"),
    ("m.event_too_old", "it came to the bridge too late"),
    ("m.foreign_network_error", "the other network did not take it"),
    ("m.no_permission", "you may not send this on the other network"),
    ("m.bridge_unavailable", "the bridge is not connected to the other network"),
    ("com.beeper.unsupported_event", "the bridge cannot pass on messages of this kind"),
    ("com.beeper.undecryptable_event", "the bridge could not decrypt it"),
];

/// What a bridge says about one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeStatus {
    /// The message.
    pub event_id: EventId,
    /// What became of it.
    pub state: BridgeState,
    /// Why it failed; else empty.
    pub why: SafeText,
    /// Who has it; `None` when the bridge will never know.
    pub reached: Option<BTreeSet<UserId>>,
}

impl BridgeStatus {
    /// Reads the event's content. Without a message and a state it says nothing; anything else that
    /// makes no sense is left out (L6).
    pub fn parse(content: &Value) -> Option<Self> {
        let text = |key: &str| content.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let about = content.get("m.relates_to")?;
        about.get("rel_type").filter(|kind| *kind == "m.reference")?;
        let event = about.get("event_id")?.as_str().filter(|id| id.starts_with('$'))?;
        let state = named(&STATES, text("status")?)?;
        let failed = matches!(state, BridgeState::Retriable | BridgeState::Failed);
        let reason = || text("reason").map(|reason| named(&REASONS, reason).unwrap_or(reason));
        let why = text("message").or_else(reason).or_else(|| text("error")).filter(|_| failed);
        let reached = content.get("delivered_to_users").and_then(Value::as_array).map(|users| {
            let users = users.iter().take(REACHED_KEPT).filter_map(Value::as_str);
            users.filter(|user| user.starts_with('@')).map(UserId::new).collect()
        });
        Some(Self { event_id: EventId::new(event), state, why: SafeText::line(why.unwrap_or_default()), reached })
    }
}

/// What stands for this name.
fn named<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn status(more: Value) -> Value {
        let mut content = json!({
            "m.relates_to": { "rel_type": "m.reference", "event_id": "$own" },
            "network": "net.example",
            "status": "SUCCESS",
        });
        let (Value::Object(content_fields), Value::Object(more)) = (&mut content, more) else { panic!("objects") };
        content_fields.extend(more);
        content
    }

    fn read(more: Value) -> BridgeStatus {
        BridgeStatus::parse(&status(more)).unwrap()
    }

    fn users(ids: &[&str]) -> BTreeSet<UserId> {
        ids.iter().map(UserId::new).collect()
    }

    #[test]
    fn missing_empty_and_filled_are_three_things() {
        for (more, reached) in [
            (json!({}), None),
            (json!({ "delivered_to_users": null }), None),
            (json!({ "delivered_to_users": [] }), Some(users(&[]))),
            (json!({ "delivered_to_users": ["@b:x", "@a:x", "@b:x"] }), Some(users(&["@a:x", "@b:x"]))),
        ] {
            assert_eq!(read(more.clone()).reached, reached, "{more}");
        }
    }

    #[test]
    fn every_state_is_read_and_a_failure_says_why() {
        for (more, state, why) in [
            (json!({}), BridgeState::Sent, ""),
            (json!({ "status": "PENDING", "message": "slow" }), BridgeState::Pending, ""),
            (
                json!({ "status": "FAIL_RETRIABLE", "message": "later\u{1b}[2J" }),
                BridgeState::Retriable,
                "later\u{FFFD}[2J",
            ),
            (
                json!({ "status": "FAIL_PERMANENT", "message": " ", "reason": "m.no_permission", "error": "403" }),
                BridgeState::Failed,
                "you may not send this on the other network",
            ),
            (
                json!({ "status": "FAIL_PERMANENT", "reason": "net.example.full" }),
                BridgeState::Failed,
                "net.example.full",
            ),
            (json!({ "status": "FAIL_PERMANENT", "error": "panic" }), BridgeState::Failed, "panic"),
            (json!({ "status": "FAIL_PERMANENT" }), BridgeState::Failed, ""),
            (json!({ "last_retry": "$again" }), BridgeState::Sent, ""),
        ] {
            let status = read(more.clone());
            assert_eq!((status.state, status.why.as_str()), (state, why), "{more}");
            assert_eq!(status.event_id.as_str(), "$own");
        }
    }

    #[test]
    fn l6_what_makes_no_sense_is_left_out() {
        for none in [
            json!({ "status": "success" }),
            json!({ "status": 1 }),
            json!({ "m.relates_to": null }),
            json!({ "m.relates_to": { "rel_type": "m.replace", "event_id": "$own" } }),
            json!({ "m.relates_to": { "rel_type": "m.reference", "event_id": "own" } }),
            json!({ "m.relates_to": { "event_id": "$own" } }),
        ] {
            assert_eq!(BridgeStatus::parse(&status(none.clone())), None, "{none}");
        }
        assert_eq!(BridgeStatus::parse(&json!([])), None);
        let entries = json!({ "delivered_to_users": [5, null, "bob", "@good:x", ["@a:x"]], "message": 7 });
        assert_eq!(read(entries).reached, Some(users(&["@good:x"])));
    }

    #[test]
    fn l7_only_so_many_are_read() {
        let many: Vec<String> = (0..REACHED_KEPT + 5).map(|n| format!("@{n}:x")).collect();
        assert_eq!(read(json!({ "delivered_to_users": many })).reached.unwrap().len(), REACHED_KEPT);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let names = ["SUCCESS", "FAIL_PERMANENT", "$own", "m.reference", "@a:x", "\u{202e}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            prop::sample::select(names.to_vec()).prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::from))
    }

    proptest! {
        #[test]
        fn l6_one_odd_field_costs_itself_only(
            key in prop::sample::select(vec!["reason", "message", "error", "delivered_to_users", "last_retry", "network"]),
            odd in any_json(),
        ) {
            let read = BridgeStatus::parse(&status(json!({ "status": "FAIL_RETRIABLE", key: odd })));
            let read = read.expect("message and state are there");
            prop_assert_eq!((read.event_id.as_str(), read.state), ("$own", BridgeState::Retriable));
            prop_assert!(read.reached.into_iter().flatten().all(|user| user.as_str().starts_with('@')));
            prop_assert_eq!(SafeText::line(&read.why), read.why);
        }
    }
}
