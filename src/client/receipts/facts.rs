//! What the policy asks about rooms and people, read from the SDK's stores without any request.

use matrix_sdk::{
    Client, Room, RoomState,
    deserialized_responses::MemberEvent,
    ruma::{
        UserId as SdkUserId,
        events::room::{join_rules::JoinRule as SdkJoinRule, member::MembershipState},
    },
};

use super::Context;
use crate::{
    client::{ids, timestamp::timestamp},
    delivery::{
        incognito::Incognito,
        policy::{JoinRule, RoomFacts, SenderFacts},
    },
    model::Timestamp,
};

impl Context {
    /// The room as it is now, with P2's bound.
    pub async fn room_facts(&mut self, room: &Room) -> RoomFacts {
        let id = ids::room(room.room_id());
        let known = self.store.joined_since(&id);
        let known = self.stored(known).flatten();
        let since = match (known, own_join(room).await) {
            (_, Some(OwnJoin::At(at))) | (None, Some(OwnJoin::Before(at))) => Some(at),
            (known, _) => known,
        };
        if since != known && since.is_some() {
            let kept = self.store.set_joined_since(&id, since);
            self.stored(kept);
        }
        self::room(room, since.map(|since| since.max(self.logged_in_at)), &self.incognito)
    }
}

/// The room as it is now. `joined_since` is P2's bound, see [`own_join`].
pub(super) fn room(room: &Room, joined_since: Option<Timestamp>, incognito: &Incognito) -> RoomFacts {
    let id = ids::room(room.room_id());
    RoomFacts {
        incognito_until: incognito.until(&id),
        room_id: id,
        encrypted: room.encryption_state().is_encrypted(),
        join_rule: match room.join_rule() {
            None => JoinRule::Unknown,
            Some(SdkJoinRule::Public) => JoinRule::Public,
            Some(_) => JoinRule::NotPublic,
        },
        joined_members: room.joined_members_count(),
        joined: room.state() == RoomState::Joined,
        joined_since,
    }
}

/// How sure the own membership event is about the time of the join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnJoin {
    /// The event is the join itself.
    At(Timestamp),
    /// The event changed something else (a display name) while already joined: the join was before
    /// this.
    Before(Timestamp),
}

/// When this user joined, by their membership event (P2).
pub(super) async fn own_join(room: &Room) -> Option<OwnJoin> {
    let member = room.get_member_no_sync(room.own_user_id()).await.ok()??;
    let MemberEvent::Sync(event) = &**member.event() else { return None };
    let at = timestamp(event.origin_server_ts());
    let was_joined = event
        .as_original()
        .and_then(|event| event.unsigned.prev_content.as_ref())
        .is_some_and(|previous| previous.membership == MembershipState::Join);
    Some(if was_joined { OwnJoin::Before(at) } else { OwnJoin::At(at) })
}

/// The sender as they stand to this user; `None` when the room's members have to be fetched first.
pub(super) async fn sender(client: &Client, room: &Room, user: &SdkUserId, known: bool) -> Option<SenderFacts> {
    if user == room.own_user_id() {
        return Some(SenderFacts { own: true, joined: true, ..SenderFacts::default() });
    }
    let member = room.get_member_no_sync(user).await.ok()?;
    if member.is_none() && !room.are_members_synced() {
        return None;
    }
    let verified =
        client.encryption().get_user_identity(user).await.ok().flatten().is_some_and(|identity| identity.is_verified());
    Some(SenderFacts {
        own: false,
        joined: member.is_some_and(|member| *member.membership() == MembershipState::Join),
        ignored: client.is_user_ignored(user).await,
        // P7: other clients may have taken the invite's word that it is to a direct chat.
        known: known || client.get_dm_rooms(user).any(|chat| (1..=2).contains(&chat.active_members_count())),
        verified,
    })
}
