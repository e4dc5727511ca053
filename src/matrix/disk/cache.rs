//! The timelines of rooms.
//!
//! The SQLite store passes over an event without a type, which somebody has encrypted so, and counts the events after it by
//! places that are off by one from then on: what is moved or removed later is another one, and what comes back cannot be
//! stored a second time. So here such an event is given a type that nobody shows.

use matrix_sdk::{
    SqliteEventCacheStore,
    ruma::{EventId, OwnedEventId, RoomId, events::relation::RelationType, serde::Raw},
};
use matrix_sdk_base::{
    cross_process_lock::CrossProcessLockGeneration,
    event_cache::{Event, Gap, store::EventCacheStore},
    linked_chunk::{
        ChunkIdentifier, ChunkIdentifierGenerator, ChunkMetadata, LinkedChunkId, Position, RawChunk, Update,
    },
};

use serde_json::{Map, Value};

use super::stores::hand_on;

hand_on!(EventCacheStore for SqliteEventCacheStore {
    try_take_leased_lock(lease_duration_ms: u32, key: &str, holder: &str) -> Option<CrossProcessLockGeneration>;
    remove_room(room_id: &RoomId) -> ();
    load_all_chunks(linked_chunk_id: LinkedChunkId<'_>) -> Vec<RawChunk<Event, Gap>>;
    load_all_chunks_metadata(linked_chunk_id: LinkedChunkId<'_>) -> Vec<ChunkMetadata>;
    load_last_chunk(
        linked_chunk_id: LinkedChunkId<'_>
    ) -> (Option<RawChunk<Event, Gap>>, ChunkIdentifierGenerator);
    load_previous_chunk(
        linked_chunk_id: LinkedChunkId<'_>, before_chunk_identifier: ChunkIdentifier
    ) -> Option<RawChunk<Event, Gap>>;
    clear_all_linked_chunks() -> ();
    filter_duplicated_events(
        linked_chunk_id: LinkedChunkId<'_>, events: Vec<OwnedEventId>
    ) -> Vec<(OwnedEventId, Position)>;
    find_event(room_id: &RoomId, event_id: &EventId) -> Option<Event>;
    find_event_relations(
        room_id: &RoomId, event_id: &EventId, filter: Option<&[RelationType]>
    ) -> Vec<(Event, Option<Position>)>;
    get_room_events(room_id: &RoomId, event_type: Option<&str>, session_id: Option<&str>) -> Vec<Event>;
    save_event(room_id: &RoomId, event: Event) -> ();
    close() -> ();
    reopen() -> ();
    optimize() -> ();
    get_size() -> Option<usize>;
} and by hand {
    async fn handle_linked_chunk_updates(
        &self,
        linked_chunk_id: LinkedChunkId<'_>,
        mut updates: Vec<Update<Event, Gap>>,
    ) -> Result<(), Self::Error> {
        for update in &mut updates {
            match update {
                Update::PushItems { items, .. } => items.iter_mut().for_each(name_type),
                Update::ReplaceItem { item, .. } => name_type(item),
                _ => {}
            }
        }
        self.until_kept(|| self.inner.handle_linked_chunk_updates(linked_chunk_id, updates.clone())).await
    }
});

/// The type of what has none, on this disk only.
const UNTYPED: &str = "kvitto.untyped";

fn name_type(event: &mut Event) {
    if event.kind.event_type().is_some() {
        return;
    }
    let Ok(mut named) = event.raw().deserialize_as_unchecked::<Map<String, Value>>() else { return };
    named.insert("type".to_owned(), UNTYPED.into());
    named.entry("content").or_insert_with(|| Map::new().into());
    if let Ok(named) = Raw::new(&named) {
        event.replace_raw(named.cast_unchecked());
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::{SqliteStoreConfig, ruma::room_id};
    use matrix_sdk_base::linked_chunk::ChunkContent;
    use serde_json::json;

    use super::*;
    use crate::matrix::disk::{Disk, Steady};

    fn event(id: &str, kind: Option<&str>) -> Event {
        let mut event = json!({ "event_id": id, "sender": "@a:b", "origin_server_ts": 5, "content": {} });
        if let Some(kind) = kind {
            event["type"] = kind.into();
        }
        Event::from_plaintext(Raw::new(&event).unwrap().cast_unchecked())
    }

    #[tokio::test]
    async fn an_event_without_a_type_costs_the_others_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let inner = SqliteEventCacheStore::open_with_config(&SqliteStoreConfig::new(folder.path())).await.unwrap();
        let store = Steady { inner, disk: Disk::new(), file: "cache" };
        let room = LinkedChunkId::Room(room_id!("!r:b"));
        let chunk = ChunkIdentifier::new(0);
        let text = |id| event(id, Some("m.room.message"));
        let push = |index, items| Update::PushItems { at: Position::new(chunk, index), items };
        let updates = vec![
            Update::NewItemsChunk { previous: None, new: chunk, next: None },
            push(0, vec![text("$first"), event("$odd", None), text("$second"), text("$third")]),
        ];
        store.handle_linked_chunk_updates(room, updates).await.unwrap();
        // The second comes again, as it does after a gap.
        let moved = vec![Update::RemoveItem { at: Position::new(chunk, 2) }, push(3, vec![text("$second")])];
        store.handle_linked_chunk_updates(room, moved).await.unwrap();

        let chunks = store.load_all_chunks(room).await.unwrap();
        let ChunkContent::Items(items) = &chunks[0].content else { panic!("no gap was put there") };
        let ids: Vec<_> = items.iter().map(|event| event.event_id().unwrap().to_string()).collect();
        assert_eq!(ids, ["$first", "$odd", "$third", "$second"]);
    }
}
