//! What holds of everything that was read, whoever wrote it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::{
    delivery::{
        ledger::{Answers, ExpectedDevice, Held, Merged, OwnEvent, PeerClaim, RECEIPTS_PER_PERSON},
        policy::MAX_AHEAD,
        responsiveness::Responsiveness,
        summary,
    },
    model::{Delivery, DeviceId, DeviceState, EventId, Mark, RoomId, SafeText, SendState, Timestamp, UserId},
};

/// The room of whatever does not say which.
pub const ROOM: &str = "!r:a";
/// When each own event was sent.
pub const SENT: Timestamp = Timestamp::from_millis(1_000_000);
/// The time.
pub const NOW: Timestamp = SENT.plus(Duration::from_mins(1));

/// The input, where it is JSON.
pub fn json(data: &[u8]) -> Option<Value> {
    serde_json::from_slice(data).ok()
}

/// Text that may be drawn: nothing that a terminal obeys, nothing unseen, nothing that moves its
/// neighbours, and the same text when made safe again.
pub fn is_safe(text: &SafeText) {
    for c in text.chars().filter(|c| *c != '\n') {
        assert!(!c.is_control(), "{c:?} is a control character");
        let bidi = matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        assert!(!bidi, "{c:?} reorders the line");
        let unseen = matches!(c, '\u{AD}' | '\u{200B}' | '\u{2028}' | '\u{2029}' | '\u{2060}' | '\u{FEFF}');
        assert!(!unseen, "{c:?} is not seen");
    }
    for line in text.split('\n') {
        for grapheme in line.graphemes(true) {
            assert!((1..=4).contains(&grapheme.width()), "{grapheme:?} is {} columns wide", grapheme.width());
            assert!(grapheme.len() <= 64, "{grapheme:?} has {} bytes", grapheme.len());
        }
    }
    assert!(text.len() <= SafeText::BLOCK_BYTES && text.split('\n').count() <= SafeText::BLOCK_LINES);
    assert_eq!(SafeText::block(text), *text, "made safe again, it is the same");
}

/// An own event that two devices of Bob's were given the key of, and a third was not.
fn own_event(room: &RoomId, event: &EventId) -> OwnEvent {
    let device = |id: &str, excluded: Option<&str>| ExpectedDevice {
        device_id: DeviceId::new(id),
        name: SafeText::default(),
        excluded: excluded.map(ToOwned::to_owned),
        silent: None,
    };
    let devices = vec![device("LAPTOP", None), device("OLD", Some("you blocked this device")), device("PHONE", None)];
    OwnEvent {
        room_id: room.clone(),
        event_id: event.clone(),
        sent: SENT,
        expected: BTreeMap::from([(UserId::new("@bob:b"), devices)]),
        claims: BTreeMap::new(),
    }
}

fn merged<'a>(own: &OwnEvent, claims: impl Iterator<Item = &'a PeerClaim>) -> OwnEvent {
    let mut own = own.clone();
    for claim in claims {
        let _ = own.merge(claim.clone(), NOW);
    }
    own
}

/// L1, L3, L4, L5 and L7 of whatever was claimed.
pub fn are_believed_by_the_rules(claims: &[PeerClaim]) {
    let about: BTreeSet<_> = claims.iter().map(|claim| (&claim.room_id, &claim.event_id)).collect();
    let contested = contested(claims);
    for (room, event) in about {
        believed(&own_event(room, event), &contested);
    }
    held(&contested);
}

/// Every claim, and what the next one says, said by the same device about the same event.
fn contested(claims: &[PeerClaim]) -> Vec<PeerClaim> {
    let next = claims.iter().cycle().skip(1);
    let other = claims.iter().zip(next).map(|(claim, next)| {
        let PeerClaim { at, state, route, heard, .. } = *next;
        PeerClaim { at, state, route, heard, ..claim.clone() }
    });
    claims.iter().cloned().chain(other).collect()
}

fn believed(own: &OwnEvent, claims: &[PeerClaim]) {
    let once = merged(own, claims.iter());
    let about = claims.iter().filter(|claim| claim.room_id == own.room_id && claim.event_id == own.event_id);
    let mut told: BTreeMap<&UserId, BTreeSet<&Option<DeviceId>>> = BTreeMap::new();
    for claim in about {
        told.entry(&claim.user_id).or_default().insert(&claim.device_id);
    }
    assert_eq!(once, merged(&once, claims.iter()), "L3: merging is idempotent");
    if told.values().all(|devices| devices.len() <= RECEIPTS_PER_PERSON) {
        assert_eq!(once, merged(own, claims.iter().rev()), "L3: merging is order-free");
    }
    for claim in claims {
        let again = once.clone().merge(claim.clone(), NOW);
        assert!(again.is_err() || again == Ok(Merged::Same), "L3: nothing is news twice");
    }
    for (user, devices) in &told {
        let kept = once.claims_of(user).count();
        assert_eq!(kept, devices.len().min(RECEIPTS_PER_PERSON), "L7: what one person may fill");
    }
    assert!(once.claims.keys().all(|(user, _)| told.contains_key(user)), "L1: of no other event or room");
    let possible = SENT..=NOW + MAX_AHEAD;
    assert!(once.claims.values().filter_map(|stamp| stamp.at).all(|at| possible.contains(&at)), "L4");
    for answers in [Answers::Never, Answers::Unnamed, Answers::Named] {
        shown(own, &once, answers);
    }
}

/// Somebody who has answered like this once.
fn who_answers(own: &OwnEvent, answers: Answers) -> Responsiveness {
    let mut responsiveness = Responsiveness::default();
    let device = DeviceId::new("ONE");
    match answers {
        Answers::Never => {}
        Answers::Unnamed => responsiveness.answer(&own.room_id, own.sent, None, NOW),
        Answers::Named => responsiveness.answer(&own.room_id, own.sent, Some(&device), NOW),
    }
    responsiveness
}

/// What is drawn of a ledger: who was told and who was expected, each once, and nobody is expected
/// for having claimed.
fn shown(before: &OwnEvent, after: &OwnEvent, answers: Answers) {
    let all = |answers| {
        let users = after.expected.keys().chain(after.claims.keys().map(|(user, _)| user));
        users.map(|user| (user.clone(), who_answers(after, answers))).collect()
    };
    let delivery = summary::delivery(after, &all(answers), NOW);
    let users: Vec<_> = delivery.people.iter().map(|person| &person.user_id).collect();
    assert!(users.is_sorted_by(|one, next| one < next), "everybody once, in order");
    let expected = |delivery: &Delivery| {
        let devices = delivery.people.iter().flat_map(|person| &person.devices);
        devices.filter(|device| device.expected && device.device_id.is_some()).count()
    };
    let one = delivery.people.iter().filter(|person| person.counts_as_one()).count();
    let at_first = expected(&summary::delivery(before, &all(Answers::Named), NOW));
    assert!(one + expected(&delivery) <= at_first, "a claim adds nobody to those who are expected");
    let sound = match summary::mark(&SendState::Sent, Some(&delivery), &[]) {
        Mark::Devices { people, read } => {
            let states = people.iter().flatten();
            let counted = states.filter(|state| !matches!(state, DeviceState::Excluded { .. })).count();
            !read && counted == people.iter().map(Vec::len).sum::<usize>() && counted <= at_first
        }
        mark => mark == Mark::Sent && at_first == 0,
    };
    assert!(sound, "L5: only who was given the key counts, and nothing says that it was read");
}

/// L1: what comes before its event is given back with it, once, in the order in which it came.
fn held(claims: &[PeerClaim]) {
    let mut held = Held::new();
    let taken: Vec<_> = claims.iter().filter(|claim| held.hold((*claim).clone()).is_ok()).cloned().collect();
    assert_eq!(held.len(), taken.len());
    let events: BTreeSet<_> = claims.iter().map(|claim| &claim.event_id).collect();
    for event in events {
        let of_event: Vec<_> = taken.iter().filter(|claim| claim.event_id == *event).cloned().collect();
        assert_eq!(held.take(event).claims, of_event);
    }
    assert!(held.is_empty());
}
