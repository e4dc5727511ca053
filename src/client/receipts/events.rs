//! Events of rooms, on their way through the parts: a bridge's status and own messages are for
//! [`incoming`](super::incoming), everybody else's messages for [`outgoing`](super::outgoing), and
//! what a sync has left out is for [`backfill`](super::backfill).

use std::collections::BTreeSet;

use matrix_sdk::{
    Room,
    deserialized_responses::TimelineEvent,
    ruma::{OwnedEventId, RoomId as SdkRoomId},
    sync::RoomUpdates,
};

use super::{Actor, EventsInput, incoming::native, observe, outgoing::as_it_is_now, queries::traces};
use crate::{
    client::ids,
    clock::now,
    delivery::{
        outbox::Came,
        policy::{EventFacts, EventKind},
        receipt_queue::{Awaited, Journal},
    },
};

impl Actor {
    /// A sync brought something, or nothing.
    pub(super) async fn on_synced(&mut self, updates: RoomUpdates) {
        let is_empty = updates.joined.is_empty();
        for (room_id, update) in updates.joined {
            let Some(room) = self.context.client.get_room(&room_id) else { continue };
            let events = update.timeline.events;
            self.take_in(&room, &events).await;
            for said in update.ephemeral.iter().filter_map(native::read) {
                let (context, room_id) = (&mut self.context, ids::room(&room_id));
                self.incoming.on_native_receipts(context, &room_id, said.receipts).await;
                self.incoming.on_summaries(context, &room_id, said.summaries).await;
            }
            let newest = events.iter().rev().find_map(|event| {
                let facts = observe::facts(event)?;
                Some((facts.sent, ids::sdk_event(&facts.event_id)?))
            });
            if let Some(newest) = newest {
                self.backfill.on_synced(&mut self.context, room, newest, update.timeline.limited).await;
            }
        }
        for room_id in updates.left.into_keys() {
            let kept = self.context.store.set_joined_since(&ids::room(&room_id), None);
            self.context.stored(kept);
        }
        if !is_empty {
            let Self { context, incoming, backfill, .. } = self;
            incoming.expire(context, |room_id| backfill.is_under_way(room_id));
        }
    }

    pub(super) async fn on_events(&mut self, input: EventsInput) {
        match input {
            EventsInput::Found(room_id, events) => {
                if let Some(room) = self.context.client.get_room(&room_id) {
                    self.take_in_found(&room, &events).await;
                }
            }
            EventsInput::Decrypted(room_id, events) => self.on_decrypted(&room_id, events).await,
            EventsInput::LookForKeys => self.look_for_keys().await,
        }
    }

    /// Considers events of a room; any of them may have been considered before.
    pub(super) async fn take_in(&mut self, room: &Room, events: &[TimelineEvent]) {
        self.incoming.on_bridge_events(&mut self.context, room, events).await;
        let found = facts_in(room, events).await;
        self.consider(room, found, Came::Now).await;
    }

    /// The same for what a backfill found.
    async fn take_in_found(&mut self, room: &Room, events: &[TimelineEvent]) {
        self.incoming.on_bridge_events(&mut self.context, room, events).await;
        let (found, now) = (facts_in(room, events).await, now());
        let (new, old) = found.into_iter().partition(|facts| Came::found(facts.sent, now) == Came::Now);
        self.consider(room, old, Came::ByBackfill).await;
        self.consider(room, new, Came::Now).await;
    }

    async fn consider(&mut self, room: &Room, events: Vec<EventFacts>, came: Came) {
        if events.is_empty() {
            return;
        }
        let context = &mut self.context;
        let room_facts = context.room_facts(room).await;
        let mut considering = self.outgoing.begin(came);
        for facts in events {
            let is_own = context.is_own(&facts.sender);
            if is_own && facts.kind == EventKind::Message {
                self.incoming.on_own_event(context, room, &room_facts, &facts).await;
                considering.forget_senders();
            } else if !is_own {
                self.incoming.on_event_of_others(context, &facts.event_id);
            }
            self.outgoing.consider(context, &mut considering, (room, &room_facts), facts).await;
        }
        let taken = self.outgoing.take_in(context, &room_facts, considering);
        if taken.may_leave_traces && context.open_rooms.room_ids.contains(&room_facts.room_id) {
            traces::tell(context, &room_facts.room_id).await;
        }
        if taken.member_missing.is_some() {
            // A backfill fetches the members first, and is on disk until it has ended.
            self.backfill.start(context, room.clone(), taken.member_missing).await;
        }
    }

    /// The key of these events came.
    async fn on_decrypted(&mut self, room_id: &SdkRoomId, events: BTreeSet<OwnedEventId>) {
        let Some(room) = self.context.client.get_room(room_id) else { return };
        let Ok((cache, _keep)) = room.event_cache().await else { return };
        let mut found = Vec::new();
        for event in events {
            if let Ok(Some(event)) = cache.find_event(&event).await {
                found.push(event);
            }
        }
        self.take_in(&room, &found).await;
    }

    /// Looks at all events whose key is awaited: it may have come while nobody was told (P1, also
    /// after a restart).
    pub(super) async fn look_for_keys(&mut self) {
        let awaiting = self.context.store.awaiting();
        for Awaited { room_id, event_id, .. } in self.context.stored(awaiting).unwrap_or_default() {
            if let (Some(room_id), Some(event_id)) = (ids::sdk_room(&room_id), ids::sdk_event(&event_id)) {
                self.on_decrypted(&room_id, BTreeSet::from([event_id])).await;
            }
        }
    }

    /// Does what it is time for: answers, and what there is to say about keys that have not come.
    pub(super) async fn do_what_is_due(&mut self) {
        for (room_id, awaited) in self.outgoing.overdue() {
            let Some(room) = ids::find_room(&self.context.client, &room_id) else { continue };
            let mut events = Vec::with_capacity(awaited.len());
            for awaited in awaited {
                events.push(as_it_is_now(&room, awaited).await);
            }
            self.consider(&room, events, Came::Now).await;
        }
        for batch in self.outgoing.due() {
            if let Some(room) = self.outgoing.answer(&mut self.context, batch).await {
                // A backfill fetches the members.
                self.backfill.start(&mut self.context, room, None).await;
            }
        }
    }
}

async fn facts_in(room: &Room, events: &[TimelineEvent]) -> Vec<EventFacts> {
    let mut found = Vec::with_capacity(events.len());
    for event in events {
        found.extend(observe::facts_in(room, event).await);
    }
    found
}
