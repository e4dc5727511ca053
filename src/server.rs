//! The server half of MSC4089: who may post a delivery receipt, and to whom it goes.
//!
//! No homeserver has it yet, so it is written here, twice usable. The rules themselves know no
//! network:
//!
//! - [`routing`]: what is said to a request that posts a receipt, and where the receipt goes.
//! - [`bundle`]: how receipts wait for a device, are gathered, and are handed out until they have
//!   arrived.
//!
//! Around them, what runs:
//!
//! - [`homeserver`]: a Matrix homeserver in memory, for the demo and for tests.
//! - [`demo`]: that homeserver, and people on it to talk to.

pub mod routing;

pub mod bundle;

pub mod homeserver;

pub mod demo;
