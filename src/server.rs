//! The server half of MSC4089.
//!
//! [`routing`] says who may post what, and what is routed to whom; [`bundle`] says what waits for a device, and what
//! of it goes into its next sync. Both are PROTOCOL §7 as pure code: no network, no clock, no storage.

pub mod routing;

pub mod bundle;
