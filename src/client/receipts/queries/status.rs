//! What was done about one event, or would be.

use super::Queries;
use crate::{
    app::event::Event,
    client::{
        ids,
        receipts::{Context, outgoing::Outgoing},
    },
    model::{EventId, ReceiptStatus, RoomId},
};

impl Queries {
    /// Tells the views the status of this event.
    pub async fn tell_status(&self, context: &mut Context, outgoing: &Outgoing, room_id: &RoomId, event_id: EventId) {
        let status = context.store.status(room_id, &event_id);
        let mut status = context.stored(status).flatten().unwrap_or(ReceiptStatus::NotConsidered);
        if status == ReceiptStatus::NotConsidered
            && let Some(room) = ids::find_room(&context.client, room_id)
            && let Some(would_be) = outgoing.would_be(context, &room, &event_id).await
        {
            status = would_be;
        }
        context.tell_view(Event::ReceiptStatus { event_id, status });
    }
}
