//! What was done about one event, or would be.

use crate::{
    client::update::Update,
    client::{
        ids,
        receipts::{Context, outgoing::Outgoing},
    },
    model::{EventId, ReceiptStatus, RoomId},
};

/// Tells the views the status of this event.
pub(in crate::client::receipts) async fn tell(
    context: &mut Context,
    outgoing: &Outgoing,
    room_id: &RoomId,
    event_id: EventId,
) {
    let status = context.store.status(room_id, &event_id);
    let mut status = context.stored(status).flatten().unwrap_or(ReceiptStatus::NotConsidered);
    if status == ReceiptStatus::NotConsidered
        && let Some(room) = ids::find_room(&context.client, room_id)
        && let Some(would_be) = outgoing.would_be(context, &room, &event_id).await
    {
        status = would_be;
    }
    context.tell_view(Update::ReceiptStatus { event_id, status });
}
