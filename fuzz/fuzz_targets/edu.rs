//! The EDU `m.receipt` of another server (PROTOCOL §7, 'Federation').

#![no_main]

use kvitto_fuzz::{
    delivery::receipt::RECEIPTS_READ,
    laws,
    model::UserId,
    mutate,
    server::routing::{
        EventFacts, ReceiptName,
        federation::{Entry, Facts, incoming, is_of, outgoing, strip},
    },
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use serde_json::{Value, json};

const ORIGIN: &str = "b";

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate::json(data, size, max_size, seed) });
fuzz_target!(|data: &[u8]| {
    let Some(content) = laws::json(data) else { return };
    let entries = incoming(&content, ORIGIN);
    assert!(entries.len() <= RECEIPTS_READ);
    for entry in entries.into_iter().flatten() {
        let written = &content[entry.room_id.as_str()][entry.name.as_str()][entry.claimant.as_str()];
        assert_eq!(written["event_ids"], json!([entry.event_id.as_str()]), "a receipt is for exactly one event");
        assert_eq!(written["data"]["ts"], json!(entry.ts));
        goes_on(entry);
    }
    stripped(&content);
});

/// An entry speaks of a user of its origin; what it becomes is for the event's sender alone, and
/// would be sent on as it came.
fn goes_on(entry: Entry) {
    assert!(entry.room_id.as_str().starts_with('!') && entry.event_id.as_str().starts_with('$'));
    assert!(entry.claimant.as_str().starts_with('@') && is_of(&entry.claimant, ORIGIN));
    let event = EventFacts {
        room_id: entry.room_id.clone(),
        sender: UserId::new("@alice:a"),
        since_join: true,
        state: false,
        redacted: false,
    };
    let facts = Facts { allowed: true, origin_joined: true, claimant_joined: true, event: Some(&event) };
    let receipt = entry.clone().check("a", &facts).expect("nothing is wrong with it");
    assert!(receipt.to == event.sender && receipt.claimant != receipt.to && receipt.device_id.is_none());
    assert_eq!(incoming(&outgoing(&receipt), ORIGIN), [Ok(entry)]);
}

/// Nothing of delivery is left, and everything else is.
fn stripped(content: &Value) {
    let mut left = content.clone();
    strip(&mut left);
    assert_eq!(incoming(&left, ORIGIN), []);
    let others = |content: &Value| {
        let mut others = Vec::new();
        for (room, types) in content.as_object().into_iter().flatten() {
            let types = types.as_object().into_iter().flatten();
            let types = types.filter(|(name, _)| ReceiptName::parse(name).is_none());
            others.extend(types.map(|(name, users)| (room.clone(), name.clone(), users.clone())));
        }
        others
    };
    assert_eq!(others(&left), others(content));
    for (room, types) in content.as_object().into_iter().flatten() {
        let had = ReceiptName::ALL.iter().any(|name| types.get(name.as_str()).is_some());
        let kept = left.get(room).is_some_and(|left| !had || left != &json!({}));
        assert!(kept || (had && left.get(room).is_none()), "gone is what had nothing but delivery, and nothing else");
    }
    let mut again = left.clone();
    strip(&mut again);
    assert_eq!(again, left);
}
