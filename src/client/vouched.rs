//! What only the server can vouch for: state events, redactions, and whatever else is never
//! encrypted.
//!
//! **Problem.** Whoever has a room's key can encrypt anything, also what looks like a state event
//! or a redaction. The server has not seen it, so it has checked nothing: not who may do it, nor
//! that it happened. The SDK (0.18) believes it where it is shown: members come and go in the
//! timeline, and in the event cache, on disk too, the message that is named by a redaction loses
//! its content for good.
//!
//! **Why this way.** Nothing of the SDK can be told to leave such an event out: it is decrypted,
//! cached and carried out in one step. But the event cache writes what came before it carries
//! anything out, and its memory can be made anew from the disk. So the truth is kept on disk.
//!
//! **How.** [`Cache`] stands before the event cache's database. It notes which events are nothing,
//! does not write what they have done to others, and reads them as events of a type that nobody
//! knows ([`NOTHING`]), which nobody shows and nobody acts on. Where one has been carried out in
//! memory, [`mend`] makes the event cache load the room's last part again; the timeline of an open
//! room follows. Until then it is [`is_nothing`] that says what not to believe.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use matrix_sdk::{
    Client, async_trait,
    cross_process_lock::CrossProcessLockGeneration,
    deserialized_responses::TimelineEvent,
    linked_chunk::{
        ChunkContent, ChunkIdentifier, ChunkIdentifierGenerator, ChunkMetadata, LinkedChunkId, Position, RawChunk,
        Update,
    },
    ruma::{EventId, OwnedEventId, OwnedRoomId, RoomId, events::relation::RelationType, serde::Raw},
    sync::{JoinedRoomUpdate, RoomUpdates, Timeline},
};
use matrix_sdk_base::event_cache::{Gap, store::EventCacheStore};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// The type as which an event is read that is nothing.
const NOTHING: &str = "kvitto.nothing";
/// In place of a position in the room's history: the event cache is to load its last part again.
const AGAIN: &str = "kvitto.again";

/// What was inside an encrypted event that cannot be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Redaction,
    Other,
}

#[derive(Deserialize)]
struct Glance {
    #[serde(rename = "type")]
    kind: String,
    state_key: Option<IgnoredAny>,
}

fn inside(event: &TimelineEvent) -> Option<Inside> {
    event.encryption_info()?;
    let Glance { kind, state_key } = event.raw().deserialize_as_unchecked().ok()?;
    if kind == "m.room.redaction" {
        return Some(Inside::Redaction);
    }
    (state_key.is_some() || is_never_encrypted(&kind)).then_some(Inside::Other)
}

/// Of a room's own types all but messages are state or the server's.
fn is_never_encrypted(kind: &str) -> bool {
    match kind.strip_prefix("m.room.") {
        Some(kind) => kind != "message",
        None => {
            matches!(kind, NOTHING | "m.direct" | "m.fully_read" | "m.presence" | "m.receipt" | "m.tag" | "m.typing")
                || kind.starts_with("m.policy.")
                || kind.starts_with("m.space.")
        }
    }
}

/// Whether an event came encrypted and says what only the server can vouch for: then it is nothing.
pub(super) fn is_nothing(event: &TimelineEvent) -> bool {
    inside(event).is_some()
}

/// By which event this one was redacted.
pub(super) fn redaction_of(event: &TimelineEvent) -> Option<OwnedEventId> {
    event.raw().json().get().contains("redacted_because").then_some(())?;
    let unsigned: Value = event.raw().get_field("unsigned").ok().flatten()?;
    EventId::parse(unsigned.pointer("/redacted_because/event_id")?.as_str()?).ok()
}

/// The event as it is read: as it is, or as nothing.
fn read(mut event: TimelineEvent) -> TimelineEvent {
    if is_nothing(&event)
        && let Ok(mut nothing) = event.raw().deserialize_as_unchecked::<Value>()
    {
        if let Some(fields) = nothing.as_object_mut() {
            fields.retain(|name, _| matches!(name.as_str(), "event_id" | "sender" | "origin_server_ts" | "room_id"));
        }
        (nothing["type"], nothing["content"]) = (NOTHING.into(), json!({}));
        if let Ok(nothing) = Raw::new(&nothing) {
            event.replace_raw(nothing.cast_unchecked());
        }
    }
    event
}

/// The events that are nothing, as far as they came since the start.
#[derive(Debug, Default)]
pub struct Nothings {
    seen: Mutex<Seen>,
    spoilt: Notify,
}

#[derive(Debug, Default)]
struct Seen {
    events: HashSet<OwnedEventId>,
    /// Rooms in which one was carried out, and not undone yet.
    spoilt: BTreeSet<OwnedRoomId>,
}

impl Nothings {
    /// Whether this event is one.
    pub(super) fn contains(&self, event: &EventId) -> bool {
        self.seen().events.contains(event)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at an event that is being written.
    fn note(&self, room: &RoomId, event: &TimelineEvent) {
        let (Some(inside), Some(id)) = (inside(event), event.event_id()) else { return };
        tracing::info!(%room, event = %id, "an encrypted event says what only the server can vouch for");
        let mut seen = self.seen();
        seen.events.insert(id);
        if inside == Inside::Redaction {
            seen.spoilt.insert(room.to_owned());
            self.spoilt.notify_one();
        }
    }

    /// Whether this event was redacted by one.
    fn has_spoilt(&self, event: &TimelineEvent) -> bool {
        redaction_of(event).is_some_and(|redaction| self.contains(&redaction))
    }
}

/// Makes the event cache load again what was carried out in its memory, for as long as the session
/// lasts.
pub(super) async fn mend(client: Client, nothings: Arc<Nothings>) {
    loop {
        nothings.spoilt.notified().await;
        let rooms = std::mem::take(&mut nothings.seen().spoilt);
        // The cache deals with one update after the other, so what it is dealing with now is done
        // by then. A gap makes it drop all from its memory but the last part of what is on disk,
        // where the gap itself does not get to.
        let timeline = Timeline { limited: true, prev_batch: Some(AGAIN.to_owned()), events: Vec::new() };
        let update = JoinedRoomUpdate { timeline, ..JoinedRoomUpdate::default() };
        let joined = rooms.into_iter().map(|room| (room, update.clone())).collect();
        let updates = RoomUpdates { joined, ..RoomUpdates::default() };
        if let Err(error) = client.event_cache().handle_room_updates(updates).await {
            tracing::warn!(%error, "what an encrypted event has done is undone at the next start");
        }
    }
}

/// The event cache's database, with nothing in it that such an event has done.
#[derive(Debug)]
pub(super) struct Cache<Store> {
    pub disk: Store,
    pub nothings: Arc<Nothings>,
}

type Chunk = RawChunk<TimelineEvent, Gap>;

fn read_chunk(mut chunk: Chunk) -> Chunk {
    if let ChunkContent::Items(events) = chunk.content {
        chunk.content = ChunkContent::Items(events.into_iter().map(read).collect());
    }
    chunk
}

#[async_trait]
impl<Store: EventCacheStore> EventCacheStore for Cache<Store> {
    type Error = Store::Error;

    async fn handle_linked_chunk_updates(
        &self,
        chunk: LinkedChunkId<'_>,
        mut updates: Vec<Update<TimelineEvent, Gap>>,
    ) -> Result<(), Self::Error> {
        if updates.iter().any(|update| matches!(update, Update::NewGapChunk { gap, .. } if gap.token == AGAIN)) {
            return Ok(());
        }
        let (LinkedChunkId::Room(room)
        | LinkedChunkId::Thread(room, _)
        | LinkedChunkId::PinnedEvents(room)
        | LinkedChunkId::EventFocused(room, _)) = chunk;
        for update in &updates {
            match update {
                Update::PushItems { items, .. } => items.iter().for_each(|event| self.nothings.note(room, event)),
                Update::ReplaceItem { item, .. } => self.nothings.note(room, item),
                _ => {}
            }
        }
        updates.retain(|update| !matches!(update, Update::ReplaceItem { item, .. } if self.nothings.has_spoilt(item)));
        self.disk.handle_linked_chunk_updates(chunk, updates).await
    }

    async fn save_event(&self, room: &RoomId, event: TimelineEvent) -> Result<(), Self::Error> {
        if self.nothings.has_spoilt(&event) {
            return Ok(());
        }
        self.nothings.note(room, &event);
        self.disk.save_event(room, event).await
    }

    async fn load_all_chunks(&self, chunk: LinkedChunkId<'_>) -> Result<Vec<Chunk>, Self::Error> {
        Ok(self.disk.load_all_chunks(chunk).await?.into_iter().map(read_chunk).collect())
    }

    async fn load_last_chunk(
        &self,
        chunk: LinkedChunkId<'_>,
    ) -> Result<(Option<Chunk>, ChunkIdentifierGenerator), Self::Error> {
        let (last, ids) = self.disk.load_last_chunk(chunk).await?;
        Ok((last.map(read_chunk), ids))
    }

    async fn load_previous_chunk(
        &self,
        chunk: LinkedChunkId<'_>,
        before: ChunkIdentifier,
    ) -> Result<Option<Chunk>, Self::Error> {
        Ok(self.disk.load_previous_chunk(chunk, before).await?.map(read_chunk))
    }

    async fn find_event(&self, room: &RoomId, event: &EventId) -> Result<Option<TimelineEvent>, Self::Error> {
        Ok(self.disk.find_event(room, event).await?.map(read))
    }

    async fn find_event_relations(
        &self,
        room: &RoomId,
        event: &EventId,
        filter: Option<&[RelationType]>,
    ) -> Result<Vec<(TimelineEvent, Option<Position>)>, Self::Error> {
        let related = self.disk.find_event_relations(room, event, filter).await?;
        Ok(related.into_iter().map(|(event, position)| (read(event), position)).collect())
    }

    async fn get_room_events(
        &self,
        room: &RoomId,
        kind: Option<&str>,
        session: Option<&str>,
    ) -> Result<Vec<TimelineEvent>, Self::Error> {
        Ok(self.disk.get_room_events(room, kind, session).await?.into_iter().map(read).collect())
    }

    async fn try_take_leased_lock(
        &self,
        lease_ms: u32,
        key: &str,
        holder: &str,
    ) -> Result<Option<CrossProcessLockGeneration>, Self::Error> {
        self.disk.try_take_leased_lock(lease_ms, key, holder).await
    }

    async fn load_all_chunks_metadata(&self, chunk: LinkedChunkId<'_>) -> Result<Vec<ChunkMetadata>, Self::Error> {
        self.disk.load_all_chunks_metadata(chunk).await
    }

    async fn clear_all_linked_chunks(&self) -> Result<(), Self::Error> {
        self.disk.clear_all_linked_chunks().await
    }

    async fn filter_duplicated_events(
        &self,
        chunk: LinkedChunkId<'_>,
        events: Vec<OwnedEventId>,
    ) -> Result<Vec<(OwnedEventId, Position)>, Self::Error> {
        self.disk.filter_duplicated_events(chunk, events).await
    }

    async fn close(&self) -> Result<(), Self::Error> {
        self.disk.close().await
    }

    async fn reopen(&self) -> Result<(), Self::Error> {
        self.disk.reopen().await
    }

    async fn optimize(&self) -> Result<(), Self::Error> {
        self.disk.optimize().await
    }

    async fn get_size(&self) -> Result<Option<usize>, Self::Error> {
        self.disk.get_size().await
    }
}

#[cfg(test)]
mod tests;
