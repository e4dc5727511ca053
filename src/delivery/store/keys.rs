//! The keys of rows that belong to an event or a room: hashes, so that the file names neither.

use super::disk::{Access, RowKey};
use crate::model::{EventId, RoomId};

pub(super) fn event_key(disk: &Access<'_>, event: &EventId) -> RowKey {
    disk.key("event", &[event.as_str()])
}

pub(super) fn room_key(disk: &Access<'_>, room: &RoomId) -> RowKey {
    disk.key("room", &[room.as_str()])
}

/// Where it stands what was done about somebody's message. The word is on disk, and older than its
/// name here.
pub(super) fn status_key(disk: &Access<'_>, room: &str, event: &str) -> RowKey {
    disk.key("fate", &[room, event])
}
