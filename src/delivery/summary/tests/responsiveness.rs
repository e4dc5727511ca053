//! What silence means, and what other devices of this account did.

use super::*;
use crate::model::Tally;

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn silent(device: &str) -> ExpectedDevice {
    ExpectedDevice { silent: Some(at(3)), ..known(device) }
}

#[test]
fn a_silent_device_does_not_count_until_it_answers_after_all() {
    let devices = [known("B1"), silent("B2")];
    let waiting = own(&[("@bob", &devices)], &[("@bob", Some("B1"), ClaimState::Delivered)]);
    let silence = DeviceState::Silent { since: at(3) };
    assert_eq!(
        rows(&delivery(&waiting, &everybody())),
        [("@bob", Some("B1"), DELIVERED, true), ("@bob", Some("B2"), silence, false)]
    );
    let complete = Mark::Devices { people: vec![vec![DELIVERED]], read: false };
    assert_eq!(mark_of(&waiting, &[]), complete);

    for (state, shown) in [(ClaimState::Delivered, DELIVERED), (ClaimState::Undecryptable, UNDECRYPTABLE)] {
        let answered = own(&[("@bob", &devices)], &[("@bob", Some("B2"), state)]);
        assert_eq!(rows(&delivery(&answered, &everybody()))[1], ("@bob", Some("B2"), shown, true));
    }
}

#[test]
fn where_everybody_is_silent_a_message_is_sent_and_not_complete() {
    let silent = own(&[("@bob", &[silent("B")]), ("@carol", &[silent("C")])], &[]);
    assert_eq!(mark_of(&silent, &["@bob", "@carol"]), Mark::Sent);
}

#[test]
fn l5_somebody_who_never_answered_is_unknown_and_not_silent() {
    let delivery = delivery(&own(&[("@bob", &[known("B")])], &[]), &nobody());
    assert_eq!(rows(&delivery), [("@bob", Some("B"), DeviceState::Unknown, true)]);
}

#[test]
fn a_person_who_counts_as_one_can_be_silent_as_one() {
    let silence = DeviceState::Silent { since: at(3) };
    for (devices, claims, expected) in [
        (vec![silent("B1"), silent("B2")], vec![], (silence, false)),
        (vec![silent("B1"), known("B2")], vec![], (DeviceState::Pending, true)),
        (vec![silent("B1")], vec![("@bob", None, ClaimState::Delivered)], (DELIVERED, true)),
    ] {
        let delivery = delivery(&own(&[("@bob", &devices)], &claims), &unnamed());
        let person = rows(&delivery).into_iter().find(|row| row.1.is_none()).unwrap();
        assert_eq!((person.2, person.3), expected);
        assert!(!is_undelivered(&delivery) || expected == (DeviceState::Pending, true));
    }
}

/// Bob's device answered these of the messages that were sent before and after.
fn responsiveness(answered: impl IntoIterator<Item = u64>, device: Option<&str>) -> People {
    let mut responsiveness = Responsiveness::default();
    for sent in answered {
        responsiveness.answer(&RoomId::new("!r"), at(sent), device.map(DeviceId::new).as_ref(), at(sent + 1));
    }
    People::from([(UserId::new("@bob"), responsiveness)])
}

#[test]
fn what_a_device_has_missed_counts_and_is_seen() {
    let missed = DeviceState::Missed { later: at(101) };
    let mut mine = own(&[("@bob", &[known("B")])], &[]);
    mine.sent = at(50);
    for (responsiveness, expected) in [
        (responsiveness([10, 20, 30, 40, 100], Some("B")), missed.clone()),
        (responsiveness([10, 20, 30, 40], Some("B")), DeviceState::Pending),
        (responsiveness([10, 20, 30, 40, 100], Some("C")), DeviceState::Pending),
    ] {
        assert_eq!(rows(&delivery(&mine, &responsiveness)), [("@bob", Some("B"), expected, true)]);
    }
    let as_one = delivery(&mine, &responsiveness([10, 20, 30, 40, 100], None));
    assert_eq!(
        rows(&as_one)[0],
        ("@bob", None, DeviceState::Pending, true),
        "such receipts cannot say what was withheld"
    );
}

#[test]
fn l5_a_device_has_not_missed_what_an_unnamed_device_of_its_person_has() {
    let responsiveness = responsiveness([10, 20, 30, 40, 100], Some("B"));
    let unnamed = ("@bob", None, ClaimState::Delivered);
    let mut mine = own(&[("@bob", &[known("B")])], &[unnamed]);
    mine.sent = at(50);
    let expected = [("@bob", Some("B"), DeviceState::Quiet, true), ("@bob", None, DELIVERED, false)];
    assert_eq!(rows(&delivery(&mine, &responsiveness)), expected);

    // A server that gives a person's earliest time with each of their devices says nothing of the
    // others.
    let mut explained =
        own(&[("@bob", &[known("B"), known("C")])], &[unnamed, ("@bob", Some("C"), ClaimState::Delivered)]);
    explained.sent = at(50);
    assert_eq!(rows(&delivery(&explained, &responsiveness))[0].2, DeviceState::Missed { later: at(101) });
}

#[test]
fn l5_what_a_device_says_means_nothing_is_unknown_and_not_undelivered() {
    let mut mine = own(&[("@bob", &[known("B")])], &[]);
    mine.sent = at(50);
    let mut responsiveness = responsiveness([10, 20, 30, 40, 100], Some("B"));
    responsiveness.get_mut(&UserId::new("@bob")).unwrap().quiet(&RoomId::new("!r"), at(100), &DeviceId::new("B"));
    let delivery = delivery(&mine, &responsiveness);
    assert_eq!(rows(&delivery), [("@bob", Some("B"), DeviceState::Quiet, true)]);
    assert!(!is_undelivered(&delivery));
}

#[test]
fn a_device_that_is_gone_does_not_count_unless_it_has_answered() {
    let gone = |device: &str| {
        let mut responsiveness = responsiveness([10], Some(device));
        responsiveness.get_mut(&UserId::new("@bob")).unwrap().exist(&BTreeSet::new());
        responsiveness
    };
    let two = [known("B1"), known("B2")];
    let waiting = own(&[("@bob", &two)], &[("@bob", Some("B1"), ClaimState::Delivered)]);
    let delivery_of = |own: &OwnEvent, device| delivery(own, &gone(device));
    let known = delivery_of(&waiting, "B2");
    assert_eq!(rows(&known), [("@bob", Some("B1"), DELIVERED, true), ("@bob", Some("B2"), DeviceState::Gone, false)]);
    assert_eq!(mark(&SendState::Sent, Some(&known), &[]).counted(), Mark::Delivered);
    assert!(!is_undelivered(&known));
    assert_eq!(rows(&delivery_of(&waiting, "B1"))[0], ("@bob", Some("B1"), DELIVERED, true), "it had answered");

    // As one: while one of theirs is there they are waited for.
    let as_one = |devices: &[ExpectedDevice]| {
        let mut responsiveness = gone("B1");
        responsiveness.get_mut(&UserId::new("@bob")).unwrap().answers = Answers::Unnamed;
        let delivery = delivery(&own(&[("@bob", devices)], &[]), &responsiveness);
        let person = rows(&delivery).into_iter().find(|row| row.1.is_none()).unwrap();
        (person.2, person.3)
    };
    assert_eq!(as_one(&two), (DeviceState::Pending, true));
    assert_eq!(as_one(&two[..1]), (DeviceState::Gone, false));
}

#[test]
fn undelivered_is_what_is_waited_for_or_went_wrong() {
    let delivered = ("@bob", Some("B1"), ClaimState::Delivered);
    let two = [known("B1"), known("B2")];
    for (devices, claims, responsiveness, expected) in [
        (&two[..], vec![delivered], everybody(), true),
        (&two, vec![], nobody(), false),
        (&two, vec![delivered, ("@bob", Some("B2"), ClaimState::Delivered)], everybody(), false),
        (&two, vec![delivered, ("@bob", Some("B2"), ClaimState::Undecryptable)], everybody(), true),
        (&[known("B1"), silent("B2"), excluded("B3")], vec![delivered], everybody(), false),
        (&[], vec![], everybody(), false),
    ] {
        let delivery = delivery(&own(&[("@bob", devices)], &claims), &responsiveness);
        assert_eq!(is_undelivered(&delivery), expected, "{delivery:?}");
    }
}

#[test]
fn a_large_message_is_undelivered_when_its_counts_say_so() {
    for (delivered, undecryptable, expected, undelivered) in
        [(0, 0, 0, false), (40, 0, 0, false), (299, 0, 300, true), (300, 0, 300, false), (299, 1, 300, true)]
    {
        let tally = Some(Tally { delivered, undecryptable, expected, ..Tally::default() });
        // Who is listed is a sample, and says nothing.
        let sample = delivery(&own(&[("@bob", &[known("B1")])], &[]), &everybody());
        let delivery = Delivery { tally, ..sample };
        assert_eq!(is_undelivered(&delivery), undelivered, "{delivery:?}");
    }
}

#[test]
fn the_own_devices_are_not_counted_and_each_device_stands_for_itself() {
    let me = own(
        &[("@me", &[known("DESK"), known("OTHER"), known("PHONE"), excluded("NONE"), silent("OLD")])],
        &[("@me", Some("DESK"), ClaimState::Delivered)],
    );
    let mut responsiveness = Responsiveness::default();
    for device in ["DESK", "PHONE", "OLD"] {
        responsiveness.answer(&RoomId::new("!r"), at(0), Some(&DeviceId::new(device)), at(1));
    }
    let own_devices = own_devices(&me, &responsiveness, NOW);
    assert!(own_devices.iter().all(|device| !device.expected));
    let states = own_devices.into_iter().map(|device| device.state);
    let why = SafeText::line("not verified");
    let expected = [
        DELIVERED,
        DeviceState::Unknown,
        DeviceState::Pending,
        DeviceState::Excluded { why },
        DeviceState::Silent { since: at(3) },
    ];
    assert_eq!(states.collect::<Vec<_>>(), expected);
}
