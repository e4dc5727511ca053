//! What this user's own other devices say about messages of this account: believed, but kept apart
//! from what others say, and never counted (L2).

use std::collections::BTreeMap;

use matrix_sdk::Client;

use super::Incoming;
use crate::{
    client::{
        ids,
        receipts::{Context, direct},
    },
    clock::now,
    delivery::{
        ledger::{ExpectedDevice, OwnEvent, PeerClaim, Refusal},
        store::Claimed,
    },
    model::{DeviceId, RoomId, UserId},
};

impl Incoming {
    /// Takes in what own other devices say about a room's own events.
    pub async fn on_own_device_claims(&mut self, context: &mut Context, room_id: &RoomId, claims: Vec<PeerClaim>) {
        let Some(room) = ids::find_room(&context.client, room_id) else {
            return self.refuse_early(context, &claims.into(), Refusal::Unknown);
        };
        let claimed = context.store.claim_own_devices(&claims, now());
        let Some(Claimed { changed, unknown, refused, .. }) = context.stored(claimed) else { return };
        self.refuse(refused);
        let own_event =
            |own_devices: &OwnEvent| context.stored(context.store.own_event(&own_devices.event_id)).flatten();
        let own_events: Vec<OwnEvent> = changed.iter().filter_map(own_event).collect();
        context.tell_events(room_id, &own_events, &[]).await;
        self.hold(context, &room, unknown).await;
    }
}

/// This user's other devices as the room key goes to them now: without the one that has sent an
/// event, and without this one, which knows by itself. Nobody when it is not known which one has
/// sent it.
pub(super) async fn expected(
    client: &Client,
    this: &DeviceId,
    sender: Option<&DeviceId>,
) -> matrix_sdk::Result<BTreeMap<UserId, Vec<ExpectedDevice>>> {
    let (Some(own), Some(sender)) = (client.user_id(), sender) else { return Ok(BTreeMap::new()) };
    let mut devices = direct::expected_devices(client, own).await?;
    devices.retain(|known| known.device_id != *this && known.device_id != *sender);
    Ok(BTreeMap::from([(ids::user(own), devices)]))
}
