//! What was sent over `direct` in the last minutes, for devices of the same people that ask a
//! little later, and for those that may have lost it (§3).

use std::{collections::HashSet, time::Duration};

use super::EventRef;
use crate::{
    delivery::outbox::{Batch, Owed, ROUTE_WAIT},
    model::{RoomId, Timestamp, UserId},
};

/// The receipts that were sent over `direct` lately.
#[derive(Debug, Default)]
pub(super) struct Recent {
    sent: Vec<(Timestamp, Owed)>,
    /// The events of those that were sent a second time because they may have been lost. There is
    /// no third time.
    again: HashSet<EventRef>,
}

impl Recent {
    /// This batch is sent now.
    pub(super) fn add(&mut self, batch: &Batch, now: Timestamp) {
        self.expire(now);
        self.sent.extend(batch.owed.iter().map(|owed| (now, owed.clone())));
    }

    /// This batch was not sent after all.
    pub(super) fn forget(&mut self, batch: &Batch) {
        let events: HashSet<EventRef> = batch.owed.iter().map(Owed::event_ref).collect();
        self.sent.retain(|(_, owed)| owed.state != batch.state || !events.contains(&owed.event_ref()));
    }

    /// What a device of this person is to be sent that asks in this room: it is a new one, or may
    /// have lost what it was sent. It is owed since `moment`.
    pub(super) fn for_device(
        &mut self,
        (user, room): (&UserId, &RoomId),
        is_new: bool,
        moment: Timestamp,
    ) -> Vec<Owed> {
        self.expire(moment);
        let sent = self.sent.iter().map(|(_, owed)| owed).filter(|owed| owed.sender == *user && owed.room_id == *room);
        let sent = sent.filter(|owed| is_new || !self.again.contains(&owed.event_ref()));
        let sent: Vec<Owed> = sent.map(|owed| Owed { since: moment, ..owed.clone() }).collect();
        self.again.extend(sent.iter().filter(|_| !is_new).map(Owed::event_ref));
        sent
    }

    /// The clock went back by so much: the times of sending go back with it.
    pub(super) fn clock_went_back(&mut self, by: Duration) {
        self.sent.iter_mut().for_each(|(at, _)| *at -= by);
    }

    fn expire(&mut self, now: Timestamp) {
        self.sent.retain(|(at, _)| *at + ROUTE_WAIT > now);
        let events: HashSet<EventRef> = self.sent.iter().map(|(_, owed)| owed.event_ref()).collect();
        self.again.retain(|event| events.contains(event));
    }
}
