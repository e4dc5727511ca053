//! Key in, action out.

mod action;
mod key;
mod keymap;

pub use action::{ACTIONS, Action, ActionInfo, Context};
pub use key::{Key, KeyCode};
pub use keymap::Keymap;
