//! What is in the log, how often, and for how long.

use std::time::Duration;

use super::{
    super::tests::{NOW, day, entry, event, open, room, sent, temporary},
    *,
};
use crate::{
    delivery::{
        policy::Reason,
        receipt_queue::{Journal, Step},
    },
    model::{Logged, Route, UserId},
};

fn refused(name: &str, reason: Reason) -> Entry {
    entry(name, Step::Refuse(reason))
}

fn withheld(name: &str, reason: Reason) -> Entry {
    entry(name, Step::Withhold(reason))
}

/// The rows as (what, how often, about which event).
fn rows(store: &Store) -> Vec<(String, u64, String)> {
    let what = |entry: &LogEntry| match entry.what {
        Logged::Delivered { route } => format!("delivered {route:?}"),
        Logged::Undecryptable { route } => format!("undecryptable {route:?}"),
        Logged::Withheld { rule, .. } => rule.to_owned(),
    };
    store.log().unwrap().iter().map(|entry| (what(entry), entry.count, entry.event_id.to_string())).collect()
}

fn row(what: &str, count: u64, name: &str) -> (String, u64, String) {
    (what.to_owned(), count, event(name).to_string())
}

#[test]
fn what_was_sent_is_a_row_each_and_the_latest_comes_first() {
    let (dir, mut store) = temporary();
    store
        .record(
            &[sent("1"), entry("2", Step::Sent { at: Timestamp::from_millis(10), route: Route::Native, quiet: false })],
            NOW,
        )
        .unwrap();
    store
        .record(
            &[
                entry("3", Step::TellUndecryptable(Some(Timestamp::from_millis(11)))),
                entry("4", Step::TellUndecryptable(None)),
            ],
            NOW,
        )
        .unwrap();
    // A device that asked later was told the same.
    store.record(&[sent("1")], NOW).unwrap();
    let expected = [
        row("delivered Direct", 1, "1"),
        row("undecryptable Direct", 1, "3"),
        row("delivered Native", 1, "2"),
        row("delivered Direct", 1, "1"),
    ];
    assert_eq!(rows(&store), expected);
    drop(store);
    let store = open(&dir);
    assert_eq!(rows(&store), expected);
    let log = store.log().unwrap();
    assert_eq!(
        (log[2].at, log[2].first, log[2].person.as_str()),
        (Timestamp::from_millis(10), Timestamp::from_millis(10), "@bob:example.org")
    );
}

#[test]
fn a_thousand_reactions_are_one_row_of_their_day_room_person_and_reason() {
    let (_dir, mut store) = temporary();
    let reactions: Vec<_> = (1..=990).map(|n| refused(&n.to_string(), Reason::NotAMessage)).collect();
    store.record(&reactions, NOW).unwrap();
    store.record(&[withheld("message", Reason::Stranger)], NOW).unwrap();
    for n in 991..=1_000 {
        store.record(&[refused(&n.to_string(), Reason::NotAMessage)], NOW + Duration::from_millis(n)).unwrap();
    }
    assert_eq!(rows(&store), [row("P4", 1_000, "1000"), row("P7", 1, "message")]);
    let log = store.log().unwrap();
    assert_eq!((log[0].first, log[0].at), (NOW, NOW + Duration::from_secs(1)));

    let carol = Entry { sender: UserId::new("@carol:example.org"), ..refused("c", Reason::NotAMessage) };
    store.record(&[carol, refused("later", Reason::NotAMessage)], NOW + Duration::from_hours(24)).unwrap();
    let counts: Vec<u64> = rows(&store).iter().map(|(_, count, _)| *count).collect();
    assert_eq!(counts, [1, 1, 1_000, 1], "of another person, and of another day");
}

#[test]
fn what_is_withheld_for_good_is_counted_once_and_what_nobody_asked_for_not_at_all() {
    let (_dir, mut store) = temporary();
    for _ in 0..3 {
        store.record(&[withheld("1", Reason::Ignored)], NOW).unwrap();
    }
    store.record(&[sent("2")], NOW).unwrap();
    store
        .record(
            &[
                withheld("2", Reason::TooMany),
                entry("3", Step::Owe(Timestamp::from_millis(1))),
                entry("4", Step::AwaitKey),
            ],
            NOW,
        )
        .unwrap();
    let unasked = [Reason::BeforeJoin, Reason::JoinTimeUnknown, Reason::Own];
    store.record(&unasked.map(|reason| refused(reason.code(), reason)), NOW).unwrap();
    assert_eq!(rows(&store), [row("delivered Direct", 1, "2"), row("P8", 1, "1")]);
}

#[test]
fn it_is_kept_for_thirty_days_and_can_be_emptied() {
    let (_dir, mut store) = temporary();
    store.record(&[sent("1")], NOW).unwrap();
    store.record(&[sent("2"), refused("3", Reason::Redacted)], NOW + Duration::from_hours(24)).unwrap();
    store.prune(day(NOW.day() + LOG_DAYS)).unwrap();
    assert_eq!(rows(&store).len(), 3);
    store.prune(day(NOW.day() + LOG_DAYS + 1)).unwrap();
    assert_eq!(rows(&store), [row("P3", 1, "3"), row("delivered Direct", 1, "2")]);
    store.empty_log().unwrap();
    assert_eq!(rows(&store), []);
    assert!(store.stage(&room(), &event("2")).unwrap().is_some(), "what was sent is remembered all the same");
}

#[test]
fn l7_it_is_bounded() {
    let (_dir, mut store) = temporary();
    let many: Vec<_> = (0..LOG_ROWS).map(|n| sent(&n.to_string())).collect();
    store.record(&many, NOW).unwrap();
    store.record(&[sent("one more"), sent("and one")], NOW).unwrap();
    let rows = rows(&store);
    let (first, last) = (&rows[0], &rows[rows.len() - 1]);
    assert_eq!((rows.len(), &*first.2, &*last.2), (10_000, "$event-and one", "$event-2"));
}
