//! What waits to be sent, and is on the server already.
//!
//! A message whose answer is lost is kept by the SDK's send queue (0.18), and sent again: with the same transaction id, which
//! makes it the same message for as long as the server remembers that id. When a sync brings the message itself, with that
//! id in it, the queue does not look; so it goes on trying, and after the server has forgotten, the message is there twice.
//! And one that was answered with an error although it was taken stays 'not sent' for ever.
//!
//! So whatever comes with the transaction id of something that waits, ends it: when a sync brings it, and, since a kill may
//! come in between, before a room's queue is switched on.

use matrix_sdk::{
    Client, Room,
    deserialized_responses::TimelineEvent,
    ruma::{OwnedEventId, OwnedTransactionId, OwnedUserId, events::AnySyncTimelineEvent, serde::Raw},
    store::{QueuedRequestKind, SentRequestKey},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Echo {
    event_id: OwnedEventId,
    sender: OwnedUserId,
    unsigned: Unsigned,
}

#[derive(Deserialize)]
struct Unsigned {
    transaction_id: OwnedTransactionId,
}

/// Ends what waits when a sync brings it, before the sync goes on.
pub(super) fn watch(client: &Client) {
    client.add_event_handler(|event: Raw<AnySyncTimelineEvent>, room: Room| async move {
        if let Err(error) = end(&room, [&event].into_iter()).await {
            tracing::warn!(%error, room = %room.room_id(), "a message that has arrived stays in the queue");
        }
    });
}

/// Ends what waits in this room and is known to be there.
pub(super) async fn end_what_is_there(room: &Room) -> matrix_sdk::Result<()> {
    if room.client().state_store().load_send_queue_requests(room.room_id()).await?.is_empty() {
        return Ok(());
    }
    let (cache, _keep) = room.event_cache().await?;
    let events = cache.events().await?;
    end(room, events.iter().map(TimelineEvent::raw)).await
}

async fn end(room: &Room, events: impl Iterator<Item = &Raw<AnySyncTimelineEvent>> + Send) -> matrix_sdk::Result<()> {
    let own = |echo: &Echo| echo.sender == *room.own_user_id();
    let echoes: Vec<_> = events.filter_map(|event| event.deserialize_as_unchecked().ok()).filter(own).collect();
    if echoes.is_empty() {
        return Ok(());
    }
    let client = room.client();
    let (store, id) = (client.state_store(), room.room_id());
    for request in store.load_send_queue_requests(id).await? {
        let Some(echo) = echoes.iter().find(|echo| echo.unsigned.transaction_id == request.transaction_id) else {
            continue;
        };
        let event_id = echo.event_id.clone();
        let sent = match request.kind {
            QueuedRequestKind::Event { content } => {
                let (event, event_type) = content.into_raw();
                SentRequestKey::Event { event_id, event, event_type }
            }
            QueuedRequestKind::Redaction { redacts, reason } => SentRequestKey::Redaction { event_id, redacts, reason },
            QueuedRequestKind::MediaUpload { .. } => continue,
        };
        // Edits and reactions may wait for it.
        store.mark_dependent_queued_requests_as_ready(id, &request.transaction_id, sent).await?;
        store.remove_send_queue_request(id, &request.transaction_id).await?;
    }
    Ok(())
}
