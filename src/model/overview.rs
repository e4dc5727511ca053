//! What is known about delivery beyond one message: the log of receipts, what is not delivered
//! everywhere, how people stand.

use super::{Delivery, EventId, RoomId, Route, SafeText, Timestamp, UserId};

/// One row of the receipt log, or several alike in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// When it happened; the last time, where it happened more than once.
    pub at: Timestamp,
    /// When it happened first.
    pub first: Timestamp,
    /// How often.
    pub count: u64,
    /// The room.
    pub room_id: RoomId,
    /// What the room is called, or empty.
    pub room_name: SafeText,
    /// Whose message it is about.
    pub person: UserId,
    /// The message; the last one, where it happened more than once.
    pub event_id: EventId,
    /// What was done.
    pub what: Logged,
}

/// What a sender was told that it cannot be read, and what was no message when it could be (P1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The event.
    pub event_id: EventId,
    /// Who sent it, and was told.
    pub sender: UserId,
    /// When they sent it.
    pub sent: Timestamp,
    /// When they were told.
    pub told: Timestamp,
    /// What it was ('a reaction'), or empty.
    pub what: SafeText,
}

/// What was done about somebody's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logged {
    /// They were told that it came.
    Delivered {
        /// How.
        route: Route,
    },
    /// They were told that it cannot be decrypted here.
    Undecryptable {
        /// How.
        route: Route,
    },
    /// They were told nothing.
    Withheld {
        /// The rule of PROTOCOL, such as "P7".
        rule: &'static str,
        /// The rule in one sentence.
        why: &'static str,
    },
}

/// What this user's receipts told, and what was not believed of what others claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiptLog {
    /// What was told and withheld, the latest first.
    pub entries: Vec<LogEntry>,
    /// What was not believed since the session began, in the order of the rules.
    pub not_believed: Vec<NotBelieved>,
}

/// Claims about own messages that were not believed, for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotBelieved {
    /// How many.
    pub claims: u64,
    /// The rule of PROTOCOL, such as "L2".
    pub rule: &'static str,
    /// The reason in a few words, to be read after the number.
    pub why: &'static str,
}

/// An own message that not every device has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// Its room.
    pub room_id: RoomId,
    /// What the room is called.
    pub room_name: SafeText,
    /// One line of what it says, or empty when that is not known here.
    pub text: SafeText,
    /// What is known about it.
    pub delivery: Delivery,
}

/// How somebody in a room stands: whether they are sent receipts for what they write there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonEligibility {
    /// Who.
    pub user_id: UserId,
    /// Their display name in the room, or empty.
    pub name: SafeText,
    /// The user has dealt with them (P7).
    pub known: bool,
    /// The user has verified them.
    pub verified: bool,
    /// The user ignores them (P8).
    pub ignored: bool,
}
