//! The own own_devices: do this user's other devices decrypt what one of them sends?
//!
//! They are asked and they answer as others do (PROTOCOL §3), and by the same rules, with one difference each. P3: a
//! message of this account's that another of its devices has sent is acknowledged, encrypted, to those of its devices that
//! asked; nobody else learns of it, and no homeserver. L2: what they say is believed, but apart from what others say, and
//! never counted.

use std::collections::BTreeMap;

use matrix_sdk::Client;

use super::{Actor, direct, ids};
use crate::{
    clock::now,
    delivery::{
        ledger::{ExpectedDevice, OwnEvent, PeerClaim, Refusal},
        policy::{EventFacts, EventKind, SenderFacts},
        route::ServerFacts,
        store::Claimed,
    },
    model::{DeviceId, RoomId, UserId},
};

/// What the rules are told about them: no rule is against the account itself, and P3 does not mean what another device sent.
pub(super) const FLEET: SenderFacts = SenderFacts::WELCOME;
/// No homeserver takes receipts for them.
pub(super) const NO_SERVER: ServerFacts = ServerFacts { native: false, devices: false, federated: false };

impl Actor {
    /// Whether this is the account that is logged in.
    pub(super) fn is_own(&self, user: &UserId) -> bool {
        *user == self.user_id
    }

    /// Whether own devices are to be told about an event: a message that another one of them has sent, as far as its
    /// encryption shows.
    pub(super) fn is_for_own_devices(&self, event: &EventFacts) -> bool {
        let is_of_another = event.device_id.as_ref().is_some_and(|device| *device != self.device_id);
        self.is_own(&event.sender) && event.kind == EventKind::Message && is_of_another
    }

    /// Takes in what own other devices say about a room's own events.
    pub(super) async fn believe_own_devices(&mut self, room_id: &RoomId, claims: Vec<PeerClaim>) {
        let Some(room) = ids::find_room(&self.client, room_id) else {
            return self.refuse_early(&claims.into(), Refusal::Unknown);
        };
        let claimed = self.store.claim_own_devices(&claims, now());
        let Some(Claimed { changed, unknown, refused, .. }) = self.stored(claimed) else { return };
        self.refuse(refused);
        let own_event = |own_devices: &OwnEvent| self.stored(self.store.own_event(&own_devices.event_id)).flatten();
        let own_events: Vec<OwnEvent> = changed.iter().filter_map(own_event).collect();
        self.tell_all(room_id, &own_events, &[]).await;
        self.hold(&room, unknown).await;
    }
}

/// This user's other devices as the room key goes to them now: without the one that has sent an event, and without this
/// one, which knows by itself. Nobody when it is not known which one has sent it.
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
