//! What senders can tell about the moment of a waking (P11): no more than one message of one of
//! them would tell.
//!
//! A device that was off wakes up at some moment and draws a number; the first receipt leaves at a
//! third moment, which follows from these two. Here it wakes up earlier and draws a larger number,
//! so that the first receipt leaves when it did. Then everything that anybody hears must be the
//! same, to the millisecond.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    super::*,
    world::{DAY, Outcome, START, World},
};
use crate::delivery::{
    outbox::Came,
    policy::{RouteChoice, Timing},
};

const MINUTE: Duration = Duration::from_mins(1);
/// When the device would wake up at the earliest.
const NIGHT: Timestamp = START.plus(Duration::from_hours(8));

/// Who has sent what.
#[derive(Clone, Debug)]
struct Night {
    timing: Timing,
    senders: usize,
    /// Messages of each.
    each: usize,
    /// Of these a backfill finds so many, in pages of twenty, this long after each other.
    by_backfill: usize,
    page: Duration,
    /// When they go on talking, after the night.
    talks: Vec<Duration>,
    /// When the first of them asks for receipts in the other room, after the first receipt.
    asks: Duration,
}

impl Night {
    /// What everybody hears, and when, of a device that wakes up then, and the delay that it draws.
    fn heard(&self, wakes: Timestamp, delay: Duration) -> Vec<(Timestamp, usize, Vec<EventId>)> {
        let mut world = World::of(self.senders);
        world.set(|settings| (settings.timing, settings.route) = (self.timing, RouteChoice::Direct));
        for from in 0..self.senders {
            world.asks(from, 0, 0, NIGHT + DAY);
        }
        for n in 0..self.each {
            for from in 0..self.senders {
                // Some are as old as they may be, and some cannot be read.
                let sent = if n % 10 == 9 {
                    NIGHT + Duration::from_secs(n as u64 % 12) - 7 * DAY
                } else {
                    START + Duration::from_secs(n as u64)
                };
                world.comes(0, from, sent, EventKind::Message, n % 10 != 8);
            }
        }
        world.comes(1, 0, START, EventKind::Message, true);
        let real = |span: Duration| f64::from(u32::try_from(span.as_millis()).unwrap());
        let (longest, shortest) = (self.timing.delay(1.0), self.timing.delay(0.0));
        let mut first = Some(real(delay.saturating_sub(shortest)) / real(longest.saturating_sub(shortest)) + 1e-9);
        let draws = Numbers::new(move || first.take().unwrap_or(0.3));
        world.receipt_queue = ReceiptQueue::new(world.settings.clone(), KEY_WAIT, draws);
        world.observed.clear();

        world.clock = wakes;
        let all: Vec<usize> = (0..world.messages.len()).collect();
        let (found, synced) = all.split_at(self.by_backfill.min(all.len()));
        world.then(|world| world.take_in(synced, Came::Now));
        let moment = world.receipt_queue.next_wake();
        for page in found.rchunks(20) {
            world.until(world.clock + self.page);
            world.then(|world| world.take_in(page, Came::ByBackfill));
        }
        let mut events: Vec<(Timestamp, usize)> = self.talks.iter().map(|talk| (NIGHT + MINUTE + *talk, 1)).collect();
        events.extend(moment.map(|moment| (moment + self.asks, 0)));
        events.sort_unstable();
        for (at, what) in events {
            world.until(at);
            if what == 0 {
                world.asks(0, 1, 0, NIGHT + DAY);
            } else {
                world.comes(0, 0, at, EventKind::Message, true);
                world.sync();
            }
        }
        world.until(NIGHT + 60 * MINUTE);
        std::mem::take(&mut world.observed)
    }
}

impl World {
    /// Everything is done in its time until then.
    fn until(&mut self, then: Timestamp) {
        while let Some(wake) = self.receipt_queue.next_wake().filter(|wake| *wake <= then) {
            self.clock = self.clock.max(wake);
            self.work(&[], Outcome::Sent);
        }
        assert!(self.clock <= then, "time does not go back");
        self.clock = then;
    }
}

fn any_night() -> impl Strategy<Value = Night> {
    use prop::sample::select;
    let senders = prop_oneof![Just((1, 1)), Just((1, 60)), Just((1, 200)), Just((15, 1)), Just((15, 12))];
    let timing = select(vec![Timing::Prompt, Timing::Balanced, Timing::Guarded]);
    let talks = prop::collection::vec((0..5 * 60_000u64).prop_map(Duration::from_millis), 0..4);
    // When the backfill has ended, or just before the other room's message has waited long enough.
    let asks = prop_oneof![4_000..11 * 60_000u64, 597_000..=600_000u64].prop_map(Duration::from_millis);
    (timing, senders, 0..150usize, (0..400u64).prop_map(Duration::from_millis), talks, asks).prop_map(
        |(timing, (senders, each), by_backfill, page, talks, asks)| Night {
            timing,
            senders,
            each,
            by_backfill,
            page,
            talks,
            asks,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn p11_many_senders_and_messages_tell_no_more_than_one(night in any_night(), wakes in 0..10_000u64, draws in any::<[u16; 2]>()) {
        let (shortest, longest) = (night.timing.delay(0.0), night.timing.delay(1.0));
        let delay = |draw: u16| {
            let (shortest, longest) = (shortest.as_millis(), longest.as_millis());
            shortest + (longest - shortest - 1) * u128::from(draw) / u128::from(u16::MAX)
        };
        let [one, other] = draws.map(|draw| Duration::from_millis(u64::try_from(delay(draw)).unwrap()));
        let (early, late) = (one.max(other), one.min(other));
        let wakes = NIGHT + Duration::from_millis(wakes);
        prop_assert_eq!(night.heard(wakes, early), night.heard(wakes + early.saturating_sub(late), late));
    }
}
