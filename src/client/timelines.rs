//! The timelines of a session that are open or being opened.
//!
//! Opening one reads from the disk, and asks the homeserver where it is not known whether the room
//! is encrypted. Both may take long, and nothing else waits for it: whatever is wanted of a
//! timeline waits until that one is open, beside everything else.

use std::{collections::HashMap, sync::Arc};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use matrix_sdk::Room;
use tokio::sync::mpsc::UnboundedSender;

use super::{receipts::Receipts, reply::Failure, timeline::TimelineHandle, update::Update, vouched::Nothings};
use crate::model::{RoomId, TimelineId};

/// A timeline, as soon as it is open.
type Opening = Shared<BoxFuture<'static, Result<Arc<TimelineHandle>, Failure>>>;

/// The timelines of a session.
pub(super) struct Timelines {
    opened: HashMap<TimelineId, Opening>,
    receipts: Receipts,
    nothings: Arc<Nothings>,
    updates: UnboundedSender<Update>,
}

impl Timelines {
    pub fn new(receipts: Receipts, nothings: Arc<Nothings>, updates: UnboundedSender<Update>) -> Self {
        Self { opened: HashMap::new(), receipts, nothings, updates }
    }

    /// A timeline, as soon as it is open. What is asked of one that was closed meanwhile is not
    /// wanted any more.
    pub fn get(&self, id: &TimelineId) -> impl Future<Output = Result<Arc<TimelineHandle>, Failure>> + Send + use<> {
        let opening = self.opened.get(id).cloned();
        async move { opening.ok_or_else(Failure::cancelled)?.await }
    }

    /// Opens a timeline when `first` is done; one that is open is made anew.
    pub fn open(
        &mut self,
        room: &Room,
        id: TimelineId,
        first: BoxFuture<'static, ()>,
    ) -> impl Future<Output = Result<Arc<TimelineHandle>, Failure>> + Send + use<> {
        let closed = self.opened.remove(&id).map(|former| self.close_opened(former));
        let (room, timeline_id) = (room.clone(), id.clone());
        let (nothings, updates) = (self.nothings.clone(), self.updates.clone());
        let open = async move {
            if let Some(closed) = closed {
                // Nothing of the former one is told after this.
                closed.await;
            }
            first.await;
            let open = TimelineHandle::open(&room, timeline_id, nothings, updates).await;
            open.map(Arc::new).map_err(|error| error.failure())
        };
        let opening = open.boxed().shared();
        // It goes on also while nobody waits for it.
        tokio::spawn(opening.clone());
        self.receipts.opened(id.room_id.clone());
        self.opened.insert(id, opening.clone());
        opening
    }

    /// Closes a timeline, as soon as it is open.
    pub fn close(&mut self, id: &TimelineId) {
        let Some(opening) = self.opened.remove(id) else { return };
        tokio::spawn(self.close_opened(opening));
        if self.of_room(&id.room_id).next().is_none() {
            self.receipts.closed(id.room_id.clone());
        }
    }

    /// Those of this room.
    pub fn of_room(&self, room_id: &RoomId) -> impl Iterator<Item = &TimelineId> {
        self.opened.keys().filter(move |id| id.room_id == *room_id)
    }

    fn close_opened(&self, opening: Opening) -> impl Future<Output = ()> + Send + use<> {
        let receipts = self.receipts.clone();
        async move {
            if let Ok(open) = opening.await {
                open.stop();
                tokio::spawn(async move { open.close(&receipts).await });
            }
        }
    }
}
