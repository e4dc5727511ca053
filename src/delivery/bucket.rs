//! How much of something there may be: so many at once, then one every so often.
//!
//! Three rules are of this kind: how many receipts leave for one sender (P10), how fast this device
//! posts them (PROTOCOL §7, [`Pace`](super::route::Pace)), and how many a server takes from one
//! user (§7, [`RateLimit`](crate::server::routing::RateLimit)). They differ in what they do when
//! there is no token: wait for a turn, ask again later, refuse.
//!
//! A bucket of tokens that gets a new one every `interval`, and holds at most `burst` of them, is
//! kept as one number, the moment at which it will be full again. Each token taken moves it one
//! interval on, and there is no token left when it is `burst` intervals ahead. Tokens can be taken
//! before they are there; whoever does so waits for [`Bucket::next`]. A bucket that is full is as
//! good as none, so [`Buckets`] forgets it.

use std::{collections::HashMap, time::Duration};

use crate::model::{Timestamp, UserId};

/// One bucket of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    interval: Duration,
    burst: u64,
    full_at: Timestamp,
}

impl Bucket {
    /// A full one: a token every `interval`, which is not 0, and at most `burst` of them.
    pub const fn new(interval: Duration, burst: u64) -> Self {
        Self { interval, burst, full_at: Timestamp::EPOCH }
    }

    /// How many tokens there are now.
    pub fn available(&self, now: Timestamp) -> u64 {
        let filled = now + self.filling() - self.full_at.max(now);
        u64::try_from(filled.as_millis() / self.interval.as_millis()).unwrap_or(u64::MAX)
    }

    /// When there are so many tokens, of which there may never be more than `burst`.
    pub fn next(&self, tokens: u64, now: Timestamp) -> Timestamp {
        (self.full_at + self.time(tokens) - self.filling()).max(now)
    }

    /// Takes so many tokens, also those that are still to come.
    pub fn take(&mut self, tokens: u64, now: Timestamp) {
        self.full_at = self.full_at.max(now) + self.time(tokens);
    }

    /// There is no token before this moment, and then there is one.
    pub fn pause(&mut self, until: Timestamp) {
        self.full_at = self.full_at.max(until + self.filling() - self.interval);
    }

    /// The clock went back by so much: it fills as fast as before.
    pub fn clock_went_back(&mut self, by: Duration) {
        self.full_at -= by;
    }

    fn time(&self, tokens: u64) -> Duration {
        self.interval.saturating_mul(u32::try_from(tokens).unwrap_or(u32::MAX))
    }

    /// How long an empty bucket takes to be full.
    fn filling(&self) -> Duration {
        self.time(self.burst)
    }
}

/// A bucket for each user. Memory is bounded by those of whom something was taken in the time that
/// a bucket takes to fill.
#[derive(Debug)]
pub struct Buckets {
    full: Bucket,
    users: HashMap<UserId, Bucket>,
    /// When the full ones were last forgotten.
    swept: Timestamp,
}

impl Buckets {
    /// Full ones: a token every `interval`, which is not 0, and at most `burst` of them.
    pub fn new(interval: Duration, burst: u64) -> Self {
        Self { full: Bucket::new(interval, burst), users: HashMap::new(), swept: Timestamp::EPOCH }
    }

    /// This user's bucket.
    pub fn of(&mut self, user: &UserId, now: Timestamp) -> &mut Bucket {
        if now - self.swept >= self.full.filling() {
            self.users.retain(|_, bucket| bucket.full_at > now);
            self.swept = now;
        }
        self.users.entry(user.clone()).or_insert(self.full)
    }

    /// The clock went back by so much: they fill as fast as before.
    pub fn clock_went_back(&mut self, by: Duration) {
        self.users.values_mut().for_each(|bucket| bucket.clock_went_back(by));
        self.swept -= by;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn so_many_at_once_and_then_one_every_interval() {
        let mut bucket = Bucket::new(ms(200), 3);
        assert_eq!((bucket.available(at(1_000)), bucket.next(3, at(1_000))), (3, at(1_000)));
        bucket.take(3, at(1_000));
        assert_eq!(
            (bucket.available(at(1_199)), bucket.next(1, at(1_199)), bucket.next(2, at(1_199))),
            (0, at(1_200), at(1_400))
        );
        assert_eq!(bucket.available(at(1_200)), 1);
        assert_eq!(bucket.available(at(1_000_000)), 3);
    }

    #[test]
    fn what_is_taken_early_is_waited_for_in_turn() {
        let mut bucket = Bucket::new(Duration::from_secs(1), 2);
        let turns: Vec<Timestamp> = (0..5)
            .map(|_| {
                let turn = bucket.next(1, at(500));
                bucket.take(1, at(500));
                turn
            })
            .collect();
        assert_eq!(turns, [500, 500, 1_500, 2_500, 3_500].map(at));
        assert_eq!((bucket.available(at(3_500)), bucket.available(at(4_500))), (0, 1));
    }

    #[test]
    fn a_pause_is_never_shortened() {
        let mut bucket = Bucket::new(ms(200), 3);
        bucket.pause(at(9_000));
        bucket.pause(at(5_000));
        assert_eq!((bucket.available(at(8_999)), bucket.available(at(9_000))), (0, 1));
    }

    #[test]
    fn a_clock_that_went_back_neither_fills_a_bucket_nor_holds_it_up() {
        let mut buckets = Buckets::new(Duration::from_secs(1), 3);
        let bob = UserId::new("@bob:host");
        buckets.of(&bob, at(100_000)).take(3, at(100_000));
        buckets.clock_went_back(Duration::from_secs(90));
        let bucket = buckets.of(&bob, at(10_000));
        assert_eq!(
            (bucket.available(at(10_000)), bucket.available(at(11_000)), bucket.available(at(12_999))),
            (0, 1, 2)
        );
    }

    #[test]
    fn buckets_that_are_full_are_forgotten() {
        let mut buckets = Buckets::new(ms(200), 100);
        for n in 0..10_000_u64 {
            buckets.of(&UserId::new(format!("@{n}:host")), at(n * 10)).take(1, at(n * 10));
        }
        assert!(buckets.users.len() <= 4_000, "{} of 10,000 who came in 100 seconds", buckets.users.len());
        buckets.of(&UserId::new("@0:host"), at(1_000_000)).take(1, at(1_000_000));
        assert_eq!(buckets.users.len(), 1);
    }

    proptest! {
        /// `available` and `next` tell the same, and no number makes it panic.
        #[test]
        fn what_is_next_is_there_then_and_not_before(
            takes in prop::collection::vec((0..2_000_u64, 0..9_u64), 0..20), wanted in 1..=7_u64,
        ) {
            let (mut bucket, mut now) = (Bucket::new(ms(200), 7), 0);
            for (later, tokens) in takes {
                now += later;
                bucket.take(tokens, at(now));
            }
            let next = bucket.next(wanted, at(now));
            prop_assert!(bucket.available(next) >= wanted);
            prop_assert!(next == at(now) || bucket.available(next - ms(1)) < wanted);
        }
    }
}
