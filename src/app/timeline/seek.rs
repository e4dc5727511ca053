//! Going to a message that may not be loaded yet.
//!
//! It is selected as soon as it is there. Until then older messages are fetched, page by page, also
//! while nobody scrolls; this ends when what is there is clearly older than the message, when the
//! room has no more, and when the user goes elsewhere in the timeline.

use std::time::Duration;

use super::OpenTimeline;
use crate::model::{EventId, Message, Pagination, TimelineItemKind, Timestamp};

/// A message that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sought {
    event_id: EventId,
    /// When it was sent, by the server's clock, where that is known.
    sent: Option<Timestamp>,
}

impl OpenTimeline {
    /// Messages of several servers stand in an order that their clocks need not follow to the
    /// minute.
    const CLOCKS: Duration = Duration::from_hours(1);

    /// Selects this message, now or as soon as it is loaded.
    pub(in crate::app) fn seek(&mut self, event: EventId, sent: Option<Timestamp>) {
        self.sought = Some(Sought { event_id: event, sent });
        // A room that was just opened loads its newest messages by itself.
        self.may_paginate |= !self.items.is_empty() && self.pagination != Pagination::Loading;
        self.find_sought();
    }

    /// Selects the message that is sought, if it is there.
    pub(super) fn find_sought(&mut self) {
        let Some(Sought { event_id: event, .. }) = &self.sought else { return };
        let is_it = |index: &usize| self.message(*index).and_then(|message| message.event_id.as_ref()) == Some(event);
        if let Some(index) = (0..self.items.len()).rev().find(is_it) {
            self.sought = None;
            self.select(index);
        }
    }

    /// Gives up, and is true, when the message will not come any more.
    pub(in crate::app) fn seeks_in_vain(&mut self) -> bool {
        let Some(Sought { sent, .. }) = &self.sought else { return false };
        let before = |message: &Message| sent.is_some_and(|sent| message.at + Self::CLOCKS < sent);
        let oldest = self.items.iter().find_map(|item| match &item.kind {
            TimelineItemKind::Message(message) => Some(message),
            _ => None,
        });
        let vain = self.pagination == Pagination::ReachedStart || oldest.is_some_and(|oldest| before(oldest));
        self.sought.take_if(|_| vain).is_some()
    }

    /// The user goes elsewhere.
    pub(in crate::app) fn stop_seeking(&mut self) {
        self.sought = None;
    }
}
