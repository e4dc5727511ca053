//! What became of what the ledger was told.

use crate::{
    delivery::{
        ledger::{OwnEvent, PeerClaim, Refused, aggregate::Large},
        receipt::Summary,
    },
    model::EventId,
};

/// What became of claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// The own messages of which something that can be seen is different now, as they stand.
    pub changed: Vec<OwnEvent>,
    /// The large ones.
    pub tallied: Vec<Large>,
    /// Whether anybody is known to answer, or to answer by device, who was not before (L5); or what
    /// their silence means about other messages.
    pub answers_changed: bool,
    /// Claims about no own message that is known here.
    pub unknown: Vec<PeerClaim>,
    /// What is not believed.
    pub refused: Refused,
}

/// What became of the homeserver's counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summed {
    /// The own messages that are different now.
    pub tallied: Vec<Large>,
    /// Counts for no own message that is known here.
    pub unknown: Vec<(EventId, Summary)>,
    /// What is not believed.
    pub refused: Refused,
}
