//! What else a room is shown (P14, P15): only the actor knows who is known and when receipts leave,
//! so it is asked here.

use std::time::Duration;

use matrix_sdk::{Room, RoomMemberships, ruma::OwnedUserId};
use tokio::sync::oneshot;

use crate::{
    client::{
        ids,
        receipts::{Context, facts, members, outgoing::Outgoing},
    },
    delivery::attention::{self, Audience, Shown},
    model::RoomId,
};

/// What a room is shown, and how long a read receipt waits; nothing when it cannot be found out.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::client) struct Attention {
    /// What.
    pub shown: Shown,
    /// How long.
    pub wait: Duration,
}

/// Answers what this room is shown.
pub(in crate::client::receipts) async fn tell(
    context: &Context,
    outgoing: &mut Outgoing,
    room: &RoomId,
    answer: oneshot::Sender<Attention>,
) {
    let Some(sdk_room) = ids::find_room(&context.client, room) else { return };
    let (settings, audience) = (&context.settings, audience(context, &sdk_room).await);
    let shown = attention::decide(room, &audience, &settings.attention, settings.is_incognito(room));
    let wait = if shown.waits { outgoing.until_moment() } else { Duration::ZERO };
    let _ = answer.send(Attention { shown, wait });
}

/// Everybody else in a room. Of larger rooms than those in which people become known (P7), and
/// while the members are not all there, only people for whom something is set are looked at.
async fn audience(context: &Context, room: &Room) -> Audience {
    let (settings, store) = (&context.settings, context.client.state_store());
    let mut others: Vec<OwnedUserId> =
        store.get_user_ids(room.room_id(), RoomMemberships::JOIN).await.unwrap_or_default();
    others.retain(|user| user != room.own_user_id());
    let large = room.joined_members_count() > settings.max_members;
    let unknown = large || !members::are_known(room).await.unwrap_or_default();
    if unknown {
        others.retain(|user| settings.attention.names(&ids::user(user)));
    }
    let mut people = Vec::with_capacity(others.len());
    for user in others {
        let id = ids::user(&user);
        let known = context.stored(context.store.is_known(&id)).unwrap_or_default();
        let facts = facts::sender(&context.client, room, &user, known).await.unwrap_or_default();
        people.push((id, facts.ignored || !(facts.known || facts.verified)));
    }
    Audience { people, others: unknown }
}
