//! What is due when, and that nothing gets lost on the way.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn owed(sender: &str, room: &str, event: &str, since: Timestamp) -> Owed {
    Owed {
        room_id: RoomId::new(room),
        event_id: EventId::new(event),
        sender: UserId::new(sender),
        sent: since,
        since,
        state: ClaimState::Delivered,
        quiet: false,
    }
}

/// Owes it, as one of those that are not too many.
#[track_caller]
fn owe(outbox: &mut Outbox, owed: Owed, timing: Timing, number: f64, now: Timestamp) {
    let moment = outbox.moment(Came::Now, Draw { timing, number }, now);
    assert_eq!(outbox.owe(owed, moment, number, now), Ok(()));
}

fn due(outbox: &mut Outbox, timing: Timing, now: Timestamp) -> Vec<Batch> {
    outbox.due(Draw { timing, number: 0.5 }, now)
}

fn due_at_once(outbox: &mut Outbox, now: Timestamp) -> Vec<Batch> {
    due(outbox, Timing::Immediate, now)
}

fn events(batch: &Batch) -> Vec<&str> {
    batch.owed.iter().map(|owed| owed.event_id.as_str()).collect()
}

/// An outbox that owes @a one receipt in !r since 0, to be sent at once.
fn one() -> Outbox {
    let mut outbox = Outbox::new();
    owe(&mut outbox, owed("@a", "!r", "$1", at(0)), Timing::Immediate, 0.0, at(0));
    outbox
}

#[track_caller]
fn take_one(outbox: &mut Outbox, now: Timestamp) -> Batch {
    let mut due = due_at_once(outbox, now);
    assert_eq!(due.len(), 1);
    due.remove(0)
}

#[test]
fn p11_all_that_is_owed_by_a_moment_leaves_at_it() {
    let mut outbox = Outbox::new();
    owe(&mut outbox, owed("@a", "!r", "$2", at(0)), Timing::Balanced, 0.5, at(0));
    owe(&mut outbox, owed("@a", "!r", "$1", at(2_000)), Timing::Balanced, 0.9, at(2_000));
    owe(&mut outbox, owed("@a", "!s", "$3", at(0)), Timing::Balanced, 0.75, at(0));
    owe(&mut outbox, owed("@b", "!r", "$4", at(2_750)), Timing::Balanced, 0.0, at(2_750));
    assert_eq!((outbox.len(), outbox.next_wake()), (4, Some(at(2_750))));
    assert_eq!(due(&mut outbox, Timing::Balanced, at(2_749)), []);
    let left = due(&mut outbox, Timing::Balanced, at(2_750));
    assert_eq!(left.iter().map(events).collect::<Vec<_>>(), [vec!["$4"], vec!["$1", "$2"], vec!["$3"]]);

    owe(&mut outbox, owed("@a", "!r", "$5", at(2_751)), Timing::Balanced, 0.0, at(2_751));
    assert_eq!(outbox.next_wake(), Some(at(3_251)), "and what comes later has another one");
}

#[test]
fn p11_at_one_moment_the_order_is_random() {
    let mut outbox = Outbox::new();
    for (sender, order) in [("@a", 0.4), ("@b", 0.1), ("@c", 0.3)] {
        outbox.owe(owed(sender, "!r", "$1", at(1)), at(15_000), order, at(1)).unwrap();
    }
    let senders: Vec<_> = due(&mut outbox, Timing::Guarded, at(15_000)).into_iter().map(|batch| batch.sender).collect();
    assert_eq!(senders, ["@b", "@c", "@a"].map(UserId::new));
}

#[test]
fn p11_what_a_backfill_finds_leaves_on_a_line_after_the_moment() {
    let draw = |number| Draw { timing: Timing::Balanced, number };
    let mut outbox = Outbox::new();
    assert_eq!(outbox.moment(Came::ByBackfill, draw(0.5), at(0)), at(2_750), "when there is no other");
    for (now, line) in [(0, 17_750), (2_750, 17_750), (17_750, 17_750), (17_751, 32_750)] {
        assert_eq!(outbox.moment(Came::ByBackfill, draw(0.9), at(now)), at(line), "{now}");
    }
    assert_eq!(outbox.moment(Came::Now, draw(0.5), at(3_000)), at(5_750));
    assert_eq!(
        [29_999, 30_000, 30_001].map(|now| Came::found(at(0), at(now))),
        [Came::Now, Came::ByBackfill, Came::ByBackfill]
    );
}

#[test]
fn p11_a_machine_that_slept_through_the_moment_has_another_one() {
    for (now, left) in [(2_750, 1), (4_750, 1), (4_751, 0)] {
        let mut outbox = Outbox::new();
        owe(&mut outbox, owed("@a", "!r", "$1", at(0)), Timing::Balanced, 0.5, at(0));
        assert_eq!(due(&mut outbox, Timing::Balanced, at(now)).len(), left, "{now}");
        assert_eq!(outbox.next_wake(), (left == 0).then_some(at(now + 2_750)));
    }
}

#[test]
fn p11_the_answer_tells_the_time_of_sending_only() {
    let batch = take_one(&mut one(), at(9_000));
    let claim = Claim { at: Some(at(9_000)), state: ClaimState::Delivered };
    assert_eq!(
        batch.answer(at(9_000)),
        Answer { room_id: RoomId::new("!r"), receipts: vec![(EventId::new("$1"), claim)], quiet: false }
    );
}

#[test]
fn owing_twice_is_owing_once_and_delivered_replaces_undecryptable() {
    for states in
        [[ClaimState::Undecryptable, ClaimState::Delivered], [ClaimState::Delivered, ClaimState::Undecryptable]]
    {
        let mut outbox = Outbox::new();
        for state in states {
            owe(&mut outbox, Owed { state, ..owed("@a", "!r", "$1", at(7)) }, Timing::Immediate, 0.0, at(7));
        }
        assert_eq!(take_one(&mut outbox, at(7)).owed, [owed("@a", "!r", "$1", at(7))]);
    }
}

#[test]
fn a_large_batch_comes_in_parts_that_fit() {
    let mut outbox = Outbox::new();
    let mut now = at(0);
    for n in 0..=RECEIPTS_SENT {
        now += INTERVAL;
        owe(&mut outbox, owed("@a", "!r", &format!("${n}"), at(0)), Timing::Immediate, 0.0, now);
        for batch in due_at_once(&mut outbox, now) {
            outbox.put_off(batch, at(1_000_000));
        }
    }
    let parts = due_at_once(&mut outbox, at(1_000_000));
    assert_eq!(parts.iter().map(|batch| batch.owed.len()).collect::<Vec<_>>(), [RECEIPTS_SENT, 1]);
}

#[test]
fn a_failed_batch_waits_longer_each_time_up_to_five_minutes() {
    let (mut outbox, mut now, mut waits) = (one(), at(0), Vec::new());
    for attempt in 0..11 {
        let batch = take_one(&mut outbox, now);
        assert_eq!(batch.attempt, attempt);
        outbox.failed(batch, now, None);
        let due = outbox.next_wake().unwrap();
        waits.push((due - now).as_secs());
        now = due;
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
}

#[test]
fn a_failed_batch_waits_as_long_as_the_server_says() {
    let mut outbox = one();
    let batch = take_one(&mut outbox, at(0));
    outbox.failed(batch, at(0), Some(Duration::from_secs(42)));
    assert_eq!(outbox.next_wake(), Some(at(42_000)));
}

#[test]
fn what_is_owed_during_a_back_off_waits_with_it() {
    let mut outbox = one();
    let batch = take_one(&mut outbox, at(0));
    owe(&mut outbox, owed("@a", "!r", "$2", at(100)), Timing::Immediate, 0.0, at(100));
    outbox.failed(batch, at(100), None);
    owe(&mut outbox, owed("@a", "!r", "$3", at(200)), Timing::Immediate, 0.0, at(200));
    assert_eq!(due_at_once(&mut outbox, at(1_099)), []);
    let batch = take_one(&mut outbox, at(1_100));
    assert_eq!((events(&batch), batch.attempt), (vec!["$1", "$2", "$3"], 1), "and counts its attempts");
}

#[test]
fn without_a_request_a_receipt_is_dropped_after_ten_minutes() {
    let mut outbox = one();
    owe(&mut outbox, owed("@a", "!r", "$2", at(60_000)), Timing::Immediate, 0.0, at(60_000));
    let batch = take_one(&mut outbox, at(60_000));
    assert_eq!(outbox.no_route(batch, at(60_000)), []);
    assert_eq!(outbox.next_wake(), Some(at(0) + ROUTE_WAIT), "when the first one's time is over");

    assert_eq!(due_at_once(&mut outbox, at(599_999)), []);
    let batch = take_one(&mut outbox, at(600_000));
    assert_eq!(outbox.no_route(batch, at(600_000)), [owed("@a", "!r", "$1", at(0))]);
    assert_eq!((outbox.len(), outbox.next_wake()), (1, Some(at(660_000))));
}

/// One that has had its turn and waits for a request, and one that was owed long ago, before a
/// restart, and has none yet.
#[test]
fn what_has_no_turn_yet_is_tried_although_others_wait_for_a_request() {
    let mut outbox = Outbox::new();
    let now = at(0) + 2 * ROUTE_WAIT;
    for n in 0..61 {
        owe(
            &mut outbox,
            owed("@a", "!r", &format!("${n:02}"), now - Duration::from_millis(1)),
            Timing::Immediate,
            0.0,
            now,
        );
    }
    owe(&mut outbox, owed("@a", "!r", "old", at(0)), Timing::Immediate, 0.0, now);
    let mut tried = Vec::new();
    while outbox.len() > 61 {
        let wake = outbox.next_wake().unwrap();
        tried.push(wake - now);
        for batch in due(&mut outbox, Timing::Balanced, wake) {
            assert!(outbox.no_route(batch, wake).iter().all(|over| over.event_id.as_str() == "old"));
        }
        assert!(outbox.next_wake().unwrap() > wake, "no moment twice: {tried:?}");
    }
    assert_eq!(tried, [Duration::ZERO, Duration::from_secs(5)]);
}

#[test]
fn a_time_to_come_counts_as_now() {
    // What was owed before a restart, by a clock that has gone back since.
    let mut outbox = Outbox::new();
    owe(&mut outbox, owed("@a", "!r", "$1", at(1_000_000)), Timing::Immediate, 0.0, at(5));
    let batch = take_one(&mut outbox, at(5));
    assert_eq!(outbox.no_route(batch, at(5)), []);
    assert_eq!(outbox.next_wake(), Some(at(5) + ROUTE_WAIT));
}

#[test]
fn that_it_cannot_be_read_waits_for_a_way_of_its_own() {
    let mut outbox = Outbox::new();
    let locked = Owed { state: ClaimState::Undecryptable, ..owed("@a", "!r", "$1", at(0)) };
    owe(&mut outbox, locked.clone(), Timing::Immediate, 0.0, at(0));
    let batch = take_one(&mut outbox, at(0));
    assert_eq!((batch.state, outbox.no_route(batch, at(0))), (ClaimState::Undecryptable, vec![]));
    owe(&mut outbox, owed("@a", "!r", "$2", at(1)), Timing::Immediate, 0.0, at(1));
    assert_eq!(events(&take_one(&mut outbox, at(1))), ["$2"]);
    outbox.route_appeared(&UserId::new("@a"), &RoomId::new("!r"), at(2));
    assert_eq!(take_one(&mut outbox, at(2)).owed, [locked]);
}

#[test]
fn a_request_sends_what_waited_for_it_at_its_moment() {
    let mut outbox = Outbox::new();
    owe(&mut outbox, owed("@a", "!r", "$1", at(0)), Timing::Balanced, 0.5, at(0));
    let batch = take_one(&mut outbox, at(2_750));
    assert_eq!(outbox.no_route(batch, at(2_750)), []);

    outbox.route_appeared(&UserId::new("@a"), &RoomId::new("!other"), at(10_000));
    outbox.route_appeared(&UserId::new("@b"), &RoomId::new("!r"), at(10_000));
    assert_eq!(outbox.next_wake(), Some(at(0) + ROUTE_WAIT));
    outbox.route_appeared(&UserId::new("@a"), &RoomId::new("!r"), at(12_750));
    assert_eq!(outbox.next_wake(), Some(at(12_750)));
    outbox.route_appeared(&UserId::new("@a"), &RoomId::new("!r"), at(13_000));
    assert_eq!(outbox.next_wake(), Some(at(12_750)), "a second request changes nothing");
}

#[test]
fn what_waits_for_any_route_is_due_when_routes_change() {
    let mut outbox = Outbox::new();
    for sender in ["@a", "@b"] {
        owe(&mut outbox, owed(sender, "!r", "$1", at(0)), Timing::Balanced, 0.5, at(0));
    }
    for batch in due_at_once(&mut outbox, at(2_750)) {
        outbox.no_route(batch, at(2_750));
    }
    owe(&mut outbox, owed("@c", "!r", "$1", at(2_751)), Timing::Guarded, 0.4, at(2_751));
    outbox.routes_changed(at(12_750));
    assert_eq!(due_at_once(&mut outbox, at(12_749)), []);
    let senders: Vec<_> = due_at_once(&mut outbox, at(12_750)).into_iter().map(|batch| batch.sender).collect();
    assert_eq!(senders, ["@a", "@b"].map(UserId::new));
    assert_eq!(outbox.next_wake(), Some(at(15_000)), "what waits for its time goes on waiting");
}

#[test]
fn what_is_put_off_was_not_tried() {
    let mut outbox = one();
    let batch = take_one(&mut outbox, at(0));
    outbox.put_off(batch, at(7_000));
    assert_eq!(due_at_once(&mut outbox, at(6_999)), []);
    assert_eq!(take_one(&mut outbox, at(7_000)).attempt, 0);
}

#[test]
fn a_request_does_not_end_a_back_off() {
    let mut outbox = one();
    let batch = take_one(&mut outbox, at(0));
    outbox.failed(batch, at(0), Some(Duration::from_secs(42)));
    outbox.route_appeared(&UserId::new("@a"), &RoomId::new("!r"), at(5));
    assert_eq!(outbox.next_wake(), Some(at(42_000)));
}

#[test]
fn p8_p12_what_is_cancelled_is_gone() {
    let mut outbox = one();
    owe(&mut outbox, owed("@a", "!r", "$2", at(0)), Timing::Immediate, 0.0, at(0));
    owe(&mut outbox, owed("@b", "!r", "$3", at(0)), Timing::Immediate, 0.0, at(0));
    let cancelled = outbox.cancel(|owed| owed.sender.as_str() == "@a" && owed.event_id.as_str() == "$2");
    assert_eq!(cancelled, [owed("@a", "!r", "$1", at(0)), owed("@b", "!r", "$3", at(0))]);
    assert_eq!(events(&take_one(&mut outbox, at(0))), ["$2"]);
    assert!(outbox.is_empty());
}

#[test]
fn p10_sixty_at_once_then_one_a_second_for_ten_minutes_and_no_more() {
    let mut outbox = Outbox::new();
    // From one sender in two rooms, and of another one.
    let over = (0..10_000).filter(|n| {
        let room = if n % 2 == 0 { "!r" } else { "!s" };
        outbox.owe(owed("@a", room, &format!("${n}"), at(0)), at(0), 0.0, at(0)).is_err()
    });
    assert_eq!(over.count(), 10_000 - 60 - 600);
    owe(&mut outbox, owed("@b", "!r", "$b", at(0)), Timing::Immediate, 0.0, at(0));
    assert_eq!(outbox.len(), 660 + 1, "and no more than that is kept in memory");

    let mut leave = |now| due_at_once(&mut outbox, now).iter().map(|batch| batch.owed.len()).sum::<usize>();
    assert_eq!(
        [leave(at(0)), leave(at(999)), leave(at(1_000)), leave(at(1_999)), leave(at(11_000))],
        [61, 0, 1, 0, 10]
    );
    let rest: usize = (12..=600).map(|second| leave(at(second * 1_000))).sum();
    assert_eq!((rest, leave(at(1_000_000))), (589, 0));
}

#[test]
fn p10_one_turn_is_enough_however_often_it_is_tried_or_owed() {
    let mut outbox = Outbox::new();
    for n in 0..60 {
        let one = owed("@a", "!r", &format!("${n}"), at(0));
        owe(&mut outbox, one.clone(), Timing::Immediate, 0.0, at(0));
        owe(&mut outbox, one, Timing::Immediate, 0.0, at(0));
    }
    let batch = take_one(&mut outbox, at(0));
    assert_eq!(batch.owed.len(), 60);
    outbox.failed(batch, at(0), None);
    owe(&mut outbox, owed("@a", "!r", "$late", at(0)), Timing::Immediate, 0.0, at(500));
    let again = take_one(&mut outbox, at(1_000));
    assert_eq!(again.owed.len(), 61, "all of them again, and the one whose turn has come");
}

/// How many leave at the moment and after it does not depend on when they came.
#[test]
fn p10_p11_a_turn_is_waited_for_on_a_grid_that_begins_at_the_moment() {
    for (timing, came, lines) in [
        (Timing::Guarded, [14_000, 7, 1], vec![(15_000, 60), (30_000, 15), (45_000, 5)]),
        (Timing::Balanced, [2_750, 2_000, 0], vec![(2_750, 60), (7_750, 5), (12_750, 5), (17_750, 5), (22_750, 5)]),
    ] {
        for came in came {
            let mut outbox = Outbox::new();
            let moment = lines[0].0;
            for n in 0..80 {
                outbox.owe(owed("@a", "!r", &format!("${n:02}"), at(7)), at(moment), 0.1, at(came)).unwrap();
            }
            let mut left = Vec::new();
            while let Some(wake) = outbox.next_wake() {
                left.push((
                    wake.as_millis(),
                    due(&mut outbox, timing, wake).iter().map(|batch| batch.owed.len()).sum::<usize>(),
                ));
            }
            assert_eq!(left, lines, "{timing:?} {came}");
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Owe { sender: u8, event: u8, timing: Timing, draw: f64 },
    Pass(u64),
    Due(Vec<Outcome>),
    Request(u8),
    Cancel(u8),
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Sent,
    Failed(Option<u64>),
    NoRoute,
}

fn any_step() -> impl Strategy<Value = Step> {
    let timing = prop::sample::select(vec![Timing::Immediate, Timing::Prompt, Timing::Balanced, Timing::Guarded]);
    let outcome = prop_oneof![
        Just(Outcome::Sent),
        prop::option::of(0..100_000u64).prop_map(Outcome::Failed),
        Just(Outcome::NoRoute),
    ];
    prop_oneof![
        3 => (0..3u8, any::<u8>(), timing, 0.0..1.0).prop_map(|(sender, event, timing, draw)| Step::Owe { sender, event, timing, draw }),
        2 => (0..400_000u64).prop_map(Step::Pass),
        3 => prop::collection::vec(outcome, 4).prop_map(Step::Due),
        1 => (0..3u8).prop_map(Step::Request),
        1 => any::<u8>().prop_map(Step::Cancel),
    ]
}

proptest! {
    /// What is owed leaves the outbox by being sent, cancelled or over, and in no other way; and it
    /// always has a moment at which it is due.
    #[test]
    fn nothing_owed_gets_lost(steps in prop::collection::vec(any_step(), 0..80)) {
        let (mut outbox, mut now) = (Outbox::new(), 0);
        let mut expected = BTreeSet::new();
        let name = |owed: &Owed| (owed.sender.clone(), owed.event_id.clone());
        for step in steps {
            match step {
                Step::Owe { sender, event, timing, draw } => {
                    let owed = owed(&format!("@{sender}"), "!r", &format!("${event}"), at(now));
                    expected.insert(name(&owed));
                    owe(&mut outbox, owed, timing, draw, at(now));
                }
                Step::Pass(time) => now += time,
                Step::Due(outcomes) => {
                    for (batch, outcome) in due_at_once(&mut outbox, at(now)).into_iter().zip(outcomes) {
                        match outcome {
                            Outcome::Sent => batch.owed.iter().for_each(|owed| { expected.remove(&name(owed)); }),
                            Outcome::Failed(retry_after) => outbox.failed(batch, at(now), retry_after.map(Duration::from_millis)),
                            Outcome::NoRoute => for over in outbox.no_route(batch, at(now)) {
                                prop_assert!(at(now) - over.since >= ROUTE_WAIT);
                                expected.remove(&name(&over));
                            },
                        }
                    }
                    prop_assert!(outbox.next_wake().is_none_or(|wake| wake >= at(now)));
                }
                Step::Request(sender) => outbox.route_appeared(&UserId::new(format!("@{sender}")), &RoomId::new("!r"), at(now)),
                Step::Cancel(event) => {
                    let event = EventId::new(format!("${event}"));
                    for cancelled in outbox.cancel(|owed| owed.event_id != event) {
                        prop_assert!(expected.remove(&name(&cancelled)));
                    }
                }
            }
            prop_assert_eq!(outbox.len(), expected.len());
        }
        let left: BTreeSet<_> = due_at_once(&mut outbox, at(1 << 60)).iter().flat_map(|batch| &batch.owed).map(name).collect();
        prop_assert_eq!(left, expected);
        prop_assert!(outbox.is_empty());
    }

    /// P10: of whatever is owed to one sender in whatever rooms, as much has left as a bucket of 60
    /// with one a second allows: no more, also when sending fails, and no less while it does not.
    /// Another sender notices nothing.
    #[test]
    fn p10_sixty_and_one_a_second_leave_and_nobody_else_waits(
        flood in prop::collection::vec((1..60u64, 0..3u8, prop::bool::weighted(0.01)), 0..600), quiet in 1..60u64,
    ) {
        let mut outbox = Outbox::new();
        let (mut tried, mut bob_left) = (BTreeSet::new(), None);
        let (mut tokens, mut waiting, mut allowed) = (60, 0, 0);
        let failing: BTreeSet<usize> = flood.iter().enumerate().filter(|(_, (.., fails))| *fails).map(|(n, _)| n).collect();
        for second in 1..=60 {
            let now = second * 1_000;
            for (n, (_, room, _)) in flood.iter().enumerate().filter(|(_, (at, ..))| *at == second) {
                owe(&mut outbox, owed("@flood", &format!("!{room}"), &n.to_string(), at(now)), Timing::Immediate, 0.0, at(now));
                waiting += 1;
            }
            if quiet == second {
                owe(&mut outbox, owed("@bob", "!0", "$bob", at(now)), Timing::Immediate, 0.0, at(now));
            }
            tokens = 60.min(tokens + 1);
            let go = waiting.min(tokens);
            (tokens, waiting, allowed) = (tokens - go, waiting - go, allowed + go);

            for batch in due_at_once(&mut outbox, at(now)) {
                if batch.sender.as_str() == "@bob" {
                    bob_left = Some(second);
                    continue;
                }
                let numbers = batch.owed.iter().map(|owed| owed.event_id.as_str().parse::<usize>().unwrap());
                let fails = batch.attempt == 0 && numbers.clone().any(|n| failing.contains(&n));
                tried.extend(numbers);
                if fails {
                    outbox.failed(batch, at(now), None);
                }
            }
            prop_assert!(tried.len() <= allowed);
            prop_assert!(tried.len() == allowed || !failing.is_empty());
        }
        prop_assert_eq!(bob_left, Some(quiet));
    }
}
