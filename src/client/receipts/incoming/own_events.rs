//! An own event came by: it is recorded with whoever was given its key, the recipients that are
//! waited for. From then on these do not change any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use matrix_sdk::{Client, Room, RoomMemberships, ruma::api::client::keys::get_keys};

use super::{Incoming, IncomingInput, forget_early, own_devices, recipients};
use crate::{
    client::{
        backoff::Backoff,
        ids,
        receipts::{Context, Input, direct, members::others},
        tasks,
    },
    delivery::{
        ledger::{Counted, ExpectedDevice, OwnEvent, Refusal, aggregate::LARGE},
        policy::{self, EventFacts, RoomFacts},
    },
    model::{EventId, UserId},
};

/// Pauses between attempts to find out who was given a key.
const PAUSE: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));

impl Incoming {
    /// An own event came by: from this device, or from another one of this user's. It is recorded
    /// with the devices that were given its key where this client asks for receipts. Elsewhere
    /// nobody is waited for; but somebody can send a native receipt all the same, and then the
    /// event is recorded with nobody expected, so that the receipt is seen.
    pub async fn on_own_event(&mut self, context: &mut Context, room: &Room, facts: &RoomFacts, event: &EventFacts) {
        let Some(since) = facts.joined_since.filter(|_| event.readable) else { return };
        let asks = policy::asks(facts, &context.settings);
        let bridged = !asks && context.stored(context.store.bridged(&event.event_id)).flatten().is_some();
        // L7: not in a room of thousands, each of whom may send one.
        let answered = facts.joined_members <= context.settings.max_members && self.held.holds(&event.event_id);
        if self.recording.contains(&event.event_id) {
            return;
        }
        let known = context.store.is_own_event(&event.event_id);
        let Some(is_recorded) = context.stored(known) else { return };
        // Who was given the key of an older one, nobody can say now.
        let in_time = event.sent >= since;
        if is_recorded || event.redacted || !in_time || !(asks || bridged || answered) {
            // What is still held is no lie, but there is nowhere to keep it.
            let (here, elsewhere) = self.held.take(&event.event_id).in_room(&facts.room_id);
            self.refuse_early(context, &elsewhere, Refusal::OtherRoom);
            return forget_early(context, &here);
        }
        self.recording.insert(event.event_id.clone());
        if asks && facts.joined_members <= context.settings.max_members {
            know_members(context, room).await;
        }
        let own = OwnEvent {
            room_id: facts.room_id.clone(),
            event_id: event.event_id.clone(),
            sent: event.sent,
            expected: BTreeMap::new(),
            claims: BTreeMap::new(),
        };
        let (client, room_of_task, inputs) = (context.client.clone(), room.clone(), context.inputs.clone());
        if !(asks || bridged) {
            let _ = inputs
                .send(IncomingInput::Recipients { own_devices: own.clone(), own, with_gone: BTreeSet::new() }.into());
            return;
        }
        let (this, sender) = (context.device_id.clone(), event.device_id.clone());
        let keys = self.keys.clone();
        tasks::spawn(async move {
            let mut pause = PAUSE;
            while !inputs.is_closed() {
                let found = if asks {
                    let own_devices = own_devices::expected(&client, &this, sender.as_ref());
                    tokio::try_join!(expected(&client, &room_of_task), own_devices)
                } else {
                    deviceless(&client, &room_of_task).await.map(|people| (people, BTreeMap::new()))
                };
                match found {
                    Ok((people, own_devices)) => {
                        let own_devices = OwnEvent { expected: own_devices, ..own.clone() };
                        let (mut own, mut own_devices) = (OwnEvent { expected: people, ..own }, own_devices);
                        let mut with_gone = BTreeSet::new();
                        if let Some(given) = recipients::given(keys.as_ref(), &room_of_task, &own.event_id).await {
                            for own in [&mut own, &mut own_devices] {
                                with_gone.extend(recipients::correct(&mut own.expected, &given));
                            }
                        }
                        if own.expected.is_empty() {
                            own.expected = invited(&room_of_task).await;
                        }
                        let _ = inputs.send(IncomingInput::Recipients { own, own_devices, with_gone }.into());
                        return;
                    }
                    Err(error) => tracing::info!(%error, "who has the key of an own event is not known yet"),
                }
                tokio::time::sleep(pause.next_delay()).await;
            }
        });
        if asks {
            self.asking.ask(context, room).await;
        }
    }

    /// Who was given the key is known: from now on it does not change any more.
    pub(super) async fn on_recipients(
        &mut self,
        context: &mut Context,
        own: OwnEvent,
        own_devices: OwnEvent,
        with_gone: BTreeSet<UserId>,
    ) {
        self.recording.remove(&own.event_id);
        self.record(context, own, own_devices).await;
        if !with_gone.is_empty() {
            self.on_devices_changed(context, with_gone);
        }
        self.tell_if_recorded();
    }

    /// Records an own event with the recipients of its key, and takes in what was held about it.
    async fn record(&mut self, context: &mut Context, mut own: OwnEvent, mut own_devices: OwnEvent) {
        let people = own.people();
        for own in [&mut own, &mut own_devices] {
            let (sent, expected) = (own.sent, &mut own.expected);
            for (user, devices) in expected.iter_mut().filter(|_| people <= LARGE) {
                context.responsiveness(user).fold(devices, sent);
            }
        }
        tracing::debug!(event = %own.event_id, people = own.expected.len(), "who was given the key is known");
        let (early, elsewhere) = self.held.take(&own.event_id).in_room(&own.room_id);
        self.refuse_early(context, &elsewhere, Refusal::OtherRoom);
        let (own_claims, claims): (Vec<_>, Vec<_>) =
            early.claims.into_iter().partition(|claim| context.is_own(&claim.user_id));
        // The own devices first: by the others it is seen that the event is recorded.
        let kept = context.store.record_own_devices(&own_devices).and_then(|()| context.store.record_recipients(&own));
        if context.stored(kept).is_none() {
            // Believing these would only begin anew; they are looked at after a restart.
            return;
        }
        // Not those without a device: they may only be invited.
        let with_device = own.expected.iter().filter(|(_, devices)| !devices.is_empty());
        know(context, &with_device.map(|(user, _)| user.clone()).collect::<Vec<_>>());
        let large = context.store.large_event(&own.event_id);
        match context.stored(large).flatten() {
            Some(large) => context.tell_events(&own.room_id, &[], &[large]).await,
            None => context.tell_events(&own.room_id, std::slice::from_ref(&own), &[]).await,
        }
        self.on_claims(context, &own.room_id, claims).await;
        self.on_own_device_claims(context, &own.room_id, own_claims).await;
        for Counted { room_id: room, event_id: event, summary } in early.summaries {
            self.on_summaries(context, &room, vec![(event, summary)]).await;
        }
        self.look_for_lost(context, &own.event_id);
    }

    /// A former run may have been killed after this was sent, and before its echo came: with it,
    /// receipts may be lost (L8).
    fn look_for_lost(&mut self, context: &mut Context, event_id: &EventId) {
        if !self.asking.is_after_kill() {
            return;
        }
        let recorded = [context.store.own_event(event_id), context.store.own_devices(event_id)];
        let recorded: Vec<_> = recorded.into_iter().filter_map(|own| context.stored(own).flatten()).collect();
        if self.asking.look_for_lost(&recorded) {
            let _ = context.inputs.send(Input::Lost);
        }
    }

    /// L1: an event is somebody else's, so what was claimed about it is none of this user's
    /// business.
    pub fn on_event_of_others(&mut self, context: &mut Context, event: &EventId) {
        let early = self.held.take(event);
        self.refuse_early(context, &early, Refusal::NotOwn);
    }
}

/// P7: the user has sent into a room. Whoever is known to be in it is known at once, since they may
/// answer at once.
async fn know_members(context: &mut Context, room: &Room) {
    let members = context.client.state_store().get_user_ids(room.room_id(), RoomMemberships::JOIN).await;
    let members = members.inspect_err(|error| tracing::warn!(%error, "members cannot be looked up"));
    let others = members.unwrap_or_default().into_iter().filter(|user| user != room.own_user_id());
    know(context, &others.map(|user| ids::user(&user)).collect::<Vec<_>>());
}

/// P7: the user has sent into a room that these people share.
fn know(context: &mut Context, others: &[UserId]) {
    if u64::try_from(others.len()).is_ok_and(|others| others < context.settings.max_members) {
        let kept = context.store.remember_known(others);
        context.stored(kept);
    }
}

/// Where nobody else is joined: who can get a message all the same, once they take the invite.
/// Whether a device of theirs was given the key counts for nothing.
async fn invited(room: &Room) -> BTreeMap<UserId, Vec<ExpectedDevice>> {
    let invited = room.members_no_sync(RoomMemberships::INVITE).await.unwrap_or_default();
    invited.iter().map(|member| (ids::user(member.user_id()), Vec::new())).collect()
}

/// Everybody else who is joined and has no device, in a room whose messages take no key: whom of
/// them a bridge reached, it may tell (§4).
async fn deviceless(client: &Client, room: &Room) -> matrix_sdk::Result<BTreeMap<UserId, Vec<ExpectedDevice>>> {
    let others = others(room).await?;
    let mut query = get_keys::v3::Request::new();
    query.device_keys = others.iter().map(|user| (user.clone(), Vec::new())).collect();
    let known = client.send(query).await?.device_keys;
    let deviceless = others.iter().filter(|user| known.get(*user).is_none_or(BTreeMap::is_empty));
    Ok(deviceless.map(|user| (ids::user(user), Vec::new())).collect())
}

/// Everybody else who is joined, with the devices that are given the room key now.
async fn expected(client: &Client, room: &Room) -> matrix_sdk::Result<BTreeMap<UserId, Vec<ExpectedDevice>>> {
    let mut expected = BTreeMap::new();
    for user in others(room).await? {
        expected.insert(ids::user(&user), direct::expected_devices(client, &user).await?);
    }
    Ok(expected)
}
