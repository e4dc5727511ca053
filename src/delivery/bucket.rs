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

use std::collections::HashMap;

use crate::model::{Ms, UserId};

/// One bucket of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    interval: Ms,
    burst: u64,
    full_at: Ms,
}

impl Bucket {
    /// A full one: a token every `interval`, which is not 0, and at most `burst` of them.
    pub const fn new(interval: Ms, burst: u64) -> Self {
        Self { interval, burst, full_at: 0 }
    }

    /// How many tokens there are now.
    pub fn available(&self, now: Ms) -> u64 {
        now.saturating_add(self.filling()).saturating_sub(self.full_at.max(now)) / self.interval
    }

    /// When there are so many tokens, of which there may never be more than `burst`.
    pub fn next(&self, tokens: u64, now: Ms) -> Ms {
        self.full_at.saturating_add(self.time(tokens)).saturating_sub(self.filling()).max(now)
    }

    /// Takes so many tokens, also those that are still to come.
    pub fn take(&mut self, tokens: u64, now: Ms) {
        self.full_at = self.full_at.max(now).saturating_add(self.time(tokens));
    }

    /// There is no token before this moment, and then there is one.
    pub fn pause(&mut self, until: Ms) {
        self.full_at = self.full_at.max(until.saturating_add(self.filling()).saturating_sub(self.interval));
    }

    /// The clock went back by so much: it fills as fast as before.
    pub fn clock_went_back(&mut self, by: Ms) {
        self.full_at = self.full_at.saturating_sub(by);
    }

    fn time(&self, tokens: u64) -> Ms {
        self.interval.saturating_mul(tokens)
    }

    /// How long an empty bucket takes to be full.
    fn filling(&self) -> Ms {
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
    swept: Ms,
}

impl Buckets {
    /// Full ones: a token every `interval`, which is not 0, and at most `burst` of them.
    pub fn new(interval: Ms, burst: u64) -> Self {
        Self { full: Bucket::new(interval, burst), users: HashMap::new(), swept: 0 }
    }

    /// This user's bucket.
    pub fn of(&mut self, user: &UserId, now: Ms) -> &mut Bucket {
        if now.saturating_sub(self.swept) >= self.full.filling() {
            self.users.retain(|_, bucket| bucket.full_at > now);
            self.swept = now;
        }
        self.users.entry(user.clone()).or_insert(self.full)
    }

    /// The clock went back by so much: they fill as fast as before.
    pub fn clock_went_back(&mut self, by: Ms) {
        self.users.values_mut().for_each(|bucket| bucket.clock_went_back(by));
        self.swept = self.swept.saturating_sub(by);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn so_many_at_once_and_then_one_every_interval() {
        let mut bucket = Bucket::new(200, 3);
        assert_eq!((bucket.available(1_000), bucket.next(3, 1_000)), (3, 1_000));
        bucket.take(3, 1_000);
        assert_eq!((bucket.available(1_199), bucket.next(1, 1_199), bucket.next(2, 1_199)), (0, 1_200, 1_400));
        assert_eq!(bucket.available(1_200), 1);
        assert_eq!(bucket.available(1_000_000), 3);
    }

    #[test]
    fn what_is_taken_early_is_waited_for_in_turn() {
        let mut bucket = Bucket::new(1_000, 2);
        let turns: Vec<Ms> = (0..5)
            .map(|_| {
                let turn = bucket.next(1, 500);
                bucket.take(1, 500);
                turn
            })
            .collect();
        assert_eq!(turns, [500, 500, 1_500, 2_500, 3_500]);
        assert_eq!((bucket.available(3_500), bucket.available(4_500)), (0, 1));
    }

    #[test]
    fn a_pause_is_never_shortened() {
        let mut bucket = Bucket::new(200, 3);
        bucket.pause(9_000);
        bucket.pause(5_000);
        assert_eq!((bucket.available(8_999), bucket.available(9_000)), (0, 1));
    }

    #[test]
    fn a_clock_that_went_back_neither_fills_a_bucket_nor_holds_it_up() {
        let mut buckets = Buckets::new(1_000, 3);
        let bob = UserId::new("@bob:host");
        buckets.of(&bob, 100_000).take(3, 100_000);
        buckets.clock_went_back(90_000);
        let bucket = buckets.of(&bob, 10_000);
        assert_eq!((bucket.available(10_000), bucket.available(11_000), bucket.available(12_999)), (0, 1, 2));
    }

    #[test]
    fn buckets_that_are_full_are_forgotten() {
        let mut buckets = Buckets::new(200, 100);
        for n in 0..10_000_u64 {
            buckets.of(&UserId::new(format!("@{n}:host")), n * 10).take(1, n * 10);
        }
        assert!(buckets.users.len() <= 4_000, "{} of 10,000 who came in 100 seconds", buckets.users.len());
        buckets.of(&UserId::new("@0:host"), 1_000_000).take(1, 1_000_000);
        assert_eq!(buckets.users.len(), 1);
    }

    proptest! {
        /// `available` and `next` tell the same, and no number makes it panic.
        #[test]
        fn what_is_next_is_there_then_and_not_before(
            takes in prop::collection::vec((0..2_000_u64, 0..9_u64), 0..20), wanted in 1..=7_u64,
        ) {
            let (mut bucket, mut now) = (Bucket::new(200, 7), 0);
            for (later, tokens) in takes {
                now += later;
                bucket.take(tokens, now);
            }
            let next = bucket.next(wanted, now);
            prop_assert!(bucket.available(next) >= wanted);
            prop_assert!(next == now || bucket.available(next - 1) < wanted);
        }
    }
}
