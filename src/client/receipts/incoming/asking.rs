//! Asking other people's devices for receipts (§3): before a message, when they are new, and again
//! before a request ends.

use std::collections::{HashMap, HashSet};

use matrix_sdk::{
    Room,
    ruma::{OwnedRoomId, OwnedUserId, RoomId as SdkRoomId},
};

use super::IncomingInput;
use crate::{
    client::{
        ids,
        receipts::{Context, direct, members::others},
    },
    clock::now,
    delivery::{
        asked::Asked,
        outbox::ROUTE_WAIT,
        policy::{self, RouteChoice},
        receipt::REQUEST_LIFETIME,
        route::{self, ServerFacts},
    },
    model::{DeviceId, RoomId, Timestamp, UserId},
};

/// How many own messages of a room are looked at for missing receipts.
const RECENT: usize = 50;

/// Asks the people of rooms for receipts, once at a time for each room.
#[derive(Default)]
pub(super) struct Asking {
    /// Rooms whose people are being asked; true when they are to be asked once more after that.
    under_way: HashMap<OwnedRoomId, bool>,
    /// Rooms whose people are to be asked when it is known what the homeserver can do.
    waiting: HashSet<OwnedRoomId>,
    /// A former run was killed, and what it may have lost was not asked for yet.
    pub was_killed: bool,
}

impl Asking {
    /// Asks the devices of everybody in a room for receipts, but those that were asked already, and
    /// people whose receipts come through the homeserver. This user's own other devices are asked
    /// too, since no homeserver carries their receipts.
    pub(super) async fn ask(&mut self, context: &mut Context, room: &Room) {
        self.ask_in(context, room, false).await;
    }

    /// A former run was killed, perhaps when somebody's receipts were decrypted, which is done
    /// once, and not on disk yet (L8). So where receipts are missing for what was sent in the last
    /// minutes, everybody is asked to tell again.
    pub(super) async fn ask_again(&mut self, context: &mut Context) {
        let since = now() - ROUTE_WAIT;
        for room in context.client.joined_rooms() {
            let own_events = context.store.own_events(&ids::room(room.room_id()), RECENT);
            let own_events = context.stored(own_events).unwrap_or_default();
            if own_events.iter().any(|own| own.sent > since && own.is_open()) {
                self.ask_in(context, &room, true).await;
            }
        }
    }

    async fn ask_in(&mut self, context: &mut Context, room: &Room, tell_again: bool) {
        let facts = context.room_facts(room).await;
        if !policy::asks(&facts, &context.settings) {
            return;
        }
        let server = context.server.can_do();
        if context.settings.route == RouteChoice::Auto && server.is_none() {
            self.waiting.insert(room.room_id().to_owned());
            return;
        }
        if let Some(again) = self.under_way.get_mut(room.room_id()) {
            // Whom this is about may have come after that one had begun.
            *again = true;
            return;
        }
        self.under_way.insert(room.room_id().to_owned(), false);
        let (choice, server) = (context.settings.route, server.unwrap_or_default());
        let asked = context.store.asked(&facts.room_id, now());
        let asked = context.stored(asked).unwrap_or_default();
        let lost = seem_lost(context, &facts.room_id, &asked);
        let expires = now() + REQUEST_LIFETIME;
        let (client, room, inputs) = (context.client.clone(), room.clone(), context.inputs.clone());
        tokio::spawn(async move {
            let outcome = match others(&room).await {
                Ok(mut people) => {
                    let here = room.own_user_id().server_name();
                    people.retain(|user| route::asks(choice, server, user.server_name() == here));
                    people.extend(
                        route::asks(choice, ServerFacts::default(), true).then(|| room.own_user_id().to_owned()),
                    );
                    let holds = |user: &UserId, device: &DeviceId| {
                        let device = (user.clone(), device.clone());
                        let holds = asked.get(&device).is_some_and(|asked| !asked.is_ending(now()));
                        holds && !tell_again && !lost.contains(&device)
                    };
                    direct::send_request(&client, room.room_id(), &people, holds, (expires, tell_again)).await
                }
                Err(error) => Err(direct::NotSent::from(&error)),
            };
            let _ = inputs.send(IncomingInput::Asked(room.room_id().to_owned(), outcome, expires).into());
        });
    }

    /// These devices were asked. A request that did not go out is made again with the next message.
    pub(super) async fn on_asked(
        &mut self,
        context: &mut Context,
        room_id: &SdkRoomId,
        outcome: Result<Vec<(UserId, DeviceId)>, direct::NotSent>,
        expires: Timestamp,
    ) {
        let again = self.under_way.remove(room_id) == Some(true);
        tracing::debug!(room = %room_id, devices = outcome.as_ref().map_or(0, Vec::len), failed = outcome.is_err(), "asked");
        if let Ok(devices) = outcome
            && !devices.is_empty()
        {
            let kept = context.store.remember_asked(&ids::room(room_id), &devices, expires);
            context.stored(kept);
        }
        if again && let Some(room) = context.client.get_room(room_id) {
            self.ask(context, &room).await;
        }
    }

    /// New devices of people who were asked are asked too.
    pub(super) async fn ask_new_devices(&mut self, context: &mut Context, users: &[OwnedUserId]) {
        let users: HashSet<UserId> = users.iter().map(|user| ids::user(user)).collect();
        for room in context.client.joined_rooms() {
            let asked = context.store.asked(&ids::room(room.room_id()), now());
            if context.stored(asked).unwrap_or_default().keys().any(|(user, _)| users.contains(user)) {
                self.ask(context, &room).await;
            }
        }
    }

    /// It is known what the homeserver can do: asks in the rooms that waited for that.
    pub(super) async fn ask_where_it_waited(&mut self, context: &mut Context) {
        for room_id in std::mem::take(&mut self.waiting) {
            if let Some(room) = context.client.get_room(&room_id) {
                self.ask(context, &room).await;
            }
        }
    }
}

/// The devices that were asked in this room and seem to have lost the request: they answer in other
/// rooms.
fn seem_lost(
    context: &Context,
    room_id: &RoomId,
    asked: &HashMap<(UserId, DeviceId), Asked>,
) -> HashSet<(UserId, DeviceId)> {
    let now = now();
    if !asked.values().any(|asked| asked.may_be_lost(now)) {
        return HashSet::new();
    }
    let sent = context.store.own_events(room_id, RECENT);
    let mut sent = context.stored(sent).unwrap_or_default();
    let own_devices: Result<Vec<_>, _> = sent.iter().map(|own| context.store.own_devices(&own.event_id)).collect();
    sent.extend(context.stored(own_devices).unwrap_or_default().into_iter().flatten());
    let mut lost = HashSet::new();
    for ((user, device), asked) in asked {
        if asked.may_be_lost(now) && asked.seems_lost((user, device), &sent, now) {
            let responsiveness = context.store.responsiveness(user);
            if context.stored(responsiveness).is_some_and(|responsiveness| responsiveness.is_heard(device)) {
                lost.insert((user.clone(), device.clone()));
            }
        }
    }
    lost
}
