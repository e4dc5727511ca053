//! The time of day, read at the edge and handed on as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::Timestamp;

/// This moment; the epoch on a machine whose clock stands before it.
pub fn now() -> Timestamp {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| Timestamp::EPOCH.checked_add(since))
        .unwrap_or_default()
}
