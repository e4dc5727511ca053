//! What was counted in the log, so that it is not counted again.

use std::collections::{HashSet, VecDeque};

use crate::model::EventId;

/// How many events that are no messages are remembered as counted in the log.
const COUNTED: usize = 10_000;

/// The events that were refused and are not remembered on disk, the last ones: so that each is in
/// the log once, although a sync, a backfill and a second look may all bring it.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) events: HashSet<EventId>,
    order: VecDeque<EventId>,
}

impl Counted {
    /// Says whether it is a new one.
    pub(super) fn insert(&mut self, event: &EventId) -> bool {
        let is_new = self.events.insert(event.clone());
        if is_new {
            self.order.push_back(event.clone());
        }
        if self.order.len() > COUNTED
            && let Some(oldest) = self.order.pop_front()
        {
            self.events.remove(&oldest);
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_remember_is_bounded() {
        let mut counted = Counted::default();
        let event = |n: usize| EventId::new(format!("${n}"));
        for n in 0..=COUNTED {
            assert!(counted.insert(&event(n)));
        }
        assert!(!counted.insert(&event(1)));
        assert_eq!((counted.events.len(), counted.order.len()), (COUNTED, COUNTED));
        assert!(counted.insert(&event(0)), "the oldest is forgotten");
    }
}
