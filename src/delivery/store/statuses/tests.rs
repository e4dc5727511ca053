//! How far a message's receipt is, and who wins.

use std::time::Duration;

use super::{
    super::disk::Disk,
    super::tests::{NOW, entry, event, owe, owed, room, sent, temporary},
    *,
};
use crate::{delivery::policy::Reason, model::Route};

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn status(store: &Store, name: &str) -> Option<ReceiptStatus> {
    store.status(&room(), &event(name)).unwrap()
}

/// Each row of the table is written over each other: the one that is further holds.
#[test]
fn a_fate_climbs_and_never_steps_back() {
    let rows = [
        (Step::AwaitKey, Stage::AwaitingKey, ReceiptStatus::AwaitingKey),
        (
            Step::TellUndecryptable(Some(at(8))),
            Stage::ToldUndecryptable,
            ReceiptStatus::ToldUndecryptable { at: at(8) },
        ),
        (Step::Owe(at(4)), Stage::Owed, ReceiptStatus::Owed { since: at(4) }),
        (Step::Withhold(Reason::Left), Stage::Withheld, Reason::Left.status()),
        (
            Step::Sent { at: at(9), route: Route::Direct, quiet: false },
            Stage::Sent,
            ReceiptStatus::Sent { at: at(9), route: Route::Direct },
        ),
    ];
    for first in &rows {
        for second in &rows {
            let (_dir, mut store) = temporary();
            store.record(&[entry("1", first.0.clone())], NOW).unwrap();
            store.record(&[entry("1", second.0.clone())], NOW).unwrap();
            let (_, stage, expected) = if first.1 < second.1 { second } else { first };
            assert_eq!(store.stage(&room(), &event("1")).unwrap(), Some(*stage));
            assert_eq!(status(&store, "1").as_ref(), Some(expected), "{first:?} then {second:?}");
        }
    }
}

#[test]
fn the_first_of_two_settlements_holds() {
    let (_dir, mut store) = temporary();
    let withheld = |reason| entry("1", Step::Withhold(reason));
    store.record(&[withheld(Reason::Left), withheld(Reason::Ignored)], NOW).unwrap();
    assert_eq!(status(&store, "1"), Some(Reason::Left.status()));
}

#[test]
fn what_is_refused_only_now_is_not_remembered() {
    let (_dir, mut store) = temporary();
    store.record(&[entry("1", Step::Refuse(Reason::NotAMessage))], NOW).unwrap();
    assert_eq!((status(&store, "1"), store.stage(&room(), &event("1")).unwrap()), (None, None));
}

#[test]
fn p1_whose_sender_could_not_be_told_awaits_its_key_as_before() {
    let (_dir, mut store) = temporary();
    store
        .record(
            &[
                entry("1", Step::TellUndecryptable(None)),
                entry("2", Step::AwaitKey),
                entry("3", Step::TellUndecryptable(Some(at(5)))),
            ],
            NOW,
        )
        .unwrap();
    assert_eq!(status(&store, "1"), Some(ReceiptStatus::AwaitingKey));
    let mut awaited: Vec<_> =
        store.awaiting().unwrap().into_iter().map(|awaited| (awaited.event_id, awaited.sender_told)).collect();
    awaited.sort();
    assert_eq!(awaited, [(event("1"), true), (event("2"), false), (event("3"), true)]);
    store.record(&[owe("1"), owe("2"), owe("3")], NOW).unwrap();
    assert_eq!((store.awaiting().unwrap().len(), store.owed().unwrap().len()), (0, 3));
}

#[test]
fn every_reason_comes_back_from_disk() {
    let (_dir, mut store) = temporary();
    let all = Reason::ALL.map(|reason| entry(reason.code(), Step::Withhold(reason)));
    store.record(&all, NOW).unwrap();
    for reason in Reason::ALL {
        assert_eq!(status(&store, reason.code()), Some(reason.status()));
    }
}

#[test]
fn a_status_belongs_to_its_room() {
    let (_dir, mut store) = temporary();
    store.record(&[sent("1")], NOW).unwrap();
    assert_eq!(store.status(&RoomId::new("!other"), &event("1")).unwrap(), None);
}

/// What 0.1.0 left on disk goes on where it was.
#[test]
fn a_file_from_before_there_was_a_log_goes_on_where_it_was() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("delivery.sqlite3");
    let key = super::super::tests::KEY;
    let old = Disk::open_at(1, &path, &key).unwrap();
    let steps = [
        ("await", 0, Step::AwaitKey),
        ("owed", 1, Step::Owe(at(4))),
        ("withheld", 2, Step::Withhold(Reason::Stranger)),
        ("sent", 3, Step::Sent { at: at(9), route: Route::Native, quiet: false }),
    ];
    for (name, stage, step) in steps {
        let (entry, disk) = (entry(name, step), old.read());
        let row = FateRow::of(&entry).unwrap();
        let key = disk.key("fate", &[entry.room_id.as_str(), entry.event_id.as_str()]);
        let row = params![key, stage, disk.seal(&row).unwrap()];
        disk.run("INSERT INTO fates (key, stage, value) VALUES (?1, ?2, ?3)", row).unwrap();
    }
    drop(old);

    let mut store = Store::open(dir.path(), &key).unwrap();
    let awaiting: Vec<_> = store.awaiting().unwrap().into_iter().map(|awaited| awaited.event_id).collect();
    assert_eq!((awaiting, store.owed().unwrap()), (vec![event("await")], vec![owed("owed")]));
    let again = ["await", "owed", "withheld", "sent"].map(owe);
    store.record(&again, NOW).unwrap();
    assert_eq!(status(&store, "await"), Some(ReceiptStatus::Owed { since: at(4) }));
    assert_eq!(status(&store, "withheld"), Some(Reason::Stranger.status()));
    assert_eq!(status(&store, "sent"), Some(ReceiptStatus::Sent { at: at(9), route: Route::Native }));
    assert_eq!(store.log().unwrap(), []);
}

#[test]
fn l8_what_was_withheld_is_known_until_that_is_said_with_a_later_message() {
    let (dir, mut store) = temporary();
    let sent = |name: &str, sent, step| Entry { sent: NOW + sent, ..entry(name, step) };
    let bob = super::super::tests::bob();
    let known = |store: &Store| store.withheld(&bob, &room()).unwrap().map(|sent| sent - NOW);
    let said = |quiet| Step::Sent { at: at(9), route: Route::Direct, quiet };
    for reason in [Reason::Redacted, Reason::BeforeJoin, Reason::NotAMessage] {
        store.record(&[sent(reason.code(), ms(5), Step::Refuse(reason))], NOW).unwrap();
    }
    store
        .record(&[sent("long ago", ms(5), Step::Refuse(Reason::TooOld))], NOW + Duration::from_hours(31 * 24))
        .unwrap();
    assert_eq!(known(&store), None, "for which nobody waits, or of which nothing is known any more");
    store
        .record(&[sent("b", ms(20), Step::Withhold(Reason::Off)), sent("a", ms(10), Step::Refuse(Reason::TooOld))], NOW)
        .unwrap();
    assert_eq!(known(&super::super::tests::open(&dir)), Some(ms(20)));
    store
        .record(
            &[
                sent("b", ms(30), Step::Withhold(Reason::Off)),
                sent("c", ms(40), said(false)),
                sent("d", ms(15), said(true)),
            ],
            NOW,
        )
        .unwrap();
    assert_eq!(known(&store), Some(ms(20)), "withheld twice is once, and only a later one says so");
    store.record(&[sent("e", ms(40), said(true))], NOW).unwrap();
    assert_eq!(known(&store), None);
}

/// Names that are on disk stay, whatever they are called here.
#[test]
fn rows_are_written_as_from_the_first_version_on() {
    let written = |step| serde_json::to_value(FateRow::of(&entry("$1", step)).unwrap()).unwrap();
    let (room_id, event_id) = (room(), event("$1"));
    let row = |status: serde_json::Value| serde_json::json!({ "room": room_id.as_str(), "event": event_id.as_str(), "fate": status });
    let Entry { sender, sent, .. } = entry("$1", Step::AwaitKey);
    let sender = sender.as_str();
    for (step, status) in [
        (Step::AwaitKey, serde_json::json!({ "AwaitingKey": { "sender": sender, "sent": sent } })),
        (
            Step::TellUndecryptable(Some(at(8))),
            serde_json::json!({ "Told": { "sender": sender, "sent": sent, "at": 8 } }),
        ),
        (
            Step::Owe(at(4)),
            serde_json::json!({ "Owed": { "sender": sender, "sent": sent, "since": 4, "state": "delivered" } }),
        ),
        (Step::Withhold(Reason::Stranger), serde_json::json!({ "Withheld": { "code": Reason::Stranger.code() } })),
        (
            Step::Sent { at: at(9), route: Route::Native, quiet: false },
            serde_json::json!({ "Sent": { "at": 9, "route": "native" } }),
        ),
    ] {
        assert_eq!(written(step), row(status));
    }
}
