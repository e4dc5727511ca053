//! A set of days of which the newest 64 are kept, in two numbers.

/// A set of days. Adding is idempotent and order-free; a day that is more than 63 before the newest
/// is none of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days {
    /// The newest day.
    pub newest: u64,
    /// Bit `n`: the day `n` days before the newest.
    pub bits: u64,
}

impl Days {
    /// Adds a day.
    pub fn add(&mut self, day: u64) {
        if day > self.newest {
            self.bits = shifted(self.bits, day - self.newest);
            self.newest = day;
        }
        self.bits |= shifted(1, self.newest - day);
    }

    /// The first of the days that is later than this one.
    pub fn first_after(self, day: u64) -> Option<u64> {
        let later = self.newest.checked_sub(day)?;
        let bits = self.bits & shifted(1, later).wrapping_sub(1);
        Some(self.newest - u64::from(bits.checked_ilog2()?))
    }
}

fn shifted(bits: u64, by: u64) -> u64 {
    u32::try_from(by).ok().and_then(|by| bits.checked_shl(by)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_set_of_the_newest_64(added in prop::collection::vec(0..200_u64, 1..40), after in 0..200_u64) {
            let mut days = Days::default();
            for day in &added {
                days.add(*day);
            }
            let set: BTreeSet<u64> = added.iter().copied().collect();
            let newest = set.last().copied().unwrap();
            let first = set.into_iter().find(|day| *day > after && day + 64 > newest);
            prop_assert_eq!(days.first_after(after), first);
        }
    }

    #[test]
    fn no_day_is_too_far_away() {
        let mut days = Days::default();
        days.add(0);
        days.add(u64::MAX);
        assert_eq!(days.first_after(0), Some(u64::MAX));
        assert_eq!(days.first_after(u64::MAX), None);
    }
}
