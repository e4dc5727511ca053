//! What waits to be sent, and is on the server already.
//!
//! A message whose answer is lost is kept by the SDK's send queue (0.18), and sent again: with the
//! same transaction id, which makes it the same message for as long as the server remembers that
//! id. When a sync brings the message itself, with that id in it, the queue does not look; so it
//! goes on trying, and after the server has forgotten, the message is there twice. And one that was
//! answered with an error although it was taken stays 'not sent' for ever.
//!
//! So whatever comes with the transaction id of something that waits, ends it: when a sync brings
//! it, and, since a kill may come in between, before a room's queue is switched on.

use matrix_sdk::{
    Client, Room,
    ruma::{OwnedEventId, OwnedTransactionId, OwnedUserId, events::AnySyncTimelineEvent, serde::Raw},
    store::{QueuedRequest, QueuedRequestKind, SentRequestKey},
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
        if let Err(error) = end_by(&event, &room).await {
            tracing::warn!(%error, room = %room.room_id(), "a message that has arrived stays in the queue");
        }
    });
}

/// Ends what waits in this room and is known to be there.
pub(super) async fn end_what_is_there(room: &Room) -> matrix_sdk::Result<()> {
    let waiting = room.client().state_store().load_send_queue_requests(room.room_id()).await?;
    if waiting.is_empty() {
        return Ok(());
    }
    let (cache, _keep) = room.event_cache().await?;
    let events = cache.events().await?;
    let echoes: Vec<_> = events.iter().filter_map(|event| own(event.raw(), room)).collect();
    end(room, waiting, &echoes).await
}

async fn end_by(event: &Raw<AnySyncTimelineEvent>, room: &Room) -> matrix_sdk::Result<()> {
    let Some(echo) = own(event, room) else { return Ok(()) };
    let waiting = room.client().state_store().load_send_queue_requests(room.room_id()).await?;
    end(room, waiting, &[echo]).await
}

/// The event as an echo of this user's, with the transaction id that only the device gets which has
/// sent it.
fn own(event: &Raw<AnySyncTimelineEvent>, room: &Room) -> Option<Echo> {
    event.deserialize_as_unchecked().ok().filter(|echo: &Echo| echo.sender == *room.own_user_id())
}

async fn end(room: &Room, waiting: Vec<QueuedRequest>, echoes: &[Echo]) -> matrix_sdk::Result<()> {
    let client = room.client();
    let (store, id) = (client.state_store(), room.room_id());
    for request in waiting {
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
