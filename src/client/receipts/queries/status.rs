//! What was done about one event, or would be.

use crate::{
    client::{
        ids,
        receipts::{Context, context::stored, outgoing::Outgoing},
        reply::{Outcome, Reply},
    },
    model::{EventId, ReceiptStatus, RoomId},
};

/// The status of this event.
pub(in crate::client::receipts) async fn of(
    context: &mut Context,
    outgoing: &Outgoing,
    room_id: &RoomId,
    event_id: EventId,
) -> Outcome {
    let status = stored(context.store.status(room_id, &event_id))?;
    let mut status = status.unwrap_or(ReceiptStatus::NotConsidered);
    if status == ReceiptStatus::NotConsidered
        && let Some(room) = ids::find_room(&context.client, room_id)
        && let Some(would_be) = outgoing.would_be(context, &room, &event_id).await
    {
        status = would_be;
    }
    Ok(Reply::ReceiptStatus { event_id, status })
}
