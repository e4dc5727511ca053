//! The timeline of a room: its items, and the changes by which it grows.

use std::sync::Arc;

use super::{Message, ReadBy, SafeText, Timestamp};

/// Names one timeline item for as long as the room is open, also while a local echo turns into a
/// remote event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ItemKey(pub Arc<str>);

/// One item of a timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineItem {
    /// Its stable name.
    pub key: ItemKey,
    /// What it is.
    pub kind: TimelineItemKind,
}

impl TimelineItem {
    /// The message, if it is one.
    pub fn message(&self) -> Option<&Message> {
        match &self.kind {
            TimelineItemKind::Message(message) => Some(message),
            _ => None,
        }
    }
}

/// What a timeline item is.
#[derive(Clone, Debug, PartialEq)]
pub enum TimelineItemKind {
    /// The first message of a day follows.
    DayLine(Timestamp),
    /// Everything below is unread.
    UnreadLine,
    /// The beginning of the room.
    Start,
    /// A change of the room's state, in one sentence ('Bob joined').
    Notice {
        /// When.
        at: Timestamp,
        /// The sentence.
        text: SafeText,
        /// Others whose read receipt stands at it.
        read_by: Vec<ReadBy>,
        /// This one turned encryption on.
        encrypted_from_here: bool,
    },
    /// A message.
    Message(Box<Message>),
    /// Nothing that is seen.
    Nothing,
}

/// How far back the open timeline reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pagination {
    /// More may be fetched.
    #[default]
    Idle,
    /// Older messages are on their way.
    Loading,
    /// The beginning of the room is there.
    ReachedStart,
}

/// One change of the open timeline, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum TimelineChange {
    /// Everything anew.
    Reset(Vec<TimelineItem>),
    /// At the end.
    Append(Vec<TimelineItem>),
    /// Before the item now at this index.
    Insert(usize, TimelineItem),
    /// In place of the item at this index.
    Set(usize, TimelineItem),
    /// The item at this index goes.
    Remove(usize),
    /// Only the first so many stay.
    Truncate(usize),
}
