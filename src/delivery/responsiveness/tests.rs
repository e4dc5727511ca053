//! How a device answers, whatever the order in which that was learned.

use proptest::prelude::*;

use super::*;
use crate::model::{EventId, SafeText};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A day on which nothing has happened yet.
const BEGIN: Timestamp = Timestamp::EPOCH.plus(Duration::from_hours(20_000 * 24));

fn phone() -> DeviceId {
    DeviceId::new("PHONE")
}

fn room() -> RoomId {
    RoomId::new("!room")
}

/// An own message in that room.
fn message(room: RoomId, sent: Timestamp) -> OwnEvent {
    OwnEvent { room_id: room, event_id: EventId::new("$e"), sent, expected: BTreeMap::new(), claims: BTreeMap::new() }
}

/// Messages to Bob's phone at these times; it answered each that `answers` says, a second later.
fn history(sent: impl IntoIterator<Item = Timestamp>, answers: impl Fn(Timestamp) -> bool) -> Responsiveness {
    let mut responsiveness = Responsiveness { answers: Answers::Named, ..Responsiveness::default() };
    for sent in sent {
        responsiveness.expect(&room(), sent, [&phone()]);
        if answers(sent) {
            responsiveness.answer(&room(), sent, Some(&phone()), sent + Duration::from_secs(1));
        }
    }
    responsiveness
}

/// The `n`th message of one a day.
fn daily(n: u64) -> Timestamp {
    BEGIN + Duration::from_hours(24 * n)
}

/// The `n`th message of one each ten minutes.
fn often(n: u64) -> Timestamp {
    BEGIN + ms(n * 10 * 60 * 1000)
}

#[test]
fn l5_silent_is_who_answers_nothing_for_three_weeks_of_messages() {
    let never = |days: u64| history((0..days).map(daily), |_| false);
    let silent = |responsiveness: &Responsiveness, n| responsiveness.silent_since(&phone(), daily(n));
    assert_eq!(silent(&never(21), 20), None);
    assert_eq!(silent(&never(21), 21), Some(BEGIN), "since it was first expected");
    // It answered until day 9, a second after the message.
    let stopped = history((0..40).map(daily), |sent| sent < daily(10));
    assert_eq!(silent(&stopped, 30), None);
    assert_eq!(silent(&stopped, 31), Some(daily(9) + Duration::from_secs(1)), "since it was last heard");
}

#[test]
fn few_messages_do_not_make_anybody_silent_nor_does_a_pause() {
    let silent = |responsiveness: &Responsiveness, n| responsiveness.silent_since(&phone(), daily(n)).is_some();
    for (messages, expected) in [(4, false), (5, true)] {
        assert_eq!(silent(&history((0..messages).map(daily), |_| false), 60), expected, "{messages}");
    }
    // Heard on day 0, then nothing was sent until day 30: it was not waited for.
    let paused = history([0].into_iter().chain(30..40).map(daily), |sent| sent == BEGIN);
    assert!(!silent(&paused, 39));
    assert!(silent(&history([0].into_iter().chain(30..60).map(daily), |sent| sent == BEGIN), 51));
}

#[test]
fn one_answer_ends_the_silence_for_what_is_sent_from_then_on() {
    let mut responsiveness = history((0..40).map(daily), |_| false);
    assert!(responsiveness.silent_since(&phone(), daily(40)).is_some());
    responsiveness.answer(&room(), daily(38), Some(&phone()), daily(40));
    for n in [40, 41, 60] {
        assert_eq!(responsiveness.silent_since(&phone(), daily(n)), None);
    }
    let mut expected = [ExpectedDevice { device_id: phone(), name: SafeText::default(), excluded: None, silent: None }];
    responsiveness.fold(&mut expected, daily(41));
    assert!(expected[0].is_counted());
}

#[test]
fn l5_of_somebody_who_never_answered_nothing_is_said() {
    let mut responsiveness = history((0..60).map(daily), |_| false);
    for (answers, silent) in [(Answers::Never, false), (Answers::Unnamed, true), (Answers::Named, true)] {
        responsiveness.answers = answers;
        assert_eq!(responsiveness.silent_since(&phone(), daily(60)).is_some(), silent, "{answers:?}");
    }
    // A person who counts as one is silent when nothing came that names them.
    responsiveness.answers = Answers::Unnamed;
    responsiveness.answer(&room(), daily(59), None, daily(59));
    assert_eq!(responsiveness.silent_since(&phone(), daily(60)), None);
}

#[test]
fn missed_is_what_a_device_did_not_answer_that_answers_nearly_all() {
    const YES: bool = true;
    const NO: bool = false;
    let missed = |answered: &[bool], n: u64, now: Timestamp| {
        let answers = |sent: Timestamp| {
            answered.get(usize::try_from((sent - BEGIN).as_millis() / (often(1) - BEGIN).as_millis()).unwrap())
        };
        let responsiveness = history((0..answered.len() as u64).map(often), |sent| answers(sent) == Some(&true));
        responsiveness.missed(&message(room(), often(n)), &phone(), now)
    };
    let late = often(100);
    for (answered, n, expected) in [
        (&[YES, YES, YES, YES, NO, YES][..], 4, Some(5)),
        (&[YES, YES, YES, NO, YES], 3, None),
        (&[YES, YES, YES, YES, YES, NO], 5, None),
        (&[YES, YES, YES, YES, YES, NO, NO, NO, NO, NO, NO, YES, YES, YES, YES, YES], 5, None),
        (&[NO, YES, YES, YES, YES, YES, YES], 0, None),
        (&[YES, NO, YES, NO, YES, YES, YES], 1, Some(2)),
    ] {
        let expected = expected.map(|n| often(n) + Duration::from_secs(1));
        assert_eq!(missed(answered, n, late), expected, "{answered:?} {n}");
    }
    let answered = [YES, YES, YES, YES, NO, YES];
    let later = often(5) + Duration::from_secs(1);
    assert_eq!(missed(&answered, 4, later + GRACE - ms(1)), None, "it is given time");
    assert_eq!(missed(&answered, 4, later + GRACE), Some(later));
    assert_eq!(missed(&[YES; 40], 3, late), Some(often(24) + Duration::from_secs(1)), "whatever was forgotten since");
}

#[test]
fn nothing_is_missed_in_a_room_where_a_device_answers_nothing() {
    let mut responsiveness = history((0..10).map(often), |_| true);
    let quiet = RoomId::new("!quiet");
    responsiveness.expect(&quiet, often(5) + ms(1), [&phone()]);
    let missed = |responsiveness: &Responsiveness| {
        responsiveness.missed(&message(quiet.clone(), often(5) + ms(1)), &phone(), often(99))
    };
    assert_eq!(missed(&responsiveness), None);
    responsiveness.answer(&quiet, often(2) + ms(1), Some(&phone()), often(2) + ms(2));
    assert_eq!(missed(&responsiveness), None, "receipts may have been switched off there since");
    responsiveness.answer(&quiet, often(7) + ms(1), Some(&phone()), often(7) + ms(2));
    assert_eq!(missed(&responsiveness), Some(often(7) + ms(2)));
}

#[test]
fn l5_silence_that_means_nothing_is_not_missed_and_makes_nobody_unreliable() {
    let off = |sent| (often(5)..often(9)).contains(&sent);
    let mut responsiveness = history((0..12).map(often), |sent| !off(sent) && sent != often(10));
    let (late, about) = (often(99), |n| message(room(), often(n)));
    assert_eq!(responsiveness.missed(&about(5), &phone(), late), None, "one that was off so long answers too seldom");
    responsiveness.quiet(&room(), often(9), &phone());
    for n in 0..12 {
        assert_eq!(responsiveness.means_nothing(&about(n), &phone()), n < 9);
        // What it has answered, nobody asks about.
        if n == 10 || n < 9 {
            assert_eq!(
                responsiveness.missed(&about(n), &phone(), late),
                (n == 10).then_some(often(11) + Duration::from_secs(1)),
                "{n}"
            );
        }
    }
    assert!(
        !responsiveness.means_nothing(&message(RoomId::new("!other"), often(5)), &phone()),
        "it was said of that room"
    );
    let known = responsiveness.clone();
    responsiveness.quiet(&room(), often(7), &phone());
    assert_eq!(responsiveness, known, "l3");
    let long = history((12..40).map(often), |_| true);
    responsiveness.devices.get_mut(&Some(phone())).unwrap().recent = long.devices[&Some(phone())].recent.clone();
    assert!(responsiveness.means_nothing(&about(6), &phone()), "whatever was forgotten since");
}

#[test]
fn a_device_that_is_not_there_any_more_is_gone_until_it_is_back() {
    let mut responsiveness = history([BEGIN], |_| false);
    let there = |devices: &[DeviceId]| devices.iter().cloned().collect::<BTreeSet<_>>();
    assert!(!responsiveness.exist(&there(&[phone(), DeviceId::new("NEW")])) && !responsiveness.is_gone(&phone()));
    assert!(responsiveness.exist(&there(&[DeviceId::new("NEW")])) && responsiveness.is_gone(&phone()));
    assert!(!responsiveness.exist(&there(&[])));
    assert!(responsiveness.exist(&there(&[phone()])) && !responsiveness.is_gone(&phone()));
    assert!(!responsiveness.is_gone(&DeviceId::new("NEW")), "nobody waits for it");
}

#[test]
fn l7_a_person_has_so_many_devices_and_those_that_were_heard_stay() {
    let mut responsiveness = history([BEGIN], |_| true);
    for n in 0..2 * DEVICES {
        responsiveness.expect(&room(), often(n as u64), [&DeviceId::new(format!("D{n}"))]);
    }
    assert_eq!(responsiveness.devices.len(), DEVICES);
    assert!(responsiveness.is_heard(&phone()));
}

/// One thing that was learned: a message, and perhaps when its answer was heard.
type Learned = (Timestamp, u8, Option<Timestamp>);

fn learned() -> impl Strategy<Value = Vec<Learned>> {
    let hours = |n: u64| BEGIN + Duration::from_hours(12 * n);
    prop::collection::vec(
        (0..150_u64, 0..2_u8, prop::option::of(0..150_u64))
            .prop_map(move |(sent, room, heard)| (hours(sent), room, heard.map(|later| hours(sent + later) + ms(1)))),
        1..60,
    )
}

fn responsiveness(learned: &[Learned]) -> Responsiveness {
    let mut responsiveness = Responsiveness::default();
    for (sent, room, heard) in learned {
        let room = RoomId::new(format!("!{room}"));
        match heard {
            Some(heard) => responsiveness.answer(&room, *sent, Some(&phone()), *heard),
            None => responsiveness.expect(&room, *sent, [&phone()]),
        }
    }
    responsiveness
}

proptest! {
    #[test]
    fn l3_it_is_the_same_in_any_order_and_however_often(
        (once, again) in learned().prop_flat_map(|once| {
            let twice = [once.clone(), once.clone()].concat();
            (Just(once), Just(twice).prop_shuffle())
        })
    ) {
        prop_assert_eq!(responsiveness(&once), responsiveness(&again));
    }

    /// What was forgotten makes nobody silent, and no message missed.
    #[test]
    fn l5_what_is_said_is_true_of_the_whole_history(learned in learned(), at in 0..200_u64, n in 0..60_usize) {
        let responsiveness = Responsiveness { answers: Answers::Named, ..responsiveness(&learned) };
        let at = BEGIN + Duration::from_hours(12 * at);
        let heard = learned.iter().filter_map(|(_, _, heard)| *heard).max();
        if let Some(since) = responsiveness.silent_since(&phone(), at) {
            let waiting = || learned.iter().filter(|(sent, ..)| *sent >= since && *sent < at);
            prop_assert_eq!(heard.unwrap_or(since), since);
            prop_assert!(waiting().count() >= ENOUGH);
            prop_assert!(waiting().any(|(sent, ..)| at - *sent > Duration::from_hours(24 * (SILENT_DAYS - 1))));
        }
        let (sent, room, _) = learned[n % learned.len()];
        let own = message(RoomId::new(format!("!{room}")), sent);
        if let Some(later) = responsiveness.missed(&own, &phone(), at) {
            let answered = |is: &dyn Fn(&Learned) -> bool| learned.iter().any(|known| known.2.is_some() && is(known));
            prop_assert!(answered(&|known| known.0 > sent && known.1 == room && known.2 == Some(later)));
            prop_assert!(answered(&|known| known.0 < sent));
            prop_assert!(later + GRACE <= at);
        }
    }
}
