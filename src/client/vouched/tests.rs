use std::collections::BTreeMap;

use matrix_sdk::{
    deserialized_responses::{AlgorithmInfo, DecryptedRoomEvent, EncryptionInfo, VerificationState},
    ruma::{owned_user_id, room_id},
};

use super::*;

/// An event as it comes out of an encrypted one.
fn decrypted(event: &Value) -> TimelineEvent {
    let info = EncryptionInfo {
        sender: owned_user_id!("@mallory:x"),
        sender_device: None,
        forwarder: None,
        algorithm_info: AlgorithmInfo::MegolmV1AesSha2 {
            curve25519_key: String::new(),
            sender_claimed_keys: BTreeMap::new(),
            session_id: None,
        },
        verification_state: VerificationState::Verified,
    };
    let event = Raw::new(event).unwrap().cast_unchecked();
    let decrypted = DecryptedRoomEvent { event, encryption_info: Arc::new(info), unsigned_encryption_info: None };
    TimelineEvent::from_decrypted(decrypted, None)
}

fn plain(event: &Value) -> TimelineEvent {
    TimelineEvent::from_plaintext(Raw::new(event).unwrap().cast_unchecked())
}

fn event(id: &str, kind: &str, more: &Value) -> Value {
    let mut event = json!({
        "event_id": id, "sender": "@mallory:x", "origin_server_ts": 5, "room_id": "!r:x", "type": kind,
        "content": { "msgtype": "m.text", "body": "hello" },
    });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

#[test]
fn what_only_the_server_can_vouch_for_is_nothing_inside_an_encrypted_event() {
    let (none, state) = (json!({}), json!({ "state_key": "" }));
    let table = [
        ("m.room.message", &none, false),
        ("m.sticker", &none, false),
        ("m.reaction", &none, false),
        ("org.matrix.msc3381.poll.start", &none, false),
        ("m.call.invite", &none, false),
        ("com.beeper.message_send_status", &none, false),
        ("com.example.unknown", &none, false),
        ("m.room.message", &state, true),
        ("com.example.unknown", &state, true),
        ("m.room.redaction", &none, true),
        ("m.room.encrypted", &none, true),
        ("m.room.member", &none, true),
        ("m.room.name", &state, true),
        ("m.room.tombstone", &state, true),
        ("m.space.child", &none, true),
        ("m.receipt", &none, true),
        ("m.typing", &none, true),
        (NOTHING, &none, true),
    ];
    for (kind, more, expected) in table {
        assert_eq!(is_nothing(&decrypted(&event("$e", kind, more))), expected, "{kind} {more}");
        assert!(!is_nothing(&plain(&event("$e", kind, more))), "{kind} {more}, from the server");
    }
}

#[test]
fn it_is_read_as_an_event_that_says_nothing() {
    let more = json!({ "state_key": "@ada:x", "redacts": "$t", "unsigned": { "age": 1 } });
    let nothing = read(decrypted(&event("$e", "m.room.member", &more)));
    let expected = json!({
        "event_id": "$e", "sender": "@mallory:x", "origin_server_ts": 5, "room_id": "!r:x", "type": NOTHING, "content": {},
    });
    assert_eq!(nothing.raw().deserialize_as_unchecked::<Value>().unwrap(), expected);
    assert!(is_nothing(&nothing) && nothing.encryption_info().is_some());
    let message = read(decrypted(&event("$e", "m.room.message", &json!({}))));
    assert_eq!(message.raw().get_field::<String>("type").unwrap().as_deref(), Some("m.room.message"));
}

#[test]
fn what_a_redaction_has_done_is_told_apart_by_who_it_was_from() {
    let nothings = Nothings::default();
    let room = room_id!("!r:x");
    nothings.note(room, &decrypted(&event("$false", "m.room.redaction", &json!({ "redacts": "$t" }))));
    nothings.note(room, &plain(&event("$true", "m.room.redaction", &json!({ "redacts": "$t" }))));
    let redacted = |by: &str| {
        let because = json!({ "redacted_because": { "event_id": by } });
        decrypted(&event("$t", "m.room.message", &json!({ "content": {}, "unsigned": because })))
    };
    assert!(nothings.has_spoilt(&redacted("$false")) && !nothings.has_spoilt(&redacted("$true")));
    assert!(nothings.contains(event_id("$false")) && !nothings.contains(event_id("$true")));
    assert_eq!(std::mem::take(&mut nothings.seen().spoilt), BTreeSet::from([room.to_owned()]));
    nothings.note(room, &decrypted(&event("$name", "m.room.name", &json!({ "state_key": "" }))));
    assert!(nothings.contains(event_id("$name")) && nothings.seen().spoilt.is_empty(), "it has done nothing to others");
}

fn event_id(id: &str) -> &EventId {
    id.try_into().unwrap()
}
