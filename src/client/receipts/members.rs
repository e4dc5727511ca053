//! Members of a room, many at once: a sync can bring the receipts of a thousand people, and the
//! SDK's way to ask for one member reads half a dozen things for each.

use std::collections::{BTreeSet, HashMap};

use matrix_sdk::{
    Room, RoomMemberships,
    deserialized_responses::SyncOrStrippedState,
    room::RoomMember,
    ruma::{
        OwnedUserId,
        events::{
            ignored_user_list::IgnoredUserListEventContent,
            room::member::{MembershipState, RoomMemberEventContent},
        },
    },
};

use crate::{
    client::ids,
    delivery::ledger::{ClaimantFacts, Refusal, admissible},
    model::{SafeText, UserId},
};

/// What this machine knows about somebody in a room.
pub(super) struct Member {
    joined: bool,
    left: bool,
    /// What they are called there, or empty.
    pub name: SafeText,
}

/// These people, as far as this machine knows them.
pub(super) async fn members(
    room: &Room,
    users: impl IntoIterator<Item = &UserId>,
) -> matrix_sdk::Result<HashMap<UserId, Member>> {
    let users: BTreeSet<OwnedUserId> = users.into_iter().filter_map(ids::sdk_user).collect();
    let events = room.get_state_events_for_keys_static::<RoomMemberEventContent, _, _>(&users).await?;
    let member = |event: SyncOrStrippedState<RoomMemberEventContent>| {
        let content = event.as_sync().and_then(|event| event.as_original()).map(|event| &event.content);
        let name = content.and_then(|content| content.displayname.clone()).unwrap_or_default();
        let joined = *event.membership() == MembershipState::Join;
        let left = matches!(event.membership(), MembershipState::Leave | MembershipState::Ban);
        (ids::user(event.user_id()), Member { joined, left, name: SafeText::line(&name) })
    };
    Ok(events.into_iter().filter_map(|event| event.deserialize().ok().map(member)).collect())
}

/// Everybody who is joined.
pub(super) async fn joined(room: &Room) -> matrix_sdk::Result<Vec<RoomMember>> {
    fetch(room).await?;
    room.members(RoomMemberships::JOIN).await
}

/// Everybody else who is joined.
pub(super) async fn others(room: &Room) -> matrix_sdk::Result<Vec<OwnedUserId>> {
    let members = joined(room).await?;
    Ok(members.iter().map(|member| member.user_id().to_owned()).filter(|user| user != room.own_user_id()).collect())
}

/// Fetches the members of a room where they are not all known.
pub(in crate::client) async fn fetch(room: &Room) -> matrix_sdk::Result<()> {
    room.sync_members().await?;
    if !are_known(room).await? {
        room.mark_members_missing();
        room.sync_members().await?;
    }
    Ok(())
}

/// Whether the members are fetched. A list that was asked for before somebody joined can come after
/// the sync that brought them, and take them out again: one with fewer than there are is not
/// complete.
pub(super) async fn are_known(room: &Room) -> matrix_sdk::Result<bool> {
    if !room.are_members_synced() {
        return Ok(false);
    }
    let listed = room.client().state_store().get_user_ids(room.room_id(), RoomMemberships::JOIN).await?.len();
    Ok(u64::try_from(listed).is_ok_and(|listed| listed >= room.joined_members_count()))
}

/// How somebody who claims something stands to this user, as far as this machine knows.
#[derive(Clone, Copy)]
pub(super) struct Claimant {
    /// L2.
    pub allowed: Result<(), Refusal>,
    /// They are no member, and not all members are known.
    pub membership_unknown: bool,
    /// They were a member, and left.
    pub left: bool,
}

/// Whether these people may claim anything about this user's messages in a room (L2).
pub(super) async fn claimants<'a>(
    room: &Room,
    users: impl IntoIterator<Item = &'a UserId>,
) -> matrix_sdk::Result<HashMap<&'a UserId, Claimant>> {
    let users: BTreeSet<&UserId> = users.into_iter().collect();
    let members = members(room, users.iter().copied()).await?;
    let ignored = room.client().account().account_data::<IgnoredUserListEventContent>().await?;
    let ignored = ignored.and_then(|raw| raw.deserialize().ok()).map(|list| list.ignored_users).unwrap_or_default();
    let ignored: BTreeSet<&str> = ignored.keys().map(|user| user.as_str()).collect();
    let is_joined = |user: &UserId| members.get(user).is_some_and(|member| member.joined);
    // Counting them is dear, and seldom needed.
    let all_known = users.iter().all(|user| is_joined(user)) || are_known(room).await?;
    let claimant = |user: &UserId| {
        let facts = ClaimantFacts {
            own: user.as_str() == room.own_user_id(),
            joined: is_joined(user),
            ignored: ignored.contains(user.as_str()),
            // What gets here came by Olm from a device of the claimant's (`incoming::to_device`),
            // or from this user's own homeserver (`incoming::native`).
            proven: true,
        };
        let allowed = admissible(facts);
        let left = members.get(user).is_some_and(|member| member.left);
        Claimant {
            allowed,
            membership_unknown: !all_known
                && !facts.ignored
                && allowed == Err(Refusal::NotJoined)
                && ids::sdk_user(user).is_some(),
            left,
        }
    };
    Ok(users.into_iter().map(|user| (user, claimant(user))).collect())
}
