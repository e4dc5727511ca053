//! Key in, name of a command out.
//!
//! What a key does depends on where the user is. Each place has a chain of [`Context`]s, the
//! nearest first; the first one in which the keys are bound decides. What there is to be bound, and
//! its default keys, stands in the table of commands ([`crate::app::commands`]); the [`Keymap`]
//! made of it is what holds, and what help and hints show.

mod context;
mod key;
mod keymap;

pub use context::Context;
pub use key::{Key, KeyCode, KeySequence, NoKey};
pub use keymap::{Clash, Keymap, Lookup};
