//! What the homeserver is to do wrong, for tests of what a client makes of it.

/// What is to go wrong; nothing unless told so.
#[derive(Debug, Default)]
pub struct Faults {}
