//! Whose keys have changed for somebody, from the rooms and from
//! [`User::keys_changed`](crate::server::homeserver::world::User::keys_changed).

use std::collections::BTreeSet;

use ruma::{OwnedUserId, UserId, events::room::member::MembershipState};

use crate::server::homeserver::world::{Room, World};

/// Whose keys this user must ask for anew, because they have changed since that position or because
/// the two share a room only since then; and with whom no room is shared any more.
pub fn device_lists(world: &World, user: &UserId, since: u64) -> (Vec<OwnedUserId>, Vec<OwnedUserId>) {
    let (before, now) = (companions(world, user, since), companions(world, user, world.position));
    let has_changed = |id: &&UserId| world.user(id).is_some_and(|known| known.keys_changed > since);
    let changed = now.iter().copied().filter(|id| !before.contains(id) || has_changed(id));
    let left = before.difference(&now).copied();
    (changed.map(ToOwned::to_owned).collect(), left.map(ToOwned::to_owned).collect())
}

/// The user and everybody who shared a room with them at a position.
fn companions<'a>(world: &'a World, user: &'a UserId, position: u64) -> BTreeSet<&'a UserId> {
    let rooms = world.rooms.values().map(|room| joined_at(room, position));
    let shared = rooms.filter(|joined| joined.contains(user.as_str())).flatten();
    shared.filter_map(|id| <&UserId>::try_from(id).ok()).chain([user]).collect()
}

/// Who was in a room at a position: who is in it now, with what has happened since then undone, the
/// latest first.
fn joined_at(room: &Room, position: u64) -> BTreeSet<&str> {
    let mut joined: BTreeSet<_> = room.members(&MembershipState::Join).collect();
    for event in room.events.iter().rev().take_while(|event| event.position > position) {
        let Some(id) = event.state_key.as_deref().filter(|_| event.kind == "m.room.member") else { continue };
        let former = event.replaces.as_ref().and_then(|former| room.event(former));
        if former.is_some_and(|former| former.membership() == MembershipState::Join) {
            joined.insert(id);
        } else {
            joined.remove(id);
        }
    }
    joined
}
