//! The keys of rows that belong to an event or a room: hashes, so that the file names neither.

use super::disk::{Access, Key};
use crate::model::{EventId, RoomId};

pub(super) fn event_key(disk: &Access<'_>, event: &EventId) -> Key {
    disk.key("event", &[event.as_str()])
}

pub(super) fn room_key(disk: &Access<'_>, room: &RoomId) -> Key {
    disk.key("room", &[room.as_str()])
}
