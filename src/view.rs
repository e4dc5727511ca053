//! Draws the state, and only looks.

mod layout;
mod message;
pub mod theme;
mod ticks;
mod words;
mod wrap;
