//! On real files: responsiveness follow the ledger, and the own devices stands apart from it.

use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::{
    delivery::{
        ledger::{ExpectedDevice, Refusal, aggregate::LARGE},
        receipt::ClaimState,
    },
    model::{RoomId, Route, SafeText},
};

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

const KEY: [u8; 32] = [7; 32];
const NOW: Timestamp = Timestamp::from_millis(1_000);

fn open(dir: &TempDir) -> Store {
    Store::open(dir.path(), &KEY).unwrap()
}

fn temporary() -> (TempDir, Store) {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    (dir, store)
}

fn bob() -> UserId {
    UserId::new("@bob:example.org")
}

fn device(id: &str, excluded: Option<&str>) -> ExpectedDevice {
    let excluded = excluded.map(ToOwned::to_owned);
    ExpectedDevice { device_id: DeviceId::new(id), name: SafeText::default(), excluded, silent: Some(at(2)) }
}

/// The own message that was sent then, to Bob's phone and not to his television.
fn own(sent: Timestamp) -> OwnEvent {
    OwnEvent {
        room_id: RoomId::new("!room"),
        event_id: EventId::new(format!("${}", sent.as_millis())),
        sent,
        expected: BTreeMap::from([(bob(), vec![device("PHONE", None), device("TV", Some("blocked"))])]),
        claims: BTreeMap::new(),
    }
}

fn claim(sent: Timestamp, user: &UserId, device: &str) -> PeerClaim {
    PeerClaim {
        room_id: RoomId::new("!room"),
        event_id: EventId::new(format!("${}", sent.as_millis())),
        user_id: user.clone(),
        device_id: Some(DeviceId::new(device)),
        at: Some(sent),
        state: ClaimState::Delivered,
        route: Route::Direct,
        heard: NOW,
        quiet: false,
    }
}

#[test]
fn l8_responsiveness_follows_the_ledger_and_outlive_a_restart() {
    let (dir, mut store) = temporary();
    let mut expected = Responsiveness::default();
    for sent in 1..=3 {
        store.record_recipients(&own(at(sent))).unwrap();
        expected.expect(&own(at(sent)).room_id, at(sent), [&DeviceId::new("PHONE")]);
    }
    assert_eq!(store.responsiveness(&bob()).unwrap(), expected);
    store.claim(&[claim(at(1), &bob(), "PHONE"), claim(at(9), &bob(), "PHONE")], NOW).unwrap();
    expected.answer(&own(at(1)).room_id, at(1), Some(&DeviceId::new("PHONE")), NOW);
    for _ in 0..2 {
        assert_eq!(store.responsiveness(&bob()).unwrap(), expected);
        // Once more: nothing of it is new.
        store.record_recipients(&own(at(1))).unwrap();
        store
            .claim(&[PeerClaim { heard: NOW + Duration::from_millis(1), ..claim(at(1), &bob(), "PHONE") }], NOW)
            .unwrap();
    }
    drop(store);
    assert_eq!(open(&dir).responsiveness(&bob()).unwrap(), expected);
}

#[test]
fn l7_a_message_to_too_many_says_nothing_about_responsiveness() {
    let (_dir, mut store) = temporary();
    let people = |range: std::ops::RangeInclusive<usize>| range.map(|n| UserId::new(format!("@{n}:example.org")));
    for (sent, others) in [(1, LARGE - 1), (2, LARGE)] {
        let mut own = own(at(sent));
        own.expected.extend(people(1..=others).map(|user| (user, vec![device("D", None)])));
        store.record_recipients(&own).unwrap();
    }
    store.claim(&[claim(at(2), &bob(), "PHONE")], NOW).unwrap();
    let mut expected = Responsiveness { answers: Answers::Named, ..Responsiveness::default() };
    expected.expect(&own(at(1)).room_id, at(1), [&DeviceId::new("PHONE")]);
    assert_eq!(store.responsiveness(&bob()).unwrap(), expected);
}

#[test]
fn a_silent_device_is_silent_for_good_in_what_was_frozen() {
    let (dir, mut store) = temporary();
    store.record_recipients(&own(at(1))).unwrap();
    drop(store);
    assert_eq!(open(&dir).own_event(&own(at(1)).event_id).unwrap(), Some(own(at(1))));
}

#[test]
fn l8_the_own_devices_are_on_disk_and_apart_from_the_ledger() {
    let (dir, mut store) = temporary();
    store.record_recipients(&own(at(1))).unwrap();
    let me = UserId::new("@me:example.org");
    let mine = OwnEvent { expected: BTreeMap::from([(me.clone(), vec![device("DESK", None)])]), ..own(at(1)) };
    store.record_own_devices(&mine).unwrap();
    store.record_own_devices(&OwnEvent { expected: BTreeMap::new(), ..mine.clone() }).unwrap();

    let claims = [claim(at(1), &me, "DESK"), claim(at(2), &me, "DESK"), claim(at(1), &me, "DESK")];
    let elsewhere = PeerClaim { room_id: RoomId::new("!elsewhere"), ..claim(at(1), &me, "DESK") };
    let claimed = store.claim_own_devices(&[&claims[..], &[elsewhere]].concat(), NOW).unwrap();
    let mut expected = mine;
    expected.merge(claim(at(1), &me, "DESK"), NOW).unwrap();
    assert_eq!(claimed.changed, [expected.clone()]);
    assert_eq!(claimed.unknown, [claim(at(2), &me, "DESK")]);
    assert_eq!(claimed.refused, Refused::of(Refusal::OtherRoom, 1), "l1");
    assert_eq!(store.claim_own_devices(&claims, NOW).unwrap().changed, [], "nothing of it is new");

    drop(store);
    let store = open(&dir);
    assert_eq!(store.own_devices(&expected.event_id).unwrap(), Some(expected));
    assert_eq!(
        store.own_event(&own(at(1)).event_id).unwrap(),
        Some(own(at(1))),
        "the others' ledger knows nothing of it"
    );
    assert!(store.responsiveness(&me).unwrap().is_heard(&DeviceId::new("DESK")));
}
