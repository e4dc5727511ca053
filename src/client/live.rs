//! A session at work: its sync, its send queue, its receipts and the timelines that are open.

use std::{collections::HashSet, future, sync::Arc};

use futures_util::FutureExt;

use matrix_sdk::{
    ComposerDraft as SdkDraft, ComposerDraftType, Room, RoomState,
    ruma::{
        OwnedEventId,
        events::{
            AnyMessageLikeEventContent,
            room::message::{MessageType, RoomMessageEventContent},
        },
    },
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

use super::{
    Profile, actions,
    direct_chats::DirectChats,
    disk::{self, Disk},
    edits,
    endings::Endings,
    errors, ids,
    receipts::Receipts,
    replies, rooms,
    sending::{self, Sending},
    session::{
        Session,
        trust::{self, End},
        warnings,
    },
    source,
    sync::Sync,
    tasks, timeline,
    timelines::Timelines,
    typed, typing, vouched,
};
use crate::{
    client::{
        reply::{Failure, FailureKind, Outcome, Reply},
        request::{ReceiptsRequest, RoomsRequest, TimelineRequest},
        responder::Responder,
        update::Update,
    },
    delivery::{
        policy::Settings,
        receipt_queue::{Numbers, ReceiptQueue},
        store::{Inbox, Store, StoreError},
    },
    model::{ComposerDraft, EventId, ItemKey, RoomId, SafeText, TimelineFocus, TimelineId},
};

/// Why a session cannot be at work.
pub(super) struct NotLive {
    /// In a sentence.
    pub sentence: SafeText,
    /// Another program holds a file, and will let go of it.
    pub passes: bool,
}

impl NotLive {
    fn because(error: &StoreError) -> Self {
        let passes = matches!(error, StoreError::Sqlite(error) if errors::Hindrance::of(error) == Some(errors::Hindrance::Locked));
        Self { sentence: errors::line(error), passes }
    }
}

/// A session at work.
pub(super) struct Live {
    session: Session,
    ends: UnboundedReceiver<End>,
    sync: Sync,
    sending: Sending,
    receipts: Receipts,
    chats: DirectChats,
    endings: Endings,
    timelines: Timelines,
    /// Those whose draft on disk is another than what was last to be saved.
    unsaved: HashSet<TimelineId>,
    typing: UnboundedSender<(RoomId, bool)>,
    tasks: Vec<JoinHandle<()>>,
    events: UnboundedSender<Update>,
}

impl Live {
    /// Tells the rooms from the cache first, then starts everything.
    pub(super) async fn start(
        profile: &Profile,
        mut session: Session,
        events: UnboundedSender<Update>,
    ) -> Result<Self, NotLive> {
        let client = session.client.clone();
        let sending = Sending::start(&client, &events).await;
        let mut store = Store::open(&profile.dir, &session.key).map_err(|error| NotLive::because(&error))?;
        store.wait_for_disk(disk::keeper(&session.disk));
        let inbox = Inbox::open(&profile.dir, &session.key, Some(disk::keeper(&session.disk)));
        let stores = (store, inbox.map_err(|error| NotLive::because(&error))?);
        let receipt_queue =
            ReceiptQueue::new(profile.settings.clone(), profile.key_wait, Numbers::new(rand::random::<f64>));
        let receipts = Receipts::start(
            &client,
            (&session.disk, &session.keys),
            stores,
            session.logged_in_at,
            receipt_queue,
            events.clone(),
        )
        .map_err(|error| NotLive { sentence: errors::line(&error), passes: false })?;
        let chats = DirectChats::start(&client, &receipts).await;
        let (tell_learnt, learnt) = unbounded_channel();
        let endings = Endings::start(&client, tell_learnt).await;
        let (rows, known) = rooms::at_a_glance(&client, &endings).await;
        // In one breath, so that they stand on one frame.
        for update in std::iter::once(Update::LoggedIn(session.account.clone())).chain(known) {
            let _ = events.send(update);
        }
        let (tell_end, ends) = unbounded_channel();
        let (changes, keeper) = (client.subscribe_to_session_changes(), session.keeper.clone());
        let watched = client.clone();
        let (typing, notices) = unbounded_channel();
        let tasks = vec![
            tasks::spawn(async move { trust::watch(watched, &keeper, changes, tell_end).await }),
            tasks::spawn(warnings::keep_tokens(&mut session, events.clone())),
            tasks::spawn(warnings::watch_one_time_keys(&client, events.clone())),
            tasks::spawn(rooms::watch(rows, learnt, events.clone())),
            tasks::spawn(sending.clone().keep_on(events.clone())),
            tasks::spawn(typing::tell(client.clone(), receipts.clone(), notices)),
            tasks::spawn(vouched::mend(client.clone(), session.nothings.clone())),
        ];
        sending.go_on(&events).await;
        let sync =
            Sync::start(&client, &session.disk, (&receipts, &sending, &endings), &events, profile.summary_above).await;
        session.begin_upkeep();
        let timelines = Timelines::new(receipts.clone(), session.nothings.clone(), events.clone());
        Ok(Self {
            session,
            ends,
            sync,
            sending,
            receipts,
            chats,
            endings,
            timelines,
            unsaved: HashSet::new(),
            typing,
            tasks,
            events,
        })
    }

    /// Waits until the session ends; for ever when there is none.
    pub(super) async fn ended(live: &mut Option<Self>) -> End {
        let Some(live) = live else { return std::future::pending().await };
        match live.ends.recv().await {
            Some(end) => end,
            None => std::future::pending().await,
        }
    }

    /// The delivery settings changed.
    pub(super) fn set(&self, settings: Settings) {
        self.receipts.set(settings);
    }

    /// Stops everything; what was told before is on disk then.
    pub(super) async fn stop(mut self) -> Session {
        drop(self.timelines);
        self.sync.stop().await;
        // The queues' tasks hold the client, and must not go on beside the one of the next login.
        self.sending.lost();
        self.receipts.stop().await;
        for task in self.tasks {
            task.abort();
        }
        self.session.end_upkeep();
        self.session
    }

    /// How it stands with the session's files.
    pub(super) fn disk(&self) -> &Arc<Disk> {
        &self.session.disk
    }

    /// Fails while nothing can be kept. What the user wrote is not left waiting for that, but given
    /// back.
    fn well(&self) -> Result<(), Failure> {
        match self.disk().trouble() {
            Some(trouble) => Err(Failure::new(FailureKind::Storage, &trouble.sentence())),
            None => Ok(()),
        }
    }

    fn room(&self, id: &RoomId) -> Result<Room, Failure> {
        actions::context::room_of(&self.session.client, id)
    }

    /// Tries to connect now.
    pub(super) fn reconnect(&self) {
        self.sync.try_now();
    }

    /// Carries out a request. What waits for the network runs beside.
    pub(super) async fn handle_timeline(&mut self, request: TimelineRequest, responder: Responder) {
        let outcome = match request {
            TimelineRequest::Open(id) => {
                let opened = self.open_timeline(id).await;
                return responder.beside(async move { opened?.await });
            }
            TimelineRequest::Close(id) => {
                self.timelines.close(&id);
                Ok(Reply::Done)
            }
            TimelineRequest::Paginate(id) => {
                let open = self.timelines.get(&id);
                return responder.beside(async move { open.await?.paginate().await });
            }
            TimelineRequest::MarkRead(id) => {
                let (open, receipts) = (self.timelines.get(&id), self.receipts.clone());
                return responder.beside(async move { open.await?.mark_read(&receipts).await });
            }
            TimelineRequest::SaveDraft { timeline_id, draft } => self.save_draft(timeline_id, draft).await,
            TimelineRequest::Send { room_id, text, reply_to } => {
                self.send(&room_id, typed::text(&text), reply_to).await
            }
            TimelineRequest::SendEmote { room_id, text, reply_to } => {
                self.send(&room_id, typed::emote(&text), reply_to).await
            }
            TimelineRequest::Edit { room_id, event_id, text } => self.edit(&room_id, &event_id, &text).await,
            TimelineRequest::ForgetEdit { room_id, event_id, removed } => {
                let forgotten = self.forget_edit(room_id, event_id, removed);
                return responder.beside(async move { forgotten?.await });
            }
            TimelineRequest::Retry { timeline_id, key } => return responder.beside(self.retry(&timeline_id, key)),
            TimelineRequest::Discard { timeline_id, key } => {
                let open = self.timelines.get(&timeline_id);
                return responder.beside(async move {
                    open.await?.discard(&key).await.map_err(|error| error.failure())?;
                    Ok(Reply::Done)
                });
            }
            TimelineRequest::ToggleReaction { timeline_id, event_id, key } => {
                let (open, room) = (self.timelines.get(&timeline_id), self.room(&timeline_id.room_id));
                let (well, sending) = (self.well(), self.sending.clone());
                return responder.beside(async move {
                    let (open, room) = (open.await?, room?);
                    well?;
                    sending.before(&room).await;
                    open.toggle_reaction(&event_id, &key).await.map_err(|error| error.failure())?;
                    sending.release(&room);
                    Ok(Reply::Done)
                });
            }
            TimelineRequest::AskSource { room_id, event_id } => {
                let room = self.room(&room_id);
                return responder.beside(async move { source::of(&room?, event_id).await });
            }
            TimelineRequest::Redact { room_id, event_id } => {
                let client = self.session.client.clone();
                let redaction = async move { actions::redact(&client, &room_id, &event_id).await };
                return responder.beside(redaction);
            }
            TimelineRequest::Typing { room_id, typing } => {
                // What tells it ends only with the session.
                let _ = self.typing.send((room_id, typing));
                Ok(Reply::Done)
            }
        };
        responder.respond(outcome);
    }

    /// Asks the receipts, which answer.
    pub(super) fn handle_receipts(&self, request: ReceiptsRequest, responder: Responder) {
        self.receipts.ask(request, responder);
    }

    /// Carries out a request beside everything else.
    pub(super) fn handle_rooms(&self, request: RoomsRequest, responder: Responder) {
        let context = actions::Context {
            client: self.session.client.clone(),
            receipts: self.receipts.clone(),
            chats: self.chats.clone(),
            endings: self.endings.clone(),
            updates: self.events.clone(),
        };
        responder.beside(async move { actions::run(&context, request).await });
    }

    /// Begins to open a timeline. Its draft is read before anything later is written, and nothing
    /// is written before it is known whether the room is encrypted, or was asked for long enough.
    async fn open_timeline(&mut self, id: TimelineId) -> Result<impl Future<Output = Outcome> + Send + use<>, Failure> {
        let room = self.room(&id.room_id)?;
        timeline::wait_for_encryption_state(&room).await;
        let opened = self.timelines.open(&room, id.clone(), future::ready(()).boxed());
        self.sending.opened(&room);
        let draft = room.load_composer_draft(draft_of(&id).as_deref()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a draft could not be read");
            None
        });
        if room.state() == RoomState::Joined {
            self.sync.subscribe(&id.room_id).await;
        }
        let draft = draft.map(read_draft).unwrap_or_default();
        Ok(async move {
            opened.await?;
            Ok(Reply::Draft { timeline_id: id, draft })
        })
    }

    async fn save_draft(&mut self, id: TimelineId, draft: ComposerDraft) -> Outcome {
        let room = self.room(&id.room_id)?;
        let saved = match self.well() {
            Ok(()) => write_draft(&room, draft_of(&id), draft).await.map_err(|error| errors::failure(&error)),
            Err(trouble) => Err(trouble),
        };
        match saved {
            Ok(()) => self.unsaved.remove(&id),
            Err(_) => self.unsaved.insert(id),
        };
        saved.map_err(|failure| failure.prefixed("The draft was not kept. "))?;
        Ok(Reply::Done)
    }

    /// Puts a message into the send queue, which keeps it on disk and sends it in order.
    async fn send(&self, id: &RoomId, message: MessageType, reply_to: Option<EventId>) -> Outcome {
        let room = self.room(id)?;
        self.well()?;
        let mut content = RoomMessageEventContent::new(message);
        if let Some(answered) = reply_to.as_ref().and_then(ids::sdk_event) {
            replies::answer(&room, &mut content, answered).await;
        }
        sending::fits(&room, &content)?;
        self.receipts.sending(id.clone());
        self.queue(&room, AnyMessageLikeEventContent::RoomMessage(content)).await
    }

    /// Everything that is said in a room goes this way.
    async fn queue(&self, room: &Room, content: AnyMessageLikeEventContent) -> Outcome {
        self.sending.before(room).await;
        room.send_queue().send(content).await.map_err(|error| errors::queue_failure(&error))?;
        self.sending.release(room);
        Ok(Reply::Done)
    }

    /// Puts the new text of a message into the send queue, as [`Self::send`] does with a new one.
    /// It is no new message, so nobody is asked for receipts (P4).
    async fn edit(&self, id: &RoomId, event_id: &EventId, text: &str) -> Outcome {
        let (Ok(room), Some(edited)) = (self.room(id), ids::sdk_event(event_id)) else {
            return Err(Failure::new(FailureKind::NotFound, "This message is not known here any more."));
        };
        self.well()?;
        if edits::is_removed(&room, &edited).await {
            return Err(Failure::new(FailureKind::Redacted, edits::REMOVED));
        }
        let content = edits::content(&room, edited, text).await;
        sending::fits(&room, &content)?;
        self.queue(&room, content.into()).await
    }

    /// The SDK's timelines (0.18) go on showing an edit that was taken back, so they are made anew.
    /// It stays in the queue where its text is not kept as a draft.
    fn forget_edit(
        &mut self,
        room_id: RoomId,
        event_id: EventId,
        removed: bool,
    ) -> Result<impl Future<Output = Outcome> + Send + use<>, Failure> {
        let room = self.room(&room_id)?;
        if self.unsaved.contains(&TimelineId::live(room_id.clone())) {
            return Err(Failure::cancelled());
        }
        let open: Vec<_> = self.timelines.of_room(&room_id).cloned().collect();
        let client = self.session.client.clone();
        let forgotten = async move { edits::forget(&client, &room_id, &event_id, removed).await }.boxed().shared();
        let opened: Vec<_> =
            open.into_iter().map(|id| self.timelines.open(&room, id, forgotten.clone().boxed())).collect();
        Ok(async move {
            forgotten.await;
            for opened in opened {
                opened.await?;
            }
            Ok(Reply::Done)
        })
    }

    fn retry(&self, id: &TimelineId, key: ItemKey) -> impl Future<Output = Outcome> + Send + use<> {
        let (open, room, sending) = (self.timelines.get(id), self.room(&id.room_id), self.sending.clone());
        async move {
            let (open, room) = (open.await?, room?);
            sending.before(&room).await;
            open.retry(&key).await.map_err(|error| error.failure())?;
            sending.release(&room);
            Ok(Reply::Done)
        }
    }
}

async fn write_draft(room: &Room, thread: Option<OwnedEventId>, draft: ComposerDraft) -> matrix_sdk::Result<()> {
    let ComposerDraft { text, reply_to } = draft;
    if text.is_empty() {
        return room.clear_composer_draft(thread.as_deref()).await;
    }
    let draft = SdkDraft {
        plain_text: text,
        html_text: None,
        draft_type: match reply_to.as_ref().and_then(ids::sdk_event) {
            Some(event_id) => ComposerDraftType::Reply { event_id },
            None => ComposerDraftType::NewMessage,
        },
        attachments: Vec::new(),
    };
    room.save_composer_draft(draft, thread.as_deref()).await
}

fn read_draft(draft: SdkDraft) -> ComposerDraft {
    let reply_to = match &draft.draft_type {
        ComposerDraftType::Reply { event_id } => Some(ids::event(event_id)),
        ComposerDraftType::NewMessage | ComposerDraftType::Edit { .. } => None,
    };
    ComposerDraft { text: draft.plain_text, reply_to }
}

/// A thread has a draft of its own; everything else is written in the room.
fn draft_of(id: &TimelineId) -> Option<OwnedEventId> {
    match &id.focus {
        TimelineFocus::Thread(root) => ids::sdk_event(root),
        TimelineFocus::Live | TimelineFocus::Around(_) | TimelineFocus::Pinned => None,
    }
}
