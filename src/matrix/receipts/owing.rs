//! What this client owes others: from an event that came in to the receipt that goes out.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use matrix_sdk::{
    Room,
    deserialized_responses::TimelineEvent,
    ruma::{OwnedEventId, RoomId as SdkRoomId},
};

use super::{Actor, Input, direct, facts, ids, observe};
use crate::{
    app::event::Event,
    clock::now,
    delivery::{
        outbox::{Batch, Owed, ROUTE_WAIT},
        policy::{self, Decision, EventFacts, EventKind, Reason, RoomFacts, SenderFacts},
        receipt::ClaimState,
        route::{self, Plan, Recipient},
    },
    model::{DeviceId, EventId, ReceiptFate, RoomId, Route, UserId},
};

/// How long it is good for that a batch may be sent (P3, P5, P8): what has not left by then is decided anew.
const DECISION_HOLDS: Duration = Duration::from_secs(30);

impl Actor {
    /// Considers events of a room; any of them may have been considered before.
    pub(super) async fn take_in(&mut self, room: &Room, events: &[TimelineEvent]) {
        let room_facts = self.room_facts(room).await;
        let mut owed = Vec::new();
        let mut settled = Vec::new();
        let mut awaiting = Vec::new();
        let mut member_missing = None;
        let mut senders: HashMap<UserId, Option<SenderFacts>> = HashMap::new();
        for event in events {
            let Some(facts) = observe::facts(event) else { continue };
            if facts.kind != EventKind::Message {
                continue;
            }
            if facts.sender.as_str() == room.own_user_id() {
                self.own_event(room, &room_facts, &facts).await;
                continue;
            }
            let fate = self.store.fate(&room_facts.room, &facts.event);
            let awaited = match self.stored(fate) {
                Some(None) => false,
                Some(Some(ReceiptFate::AwaitingKey)) if facts.readable => true,
                _ => continue,
            };
            // What cannot be read yet is decided as if it could: only then is it worth waiting for its key (P1).
            let readable = EventFacts { readable: true, ..facts.clone() };
            // Most rooms and events say no to everybody; only the others are worth asking who the sender is.
            let anybody = SenderFacts { joined: true, known: true, verified: true, ..SenderFacts::default() };
            let mut decision = policy::decide(&readable, &room_facts, &anybody, &self.settings, now());
            if decision == Decision::Send {
                let sender = if let Some(sender) = senders.get(&facts.sender) {
                    *sender
                } else {
                    let sender = self.sender_facts(room, &facts.sender).await;
                    senders.insert(facts.sender.clone(), sender);
                    sender
                };
                let Some(sender) = sender else {
                    member_missing = ids::sdk_event(&facts.event);
                    continue;
                };
                decision = policy::decide(&readable, &room_facts, &sender, &self.settings, now());
            }
            tracing::debug!(event = %facts.event, readable = facts.readable, ?decision, "considered");
            match decision {
                Decision::Send if facts.readable => owed.push(Owed {
                    room: room_facts.room.clone(),
                    event: facts.event,
                    sender: facts.sender,
                    sent: facts.sent,
                    since: now(),
                    state: ClaimState::Delivered,
                }),
                Decision::Send => awaiting.push((room_facts.room.clone(), facts.event, facts.sender, facts.sent)),
                Decision::Withhold(reason) if reason.is_lasting() || awaited => {
                    settled.push((room_facts.room.clone(), facts.event, reason.fate()));
                }
                Decision::Withhold(_) => {}
            }
        }
        if !settled.is_empty() {
            let kept = self.store.settle(&settled);
            self.stored(kept);
        }
        if !awaiting.is_empty() {
            let kept = self.store.await_key(&awaiting);
            self.stored(kept);
        }
        self.owe(owed);
        if member_missing.is_some() {
            // A walk fetches the members first, and is on disk until it has ended.
            self.walk(room.clone(), member_missing).await;
        }
    }

    /// Owed on disk first, then in the outbox (invariant 4).
    fn owe(&mut self, owed: Vec<Owed>) {
        if owed.is_empty() {
            return;
        }
        let kept = self.store.owe(&owed);
        if self.stored(kept).is_some() {
            self.queue(owed);
        }
    }

    /// Into the outbox with what is on disk; what is too much for its sender is settled (P10).
    pub(super) fn queue(&mut self, owed: Vec<Owed>) {
        let (now, timing) = (now(), self.settings.timing);
        let queued = owed.into_iter().map(|owed| self.outbox.owe(owed, timing, rand::random(), now));
        let over: Vec<Owed> = queued.filter_map(Result::err).collect();
        self.settle(&over, &Reason::TooMany.fate());
    }

    /// The settings are new: where incognito began, what waits for its time, a route or a key is cancelled (P12).
    pub(super) fn go_incognito(&mut self) {
        if self.incognito.set(&self.settings, now()) {
            let kept = self.store.set_incognito(&self.incognito);
            self.stored(kept);
        }
        let settings = &self.settings;
        let cancelled = self.outbox.cancel(|owed| !settings.is_incognito(&owed.room));
        self.settle(&cancelled, &Reason::Incognito.fate());
        let awaiting = self.store.awaiting();
        let awaiting = self.stored(awaiting).unwrap_or_default().into_iter();
        let cancelled: Vec<_> = awaiting
            .filter(|(room, _)| self.settings.is_incognito(room))
            .map(|(room, event)| (room, event, Reason::Incognito.fate()))
            .collect();
        if !cancelled.is_empty() {
            let kept = self.store.settle(&cancelled);
            self.stored(kept);
        }
    }

    async fn sender_facts(&self, room: &Room, user: &UserId) -> Option<SenderFacts> {
        let known = self.stored(self.store.is_known(user)).unwrap_or_default();
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
        for (room, event) in self.stored(awaiting).unwrap_or_default() {
            if let (Some(room), Some(event)) = (ids::sdk_room(&room), ids::sdk_event(&event)) {
                self.readable_now(&room, BTreeSet::from([event])).await;
            }
        }
    }

    /// Sends the batches whose time has come, after deciding about each entry once more (P3, P5, P8).
    pub(super) async fn answer_what_is_due(&mut self) {
        self.held.expire(now());
        for batch in self.outbox.due(now()) {
            if let Some((batch, sender)) = self.still_owed(batch).await {
                self.answer(&batch, sender);
            }
        }
    }

    /// The part of a batch that may still be sent, and its sender; the rest is settled as withheld.
    async fn still_owed(&mut self, mut batch: Batch) -> Option<(Batch, SenderFacts)> {
        let Some(room) = ids::find_room(&self.client, &batch.room) else {
            self.settle(&batch.owed, &Reason::Left.fate());
            return None;
        };
        let Some(sender) = self.sender_facts(&room, &batch.sender).await else {
            // Nothing leaves before it is known who the sender is (P8): a walk fetches the members.
            self.outbox.failed(batch, now(), None);
            self.walk(room, None).await;
            return None;
        };
        let room_facts = self.room_facts(&room).await;
        let mut kept = Vec::new();
        for owed in std::mem::take(&mut batch.owed) {
            let facts = EventFacts {
                event: owed.event.clone(),
                sender: owed.sender.clone(),
                device: None,
                sent: owed.sent,
                kind: EventKind::Message,
                readable: true,
                redacted: self.find(&room, &owed.event).await.is_some_and(|facts| facts.redacted),
            };
            match policy::decide(&facts, &room_facts, &sender, &self.settings, now()) {
                Decision::Send => kept.push(owed),
                Decision::Withhold(reason) => self.settle(&[owed], &reason.fate()),
            }
        }
        batch.owed = kept;
        (!batch.owed.is_empty()).then_some((batch, sender))
    }

    /// Nothing more is to be done about these: that was, or will be, their fate.
    pub(super) fn settle(&mut self, owed: &[Owed], fate: &ReceiptFate) {
        if owed.is_empty() {
            return;
        }
        let settled: Vec<_> = owed.iter().map(|owed| (owed.room.clone(), owed.event.clone(), fate.clone())).collect();
        let kept = self.store.settle(&settled);
        self.stored(kept);
    }

    /// An event as it is in the cache now.
    pub(super) async fn find(&self, room: &Room, event: &EventId) -> Option<EventFacts> {
        let (cache, _keep) = room.event_cache().await.ok()?;
        let event = cache.find_event(&ids::sdk_event(event)?).await.ok()??;
        observe::facts(&event)
    }

    /// Sends one batch by the routes there are; which way a receipt can go depends on what it says.
    fn answer(&mut self, batch: &Batch, sender: SenderFacts) {
        for state in [ClaimState::Delivered, ClaimState::Undecryptable] {
            let mut part = batch.clone();
            part.owed.retain(|owed| owed.state == state);
            if !part.owed.is_empty() {
                self.send(part, state, sender);
            }
        }
    }

    pub(super) fn send(&mut self, batch: Batch, state: ClaimState, sender: SenderFacts) {
        let asking = self.store.asking_devices(&batch.sender, &batch.room, now());
        let to = Recipient {
            same_server: self.same_server(&batch.sender),
            named: policy::names_device(&batch.sender, sender, &self.settings),
            asking: self.stored(asking).unwrap_or_default(),
        };
        let plan = route::choose(self.settings.route, self.server(), state, to);
        tracing::debug!(to = %batch.sender, receipts = batch.owed.len(), ?plan, "a batch is due");
        match plan {
            Plan::Native { name_device } => self.post(batch, name_device),
            Plan::Direct(devices) => self.send_direct(batch, devices),
            Plan::Undecided => self.undecided.push(batch),
            Plan::Wait(reason) => {
                let over = self.outbox.no_route(batch, now());
                self.settle(&over, &reason.fate());
            }
            Plan::Withhold(reason) => self.settle(&batch.owed, &reason.fate()),
        }
    }

    fn send_direct(&mut self, batch: Batch, devices: Vec<DeviceId>) {
        let now = now();
        let answer = batch.answer(now);
        self.sent.retain(|(at, _)| at.saturating_add(ROUTE_WAIT) > now);
        self.sent.extend(batch.owed.iter().map(|owed| (now, owed.clone())));
        let (client, inputs) = (self.client.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let outcome = match ids::sdk_user(&batch.sender) {
                Some(user) => direct::send_answer_within(DECISION_HOLDS, &client, &user, &devices, &answer).await,
                None => Err(direct::NotSent { retry_after: None }),
            };
            let _ = inputs.send(Input::Answered(batch, outcome));
        });
    }

    /// Somebody asks from one more device: what the others were told in the last minutes, or are being told, is sent
    /// again, so that all of the sender's devices show the same (PROTOCOL §3). Whoever is told twice merges it (L3).
    pub(super) fn owe_once_more(&mut self, user: &UserId, room: &RoomId) {
        let now = now();
        self.sent.retain(|(at, _)| at.saturating_add(ROUTE_WAIT) > now);
        let told = self.sent.iter().map(|(_, owed)| owed).filter(|owed| owed.sender == *user && owed.room == *room);
        self.queue(told.cloned().collect());
    }

    pub(super) fn answered(&mut self, batch: Batch, outcome: &Result<(), direct::NotSent>) {
        tracing::debug!(to = %batch.sender, receipts = batch.owed.len(), sent = outcome.is_ok(), "answered");
        match outcome {
            Ok(()) => self.settle(&batch.owed, &ReceiptFate::Sent { at: now(), route: Route::Direct }),
            Err(direct::NotSent { retry_after }) => self.outbox.failed(batch, now(), *retry_after),
        }
    }

    /// Tells what was done about an event, or would be.
    pub(super) async fn tell_fate(&mut self, room_id: &RoomId, event: EventId) {
        let fate = self.store.fate(room_id, &event);
        let mut fate = self.stored(fate).flatten().unwrap_or(ReceiptFate::NotConsidered);
        if fate == ReceiptFate::NotConsidered
            && let Some(room) = ids::find_room(&self.client, room_id)
            && let Some(facts) = self.find(&room, &event).await
            && let Some(sender) = self.sender_facts(&room, &facts.sender).await
        {
            let room: RoomFacts = self.room_facts(&room).await;
            if let Decision::Withhold(reason) = policy::decide(&facts, &room, &sender, &self.settings, now()) {
                fate = reason.fate();
            }
        }
        let _ = self.events.send(Event::ReceiptFate { event, fate });
    }
}
