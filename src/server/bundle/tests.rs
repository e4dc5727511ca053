//! The sentences of PROTOCOL §7 about bundling, each with a test that is named after it, and what
//! holds whatever happens.

use serde_json::json;

use super::*;
use crate::{
    model::{EventId, UserId},
    server::routing::ReceiptName,
};

mod anything;

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

const START: u64 = 7_000;
const LONG_AFTER: Timestamp = Timestamp::from_millis(1_000_000);

fn receipt(event: &str, claimant: &str, device: Option<&str>, ts: Timestamp) -> Receipt {
    Receipt {
        room_id: RoomId::new("!room"),
        event_id: EventId::new(event),
        to: UserId::new("@you"),
        claimant: UserId::new(claimant),
        device_id: device.map(DeviceId::new),
        ts,
        name: ReceiptName::Stable,
        quiet: false,
    }
}

fn laptop() -> DeviceId {
    DeviceId::new("LAPTOP")
}

fn summary_above(limit: u64) -> Options {
    Options { summary_above: Some(limit), ..Options::default() }
}

/// A mailbox with receipts of so many users for `$1`.
fn mailbox(users: usize) -> Mailbox {
    let mut mailbox = Mailbox::new(START);
    mailbox.add_device(&laptop());
    for user in 0..users {
        assert!(mailbox.deliver(receipt("$1", &format!("@{user}"), None, at(1))));
    }
    mailbox
}

/// A request of the laptop with the number of its token, and what it gets.
fn sync(mailbox: &mut Mailbox, number: Option<u64>, now: Timestamp) -> Bundle {
    mailbox.acknowledge(&laptop(), number);
    mailbox.respond(&laptop(), &Options::default(), everywhere, now)
}

/// A response that can speak of every room.
fn everywhere(_: &RoomId) -> bool {
    true
}

/// What the laptop gets in `!room`.
fn content(mailbox: &mut Mailbox, options: &Options, now: Timestamp) -> Value {
    let mut bundle = mailbox.respond(&laptop(), options, everywhere, now);
    bundle.rooms.remove(&RoomId::new("!room")).unwrap_or_default()
}

/// How many users stand in a bundle, over all events.
fn users(bundle: &Bundle) -> usize {
    let events = bundle.rooms.values().flat_map(|content| content.as_object().unwrap().values());
    let types = events.flat_map(|types| types.as_object().unwrap().values());
    types.map(|users| users.as_object().unwrap().len()).sum()
}

#[test]
fn a_receipt_goes_to_each_of_the_senders_devices() {
    let mut mailbox = mailbox(1);
    mailbox.add_device(&DeviceId::new("PHONE"));
    let other = mailbox.respond(&DeviceId::new("PHONE"), &Options::default(), everywhere, LONG_AFTER);
    assert_eq!((users(&other), users(&sync(&mut mailbox, None, LONG_AFTER))), (1, 1));
}

#[test]
fn receipts_come_as_one_m_receipt_per_room() {
    let mut mailbox = mailbox(0);
    mailbox.deliver(receipt("$1", "@ada", Some("PHONE"), at(3)));
    mailbox.deliver(receipt("$2", "@ada", None, at(4)));
    mailbox.deliver(Receipt { room_id: RoomId::new("!other"), ..receipt("$3", "@ada", None, at(5)) });
    mailbox.deliver(Receipt { name: ReceiptName::Unstable, ..receipt("$1", "@bob", None, at(6)) });
    let expected = BTreeMap::from([
        (RoomId::new("!other"), json!({ "$3": { "m.delivery": { "@ada": { "ts": 5 } } } })),
        (
            RoomId::new("!room"),
            json!({
                "$1": {
                    "m.delivery": { "@ada": { "ts": 3, "dev.kvitto.devices": { "PHONE": { "ts": 3 } } } },
                    "org.matrix.msc4089.delivery": { "@bob": { "ts": 6 } },
                },
                "$2": { "m.delivery": { "@ada": { "ts": 4 } } },
            }),
        ),
    ]);
    assert_eq!(sync(&mut mailbox, None, LONG_AFTER), Bundle { number: START + 4, rooms: expected });
}

#[test]
fn named_devices_of_a_user_come_together_and_ts_is_the_earliest_of_all() {
    let mut mailbox = mailbox(0);
    mailbox.deliver(receipt("$1", "@ada", Some("PHONE"), at(5)));
    mailbox.deliver(receipt("$1", "@ada", Some("LAPTOP"), at(4)));
    mailbox.deliver(receipt("$1", "@ada", None, at(3)));
    let devices = json!({ "PHONE": { "ts": 5 }, "LAPTOP": { "ts": 4 } });
    let expected = json!({ "$1": { "m.delivery": { "@ada": { "ts": 3, "dev.kvitto.devices": devices } } } });
    assert_eq!(content(&mut mailbox, &Options::default(), LONG_AFTER), expected);
}

#[test]
fn a_device_that_follows_later_comes_alone_with_the_earliest_ts() {
    let mut mailbox = mailbox(0);
    mailbox.deliver(receipt("$1", "@ada", Some("PHONE"), at(5)));
    let number = sync(&mut mailbox, None, LONG_AFTER).number;
    mailbox.deliver(receipt("$1", "@ada", Some("LAPTOP"), at(9)));
    mailbox.acknowledge(&laptop(), Some(number));
    let devices = json!({ "LAPTOP": { "ts": 9 } });
    let expected = json!({ "$1": { "m.delivery": { "@ada": { "ts": 5, "dev.kvitto.devices": devices } } } });
    assert_eq!(content(&mut mailbox, &Options::default(), LONG_AFTER + GAP), expected);
}

#[test]
fn a_duplicate_leaves_ts_unchanged_and_wakes_nobody() {
    let mut mailbox = mailbox(0);
    for device in [None, Some("PHONE")] {
        assert!(mailbox.deliver(receipt("$1", "@ada", device, at(5))));
        assert!(!mailbox.deliver(receipt("$1", "@ada", device, at(6))));
        let other_name = Receipt { name: ReceiptName::Unstable, ..receipt("$1", "@ada", device, at(6)) };
        assert!(!mailbox.deliver(other_name), "both names are one type");
    }
    let expected = json!({ "ts": 5, "dev.kvitto.devices": { "PHONE": { "ts": 5 } } });
    let bundle = sync(&mut mailbox, None, LONG_AFTER);
    assert_eq!(bundle.rooms[&RoomId::new("!room")], json!({ "$1": { "m.delivery": { "@ada": expected } } }));

    mailbox.acknowledge(&laptop(), Some(bundle.number));
    assert!(!mailbox.deliver(receipt("$1", "@ada", None, at(7))), "also after it was acknowledged");
    assert_eq!(mailbox.ready_at(&laptop(), &Options::default(), everywhere), None);
}

#[test]
fn l3_an_earlier_ts_of_another_server_is_kept() {
    let mut mailbox = mailbox(0);
    mailbox.deliver(receipt("$1", "@ada", Some("PHONE"), at(5)));
    assert!(!mailbox.deliver(receipt("$1", "@ada", Some("PHONE"), at(4))));
    let expected = json!({ "ts": 4, "dev.kvitto.devices": { "PHONE": { "ts": 4 } } });
    assert_eq!(content(&mut mailbox, &Options::default(), LONG_AFTER)["$1"]["m.delivery"]["@ada"], expected);
    let summed = content(&mut mailbox, &summary_above(0), LONG_AFTER + GAP);
    assert_eq!(summed["$1"]["m.delivery"]["dev.kvitto.delivery_summary"]["latest_ts"], 4);
}

#[test]
fn at_once_when_the_sync_is_waiting_and_nothing_went_out_in_the_last_second() {
    let mut mailbox = mailbox(0);
    assert_eq!(mailbox.ready_at(&laptop(), &Options::default(), everywhere), None, "nothing waits");
    mailbox.deliver(receipt("$1", "@ada", None, at(1)));
    assert!(mailbox.ready_at(&laptop(), &Options::default(), everywhere).unwrap() <= at(5_000));
    let first = sync(&mut mailbox, None, at(5_000));

    mailbox.acknowledge(&laptop(), Some(first.number));
    mailbox.deliver(receipt("$1", "@bob", None, at(2)));
    assert_eq!(mailbox.ready_at(&laptop(), &Options::default(), everywhere), Some(at(6_000)));
}

#[test]
fn bundles_are_at_least_a_second_apart_also_when_one_was_lost() {
    let mut mailbox = mailbox(1);
    assert_eq!(users(&sync(&mut mailbox, None, at(5_000))), 1);
    for (now, expected) in [(5_000, 0), (5_999, 0), (6_000, 1), (6_001, 0)] {
        assert_eq!(users(&sync(&mut mailbox, None, at(now))), expected, "at {now}");
    }
}

#[test]
fn what_is_one_devices_second_is_not_so_for_another() {
    let mut mailbox = mailbox(1);
    sync(&mut mailbox, None, at(5_000));
    assert_eq!(users(&mailbox.respond(&DeviceId::new("PHONE"), &Options::default(), everywhere, at(5_001))), 1);
}

#[test]
fn at_most_1000_entries_a_response_and_the_rest_in_the_next() {
    let mut mailbox = mailbox(2_500);
    let (mut number, mut sizes, mut now) = (None, Vec::new(), LONG_AFTER);
    loop {
        let bundle = sync(&mut mailbox, number, now);
        sizes.push(users(&bundle));
        if bundle.rooms.is_empty() {
            break;
        }
        (number, now) = (Some(bundle.number), now + GAP);
    }
    assert_eq!(sizes, [1_000, 1_000, 500, 0]);
}

#[test]
fn a_lost_response_loses_nothing() {
    let mut mailbox = mailbox(1);
    let lost = sync(&mut mailbox, None, LONG_AFTER);
    mailbox.deliver(receipt("$1", "@late", None, at(2)));
    let again = sync(&mut mailbox, None, LONG_AFTER + GAP);
    assert_eq!((users(&lost), users(&again)), (1, 2));
}

#[test]
fn a_receipt_is_dropped_when_the_next_request_proves_that_it_came() {
    let mut mailbox = mailbox(2);
    let got = sync(&mut mailbox, None, LONG_AFTER);
    assert_eq!(mailbox.log.len(), 2, "handed out is not received");
    mailbox.deliver(receipt("$1", "@late", None, at(2)));
    let next = sync(&mut mailbox, Some(got.number), LONG_AFTER + GAP);
    assert_eq!((users(&next), mailbox.log.len()), (1, 1));

    mailbox.acknowledge(&laptop(), Some(got.number));
    assert_eq!(mailbox.log.len(), 1, "an older token proves nothing new");
    mailbox.acknowledge(&laptop(), Some(next.number));
    assert_eq!(mailbox.log.len(), 0);
}

#[test]
fn an_initial_sync_acknowledges_nothing() {
    let mut mailbox = mailbox(1);
    sync(&mut mailbox, None, LONG_AFTER);
    assert_eq!(users(&sync(&mut mailbox, None, LONG_AFTER + GAP)), 1);
}

#[test]
fn an_empty_response_acknowledges_nothing_that_was_lost_before_it() {
    let mut mailbox = mailbox(1);
    sync(&mut mailbox, None, LONG_AFTER);
    let empty = sync(&mut mailbox, None, LONG_AFTER + Duration::from_millis(1));
    assert_eq!(empty.rooms, BTreeMap::new());
    assert_eq!(users(&sync(&mut mailbox, Some(empty.number), LONG_AFTER + GAP)), 1);
}

#[test]
fn a_number_that_was_never_handed_out_acknowledges_nothing() {
    let mut mailbox = mailbox(3);
    for number in [0, START - 1, START, START + 3, u64::MAX] {
        mailbox.acknowledge(&laptop(), Some(number));
        assert_eq!(mailbox.log.len(), 3, "{number}");
    }
}

#[test]
fn an_older_token_brings_nothing_back() {
    let mut mailbox = mailbox(1);
    mailbox.add_device(&DeviceId::new("PHONE"));
    let older = sync(&mut mailbox, None, LONG_AFTER).number;
    mailbox.deliver(receipt("$1", "@late", None, at(2)));
    let newer = sync(&mut mailbox, Some(older), LONG_AFTER + GAP).number;
    mailbox.acknowledge(&laptop(), Some(newer));
    assert_eq!(users(&sync(&mut mailbox, Some(older), LONG_AFTER + 2 * GAP)), 0);
}

#[test]
fn what_one_device_has_still_waits_for_the_others_until_they_are_gone() {
    let mut mailbox = mailbox(1);
    mailbox.add_device(&DeviceId::new("PHONE"));
    let number = sync(&mut mailbox, None, LONG_AFTER).number;
    mailbox.acknowledge(&laptop(), Some(number));
    assert_eq!(mailbox.ready_at(&laptop(), &Options::default(), everywhere), None);
    assert_eq!(mailbox.log.len(), 1);
    mailbox.remove_device(&DeviceId::new("PHONE"));
    assert_eq!(mailbox.log.len(), 0);
}

#[test]
fn a_filter_that_wants_no_receipts_gets_none_and_they_wait() {
    let mut mailbox = mailbox(1);
    let unwanted = Options { wanted: false, ..Options::default() };
    assert_eq!(mailbox.ready_at(&laptop(), &unwanted, everywhere), None);
    let bundle = mailbox.respond(&laptop(), &unwanted, everywhere, LONG_AFTER);
    assert_eq!(bundle.rooms, BTreeMap::new());
    assert_eq!(users(&sync(&mut mailbox, Some(bundle.number), LONG_AFTER)), 1);
}

#[test]
fn what_a_response_cannot_speak_of_holds_up_nothing_and_waits_until_one_can() {
    let (here, phone) = (|room: &RoomId| *room != RoomId::new("!other"), DeviceId::new("PHONE"));
    let other = || Receipt { room_id: RoomId::new("!other"), ..receipt("$2", "@ada", None, at(1)) };
    let mut mailbox = mailbox(0);
    mailbox.add_device(&phone);
    mailbox.deliver(other());
    assert_eq!(mailbox.ready_at(&laptop(), &Options::default(), here), None, "for this alone no sync is answered");
    mailbox.deliver(receipt("$1", "@ada", None, at(1)));
    let first = mailbox.respond(&laptop(), &Options::default(), here, LONG_AFTER);
    assert_eq!(first.rooms.keys().collect::<Vec<_>>(), [&RoomId::new("!room")]);
    mailbox.acknowledge(&laptop(), Some(first.number));
    assert_eq!(mailbox.ready_at(&laptop(), &Options::default(), here), None);

    let whole = mailbox.respond(&phone, &Options::default(), everywhere, LONG_AFTER);
    assert_eq!((users(&whole), whole.number), (2, first.number), "one device's rooms are not another's");
    mailbox.acknowledge(&phone, Some(whole.number));

    for (attempt, now) in [("lost", LONG_AFTER + GAP), ("repeated", LONG_AFTER + 2 * GAP)] {
        assert!(mailbox.ready_at(&laptop(), &Options::default(), everywhere).is_some_and(|at| at <= now), "{attempt}");
        let late = sync(&mut mailbox, Some(first.number), now);
        assert_eq!(late.rooms.keys().collect::<Vec<_>>(), [&RoomId::new("!other")], "{attempt}");
        assert_eq!(mailbox.ready_at(&phone, &Options::default(), everywhere), None, "who has it is not told again");
        assert_eq!(late.number, first.number + 1);
    }
    mailbox.acknowledge(&laptop(), Some(first.number + 1));
    assert_eq!(mailbox.ready_at(&laptop(), &Options::default(), everywhere), None);
    assert_eq!(mailbox.log.len(), 0);
}

#[test]
fn an_event_with_more_than_n_receipts_comes_as_a_summary() {
    let mut mailbox = mailbox(0);
    mailbox.deliver(receipt("$1", "@ada", Some("PHONE"), at(3)));
    mailbox.deliver(receipt("$1", "@ada", Some("LAPTOP"), at(9)));
    mailbox.deliver(receipt("$1", "@bob", None, at(4)));
    mailbox.deliver(receipt("$2", "@bob", None, at(5)));
    let other = json!({ "m.delivery": { "@bob": { "ts": 5 } } });
    let summary = json!({ "dev.kvitto.delivery_summary": { "users": 2, "devices": 3, "latest_ts": 9 } });
    let expected = json!({ "$1": { "m.delivery": summary }, "$2": other });
    assert_eq!(content(&mut mailbox, &summary_above(2), LONG_AFTER), expected);

    let one_by_one = content(&mut mailbox, &summary_above(3), LONG_AFTER + GAP);
    assert_eq!(one_by_one["$1"]["m.delivery"].as_object().unwrap().len(), 2);
}

#[test]
fn a_summary_counts_also_what_was_handed_out_before() {
    let mut mailbox = mailbox(2);
    mailbox.acknowledge(&laptop(), None);
    let number = mailbox.respond(&laptop(), &summary_above(2), everywhere, LONG_AFTER).number;
    mailbox.acknowledge(&laptop(), Some(number));
    mailbox.deliver(receipt("$1", "@late", None, at(8)));
    let expected = json!({ "users": 3, "devices": 3, "latest_ts": 8 });
    let content = content(&mut mailbox, &summary_above(2), LONG_AFTER + GAP);
    assert_eq!(content["$1"]["m.delivery"]["dev.kvitto.delivery_summary"], expected);
}

#[test]
fn a_summary_is_one_entry_and_takes_all_its_receipts_along() {
    let mut mailbox = mailbox(3_000);
    for event in 0..ENTRIES {
        mailbox.deliver(receipt(&format!("$other{event}"), "@ada", None, at(1)));
    }
    let bundle = mailbox.respond(&laptop(), &summary_above(1), everywhere, LONG_AFTER);
    assert_eq!((users(&bundle), bundle.number), (ENTRIES, START + 3_000 + ENTRIES as u64 - 1));
}

#[test]
fn memory_is_bounded_and_the_oldest_goes_first() {
    let mut mailbox = mailbox(0);
    for event in 0..WAITING + 10 {
        mailbox.deliver(receipt(&format!("${event}"), "@ada", None, at(1)));
    }
    assert_eq!(mailbox.log.len(), WAITING);
    assert_eq!(mailbox.known.len(), WAITING);
    let bundle = sync(&mut mailbox, None, LONG_AFTER);
    assert_eq!((users(&bundle), bundle.number), (ENTRIES, START + 10 + ENTRIES as u64));
    assert!(bundle.rooms[&RoomId::new("!room")].get("$10").is_some());
    assert!(mailbox.deliver(receipt("$0", "@ada", None, at(1))), "what is forgotten is news");
}
