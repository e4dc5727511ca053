//! summary

use crate::model::{Delivery, Mark, ReadBy, SendState};

/// The mark at the end of an own message.
pub fn mark(_send: &SendState, _delivery: Option<&Delivery>, _readers: &[ReadBy]) -> Mark {
    Mark::Sent
}
