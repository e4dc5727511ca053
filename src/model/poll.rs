//! Polls.

use super::{PollAnswerId, SafeText, Timestamp, UserId};

/// A question with answers to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// What is asked.
    pub question: SafeText,
    /// What can be answered: one to twenty.
    pub answers: Vec<PollAnswer>,
    /// Who may see the votes, and when.
    pub kind: PollKind,
    /// How many answers a person may choose.
    pub max_selections: u64,
    /// When it ended; votes after that do not count.
    pub ended: Option<Timestamp>,
}

impl Poll {
    /// The poll in one line.
    pub fn sentence(&self) -> SafeText {
        SafeText::line(&format!("poll: {}", self.question))
    }
}

/// When the votes of a poll are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollKind {
    /// At any time.
    Disclosed,
    /// When it has ended.
    Undisclosed,
}

/// An answer that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollAnswer {
    /// What has to be sent to choose it.
    pub id: PollAnswerId,
    /// The answer.
    pub text: SafeText,
    /// Who has chosen it; also known before it may be shown.
    pub voters: Vec<UserId>,
}
