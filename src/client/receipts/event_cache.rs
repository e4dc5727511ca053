//! The SDK's event cache, as far as the receipts ask it: it works beside the actor, and lags behind
//! the sync.

use matrix_sdk::{Room, deserialized_responses::TimelineEvent, event_cache::RoomEventCache};
use tokio::sync::broadcast::error::RecvError;

use super::observe;
use crate::{
    client::{cached, ids},
    delivery::policy::EventFacts,
    model::EventId,
};

/// An event as it is in the cache now.
pub(super) async fn find(room: &Room, event_id: &EventId) -> Option<TimelineEvent> {
    cached::event(room, &ids::sdk_event(event_id)?).await
}

/// The facts about an event as it is in the cache now.
pub(super) async fn find_facts(room: &Room, event_id: &EventId) -> Option<EventFacts> {
    let event = find(room, event_id).await?;
    observe::facts_in(room, &event).await
}

/// The facts about an event, once the cache has it from the server and not from the send queue.
pub(super) async fn find_from_server(room: &Room, event_id: &EventId) -> Option<EventFacts> {
    let event = find(room, event_id).await?;
    observe::facts_in(room, &event).await.filter(|_| !observe::is_ahead_of_the_server(&event))
}

/// Looks into a room's cache each time something has changed there, until what is looked for is
/// found. Nothing is found when the session has ended.
pub(super) async fn until_found<T, Look>(
    room: &Room,
    cache: &RoomEventCache,
    look: impl Fn(RoomEventCache) -> Look,
) -> matrix_sdk::event_cache::Result<Option<T>>
where
    Look: Future<Output = matrix_sdk::event_cache::Result<Option<T>>>,
{
    let client = room.client();
    let mut updates = client.event_cache().subscribe_to_room_generic_updates();
    loop {
        if let Some(found) = look(cache.clone()).await? {
            return Ok(Some(found));
        }
        if matches!(updates.recv().await, Err(RecvError::Closed)) {
            return Ok(None);
        }
    }
}
