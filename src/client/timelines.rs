//! The timelines of a session that are open or being opened.
//!
//! Opening one reads from the disk, and asks the homeserver what was around a message. Both may
//! take long, and nothing else waits for it: whatever is wanted of a timeline waits until that one
//! is open, beside everything else.

use std::{collections::HashMap, sync::Arc};

use futures_util::{
    FutureExt, TryFutureExt,
    future::{AbortHandle, BoxFuture, Shared, abortable},
};
use matrix_sdk::Room;
use tokio::sync::mpsc::UnboundedSender;

use super::{receipts::Receipts, reply::Failure, tasks, timeline::TimelineHandle, update::Update, vouched::Nothings};
use crate::model::{RoomId, TimelineId};

/// The timelines of a session.
pub(super) struct Timelines {
    open: HashMap<TimelineId, Opening>,
    /// Those that were closed: what was told of one is over when this is done.
    closed: HashMap<TimelineId, Shared<BoxFuture<'static, ()>>>,
    receipts: Receipts,
    nothings: Arc<Nothings>,
    updates: UnboundedSender<Update>,
}

/// A timeline that is being opened, until it is open.
struct Opening {
    opened: Shared<BoxFuture<'static, Result<Arc<TimelineHandle>, Failure>>>,
    give_up: AbortHandle,
}

impl Timelines {
    pub fn new(receipts: Receipts, nothings: Arc<Nothings>, updates: UnboundedSender<Update>) -> Self {
        Self { open: HashMap::new(), closed: HashMap::new(), receipts, nothings, updates }
    }

    /// A timeline, as soon as it is open. What is asked of one that is closed meanwhile is not
    /// wanted any more.
    pub fn get(&self, id: &TimelineId) -> impl Future<Output = Result<Arc<TimelineHandle>, Failure>> + Send + use<> {
        let opened = self.open.get(id).map(|opening| opening.opened.clone());
        async move { opened.ok_or_else(Failure::cancelled)?.await }
    }

    /// Opens a timeline when `first` is done; one that is open is made anew. Returns when it is
    /// open.
    pub fn open(
        &mut self,
        room: &Room,
        id: TimelineId,
        first: BoxFuture<'static, ()>,
    ) -> impl Future<Output = Result<(), Failure>> + Send + use<> {
        self.end(&id);
        let former = self.closed.remove(&id);
        let (room, timeline_id) = (room.clone(), id.clone());
        let (nothings, updates, receipts) = (self.nothings.clone(), self.updates.clone(), self.receipts.clone());
        let (open, give_up) = abortable(async move {
            if let Some(former) = former {
                former.await;
            }
            first.await;
            let open = TimelineHandle::open(&room, timeline_id.clone(), nothings, updates).await;
            let open = open.map_err(|error| error.failure())?;
            // Ticks are told of messages that are there.
            receipts.opened(timeline_id.room_id);
            Ok(Arc::new(open))
        });
        let opened = open.unwrap_or_else(|_aborted| Err(Failure::cancelled())).boxed().shared();
        // It goes on also while nobody waits for it.
        tasks::spawn(opened.clone());
        self.open.insert(id, Opening { opened: opened.clone(), give_up });
        async move { opened.await.map(|_open| ()) }
    }

    /// Closes a timeline.
    pub fn close(&mut self, id: &TimelineId) {
        if self.end(id) && self.of_room(&id.room_id).next().is_none() {
            self.receipts.closed(id.room_id.clone());
        }
    }

    /// Those of this room.
    pub fn of_room(&self, room_id: &RoomId) -> impl Iterator<Item = &TimelineId> {
        self.open.keys().filter(move |id| id.room_id == *room_id)
    }

    /// Nothing is told of a timeline any more. Returns whether it was open or being opened.
    fn end(&mut self, id: &TimelineId) -> bool {
        let Some(Opening { opened, give_up }) = self.open.remove(id) else { return false };
        give_up.abort();
        let receipts = self.receipts.clone();
        let end = async move {
            if let Ok(open) = opened.await {
                open.stop();
                tasks::spawn(async move { open.close(&receipts).await });
            }
        };
        let end = end.boxed().shared();
        tasks::spawn(end.clone());
        self.closed.insert(id.clone(), end);
        true
    }
}
