//! All receipts that came for a user's events lately: by these a duplicate is told from news, and
//! an event is summed up.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::{
    model::{DeviceId, EventId, Timestamp, UserId},
    server::routing::Receipt,
};

/// So many receipts are known at most; then the events whose first receipt is longest ago are
/// forgotten. A receipt for such an event is news again, which does no harm: readers merge.
pub(super) const KNOWN: usize = super::WAITING;

/// Per event, what came for it.
#[derive(Debug, Default)]
pub(super) struct KnownReceipts {
    events: HashMap<EventId, Event>,
    /// The events in the order of their first receipts.
    order: VecDeque<EventId>,
    receipts: usize,
}

#[derive(Debug, Default)]
struct Event {
    /// The earliest time per user and device; the anonymous ones of a user are one.
    receipts: BTreeMap<(UserId, Option<DeviceId>), Timestamp>,
    users: usize,
    latest: Timestamp,
}

/// How many have an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) users: usize,
    pub(super) devices: usize,
    pub(super) latest: Timestamp,
}

impl Event {
    /// The times of all receipts of one user.
    fn of<'a>(&'a self, user: &'a UserId) -> impl Iterator<Item = Timestamp> + use<'a> {
        let from_here = self.receipts.range((user.clone(), None)..);
        from_here.take_while(move |((of, _), _)| of == user).map(|(_, ts)| *ts)
    }
}

impl KnownReceipts {
    /// Remembers a receipt; `false` when it is known, which keeps the earlier time (L3).
    pub(super) fn note(&mut self, receipt: &Receipt) -> bool {
        let event = self.events.entry(receipt.event_id.clone()).or_insert_with(|| {
            self.order.push_back(receipt.event_id.clone());
            Event::default()
        });
        let key = (receipt.claimant.clone(), receipt.device_id.clone());
        if let Some(known) = event.receipts.get_mut(&key) {
            if receipt.ts < *known {
                *known = receipt.ts;
                event.latest = event.receipts.values().copied().max().unwrap_or_default();
            }
            return false;
        }
        let first_of_user = event.of(&receipt.claimant).next().is_none();
        event.users += usize::from(first_of_user);
        event.latest = event.latest.max(receipt.ts);
        event.receipts.insert(key, receipt.ts);
        self.receipts += 1;
        while self.receipts > KNOWN {
            self.forget_oldest();
        }
        true
    }

    /// The earliest time of this very receipt.
    pub(super) fn ts(&self, receipt: &Receipt) -> Timestamp {
        let key = (receipt.claimant.clone(), receipt.device_id.clone());
        let known = self.events.get(&receipt.event_id).and_then(|event| event.receipts.get(&key));
        known.map_or(receipt.ts, |known| receipt.ts.min(*known))
    }

    /// The earliest time of all that its claimant's devices said about this event.
    pub(super) fn earliest(&self, receipt: &Receipt) -> Timestamp {
        let known = self.events.get(&receipt.event_id).and_then(|event| event.of(&receipt.claimant).min());
        known.map_or(receipt.ts, |known| receipt.ts.min(known))
    }

    /// The event's receipts summed up, if they are more than `limit`.
    pub(super) fn summary_above(&self, limit: u64, event: &EventId) -> Option<Summary> {
        let event = self.events.get(event)?;
        let devices = event.receipts.len();
        (devices as u64 > limit).then_some(Summary { users: event.users, devices, latest: event.latest })
    }

    /// How many are known.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.receipts
    }

    fn forget_oldest(&mut self) {
        let oldest = self.order.pop_front().and_then(|event| self.events.remove(&event));
        self.receipts -= oldest.map_or(self.receipts, |event| event.receipts.len());
    }
}
