//! On real files: what comes back, what is not legible, and what is refused.

use std::{collections::BTreeMap, fs};

use tempfile::TempDir;

use super::*;
use crate::{
    delivery::{
        debts::{Awaited, Book, Entry, Step},
        incognito::Incognito,
        ledger::{Answers, ExpectedDevice, Merged, OwnEvent, PeerClaim},
        outbox::Owed,
        policy::Reason,
        receipt::ClaimState,
    },
    model::{EventId, ReceiptFate, Route, SafeText},
};

pub(super) const KEY: [u8; 32] = [7; 32];
pub(super) const NOW: Ms = 20_000 * DAY;

pub(super) fn open(dir: &TempDir) -> Store {
    Store::open(dir.path(), &KEY).unwrap()
}

pub(super) fn temporary() -> (TempDir, Store) {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    (dir, store)
}

fn files(dir: &TempDir) -> Vec<fs::DirEntry> {
    fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap()).collect()
}

pub(super) fn room() -> RoomId {
    RoomId::new("!room:example.org")
}

pub(super) fn event(name: &str) -> EventId {
    EventId::new(format!("$event-{name}"))
}

pub(super) fn bob() -> UserId {
    UserId::new("@bob:example.org")
}

fn device(name: &str) -> DeviceId {
    DeviceId::new(format!("DEVICE{name}"))
}

pub(super) fn owed(name: &str) -> Owed {
    Owed { room: room(), event: event(name), sender: bob(), sent: 3, since: 4, state: ClaimState::Delivered }
}

pub(super) fn entry(name: &str, step: Step) -> Entry {
    Entry::about(&owed(name), step)
}

pub(super) fn owe(name: &str) -> Entry {
    entry(name, Step::Owe(4))
}

pub(super) fn sent(name: &str) -> Entry {
    entry(name, Step::Sent { at: 9, route: Route::Direct })
}

fn own(name: &str, sent: Ms) -> OwnEvent {
    let known = |id, excluded| ExpectedDevice { device: device(id), name: SafeText::line("Bob's laptop"), excluded };
    OwnEvent {
        room: room(),
        event: event(name),
        sent,
        expected: BTreeMap::from([(bob(), vec![known("B1", None), known("B2", Some("blocked".to_owned()))])]),
        claims: BTreeMap::new(),
    }
}

fn claim(name: &str, id: Option<&str>, at: Option<Ms>) -> PeerClaim {
    PeerClaim {
        room: room(),
        event: event(name),
        user: bob(),
        device: id.map(device),
        at,
        state: ClaimState::Delivered,
        route: Route::Direct,
        heard: NOW,
    }
}

/// One of everything.
fn fill(store: &mut Store) {
    store.record(&[entry("await", Step::AwaitKey), owe("owed"), owe("sent"), owe("withheld")], NOW).unwrap();
    store.record(&[sent("sent"), entry("withheld", Step::Withhold(Reason::Ignored))], NOW).unwrap();
    store.remember_request(&bob(), &device("B1"), &room(), NOW + 1).unwrap();
    store.remember_asked(&room(), &[(bob(), device("B1")), (bob(), device("B2"))], NOW + 1).unwrap();
    store.freeze(&own("own", 5)).unwrap();
    store.claim(&[claim("own", Some("B1"), Some(6)), claim("own", None, None)], NOW).unwrap();
    store.remember_known(&[bob()]).unwrap();
    store.set_seen(&room(), 11, &event("newest")).unwrap();
    store.begin_walk(&room()).unwrap();
    store.set_sync_token(&device("ME"), "s1").unwrap();
    store.set_joined_since(&room(), Some(12)).unwrap();
}

/// All of what [`fill`] wrote.
#[track_caller]
fn assert_filled(store: &Store) {
    let fate = |name| store.fate(&room(), &event(name)).unwrap();
    assert_eq!(fate("await"), Some(ReceiptFate::AwaitingKey));
    assert_eq!(fate("owed"), Some(ReceiptFate::Owed { since: 4 }));
    assert_eq!(fate("sent"), Some(ReceiptFate::Sent { at: 9, route: Route::Direct }));
    assert_eq!(fate("withheld"), Some(Reason::Ignored.fate()));
    assert_eq!(fate("unheard-of"), None);
    assert_eq!(store.owed().unwrap(), [owed("owed")]);
    let awaited = Awaited { room: room(), event: event("await"), sender: bob(), sent: 3, told: false };
    assert_eq!(store.awaiting().unwrap(), [awaited]);
    assert_eq!(store.log().unwrap().len(), 2);
    assert_eq!(store.asking_devices(&bob(), &room(), NOW).unwrap(), [device("B1")]);
    let asked = HashMap::from([((bob(), device("B1")), NOW + 1), ((bob(), device("B2")), NOW + 1)]);
    assert_eq!(store.asked(&room(), NOW).unwrap(), asked);
    let mut expected = own("own", 5);
    expected.merge(claim("own", Some("B1"), Some(6)), NOW);
    expected.merge(claim("own", None, None), NOW);
    assert_eq!(store.own_event(&event("own")).unwrap(), Some(expected.clone()));
    assert_eq!(store.own_events(&room(), 9).unwrap(), [expected]);
    assert_eq!(store.answers(&bob()).unwrap(), Answers::Named);
    assert!(store.is_known(&bob()).unwrap());
    assert_eq!(store.seen(&room()).unwrap(), Some(Seen { at: 11, newest: event("newest") }));
    assert_eq!(store.walks().unwrap(), [room()]);
    assert_eq!(store.sync_token(&device("ME")).unwrap().as_deref(), Some("s1"));
    assert_eq!(store.sync_token(&device("ANOTHER")).unwrap(), None);
    assert_eq!(store.joined_since(&room()).unwrap(), Some(12));
}

#[test]
fn l8_after_reopening_everything_is_there() {
    let (dir, mut store) = temporary();
    fill(&mut store);
    assert_filled(&store);
    drop(store);
    assert_filled(&open(&dir));
}

#[test]
fn l8_after_a_kill_everything_that_was_written_is_there() {
    let (dir, mut store) = temporary();
    fill(&mut store);
    // The files as they are while the store is open, without any of what closing does: what a kill leaves.
    let left = TempDir::new().unwrap();
    for file in files(&dir) {
        fs::copy(file.path(), left.path().join(file.file_name())).unwrap();
    }
    assert_filled(&open(&left));
}

#[test]
fn l8_a_write_is_done_as_a_whole_or_not_at_all() {
    let (_dir, mut store) = temporary();
    store.record(&[owe("1"), owe("2")], NOW).unwrap();
    // The second of these cannot be written.
    store
        .disk
        .read()
        .run("CREATE TRIGGER full BEFORE INSERT ON log BEGIN SELECT RAISE (FAIL, 'full'); END", [])
        .unwrap();
    assert!(matches!(store.record(&[sent("1")], NOW), Err(StoreError::Sqlite(_))));
    assert_eq!(store.fate(&room(), &event("1")).unwrap(), Some(ReceiptFate::Owed { since: 4 }));
    assert_eq!(store.owed().unwrap().len(), 2);
}

fn seen_at(store: &Store) -> Option<Ms> {
    store.seen(&room()).unwrap().map(|seen| seen.at)
}

#[test]
fn a_walk_is_remembered_until_it_has_ended() {
    let (_dir, mut store) = temporary();
    store.begin_walk(&room()).unwrap();
    store.begin_walk(&room()).unwrap();
    assert_eq!(store.walks().unwrap(), [room()]);
    store.end_walk(&room()).unwrap();
    assert_eq!(store.walks().unwrap(), []);
}

#[test]
fn an_empty_store_answers_with_nothing() {
    let (_dir, store) = temporary();
    assert_eq!(store.fate(&room(), &event("1")).unwrap(), None);
    assert_eq!(store.owed().unwrap(), []);
    assert_eq!(store.asking_devices(&bob(), &room(), 0).unwrap(), []);
    assert_eq!(store.own_event(&event("1")).unwrap(), None);
    assert_eq!(store.answers(&bob()).unwrap(), Answers::Never);
    assert!(!store.is_known(&bob()).unwrap());
    assert_eq!((seen_at(&store), store.joined_since(&room()).unwrap()), (None, None));
}

#[test]
fn nothing_stands_in_the_files_in_the_clear() {
    let (dir, mut store) = temporary();
    fill(&mut store);
    assert!(files(&dir).len() >= 2, "the file and its log");
    for file in files(&dir) {
        let bytes = fs::read(file.path()).unwrap();
        for secret in ["example.org", "$event-", "DEVICEB1", "Bob's laptop", "blocked", "ignored", "delivered"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} in {:?}", file.file_name());
        }
    }
}

#[cfg(unix)]
#[test]
fn the_files_are_their_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, mut store) = temporary();
    fill(&mut store);
    for file in files(&dir) {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
}

#[test]
fn another_key_is_refused_and_harms_nothing() {
    let (dir, mut store) = temporary();
    fill(&mut store);
    drop(store);
    let error = Store::open(dir.path(), &[8; 32]).err().unwrap();
    assert!(matches!(error, StoreError::OtherKey(_)), "{error}");
    assert!(error.to_string().contains("delivery.sqlite3 belongs to another key"), "{error}");
    assert_filled(&open(&dir));
}

#[test]
fn what_is_no_store_is_refused_and_kept() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("delivery.sqlite3");
    let text = "Dear diary, ".repeat(1000);
    fs::write(&path, &text).unwrap();
    let error = Store::open(dir.path(), &KEY).err().unwrap();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_damaged_cipher_and_a_newer_version_are_told_apart() {
    for (damage, expected) in [
        ("UPDATE cipher SET value = x'00'", "is damaged"),
        ("PRAGMA user_version = 99", "was written by a newer kvitto"),
    ] {
        let (dir, store) = temporary();
        drop(store);
        rusqlite::Connection::open(dir.path().join("delivery.sqlite3")).unwrap().execute_batch(damage).unwrap();
        let error = Store::open(dir.path(), &KEY).err().unwrap();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_missing_folder_is_an_error() {
    let dir = TempDir::new().unwrap();
    let error = Store::open(&dir.path().join("none"), &KEY).err().unwrap();
    assert!(matches!(error, StoreError::File { .. }), "{error}");
}

#[test]
fn a_request_holds_until_it_expires_for_its_room_and_can_be_renewed() {
    let (_dir, mut store) = temporary();
    store.remember_request(&bob(), &device("B2"), &room(), 100).unwrap();
    store.remember_request(&bob(), &device("B1"), &room(), 200).unwrap();
    assert_eq!(store.asking_devices(&bob(), &room(), 99).unwrap(), [device("B1"), device("B2")]);
    assert_eq!(store.asking_devices(&bob(), &room(), 100).unwrap(), [device("B1")]);
    assert_eq!(store.asking_devices(&bob(), &RoomId::new("!other"), 0).unwrap(), []);
    assert_eq!(store.asking_devices(&UserId::new("@carol:example.org"), &room(), 0).unwrap(), []);
    store.remember_request(&bob(), &device("B2"), &room(), 300).unwrap();
    assert_eq!(store.asking_devices(&bob(), &room(), 250).unwrap(), [device("B2")]);
}

#[test]
fn a_device_may_ask_about_so_many_rooms_and_costs_only_itself() {
    let (_dir, mut store) = temporary();
    let nth = |n: u32| RoomId::new(format!("!{n}"));
    store.remember_request(&bob(), &device("B2"), &nth(0), NOW).unwrap();
    for n in 0..=ROOMS_PER_DEVICE {
        store.remember_request(&bob(), &device("B1"), &nth(n), NOW).unwrap();
    }
    let asking = |n| store.asking_devices(&bob(), &nth(n), 0).unwrap();
    assert_eq!(asking(0), [device("B2")], "the room asked about first is forgotten");
    assert_eq!(asking(1), [device("B1")]);
    assert_eq!(asking(ROOMS_PER_DEVICE), [device("B1")]);
}

#[test]
fn asked_devices_are_due_again_when_it_expires() {
    let (_dir, mut store) = temporary();
    store.remember_asked(&room(), &[(bob(), device("B1"))], 100).unwrap();
    store.remember_asked(&room(), &[(bob(), device("B1"))], 200).unwrap();
    assert_eq!(store.asked(&room(), 199).unwrap(), HashMap::from([((bob(), device("B1")), 200)]));
    assert_eq!(store.asked(&room(), 200).unwrap(), HashMap::new());
    assert_eq!(store.asked(&RoomId::new("!other"), 0).unwrap(), HashMap::new());
}

#[test]
fn freezing_twice_changes_nothing() {
    let (_dir, mut store) = temporary();
    store.freeze(&own("own", 5)).unwrap();
    store.claim(&[claim("own", Some("B1"), Some(6))], NOW).unwrap();
    let frozen = store.own_event(&event("own")).unwrap();
    let mut second = OwnEvent { expected: BTreeMap::new(), ..own("own", 99) };
    second.merge(claim("own", Some("B9"), Some(100)), NOW);
    store.freeze(&second).unwrap();
    assert_eq!(store.own_event(&event("own")).unwrap(), frozen);
}

#[test]
fn freezing_keeps_what_was_already_claimed() {
    let (_dir, mut store) = temporary();
    let mut with_claim = own("own", 5);
    with_claim.merge(claim("own", Some("B1"), Some(6)), NOW);
    store.freeze(&with_claim).unwrap();
    assert_eq!(store.own_event(&event("own")).unwrap(), Some(with_claim));
}

#[test]
fn own_events_are_the_newest_of_the_room() {
    let (_dir, mut store) = temporary();
    for (name, sent) in [("1", 10), ("3", 30), ("2", 20)] {
        store.freeze(&own(name, sent)).unwrap();
    }
    store.freeze(&OwnEvent { room: RoomId::new("!other"), ..own("4", 40) }).unwrap();
    let names = |limit| store.own_events(&room(), limit).unwrap().into_iter().map(|own| own.event).collect::<Vec<_>>();
    assert_eq!(names(9), ["3", "2", "1"].map(event));
    assert_eq!(names(2), ["3", "2"].map(event));
}

#[test]
fn l1_a_claim_about_an_unknown_event_or_another_room_is_none() {
    let (_dir, mut store) = temporary();
    store.freeze(&own("own", 5)).unwrap();
    let unknown = claim("unknown", Some("B1"), None);
    let elsewhere = PeerClaim { room: RoomId::new("!other"), ..claim("own", Some("B1"), None) };
    let claims = [unknown, elsewhere];
    assert_eq!(
        store.claim(&claims, NOW).unwrap(),
        Claimed { unknown: vec![claims[1].clone(), claims[0].clone()], ..Claimed::default() }
    );
    assert_eq!(store.answers(&bob()).unwrap(), Answers::Never, "l5: it counts as no answer either");
    let mixed = [claims[0].clone(), claim("own", Some("B1"), None)];
    let claimed = store.claim(&mixed, NOW).unwrap();
    assert_eq!(claimed.unknown, mixed[..1], "and costs itself only");
    assert_eq!(claimed.changed.len(), 1);
}

#[test]
fn l3_claims_are_merged_on_disk_as_in_memory() {
    let (_dir, mut store) = temporary();
    store.freeze(&own("own", 5)).unwrap();
    let mut expected = own("own", 5);
    for (id, at) in [(Some("B1"), Some(9)), (Some("B1"), Some(7)), (Some("B1"), Some(8)), (None, Some(1)), (None, None)]
    {
        let claim = claim("own", id, at);
        let merged = expected.merge(claim.clone(), NOW);
        let changed = if merged == Merged::Same { vec![] } else { vec![expected.clone()] };
        assert_eq!(store.claim(&[claim], NOW).unwrap().changed, changed, "{id:?} {at:?}");
        assert_eq!(store.own_event(&event("own")).unwrap().as_ref(), Some(&expected));
    }
}

#[test]
fn l3_many_claims_at_once_are_as_many_one_by_one() {
    let (_dir, mut store) = temporary();
    let mut expected = [own("1", 5), own("2", 5)];
    for own in &expected {
        store.freeze(own).unwrap();
    }
    let claims = [
        claim("1", Some("B1"), Some(9)),
        claim("2", None, Some(8)),
        claim("1", Some("B2"), None),
        claim("1", Some("B1"), Some(7)),
        claim("2", None, Some(9)),
    ];
    for (own, claim) in claims.iter().flat_map(|claim| [(0, claim), (1, claim)]) {
        expected[own].merge(claim.clone(), NOW);
    }
    assert_eq!(store.claim(&claims, NOW).unwrap().changed, expected);
    for own in expected {
        assert_eq!(store.own_event(&own.event).unwrap(), Some(own));
    }
    assert_eq!(store.claim(&claims, NOW).unwrap(), Claimed::default(), "twice is once");
}

#[test]
fn l5_how_a_person_answers_is_known_by_their_best_claim() {
    let (_dir, mut store) = temporary();
    store.freeze(&own("1", 5)).unwrap();
    store.freeze(&own("2", 5)).unwrap();
    for (claim, answers, changed) in [
        (claim("1", None, Some(6)), Answers::Unnamed, true),
        (claim("2", None, Some(6)), Answers::Unnamed, false),
        (claim("2", Some("B1"), Some(6)), Answers::Named, true),
        (claim("2", None, Some(5)), Answers::Named, false),
    ] {
        assert_eq!(store.claim(&[claim], NOW).unwrap().answers_changed, changed);
        assert_eq!(store.answers(&bob()).unwrap(), answers);
    }
    assert_eq!(store.answers(&UserId::new("@carol:example.org")).unwrap(), Answers::Never);
}

#[test]
fn p2_a_room_keeps_both_its_moments_apart() {
    let (_dir, mut store) = temporary();
    store.set_seen(&room(), 1, &event("a")).unwrap();
    store.set_joined_since(&room(), Some(2)).unwrap();
    store.set_seen(&room(), 3, &event("b")).unwrap();
    assert_eq!((seen_at(&store), store.joined_since(&room()).unwrap()), (Some(3), Some(2)));
    store.set_joined_since(&room(), None).unwrap();
    assert_eq!((seen_at(&store), store.joined_since(&room()).unwrap()), (Some(3), None));
}

#[test]
fn pruning_forgets_old_fates_and_requests_that_are_over_and_nothing_else() {
    let (_dir, mut store) = temporary();
    fill(&mut store);
    store.prune(NOW).unwrap();
    assert_filled(&store);

    store.record(&[owe("later")], NOW).unwrap();
    store.prune(NOW + FATE_DAYS * DAY).unwrap();
    assert!(store.fate(&room(), &event("sent")).unwrap().is_some(), "on its last day it is still there");
    assert_eq!(store.asking_devices(&bob(), &room(), 0).unwrap(), []);
    assert_eq!(store.asked(&room(), 0).unwrap(), HashMap::new());

    store.prune(NOW + (FATE_DAYS + 1) * DAY).unwrap();
    assert_eq!(store.fate(&room(), &event("sent")).unwrap(), None);
    assert_eq!((store.owed().unwrap(), store.log().unwrap()), (vec![owed("later")], vec![]));
    assert_eq!(store.own_event(&event("own")).unwrap().map(|own| own.claims.len()), Some(2));
    assert!(store.is_known(&bob()).unwrap());
}

#[test]
fn p12_where_there_was_incognito_is_kept() {
    let (dir, mut store) = temporary();
    assert_eq!(store.incognito().unwrap(), Incognito::default());
    let incognito = Incognito::new([(None, 7), (Some(room()), Ms::MAX)]);
    store.set_incognito(&incognito).unwrap();
    drop(store);
    let store = open(&dir);
    assert_eq!(store.incognito().unwrap(), incognito);
    assert_eq!(store.joined_since(&room()).unwrap(), None, "it is no room of that name");
}
