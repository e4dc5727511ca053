//! What this client owes others: gathers from the SDK the facts that
//! [`ReceiptQueue`](crate::delivery::receipt_queue) decides by, and carries out what it says.
//!
//! Events of a room are looked at one by one, as a [`Considering`], and then taken in together.
//! What has become due is decided about once more, and leaves by one of two routes: [`native`]
//! through the homeserver, or encrypted to the devices that asked ([`direct`]).

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use matrix_sdk::{Room, RoomState, ruma::OwnedEventId};

use super::{
    Context, Input,
    direct::{self, NotSent},
    event_cache, facts,
    own_devices::{AS_SENDER, NO_SERVER},
};
use crate::{
    client::{ids, tasks},
    clock::now,
    delivery::{
        outbox::{Batch, Came},
        policy::{self, Decision, EventFacts, EventKind, Reason, RoomFacts, SenderFacts, Settings},
        receipt::Request,
        receipt_queue::{Arrival, Awaited, Dispatch, ReceiptQueue},
        route::Pace,
    },
    model::{DeviceId, EventId, ReceiptStatus, RoomId, Route, Timestamp, UserId},
};

mod native;
pub(in crate::client) mod post;

/// How long it is good for that a batch may be sent (P3, P5, P8): what has not left by then is
/// decided anew.
const DECISION_HOLDS: Duration = Duration::from_secs(30);

/// The inputs of this part.
pub(super) enum OutgoingInput {
    /// A batch was sent to devices, or not.
    SentDirect(Batch, Result<(), NotSent>),
    /// A batch was posted to the homeserver, as far as that took it.
    Posted(post::Posted),
    /// The user accepts this person's invite to this room; nobody's, when it is found out whether
    /// it is a direct chat.
    AcceptingInvite(RoomId, Option<UserId>),
    /// The user has dealt with these people (P7).
    Known(Vec<UserId>),
}

/// What is owed to others, and how fast it leaves.
pub(super) struct Outgoing {
    pub queue: ReceiptQueue,
    /// How fast the homeserver is sent receipts.
    pace: Pace,
    /// Rooms that may be direct chats, and whose invite to them the user accepts.
    accepting: HashMap<RoomId, UserId>,
}

/// Events of one room that came together, while they are looked at one by one.
pub(super) struct Considering {
    arrival: Arrival,
    considered: Vec<(EventFacts, SenderFacts)>,
    senders: HashMap<UserId, Option<SenderFacts>>,
    member_missing: Option<OwnedEventId>,
}

impl Considering {
    /// P7: somebody who was a stranger may be none now.
    pub fn forget_senders(&mut self) {
        self.senders.clear();
    }
}

/// What there is to be done after events were taken in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TakenIn {
    /// What could not be read may have turned out to be no message (P1).
    pub may_leave_traces: bool,
    /// The sender of this event is no known member, and not all members are known.
    pub member_missing: Option<OwnedEventId>,
}

impl Outgoing {
    pub fn new(queue: ReceiptQueue) -> Self {
        Self { queue, pace: Pace::default(), accepting: HashMap::new() }
    }

    pub fn handle(&mut self, context: &mut Context, input: OutgoingInput) {
        match input {
            OutgoingInput::SentDirect(batch, outcome) => self.on_sent_direct(context, batch, &outcome),
            OutgoingInput::Posted(posted) => self.on_posted(context, posted),
            OutgoingInput::AcceptingInvite(room_id, Some(from)) => drop(self.accepting.insert(room_id, from)),
            OutgoingInput::AcceptingInvite(room_id, None) => drop(self.accepting.remove(&room_id)),
            OutgoingInput::Known(people) => {
                let kept = context.store.remember_known(&people);
                context.stored(kept);
            }
        }
    }

    /// Takes up what a former run left on disk.
    pub fn resume(&mut self, context: &mut Context) {
        let resumed = self.queue.resume(&mut context.store, now());
        context.stored(resumed);
        self.share_rules(context);
    }

    /// The settings are these now.
    pub fn set_settings(&mut self, context: &mut Context, settings: Settings) {
        let kept = self.queue.set(&mut context.store, settings, now());
        context.stored(kept);
        self.share_rules(context);
    }

    /// The queue is what changes the rules; the other parts read them in the context.
    fn share_rules(&self, context: &mut Context) {
        context.settings = self.queue.settings().clone();
        context.incognito = self.queue.incognito().clone();
    }

    /// When there is something to be done.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.queue.next_wake()
    }

    /// P11: how long it is to the moment at which receipts leave.
    pub fn until_moment(&mut self) -> Duration {
        let now = now();
        self.queue.arrives(Came::Now, now).moment() - now
    }

    /// P11: tells the actor something at the moment at which receipts leave, and not at that of a
    /// waking.
    pub fn at_moment(&mut self, context: &Context, input: impl Into<Input>) {
        let (wait, inputs, input) = (self.until_moment(), context.inputs.clone(), input.into());
        tasks::spawn(async move {
            tokio::time::sleep(wait).await;
            let _ = inputs.send(input);
        });
    }

    // ── what came ──

    /// Begins to look at events of a room that came together.
    pub fn begin(&mut self, came: Came) -> Considering {
        Considering {
            arrival: self.queue.arrives(came, now()),
            considered: Vec::new(),
            senders: HashMap::new(),
            member_missing: None,
        }
    }

    /// Looks at one event of those that came; it may have been considered before.
    pub async fn consider(
        &mut self,
        context: &mut Context,
        considering: &mut Considering,
        (room, room_facts): (&Room, &RoomFacts),
        facts: EventFacts,
    ) {
        let is_own = context.is_own(&facts.sender);
        if is_own && !context.is_for_own_devices(&facts) {
            return;
        }
        let is_open = self.queue.is_open(&context.store, &room_facts.room_id, &facts);
        if context.stored(is_open) != Some(true) {
            return;
        }
        let sender = if is_own {
            Some(AS_SENDER)
        } else if !self.queue.rests_on_sender(room_facts, &facts, considering.arrival) {
            Some(SenderFacts::WELCOME)
        } else if let Some(sender) = considering.senders.get(&facts.sender) {
            *sender
        } else {
            let sender = self.sender_facts(context, room, &facts.sender).await;
            considering.senders.insert(facts.sender.clone(), sender);
            sender
        };
        match sender {
            Some(sender) => considering.considered.push((facts, sender)),
            None => considering.member_missing = ids::sdk_event(&facts.event_id),
        }
    }

    /// All events that came were looked at: they are decided about together.
    pub fn take_in(&mut self, context: &mut Context, room_facts: &RoomFacts, considering: Considering) -> TakenIn {
        let Considering { arrival, considered, member_missing, senders: _ } = considering;
        tracing::debug!(room = %room_facts.room_id, events = considered.len(), "considered");
        let may_leave_traces = considered.iter().any(|(facts, _)| facts.readable && facts.kind == EventKind::Other);
        let taken = self.queue.take_in(&mut context.store, room_facts, considered, arrival);
        context.stored(taken);
        TakenIn { may_leave_traces, member_missing }
    }

    /// The sender of an event, as they stand to the user; `None` when the members have to be
    /// fetched first.
    async fn sender_facts(&self, context: &Context, room: &Room, user_id: &UserId) -> Option<SenderFacts> {
        // P7: they may write before it is found out that the room is a direct chat.
        let accepted =
            self.accepting.get(&ids::room(room.room_id())) == Some(user_id) && room.active_members_count() == 2;
        let known = accepted || context.stored(context.store.is_known(user_id)).unwrap_or_default();
        match ids::sdk_user(user_id) {
            Some(id) => facts::sender(&context.client, room, &id, known).await,
            // An id of a form that the SDK does not take cannot be a member (P8).
            None => Some(SenderFacts::default()),
        }
    }

    /// What would be done about an event that was never considered, if there is a reason to
    /// withhold its receipt.
    pub async fn would_be(&self, context: &mut Context, room: &Room, event_id: &EventId) -> Option<ReceiptStatus> {
        let facts = event_cache::find_facts(room, event_id).await?;
        let sender = self.sender_facts(context, room, &facts.sender).await?;
        let sender = if context.is_for_own_devices(&facts) { AS_SENDER } else { sender };
        let room_facts = context.room_facts(room).await;
        match policy::decide(&facts, &room_facts, &sender, &context.settings, now()) {
            Decision::Withhold(reason) => Some(reason.status()),
            Decision::Send => None,
        }
    }

    /// A device asks for receipts.
    pub fn on_request(&mut self, context: &mut Context, (user_id, device_id): (&UserId, &DeviceId), request: Request) {
        let Some(expires) = request.holds_until(now()) else { return };
        let request = Request { expires, ..request };
        let kept = self.queue.asked(&mut context.store, (user_id, device_id), &request, now());
        context.stored(kept);
    }

    /// The homeserver can do something else than before.
    pub fn on_routes_changed(&mut self) {
        self.queue.routes_changed(now());
    }

    // ── what leaves ──

    /// The messages that could not be read when they came, nor for a while after that, by room.
    pub fn overdue(&mut self) -> HashMap<RoomId, Vec<Awaited>> {
        let mut overdue: HashMap<RoomId, Vec<Awaited>> = HashMap::new();
        for awaited in self.queue.overdue(now()) {
            overdue.entry(awaited.room_id.clone()).or_default().push(awaited);
        }
        overdue
    }

    /// The batches whose time has come.
    pub fn due(&mut self) -> Vec<Batch> {
        self.queue.due(now())
    }

    /// Sends a batch whose time has come, after deciding about each entry once more. Returns its
    /// room when the members have to be fetched first.
    pub async fn answer(&mut self, context: &mut Context, batch: Batch) -> Option<Room> {
        // P8: of a room that was left nothing else is known, such as when it was joined.
        let joined = ids::find_room(&context.client, &batch.room_id).filter(|room| room.state() == RoomState::Joined);
        let Some(room) = joined else {
            let kept = self.queue.withhold(&mut context.store, &batch.owed, Reason::Left, now());
            context.stored(kept);
            return None;
        };
        let is_own = context.is_own(&batch.sender);
        let sender = if is_own { Some(AS_SENDER) } else { self.sender_facts(context, &room, &batch.sender).await };
        let Some(sender) = sender else {
            // Nothing leaves before it is known who the sender is (P8).
            self.queue.failed(batch, None, now());
            return Some(room);
        };
        let room_facts = context.room_facts(&room).await;
        let mut redacted = HashSet::new();
        for owed in &batch.owed {
            if event_cache::find_facts(&room, &owed.event_id).await.is_some_and(|facts| facts.redacted) {
                redacted.insert(owed.event_id.clone());
            }
        }
        let released = self.queue.release(&mut context.store, batch, &room_facts, sender, &redacted, now());
        if let Some(batch) = context.stored(released).flatten() {
            self.send(context, batch, sender);
        }
        None
    }

    /// Sends a batch by the route there is.
    pub fn send(&mut self, context: &mut Context, batch: Batch, sender: SenderFacts) {
        let server = if context.is_own(&batch.sender) {
            (Some(NO_SERVER), true)
        } else {
            (context.server.can_do(), is_on_own_server(context, &batch.sender))
        };
        tracing::debug!(to = %batch.sender, receipts = batch.owed.len(), state = ?batch.state, "a batch is due");
        let dispatch = self.queue.dispatch(&mut context.store, batch, sender, server, now());
        match context.stored(dispatch).flatten() {
            Some(Dispatch::Native { batch, name_device }) => self.post(context, batch, name_device),
            Some(Dispatch::Direct { batch, devices }) => send_direct(context, batch, devices),
            None => {}
        }
    }

    fn on_sent_direct(&mut self, context: &mut Context, batch: Batch, outcome: &Result<(), NotSent>) {
        tracing::debug!(to = %batch.sender, receipts = batch.owed.len(), sent = outcome.is_ok(), "answered");
        match outcome {
            Ok(()) => {
                let kept = self.queue.sent(&mut context.store, &batch.owed, Route::Direct, now());
                context.stored(kept);
            }
            Err(NotSent { retry_after }) => self.queue.failed(batch, *retry_after, now()),
        }
    }
}

/// Whether somebody's homeserver is this user's.
fn is_on_own_server(context: &Context, user_id: &UserId) -> bool {
    let theirs = ids::sdk_user(user_id);
    context.client.user_id().zip(theirs).is_some_and(|(own, theirs)| own.server_name() == theirs.server_name())
}

/// Sends a batch to these devices, beside the actor.
fn send_direct(context: &Context, batch: Batch, devices: Vec<DeviceId>) {
    let answer = batch.answer(now());
    let (client, inputs) = (context.client.clone(), context.inputs.clone());
    tasks::spawn(async move {
        let outcome = match ids::sdk_user(&batch.sender) {
            Some(user) => direct::send_answer_within(DECISION_HOLDS, &client, &user, &devices, &answer).await,
            None => Err(NotSent { retry_after: None }),
        };
        let _ = inputs.send(OutgoingInput::SentDirect(batch, outcome).into());
    });
}

/// An event whose key is awaited, as it is now; as far as it is known here when it is not in the
/// cache.
pub(super) async fn as_it_is_now(room: &Room, awaited: Awaited) -> EventFacts {
    event_cache::find_facts(room, &awaited.event_id).await.unwrap_or(EventFacts {
        event_id: awaited.event_id,
        sender: awaited.sender,
        device_id: None,
        sent: awaited.sent,
        kind: EventKind::Message,
        readable: false,
        redacted: false,
    })
}

#[cfg(test)]
mod tests;
