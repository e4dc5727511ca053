//! Delivery receipts at work: the pure rules of [`crate::delivery`] between the SDK and the disk.
//!
//! One [`Actor`] owns everything, so there is one order of things and no lock. What comes in:
//! events of a sync, events that a backfill found, keys that came late, receipts, to-device
//! messages of ours, settings, and the clock. What goes out: receipts, requests, and
//! `Update::Deliveries`. Whatever takes the network is a task beside it that reports back.
//!
//! It has four parts, each with its own state and inputs. They do not know each other; what more
//! than one of them needs is in the [`context`], and what concerns several of them is handed from
//! one to the next here and in [`events`].
//!
//! - [`outgoing`]: what this client owes others: an event of somebody else's → `receipt_queue`,
//!   which decides, owes on disk, and decides again → sent.
//! - [`incoming`]: what others tell about own messages: who was given the key → claims → `ledger` →
//!   the ticks. Others are asked for that, too.
//! - [`backfill`]: what a sync left out is fetched, so that it is owed too.
//! - [`queries`]: what views ask. To answer that, this part reads the others.
//!
//! Beside them:
//!
//! - [`handle`]: what the rest of `client` tells the actor; [`watch`], [`server`]: what the SDK and
//!   the homeserver tell it.
//! - [`deliveries`]: what is known about own messages, as the views are told.
//! - [`direct`]: encrypted messages to devices. [`own_devices`]: the rules for the user's own ones.
//! - [`facts`], [`members`], [`observe`], [`event_cache`]: rooms, people and events as the rules
//!   need them, read from the SDK.

use std::{collections::BTreeSet, time::Duration};

use matrix_sdk::{
    deserialized_responses::TimelineEvent,
    ruma::{OwnedEventId, OwnedRoomId, OwnedUserId},
    sync::RoomUpdates,
};
use tokio::{
    sync::{
        broadcast::{
            Receiver,
            error::{RecvError, TryRecvError},
        },
        mpsc::UnboundedReceiver,
        oneshot,
    },
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use self::{
    backfill::Backfill,
    context::Context,
    incoming::{
        Incoming, IncomingInput,
        to_device::{Message, Received},
    },
    outgoing::{Outgoing, OutgoingInput},
    queries::{Queries, Query, attention, eligibility, log, people, status},
};
pub(super) use self::{handle::Receipts, members::fetch as fetch_members};
use crate::{
    client::{request::ReceiptsRequest, responder::Responder},
    clock::now,
    delivery::{policy::Settings, receipt_queue::ReceiptQueue, route::ServerFacts},
};

mod backfill;
mod context;
mod deliveries;
pub(super) mod direct;
mod event_cache;
mod events;
mod facts;
mod handle;
mod incoming;
mod members;
mod observe;
pub(super) mod outgoing;
mod own_devices;
mod queries;
mod server;
mod watch;

/// How long the actor sleeps at most when nothing is due.
const IDLE: Duration = Duration::from_hours(1);

/// The inputs of the actor.
enum Input {
    /// For what is owed to others.
    Outgoing(OutgoingInput),
    /// For what others tell about own messages.
    Incoming(IncomingInput),
    /// A room was backfilled.
    Backfilled(OwnedRoomId),
    /// A view asks something.
    Query(Query),
    /// Events came otherwise than with a sync.
    Events(EventsInput),
    /// How far a sync is.
    Sync(SyncInput),
    /// A delivery message came, and its sender is proven.
    ToDevice(Received),
    /// What the homeserver can do with receipts.
    Server(ServerFacts),
    /// These users have new devices.
    NewDevices(Vec<OwnedUserId>),
    /// Receipts may be lost since a former run was killed.
    Lost,
    /// The settings are these now.
    Settings(Settings),
    /// The session ends; to be told when everything is on disk.
    Stop(oneshot::Sender<()>),
}

/// Events that came otherwise than with a sync.
enum EventsInput {
    /// A backfill has found these events of a room.
    Found(OwnedRoomId, Vec<TimelineEvent>),
    /// Keys came late: these events can be read now.
    Decrypted(OwnedRoomId, BTreeSet<OwnedEventId>),
    /// Keys may have come late: all events whose key is awaited are looked at.
    LookForKeys,
}

/// How far a sync is.
enum SyncInput {
    /// A sync has brought receipts; to be told when they are on disk.
    Receipts(oneshot::Sender<()>),
    /// To be told when everything that syncs have brought is dealt with.
    DealtWith(oneshot::Sender<()>),
    /// Up to where `/sync` has been dealt with?
    Token(oneshot::Sender<Option<String>>),
    /// `/sync` came to here.
    SyncedTo(String),
}

impl From<OutgoingInput> for Input {
    fn from(input: OutgoingInput) -> Self {
        Self::Outgoing(input)
    }
}

impl From<IncomingInput> for Input {
    fn from(input: IncomingInput) -> Self {
        Self::Incoming(input)
    }
}

impl From<Query> for Input {
    fn from(query: Query) -> Self {
        Self::Query(query)
    }
}

impl From<EventsInput> for Input {
    fn from(input: EventsInput) -> Self {
        Self::Events(input)
    }
}

impl From<SyncInput> for Input {
    fn from(input: SyncInput) -> Self {
        Self::Sync(input)
    }
}

struct Actor {
    context: Context,
    outgoing: Outgoing,
    incoming: Incoming,
    backfill: Backfill,
    queries: Queries,
    /// What the syncs bring.
    updates: Receiver<RoomUpdates>,
    /// What listens for this actor, and ends with it.
    tasks: Vec<JoinHandle<()>>,
}

impl Actor {
    fn new(context: Context, receipt_queue: ReceiptQueue, incoming: Incoming) -> Self {
        Self {
            updates: context.client.subscribe_to_all_room_updates(),
            outgoing: Outgoing::new(receipt_queue),
            incoming,
            backfill: Backfill::new(context.inputs.clone()),
            queries: Queries::default(),
            tasks: Vec::new(),
            context,
        }
    }

    async fn run(mut self, mut inputs: UnboundedReceiver<Input>) {
        self.resume().await;
        loop {
            let wake = self.outgoing.next_wake().map_or(IDLE, |at| at - now());
            tokio::select! {
                updates = self.updates.recv() => match updates {
                    Ok(updates) => self.on_synced(updates).await,
                    Err(RecvError::Lagged(_)) => self.backfill.start_everywhere(&mut self.context).await,
                    Err(RecvError::Closed) => break,
                },
                input = inputs.recv() => match input {
                    Some(Input::Stop(done)) => {
                        // What was not asked for is left to the next run.
                        if !self.incoming.has_lost() {
                            let ended = self.context.store.end_run();
                            self.context.stored(ended);
                        }
                        let _ = done.send(());
                        break;
                    }
                    Some(input) => self.handle(input).await,
                    None => break,
                },
                () = sleep_until(Instant::now() + wake.min(IDLE)) => self.do_what_is_due().await,
            }
        }
        for task in self.tasks {
            task.abort();
        }
    }

    /// Takes up what a former run left on disk.
    async fn resume(&mut self) {
        let context = &mut self.context;
        let begun = context.store.begin_as(&context.device_id);
        context.stored(begun);
        let running = context.store.begin_run();
        let was_killed = context.stored(running).unwrap_or_default();
        let pruned = context.store.prune(now());
        context.stored(pruned);
        self.outgoing.resume(context);
        self.look_for_keys().await;
        self.incoming.resume(&mut self.context, was_killed).await;
        self.backfill.resume(&mut self.context).await;
    }

    async fn handle(&mut self, input: Input) {
        match input {
            Input::Outgoing(input) => self.outgoing.handle(&mut self.context, input),
            Input::Incoming(input) => self.incoming.handle(&mut self.context, input).await,
            Input::Backfilled(room_id) => self.backfill.on_ended(&mut self.context, room_id).await,
            Input::Query(query) => self.on_query(query).await,
            Input::Events(input) => self.on_events(input).await,
            Input::Sync(input) => self.on_sync(input).await,
            Input::ToDevice(received) => self.on_to_device(received).await,
            Input::Server(facts) => self.on_server(facts).await,
            Input::NewDevices(users) => self.outgoing.at_moment(&self.context, IncomingInput::AskNewDevices(users)),
            Input::Lost => self.outgoing.at_moment(&self.context, IncomingInput::AskAgain),
            Input::Settings(settings) => self.set_settings(settings).await,
            Input::Stop(_) => {}
        }
    }

    async fn on_query(&mut self, query: Query) {
        match query {
            Query::Opened(room_id) => {
                if self.queries.on_opened(&mut self.context, room_id).await {
                    // A former run may have been killed before it had seen who is gone.
                    self.incoming.on_devices_changed(&self.context, []);
                }
            }
            Query::LookAgain => self.context.look_again().await,
            Query::Closed(room_id) => Queries::on_closed(&mut self.context, &room_id),
            Query::SearchOn => self.queries.search_on(&self.context).await,
            Query::Attention(room_id, answer) => {
                attention::tell(&self.context, &mut self.outgoing, &room_id, answer).await;
            }
            Query::Members(members, responder) => eligibility::tell(&self.context, members, responder),
            Query::Asked(request, responder) => self.on_asked(request, responder).await,
        }
    }

    async fn on_asked(&mut self, request: ReceiptsRequest, responder: Responder) {
        let (context, refused) = (&mut self.context, &self.incoming.refused);
        let outcome = match request {
            ReceiptsRequest::AskEligibility(room_id) => return eligibility::look_up(context, &room_id, responder),
            ReceiptsRequest::AskUndelivered => return self.queries.search(context, responder).await,
            ReceiptsRequest::AskReceiptLog => {
                self.take_in_what_came().await;
                log::read(&self.context, &self.incoming.refused)
            }
            ReceiptsRequest::EmptyReceiptLog => log::empty(context, refused),
            ReceiptsRequest::AskPeople { event_id, filter, after } => {
                people::page(context, event_id, filter, after).await
            }
            ReceiptsRequest::AskReceiptStatus { room_id, event_id } => {
                self.take_in_what_came().await;
                status::of(&mut self.context, &self.outgoing, &room_id, event_id).await
            }
        };
        responder.respond(outcome);
    }

    async fn on_sync(&mut self, input: SyncInput) {
        match input {
            SyncInput::Receipts(kept) => {
                self.take_in_what_came().await;
                let _ = kept.send(());
            }
            SyncInput::DealtWith(done) => {
                self.take_in_what_came().await;
                self.incoming.tell_when_recorded(done);
            }
            SyncInput::Token(answer) => {
                let token = self.context.store.sync_token(&self.context.device_id);
                let _ = answer.send(self.context.stored(token).flatten());
            }
            SyncInput::SyncedTo(token) => {
                self.take_in_what_came().await;
                let kept = self.context.store.set_sync_token(&self.context.device_id, &token);
                self.context.stored(kept);
            }
        }
    }

    /// A delivery message of ours came from another device.
    async fn on_to_device(&mut self, received: Received) {
        let Received { user_id, device_id, message, permit: _until_the_end } = received;
        tracing::debug!(user = %user_id, device = %device_id, kind = message.kind(), "a delivery message came");
        match message {
            Message::Request(request) => {
                self.outgoing.on_request(&mut self.context, (&user_id, &device_id), request);
            }
            Message::Answer(answer) => self.incoming.on_answer(&mut self.context, (user_id, device_id), answer).await,
        }
    }

    /// The homeserver has said what it can do.
    async fn on_server(&mut self, facts: ServerFacts) {
        if !self.context.server.set_facts(facts, self.context.settings.receipt_type) {
            return;
        }
        tracing::info!(?facts, "what the server can do with receipts");
        self.outgoing.on_routes_changed();
        if self.incoming.has_lost() {
            self.outgoing.at_moment(&self.context, IncomingInput::AskAgain);
        }
        self.incoming.on_server(&mut self.context).await;
    }

    async fn set_settings(&mut self, settings: Settings) {
        // What came before is decided by the settings of then.
        self.take_in_what_came().await;
        if settings.receipt_type != self.context.settings.receipt_type {
            self.context.server.set_receipt_type(settings.receipt_type);
        }
        self.outgoing.set_settings(&mut self.context, settings);
    }

    /// Deals with the updates of every sync that was told before: they come by a channel of their
    /// own.
    async fn take_in_what_came(&mut self) {
        loop {
            match self.updates.try_recv() {
                Ok(updates) => self.on_synced(updates).await,
                Err(TryRecvError::Lagged(_)) => self.backfill.start_everywhere(&mut self.context).await,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
