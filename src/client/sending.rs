//! When what the user wrote may leave.
//!
//! **Problem.** The SDK's send queue (0.18) sends as soon as it can, by what is known of a room on
//! this machine. After a time offline that is old: the room may be encrypted by now, and what waits
//! would go out in the clear; people may have new devices, which would not get the key, or have
//! deleted one, which would. It happens at the start, after a lost connection, and when a machine
//! wakes up; the first request that goes through may well be the message.
//!
//! **Why this way.** What the SDK's queue is about to send, nobody can hold back but by switching a
//! room's queue off. So all are off, for good, and this module alone switches one on, when the
//! room's state of now is known. What waits is on disk and shown as waiting. What may not be sent
//! at all is refused by the SDK itself ([`room`]), so that it fails in the timeline as any message
//! does, and `r` tries it again.
//!
//! **How.** [`KnownRooms`] says of which rooms the state of now is known. `/sync` tells it of all
//! rooms at once, with its first answer since the connection was there. Sliding sync does not:
//! rooms come in parts, and devices by a connection of their own, of which nobody learns when it
//! has answered. There, each room is asked about before the first message since, or when it is
//! opened. The same is done after a message that could not leave, and when no sync was heard for
//! long, since a connection that is gone can look alive. While the connection is lost, every queue
//! is off.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use matrix_sdk::{
    Client, QueueWedgeError, Room,
    ruma::OwnedRoomId,
    send_queue::{LocalEchoContent, RoomSendQueue},
};
use tokio::sync::{broadcast::error::RecvError, mpsc::UnboundedSender};

use super::{backoff::Backoff, edits, errors, tasks};
use crate::{client::update::Update, clock::now, model::Timestamp};

mod echo;
mod room;
mod size;

pub(super) use size::fits;

/// Pauses before the send queue is tried again after a failure that may pass.
const PAUSE: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(30));
/// A failure after so long is another trouble than the one before.
const TROUBLE: Duration = Duration::from_mins(1);
/// Pauses between attempts to ask about a room.
const ASK_AGAIN: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
/// So often it is looked whether an edit that was given back is out of the queue.
const GIVEN_BACK: u8 = 8;
/// A sync answers twice in that time at least.
const SILENCE: Duration = Duration::from_secs(75);
/// So many may be in a room that is asked about when it is opened, before anything is written.
const ASKED_EARLY: u64 = 100;

/// The gate of all send queues.
#[derive(Clone)]
pub(super) struct Sending(Arc<Inner>);

struct Inner {
    client: Client,
    events: UnboundedSender<Update>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: KnownRooms,
    /// Counts how often `known` was lost: who began to find out something before that has found
    /// nothing.
    round: u64,
    /// The rooms that it is being found out about.
    asking: HashSet<OwnedRoomId>,
    /// The queues that are on.
    open: HashMap<OwnedRoomId, RoomSendQueue>,
    /// When a sync was last heard.
    heard: Timestamp,
    /// The room that the user looks at.
    looked_at: Option<OwnedRoomId>,
}

/// Of which rooms the state of now is known.
#[derive(Default)]
enum KnownRooms {
    /// There is no connection.
    #[default]
    Nothing,
    /// Of those that were asked about.
    Asked(HashSet<OwnedRoomId>),
    /// Of all that a sync has told of.
    All,
}

impl State {
    /// Switches every queue off; what was known is not known any more.
    fn forget(&mut self, known: KnownRooms) {
        self.known = known;
        self.round += 1;
        self.asking.clear();
        for queue in self.open.drain().map(|(_, queue)| queue) {
            queue.set_enabled(false);
        }
    }

    /// Whether it is known of a room; `None` without a connection.
    fn knows(&self, room: &Room) -> Option<bool> {
        match &self.known {
            KnownRooms::Nothing => None,
            KnownRooms::Asked(rooms) => Some(rooms.contains(room.room_id())),
            KnownRooms::All => Some(true),
        }
    }

    /// Whether no sync was heard for longer than one takes: the machine may have slept.
    fn is_silent(&self, now: Timestamp) -> bool {
        !matches!(self.known, KnownRooms::Nothing) && now - self.heard > SILENCE
    }

    fn is_open(&self, room: &Room) -> bool {
        self.open.get(room.room_id()).is_some_and(RoomSendQueue::is_enabled)
    }

    fn open(&mut self, room: &Room) {
        if let KnownRooms::Asked(rooms) = &mut self.known {
            rooms.insert(room.room_id().to_owned());
        }
        let queue = room.send_queue();
        queue.set_enabled(true);
        self.open.insert(room.room_id().to_owned(), queue);
    }
}

impl Sending {
    /// Switches the client's send queues off. To be called before anything else is done with the
    /// client.
    pub async fn start(client: &Client, events: &UnboundedSender<Update>) -> Self {
        client.send_queue().set_enabled(false).await;
        room::watch(client);
        echo::watch(client);
        Self(Arc::new(Inner { client: client.clone(), events: events.clone(), state: Mutex::default() }))
    }

    /// A `/sync` was answered: it has told of everything.
    pub fn in_step(&self) {
        let waited = {
            let mut state = self.state();
            state.heard = now();
            !matches!(std::mem::replace(&mut state.known, KnownRooms::All), KnownRooms::All)
        };
        if waited {
            self.release_waiting();
        }
    }

    /// The server can be reached, and sliding sync was answered.
    pub fn connected(&self) {
        let waited = {
            let mut state = self.state();
            state.heard = now();
            let waited = matches!(state.known, KnownRooms::Nothing);
            if waited {
                state.known = KnownRooms::Asked(HashSet::new());
            }
            waited
        };
        if waited {
            self.release_waiting();
        }
    }

    /// The connection is lost, or the session ends: nothing is sent.
    pub fn lost(&self) {
        self.state().forget(KnownRooms::Nothing);
    }

    /// Something is about to be put into this room's queue, which may be on.
    pub async fn before(&self, room: &Room) {
        {
            let mut state = self.state();
            if state.is_silent(now()) {
                tracing::info!("no sync was heard for long");
                state.forget(KnownRooms::Asked(HashSet::new()));
            }
        }
        if let Err(error) = room::settle(room).await {
            tracing::warn!(%error, "a room's encryption could not be looked at; nothing is sent there for now");
            if let Some(queue) = self.state().open.remove(room.room_id()) {
                queue.set_enabled(false);
            }
        }
    }

    /// Something waits in this room's queue: it goes as soon as it may. Without a connection that
    /// is when there is one.
    pub fn release(&self, room: &Room) {
        if let Some(round) = self.begin(room) {
            let (this, room) = (self.clone(), room.clone());
            tasks::spawn(async move { this.ask(&room, round).await });
        }
    }

    /// The user looks at this room, and may write into it soon.
    pub fn opened(&self, room: &Room) {
        self.state().looked_at = Some(room.room_id().to_owned());
        self.release_early(room);
    }

    fn release_early(&self, room: &Room) {
        if room.joined_members_count() <= ASKED_EARLY {
            self.release(room);
        }
    }

    /// Does the same in all rooms in which something waits, and in the one that the user looks at.
    fn release_waiting(&self) {
        let this = self.clone();
        tasks::spawn(async move {
            let client = &this.0.client;
            let looked_at = this.state().looked_at.clone();
            if let Some(room) = looked_at.and_then(|room| client.get_room(&room)) {
                this.release_early(&room);
            }
            let waiting = client.state_store().load_rooms_with_unsent_requests().await;
            let waiting = waiting.inspect_err(|error| tracing::warn!(%error, "what waits is not known"));
            for room in waiting.unwrap_or_default().iter().filter_map(|room| client.get_room(room)) {
                this.release(&room);
            }
        });
    }

    /// What is known of the rooms may be old.
    fn doubt(&self) {
        let mut state = self.state();
        if !matches!(state.known, KnownRooms::Nothing) {
            state.forget(KnownRooms::Asked(HashSet::new()));
        }
    }

    /// The round in which the room is to be opened, unless it is open or somebody is about to.
    fn begin(&self, room: &Room) -> Option<u64> {
        let mut state = self.state();
        if state.knows(room)? && state.is_open(room) && !room.encryption_state().is_unknown() {
            return None;
        }
        let first = state.asking.insert(room.room_id().to_owned());
        first.then_some(state.round)
    }

    /// Finds out what must be known and switches the room's queue on, unless the round is over
    /// first.
    async fn ask(&self, room: &Room, round: u64) {
        let mut pause = ASK_AGAIN;
        loop {
            let told_by_sync = {
                let state = self.state();
                if state.round != round {
                    return;
                }
                state.knows(room).unwrap_or_default()
            };
            match self.make_sure(room, told_by_sync).await {
                Ok(()) => break,
                Err(error) => tracing::info!(%error, room = %room.room_id(), "a room's state is not known yet"),
            }
            tokio::time::sleep(pause.next_delay()).await;
        }
        let mut state = self.state();
        if state.round == round {
            state.asking.remove(room.room_id());
            state.open(room);
        }
    }

    /// Also of what waits: what is there already is not sent, and an edit that would be seen by
    /// nobody is given back.
    async fn make_sure(&self, room: &Room, told_by_sync: bool) -> matrix_sdk::Result<()> {
        echo::end_what_is_there(room).await?;
        let mut pause = ASK_AGAIN;
        for _ in 0..GIVEN_BACK {
            if !edits::give_back_removed(room, &self.0.events).await? {
                break;
            }
            tokio::time::sleep(pause.next_delay()).await;
        }
        room::make_sure(room, told_by_sync).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up what a former run did not send.
    pub async fn go_on(&self, events: &UnboundedSender<Update>) {
        // Without an answer, or after a server's failure, a message waits by itself: where that
        // stands for a refusal, it was said of the tokens, and a kill came before that was seen.
        let reasons = ["error sending request", "the server returned an error: [5"];
        self.unwedge(|msg| msg.contains("M_UNKNOWN_TOKEN") || reasons.iter().any(|reason| msg.starts_with(reason)))
            .await;
        edits::give_back(&self.0.client, events).await;
    }

    /// Lets those wait that were refused only because of the session: that is no failure of their
    /// own.
    async fn unwedge(&self, is_of_session: impl Fn(&str) -> bool) {
        let queued = self.0.client.send_queue().local_echoes().await.unwrap_or_default();
        for echo in queued.into_values().flatten() {
            if let LocalEchoContent::Event {
                send_handle,
                send_error: Some(QueueWedgeError::GenericApiError { msg }),
                ..
            } = echo.content
                && is_of_session(&msg)
                && let Err(error) = send_handle.unwedge().await
            {
                tracing::warn!(%error, "a message stays unsent that only the session held up");
            }
        }
    }

    /// The SDK stops a room's send queue at every failure. A message that was refused stays behind,
    /// and the next ones go on at once; after a failure that may pass, or that is the session's,
    /// the same message is tried again after a pause.
    pub async fn keep_on(self, events: UnboundedSender<Update>) {
        let client = &self.0.client;
        let mut errors = client.send_queue().subscribe_errors();
        let mut pause = PAUSE;
        let mut last = Instant::now();
        loop {
            let error = errors.recv().await;
            if last.elapsed() > TROUBLE {
                pause.reset();
            }
            match error {
                Ok(error) if error.is_recoverable || errors::is_of_session(&error.error) => {
                    tracing::info!("sending failed and is tried again");
                    if !error.is_recoverable {
                        // The queue calls it refused, and keeps it so on disk.
                        let why = error.error.to_string();
                        self.unwedge(|msg| *msg == why).await;
                    }
                    // The server has not answered: the way to it may have been gone for long.
                    if error.error.client_api_error_kind().is_none() {
                        self.doubt();
                    }
                    tokio::time::sleep(pause.next_delay()).await;
                }
                Ok(error) => {
                    edits::give_back(client, &events).await;
                    pause.reset();
                    if let Some(room) = client.get_room(&error.room_id) {
                        self.release(&room);
                    }
                }
                Err(RecvError::Lagged(_)) => {
                    edits::give_back(client, &events).await;
                    pause.reset();
                }
                Err(RecvError::Closed) => return,
            }
            self.release_waiting();
            last = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_says_nothing_for_long_is_doubted() {
        let heard = |known| State { known, heard: Timestamp::from_millis(1_000_000), ..State::default() };
        for known in [|| KnownRooms::All, || KnownRooms::Asked(HashSet::new())] {
            assert!(!heard(known()).is_silent(Timestamp::from_millis(1_000_000) + SILENCE));
            assert!(heard(known()).is_silent(Timestamp::from_millis(1_000_001) + SILENCE));
            assert!(!heard(known()).is_silent(Timestamp::EPOCH), "a clock that goes back says nothing");
        }
        assert!(!heard(KnownRooms::Nothing).is_silent(Timestamp::from_millis(2_000_000)), "there is nothing to doubt");
    }
}
