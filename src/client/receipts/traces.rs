//! What others were told to be unreadable, and what it was when it could be read (P1): for the timeline, where nothing else
//! is seen of it.

use matrix_sdk::{Room, deserialized_responses::TimelineEvent, ruma::EventId as SdkEventId};

use super::{Actor, ids, observe};
use crate::{
    app::event::Event,
    model::{EventId, RoomId},
};

impl Actor {
    /// Tells the traces in a room.
    pub(super) async fn tell_traces(&self, room_id: &RoomId) {
        let traces = self.store.traces(room_id);
        let mut traces = self.stored(traces).unwrap_or_default();
        if traces.is_empty() {
            return;
        }
        if let Some(room) = ids::find_room(&self.client, room_id) {
            for trace in &mut traces {
                trace.what =
                    find(&room, &trace.event_id).await.map(|event| observe::in_words(&event)).unwrap_or_default();
            }
        }
        let _ = self.events.send(Event::Traces { room_id: room_id.clone(), traces });
    }
}

async fn find(room: &Room, event: &EventId) -> Option<TimelineEvent> {
    let id = SdkEventId::parse(event.as_str()).ok()?;
    let (cache, _keep) = room.event_cache().await.ok()?;
    cache.find_event(&id).await.ok()?
}
