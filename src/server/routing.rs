//! Who may post a delivery receipt, and to whom it goes (PROTOCOL §7).
//!
//! A receipt tells one person that another person's device is awake. So everything turns on the
//! order of the checks: nobody may learn by a refusal what the check before it would have kept from
//! them, and nothing that costs a request may be asked for somebody who was refused already. The
//! order is therefore in the types. Each step is a value that only the step before it makes, and
//! has one method, which takes one fact and makes the next:
//!
//! | step | the fact that it takes | refuses with |
//! | --- | --- | --- |
//! | [`Post::new`] | the body | 413 |
//! | [`Post::claimed_by`] | whose token it is | 400 |
//! | [`Claimed::within`] | the rate limit | 429 |
//! | [`Paced::by_member`] | is the claimant joined now? | 403 |
//! | [`Permitted::about`] | the event | 404 |
//!
//! A server writes them one below the other, each with `?`, and looks each fact up between two of
//! them, from its memory or from another server. What comes out is nothing, or one [`Receipt`] for
//! one person: there is no way from here to the room, back to the claimant, or to anybody's
//! presence.
//!
//! [`federation`] does the same for what other servers say.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    delivery::receipt::{NATIVE_TYPE, NATIVE_TYPE_UNSTABLE},
    model::{DeviceId, EventId, RoomId, Timestamp, UserId},
};

pub mod federation;
mod post;
mod rate;

pub use post::{Claimant, Claimed, MAX_BODY, Paced, Permitted, Post};
pub use rate::{BURST, INTERVAL, RateLimit};

/// The two names of the one receipt type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReceiptName {
    /// Before MSC4089 is accepted.
    Unstable,
    /// Afterwards.
    Stable,
}

impl ReceiptName {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Unstable, Self::Stable];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unstable => NATIVE_TYPE_UNSTABLE,
            Self::Stable => NATIVE_TYPE,
        }
    }

    /// Reads a receipt's type; `None` for any other receipt, as `m.read`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// A receipt on its way to the only person who gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The event's room.
    pub room_id: RoomId,
    /// The event that was received.
    pub event_id: EventId,
    /// Who sent the event: the receipt goes to each of their devices and to nobody else.
    pub to: UserId,
    /// Who received it; never the same as `to`.
    pub claimant: UserId,
    /// Which of their devices, where it wants to be named.
    pub device_id: Option<DeviceId>,
    /// When: the claimant's server says.
    pub ts: Timestamp,
    /// The name under which it came, and under which it goes on.
    pub name: ReceiptName,
    /// The device says that its silence before means nothing.
    pub quiet: bool,
}

/// What a server knows about an event that it has and that the claimant may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFacts {
    /// The room that it is in.
    pub room_id: RoomId,
    /// Its sender.
    pub sender: UserId,
    /// Whether it was sent after the claimant joined.
    pub since_join: bool,
    /// Whether it is a state event.
    pub state: bool,
    /// Whether it is redacted.
    pub redacted: bool,
}

/// There is no such event, as far as the claimant may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NoSuchEvent;

/// To whom a receipt about this event goes, if to anybody: not to oneself, and not about state or
/// what is redacted.
fn addressee(event: Option<&EventFacts>, room: &RoomId, claimant: &UserId) -> Result<Option<UserId>, NoSuchEvent> {
    let event = event.filter(|event| event.room_id == *room && event.since_join).ok_or(NoSuchEvent)?;
    let nothing_to_say = event.state || event.redacted || event.sender == *claimant;
    Ok((!nothing_to_say).then(|| event.sender.clone()))
}

/// Why a receipt was not taken; shown as the error's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The body is longer than [`MAX_BODY`].
    #[error("The body of a delivery receipt has at most {MAX_BODY} bytes")]
    TooLarge,
    /// The body is no JSON object.
    #[error("The body is not a JSON object")]
    NotJson,
    /// The body has a `thread_id`: a delivery receipt is for one event, and no thread has it.
    #[error("A delivery receipt has no thread_id")]
    Threaded,
    /// The receipt's name is not, or no longer, in use here: the client falls back to the other.
    #[error("This server does not take delivery receipts under this name")]
    NameNotTaken,
    /// Too many from this user.
    #[error("Too many delivery receipts")]
    LimitExceeded {
        /// So long from now one would be taken.
        retry_after: Duration,
    },
    /// The claimant is not joined now.
    #[error("You are not in this room")]
    NotJoined,
    /// Unknown, invisible, in another room, or from before the claimant's join: one cannot be told
    /// from the other.
    #[error("There is no such event in this room")]
    NotFound,
}

impl Refusal {
    /// The answer's HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::TooLarge => 413,
            Self::NotJson | Self::Threaded | Self::NameNotTaken => 400,
            Self::LimitExceeded { .. } => 429,
            Self::NotJoined => 403,
            Self::NotFound => 404,
        }
    }

    /// Matrix's name for it.
    pub fn errcode(self) -> &'static str {
        match self {
            Self::TooLarge => "M_TOO_LARGE",
            Self::NotJson => "M_NOT_JSON",
            Self::Threaded | Self::NameNotTaken => "M_INVALID_PARAM",
            Self::LimitExceeded { .. } => "M_LIMIT_EXCEEDED",
            Self::NotJoined => "M_FORBIDDEN",
            Self::NotFound => "M_NOT_FOUND",
        }
    }

    /// The answer's `Retry-After`, in whole seconds: never too early.
    pub fn retry_after_seconds(self) -> Option<u64> {
        match self {
            Self::LimitExceeded { retry_after } => u64::try_from(retry_after.as_millis().div_ceil(1000)).ok(),
            _ => None,
        }
    }

    /// The answer's body.
    pub fn body(self) -> Value {
        let mut body = json!({ "errcode": self.errcode(), "error": self.to_string() });
        if let Self::LimitExceeded { retry_after } = self {
            body["retry_after_ms"] = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX).into();
        }
        body
    }
}

#[cfg(test)]
mod tests;
