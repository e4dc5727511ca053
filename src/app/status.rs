//! The status line: one sentence, for a while.

use std::time::Duration;

use crate::model::{SafeText, Timestamp};

/// What kind of sentence it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusKind {
    /// Something was done.
    Info,
    /// Something failed.
    Error,
}

/// A sentence in the status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The sentence.
    pub text: SafeText,
    /// What kind it is.
    pub kind: StatusKind,
    /// When it goes.
    pub until: Timestamp,
}

impl Status {
    /// How long something done is shown.
    pub const INFO: Duration = Duration::from_secs(5);
    /// How long a failure is shown: it says what to do, and has to be read.
    pub const ERROR: Duration = Duration::from_secs(12);

    /// Something was done.
    pub fn info(text: SafeText, now: Timestamp) -> Self {
        Self { text, kind: StatusKind::Info, until: now + Self::INFO }
    }

    /// Something failed.
    pub fn error(text: SafeText, now: Timestamp) -> Self {
        Self { text, kind: StatusKind::Error, until: now + Self::ERROR }
    }
}
