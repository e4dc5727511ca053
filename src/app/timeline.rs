//! The open room: its timeline, what is selected in it, and where it is scrolled to.
//!
//! A timeline changes under the reader: older messages come in above, new ones below, echoes turn into events. So the
//! selection and the scroll position are [`Place`]s: an item's key together with its index, kept right by every
//! change. Nothing is looked up by key but after a reset, and a timeline of 100,000 items costs no more than a short
//! one.

use std::{collections::HashMap, ops::Range};

use super::{composer::Composer, draft::Draft, layout::TimelineFacts};
use crate::model::{
    Delivery, EventId, ItemKey, Message, Pagination, RoomId, SafeText, TimelineChange, TimelineItem, TimelineItemKind,
};

/// One item of the timeline, wherever it moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub key: ItemKey,
    /// Where it is now.
    pub index: usize,
}

/// An edge of the timeline's area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The upper one.
    Top,
    /// The lower one.
    Bottom,
}

/// What the timeline is laid out from.
///
/// The view fills the area from the anchored row on. Where that would leave the area empty at one end although there
/// are more items at the other, it moves the content up or down to fill it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Anchor {
    /// The last row stands at the lower edge: new messages push the others up.
    #[default]
    Newest,
    /// This row stands at this edge.
    Row {
        /// The item.
        place: Place,
        /// The row in it from its top; beyond its end means its last row.
        row: usize,
        /// The edge.
        edge: Edge,
    },
}

/// The open room.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenRoom {
    /// Which.
    pub id: RoomId,
    /// Its timeline, oldest first.
    pub items: Vec<TimelineItem>,
    /// How far back it reaches.
    pub pagination: Pagination,
    /// The selected item, for the actions on messages.
    pub selection: Option<Place>,
    /// Where it is scrolled to.
    pub anchor: Anchor,
    /// Messages of others that came in below what is on screen.
    pub unseen_below: usize,
    /// What is known about the delivery of own messages.
    pub deliveries: HashMap<EventId, Delivery>,
    /// Who else is typing.
    pub typing: Vec<SafeText>,
    /// What is being typed.
    pub composer: Composer,
    /// How much of that is kept.
    pub(super) draft: Draft,
    /// What was drawn last, and whether nothing has changed since.
    pub(super) drawn: Option<TimelineFacts>,
    pub(super) drawn_is_current: bool,
    /// The newest message for which a read receipt was asked.
    pub(super) marked_read: Option<ItemKey>,
    /// Older messages are fetched when the top is near; not again after a fetch that brought nothing.
    pub(super) may_paginate: bool,
}

impl OpenRoom {
    /// A room that was just opened.
    pub(super) fn new(id: RoomId, composer: Composer, draft: Draft) -> Self {
        Self {
            id,
            items: Vec::new(),
            pagination: Pagination::Idle,
            selection: None,
            anchor: Anchor::Newest,
            unseen_below: 0,
            deliveries: HashMap::new(),
            typing: Vec::new(),
            composer,
            draft,
            drawn: None,
            drawn_is_current: false,
            marked_read: None,
            may_paginate: true,
        }
    }

    /// The message at this index, if there is one.
    pub fn message(&self, index: usize) -> Option<&Message> {
        match &self.items.get(index)?.kind {
            TimelineItemKind::Message(message) => Some(message),
            _ => None,
        }
    }

    /// The selected message and its key.
    pub fn selected(&self) -> Option<(&ItemKey, &Message)> {
        let place = self.selection.as_ref()?;
        Some((&place.key, self.message(place.index)?))
    }
}
