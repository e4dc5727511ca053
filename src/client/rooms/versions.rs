//! The versions of a room that was upgraded.

use std::collections::BTreeSet;

use matrix_sdk::{Client, Room, RoomState};

/// The older versions of a room that the user is in and whose tombstones lead here, the last one
/// first.
pub(in crate::client) fn older(client: &Client, room: &Room) -> Vec<Room> {
    let mut seen = BTreeSet::from([room.room_id().to_owned()]);
    let mut found: Vec<Room> = Vec::new();
    if room.state() != RoomState::Joined {
        return found;
    }
    let mut newer = room.clone();
    while let Some(older) = newer.predecessor_room().and_then(|older| client.get_room(&older.room_id)) {
        let leads_here = older.successor_room().is_some_and(|next| next.room_id == newer.room_id());
        if !leads_here || older.state() != RoomState::Joined || !seen.insert(older.room_id().to_owned()) {
            break;
        }
        found.push(older.clone());
        newer = older;
    }
    found
}
