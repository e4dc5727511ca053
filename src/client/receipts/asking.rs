//! Asking other people's devices for receipts (§3): before a message, when they are new, and again before a request ends.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use matrix_sdk::{
    Room,
    ruma::{OwnedUserId, RoomId as SdkRoomId},
};

use super::{Actor, Input, claims::others, direct, ids};
use crate::{
    clock::now,
    delivery::{
        asked::Asked,
        outbox::{Came, ROUTE_WAIT},
        policy::{self, RouteChoice},
        receipt::REQUEST_LIFETIME,
        route::{self, ServerFacts},
    },
    model::{DeviceId, Ms, RoomId, UserId},
};

/// Own messages of a room that are looked at for missing receipts.
const RECENT: usize = 50;

impl Actor {
    /// Asks the devices of everybody in a room for receipts, but those that were asked already, and people whose receipts
    /// come through the homeserver. This user's own other devices are asked too; they have no other way.
    pub(super) async fn ask(&mut self, room: &Room) {
        self.ask_in(room, false).await;
    }

    /// A former run was killed, perhaps when somebody's receipts were decrypted, which is done once, and not on disk yet
    /// (L8). So where receipts are missing for what was sent in the last minutes, everybody is asked to tell again.
    pub(super) async fn ask_again(&mut self) {
        let since = now().saturating_sub(ROUTE_WAIT);
        for room in self.client.joined_rooms() {
            let own_events = self.store.own_events(&ids::room(room.room_id()), RECENT);
            let own_events = self.stored(own_events).unwrap_or_default();
            if own_events.iter().any(|own| own.sent > since && own.is_open()) {
                self.ask_in(&room, true).await;
            }
        }
    }

    async fn ask_in(&mut self, room: &Room, tell_again: bool) {
        let facts = self.room_facts(room).await;
        if !policy::asks(&facts, self.receipt_queue.settings()) {
            return;
        }
        let server = self.server();
        if self.receipt_queue.settings().route == RouteChoice::Auto && server.is_none() {
            self.to_ask.insert(room.room_id().to_owned());
            return;
        }
        if let Some(again) = self.asking.get_mut(room.room_id()) {
            // Whom this is about may have come after that one had begun.
            *again = true;
            return;
        }
        self.asking.insert(room.room_id().to_owned(), false);
        let (choice, server) = (self.receipt_queue.settings().route, server.unwrap_or_default());
        let asked = self.store.asked(&facts.room_id, now());
        let asked = self.stored(asked).unwrap_or_default();
        let lost = self.seem_lost(&facts.room_id, &asked);
        let expires = now() + REQUEST_LIFETIME;
        let (client, room, inputs) = (self.client.clone(), room.clone(), self.inputs.clone());
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
            let _ = inputs.send(Input::Asked(room.room_id().to_owned(), outcome, expires));
        });
    }

    /// Of the devices that were asked in a room, those that seem to have lost the request: each answers elsewhere.
    fn seem_lost(&mut self, room: &RoomId, asked: &HashMap<(UserId, DeviceId), Asked>) -> HashSet<(UserId, DeviceId)> {
        let now = now();
        if !asked.values().any(|asked| asked.is_doubtful(now)) {
            return HashSet::new();
        }
        let sent = self.store.own_events(room, RECENT);
        let mut sent = self.stored(sent).unwrap_or_default();
        let own_devices: Result<Vec<_>, _> = sent.iter().map(|own| self.store.own_devices(&own.event_id)).collect();
        sent.extend(self.stored(own_devices).unwrap_or_default().into_iter().flatten());
        let mut lost = HashSet::new();
        for ((user, device), asked) in asked {
            if asked.is_doubtful(now) && asked.seems_lost((user, device), &sent, now) {
                let responsiveness = self.store.responsiveness(user);
                if self.stored(responsiveness).is_some_and(|responsiveness| responsiveness.is_heard(device)) {
                    lost.insert((user.clone(), device.clone()));
                }
            }
        }
        lost
    }

    /// A request that did not go out is made again with the next message.
    pub(super) async fn asked(
        &mut self,
        room: &SdkRoomId,
        outcome: Result<Vec<(UserId, DeviceId)>, direct::NotSent>,
        expires: Ms,
    ) {
        let again = self.asking.remove(room) == Some(true);
        tracing::debug!(%room, devices = outcome.as_ref().map_or(0, Vec::len), failed = outcome.is_err(), "asked");
        if let Ok(devices) = outcome
            && !devices.is_empty()
        {
            let kept = self.store.remember_asked(&ids::room(room), &devices, expires);
            self.stored(kept);
        }
        if again && let Some(room) = self.client.get_room(room) {
            self.ask(&room).await;
        }
    }

    /// P11: how long it is to the moment at which receipts leave.
    pub(super) fn until_moment(&mut self) -> Duration {
        let now = now();
        Duration::from_millis(self.receipt_queue.arrives(Came::Now, now).moment().saturating_sub(now))
    }

    /// P11: tells this actor something at the moment at which receipts leave, and not at that of a waking.
    pub(super) fn at_moment(&mut self, input: Input) {
        let (wait, inputs) = (self.until_moment(), self.inputs.clone());
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let _ = inputs.send(input);
        });
    }

    /// New devices of people who were asked are asked too.
    pub(super) async fn ask_new_devices(&mut self, users: &[OwnedUserId]) {
        let users: HashSet<UserId> = users.iter().map(|user| ids::user(user)).collect();
        for room in self.client.joined_rooms() {
            let asked = self.store.asked(&ids::room(room.room_id()), now());
            if self.stored(asked).unwrap_or_default().keys().any(|(user, _)| users.contains(user)) {
                self.ask(&room).await;
            }
        }
    }
}
