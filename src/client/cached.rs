//! Events that are here: in the SDK's event cache, or on disk behind it.

use matrix_sdk::{Room, deserialized_responses::TimelineEvent, ruma::EventId};

/// An event of a room as it is in the cache now.
pub(super) async fn event(room: &Room, event_id: &EventId) -> Option<TimelineEvent> {
    let (cache, _keep) = room.event_cache().await.ok()?;
    cache.find_event(event_id).await.ok()?
}
