//! Delivery receipts at work: the pure rules of [`crate::delivery`] between the SDK and the disk.
//!
//! One actor owns everything, so there is one order of things and no lock. What comes in: events of a sync, events that
//! a backfill found, keys that came late, receipts, to-device messages of ours, settings, and the clock. What goes out: receipts,
//! requests, and `Event::Deliveries`. Whatever takes the network is a task beside it that reports back.
//!
//! - [`handle`]: what the rest of `matrix` tells the actor.
//! - [`outgoing`]: somebody else's event → [`observe`] → `receipt_queue`, which decides, owes on disk, and decides again → sent.
//! - [`attention`]: what else a room is shown.
//! - [`asking`]: others' devices are asked for receipts, before a message and when they are new.
//! - [`claims`]: an own event → who was given the key, snapshot on disk → answers → `ledger` → the ticks.
//! - [`membership_check`]: who claims something about it may not be in the room.
//! - [`bridges`]: a bridge's event → the ledger → the ticks.
//! - [`own_devices`]: the same for this user's own other devices; [`undelivered`]: what not every device has.
//! - [`given`]: who was given the key of an own event.
//! - [`gone`]: devices that are waited for and are not there any more.
//! - [`pages`]: who has a message to thousands, and who does not.
//! - [`native`], [`direct`]: the two routes that receipts travel by, there and back.
//! - [`traces`]: what others were told to be unreadable, and was no message.
//! - [`eligibility`]: how the people of a room stand to the user, for whoever looks.
//! - [`backfill`]: what a sync left out is fetched, so that it is owed too.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use matrix_sdk::{
    Client,
    deserialized_responses::TimelineEvent,
    ruma::{OwnedEventId, OwnedRoomId, OwnedUserId},
    sync::RoomUpdates,
};
use tokio::{
    sync::{
        OwnedSemaphorePermit, Semaphore,
        broadcast::{
            Receiver,
            error::{RecvError, TryRecvError},
        },
        mpsc::{UnboundedReceiver, UnboundedSender},
        oneshot,
    },
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use self::backfill::Backfiller;
pub(super) use self::{handle::Receipts, members::fetch as fetch_members};
use super::{disk::Keys, ids};
use crate::{
    app::event::Event,
    clock::now,
    delivery::{
        ledger::{Held, OwnEvent, PeerClaim, Refused},
        outbox::Batch,
        policy::{EventFacts, Settings},
        receipt_queue::ReceiptQueue,
        route::{Names, Pace, ServerFacts},
        store::{Incoming, Store, StoreError},
    },
    model::{DeviceId, EventId, Ms, RoomId, SafeText, UserId},
};

mod asking;
mod attention;
mod backfill;
mod bridges;
mod claims;
pub(super) mod direct;
mod eligibility;
mod facts;
mod given;
mod gone;
mod handle;
mod members;
mod membership_check;
pub(super) mod native;
mod observe;
mod outgoing;
mod own_devices;
mod pages;
mod traces;
mod undelivered;
mod watch;

/// How long the actor sleeps at most when nothing is due.
const IDLE: Duration = Duration::from_hours(1);

/// What the actor is told.
enum Input {
    /// A message of ours came by to-device.
    Received(direct::Received),
    /// One came, and is in the inbox; it is to be found out whose device has sent it.
    Incoming(Incoming, OwnedSemaphorePermit),
    /// It was dealt with.
    DealtWithMessage(Incoming),
    /// Claims were not believed before they got here.
    Refused(Refused),
    /// A sync has brought receipts; to be told when they are on disk.
    Receipts(oneshot::Sender<()>),
    /// What the homeserver can do with receipts.
    Server(ServerFacts),
    /// The user takes this person's invite to this room; nobody, when it is found out whether it is a direct chat.
    Taking(RoomId, Option<UserId>),
    /// A backfill, or a second look, has these events of a room.
    Found(OwnedRoomId, Vec<TimelineEvent>),
    /// Keys came late: these events can be read now.
    Late(OwnedRoomId, BTreeSet<OwnedEventId>),
    /// The redecryptor may have missed keys.
    LateUnknown,
    /// The own message that a bridge's status is about is known now.
    Bridged(OwnedRoomId, EventFacts, bridges::Said),
    /// The event about which something is held is in the cache now, or not for a while.
    Appeared(OwnedRoomId, EventId),
    /// The members of this room were fetched, or this user is not in it any more.
    Members(OwnedRoomId),
    /// A backfill has ended.
    Backfilled(OwnedRoomId),
    /// It was found out who was given the key of an own event: others, and own other devices.
    Recipients {
        own: OwnEvent,
        own_devices: OwnEvent,
        /// Of these people a device was given the key, and is gone.
        with_gone: BTreeSet<UserId>,
    },
    /// A batch was sent, or not.
    Answered(Batch, Result<(), direct::NotSent>),
    /// A batch was posted to the homeserver, as far as that took it.
    Posted(native::post::Posted),
    /// These devices of a room were asked for receipts, until then.
    Asked(OwnedRoomId, Result<Vec<(UserId, DeviceId)>, direct::NotSent>, Ms),
    /// These users have new devices.
    NewDevices(Vec<OwnedUserId>),
    /// It is the moment to ask those.
    AskNewDevices(Vec<OwnedUserId>),
    /// Devices are different: of these users, or of somebody.
    DevicesChanged(Vec<OwnedUserId>),
    /// These users have these devices now.
    Devices(gone::Devices),
    /// A former run was killed: what it was told may be lost.
    AskAgain,
    /// Something is about to be sent into this room.
    Sending(RoomId),
    /// This room was opened: its ticks are wanted.
    Opened(RoomId),
    /// What was not answered for a while may have been missed.
    LookAgain,
    /// Which own messages does not every device have? So much was found so far.
    Undelivered(undelivered::Search),
    /// Who has a large message, and who does not?
    Page(pages::Wanted),
    /// The user has dealt with these people (P7).
    Known(Vec<UserId>),
    /// What was done about this event?
    AskStatus(RoomId, EventId),
    /// What is this room shown?
    Attention(RoomId, oneshot::Sender<attention::Attention>),
    /// What was told to others, and what was withheld?
    Log,
    /// Forget that.
    EmptyLog,
    /// How does everybody in this room stand?
    Eligibility(RoomId),
    /// It was looked up who is in a room.
    People(eligibility::People),
    Settings(Settings),
    /// To be told when everything that came is dealt with.
    DealtWith(oneshot::Sender<()>),
    SyncToken(oneshot::Sender<Option<String>>),
    SyncedTo(String),
    Stop(oneshot::Sender<()>),
}

struct Actor {
    client: Client,
    store: Store,
    user_id: UserId,
    device_id: DeviceId,
    logged_in_at: Ms,
    receipt_queue: ReceiptQueue,
    events: UnboundedSender<Event>,
    inputs: UnboundedSender<Input>,
    updates: Receiver<RoomUpdates>,
    backfiller: Backfiller,
    in_hand: Arc<direct::Places>,
    /// The keys that are there.
    keys: Option<Keys>,
    /// What the homeserver can do with receipts; `None` until it has said so.
    server: Option<ServerFacts>,
    /// The names under which it takes them.
    names: Names,
    /// How fast it is sent them.
    pace: Pace,
    held: Held,
    /// What people claim, by room, of whom it is being found out whether they are in it.
    doubted: HashMap<OwnedRoomId, Vec<PeerClaim>>,
    /// What was not believed since the session began; no disk keeps it.
    refused: Refused,
    /// To be told when no own event waits for its expected set.
    undealt: Vec<oneshot::Sender<()>>,
    /// Places for bridges' statuses whose message is not known yet.
    waiting_for_messages: Arc<Semaphore>,
    /// Rooms of which it was found out so who is in them, and when.
    looked_for_members: HashMap<OwnedRoomId, Ms>,
    /// Events that something is held about, and that the event cache does not have yet.
    looking_up: HashSet<EventId>,
    /// Own events whose expected set is being found out.
    freezing: HashSet<EventId>,
    /// It is being looked which devices are gone; and whose are to be looked at after that.
    looking_for_gone: Option<Vec<UserId>>,
    /// Rooms whose people are being asked, and whether that was wanted again meanwhile.
    asking: HashMap<OwnedRoomId, bool>,
    /// Rooms whose people are to be asked, when it is known what the homeserver can do.
    to_ask: HashSet<OwnedRoomId>,
    /// A former run was killed, and what it may have lost was not asked for yet.
    was_killed: bool,
    /// The room whose ticks were wanted last.
    opened: Option<RoomId>,
    /// [`Input::LookAgain`] is under way.
    looking_again: bool,
    /// Rooms that may be direct chats, and whose invite to them the user takes.
    taking: HashMap<RoomId, UserId>,
    /// Rooms being walked, and whether another gap has come meanwhile.
    walking: HashMap<OwnedRoomId, bool>,
    /// The newest event that a sync has brought, by room.
    newest: HashMap<OwnedRoomId, (Ms, OwnedEventId)>,
    tasks: Vec<JoinHandle<()>>,
}

impl Actor {
    fn new(
        client: &Client,
        store: Store,
        logged_in_at: Ms,
        receipt_queue: ReceiptQueue,
        events: UnboundedSender<Event>,
        inputs: UnboundedSender<Input>,
    ) -> Self {
        Self {
            updates: client.subscribe_to_all_room_updates(),
            backfiller: Backfiller::new(inputs.clone()),
            in_hand: Arc::default(),
            keys: None,
            user_id: client.user_id().map_or_else(|| UserId::new(""), ids::user),
            device_id: client.device_id().map_or_else(|| DeviceId::new(""), ids::device),
            client: client.clone(),
            store,
            logged_in_at,
            server: None,
            names: Names::new(receipt_queue.settings().receipt_type),
            pace: Pace::default(),
            receipt_queue,
            events,
            inputs,
            held: Held::default(),
            doubted: HashMap::new(),
            refused: Refused::default(),
            undealt: Vec::new(),
            waiting_for_messages: Arc::new(Semaphore::new(bridges::HELD_MOST)),
            looked_for_members: HashMap::new(),
            looking_up: HashSet::new(),
            freezing: HashSet::new(),
            looking_for_gone: None,
            asking: HashMap::new(),
            to_ask: HashSet::new(),
            was_killed: false,
            opened: None,
            looking_again: false,
            taking: HashMap::new(),
            walking: HashMap::new(),
            newest: HashMap::new(),
            tasks: Vec::new(),
        }
    }

    async fn run(mut self, mut inputs: UnboundedReceiver<Input>) {
        self.resume().await;
        loop {
            let wake =
                self.receipt_queue.next_wake().map_or(IDLE, |at| Duration::from_millis(at.saturating_sub(now())));
            tokio::select! {
                updates = self.updates.recv() => match updates {
                    Ok(updates) => self.synced(updates).await,
                    Err(RecvError::Lagged(_)) => self.backfill_everything().await,
                    Err(RecvError::Closed) => break,
                },
                input = inputs.recv() => match input {
                    Some(Input::Stop(done)) => {
                        let ended = self.store.end_run();
                        self.stored(ended);
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
        let now = now();
        let begun = self.store.begin_as(&self.device_id);
        self.stored(begun);
        let running = self.store.begin_run();
        self.was_killed = self.stored(running).unwrap_or_default();
        let pruned = self.store.prune(now);
        self.stored(pruned);
        let resumed = self.receipt_queue.resume(&mut self.store, now);
        self.stored(resumed);
        self.look_again_for_late_keys().await;
        self.take_up_what_came_early().await;
        self.go_on_with_inbox();
        let backfills = self.store.backfills();
        for room in self.stored(backfills).unwrap_or_default() {
            if let Some(room) = ids::find_room(&self.client, &room) {
                self.backfill(room, None).await;
            }
        }
    }

    async fn handle(&mut self, input: Input) {
        match input {
            Input::Received(received) => self.received(received).await,
            Input::Incoming(incoming, in_hand) => self.prove(incoming, Some(in_hand)),
            Input::DealtWithMessage(incoming) => self.dealt_with(&incoming),
            Input::Refused(refused) => self.refuse(refused),
            Input::Receipts(kept) => {
                self.take_in_what_came().await;
                let _ = kept.send(());
            }
            Input::Server(facts) => self.server_said(facts).await,
            Input::Found(room, events) => {
                if let Some(room) = self.client.get_room(&room) {
                    self.take_in_found(&room, &events).await;
                }
            }
            Input::Late(room, events) => self.readable_now(&room, events).await,
            Input::LateUnknown => self.look_again_for_late_keys().await,
            Input::Bridged(room, message, said) => self.bridged_late(room, message, said).await,
            Input::Appeared(room, event) => {
                if let Some(room) = self.client.get_room(&room) {
                    self.looked_up(&room, &event).await;
                }
            }
            Input::Members(room) => self.members_known(&room).await,
            Input::Backfilled(room) => self.walked(room).await,
            Input::Recipients { own, own_devices, with_gone } => self.on_recipients(own, own_devices, with_gone).await,
            Input::Answered(batch, outcome) => self.answered(batch, &outcome),
            Input::Posted(posted) => self.posted(posted),
            Input::Asked(room, outcome, expires) => self.asked(&room, outcome, expires).await,
            Input::NewDevices(users) => self.at_moment(Input::AskNewDevices(users)),
            Input::AskNewDevices(users) => self.ask_new_devices(&users).await,
            Input::DevicesChanged(users) => self.devices_changed(users.iter().map(|user| ids::user(user))),
            Input::Devices(found) => self.on_devices(found).await,
            Input::AskAgain => self.ask_again().await,
            Input::Sending(room) => {
                if let Some(room) = ids::find_room(&self.client, &room) {
                    self.ask(&room).await;
                }
            }
            Input::Opened(room) => {
                self.tell_room(&room).await;
                self.tell_traces(&room).await;
                if self.opened.replace(room).is_none() {
                    // A former run may have been killed before it had seen who is gone.
                    self.devices_changed([]);
                }
            }
            Input::LookAgain => self.look_again().await,
            Input::Undelivered(search) => self.go_on_searching(search).await,
            Input::Page(wanted) => self.tell_people(wanted).await,
            Input::Known(people) => {
                let kept = self.store.remember_known(&people);
                self.stored(kept);
            }
            Input::Taking(room, Some(from)) => drop(self.taking.insert(room, from)),
            Input::Taking(room, None) => drop(self.taking.remove(&room)),
            Input::AskStatus(room, event) => {
                self.take_in_what_came().await;
                self.tell_status(&room, event).await;
            }
            Input::Attention(room, answer) => self.tell_attention(&room, answer).await,
            Input::Log => {
                self.take_in_what_came().await;
                self.tell_log();
            }
            Input::EmptyLog => {
                let emptied = self.store.empty_log();
                self.stored(emptied);
                self.tell_log();
            }
            Input::Eligibility(room) => self.look_up_people(&room),
            Input::People(people) => self.tell_eligibility(people),
            Input::Settings(settings) => {
                // What came before is decided by the settings of then.
                self.take_in_what_came().await;
                if settings.receipt_type != self.receipt_queue.settings().receipt_type {
                    self.names = Names::new(settings.receipt_type);
                }
                let kept = self.receipt_queue.set(&mut self.store, settings, now());
                self.stored(kept);
            }
            Input::DealtWith(done) => {
                self.take_in_what_came().await;
                self.undealt.retain(|done| !done.is_closed());
                self.undealt.push(done);
                self.tell_dealt_with();
            }
            Input::SyncToken(answer) => {
                let token = self.store.sync_token(&self.device_id);
                let _ = answer.send(self.stored(token).flatten());
            }
            Input::SyncedTo(token) => {
                self.take_in_what_came().await;
                let kept = self.store.set_sync_token(&self.device_id, &token);
                self.stored(kept);
            }
            Input::Stop(_) => {}
        }
    }

    /// Tells the syncs whose events are dealt with: an own one is when it is known who has its key.
    fn tell_dealt_with(&mut self) {
        if self.freezing.is_empty() {
            for done in self.undealt.drain(..) {
                let _ = done.send(());
            }
        }
    }

    /// Deals with the updates of every sync that was told before: they come by a channel of their own.
    async fn take_in_what_came(&mut self) {
        loop {
            match self.updates.try_recv() {
                Ok(updates) => self.synced(updates).await,
                Err(TryRecvError::Lagged(_)) => self.backfill_everything().await,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    /// A sync brought something, or nothing.
    async fn synced(&mut self, updates: RoomUpdates) {
        let is_empty = updates.joined.is_empty();
        for (room_id, update) in updates.joined {
            let Some(room) = self.client.get_room(&room_id) else { continue };
            let events = update.timeline.events;
            self.take_in(&room, &events).await;
            for came in update.ephemeral.iter().filter_map(native::read) {
                self.receipts_came(&ids::room(&room_id), came.receipts).await;
                self.summed_up(&ids::room(&room_id), came.summaries).await;
            }
            let Some(newest) = events.iter().rev().find_map(|event| {
                let facts = observe::facts(event)?;
                Some((facts.sent, ids::sdk_event(&facts.event_id)?))
            }) else {
                continue;
            };
            let gap = update.timeline.limited && self.has_gap(&room, &newest).await;
            self.newest.insert(room_id.clone(), newest.clone());
            if gap {
                self.backfill(room, Some(newest.1)).await;
            } else if !self.walking.contains_key(&room_id) {
                self.complete(&room_id);
            }
        }
        for room_id in updates.left.into_keys() {
            let kept = self.store.set_joined_since(&ids::room(&room_id), None);
            self.stored(kept);
        }
        if !is_empty {
            self.expire();
        }
    }

    /// Says when the disk does not take what must be kept.
    fn stored<T>(&self, outcome: Result<T, StoreError>) -> Option<T> {
        outcome
            .inspect_err(|error| {
                tracing::error!(%error, "the delivery store failed");
                let _ = self.events.send(Event::Failed(SafeText::line(&format!("Receipts cannot be kept: {error}"))));
            })
            .ok()
    }
}
