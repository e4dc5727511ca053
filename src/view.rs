//! Draws the state, and only looks.

pub mod theme;
mod ticks;
mod wrap;
