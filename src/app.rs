//! The state of the app, and the one function that changes it.

pub mod effect;
pub mod event;
