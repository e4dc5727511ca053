//! This user's other devices: do they decrypt what one of them sends?
//!
//! They are asked and they answer as others do (PROTOCOL §3), and by the same rules, with one
//! difference each. P3: a message of this account's that another of its devices has sent is
//! acknowledged, encrypted, to those of its devices that asked; nobody else learns of it, and no
//! homeserver. L2: what they say is believed, but apart from what others say, and never counted
//! ([`incoming::own_devices`](super::incoming)).

use super::Context;
use crate::delivery::{
    policy::{EventFacts, EventKind, SenderFacts},
    route::ServerFacts,
};

/// What the rules are told about them: no rule is against the account itself, and P3 does not mean
/// what another device sent.
pub(super) const AS_SENDER: SenderFacts = SenderFacts::WELCOME;
/// No homeserver takes receipts for them.
pub(super) const NO_SERVER: ServerFacts = ServerFacts { native: false, devices: false, federated: false };

impl Context {
    /// Whether own devices are to be told about an event: a message that another one of them has
    /// sent, as far as its encryption shows.
    pub fn is_for_own_devices(&self, event: &EventFacts) -> bool {
        let is_of_another = event.device_id.as_ref().is_some_and(|device| *device != self.device_id);
        self.is_own(&event.sender) && event.kind == EventKind::Message && is_of_another
    }
}
