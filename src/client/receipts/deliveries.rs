//! What is known about the delivery of own messages, told to the views: the ticks.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Context, Input, Query,
    members::{self, Member},
};
use crate::{
    client::{ids, tasks, update::Update},
    clock::now,
    delivery::{
        ledger::{OwnEvent, aggregate::Large},
        responsiveness::{GRACE, Responsiveness},
        summary,
    },
    model::{Delivery, RoomId, UserId},
};

/// How many own messages of a room are told when it is opened.
const MESSAGES_TOLD: usize = 500;

impl Context {
    /// Tells what is known about a room's own events.
    pub async fn tell_room(&self, room_id: &RoomId) {
        let own_events = self.store.own_events(room_id, MESSAGES_TOLD);
        let large = self.store.large_events(room_id, MESSAGES_TOLD);
        let (own_events, large) = (self.stored(own_events).unwrap_or_default(), self.stored(large).unwrap_or_default());
        self.tell_events(room_id, &own_events, &large).await;
    }

    /// Tells what is known about these own events of a room.
    pub async fn tell_events(&self, room_id: &RoomId, own_events: &[OwnEvent], large: &[Large]) {
        let mut deliveries = self.deliveries(own_events, large);
        self.name_people(room_id, &mut deliveries).await;
        if !deliveries.is_empty() {
            self.tell_view(Update::Deliveries { room_id: room_id.clone(), deliveries });
        }
    }

    /// What is known about own events, without the names of people.
    pub fn deliveries(&self, own_events: &[OwnEvent], large: &[Large]) -> Vec<Delivery> {
        let now = now();
        let people: HashSet<&UserId> = own_events.iter().flat_map(|own| own.expected.keys()).collect();
        let responsiveness = people.into_iter().map(|user| (user.clone(), self.responsiveness(user)));
        let (responsiveness, own_responsiveness): (BTreeMap<UserId, Responsiveness>, _) =
            (responsiveness.collect(), self.responsiveness(&self.user_id));
        let delivery = |own: &OwnEvent| {
            let own_devices = self.stored(self.store.own_devices(&own.event_id)).flatten();
            Delivery {
                own_devices: own_devices
                    .map(|own_devices| summary::own_devices(&own_devices, &own_responsiveness, now))
                    .unwrap_or_default(),
                ..summary::delivery(own, &responsiveness, now)
            }
        };
        let mut deliveries: Vec<_> =
            own_events.iter().map(delivery).chain(large.iter().map(summary::tallied)).collect();
        for delivery in &mut deliveries {
            if let Some(report) = self.stored(self.store.bridged(&delivery.event_id)).flatten() {
                summary::bridged(delivery, &report);
            }
        }
        deliveries
    }

    /// How this person's devices answer.
    pub fn responsiveness(&self, user_id: &UserId) -> Responsiveness {
        self.stored(self.store.responsiveness(user_id)).unwrap_or_default()
    }

    /// Calls people what they are called in a room.
    pub async fn name_people(&self, room_id: &RoomId, deliveries: &mut [Delivery]) {
        let names =
            self.names(room_id, deliveries.iter().flat_map(|known| &known.people).map(|person| &person.user_id)).await;
        for person in deliveries.iter_mut().flat_map(|delivery| &mut delivery.people) {
            person.name = names.get(&person.user_id).map(|member| member.name.clone()).unwrap_or_default();
        }
    }

    /// What people are called in a room, as far as this machine knows.
    async fn names(&self, room_id: &RoomId, users: impl Iterator<Item = &UserId>) -> HashMap<UserId, Member> {
        let Some(room) = ids::find_room(&self.client, room_id) else { return HashMap::new() };
        let members = members::members(&room, users).await;
        members.inspect_err(|error| tracing::warn!(%error, "members cannot be looked up")).unwrap_or_default()
    }

    /// Answers came. That a device has answered one message says, after a while, that it has missed
    /// another, in whatever room; so the open rooms are looked at once more then.
    pub fn look_again_later(&mut self) {
        if self.open_rooms.room_ids.is_empty() || self.open_rooms.looking_again {
            return;
        }
        self.open_rooms.looking_again = true;
        let inputs = self.inputs.clone();
        tasks::spawn(async move {
            tokio::time::sleep(GRACE).await;
            let _ = inputs.send(Input::Query(Query::LookAgain));
        });
    }

    /// It is time to look at the open rooms once more.
    pub async fn look_again(&mut self) {
        self.open_rooms.looking_again = false;
        self.tell_open_rooms().await;
    }

    /// Tells what is known about the own events of open rooms.
    pub async fn tell_open_rooms(&self) {
        for room_id in &self.open_rooms.room_ids {
            self.tell_room(room_id).await;
        }
    }
}
