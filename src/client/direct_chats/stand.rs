//! How somebody stands to the rooms that are said to be chats with them.
//!
//! `m.direct` says what a room was once. Whoever it names may have left since, and somebody else
//! may be there in their place.

use std::collections::BTreeSet;

use matrix_sdk::{
    Room, RoomMemberships, RoomState,
    ruma::{UserId, events::room::member::MembershipState},
};

use crate::client::receipts::fetch_members;

/// How somebody stands to a room, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stand {
    /// They and the user are in it, and nobody else.
    Alone,
    /// They are in it, and others.
    AmongOthers,
    /// They are invited, and nobody else is in it.
    Invited,
    /// They are not in it, and nobody else is either.
    Gone,
}

/// Of rooms that are said to be chats with somebody, the best of those that the user is in; `None`
/// where what is typed would go to others alone.
pub(super) async fn best(rooms: &[Room], user: &UserId) -> matrix_sdk::Result<Option<(Stand, Room)>> {
    let (mut best, mut seen): (Option<(Stand, Room)>, _) = (None, BTreeSet::new());
    for room in rooms.iter().filter(|room| room.state() == RoomState::Joined && !room.is_tombstoned()) {
        if !seen.insert(room.room_id()) {
            continue;
        }
        fetch_members(room).await?;
        let members = room.members_no_sync(RoomMemberships::ACTIVE).await?;
        let members = members.iter().map(|member| (member.user_id(), member.membership()));
        let Some(stand) = stand(room.own_user_id(), user, members) else { continue };
        if best.as_ref().is_none_or(|(other, _)| stand < *other) {
            best = Some((stand, room.clone()));
        }
    }
    Ok(best)
}

fn stand<'a>(
    own: &UserId,
    user: &UserId,
    members: impl Iterator<Item = (&'a UserId, &'a MembershipState)>,
) -> Option<Stand> {
    let (mut theirs, mut others) = (None, false);
    for (member, membership) in members.filter(|(member, _)| *member != own) {
        if member == user {
            theirs = Some(membership);
        } else {
            others = true;
        }
    }
    match (theirs, others) {
        (Some(MembershipState::Join), false) => Some(Stand::Alone),
        (Some(MembershipState::Join), true) => Some(Stand::AmongOthers),
        (Some(_), false) => Some(Stand::Invited),
        (None, false) => Some(Stand::Gone),
        (_, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::user_id;

    use super::*;

    #[test]
    fn whoever_is_in_it_comes_first_and_a_room_of_others_never() {
        use MembershipState::{Invite, Join};
        let (me, bob, carol) = (user_id!("@me:x"), user_id!("@bob:x"), user_id!("@carol:x"));
        for (members, expected) in [
            (&[(me, Join), (bob, Join)][..], Some(Stand::Alone)),
            (&[(me, Join), (bob, Join), (carol, Invite)], Some(Stand::AmongOthers)),
            (&[(me, Join), (bob, Invite)], Some(Stand::Invited)),
            (&[(me, Join)], Some(Stand::Gone)),
            (&[(me, Join), (carol, Join)], None),
            (&[(me, Join), (carol, Join), (bob, Invite)], None),
        ] {
            let members = members.iter().map(|(user, membership)| (*user, membership));
            assert_eq!(stand(me, bob, members), expected);
        }
    }
}
