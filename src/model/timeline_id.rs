//! Which timeline: of which room, and what of it.

use super::{EventId, RoomId};

/// Names a timeline, in the client and on the screen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimelineId {
    /// The room.
    pub room_id: RoomId,
    /// What of it.
    pub focus: TimelineFocus,
}

/// What of a room a timeline shows, as matrix-sdk-ui tells them apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimelineFocus {
    /// Its newest messages.
    Live,
    /// The thread that began with this message.
    Thread(EventId),
    /// What was said around this message.
    Around(EventId),
    /// Its pinned messages.
    Pinned,
}

impl TimelineId {
    /// The newest messages of a room.
    pub fn live(room_id: RoomId) -> Self {
        Self { room_id, focus: TimelineFocus::Live }
    }
}
