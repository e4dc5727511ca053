//! What this client owes others: gathers from the SDK the facts that [`ReceiptQueue`](crate::delivery::receipt_queue) decides by, and
//! carries out what it says.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use matrix_sdk::{
    Room, RoomState,
    deserialized_responses::TimelineEvent,
    ruma::{OwnedEventId, RoomId as SdkRoomId},
};

use super::{
    Actor, Input, direct, facts, ids, observe,
    own_devices::{FLEET, NO_SERVER},
    undelivered::room_name,
};
use crate::{
    app::event::Event,
    clock::now,
    delivery::{
        outbox::{Batch, Came},
        policy::{self, Decision, EventFacts, EventKind, Reason, SenderFacts},
        receipt_queue::{Awaited, Dispatch, Journal},
    },
    model::{DeviceId, EventId, ReceiptLog, ReceiptStatus, RoomId, Route, SafeText, UserId},
};

async fn facts_in(room: &Room, events: &[TimelineEvent]) -> Vec<EventFacts> {
    let mut found = Vec::with_capacity(events.len());
    for event in events {
        found.extend(observe::facts_in(room, event).await);
    }
    found
}

/// How long it is good for that a batch may be sent (P3, P5, P8): what has not left by then is decided anew.
const DECISION_HOLDS: Duration = Duration::from_secs(30);

impl Actor {
    /// Considers events of a room; any of them may have been considered before.
    pub(super) async fn take_in(&mut self, room: &Room, events: &[TimelineEvent]) {
        self.bridges_said(room, events).await;
        let found = facts_in(room, events).await;
        self.consider(room, found, Came::Now).await;
    }

    /// The same for what a backfill found.
    pub(super) async fn take_in_found(&mut self, room: &Room, events: &[TimelineEvent]) {
        self.bridges_said(room, events).await;
        let (found, now) = (facts_in(room, events).await, now());
        let (new, old) = found.into_iter().partition(|facts| Came::found(facts.sent, now) == Came::Now);
        self.consider(room, old, Came::ByBackfill).await;
        self.consider(room, new, Came::Now).await;
    }

    async fn consider(&mut self, room: &Room, events: Vec<EventFacts>, came: Came) {
        if events.is_empty() {
            return;
        }
        let room_facts = self.room_facts(room).await;
        let arrival = self.receipt_queue.arrives(came, now());
        let mut considered = Vec::new();
        let mut member_missing = None;
        let mut senders: HashMap<UserId, Option<SenderFacts>> = HashMap::new();
        for facts in events {
            let is_own = self.is_own(&facts.sender);
            if is_own && facts.kind == EventKind::Message {
                self.own_event(room, &room_facts, &facts).await;
                // P7: whoever was a stranger before it may be none now.
                senders.clear();
            } else if !is_own {
                self.not_own_event(&facts.event_id);
            }
            if is_own && !self.is_for_own_devices(&facts) {
                continue;
            }
            let is_open = self.receipt_queue.is_open(&self.store, &room_facts.room_id, &facts);
            if self.stored(is_open) != Some(true) {
                continue;
            }
            let sender = if is_own {
                Some(FLEET)
            } else if !self.receipt_queue.rests_on_sender(&room_facts, &facts, arrival) {
                Some(SenderFacts::WELCOME)
            } else if let Some(sender) = senders.get(&facts.sender) {
                *sender
            } else {
                let sender = self.sender_facts(room, &facts.sender).await;
                senders.insert(facts.sender.clone(), sender);
                sender
            };
            match sender {
                Some(sender) => considered.push((facts, sender)),
                None => member_missing = ids::sdk_event(&facts.event_id),
            }
        }
        tracing::debug!(room = %room_facts.room_id, events = considered.len(), "considered");
        let may_leave_traces = considered.iter().any(|(facts, _)| facts.readable && facts.kind == EventKind::Other);
        let taken = self.receipt_queue.take_in(&mut self.store, &room_facts, considered, arrival);
        self.stored(taken);
        if may_leave_traces && self.opened.as_ref() == Some(&room_facts.room_id) {
            self.tell_traces(&room_facts.room_id).await;
        }
        if member_missing.is_some() {
            // A backfill fetches the members first, and is on disk until it has ended.
            self.backfill(room.clone(), member_missing).await;
        }
    }

    async fn sender_facts(&self, room: &Room, user: &UserId) -> Option<SenderFacts> {
        // P7: they may write before it is found out that the room is a direct chat.
        let taken = self.taking.get(&ids::room(room.room_id())) == Some(user) && room.active_members_count() == 2;
        let known = taken || self.stored(self.store.is_known(user)).unwrap_or_default();
        match ids::sdk_user(user) {
            Some(id) => facts::sender(&self.client, room, &id, known).await,
            // An id of a form that the SDK does not take cannot be a member (P8).
            None => Some(SenderFacts::default()),
        }
    }

    /// The key of these events came.
    pub(super) async fn readable_now(&mut self, room_id: &SdkRoomId, events: BTreeSet<OwnedEventId>) {
        let Some(room) = self.client.get_room(room_id) else { return };
        let Ok((cache, _keep)) = room.event_cache().await else { return };
        let mut found = Vec::new();
        for event in events {
            if let Ok(Some(event)) = cache.find_event(&event).await {
                found.push(event);
            }
        }
        self.take_in(&room, &found).await;
    }

    /// Looks at all events whose key is awaited: it may have come while nobody was told (P1, also after a restart).
    pub(super) async fn look_again_for_late_keys(&mut self) {
        let awaiting = self.store.awaiting();
        for Awaited { room_id: room, event_id: event, .. } in self.stored(awaiting).unwrap_or_default() {
            if let (Some(room), Some(event)) = (ids::sdk_room(&room), ids::sdk_event(&event)) {
                self.readable_now(&room, BTreeSet::from([event])).await;
            }
        }
    }

    /// Does what it is time for: answers, and what there is to say about keys that have not come.
    pub(super) async fn do_what_is_due(&mut self) {
        let mut overdue: HashMap<RoomId, Vec<Awaited>> = HashMap::new();
        for awaited in self.receipt_queue.overdue(now()) {
            overdue.entry(awaited.room_id.clone()).or_default().push(awaited);
        }
        for (room, awaited) in overdue {
            self.look_for_keys(&room, awaited).await;
        }
        for batch in self.receipt_queue.due(now()) {
            self.answer(batch).await;
        }
    }

    /// These could not be read when they came, nor for a while after that.
    async fn look_for_keys(&mut self, room: &RoomId, awaited: Vec<Awaited>) {
        let Some(room) = ids::find_room(&self.client, room) else { return };
        let mut events = Vec::new();
        for awaited in awaited {
            let found = self.find(&room, &awaited.event_id).await;
            events.push(found.unwrap_or(EventFacts {
                event_id: awaited.event_id,
                sender: awaited.sender,
                device_id: None,
                sent: awaited.sent,
                kind: EventKind::Message,
                readable: false,
                redacted: false,
            }));
        }
        self.consider(&room, events, Came::Now).await;
    }

    /// Sends a batch whose time has come, after deciding about each entry once more.
    async fn answer(&mut self, batch: Batch) {
        // P8: of a room that was left nothing else is known, such as when it was joined.
        let joined = ids::find_room(&self.client, &batch.room_id).filter(|room| room.state() == RoomState::Joined);
        let Some(room) = joined else {
            let kept = self.receipt_queue.withhold(&mut self.store, &batch.owed, Reason::Left, now());
            self.stored(kept);
            return;
        };
        let is_own = self.is_own(&batch.sender);
        let sender = if is_own { Some(FLEET) } else { self.sender_facts(&room, &batch.sender).await };
        let Some(sender) = sender else {
            // Nothing leaves before it is known who the sender is (P8): a backfill fetches the members.
            self.receipt_queue.failed(batch, None, now());
            self.backfill(room, None).await;
            return;
        };
        let room_facts = self.room_facts(&room).await;
        let mut redacted = HashSet::new();
        for owed in &batch.owed {
            if self.find(&room, &owed.event_id).await.is_some_and(|facts| facts.redacted) {
                redacted.insert(owed.event_id.clone());
            }
        }
        let released = self.receipt_queue.release(&mut self.store, batch, &room_facts, sender, &redacted, now());
        if let Some(batch) = self.stored(released).flatten() {
            self.send(batch, sender);
        }
    }

    /// An event as it is in the cache now.
    pub(super) async fn find(&self, room: &Room, event: &EventId) -> Option<EventFacts> {
        let (cache, _keep) = room.event_cache().await.ok()?;
        let event = cache.find_event(&ids::sdk_event(event)?).await.ok()??;
        observe::facts_in(room, &event).await
    }

    /// Sends a batch by the way there is.
    pub(super) fn send(&mut self, batch: Batch, sender: SenderFacts) {
        let server = if self.is_own(&batch.sender) {
            (Some(NO_SERVER), true)
        } else {
            (self.server(), self.same_server(&batch.sender))
        };
        tracing::debug!(to = %batch.sender, receipts = batch.owed.len(), state = ?batch.state, "a batch is due");
        let way = self.receipt_queue.dispatch(&mut self.store, batch, sender, server, now());
        match self.stored(way).flatten() {
            Some(Dispatch::Native { batch, name_device }) => self.post(batch, name_device),
            Some(Dispatch::Direct { batch, devices }) => self.send_direct(batch, devices),
            None => {}
        }
    }

    fn send_direct(&self, batch: Batch, devices: Vec<DeviceId>) {
        let answer = batch.answer(now());
        let (client, inputs) = (self.client.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let outcome = match ids::sdk_user(&batch.sender) {
                Some(user) => direct::send_answer_within(DECISION_HOLDS, &client, &user, &devices, &answer).await,
                None => Err(direct::NotSent { retry_after: None }),
            };
            let _ = inputs.send(Input::Answered(batch, outcome));
        });
    }

    pub(super) fn answered(&mut self, batch: Batch, outcome: &Result<(), direct::NotSent>) {
        tracing::debug!(to = %batch.sender, receipts = batch.owed.len(), sent = outcome.is_ok(), "answered");
        match outcome {
            Ok(()) => {
                let kept = self.receipt_queue.sent(&mut self.store, &batch.owed, Route::Direct, now());
                self.stored(kept);
            }
            Err(direct::NotSent { retry_after }) => self.receipt_queue.failed(batch, *retry_after, now()),
        }
    }

    /// Tells what was done about an event, or would be.
    pub(super) async fn tell_status(&mut self, room_id: &RoomId, event: EventId) {
        let status = self.store.status(room_id, &event);
        let mut status = self.stored(status).flatten().unwrap_or(ReceiptStatus::NotConsidered);
        if status == ReceiptStatus::NotConsidered
            && let Some(room) = ids::find_room(&self.client, room_id)
            && let Some(facts) = self.find(&room, &event).await
            && let Some(sender) = self.sender_facts(&room, &facts.sender).await
        {
            let sender = if self.is_for_own_devices(&facts) { FLEET } else { sender };
            let room = self.room_facts(&room).await;
            if let Decision::Withhold(reason) =
                policy::decide(&facts, &room, &sender, self.receipt_queue.settings(), now())
            {
                status = reason.status();
            }
        }
        let _ = self.events.send(Event::ReceiptStatus { event_id: event, status });
    }

    /// Tells what was told to others and what was withheld from them, and what they said that is not believed.
    pub(super) fn tell_log(&mut self) {
        let Some(mut entries) = self.stored(self.store.log()) else { return };
        entries.retain(|entry| !self.is_own(&entry.person));
        let mut names: HashMap<RoomId, SafeText> = HashMap::new();
        for entry in &mut entries {
            let name = || ids::find_room(&self.client, &entry.room_id).map(|room| room_name(&room)).unwrap_or_default();
            entry.room_name = names.entry(entry.room_id.clone()).or_insert_with(name).clone();
        }
        let log = ReceiptLog { entries, not_believed: self.refused.told() };
        let _ = self.events.send(Event::ReceiptLog(log));
    }
}
