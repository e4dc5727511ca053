//! The timelines of rooms.
//!
//! The SQLite store passes over an event that it cannot name, and counts the events after it by
//! places that are off by one from then on. So here such an event is given a name that nobody
//! shows: it costs itself only.

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

use super::steady::hand_on;

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
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_named_gets_a_name_and_the_rest_stays_as_it_is() {
        let named = |event: Value| {
            let mut event = Event::from_plaintext(Raw::new(&event).unwrap().cast_unchecked());
            name_type(&mut event);
            event.raw().deserialize_as_unchecked::<Value>().unwrap()
        };
        let text = json!({ "event_id": "$1", "type": "m.room.message", "content": { "body": "hello" } });
        assert_eq!(named(text.clone()), text);
        let odd = json!({ "event_id": "$1", "sender": "@a:b" });
        assert_eq!(named(odd), json!({ "event_id": "$1", "sender": "@a:b", "type": UNTYPED, "content": {} }));
    }
}
