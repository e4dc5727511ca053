//! What others tell about this user's messages: who was given the key of each, who claims to have
//! it, and whether that is believed.
//!
//! - [`asking`]: others' devices are asked for receipts, before a message and when they are new.
//! - [`own_events`]: an own event → who was given its key, recorded on disk.
//! - [`native`], [`to_device`]: receipts that come, by the two routes.
//! - [`membership_check`]: who claims something may not be in the room.
//! - [`claims`]: claims → `ledger` → the ticks.
//! - [`bridges`]: a bridge's event → the ledger → the ticks.
//! - [`own_devices`]: what this user's own other devices say.
//! - [`recipients`]: who was given the key of an own event, as far as this device has given it.
//! - [`gone`]: devices that are waited for and are not there any more.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId, RoomId as SdkRoomId};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use self::{asking::Asking, bridges::Bridges, gone::GoneDevices, membership_check::MembershipCheck, to_device::InHand};
use super::{Context, direct::NotSent, observe::StatusEvent};
use crate::{
    client::{disk::Keys, ids},
    clock::now,
    delivery::{
        ledger::{Early, Held, OwnEvent, Refusal, Refused},
        policy::EventFacts,
        store,
    },
    model::{DeviceId, EventId, RoomId, Timestamp, UserId},
};

mod asking;
pub(super) mod bridges;
mod claims;
mod gone;
mod membership_check;
pub(super) mod native;
mod own_devices;
mod own_events;
mod recipients;
pub(super) mod to_device;

/// The inputs of this part.
pub(super) enum IncomingInput {
    /// A delivery message came, and is in the inbox; it is to be found out whose device has sent
    /// it.
    Message(store::Incoming, OwnedSemaphorePermit),
    /// What it says is in the store, or refused.
    MessageDealtWith(store::Incoming),
    /// Claims were not believed before they got here.
    Refused(Refused),
    /// This event was waited for because a claim about it is held: it is in the event cache, or the
    /// time is over.
    Appeared(OwnedRoomId, EventId),
    /// The own message that a bridge's status is about is known now.
    BridgeStatus(OwnedRoomId, EventFacts, StatusEvent),
    /// The members of this room were fetched, or this user is not in it any more.
    Members(OwnedRoomId),
    /// It was found out who was given the key of an own event: others, and own other devices.
    Recipients {
        own: OwnEvent,
        own_devices: OwnEvent,
        /// Of these people a device was given the key, and is gone.
        with_gone: BTreeSet<UserId>,
    },
    /// Something is about to be sent into this room.
    Sending(RoomId),
    /// These devices of a room were asked for receipts, until then.
    Asked(OwnedRoomId, Result<Vec<(UserId, DeviceId)>, NotSent>, Timestamp),
    /// It is the moment to ask the new devices of these users.
    AskNewDevices(Vec<OwnedUserId>),
    /// It is the moment to ask for what may be lost since a former run was killed.
    AskAgain,
    /// Devices of these users have changed, or of somebody whom the SDK does not name.
    DevicesChanged(Vec<OwnedUserId>),
    /// These users have these devices now.
    Devices(gone::Devices),
}

/// What is known about own messages, apart from what is in the store.
pub(super) struct Incoming {
    /// The keys that are on disk.
    keys: Option<Keys>,
    /// Delivery messages that are being dealt with.
    in_hand: Arc<InHand>,
    /// What is claimed about events that are not known yet (L1).
    pub held: Held,
    /// What was not believed since the session began; no disk keeps it.
    pub refused: Refused,
    /// Own events of which it is being found out who was given the key.
    pub recording: HashSet<EventId>,
    /// Whoever is to be told when `recording` is empty.
    when_recorded: Vec<oneshot::Sender<()>>,
    /// Events that are waited for in the event cache because a claim about them is held.
    looking_up: HashSet<EventId>,
    membership: MembershipCheck,
    pub bridges: Bridges,
    asking: Asking,
    gone: GoneDevices,
}

impl Incoming {
    pub fn new(in_hand: Arc<InHand>, keys: Option<Keys>) -> Self {
        Self {
            keys,
            in_hand,
            held: Held::default(),
            refused: Refused::default(),
            recording: HashSet::new(),
            when_recorded: Vec::new(),
            looking_up: HashSet::new(),
            membership: MembershipCheck::default(),
            bridges: Bridges::default(),
            asking: Asking::default(),
            gone: GoneDevices::default(),
        }
    }

    pub async fn handle(&mut self, context: &mut Context, input: IncomingInput) {
        match input {
            IncomingInput::Message(incoming, permit) => self.prove(context, incoming, Some(permit)),
            IncomingInput::MessageDealtWith(incoming) => on_dealt_with(context, &incoming),
            IncomingInput::Refused(refused) => self.refuse(refused),
            IncomingInput::Appeared(room_id, event_id) => {
                if let Some(room) = context.client.get_room(&room_id) {
                    self.on_appeared(context, &room, &event_id).await;
                }
            }
            IncomingInput::BridgeStatus(room_id, message, said) => {
                if let Some(room) = context.client.get_room(&room_id) {
                    self.on_bridge_status(context, &room, message, said).await;
                }
            }
            IncomingInput::Members(room_id) => self.on_members(context, &room_id).await,
            IncomingInput::Recipients { own, own_devices, with_gone } => {
                self.on_recipients(context, own, own_devices, with_gone).await;
            }
            IncomingInput::Sending(room_id) => {
                if let Some(room) = ids::find_room(&context.client, &room_id) {
                    self.asking.on_sending(context, &room).await;
                }
            }
            IncomingInput::Asked(room_id, outcome, expires) => {
                self.asking.on_asked(context, &room_id, outcome, expires).await;
            }
            IncomingInput::AskNewDevices(users) => self.asking.ask_new_devices(context, &users).await,
            IncomingInput::AskAgain => self.asking.ask_again(context).await,
            IncomingInput::DevicesChanged(users) => {
                self.on_devices_changed(context, users.iter().map(|user| ids::user(user)));
            }
            IncomingInput::Devices(found) => self.gone.on_devices(context, found).await,
        }
    }

    /// Takes up the claims that a former run had kept for later (L8), and the messages that it had
    /// not dealt with. If it was killed, looks what may be lost.
    pub async fn resume(&mut self, context: &mut Context, was_killed: bool) {
        if was_killed {
            self.asking.on_killed(context);
        }
        self.take_up_what_came_early(context).await;
        self.go_on_with_inbox(context);
    }

    /// Whether receipts may be lost since a former run was killed, and were not asked for again.
    pub fn has_lost(&self) -> bool {
        self.asking.has_lost()
    }

    /// It is known what the homeserver can do: asks in the rooms that waited for that.
    pub async fn on_server(&mut self, context: &mut Context) {
        self.asking.ask_where_it_waited(context).await;
    }

    /// Devices of these people have changed, or of somebody whom the SDK does not name.
    pub fn on_devices_changed(&mut self, context: &Context, users: impl IntoIterator<Item = UserId>) {
        self.gone.on_devices_changed(context, users);
    }

    /// L1: a sync has brought something. What was held for a minute is not waited for any more,
    /// unless its event is being recorded, or may be among those that are being fetched.
    pub fn expire(&mut self, context: &mut Context, is_backfilled: impl Fn(&SdkRoomId) -> bool) {
        let is_coming = |event: &EventId, room: &RoomId| {
            self.recording.contains(event) || ids::sdk_room(room).is_some_and(|room| is_backfilled(&room))
        };
        let over = self.held.synced(now(), is_coming);
        self.refuse_early(context, &over, Refusal::Unknown);
    }

    /// Tells `done` when it is known of all own events that came who was given their keys.
    pub fn tell_when_recorded(&mut self, done: oneshot::Sender<()>) {
        self.when_recorded.retain(|done| !done.is_closed());
        self.when_recorded.push(done);
        self.tell_if_recorded();
    }

    fn tell_if_recorded(&mut self) {
        if self.recording.is_empty() {
            for done in self.when_recorded.drain(..) {
                let _ = done.send(());
            }
        }
    }

    /// Counts what is not believed: every place that refuses a claim ends here.
    fn refuse(&mut self, refused: Refused) {
        for (refusal, claims) in refused.iter() {
            tracing::info!(%refusal, claims, "claims were not believed");
        }
        self.refused.add(refused);
    }

    /// Counts what is not believed, and does not keep it any more where it had been waiting.
    fn refuse_early(&mut self, context: &mut Context, early: &Early, refusal: Refusal) {
        if !early.is_empty() {
            self.refuse(early.refused(refusal));
            forget_early(context, early);
        }
    }
}

/// What a delivery message says is in the store, or refused.
fn on_dealt_with(context: &mut Context, incoming: &store::Incoming) {
    let forgotten = context.store.dealt_with(incoming);
    context.stored(forgotten);
}

/// L8: keeps claims on disk that wait for their message, or for the members of its room.
fn remember_early(context: &mut Context, early: &Early) {
    let kept = context.store.remember_early(early, now());
    context.stored(kept);
}

fn forget_early(context: &mut Context, early: &Early) {
    let forgotten = context.store.forget_early(early);
    context.stored(forgotten);
}

#[cfg(test)]
mod tests;
