//! Which key means which action, per context.
pub struct Keymap;
