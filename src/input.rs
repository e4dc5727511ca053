//! Key in, action out.
//!
//! What a key does depends on where the user is. Each place has a chain of [`Context`]s, the nearest first; the first
//! one in which the key is bound decides. [`ACTIONS`] is the one table of everything that can be done, with its keys,
//! its command and its documentation: the keymap, the commands, the help screen and the key hints are all made from it.

mod action;
mod key;
mod keymap;

pub use action::{ACTIONS, Action, ActionInfo, Context};
pub use key::{Key, KeyCode};
pub use keymap::Keymap;
