//! A batch of receipts that leaves now, and the route that it takes.

use crate::{delivery::outbox::Batch, model::DeviceId};

/// A batch, and its route (§4).
#[derive(Debug, PartialEq)]
pub enum Dispatch {
    /// Through the homeserver.
    Native {
        /// What is to be posted.
        batch: Batch,
        /// With the wish to have this device named (P13).
        name_device: bool,
    },
    /// Encrypted to these devices of the sender.
    Direct {
        /// What is to be sent.
        batch: Batch,
        /// To whom.
        devices: Vec<DeviceId>,
    },
}
