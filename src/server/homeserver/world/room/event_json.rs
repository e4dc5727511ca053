//! An event as it goes out.

use serde_json::{Value, json};

use super::{Event, Room};
use crate::server::homeserver::world::Caller;

impl Event {
    /// The event as this caller is shown it; with the room's id where the answer does not say it
    /// otherwise.
    pub fn to_json(&self, room: &Room, caller: &Caller, with_room: bool) -> Value {
        let mut event = self.bare(room, with_room);
        let mut unsigned = json!({});
        if let Some(former) = self.replaces.as_ref().and_then(|former| room.event(former)) {
            unsigned["prev_content"] = former.content.clone();
            unsigned["replaces_state"] = former.id.as_str().into();
        }
        if let Some((device, transaction)) = &self.transaction
            && self.sender == caller.user_id
            && *device == caller.device_id
        {
            unsigned["transaction_id"] = transaction.as_str().into();
        }
        if let Some(redaction) = self.redacted_because.as_ref().and_then(|redaction| room.event(redaction)) {
            unsigned["redacted_because"] = redaction.bare(room, with_room);
        } else if let Some(thread) = self.thread(room, caller, with_room) {
            unsigned["m.relations"] = json!({ "m.thread": thread });
        }
        if unsigned.as_object().is_some_and(|unsigned| !unsigned.is_empty()) {
            event["unsigned"] = unsigned;
        }
        event
    }

    /// The event without what has come of it. Events inside other events go out like this: a
    /// redaction can itself be redacted, and so on without end.
    fn bare(&self, room: &Room, with_room: bool) -> Value {
        let mut event = json!({
            "type": self.kind,
            "event_id": self.id,
            "sender": self.sender,
            "origin_server_ts": self.sent,
            "content": self.content,
        });
        if let Some(key) = &self.state_key {
            event["state_key"] = key.as_str().into();
        }
        if with_room {
            event["room_id"] = room.id.as_str().into();
        }
        if let Some(redacts) = &self.redacts {
            event["redacts"] = redacts.as_str().into();
        }
        event
    }

    /// The summary of the thread that this event is the root of.
    fn thread(&self, room: &Room, caller: &Caller, with_room: bool) -> Option<Value> {
        let replies: Vec<_> = room.thread(&self.id, &caller.user_id).collect();
        let latest = replies.last()?;
        Some(json!({
            "latest_event": latest.bare(room, with_room),
            "count": replies.len(),
            "current_user_participated": replies.iter().chain([&self]).any(|event| event.sender == caller.user_id),
        }))
    }
}
