//! On real files: what comes back, what is not legible, and what is refused.

use std::{collections::BTreeMap, fs};

use tempfile::TempDir;

use super::*;
use crate::{
    delivery::{
        asked::Asked,
        incognito::Incognito,
        ledger::{Answers, ExpectedDevice, OwnEvent, PeerClaim},
        outbox::Owed,
        policy::Reason,
        receipt::ClaimState,
        receipt_queue::{Awaited, Entry, Journal, Step},
    },
    model::{EventId, ReceiptStatus, Route, SafeText},
};

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// Midnight of the day that is so many after the epoch.
pub(super) const fn day(days: u64) -> Timestamp {
    at(days * 24 * 60 * 60 * 1000)
}

pub(super) const KEY: [u8; 32] = [7; 32];
pub(super) const NOW: Timestamp = day(20_000);

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

pub(super) fn device(name: &str) -> DeviceId {
    DeviceId::new(format!("DEVICE{name}"))
}

pub(super) fn owed(name: &str) -> Owed {
    Owed {
        room_id: room(),
        event_id: event(name),
        sender: bob(),
        sent: at(3),
        since: at(4),
        state: ClaimState::Delivered,
        quiet: false,
    }
}

pub(super) fn entry(name: &str, step: Step) -> Entry {
    Entry::about(&owed(name), step)
}

pub(super) fn owe(name: &str) -> Entry {
    entry(name, Step::Owe(at(4)))
}

pub(super) fn sent(name: &str) -> Entry {
    entry(name, Step::Sent { at: at(9), route: Route::Direct, quiet: false })
}

pub(super) fn own(name: &str, sent: Timestamp) -> OwnEvent {
    let known = |id, excluded| {
        let name = SafeText::line("Bob's laptop");
        ExpectedDevice { device_id: device(id), name, excluded, silent: None }
    };
    OwnEvent {
        room_id: room(),
        event_id: event(name),
        sent,
        expected: BTreeMap::from([(bob(), vec![known("B1", None), known("B2", Some("blocked".to_owned()))])]),
        claims: BTreeMap::new(),
    }
}

pub(super) fn claim(name: &str, id: Option<&str>, at: Option<Timestamp>) -> PeerClaim {
    PeerClaim {
        room_id: room(),
        event_id: event(name),
        user_id: bob(),
        device_id: id.map(device),
        at,
        state: ClaimState::Delivered,
        route: Route::Direct,
        heard: NOW,
        quiet: false,
    }
}

/// One of everything.
fn fill(store: &mut Store) {
    store.record(&[entry("await", Step::AwaitKey), owe("owed"), owe("sent"), owe("withheld")], NOW).unwrap();
    store.record(&[sent("sent"), entry("withheld", Step::Withhold(Reason::Ignored))], NOW).unwrap();
    store.remember_request(&bob(), &device("B1"), &room(), NOW + Duration::from_millis(1)).unwrap();
    store
        .remember_asked(&room(), &[(bob(), device("B1")), (bob(), device("B2"))], NOW + Duration::from_millis(1))
        .unwrap();
    store.record_recipients(&own("own", at(5))).unwrap();
    store.claim(&[claim("own", Some("B1"), Some(at(6))), claim("own", None, None)], NOW).unwrap();
    store.remember_known(&[bob()]).unwrap();
    store.set_seen(&room(), at(11), &event("newest")).unwrap();
    store.begin_backfill(&room()).unwrap();
    store.set_sync_token(&device("ME"), "s1").unwrap();
    store.set_joined_since(&room(), Some(at(12))).unwrap();
}

/// All of what [`fill`] wrote.
#[track_caller]
fn assert_filled(store: &Store) {
    let status = |name| store.status(&room(), &event(name)).unwrap();
    assert_eq!(status("await"), Some(ReceiptStatus::AwaitingKey));
    assert_eq!(status("owed"), Some(ReceiptStatus::Owed { since: at(4) }));
    assert_eq!(status("sent"), Some(ReceiptStatus::Sent { at: at(9), route: Route::Direct }));
    assert_eq!(status("withheld"), Some(Reason::Ignored.status()));
    assert_eq!(status("unheard-of"), None);
    assert_eq!(store.owed().unwrap(), [owed("owed")]);
    let awaited = Awaited { room_id: room(), event_id: event("await"), sender: bob(), sent: at(3), sender_told: false };
    assert_eq!(store.awaiting().unwrap(), [awaited]);
    assert_eq!(store.log().unwrap().len(), 2);
    assert_eq!(store.asking_devices(&bob(), &room(), NOW).unwrap(), [device("B1")]);
    let until = Asked { expires: NOW + Duration::from_millis(1), repeats: 0 };
    let asked = HashMap::from([((bob(), device("B1")), until), ((bob(), device("B2")), until)]);
    assert_eq!(store.asked(&room(), NOW).unwrap(), asked);
    let mut expected = own("own", at(5));
    expected.merge(claim("own", Some("B1"), Some(at(6))), NOW).unwrap();
    expected.merge(claim("own", None, None), NOW).unwrap();
    assert_eq!(store.own_event(&event("own")).unwrap(), Some(expected.clone()));
    assert_eq!(store.own_events(&room(), 9).unwrap(), [expected]);
    assert_eq!(store.answers(&bob()).unwrap(), Answers::Named);
    assert!(store.is_known(&bob()).unwrap());
    assert_eq!(store.seen(&room()).unwrap(), Some(Seen { at: at(11), newest: event("newest") }));
    assert_eq!(store.backfills().unwrap(), [room()]);
    assert_eq!(store.sync_token(&device("ME")).unwrap().as_deref(), Some("s1"));
    assert_eq!(store.sync_token(&device("ANOTHER")).unwrap(), None);
    assert_eq!(store.joined_since(&room()).unwrap(), Some(at(12)));
}

#[test]
fn a_run_that_was_killed_is_known_at_the_next_start() {
    let dir = TempDir::new().unwrap();
    let open = || Store::open(dir.path(), &[7; 32]).unwrap();
    assert_eq!([(); 2].map(|()| open().begin_run().unwrap()), [false, true]);
    open().end_run().unwrap();
    assert!(!open().begin_run().unwrap());
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
    // The files as they are while the store is open, without any of what closing does: what a kill
    // leaves.
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
    assert_eq!(store.status(&room(), &event("1")).unwrap(), Some(ReceiptStatus::Owed { since: at(4) }));
    assert_eq!(store.owed().unwrap().len(), 2);
}

fn seen_at(store: &Store) -> Option<Timestamp> {
    store.seen(&room()).unwrap().map(|seen| seen.at)
}

#[test]
fn a_walk_is_remembered_until_it_has_ended() {
    let (_dir, mut store) = temporary();
    store.begin_backfill(&room()).unwrap();
    store.begin_backfill(&room()).unwrap();
    assert_eq!(store.backfills().unwrap(), [room()]);
    store.end_backfill(&room()).unwrap();
    assert_eq!(store.backfills().unwrap(), []);
}

#[test]
fn an_empty_store_answers_with_nothing() {
    let (_dir, store) = temporary();
    assert_eq!(store.status(&room(), &event("1")).unwrap(), None);
    assert_eq!(store.owed().unwrap(), []);
    assert_eq!(store.asking_devices(&bob(), &room(), at(0)).unwrap(), []);
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
    store.remember_request(&bob(), &device("B2"), &room(), at(100)).unwrap();
    store.remember_request(&bob(), &device("B1"), &room(), at(200)).unwrap();
    assert_eq!(store.asking_devices(&bob(), &room(), at(99)).unwrap(), [device("B1"), device("B2")]);
    assert_eq!(store.asking_devices(&bob(), &room(), at(100)).unwrap(), [device("B1")]);
    assert_eq!(store.asking_devices(&bob(), &RoomId::new("!other"), at(0)).unwrap(), []);
    assert_eq!(store.asking_devices(&UserId::new("@carol:example.org"), &room(), at(0)).unwrap(), []);
    store.remember_request(&bob(), &device("B2"), &room(), at(300)).unwrap();
    assert_eq!(store.asking_devices(&bob(), &room(), at(250)).unwrap(), [device("B2")]);
}

#[test]
fn a_device_may_ask_about_so_many_rooms_and_costs_only_itself() {
    let (_dir, mut store) = temporary();
    let nth = |n: u32| RoomId::new(format!("!{n}"));
    store.remember_request(&bob(), &device("B2"), &nth(0), NOW).unwrap();
    for n in 0..=ROOMS_PER_DEVICE {
        store.remember_request(&bob(), &device("B1"), &nth(n), NOW).unwrap();
    }
    let asking = |n| store.asking_devices(&bob(), &nth(n), at(0)).unwrap();
    assert_eq!(asking(0), [device("B2")], "the room asked about first is forgotten");
    assert_eq!(asking(1), [device("B1")]);
    assert_eq!(asking(ROOMS_PER_DEVICE), [device("B1")]);
}

#[test]
fn whom_another_device_had_asked_is_asked_anew_and_what_others_asked_holds_on() {
    let (dir, mut store) = temporary();
    let asked = |store: &Store| store.asked(&room(), NOW).unwrap().len();
    store.remember_asked(&room(), &[(bob(), device("B1"))], NOW + Duration::from_millis(1)).unwrap();
    store.begin_as(&device("NEW")).unwrap();
    assert_eq!(asked(&store), 0, "by whom it was, the file did not say");
    store.remember_asked(&room(), &[(bob(), device("B1"))], NOW + Duration::from_millis(1)).unwrap();
    store.remember_request(&bob(), &device("B1"), &room(), NOW + Duration::from_millis(1)).unwrap();
    let withheld = Entry { sent: NOW, ..entry("1", Step::Withhold(Reason::Off)) };
    store.record(&[withheld], NOW).unwrap();
    drop(store);
    let mut store = open(&dir);
    store.begin_as(&device("NEW")).unwrap();
    assert_eq!((asked(&store), store.withheld(&bob(), &room()).unwrap()), (1, Some(NOW)));
    store.begin_as(&device("NEWER")).unwrap();
    assert_eq!((asked(&store), store.withheld(&bob(), &room()).unwrap()), (0, None));
    assert_eq!(store.asking_devices(&bob(), &room(), NOW).unwrap(), [device("B1")]);
}

#[test]
fn asked_devices_are_due_again_when_it_expires() {
    let (_dir, mut store) = temporary();
    store.remember_asked(&room(), &[(bob(), device("B1"))], at(100)).unwrap();
    store.remember_asked(&room(), &[(bob(), device("B1"))], at(200)).unwrap();
    let asked = Asked { expires: at(200), repeats: 0 };
    assert_eq!(store.asked(&room(), at(199)).unwrap(), HashMap::from([((bob(), device("B1")), asked)]));
    assert_eq!(store.asked(&room(), at(200)).unwrap(), HashMap::new());
    assert_eq!(store.asked(&RoomId::new("!other"), at(0)).unwrap(), HashMap::new());
}

#[test]
fn p2_a_room_keeps_both_its_moments_apart() {
    let (_dir, mut store) = temporary();
    store.set_seen(&room(), at(1), &event("a")).unwrap();
    store.set_joined_since(&room(), Some(at(2))).unwrap();
    store.set_seen(&room(), at(3), &event("b")).unwrap();
    assert_eq!((seen_at(&store), store.joined_since(&room()).unwrap()), (Some(at(3)), Some(at(2))));
    store.set_joined_since(&room(), None).unwrap();
    assert_eq!((seen_at(&store), store.joined_since(&room()).unwrap()), (Some(at(3)), None));
}

#[test]
fn pruning_forgets_old_statuses_and_requests_that_are_over_and_nothing_else() {
    let (_dir, mut store) = temporary();
    fill(&mut store);
    store.prune(NOW).unwrap();
    assert_filled(&store);

    store.record(&[owe("later")], NOW).unwrap();
    store.prune(day(NOW.day() + STATUS_DAYS)).unwrap();
    assert!(store.status(&room(), &event("sent")).unwrap().is_some(), "on its last day it is still there");
    assert_eq!(store.asking_devices(&bob(), &room(), at(0)).unwrap(), []);
    assert_eq!(store.asked(&room(), at(0)).unwrap(), HashMap::new());

    store.prune(day(NOW.day() + STATUS_DAYS + 1)).unwrap();
    assert_eq!(store.status(&room(), &event("sent")).unwrap(), None);
    assert_eq!((store.owed().unwrap(), store.log().unwrap()), (vec![owed("later")], vec![]));
    assert_eq!(store.own_event(&event("own")).unwrap().map(|own| own.claims.len()), Some(2));
    assert!(store.is_known(&bob()).unwrap());
}

#[test]
fn p12_where_there_was_incognito_is_kept() {
    let (dir, mut store) = temporary();
    assert_eq!(store.incognito().unwrap(), Incognito::default());
    let incognito = Incognito::new([(None, at(7)), (Some(room()), Timestamp::MAX)]);
    store.set_incognito(&incognito).unwrap();
    drop(store);
    let store = open(&dir);
    assert_eq!(store.incognito().unwrap(), incognito);
    assert_eq!(store.joined_since(&room()).unwrap(), None, "it is no room of that name");
}
