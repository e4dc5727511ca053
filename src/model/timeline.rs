//! The timeline of a room: its items, and the changes by which it grows.

use std::sync::Arc;

use super::{EventId, Line, Ms, SafeText, UserId};

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

/// What a timeline item is.
#[derive(Clone, Debug, PartialEq)]
pub enum TimelineItemKind {
    /// The first message of a day follows.
    DayLine(Ms),
    /// Everything below is unread.
    UnreadLine,
    /// The beginning of the room.
    Start,
    /// A change of the room's state, in one sentence ('Bob joined').
    Notice {
        /// When.
        at: Ms,
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

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id; `None` while it is only a local echo.
    pub event_id: Option<EventId>,
    /// Who sent it.
    pub sender: UserId,
    /// Their display name, or their id.
    pub sender_name: SafeText,
    /// When, by the sender's server; for a local echo, by this machine.
    pub at: Ms,
    /// Sent by this account, from any of its devices.
    pub own: bool,
    /// What it says.
    pub body: Body,
    /// Its text as it was typed, where this user can edit it.
    pub source: Option<SafeText>,
    /// Changed after sending.
    pub edited: bool,
    /// Who and what it answers: the quoted sender and one line of what they said.
    pub reply_to: Option<(SafeText, SafeText)>,
    /// Reactions, by key.
    pub reactions: Vec<Reaction>,
    /// How far sending has come; always `Sent` for others' messages.
    pub send_state: SendState,
    /// It came in the clear, and the room is encrypted now; not by itself amiss where it was not
    /// then.
    pub in_clear: bool,
    /// Others whose read receipt stands at this message.
    pub read_by: Vec<ReadBy>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Text, with basic formatting.
    Text(Vec<Line>),
    /// `/me` does something.
    Emote(Vec<Line>),
    /// Said by a bot.
    Notice(Vec<Line>),
    /// A file, picture, voice message or the like: what it is and its name.
    File {
        /// 'image', 'file', 'video', 'audio', 'voice message', 'sticker', 'location'.
        what: &'static str,
        /// Its file name.
        name: SafeText,
        /// Bytes, where known.
        size: Option<u64>,
        /// Text sent along with it.
        caption: Vec<Line>,
    },
    /// Could not be decrypted, and why.
    Undecryptable(SafeText),
    /// Removed.
    Redacted,
    /// Something that this client has no own way to show ('poll: …', 'call').
    Other(SafeText),
}

/// One reaction on a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// The emoji or text.
    pub key: SafeText,
    /// How many people.
    pub count: usize,
    /// This user is among them.
    pub own: bool,
}

/// How far sending an own message has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendState {
    /// In the send queue.
    Waiting,
    /// Refused or given up, and why; kept until it is retried or discarded.
    Failed(SafeText),
    /// On the server.
    Sent,
}

/// A read receipt at a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBy {
    /// Whose.
    pub user_id: UserId,
    /// When, where known.
    pub at: Option<Ms>,
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
