//! What a sync has brought, until it is on disk.
//!
//! The SDK keeps the rooms' state itself, and tells two others of the events that came: its event
//! cache, and the actor of the [receipts](super::Receipts). Both work beside the sync, and nobody
//! waits for them. A position that is kept before they are done is a hole after a kill: the server
//! does not send again what the position is past, and nothing in the event cache tells that
//! something is missing.
//!
//! So a position waits. With `/sync` it is kvitto's own
//! ([`Receipts::synced_to`](super::Receipts::synced_to)), and is kept after [`Arrivals::settle`].
//! With sliding sync the SDK keeps it, as soon as all event handlers are done with the events that
//! came ([`Arrivals::hold_back`]).
//!
//! An event that the cache does not take, for whatever reason, must not stop the sync for good, nor
//! leave a hole: its room is cleared from the cache, and comes from the server again when somebody
//! looks at it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use matrix_sdk::{
    Client, Room,
    event_handler::EventHandlerDropGuard,
    ruma::{OwnedEventId, OwnedRoomId, RoomId, events::AnySyncTimelineEvent, serde::Raw},
    sync::RoomUpdates,
};
use matrix_sdk_base::{event_cache::store::EventCacheStoreLockState, linked_chunk::LinkedChunkId};
use tokio::{
    sync::{
        Mutex,
        broadcast::{
            Receiver,
            error::{RecvError, TryRecvError},
        },
    },
    time::timeout,
};

use super::Receipts;
use crate::client::{backoff::Backoff, disk::Disk};

/// How long the event cache may take to have on disk what came into a room.
const KEPT_WITHIN: Duration = Duration::from_secs(10);
/// Pauses between attempts to clear a room.
const PAUSE: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));

/// See the module.
#[derive(Clone)]
pub(super) struct Arrivals {
    /// What syncs have brought since the last look.
    updates: Arc<Mutex<Receiver<RoomUpdates>>>,
    disk: Arc<Disk>,
    receipts: Receipts,
}

impl Arrivals {
    /// Of everything that this client is told from now on.
    pub(super) fn new(client: &Client, disk: &Arc<Disk>, receipts: &Receipts) -> Self {
        let updates = Arc::new(Mutex::new(client.subscribe_to_all_room_updates()));
        Self { updates, disk: disk.clone(), receipts: receipts.clone() }
    }

    /// Lets a sync wait with its position until what came with it is on disk, for as long as the
    /// guard lives.
    pub(super) fn hold_back(&self, client: &Client) -> EventHandlerDropGuard {
        let arrivals = self.clone();
        let handler = client.add_event_handler(move |_: Raw<AnySyncTimelineEvent>, client: Client| {
            let arrivals = arrivals.clone();
            async move { arrivals.settle(&client).await }
        });
        client.event_handler_drop_guard(handler)
    }

    /// Waits until all that came is on disk: in the event cache, and with the receipts. At once
    /// when it is already.
    pub(super) async fn settle(&self, client: &Client) {
        let mut updates = self.updates.lock().await;
        let came = take(&mut updates);
        if came.is_empty() {
            return;
        }
        for (room, events) in came {
            if let Some(room) = client.get_room(&room) {
                keep(&room, &self.disk, events).await;
            }
        }
        self.receipts.dealt_with().await;
    }
}

/// The events of all syncs since the last look, by room.
fn take(updates: &mut Receiver<RoomUpdates>) -> HashMap<OwnedRoomId, Vec<OwnedEventId>> {
    let mut came: HashMap<_, Vec<_>> = HashMap::new();
    loop {
        let update = match updates.try_recv() {
            Ok(update) => update,
            // The event cache, which looks less often, clears everything then.
            Err(TryRecvError::Lagged(_)) => continue,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return came,
        };
        let joined = update.joined.into_iter().map(|(room, update)| (room, update.timeline.events));
        let left = update.left.into_iter().map(|(room, update)| (room, update.timeline.events));
        for (room, events) in joined.chain(left) {
            let events = events.iter().filter_map(matrix_sdk::deserialized_responses::TimelineEvent::event_id);
            came.entry(room).or_default().extend(events);
        }
    }
}

/// Waits until these events of a room are on disk, or the room is cleared from it.
async fn keep(room: &Room, disk: &Disk, events: Vec<OwnedEventId>) {
    let mut pause = PAUSE;
    while !matches!(timeout(KEPT_WITHIN, on_disk(room, &events)).await, Ok(Ok(()))) {
        if disk.trouble().is_some() {
            // What could not be written is being tried again.
            disk.well().await;
            continue;
        }
        tracing::warn!(room = %room.room_id(), "events that came are not on disk; their room is cleared");
        match clear(room).await {
            Ok(()) => return,
            Err(error) => tracing::error!(room = %room.room_id(), %error, "a room cannot be cleared"),
        }
        tokio::time::sleep(pause.next_delay()).await;
    }
}

async fn clear(room: &Room) -> matrix_sdk::event_cache::Result<()> {
    let (cache, _keep) = room.event_cache().await?;
    cache.clear().await
}

/// Waits until these events are on disk.
async fn on_disk(room: &Room, events: &[OwnedEventId]) -> matrix_sdk::Result<()> {
    let client = room.client();
    let mut changes = client.event_cache().subscribe_to_room_generic_updates();
    while !are_on_disk(&client, room.room_id(), events).await? {
        loop {
            match changes.recv().await {
                Ok(change) if change.room_id != room.room_id() => {}
                Ok(_) | Err(RecvError::Lagged(_)) => break,
                // The client ends.
                Err(RecvError::Closed) => return Ok(()),
            }
        }
    }
    Ok(())
}

async fn are_on_disk(client: &Client, room: &RoomId, events: &[OwnedEventId]) -> matrix_sdk::Result<bool> {
    let (EventCacheStoreLockState::Clean(store) | EventCacheStoreLockState::Dirty(store)) =
        client.event_cache_store().lock().await?;
    let known = store.filter_duplicated_events(LinkedChunkId::Room(room), events.to_vec()).await?;
    Ok(events.iter().all(|event| known.iter().any(|(known, _)| known == event)))
}
