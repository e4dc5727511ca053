//! An event as the server gave it.

use super::{EventId, SafeText};

/// The source of an event, as indented JSON; each field a line or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSource {
    /// Which.
    pub event_id: EventId,
    /// As it is understood here: decrypted where it was encrypted and its key is here.
    pub json: Vec<SafeText>,
    /// As the homeserver has it, where that is something else; `Err`: why it cannot be had.
    pub encrypted: Option<Result<Vec<SafeText>, SafeText>>,
}
