//! The timelines of rooms.

use matrix_sdk::{
    SqliteEventCacheStore,
    ruma::{EventId, OwnedEventId, RoomId, events::relation::RelationType},
};
use matrix_sdk_base::{
    cross_process_lock::CrossProcessLockGeneration,
    event_cache::{Event, Gap, store::EventCacheStore},
    linked_chunk::{
        ChunkIdentifier, ChunkIdentifierGenerator, ChunkMetadata, LinkedChunkId, Position, RawChunk, Update,
    },
};

use super::stores::hand_on;

hand_on!(EventCacheStore for SqliteEventCacheStore {
    try_take_leased_lock(lease_duration_ms: u32, key: &str, holder: &str) -> Option<CrossProcessLockGeneration>;
    handle_linked_chunk_updates(linked_chunk_id: LinkedChunkId<'_>, updates: Vec<Update<Event, Gap>>) -> ();
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
});
