//! Five a second, a hundred at once.

use proptest::prelude::*;

use super::*;

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn user(name: u8) -> UserId {
    UserId::new(format!("@u{name}:host"))
}

/// How many of `tries` at the same moment are let through.
fn let_through(limit: &mut RateLimit, now: Timestamp, tries: u64) -> usize {
    (0..tries).filter(|_| limit.take(&user(0), now).is_ok()).count()
}

#[test]
fn a_burst_of_100_then_5_a_second() {
    let mut limit = RateLimit::default();
    assert_eq!(let_through(&mut limit, at(0), 1_000), 100);
    assert_eq!(let_through(&mut limit, at(199), 1_000), 0);
    assert_eq!(let_through(&mut limit, at(200), 1_000), 1);
    assert_eq!(let_through(&mut limit, at(1_200), 1_000), 5);
    assert_eq!(let_through(&mut limit, at(1_200 + 19_999), 1_000), 99);
    assert_eq!(let_through(&mut limit, at(1_000_000), 1_000), 100);
}

#[test]
fn every_user_has_a_bucket_of_their_own() {
    let mut limit = RateLimit::new(Duration::from_millis(200), 1);
    assert_eq!(limit.take(&user(1), at(0)), Ok(()));
    assert_eq!(limit.take(&user(1), at(0)), Err(Duration::from_millis(200)));
    assert_eq!(limit.take(&user(2), at(0)), Ok(()));
}

proptest! {
    /// Whoever waits as long as it says is let through, and not a millisecond earlier.
    #[test]
    fn retry_after_is_exact(steps in prop::collection::vec((0..3_u8, 0..500_u64), 1..300)) {
        let mut limit = RateLimit::new(Duration::from_millis(200), 3);
        let (mut now, millisecond) = (at(0), Duration::from_millis(1));
        for (name, later) in steps {
            now += Duration::from_millis(later);
            if let Err(wait) = limit.take(&user(name), now) {
                prop_assert!(!wait.is_zero());
                prop_assert_eq!(limit.take(&user(name), now + wait - millisecond), Err(millisecond));
                now += wait;
                prop_assert_eq!(limit.take(&user(name), now), Ok(()));
            }
        }
    }

    /// In no stretch of time more than the burst and what has been refilled.
    #[test]
    fn never_more_than_the_burst_and_the_rate(gaps in prop::collection::vec(0..300_u64, 1..300)) {
        let mut limit = RateLimit::new(Duration::from_millis(200), 7);
        let (mut now, mut taken) = (0, Vec::new());
        for gap in gaps {
            now += gap;
            if limit.take(&user(0), at(now)).is_ok() {
                taken.push(now);
            }
        }
        for (first, start) in taken.iter().enumerate() {
            for (count, end) in taken[first..].iter().enumerate() {
                prop_assert!((count as u64) < 7 + (end - start) / 200);
            }
        }
    }
}
