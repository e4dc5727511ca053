//! The open room: the SDK's timeline in, [`Event::Timeline`] out.
//!
//! **Problem.** The SDK keeps a live list of items that changes when events, edits, reactions, receipts, late keys and
//! local echoes come in. The app must see the same list, without locks and without SDK types.
//!
//! **Why this way.** The list is not copied on every change: each difference is translated and sent, in order, and a
//! batch of the SDK's is one event, so that a page of scrollback is drawn once.
//!
//! **How.** [`OpenTimeline::open`] sends the items that the cache has and starts one task that forwards the rest:
//! differences (`timeline/diff.rs`, `timeline/item.rs`), typing, and the answers' originals and members' names that the
//! cache lacks. Dropping the value ends the task.

mod diff;
mod item;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{Stream, StreamExt, pin_mut};
use matrix_sdk::{
    Room,
    room::Receipts,
    ruma::{OwnedEventId, OwnedUserId, api::client::receipt::create_receipt::v3::ReceiptType},
    send_queue::{RoomSendQueueError, RoomSendQueueStorageError, SendHandle},
};
use matrix_sdk_ui::{
    Timeline,
    eyeball_im::VectorDiff,
    timeline::{DateDividerMode, RoomExt, TimelineItem, TimelineReadReceiptTracking},
};
use tokio::{
    sync::{
        broadcast,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    task::JoinHandle,
    time::timeout,
};

use super::{errors, receipts};
use crate::{
    app::event::Event,
    model::{ItemKey, Pagination, RoomId, SafeText, TimelineChange},
};

/// How many older messages one step of pagination asks for.
const PAGE: u16 = 50;
/// How often a timeline is built at most.
const ATTEMPTS: u8 = 10;
/// How long opening a room may wait for the server.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why something about the open timeline failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The SDK could not build the timeline.
    #[error("The room could not be opened. {}", errors::timeline_sentence(.0))]
    Open(#[from] matrix_sdk_ui::timeline::Error),
    /// There is no such message, or it is not a local one any more.
    #[error("This message is not waiting to be sent any more.")]
    NotWaiting,
    /// The send queue refused.
    #[error("{}", errors::queue_sentence(.0))]
    Queue(#[from] RoomSendQueueError),
    /// The send queue's store refused.
    #[error("{}", errors::storage_sentence(.0))]
    Store(#[from] RoomSendQueueStorageError),
}

/// The timeline of the room that is open, and the task that tells the app about it.
#[derive(Debug)]
pub struct OpenTimeline {
    room: RoomId,
    timeline: Arc<Timeline>,
    events: UnboundedSender<Event>,
    forwarder: JoinHandle<()>,
    /// The newest event that the user has looked at.
    seen: Mutex<Option<OwnedEventId>>,
}

impl OpenTimeline {
    /// Opens the room. What the cache has of it is sent before this returns (one [`TimelineChange::Reset`], without
    /// waiting for the network); changes follow for as long as the value lives.
    pub async fn open(room: &Room, events: UnboundedSender<Event>) -> Result<Self, Error> {
        let timeline = Arc::new(build(room).await?);
        let id = RoomId::new(room.room_id());

        let (items, diffs) = timeline.subscribe().await;
        let (wanted, to_fetch) = unbounded_channel();
        let forward = Forward { room: id.clone(), own: room.own_user_id().to_owned(), events: events.clone(), wanted };
        let len = items.len();
        forward.send(vec![TimelineChange::Reset(items.iter().map(|item| forward.item(item)).collect())]);

        let forwarder = tokio::spawn({
            let (room, timeline, events, id) = (room.clone(), timeline.clone(), events.clone(), id.clone());
            async move {
                tokio::join!(
                    forward.run(len, diffs),
                    fetch_members(&room, &timeline),
                    fetch_answered(&timeline, to_fetch),
                    forward_typing(&room, &id, &events),
                );
            }
        });
        Ok(Self { room: id, timeline, events, forwarder, seen: Mutex::default() })
    }

    /// Which room it is.
    pub fn room_id(&self) -> &RoomId {
        &self.room
    }

    /// Fetches older messages, from the cache as long as it has any, and says so by [`Event::Pagination`]. A failure
    /// is an [`Event::Failed`], after which it may be tried again.
    pub async fn paginate(&self) {
        self.pagination(Pagination::Loading);
        let state = match self.timeline.paginate_backwards(PAGE).await {
            Ok(true) => Pagination::ReachedStart,
            Ok(false) => Pagination::Idle,
            Err(error) => {
                self.failed("Older messages could not be fetched", &errors::timeline_sentence(&error));
                Pagination::Idle
            }
        };
        self.pagination(state);
    }

    /// Tells everyone that the newest message was read (`m.read`), and clears 'marked as unread'. To be called only
    /// when the user looks at it.
    pub async fn mark_read(&self) {
        let newest = self.timeline.latest_event_id().await;
        match self.timeline.mark_as_read(ReceiptType::Read).await {
            Ok(_) => *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = newest,
            Err(error) => self.failed("The read receipt could not be sent", &errors::sentence(&error)),
        }
    }

    /// Closes the room: what the user has looked at becomes the place of the unread line (`m.fully_read`). Dropping
    /// the value instead leaves the line where it was.
    pub async fn close(self) {
        self.forwarder.abort();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(seen) = seen
            && let Err(error) = self.timeline.send_multiple_receipts(Receipts::new().fully_read_marker(seen)).await
        {
            tracing::debug!(%error, "the unread line stays where it was");
        }
    }

    /// Makes a failed message wait again; [`Sending`](super::sending) lets it go.
    pub async fn retry(&self, key: &ItemKey) -> Result<(), Error> {
        let handle = self.send_handle(key).await.ok_or(Error::NotWaiting)?;
        Ok(handle.unwedge().await?)
    }

    /// Throws a waiting or failed message away.
    pub async fn discard(&self, key: &ItemKey) -> Result<(), Error> {
        let handle = self.send_handle(key).await.ok_or(Error::NotWaiting)?;
        if handle.abort().await? { Ok(()) } else { Err(Error::NotWaiting) }
    }

    async fn send_handle(&self, key: &ItemKey) -> Option<SendHandle> {
        let (items, _) = self.timeline.subscribe().await;
        let item = items.iter().rev().find(|item| *item.unique_id().0 == *key.0)?;
        item.as_event()?.local_echo_send_handle()
    }

    fn pagination(&self, state: Pagination) {
        let _ = self.events.send(Event::Pagination { room: self.room.clone(), state });
    }

    fn failed(&self, what: &str, why: &SafeText) {
        let _ = self.events.send(Event::Failed(SafeText::line(&format!("{what}. {why}"))));
    }
}

impl Drop for OpenTimeline {
    fn drop(&mut self) {
        self.forwarder.abort();
    }
}

/// Builds the SDK's timeline.
///
/// The SDK (0.18) listens for changes first and reads what the cache has a little later: what comes in between is then
/// shown twice. In a room that was just joined, that is the time of a request (whether it is encrypted) and of all of
/// its first events. So the request is made before, and a timeline during whose making something came is made anew.
async fn build(room: &Room) -> Result<Timeline, Error> {
    if timeout(PATIENCE, room.latest_encryption_state()).await.is_err() {
        tracing::debug!("whether the room is encrypted is not known yet");
    }
    let (cache, _keep) = room.event_cache().await.map_err(matrix_sdk_ui::timeline::Error::from)?;
    let (_, mut updates) = cache.subscribe().await.map_err(matrix_sdk_ui::timeline::Error::from)?;
    for _ in 1..ATTEMPTS {
        let timeline = build_once(room).await?;
        if updates.is_empty() {
            return Ok(timeline);
        }
        while !updates.is_empty() {
            let _ = updates.try_recv();
        }
    }
    build_once(room).await
}

async fn build_once(room: &Room) -> Result<Timeline, Error> {
    let builder = room
        .timeline_builder()
        .track_read_marker_and_receipts(TimelineReadReceiptTracking::AllEvents)
        .with_date_divider_mode(DateDividerMode::Daily);
    Ok(builder.build().await?)
}

/// Translates and sends.
struct Forward {
    room: RoomId,
    own: OwnedUserId,
    events: UnboundedSender<Event>,
    /// Messages that answer something the timeline does not have.
    wanted: UnboundedSender<OwnedEventId>,
}

impl Forward {
    async fn run(self, mut len: usize, diffs: impl Stream<Item = Vec<VectorDiff<Arc<TimelineItem>>>>) {
        pin_mut!(diffs);
        while let Some(batch) = diffs.next().await {
            let changes = batch.into_iter().map(|diff| diff::change(diff, &mut len, |item| self.item(item)));
            self.send(changes.collect());
        }
    }

    fn item(&self, item: &TimelineItem) -> crate::model::TimelineItem {
        if let Some(event) = item::answers_unknown(item) {
            let _ = self.wanted.send(event);
        }
        item::item(item, &self.own)
    }

    fn send(&self, changes: Vec<TimelineChange>) {
        let _ = self.events.send(Event::Timeline { room: self.room.clone(), changes });
    }
}

/// Fetches the room's members, whom the timeline then calls by their names.
async fn fetch_members(room: &Room, timeline: &Timeline) {
    timeline.fetch_members().await;
    if let Err(error) = receipts::fetch_members(room).await {
        tracing::info!(%error, "not everybody in the open room is known");
    }
}

/// Fetches what messages answer, one after the other; the timeline then replaces the items.
async fn fetch_answered(timeline: &Timeline, mut wanted: UnboundedReceiver<OwnedEventId>) {
    while let Some(event) = wanted.recv().await {
        if let Err(error) = timeline.fetch_details_for_event(&event).await {
            tracing::debug!(%event, %error, "the message that this one answers cannot be fetched");
        }
    }
}

async fn forward_typing(room: &Room, id: &RoomId, events: &UnboundedSender<Event>) {
    let (_guard, mut typing) = room.subscribe_to_typing_notifications();
    loop {
        let users = match typing.recv().await {
            Ok(users) => users,
            Err(broadcast::error::RecvError::Lagged(_)) => continue,
            Err(broadcast::error::RecvError::Closed) => return,
        };
        let mut who = Vec::with_capacity(users.len());
        for user in users {
            let member = room.get_member_no_sync(&user).await.ok().flatten();
            let name = member.as_ref().and_then(|member| member.display_name());
            who.push(item::name(&user, name, member.as_ref().is_some_and(|member| member.name_ambiguous())));
        }
        let _ = events.send(Event::Typing { room: id.clone(), who });
    }
}
