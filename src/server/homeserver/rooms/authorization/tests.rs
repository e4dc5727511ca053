//! The table of what is allowed to whom.
