//! How fast receipts are posted to the homeserver.
//!
//! A receipt is a request of its own, and a server takes only so many: five a second and a hundred
//! at once from all of a user's devices (PROTOCOL §7). To run into that limit and be told to wait
//! would be a request wasted for each one sent. So a device keeps to that rate by itself, with half
//! of what may come at once, and when the server says 'wait' all the same, the whole route waits.

use std::time::Duration;

use crate::{delivery::bucket::Bucket, model::Timestamp};

/// One receipt in this time, in the long run.
const APART: Duration = Duration::from_millis(200);
/// How many receipts may be posted at once.
const AT_ONCE: u64 = 50;
/// So many are waited for when there are more, so that what waits is not gone through for each of
/// them.
const WORTH_WAITING: u64 = 10;

/// What the native route may still post, as far as this device knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace(Bucket);

impl Default for Pace {
    fn default() -> Self {
        Self(Bucket::new(APART, AT_ONCE))
    }
}

impl Pace {
    /// How many of so many receipts may be posted now; they count as posted.
    pub fn take(&mut self, wanted: usize, now: Timestamp) -> usize {
        let taken = self.0.available(now).min(count(wanted));
        self.0.take(taken, now);
        usize::try_from(taken).unwrap_or(wanted)
    }

    /// When it is worth asking again for so many.
    pub fn next(&self, wanted: usize, now: Timestamp) -> Timestamp {
        self.0.next(count(wanted).min(WORTH_WAITING), now)
    }

    /// The server wants to see nothing before this moment; from then on it is one at a time.
    pub fn pause(&mut self, until: Timestamp) {
        self.0.pause(until);
    }
}

fn count(receipts: usize) -> u64 {
    u64::try_from(receipts).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    #[test]
    fn fifty_at_once_then_five_a_second() {
        let mut pace = Pace::default();
        assert_eq!(pace.take(20, NOW), 20);
        assert_eq!(pace.take(100, NOW), 30);
        assert_eq!(pace.take(100, NOW), 0);
        assert_eq!(pace.take(100, NOW + ms(199)), 0);
        assert_eq!(pace.take(100, NOW + Duration::from_secs(1)), 5);
        assert_eq!(pace.take(100, NOW + Duration::from_mins(1)), 50, "and after a pause fifty again");
    }

    #[test]
    fn it_says_when_asking_again_is_worth_it() {
        let mut pace = Pace::default();
        assert_eq!(pace.next(100, NOW), NOW);
        pace.take(50, NOW);
        for (wanted, wait) in [(1, 200), (10, 2_000), (100, 2_000)] {
            assert_eq!(pace.next(wanted, NOW), NOW + ms(wait));
            assert_eq!(pace.clone().take(wanted, NOW + ms(wait)), wanted.min(10));
        }
    }

    #[test]
    fn a_pause_holds_for_everything_and_is_never_shortened() {
        let mut pace = Pace::default();
        pace.pause(NOW + Duration::from_secs(5));
        pace.pause(NOW + Duration::from_secs(1));
        assert_eq!(pace.take(1, NOW + ms(4_999)), 0);
        assert_eq!(pace.next(1, NOW), NOW + Duration::from_secs(5));
        assert_eq!(pace.take(100, NOW + Duration::from_secs(5)), 1);
        assert_eq!(pace.take(100, NOW + ms(5_200)), 1);
        pace.pause(Timestamp::MAX);
        assert_eq!(pace.take(1, Timestamp::MAX - ms(1)), 0, "also for a server that says 'never'");
    }

    proptest! {
        /// In no span of time more than fifty and five a second.
        #[test]
        fn the_rate_is_kept(steps in prop::collection::vec((0..3_000u64, 0..80usize), 1..60)) {
            let (mut pace, mut now, mut posted) = (Pace::default(), NOW, Vec::new());
            for (pause, wanted) in steps {
                now += ms(pause);
                posted.push((now, pace.take(wanted, now)));
            }
            for first in 0..posted.len() {
                for last in first..posted.len() {
                    let sent: usize = posted[first..=last].iter().map(|(_, sent)| sent).sum();
                    let span = usize::try_from((posted[last].0 - posted[first].0).as_millis() / APART.as_millis()).unwrap();
                    prop_assert!(sent <= 50 + span + 1);
                }
            }
        }
    }
}
