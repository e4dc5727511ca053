//! An open timeline: the SDK's in, [`Update::Timeline`] out.
//!
//! **Problem.** The SDK keeps a live list of items that changes when events, edits, reactions,
//! receipts, late keys and local echoes come in. The app must see the same list, without locks and
//! without SDK types.
//!
//! **Why this way.** The list is not copied on every change: each difference is translated and
//! sent, in order, and a batch of the SDK's is one event, so that a page of scrollback is drawn
//! once.
//!
//! **How.** [`TimelineHandle::open`] sends the items that the cache has and starts one task that
//! forwards the rest: differences (`timeline/diff.rs`, `timeline/item.rs`), what was read
//! (`timeline/readers.rs`), typing, and the answers' originals and members' names that the cache
//! lacks. How far the user has read is told by `timeline/reading.rs`. Dropping the value ends the
//! task.

mod diff;
mod item;
mod latest;
mod readers;
mod reading;
mod shown;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt, pin_mut};
use matrix_sdk::{
    Room,
    event_cache::{RoomEventCacheSubscriber, RoomEventCacheUpdate},
    ruma::{OwnedEventId, OwnedUserId, events::AnySyncEphemeralRoomEvent, serde::Raw},
    send_queue::{RoomSendQueueError, RoomSendQueueStorageError, SendHandle},
};
use matrix_sdk_ui::{
    Timeline,
    eyeball_im::{Vector, VectorDiff},
    timeline::{
        DateDividerMode, RoomExt, TimelineEventFocusThreadMode, TimelineEventItemId, TimelineFocus as SdkFocus,
        TimelineItem, TimelineReadReceiptTracking,
    },
};
use tokio::{
    sync::{
        broadcast,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    task::JoinHandle,
    time::timeout,
};

use self::{latest::Latest, readers::Readers, reading::Reading};
use super::{errors, ids, older, receipts, tasks, vouched::Nothings};
use crate::{
    client::{
        reply::{Failure, FailureKind, Outcome, Reply},
        update::Update,
    },
    model::{EventId, ItemKey, Pagination, ReactionKey, RoomId, TimelineChange, TimelineFocus, TimelineId},
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
    /// The SDK could not change the reaction.
    #[error("The reaction was not changed. {}", errors::timeline_sentence(.0))]
    Reaction(matrix_sdk_ui::timeline::Error),
    /// What the timeline is to be about has no event id.
    #[error("There is no such message.")]
    NoSuchMessage,
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

impl Error {
    /// The same, with its kind.
    pub(super) fn failure(&self) -> Failure {
        let kind = match self {
            Self::Open(error) | Self::Reaction(error) => errors::timeline_failure(error).kind,
            Self::NoSuchMessage | Self::NotWaiting => FailureKind::NotFound,
            Self::Queue(error) => errors::queue_failure(error).kind,
            Self::Store(_) => FailureKind::Storage,
        };
        Failure::new(kind, self)
    }
}

/// A timeline that is open, and the task that tells what changes in it.
#[derive(Debug)]
pub struct TimelineHandle {
    id: TimelineId,
    timeline: Arc<Timeline>,
    events: UnboundedSender<Update>,
    forwarder: JoinHandle<()>,
    reading: Reading,
}

impl TimelineHandle {
    /// Opens it. What the cache has of it is sent before this returns (one
    /// [`TimelineChange::Reset`], without waiting for the network); changes follow for as long as
    /// the value lives.
    pub async fn open(
        room: &Room,
        id: TimelineId,
        nothings: Arc<Nothings>,
        events: UnboundedSender<Update>,
    ) -> Result<Self, Error> {
        let timeline = Arc::new(build(room, &id.focus, &nothings).await?);

        let (cache, _keep) = room.event_cache().await.map_err(matrix_sdk_ui::timeline::Error::from)?;
        let (_, updates) = cache.subscribe().await.map_err(matrix_sdk_ui::timeline::Error::from)?;
        let (items, diffs) = timeline.subscribe().await;
        let (wanted, to_fetch) = unbounded_channel();
        let mut forward = Forward {
            id: id.clone(),
            own: room.own_user_id().to_owned(),
            events: events.clone(),
            wanted,
            readers: Readers::new(room),
            latest: Latest::new(room),
        };
        for item in &items {
            forward.readers.look_up(item).await;
            forward.latest.look_up(item).await;
        }
        forward.send(vec![TimelineChange::Reset(items.iter().map(|item| forward.item(item)).collect())]);

        let forwarder = tasks::spawn({
            let (room, timeline, events, id) = (room.clone(), timeline.clone(), events.clone(), id.clone());
            async move {
                tokio::join!(
                    forward.run(items, diffs, updates),
                    fetch_members(&room, &timeline),
                    fetch_answered(&timeline, to_fetch),
                    forward_typing(&room, &id.room_id, &events),
                );
            }
        });
        Ok(Self { id, timeline, events, forwarder, reading: Reading::default() })
    }

    /// Fetches older messages, from the cache as long as it has any; how far it has come is told by
    /// [`Update::Pagination`]. After a failure it may be tried again.
    pub async fn paginate(&self) -> Outcome {
        self.pagination(Pagination::Loading);
        let paginated = older::paginate(&self.timeline, PAGE).await.map_err(|error| match error {
            older::Error::Timeline(error) => errors::timeline_failure(&error),
            older::Error::NothingComes(error) => Failure::new(FailureKind::Server, &error),
        });
        self.pagination(if paginated == Ok(true) { Pagination::ReachedStart } else { Pagination::Idle });
        paginated.map_err(|failure| failure.prefixed("Older messages could not be fetched. "))?;
        Ok(Reply::Done)
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

    /// Reacts to a message, or takes that back.
    pub async fn toggle_reaction(&self, event_id: &EventId, key: &ReactionKey) -> Result<(), Error> {
        let item = TimelineEventItemId::EventId(ids::sdk_event(event_id).ok_or(Error::NoSuchMessage)?);
        self.timeline.toggle_reaction(&item, key.as_str()).await.map_err(Error::Reaction)?;
        Ok(())
    }

    async fn send_handle(&self, key: &ItemKey) -> Option<SendHandle> {
        let (items, _) = self.timeline.subscribe().await;
        let item = items.iter().rev().find(|item| *item.unique_id().0 == *key.0)?;
        item.as_event()?.local_echo_send_handle()
    }

    /// Nothing is told of it any more.
    pub fn stop(&self) {
        self.forwarder.abort();
    }

    fn pagination(&self, state: Pagination) {
        let _ = self.events.send(Update::Pagination { timeline_id: self.id.clone(), state });
    }
}

impl Drop for TimelineHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Builds the SDK's timeline.
///
/// The SDK (0.18) listens for changes first and reads what the cache has a little later: what comes
/// in between is then shown twice. In a room that was just joined, that is the time of a request
/// (whether it is encrypted: see [`wait_for_encryption_state`]) and of all of its first events. So
/// the request is made before, and a timeline during whose making something came is made anew.
async fn build(room: &Room, focus: &TimelineFocus, nothings: &Arc<Nothings>) -> Result<Timeline, Error> {
    let (cache, _keep) = room.event_cache().await.map_err(matrix_sdk_ui::timeline::Error::from)?;
    let (_, mut updates) = cache.subscribe().await.map_err(matrix_sdk_ui::timeline::Error::from)?;
    for _ in 1..ATTEMPTS {
        let timeline = build_once(room, focus, nothings).await?;
        if updates.is_empty() {
            return Ok(timeline);
        }
        while !updates.is_empty() {
            let _ = updates.try_recv();
        }
    }
    build_once(room, focus, nothings).await
}

/// Waits until it is known whether a room is encrypted, but not for ever. To be called before a
/// timeline of it is opened.
pub(super) async fn wait_for_encryption_state(room: &Room) {
    if timeout(PATIENCE, room.latest_encryption_state()).await.is_err() {
        tracing::debug!("whether the room is encrypted is not known yet");
    }
}

async fn build_once(room: &Room, focus: &TimelineFocus, nothings: &Arc<Nothings>) -> Result<Timeline, Error> {
    let builder = room
        .timeline_builder()
        .with_focus(sdk_focus(focus)?)
        .track_read_marker_and_receipts(TimelineReadReceiptTracking::AllEvents)
        .event_filter(shown::filter(nothings.clone()))
        .with_date_divider_mode(DateDividerMode::Daily);
    Ok(builder.build().await?)
}

fn sdk_focus(focus: &TimelineFocus) -> Result<SdkFocus, Error> {
    let event = |event_id| ids::sdk_event(event_id).ok_or(Error::NoSuchMessage);
    Ok(match focus {
        TimelineFocus::Live => SdkFocus::Live { hide_threaded_events: false },
        TimelineFocus::Thread(root) => SdkFocus::Thread { root_event_id: event(root)? },
        TimelineFocus::Around(target) => SdkFocus::Event {
            target: event(target)?,
            num_context_events: PAGE,
            thread_mode: TimelineEventFocusThreadMode::Automatic { hide_threaded_events: false },
        },
        TimelineFocus::Pinned => SdkFocus::PinnedEvents,
    })
}

/// Translates and sends.
struct Forward {
    id: TimelineId,
    own: OwnedUserId,
    events: UnboundedSender<Update>,
    /// Messages that answer something the timeline does not have.
    wanted: UnboundedSender<OwnedEventId>,
    readers: Readers,
    latest: Latest,
}

impl Forward {
    async fn run(
        mut self,
        mut items: Vector<Arc<TimelineItem>>,
        diffs: impl Stream<Item = Vec<VectorDiff<Arc<TimelineItem>>>>,
        mut updates: RoomEventCacheSubscriber,
    ) {
        pin_mut!(diffs);
        loop {
            tokio::select! {
                batch = diffs.next() => {
                    let Some(batch) = batch else { return };
                    let changes = self.changes(batch, &mut items).await;
                    self.send(changes);
                }
                Some(came) = next_update(&mut updates) => {
                    let changes = match came {
                        Came::Ephemeral(came) => {
                            let read: BTreeSet<_> = came.iter().flat_map(|event| self.readers.hear(event)).collect();
                            self.read(&read, &items)
                        }
                        Came::Edits => {
                            let mut changed = BTreeSet::new();
                            for item in &items {
                                changed.extend(self.latest.look_up(item).await);
                            }
                            self.says(&changed, &items)
                        }
                    };
                    if !changes.is_empty() {
                        self.send(changes);
                    }
                }
            }
        }
    }

    async fn changes(
        &mut self,
        batch: Vec<VectorDiff<Arc<TimelineItem>>>,
        items: &mut Vector<Arc<TimelineItem>>,
    ) -> Vec<TimelineChange> {
        let mut changes = Vec::with_capacity(batch.len());
        let (mut read, mut edited) = (BTreeSet::new(), BTreeSet::new());
        for diff in batch {
            for item in diff::values(&diff) {
                read.extend(self.readers.look_up(item).await);
                edited.extend(self.latest.look_up(item).await);
            }
            let mut len = items.len();
            changes.push(diff::change(diff.clone(), &mut len, |item| self.item(item)));
            diff.apply(items);
        }
        changes.extend(self.read(&read, items));
        changes.extend(self.says(&edited, items));
        changes
    }

    /// The items anew that show or quote these messages, since they say something else.
    fn says(&self, events: &BTreeSet<OwnedEventId>, items: &Vector<Arc<TimelineItem>>) -> Vec<TimelineChange> {
        let shows = |item: &TimelineItem| item.as_event().is_some_and(|item| latest::shows(item, events));
        let found = items.iter().enumerate().filter(|(_, item)| !events.is_empty() && shows(item));
        found.map(|(index, item)| TimelineChange::Set(index, self.item(item))).collect()
    }

    /// The items of these events anew, since somebody has read them.
    fn read(&self, events: &BTreeSet<OwnedEventId>, items: &Vector<Arc<TimelineItem>>) -> Vec<TimelineChange> {
        let find = |event: &OwnedEventId| {
            let is_it = |item: &Arc<TimelineItem>| item.as_event().and_then(|item| item.event_id()) == Some(event);
            // Receipts stand near the end.
            let index = items.len() - 1 - items.iter().rev().position(is_it)?;
            Some(TimelineChange::Set(index, self.item(items.get(index)?)))
        };
        events.iter().filter_map(find).collect()
    }

    fn item(&self, item: &TimelineItem) -> crate::model::TimelineItem {
        if let Some(event) = item::answers_unknown(item) {
            let _ = self.wanted.send(event);
        }
        let read_by = item.as_event().map(|event| self.readers.at(event)).unwrap_or_default();
        item::item(item, &self.own, read_by, &self.latest)
    }

    fn send(&self, changes: Vec<TimelineChange>) {
        let _ = self.events.send(Update::Timeline { timeline_id: self.id.clone(), changes });
    }
}

/// What the event cache tells beside what the timeline shows; the cache and the store have it by
/// then.
enum Came {
    /// What is ephemeral.
    Ephemeral(Vec<Raw<AnySyncEphemeralRoomEvent>>),
    /// Edits or redactions.
    Edits,
}

async fn next_update(updates: &mut RoomEventCacheSubscriber) -> Option<Came> {
    loop {
        match updates.recv().await {
            Ok(RoomEventCacheUpdate::AddEphemeralEvents { events }) => return Some(Came::Ephemeral(events)),
            Ok(RoomEventCacheUpdate::UpdateTimelineEvents(came)) => {
                if came.diffs.iter().flat_map(diff::values).any(latest::matters) {
                    return Some(Came::Edits);
                }
            }
            Err(broadcast::error::RecvError::Lagged(_)) => return Some(Came::Edits),
            Ok(_) => {}
            Err(broadcast::error::RecvError::Closed) => return None,
        }
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

async fn forward_typing(room: &Room, id: &RoomId, events: &UnboundedSender<Update>) {
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
        let _ = events.send(Update::Typing { room_id: id.clone(), who });
    }
}
