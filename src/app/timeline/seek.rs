//! Going to a message that may not be loaded yet.
//!
//! It is selected as soon as it is there. Until then older messages are fetched, page by page, also
//! while nobody scrolls; this ends when what is there is clearly older than the message, when the
//! room has no more, and when the user goes elsewhere in the timeline.

use std::time::Duration;

use super::OpenTimeline;
use crate::model::{EventId, Message, Pagination, TimelineItem, Timestamp};

/// A message that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sought {
    event_id: EventId,
    /// When it was sent, by the server's clock.
    sent: Timestamp,
    /// From where it is gone to, to be led back there.
    from: Option<EventId>,
}

impl OpenTimeline {
    /// Messages of several servers stand in an order that their clocks need not follow to the
    /// minute.
    const CLOCKS: Duration = Duration::from_hours(1);

    /// Selects this message, now or as soon as it is loaded.
    pub(in crate::app) fn seek(&mut self, event_id: EventId, sent: Timestamp, from: Option<EventId>) {
        self.sought = Some(Sought { event_id, sent, from });
        // A room that was just opened loads its newest messages by itself.
        self.may_paginate |= !self.items.is_empty() && self.pagination != Pagination::Loading;
        self.find_sought();
    }

    /// Selects the message that is sought, if it is there.
    pub(super) fn find_sought(&mut self) {
        let Some(Sought { event_id, .. }) = &self.sought else { return };
        if let Some(index) = self.index_of(event_id) {
            self.came_from.extend(self.sought.take().and_then(|sought| sought.from));
            self.select(index);
        }
    }

    fn index_of(&self, event_id: &EventId) -> Option<usize> {
        let is_it = |index: &usize| self.message(*index).is_some_and(|it| it.event_id.as_ref() == Some(event_id));
        (0..self.items.len()).rev().find(is_it)
    }

    /// Goes back to the message from which one was gone to another. False when there is none.
    pub(in crate::app) fn go_back(&mut self) -> bool {
        while let Some(from) = self.came_from.pop() {
            if let Some(index) = self.index_of(&from) {
                self.stop_seeking();
                self.select(index);
                return true;
            }
        }
        false
    }

    /// Gives up, and is true, when the message will not come any more.
    pub(in crate::app) fn seeks_in_vain(&mut self) -> bool {
        let Some(Sought { sent, .. }) = &self.sought else { return false };
        let before = |message: &Message| message.at + Self::CLOCKS < *sent;
        let oldest = self.items.iter().find_map(TimelineItem::message);
        let vain = self.pagination == Pagination::ReachedStart || oldest.is_some_and(before);
        self.sought.take_if(|_| vain).is_some()
    }

    /// The user does something else.
    pub(in crate::app) fn stop_seeking(&mut self) {
        self.sought = None;
    }

    /// The user goes elsewhere, and does not want to be led back.
    pub(in crate::app) fn goes_elsewhere(&mut self) {
        self.stop_seeking();
        self.came_from.clear();
    }
}
