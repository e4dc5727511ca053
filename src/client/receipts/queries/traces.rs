//! What others were told to be unreadable, and what it was when it could be read (P1): for the
//! timeline, where nothing else is seen of it.

use crate::{
    client::update::Update,
    client::{
        ids,
        receipts::{Context, event_cache, observe},
    },
    model::RoomId,
};

/// Tells the traces in a room.
pub(in crate::client::receipts) async fn tell(context: &Context, room_id: &RoomId) {
    let traces = context.store.traces(room_id);
    let mut traces = context.stored(traces).unwrap_or_default();
    if traces.is_empty() {
        return;
    }
    if let Some(room) = ids::find_room(&context.client, room_id) {
        for trace in &mut traces {
            let event = event_cache::find(&room, &trace.event_id).await;
            trace.what = event.map(|event| observe::in_words(&event)).unwrap_or_default();
        }
    }
    context.tell_view(Update::Traces { room_id: room_id.clone(), traces });
}
