//! An SDK event, as far as delivery receipts care.
//!
//! Only the few fields that the rules need are read, straight from the JSON: an event that is odd
//! elsewhere still counts, and one that is odd here costs itself only (L6). What came encrypted and
//! is the server's to say is nothing, and has redacted nothing ([`vouched`]).

use matrix_sdk::{Room, deserialized_responses::TimelineEvent};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use crate::{
    client::{cached, content, ids, vouched},
    delivery::{
        policy::{EventFacts, EventKind},
        receipt::{BRIDGE_STATUS_TYPE, BridgeStatus},
    },
    model::{DeviceId, EventId, SafeText, Timestamp, UserId},
};

/// The fields of an event that are looked at.
#[derive(Deserialize)]
struct Glance {
    event_id: String,
    sender: String,
    origin_server_ts: Timestamp,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    content: Value,
    #[serde(default)]
    unsigned: Value,
    room_id: Option<IgnoredAny>,
    state_key: Option<Value>,
}

/// A status that a bridge has sent about a message (§4), as far as its form goes.
#[derive(Debug)]
pub(super) struct StatusEvent {
    pub sender: UserId,
    /// When it was sent (`origin_server_ts`).
    pub at: Timestamp,
    pub status: BridgeStatus,
}

/// What a bridge says by this event.
pub(super) fn bridge_status(event: &TimelineEvent) -> Option<StatusEvent> {
    // Nearly all events are something else, which is seen without reading them a second time.
    event.raw().json().get().contains(BRIDGE_STATUS_TYPE).then_some(())?;
    let glance: Glance = event.raw().deserialize_as_unchecked().ok()?;
    let is_status = glance.kind == BRIDGE_STATUS_TYPE && glance.state_key.is_none();
    let status = BridgeStatus::parse(&glance.content).filter(|_| is_status)?;
    Some(StatusEvent { sender: UserId::new(glance.sender), at: glance.origin_server_ts, status })
}

/// Whether this is what the send queue puts into the event cache of what it has just sent, with the
/// time of this machine. What came from the server and was decrypted has its room's id; in a room
/// without encryption the two look alike.
pub(super) fn is_ahead_of_the_server(event: &TimelineEvent) -> bool {
    let glance: Option<Glance> = event.raw().deserialize_as_unchecked().ok();
    let is_bare = |glance: Glance| glance.room_id.is_none() && glance.unsigned.is_null();
    event.encryption_info().is_some() && glance.is_some_and(is_bare)
}

/// The facts about an event of a room; `None` when it has no id, sender or time. The event cache
/// may have carried out a redaction that is none.
pub(super) async fn facts_in(room: &Room, event: &TimelineEvent) -> Option<EventFacts> {
    let mut facts = facts(event)?;
    if facts.redacted
        && let Some(redaction) = vouched::redaction_of(event)
        && let Some(redaction) = cached::event(room, &redaction).await
    {
        facts.redacted = !vouched::is_nothing(&redaction);
    }
    Some(facts)
}

/// The facts about an event, as it says them; `None` when it has no id, sender or time.
pub(super) fn facts(event: &TimelineEvent) -> Option<EventFacts> {
    let glance: Glance = event.raw().deserialize_as_unchecked().ok()?;
    let (readable, is_nothing) = (!event.kind.is_utd(), vouched::is_nothing(event));
    // Decrypting shows which device it was; of what cannot be decrypted there is only what it says
    // itself.
    let device = match event.encryption_info() {
        Some(info) => info.sender_device.as_deref().map(ids::device),
        None if readable => None,
        None => glance.content.get("device_id").and_then(Value::as_str).map(DeviceId::new),
    };
    Some(EventFacts {
        device_id: device,
        kind: match readable {
            true if is_nothing => EventKind::Other,
            true => glance.kind(),
            false => glance.kind_of_locked(),
        },
        redacted: !is_nothing && glance.redacted(),
        readable,
        event_id: EventId::new(glance.event_id),
        sender: UserId::new(glance.sender),
        sent: glance.origin_server_ts,
    })
}

/// What an event is that is no message, in a few words.
pub(super) fn in_words(event: &TimelineEvent) -> SafeText {
    let glance: Option<Glance> = event.raw().deserialize_as_unchecked().ok();
    let Some(glance) = glance else { return SafeText::default() };
    match (glance.kind.as_str(), glance.relation()) {
        ("m.reaction", _) => SafeText::line("a reaction"),
        (_, Some("m.replace")) => SafeText::line("an edit"),
        ("m.room.message", _) if glance.shows_nothing() => SafeText::line("a message that shows nothing"),
        (kind, _) => SafeText::line(&format!("an event of the type {kind}")),
    }
}

impl Glance {
    /// P4, for what cannot be decrypted: taken for a message until it can be, but where its
    /// relation, which stands in the clear, says otherwise.
    fn kind_of_locked(&self) -> EventKind {
        match self.relation() {
            Some("m.replace" | "m.annotation" | "m.reference") => EventKind::Other,
            _ => EventKind::Message,
        }
    }

    fn relation(&self) -> Option<&str> {
        content::relation(&self.content)
    }

    /// P4.
    fn kind(&self) -> EventKind {
        let replaces = self.relation() == Some("m.replace");
        let verification = self.content.get("msgtype").and_then(Value::as_str) == Some("m.key.verification.request");
        match self.kind.as_str() {
            _ if self.state_key.is_some() => EventKind::State,
            _ if replaces || verification || self.shows_nothing() => EventKind::Other,
            "m.room.message" | "m.sticker" | "m.poll.start" | "org.matrix.msc3381.poll.start" => EventKind::Message,
            _ => EventKind::Other,
        }
    }

    fn shows_nothing(&self) -> bool {
        content::event_shows_nothing(&self.kind, &self.content)
    }

    /// P3. A redacted event keeps its type and loses its content.
    fn redacted(&self) -> bool {
        self.unsigned.get("redacted_because").is_some_and(|because| !because.is_null())
            || self.content.as_object().is_none_or(serde_json::Map::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use matrix_sdk::{
        deserialized_responses::{
            AlgorithmInfo, DecryptedRoomEvent, EncryptionInfo, UnableToDecryptInfo, UnableToDecryptReason,
            VerificationState,
        },
        ruma::{owned_user_id, serde::Raw},
    };
    use serde_json::json;

    use super::*;

    fn kind_of(kind: &str, content: &Value) -> Option<(EventKind, bool)> {
        let event = json!({
            "event_id": "$e", "sender": "@a:b", "origin_server_ts": 5, "type": kind, "content": content,
        });
        let raw = Raw::new(&event).unwrap().cast_unchecked();
        facts(&TimelineEvent::from_plaintext(raw)).map(|facts| (facts.kind, facts.redacted))
    }

    #[test]
    fn what_the_send_queue_has_put_into_the_cache_is_known_as_such() {
        let info = EncryptionInfo {
            sender: owned_user_id!("@a:b"),
            sender_device: None,
            forwarder: None,
            algorithm_info: AlgorithmInfo::MegolmV1AesSha2 {
                curve25519_key: String::new(),
                sender_claimed_keys: BTreeMap::new(),
                session_id: None,
            },
            verification_state: VerificationState::Verified,
        };
        let is_ahead = |more: Value| {
            let mut event = json!({
                "event_id": "$e", "sender": "@a:b", "origin_server_ts": 5, "type": "m.room.message", "content": {},
            });
            event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let event = Raw::new(&event).unwrap().cast_unchecked();
            let encryption_info = Arc::new(info.clone());
            let event = DecryptedRoomEvent { event, encryption_info, unsigned_encryption_info: None };
            is_ahead_of_the_server(&TimelineEvent::from_decrypted(event, None))
        };
        assert!(is_ahead(json!({})));
        assert!(!is_ahead(json!({ "room_id": "!r:b" })) && !is_ahead(json!({ "unsigned": {} })));
    }

    #[test]
    fn p4_only_what_a_person_sees_as_a_new_message() {
        let text = json!({"msgtype": "m.text", "body": "hi"});
        let edit =
            json!({"msgtype": "m.text", "body": "* hi", "m.relates_to": {"rel_type": "m.replace", "event_id": "$x"}});
        let reaction = json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": "$x", "key": "+"}});
        let cases = [
            ("m.room.message", &text, EventKind::Message),
            ("m.room.message", &edit, EventKind::Other),
            ("m.room.message", &json!({"msgtype": "m.key.verification.request", "body": ""}), EventKind::Other),
            ("m.room.message", &json!({"msgtype": "m.text", "body": " \u{200b}\u{2800}\n"}), EventKind::Other),
            ("m.room.message", &json!({"msgtype": "m.image", "body": " ", "url": "mxc://a/b"}), EventKind::Message),
            ("m.room.message", &json!({"msgtype": "com.example.new", "body": ""}), EventKind::Message),
            ("m.sticker", &json!({"body": "cat"}), EventKind::Message),
            ("m.poll.start", &json!({"m.poll": {}}), EventKind::Message),
            ("org.matrix.msc3381.poll.start", &json!({"a": {}}), EventKind::Message),
            ("m.poll.response", &json!({"m.selections": []}), EventKind::Other),
            ("m.reaction", &reaction, EventKind::Other),
            ("m.room.redaction", &json!({"redacts": "$x"}), EventKind::Other),
            ("m.call.invite", &json!({"call_id": "1"}), EventKind::Other),
            ("com.example.unknown", &text, EventKind::Other),
        ];
        for (kind, content, expected) in cases {
            assert_eq!(kind_of(kind, content), Some((expected, false)), "{kind} {content}");
        }
    }

    #[test]
    fn what_a_bridge_says_is_an_event_of_its_type_and_no_state() {
        let said = |kind: &str, more: &Value| {
            let mut event = json!({
                "event_id": "$e", "sender": "@bot:b", "origin_server_ts": 5, "type": kind,
                "content": { "m.relates_to": { "rel_type": "m.reference", "event_id": "$own" }, "status": "SUCCESS" },
            });
            event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let raw = Raw::new(&event).unwrap().cast_unchecked();
            bridge_status(&TimelineEvent::from_plaintext(raw)).map(|said| (said.sender, said.at, said.status.event_id))
        };
        let none = json!({});
        let expected = (UserId::new("@bot:b"), Timestamp::from_millis(5), EventId::new("$own"));
        assert_eq!(said(BRIDGE_STATUS_TYPE, &none), Some(expected));
        assert_eq!(said("m.room.message", &none), None);
        assert_eq!(said("m.room.message", &json!({ "unsigned": { "x": BRIDGE_STATUS_TYPE } })), None);
        assert_eq!(said(BRIDGE_STATUS_TYPE, &json!({ "state_key": "" })), None);
        assert_eq!(said(BRIDGE_STATUS_TYPE, &json!({ "content": {} })), None, "redacted");
    }

    #[test]
    fn p4_what_cannot_be_decrypted_is_taken_for_a_message_but_where_it_says_otherwise() {
        let locked = |relates_to: Value| {
            let content = json!({"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "m.relates_to": relates_to});
            let event = json!({
                "event_id": "$e", "sender": "@a:b", "origin_server_ts": 5, "type": "m.room.encrypted", "content": content,
            });
            let lost = UnableToDecryptInfo {
                session_id: None,
                reason: UnableToDecryptReason::MissingMegolmSession { withheld_code: None },
            };
            let event = TimelineEvent::from_utd(Raw::new(&event).unwrap().cast_unchecked(), lost);
            facts(&event).map(|facts| (facts.kind, facts.readable))
        };
        let to = |rel_type| json!({"rel_type": rel_type, "event_id": "$x"});
        for relates_to in
            [json!({}), Value::Null, to("m.thread"), json!({"m.in_reply_to": {"event_id": "$x"}}), json!(7)]
        {
            assert_eq!(locked(relates_to.clone()), Some((EventKind::Message, false)), "{relates_to}");
        }
        for rel_type in ["m.replace", "m.annotation", "m.reference"] {
            assert_eq!(locked(to(rel_type)), Some((EventKind::Other, false)), "{rel_type}");
        }
    }

    #[test]
    fn p4_state_is_nothing_that_anybody_sends() {
        let event = json!({
            "event_id": "$e", "sender": "@a:b", "origin_server_ts": 5, "type": "m.room.message", "content": {}, "state_key": "",
        });
        let raw = Raw::new(&event).unwrap().cast_unchecked();
        assert_eq!(facts(&TimelineEvent::from_plaintext(raw)).map(|facts| facts.kind), Some(EventKind::State));
    }

    #[test]
    fn p3_a_message_without_content_was_redacted() {
        assert_eq!(kind_of("m.room.message", &json!({})), Some((EventKind::Message, true)));
    }

    #[test]
    fn l6_an_event_without_a_sender_is_passed_over() {
        let raw = Raw::new(&json!({"event_id": "$e", "type": "m.room.message"})).unwrap().cast_unchecked();
        assert_eq!(facts(&TimelineEvent::from_plaintext(raw)), None);
    }
}
