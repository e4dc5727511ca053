//! What the tests stand on: a homeserver, a network that can be cut, and a terminal that can be
//! looked at.
//!
//! The modules know nothing of each other's tests, and `benches/figures.rs` uses them as they are.

pub mod http;
pub mod proxy;
pub mod screens;
pub mod server;
pub mod synapse;
pub mod terminal;
pub mod venv;
