//! What belongs together is written together.
//!
//! An event that comes again (an own one, of which the send queue knew first; one behind a gap) is
//! moved to the end of its room: the event cache takes it out, and puts it in again with what came
//! beside it. It does that in two transactions (SDK 0.18), and a program that ends between them has
//! lost the event: it is not in the cache, and no gap says so.
//!
//! So what only takes out waits here for what comes next. A look at the room in between finds it
//! done: what is looked up by id is answered with it in mind, and before anything else it is
//! written.

use std::{collections::HashMap, mem};

use async_trait::async_trait;
use matrix_sdk::ruma::{EventId, OwnedEventId, OwnedRoomId, RoomId, events::relation::RelationType};
use matrix_sdk_base::{
    cross_process_lock::CrossProcessLockGeneration,
    event_cache::{Event, Gap, store::EventCacheStore},
    linked_chunk::{
        ChunkIdentifier, ChunkIdentifierGenerator, ChunkMetadata, LinkedChunkId, Position, RawChunk, Update,
    },
};
use tokio::sync::Mutex;

type Updates = Vec<Update<Event, Gap>>;

/// See the module.
#[derive(Debug)]
pub(super) struct Whole<Store> {
    store: Store,
    taken_out: Mutex<HashMap<OwnedRoomId, Updates>>,
}

impl<Store: EventCacheStore> Whole<Store> {
    pub(super) fn new(store: Store) -> Self {
        Self { store, taken_out: Mutex::default() }
    }

    /// Writes what waits of a room.
    async fn write(&self, room: &RoomId) -> Result<(), Store::Error> {
        let mut taken_out = self.taken_out.lock().await;
        match taken_out.remove(room) {
            Some(updates) => self.store.handle_linked_chunk_updates(LinkedChunkId::Room(room), updates).await,
            None => Ok(()),
        }
    }

    async fn write_of(&self, chunk: LinkedChunkId<'_>) -> Result<(), Store::Error> {
        match chunk {
            LinkedChunkId::Room(room) => self.write(room).await,
            _ => Ok(()),
        }
    }
}

/// Where these events are when the first is taken out of the place that the update says, and so on.
fn without(mut found: Vec<(OwnedEventId, Position)>, updates: &Updates) -> Vec<(OwnedEventId, Position)> {
    for update in updates {
        let Update::RemoveItem { at } = update else { continue };
        found.retain(|(_, position)| position != at);
        for (_, position) in &mut found {
            if position.chunk_identifier() == at.chunk_identifier() && position.index() > at.index() {
                *position = Position::new(at.chunk_identifier(), position.index() - 1);
            }
        }
    }
    found
}

#[async_trait]
impl<Store: EventCacheStore> EventCacheStore for Whole<Store> {
    type Error = Store::Error;

    async fn handle_linked_chunk_updates(
        &self,
        chunk: LinkedChunkId<'_>,
        mut updates: Updates,
    ) -> Result<(), Self::Error> {
        let LinkedChunkId::Room(room) = chunk else {
            return self.store.handle_linked_chunk_updates(chunk, updates).await;
        };
        let mut taken_out = self.taken_out.lock().await;
        let only_takes_out = updates.iter().all(|update| matches!(update, Update::RemoveItem { .. }));
        if only_takes_out {
            taken_out.entry(room.to_owned()).or_default().extend(updates);
            return Ok(());
        }
        if let Some(mut before) = taken_out.remove(room) {
            mem::swap(&mut before, &mut updates);
            updates.extend(before);
        }
        self.store.handle_linked_chunk_updates(chunk, updates).await
    }

    async fn filter_duplicated_events(
        &self,
        chunk: LinkedChunkId<'_>,
        events: Vec<OwnedEventId>,
    ) -> Result<Vec<(OwnedEventId, Position)>, Self::Error> {
        let taken_out = self.taken_out.lock().await;
        let found = self.store.filter_duplicated_events(chunk, events).await?;
        Ok(match chunk {
            LinkedChunkId::Room(room) => taken_out.get(room).map_or(found.clone(), |updates| without(found, updates)),
            _ => found,
        })
    }

    async fn load_all_chunks(&self, chunk: LinkedChunkId<'_>) -> Result<Vec<RawChunk<Event, Gap>>, Self::Error> {
        self.write_of(chunk).await?;
        self.store.load_all_chunks(chunk).await
    }

    async fn load_all_chunks_metadata(&self, chunk: LinkedChunkId<'_>) -> Result<Vec<ChunkMetadata>, Self::Error> {
        self.write_of(chunk).await?;
        self.store.load_all_chunks_metadata(chunk).await
    }

    async fn load_last_chunk(
        &self,
        chunk: LinkedChunkId<'_>,
    ) -> Result<(Option<RawChunk<Event, Gap>>, ChunkIdentifierGenerator), Self::Error> {
        self.write_of(chunk).await?;
        self.store.load_last_chunk(chunk).await
    }

    async fn load_previous_chunk(
        &self,
        chunk: LinkedChunkId<'_>,
        before: ChunkIdentifier,
    ) -> Result<Option<RawChunk<Event, Gap>>, Self::Error> {
        self.write_of(chunk).await?;
        self.store.load_previous_chunk(chunk, before).await
    }

    async fn find_event_relations(
        &self,
        room: &RoomId,
        event: &EventId,
        filter: Option<&[RelationType]>,
    ) -> Result<Vec<(Event, Option<Position>)>, Self::Error> {
        self.write(room).await?;
        self.store.find_event_relations(room, event, filter).await
    }

    async fn remove_room(&self, room: &RoomId) -> Result<(), Self::Error> {
        self.write(room).await?;
        self.store.remove_room(room).await
    }

    async fn clear_all_linked_chunks(&self) -> Result<(), Self::Error> {
        self.taken_out.lock().await.clear();
        self.store.clear_all_linked_chunks().await
    }

    async fn close(&self) -> Result<(), Self::Error> {
        let rooms: Vec<OwnedRoomId> = self.taken_out.lock().await.keys().cloned().collect();
        for room in rooms {
            self.write(&room).await?;
        }
        self.store.close().await
    }

    async fn find_event(&self, room: &RoomId, event: &EventId) -> Result<Option<Event>, Self::Error> {
        self.store.find_event(room, event).await
    }

    async fn get_room_events(
        &self,
        room: &RoomId,
        kind: Option<&str>,
        session: Option<&str>,
    ) -> Result<Vec<Event>, Self::Error> {
        self.store.get_room_events(room, kind, session).await
    }

    async fn save_event(&self, room: &RoomId, event: Event) -> Result<(), Self::Error> {
        self.store.save_event(room, event).await
    }

    async fn try_take_leased_lock(
        &self,
        lease_ms: u32,
        key: &str,
        holder: &str,
    ) -> Result<Option<CrossProcessLockGeneration>, Self::Error> {
        self.store.try_take_leased_lock(lease_ms, key, holder).await
    }

    async fn reopen(&self) -> Result<(), Self::Error> {
        self.store.reopen().await
    }

    async fn optimize(&self) -> Result<(), Self::Error> {
        self.store.optimize().await
    }

    async fn get_size(&self) -> Result<Option<usize>, Self::Error> {
        self.store.get_size().await
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::{
        SqliteEventCacheStore, SqliteStoreConfig,
        ruma::{owned_event_id, room_id, serde::Raw},
    };
    use matrix_sdk_base::linked_chunk::ChunkContent;
    use serde_json::json;

    use super::*;

    fn event(id: &str) -> Event {
        let event = json!({
            "event_id": id, "sender": "@a:b", "origin_server_ts": 5, "type": "m.room.message", "content": {},
        });
        Event::from_plaintext(Raw::new(&event).unwrap().cast_unchecked())
    }

    async fn open(folder: &std::path::Path) -> Whole<SqliteEventCacheStore> {
        Whole::new(SqliteEventCacheStore::open_with_config(&SqliteStoreConfig::new(folder)).await.unwrap())
    }

    async fn ids(store: &impl EventCacheStore) -> Vec<String> {
        let chunks = store.load_all_chunks(LinkedChunkId::Room(room_id!("!r:b"))).await.ok().unwrap();
        let ChunkContent::Items(items) = &chunks[0].content else { panic!("no gap was put there") };
        items.iter().map(|event| event.event_id().unwrap().to_string()).collect()
    }

    #[tokio::test]
    async fn an_event_that_is_moved_is_never_missing_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let (store, disk) = (open(folder.path()).await, open(folder.path()).await);
        let room = LinkedChunkId::Room(room_id!("!r:b"));
        let chunk = ChunkIdentifier::new(0);
        let at = |index| Position::new(chunk, index);
        let begin = vec![
            Update::NewItemsChunk { previous: None, new: chunk, next: None },
            Update::PushItems { at: at(0), items: vec![event("$1"), event("$2"), event("$3")] },
        ];
        store.handle_linked_chunk_updates(room, begin).await.unwrap();

        store.handle_linked_chunk_updates(room, vec![Update::RemoveItem { at: at(0) }]).await.unwrap();
        assert_eq!(ids(&disk.store).await, ["$1", "$2", "$3"], "a kill here costs nothing");
        let all = vec![owned_event_id!("$1"), owned_event_id!("$2"), owned_event_id!("$3")];
        let known = store.filter_duplicated_events(room, all).await.unwrap();
        assert_eq!(known, [(owned_event_id!("$2"), at(0)), (owned_event_id!("$3"), at(1))]);

        let again = vec![Update::PushItems { at: at(2), items: vec![event("$1")] }];
        store.handle_linked_chunk_updates(room, again).await.unwrap();
        assert_eq!(ids(&disk.store).await, ["$2", "$3", "$1"]);

        store.handle_linked_chunk_updates(room, vec![Update::RemoveItem { at: at(1) }]).await.unwrap();
        assert_eq!(ids(&store).await, ["$2", "$1"], "whoever looks finds it done");
    }
}
