//! A moment, as Matrix counts it.
//!
//! A timestamp is a number of milliseconds, whole and never negative; the span between two of them
//! is a [`Duration`]. A peer can claim any number, so nothing here overflows: what would be before
//! the epoch is the epoch, what would be after the last moment is [`Timestamp::MAX`].

use std::{
    ops::{Add, AddAssign, Sub, SubAssign},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// A moment: milliseconds since the Unix epoch, which is the default. It always comes in as an
/// argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);
    /// The last moment; never, as an end.
    pub const MAX: Self = Self(u64::MAX);

    /// So many milliseconds after the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// How many milliseconds after the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// So much later; a fraction of a millisecond is left out. `None` after the last moment.
    pub fn checked_add(self, span: Duration) -> Option<Self> {
        self.0.checked_add(u64::try_from(span.as_millis()).ok()?).map(Self)
    }

    /// So much later, for a constant; elsewhere `+`.
    #[must_use]
    pub const fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(whole_millis(span)))
    }

    /// So much earlier, for a constant; elsewhere `-`.
    #[must_use]
    pub const fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(whole_millis(span)))
    }

    /// The days since the epoch, in UTC.
    pub const fn day(self) -> u64 {
        self.0 / (24 * 60 * 60 * 1000)
    }

    /// The first line at this moment or later of the grid that begins at `origin`, with a line
    /// every `step`, which is not 0.
    #[must_use]
    pub fn on_grid(self, origin: Self, step: Duration) -> Self {
        let step = whole_millis(step);
        let lines = self.0.saturating_sub(origin.0).div_ceil(step);
        Self(origin.0.saturating_add(lines.saturating_mul(step)))
    }
}

/// A span in milliseconds, as far as they can be counted.
#[allow(clippy::cast_possible_truncation, reason = "it is not more than `u64::MAX`")]
const fn whole_millis(span: Duration) -> u64 {
    let millis = span.as_millis();
    if millis > u64::MAX as u128 { u64::MAX } else { millis as u64 }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        self.plus(span)
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        self.minus(span)
    }
}

impl SubAssign<Duration> for Timestamp {
    fn sub_assign(&mut self, span: Duration) {
        *self = *self - span;
    }
}

/// How long after the other one; nothing when it is before that.
impl Sub for Timestamp {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn nothing_is_before_the_epoch_or_after_the_last_moment() {
        let early = Timestamp::from_millis(999);
        assert_eq!((early - SECOND, Timestamp::EPOCH - early), (Timestamp::EPOCH, Duration::ZERO));
        let late = Timestamp::MAX - Duration::from_millis(999);
        assert_eq!((late + SECOND, late.checked_add(SECOND)), (Timestamp::MAX, None));
        for longest in [Duration::MAX, Duration::from_millis(u64::MAX)] {
            assert_eq!((early + longest, late - longest), (Timestamp::MAX, Timestamp::EPOCH));
        }
    }

    #[test]
    fn a_fraction_of_a_millisecond_is_left_out() {
        let span = Duration::from_nanos(1_999_999);
        let at = Timestamp::from_millis(5);
        assert_eq!((at + span, at - span), (Timestamp::from_millis(6), Timestamp::from_millis(4)));
        assert_eq!(at.checked_add(span), Some(Timestamp::from_millis(6)));
    }

    #[test]
    fn in_json_it_is_a_number() {
        assert_eq!(serde_json::to_string(&Timestamp::MAX).unwrap(), u64::MAX.to_string());
        assert_eq!(serde_json::from_str::<Timestamp>("7").unwrap(), Timestamp::from_millis(7));
        assert!(serde_json::from_str::<Timestamp>("-7").is_err() && serde_json::from_str::<Timestamp>("7.5").is_err());
    }

    proptest! {
        #[test]
        fn the_next_line_is_on_the_grid_and_less_than_a_step_away(
            at in 0..1_000_000u64, origin in 0..1_000_000u64, step in 1..50_000u64,
        ) {
            let (time, begin) = (Timestamp::from_millis(at), Timestamp::from_millis(origin));
            let line = time.on_grid(begin, Duration::from_millis(step));
            prop_assert!(line >= time && line >= begin);
            prop_assert_eq!((line.as_millis() - origin) % step, 0);
            prop_assert!(line.as_millis() < at.max(origin) + step);
        }
    }
}
