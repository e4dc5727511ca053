//! The time of day, read at the edge and handed on as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::Ms;

/// Milliseconds since the Unix epoch; 0 on a machine whose clock stands before it.
pub fn now() -> Ms {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| Ms::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}
