//! Incognito (P12): nothing leaves while it is on, and nothing is made up for.
//!
//! While it is on, [`decide`](super::policy::decide) withholds everything, and what waited is
//! cancelled. That alone would forget what came and was not looked at in that time: messages that a
//! sync left out and a backfill finds later, or whose sending was under way. So the moment at which
//! it ended stays, per room and for all rooms: nothing that was sent before it is acknowledged.
//! What was sent then and arrives after it gets no receipt either; nobody can tell the two apart.
//!
//! 'On' is written down as an end that is not known yet. So whoever is told at the next start that
//! it is off knows that it has ended meanwhile.

use std::collections::BTreeMap;

use super::policy::{MAX_AGE, Settings};
use crate::model::{RoomId, Timestamp};

/// Until when there was incognito, per room and, without one, everywhere;
/// [`Timestamp::MAX`] while there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incognito {
    until: BTreeMap<Option<RoomId>, Timestamp>,
}

impl Incognito {
    /// From what was kept.
    pub fn new(until: impl IntoIterator<Item = (Option<RoomId>, Timestamp)>) -> Self {
        Self { until: until.into_iter().collect() }
    }

    /// What is to be kept.
    pub fn entries(&self) -> impl Iterator<Item = (Option<&RoomId>, Timestamp)> {
        self.until.iter().map(|(room, until)| (room.as_ref(), *until))
    }

    /// The settings are these now; says whether there is something new to be kept.
    pub fn set(&mut self, settings: &Settings, now: Timestamp) -> bool {
        let before = self.clone();
        let is_on = |room: &Option<RoomId>| match room {
            None => settings.incognito,
            Some(room) => settings.incognito_rooms.contains(room),
        };
        for (room, until) in &mut self.until {
            if *until == Timestamp::MAX && !is_on(room) {
                *until = now;
            }
        }
        // What is older gets no receipt anyway (P9).
        self.until.retain(|_, until| now - *until <= MAX_AGE);
        let on = settings.incognito.then_some(None);
        let rooms = settings.incognito_rooms.iter().cloned().map(Some);
        self.until.extend(on.into_iter().chain(rooms).map(|room| (room, Timestamp::MAX)));
        *self != before
    }

    /// Nothing that was sent in this room before this moment is acknowledged; the epoch when
    /// there is no such moment.
    pub fn until(&self, room: &RoomId) -> Timestamp {
        let of = |room| self.until.get(room).copied().unwrap_or_default();
        of(&None).max(of(&Some(room.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn settings(everywhere: bool, rooms: &[&str]) -> Settings {
        let incognito_rooms = rooms.iter().copied().map(RoomId::new).collect();
        Settings { incognito: everywhere, incognito_rooms, ..Settings::default() }
    }

    fn until(incognito: &Incognito) -> (Timestamp, Timestamp) {
        (incognito.until(&RoomId::new("!a")), incognito.until(&RoomId::new("!b")))
    }

    #[test]
    fn p12_it_holds_until_it_ends_and_for_what_was_sent_before_that() {
        let mut incognito = Incognito::default();
        assert!(!incognito.set(&settings(false, &[]), at(1)));
        assert_eq!(until(&incognito), (at(0), at(0)));
        assert!(incognito.set(&settings(false, &["!a"]), at(2)));
        assert_eq!(until(&incognito), (Timestamp::MAX, at(0)));
        assert!(incognito.set(&settings(true, &[]), at(3)));
        assert_eq!(until(&incognito), (Timestamp::MAX, Timestamp::MAX));
        assert!(!incognito.set(&settings(true, &[]), at(4)));
        assert!(incognito.set(&settings(false, &[]), at(5)));
        assert_eq!(until(&incognito), (at(5), at(5)), "the room's own ended at 3, everybody's at 5");
    }

    #[test]
    fn p12_what_ended_while_nobody_looked_ended_at_the_next_start() {
        let mut incognito = Incognito::default();
        incognito.set(&settings(true, &["!a"]), at(1));
        let kept: Vec<_> = incognito.entries().map(|(room, until)| (room.cloned(), until)).collect();
        let mut again = Incognito::new(kept);
        assert_eq!(again, incognito);
        assert!(again.set(&settings(false, &[]), at(9)));
        assert_eq!(until(&again), (at(9), at(9)));
    }

    #[test]
    fn p12_an_end_is_forgotten_when_p9_says_the_same() {
        let mut incognito = Incognito::default();
        incognito.set(&settings(true, &[]), at(1));
        incognito.set(&settings(false, &[]), at(2));
        assert!(!incognito.set(&settings(false, &[]), at(2) + MAX_AGE));
        assert!(incognito.set(&settings(false, &[]), at(3) + MAX_AGE));
        assert_eq!(incognito, Incognito::default());
    }
}
