//! From claims to states, and from states to marks.

use super::*;
use crate::{
    delivery::{
        ledger::{BridgeReport, ExpectedDevice, aggregate},
        receipt::Summary,
    },
    model::{BridgeState, EventId, RoomId, Route},
};

mod responsiveness;

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

const AT: Timestamp = Timestamp::from_millis(50);
const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);

fn known(device: &str) -> ExpectedDevice {
    let name = SafeText::line(&format!("{device}'s name"));
    ExpectedDevice { device_id: DeviceId::new(device), name, excluded: None, silent: None }
}

fn excluded(device: &str) -> ExpectedDevice {
    ExpectedDevice { excluded: Some("not verified".to_owned()), ..known(device) }
}

fn own(expected: &[(&str, &[ExpectedDevice])], claims: &[(&str, Option<&str>, ClaimState)]) -> OwnEvent {
    let stamp = |state| Stamp { at: Some(AT), state, route: Route::Direct, heard: AT };
    OwnEvent {
        room_id: RoomId::new("!r"),
        event_id: EventId::new("$e"),
        sent: at(1),
        expected: expected.iter().map(|(user, devices)| (UserId::new(user), devices.to_vec())).collect(),
        claims: claims
            .iter()
            .map(|(user, device, state)| ((UserId::new(user), device.map(DeviceId::new)), stamp(*state)))
            .collect(),
    }
}

const DELIVERED: DeviceState = DeviceState::Delivered { at: Some(AT) };
const UNDECRYPTABLE: DeviceState = DeviceState::Undecryptable { at: Some(AT) };

/// Per device: person, device, state, expected.
fn rows(delivery: &Delivery) -> Vec<(&str, Option<&str>, DeviceState, bool)> {
    delivery
        .people
        .iter()
        .flat_map(|person| {
            person.devices.iter().map(|device| {
                let id = device.device_id.as_ref().map(DeviceId::as_str);
                (person.user_id.as_str(), id, device.state.clone(), device.expected)
            })
        })
        .collect()
}

type People = BTreeMap<UserId, Responsiveness>;

fn all(answers: Answers) -> People {
    let people = ["@ann", "@bob", "@bot", "@carol", "@dave"].map(UserId::new);
    people.into_iter().map(|user| (user, Responsiveness { answers, ..Responsiveness::default() })).collect()
}

fn nobody() -> People {
    People::new()
}

fn everybody() -> People {
    all(Answers::Named)
}

fn unnamed() -> People {
    all(Answers::Unnamed)
}

/// As it stands long after.
fn delivery(own: &OwnEvent, responsiveness: &People) -> Delivery {
    super::delivery(own, responsiveness, NOW)
}

#[test]
fn people_and_devices_stand_in_a_stable_order_the_expected_ones_first() {
    let own = own(
        &[("@carol", &[known("C")]), ("@bob", &[known("B2"), excluded("B0"), known("B1")])],
        &[
            ("@bob", Some("B2"), ClaimState::Delivered),
            ("@bob", Some("A"), ClaimState::Delivered),
            ("@dave", Some("D"), ClaimState::Undecryptable),
        ],
    );
    let why = SafeText::line("not verified");
    let delivery = delivery(&own, &nobody());
    assert_eq!(
        rows(&delivery),
        [
            ("@bob", Some("B1"), DeviceState::Pending, true),
            ("@bob", Some("B2"), DELIVERED, true),
            ("@bob", Some("A"), DELIVERED, false),
            ("@bob", Some("B0"), DeviceState::Excluded { why }, false),
            ("@carol", Some("C"), DeviceState::Unknown, true),
            ("@dave", Some("D"), UNDECRYPTABLE, false),
        ]
    );
    let bob = &delivery.people[0].devices;
    assert_eq!(bob[1].name.as_str(), "B2's name");
    assert_eq!((bob[0].route, bob[1].route), (None, Some(Route::Direct)));
}

#[test]
fn claims_of_users_with_neighbouring_ids_are_not_mixed_up() {
    let own = own(
        &[("@bob", &[known("X")]), ("@bob2", &[known("X")]), ("@bo", &[known("X")])],
        &[("@bob", Some("X"), ClaimState::Delivered), ("@bob2", Some("X"), ClaimState::Undecryptable)],
    );
    let states: Vec<_> = rows(&delivery(&own, &nobody())).into_iter().map(|row| (row.0.to_owned(), row.2)).collect();
    let expected = [("@bo", DeviceState::Unknown), ("@bob", DELIVERED), ("@bob2", UNDECRYPTABLE)];
    assert_eq!(states, expected.map(|(user, state)| (user.to_owned(), state)));
}

#[test]
fn l5_silence_is_unknown_until_any_device_of_the_person_has_ever_answered() {
    let silent = own(&[("@bob", &[known("B1")])], &[]);
    assert_eq!(rows(&delivery(&silent, &nobody()))[0].2, DeviceState::Unknown);
    assert_eq!(rows(&delivery(&silent, &everybody()))[0].2, DeviceState::Pending);
    let other_answered = own(&[("@bob", &[known("B1"), known("B2")])], &[("@bob", Some("B2"), ClaimState::Delivered)]);
    assert_eq!(rows(&delivery(&other_answered, &nobody()))[0].2, DeviceState::Pending);
}

#[test]
fn a_person_whose_receipts_never_name_a_device_counts_as_one() {
    let devices = [known("B1"), known("B2"), excluded("B3")];
    let waiting = own(&[("@bob", &devices)], &[]);
    let answered = own(&[("@bob", &devices)], &[("@bob", None, ClaimState::Delivered)]);
    let why = DeviceState::Excluded { why: SafeText::line("not verified") };
    for (own, state) in [(waiting, DeviceState::Pending), (answered, DELIVERED)] {
        let delivery = delivery(&own, &unnamed());
        assert_eq!(
            rows(&delivery),
            [
                ("@bob", None, state.clone(), true),
                ("@bob", Some("B1"), DeviceState::Unknown, false),
                ("@bob", Some("B2"), DeviceState::Unknown, false),
                ("@bob", Some("B3"), why.clone(), false),
            ],
            "l5: no device is ticked"
        );
        assert!(delivery.people[0].counts_as_one());
        let mark = mark(&SendState::Sent, Some(&delivery), &[]);
        assert_eq!(mark, Mark::Devices { people: vec![vec![state]], read: false });
    }
}

#[test]
fn the_first_receipt_without_a_device_makes_a_person_one_by_itself() {
    let first = own(&[("@bob", &[known("B")])], &[("@bob", None, ClaimState::Delivered)]);
    assert!(delivery(&first, &nobody()).people[0].counts_as_one());
}

#[test]
fn a_person_who_was_given_no_key_does_not_count_however_they_answer() {
    for expected in [&[][..], &[("@bob", &[excluded("B")][..])]] {
        let own = own(expected, &[("@bob", None, ClaimState::Delivered)]);
        let delivery = delivery(&own, &unnamed());
        assert_eq!(rows(&delivery)[0], ("@bob", None, DELIVERED, false));
        assert_eq!(mark(&SendState::Sent, Some(&delivery), &[]), Mark::Sent);
    }
}

#[test]
fn once_a_device_was_named_each_device_counts() {
    let own = own(&[("@bob", &[known("B1"), known("B2")])], &[("@bob", None, ClaimState::Delivered)]);
    let delivery = delivery(&own, &everybody());
    assert_eq!(
        rows(&delivery),
        [
            ("@bob", Some("B1"), DeviceState::Pending, true),
            ("@bob", Some("B2"), DeviceState::Pending, true),
            ("@bob", None, DELIVERED, false),
        ]
    );
    assert!(!delivery.people[0].counts_as_one());
}

#[test]
fn a_receipt_without_a_device_that_a_named_one_explains_is_not_shown() {
    for (unnamed, named, shown) in [
        (Some(50), Some(50), false),
        (Some(51), Some(50), false),
        (Some(49), Some(50), true),
        (Some(50), None, true),
        (None, None, false),
    ] {
        let mut own = own(
            &[("@bob", &[known("B")])],
            &[("@bob", None, ClaimState::Delivered), ("@bob", Some("B"), ClaimState::Delivered)],
        );
        for ((_, device), stamp) in &mut own.claims {
            stamp.at = if device.is_some() { named.map(at) } else { unnamed.map(at) };
        }
        let delivery = delivery(&own, &nobody());
        assert_eq!(rows(&delivery).iter().any(|row| row.1.is_none()), shown, "{unnamed:?} {named:?}");
        assert_eq!(rows(&delivery)[0].1, Some("B"));
    }
}

#[test]
fn people_who_count_as_one_and_devices_are_counted_together() {
    let devices = |user: &'static str| (user, vec![known("1"), known("2"), known("3")]);
    let people = [devices("@ann"), devices("@bob"), devices("@carol")];
    let expected: Vec<_> = people.iter().map(|(user, devices)| (*user, devices.as_slice())).collect();
    let mut claims = vec![("@ann", Some("1"), ClaimState::Delivered), ("@bob", None, ClaimState::Delivered)];
    let count = |claims: &[_]| mark(&SendState::Sent, Some(&delivery(&own(&expected, claims), &nobody())), &[]);
    assert_eq!(count(&claims), Mark::Count { delivered: 2, expected: 7, undecryptable: 0, missed: 0 });
    claims.push(("@carol", None, ClaimState::Delivered));
    claims.extend([("@ann", Some("2"), ClaimState::Delivered), ("@ann", Some("3"), ClaimState::Delivered)]);
    let all = Mark::Devices { people: vec![vec![DELIVERED; 3], vec![DELIVERED], vec![DELIVERED]], read: false };
    assert_eq!(count(&claims), all, "it becomes complete");
}

#[test]
fn a_device_that_was_left_out_and_answers_all_the_same_is_shown_and_not_counted() {
    let own = own(&[("@bob", &[excluded("B")])], &[("@bob", Some("B"), ClaimState::Delivered)]);
    let delivery = delivery(&own, &nobody());
    assert_eq!(rows(&delivery), [("@bob", Some("B"), DELIVERED, false)]);
    assert_eq!(mark(&SendState::Sent, Some(&delivery), &[]), Mark::Sent);
}

fn mark_of(own: &OwnEvent, readers: &[&str]) -> Mark {
    let readers: Vec<ReadBy> = readers.iter().map(|user| ReadBy { user_id: UserId::new(user), at: None }).collect();
    mark(&SendState::Sent, Some(&delivery(own, &everybody())), &readers)
}

#[test]
fn before_the_server_has_it_nothing_else_counts() {
    let delivery = delivery(&own(&[("@bob", &[known("B")])], &[("@bob", Some("B"), ClaimState::Delivered)]), &nobody());
    assert_eq!(mark(&SendState::Waiting, Some(&delivery), &[]), Mark::Waiting);
    assert_eq!(mark(&SendState::Failed(SafeText::line("no")), Some(&delivery), &[]), Mark::Failed);
}

#[test]
fn without_expected_devices_it_is_sent() {
    assert_eq!(mark(&SendState::Sent, None, &[]), Mark::Sent);
    assert_eq!(mark_of(&own(&[("@bob", &[])], &[]), &[]), Mark::Sent, "who is only invited");
    assert_eq!(mark_of(&own(&[], &[]), &[]), Mark::Nobody);
    assert_eq!(mark_of(&own(&[("@bob", &[excluded("B")])], &[]), &["@bob"]), Mark::Sent);
}

#[test]
fn up_to_six_devices_are_a_row_which_stays_when_all_have_it() {
    let both = own(
        &[("@bob", &[known("B1"), known("B2"), excluded("B3")]), ("@carol", &[known("C")])],
        &[("@bob", Some("B1"), ClaimState::Delivered), ("@bob", Some("B2"), ClaimState::Delivered)],
    );
    let people = vec![vec![DELIVERED; 2], vec![DeviceState::Pending]];
    assert_eq!(mark_of(&both, &[]), Mark::Devices { people, read: false });

    let one = own(&[("@bob", &[known("B")])], &[("@bob", Some("B"), ClaimState::Delivered)]);
    assert_eq!(mark_of(&one, &[]), Mark::Devices { people: vec![vec![DELIVERED]], read: false });
    assert_eq!(mark_of(&one, &["@bob"]), Mark::Devices { people: vec![vec![DELIVERED]], read: true });
}

#[test]
fn everyone_has_read_when_each_person_with_an_expected_device_has() {
    let two = own(&[("@bob", &[known("B")]), ("@carol", &[known("C")]), ("@dave", &[excluded("D")])], &[]);
    let read = |readers: &[&str]| matches!(mark_of(&two, readers), Mark::Devices { read: true, .. });
    assert!(!read(&[]));
    assert!(!read(&["@bob", "@dave"]));
    assert!(read(&["@carol", "@bob"]), "l5: although no device has said that it has it");
}

/// Seven devices of Bob's, of which so many have it and the next so many could not decrypt it.
fn seven(delivered: usize, undecryptable: usize) -> OwnEvent {
    let devices: Vec<String> = (0..7).map(|n| n.to_string()).collect();
    let states =
        [ClaimState::Delivered].repeat(delivered).into_iter().chain([ClaimState::Undecryptable].repeat(undecryptable));
    let claims: Vec<_> =
        devices.iter().zip(states).map(|(device, state)| ("@bob", Some(device.as_str()), state)).collect();
    let expected: Vec<_> = devices.iter().map(|device| known(device)).collect();
    own(&[("@bob", &expected)], &claims)
}

#[test]
fn above_six_devices_are_counted() {
    let count = |delivered, undecryptable| Mark::Count { delivered, expected: 7, undecryptable, missed: 0 };
    assert_eq!(mark_of(&seven(0, 0), &[]), count(0, 0));
    assert_eq!(mark_of(&seven(4, 2), &[]), count(4, 2));
    assert_eq!(mark_of(&seven(6, 0), &["@bob"]), count(6, 0), "l5: read does not imply delivered");
    assert_eq!(mark_of(&seven(7, 0), &[]), Mark::Delivered);
    assert_eq!(mark_of(&seven(7, 0), &["@bob"]), Mark::Read);
}

#[test]
fn a_row_can_be_counted_for_the_other_styles() {
    let row = |state: &[DeviceState], read| Mark::Devices { people: vec![state.to_vec()], read };
    for (mark, counted) in [
        (
            row(&[DELIVERED, UNDECRYPTABLE], true),
            Mark::Count { delivered: 1, expected: 2, undecryptable: 1, missed: 0 },
        ),
        (
            row(&[DELIVERED, DeviceState::Missed { later: at(1) }], false),
            Mark::Count { delivered: 1, expected: 2, undecryptable: 0, missed: 1 },
        ),
        (row(&[DELIVERED, DELIVERED], false), Mark::Delivered),
        (row(&[DELIVERED], true), Mark::Read),
        (row(&[], true), Mark::Sent),
        (Mark::Failed, Mark::Failed),
    ] {
        assert_eq!(mark.counted(), counted);
    }
}

/// What is known after a bridge said this of a message in a room of the bot, a ghost without
/// devices, and Bob.
fn after_bridge(state: BridgeState, reached: Option<&[&str]>) -> Delivery {
    let own = own(&[("@bob", &[known("B")]), ("@bot", &[known("CRYPTO")]), ("@ghost", &[])], &[]);
    let mut delivery = delivery(&own, &everybody());
    let reached = reached.map(|users| users.iter().map(UserId::new).collect());
    let report = BridgeReport { state, at: at(1), bot: UserId::new("@bot"), why: SafeText::line("why"), reached };
    bridged(&mut delivery, &report);
    delivery
}

#[test]
fn a_bridge_counts_people_without_devices_and_touches_no_device() {
    // The bot's is waited for as anybody's: whoever may redact others' messages can say what a
    // bridge says.
    let bot = ("@bot", Some("CRYPTO"), DeviceState::Pending, true);
    let bob = ("@bob", Some("B"), DeviceState::Pending, true);
    let has = DeviceState::Delivered { at: None };
    let ghost = |state| vec![("@ghost", None, state, true)];
    for (reached, ghost, counted) in [
        (None, vec![], None),
        (Some(&[][..]), ghost(DeviceState::Pending), Some(vec![])),
        (Some(&["@ghost", "@bot", "@bob"][..]), ghost(has.clone()), Some(vec!["@ghost"])),
        // Nobody counts who is not in the room.
        (Some(&["@else"]), ghost(DeviceState::Pending), Some(vec![])),
        (Some(&["@else", "@ghost"]), ghost(has.clone()), Some(vec!["@ghost"])),
    ] {
        let delivery = after_bridge(BridgeState::Sent, reached);
        let expected: Vec<_> = [bob.clone(), bot.clone()].into_iter().chain(ghost).collect();
        assert_eq!(rows(&delivery), expected, "{reached:?}");
        let bridge = delivery.bridge.expect("what it said");
        let counted: Option<Vec<UserId>> = counted.map(|users| users.into_iter().map(UserId::new).collect());
        assert_eq!(bridge.delivered_to, counted, "{reached:?}");
    }
}

#[test]
fn what_a_bridge_could_not_pass_on_is_seen_in_the_mark() {
    let mark = |state| mark(&SendState::Sent, Some(&after_bridge(state, Some(&["@ghost"]))), &[]);
    assert_eq!(mark(BridgeState::Failed), Mark::NotBridged);
    assert_eq!(mark(BridgeState::Retriable), Mark::NotBridged);
    let people =
        vec![vec![DeviceState::Pending], vec![DeviceState::Pending], vec![DeviceState::Delivered { at: None }]];
    for state in [BridgeState::Pending, BridgeState::Sent] {
        assert_eq!(mark(state), Mark::Devices { people: people.clone(), read: false });
    }
}

fn large(counted: aggregate::Tally) -> Large {
    let newest = |user: &str, device: Option<&str>, counts| Newest {
        who: (UserId::new(user), device.map(DeviceId::new)),
        stamp: Stamp { at: Some(AT), state: ClaimState::Delivered, route: Route::Native, heard: AT },
        counts,
    };
    Large {
        room_id: RoomId::new("!r"),
        event_id: EventId::new("$e"),
        sent: at(1),
        counted,
        summary: Summary::default(),
        newest: vec![newest("@dan", Some("D"), true), newest("@bob", None, false), newest("@dan", Some("C"), false)],
    }
}

#[test]
fn l7_a_large_message_is_its_counts_and_the_few_who_answered_last() {
    let counted = aggregate::Tally {
        people: 300,
        expected: 900,
        delivered: 57,
        undecryptable: 2,
        users: 40,
        devices: 60,
        latest: Some(AT),
    };
    let delivery = tallied(&large(counted));
    let tally = Tally { users: 40, delivered: 57, undecryptable: 2, expected: 900, latest: Some(AT), anonymous: false };
    assert_eq!(delivery.tally, Some(tally));
    assert_eq!(
        rows(&delivery),
        [("@bob", None, DELIVERED, false), ("@dan", Some("D"), DELIVERED, true), ("@dan", Some("C"), DELIVERED, false)]
    );
    for (delivered, expected, mark) in [
        (57, 900, Mark::Count { delivered: 57, expected: 900, undecryptable: 2, missed: 0 }),
        (900, 900, Mark::Delivered),
        (0, 0, Mark::Sent),
    ] {
        let delivery = tallied(&large(aggregate::Tally { expected, delivered, ..counted }));
        assert_eq!(super::mark(&SendState::Sent, Some(&delivery), &[]), mark);
        assert_eq!(super::mark(&SendState::Waiting, Some(&delivery), &[]), Mark::Waiting);
    }
    let nobody_expected = tallied(&large(aggregate::Tally { expected: 0, delivered: 0, ..counted }));
    assert_eq!(nobody_expected.tally.map(|tally| tally.delivered), Some(60), "those that have it all the same");
}
