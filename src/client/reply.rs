//! What comes of a request: a reply, or why there is none.
//!
//! Every request is answered once, whatever happens; also one that a newer request has taken the
//! place of, or whose session has ended first ([`FailureKind::Cancelled`]).

use std::{fmt::Display, time::Duration};

use crate::model::{
    ComposerDraft, EventId, EventSource, LoginMethod, PeoplePage, PersonEligibility, ReceiptLog, ReceiptStatus, RoomId,
    SafeText, TimelineId, Undelivered,
};

/// What comes of a request.
pub type Outcome = Result<Reply, Failure>;

/// What was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It is done. What changed by it comes as an [`Update`](super::update::Update).
    Done,
    /// It is done, and this is to be said of it.
    Said(SafeText),
    /// The room that was asked for (created, joined, accepted) is there.
    Room {
        /// Which.
        room_id: RoomId,
        /// What is to be said of it.
        said: Option<SafeText>,
    },
    /// The homeserver was found and offers these ways to log in.
    LoginMethods {
        /// The homeserver as found, to show.
        homeserver: SafeText,
        /// Best first.
        methods: Vec<LoginMethod>,
    },
    /// The login would replace another account, and waits for
    /// [`ReplaceAccount`](super::request::SessionRequest::ReplaceAccount); a question that names
    /// what would be lost.
    LoginReplaces(SafeText),
    /// A timeline is open; what was being written there, as it was kept; empty if nothing was.
    Draft {
        /// Which.
        timeline_id: TimelineId,
        /// What was being written.
        draft: ComposerDraft,
    },
    /// The source of an event.
    Source(EventSource),
    /// What was done about a message.
    ReceiptStatus {
        /// The message.
        event_id: EventId,
        /// What was done about it.
        status: ReceiptStatus,
    },
    /// A page of those who have a message, or have not.
    People(PeoplePage),
    /// How everybody in a room stands.
    Eligibility {
        /// The room.
        room_id: RoomId,
        /// Everybody else in it, by id, but for those who are too many to list.
        people: Vec<PersonEligibility>,
        /// How many these are.
        more: usize,
    },
    /// Own messages that not every device has, the latest first.
    Undelivered(Vec<Undelivered>),
    /// What was told to whom, and what was withheld.
    ReceiptLog(ReceiptLog),
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Failure {
    /// What kind of failure it is, for whoever decides by it.
    pub kind: FailureKind,
    /// A sentence that says what to do.
    pub sentence: SafeText,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The homeserver was not reached.
    Offline,
    /// The homeserver wants it slower (`M_LIMIT_EXCEEDED`).
    RateLimited {
        /// How long to wait, if it says so.
        retry_after: Option<Duration>,
    },
    /// The homeserver does not allow it (`M_FORBIDDEN` and its like).
    Forbidden,
    /// What is meant is not there, on the server or here.
    NotFound,
    /// The message that is meant was removed.
    Redacted,
    /// It is larger than the homeserver, or Matrix, takes.
    TooLarge,
    /// A rule stands against it: of this client, of the room, or a choice of the server's.
    Refused,
    /// What was typed cannot be meant.
    BadInput,
    /// The homeserver failed, or its answer makes no sense.
    Server,
    /// This machine's disk does not take or give it.
    Storage,
    /// Nobody is logged in, or the session does not hold any more.
    NoSession,
    /// It is not wanted any more: a newer request took its place, or the session ended first.
    Cancelled,
    /// It should not have come to this.
    Bug,
}

impl Failure {
    /// A failure of this kind, in a sentence.
    pub fn new(kind: FailureKind, sentence: &(impl Display + ?Sized)) -> Self {
        Self { kind, sentence: SafeText::line(&sentence.to_string()) }
    }

    /// The same, with this before its sentence, such as what was asked for.
    pub(super) fn prefixed(self, before: &str) -> Self {
        Self::new(self.kind, &format!("{before}{}", self.sentence))
    }

    /// The same, with something to be said behind it.
    pub(super) fn and(self, more: &str) -> Self {
        Self::new(self.kind, &format!("{}{more}", self.sentence))
    }

    /// Nobody wants it any more.
    pub(super) fn cancelled() -> Self {
        Self::new(FailureKind::Cancelled, "It was not done, as it was not wanted any more.")
    }
}

/// What is to be said, where that is all.
pub(super) fn said(text: &str) -> Reply {
    Reply::Said(SafeText::line(text))
}
