//! The timelines that are open, and which of them is shown.
//!
//! What the client tells about one is for that one; what it tells about a room is for all timelines
//! of the room.

use std::collections::BTreeMap;

use super::timeline::OpenTimeline;
use crate::model::{RoomId, TimelineId};

/// See the module.
#[derive(Debug, Default)]
pub struct Timelines {
    open: BTreeMap<TimelineId, OpenTimeline>,
    shown: Option<TimelineId>,
}

impl Timelines {
    /// The one that is shown.
    pub fn shown(&self) -> Option<&OpenTimeline> {
        self.open.get(self.shown.as_ref()?)
    }

    pub(crate) fn shown_mut(&mut self) -> Option<&mut OpenTimeline> {
        self.open.get_mut(self.shown.as_ref()?)
    }

    /// An open one.
    pub fn get(&self, id: &TimelineId) -> Option<&OpenTimeline> {
        self.open.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &TimelineId) -> Option<&mut OpenTimeline> {
        self.open.get_mut(id)
    }

    /// All that are open.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut OpenTimeline> {
        self.open.values_mut()
    }

    /// All of a room.
    pub(super) fn of_room(&mut self, room_id: &RoomId) -> impl Iterator<Item = &mut OpenTimeline> {
        self.open.values_mut().filter(move |open| open.id.room_id == *room_id)
    }

    /// The names of all of a room.
    pub(super) fn ids_of(&self, room_id: &RoomId) -> impl Iterator<Item = TimelineId> {
        self.open.keys().filter(move |id| id.room_id == *room_id).cloned()
    }

    /// Opens one, beside those that are open.
    pub fn open(&mut self, timeline: OpenTimeline) {
        self.open.insert(timeline.id.clone(), timeline);
    }

    /// Shows one that is open.
    pub(super) fn show(&mut self, id: TimelineId) {
        self.shown = Some(id);
    }

    /// Closes one; the one that is shown leaves nothing in its place.
    pub(super) fn close(&mut self, id: &TimelineId) -> Option<OpenTimeline> {
        self.shown.take_if(|shown| shown == id);
        self.open.remove(id)
    }

    /// Closes all.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
