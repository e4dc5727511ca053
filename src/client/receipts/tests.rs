//! The actor as a whole.

mod acting;
