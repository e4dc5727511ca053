//! A session at work: its sync, its send queue, its receipts and the timeline that is open.

use std::sync::Arc;

use matrix_sdk::{
    ComposerDraft, ComposerDraftType, Room, RoomState,
    ruma::events::{AnyMessageLikeEventContent, room::message::RoomMessageEventContent},
    send_queue::RoomSendQueueError,
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
    rooms,
    sending::{self, Sending},
    session::{
        Session,
        trust::{self, End},
        warnings,
    },
    sync::Sync,
    timeline::OpenTimeline,
    typed, typing, vouched,
};
use crate::{
    client::{
        request::{ReceiptsRequest, RoomsRequest, TimelineRequest},
        update::Update,
    },
    delivery::{
        policy::Settings,
        receipt_queue::{Numbers, ReceiptQueue},
        store::{Inbox, Store, StoreError},
    },
    model::{EventId, ItemKey, RoomId, SafeText},
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
    open: Option<Arc<OpenTimeline>>,
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
        let _ = events.send(Update::LoggedIn(session.account.clone()));
        let (tell_end, ends) = unbounded_channel();
        let (changes, keeper) = (client.subscribe_to_session_changes(), session.keeper.clone());
        let watched = client.clone();
        let (typing, notices) = unbounded_channel();
        let tasks = vec![
            tokio::spawn(async move { trust::watch(watched, &keeper, changes, tell_end).await }),
            tokio::spawn(warnings::keep_tokens(&mut session, events.clone())),
            tokio::spawn(warnings::watch_one_time_keys(&client, events.clone())),
            tokio::spawn(rooms::watch(client.clone(), endings.clone(), learnt, events.clone())),
            tokio::spawn(sending.clone().keep_on(events.clone())),
            tokio::spawn(typing::tell(client.clone(), receipts.clone(), notices)),
            tokio::spawn(vouched::mend(client.clone(), session.nothings.clone())),
        ];
        sending.go_on(&events).await;
        let sync =
            Sync::start(&client, &session.disk, (&receipts, &sending, &endings), &events, profile.summary_above).await;
        session.begin_upkeep();
        Ok(Self { session, ends, sync, sending, receipts, chats, endings, open: None, typing, tasks, events })
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
        drop(self.open);
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

    fn tell(&self, event: Update) {
        let _ = self.events.send(event);
    }

    /// How it stands with the session's files.
    pub(super) fn disk(&self) -> &Arc<Disk> {
        &self.session.disk
    }

    /// Why nothing can be kept now. What the user wrote is not left waiting for that, but given
    /// back.
    fn trouble(&self) -> Option<SafeText> {
        self.disk().trouble().map(|trouble| trouble.sentence())
    }

    fn room(&self, id: &RoomId) -> Option<Room> {
        let room = ids::find_room(&self.session.client, id);
        if room.is_none() {
            self.tell(Update::Failed(SafeText::line("This room is not known here any more.")));
        }
        room
    }

    /// Tries to connect now.
    pub(super) fn reconnect(&self) {
        self.sync.try_now();
    }

    /// Carries out a request. What waits for the network runs beside, and answers with an update.
    pub(super) async fn handle_timeline(&mut self, request: TimelineRequest) {
        match request {
            TimelineRequest::OpenRoom(id) => self.open_room(&id).await,
            TimelineRequest::CloseRoom => self.close_room(),
            TimelineRequest::Paginate(id) => {
                if let Some(open) = self.open_timeline(&id) {
                    tokio::spawn(async move { open.paginate().await });
                }
            }
            TimelineRequest::MarkRead(id) => {
                if let Some(open) = self.open_timeline(&id) {
                    let receipts = self.receipts.clone();
                    tokio::spawn(async move { open.mark_read(&receipts).await });
                }
            }
            TimelineRequest::SaveDraft { room_id: room, text } => self.save_draft(&room, text).await,
            TimelineRequest::Send { room_id: room, text } => {
                self.send(room, RoomMessageEventContent::new(typed::text(&text)), text, false).await;
            }
            TimelineRequest::SendEmote { room_id: room, text } => {
                self.send(room, RoomMessageEventContent::new(typed::emote(&text)), text, true).await;
            }
            TimelineRequest::Edit { room_id: room, event_id: event, text } => self.edit(room, event, text).await,
            TimelineRequest::ForgetEdit { room_id: room, event_id: event, removed } => {
                self.forget_edit(&room, &event, removed).await;
            }
            TimelineRequest::Retry { room_id: room, key } => self.retry(&room, key).await,
            TimelineRequest::Discard { room_id: room, key } => self.discard(&room, key).await,
            TimelineRequest::Redact { room_id, event_id } => {
                let client = self.session.client.clone();
                self.beside(async move { actions::redact(&client, &room_id, &event_id).await });
            }
            TimelineRequest::Typing { room_id: room, typing } => {
                // What tells it ends only with the session.
                let _ = self.typing.send((room, typing));
            }
        }
    }

    /// Asks the receipts, which answer with an update.
    pub(super) fn handle_receipts(&self, request: ReceiptsRequest) {
        match request {
            ReceiptsRequest::AskReceiptStatus { room_id, event_id } => self.receipts.status(room_id, event_id),
            ReceiptsRequest::AskPeople { event_id, filter, after } => self.receipts.people(event_id, filter, after),
            ReceiptsRequest::AskUndelivered => self.receipts.undelivered(),
            ReceiptsRequest::AskReceiptLog => self.receipts.log(),
            ReceiptsRequest::EmptyReceiptLog => self.receipts.empty_log(),
            ReceiptsRequest::AskEligibility(room_id) => self.receipts.eligibility(room_id),
        }
    }

    /// Carries out a request beside everything else.
    pub(super) fn handle_rooms(&self, request: RoomsRequest) {
        let context = actions::Context {
            client: self.session.client.clone(),
            receipts: self.receipts.clone(),
            chats: self.chats.clone(),
            endings: self.endings.clone(),
        };
        self.beside(async move { actions::run(&context, request).await });
    }

    /// Does something beside everything else, and tells what comes of it.
    fn beside(&self, action: impl Future<Output = actions::Outcome> + Send + 'static) {
        let events = self.events.clone();
        tokio::spawn(async move {
            for update in action.await.unwrap_or_else(|sentence| vec![Update::Failed(sentence)]) {
                let _ = events.send(update);
            }
        });
    }

    fn open_timeline(&self, id: &RoomId) -> Option<Arc<OpenTimeline>> {
        self.open.clone().filter(|open| open.room_id() == id)
    }

    fn close_room(&mut self) {
        if let Some(open) = self.open.take() {
            let receipts = self.receipts.clone();
            tokio::spawn(async move { open.close(&receipts).await });
        }
    }

    async fn open_room(&mut self, id: &RoomId) {
        self.close_room();
        let Some(room) = self.room(id) else { return };
        match OpenTimeline::open(&room, self.session.nothings.clone(), self.events.clone()).await {
            Ok(open) => self.open = Some(Arc::new(open)),
            Err(error) => return self.tell(Update::Failed(errors::line(&error))),
        }
        self.receipts.opened(id.clone());
        self.sending.opened(&room);
        let draft = room.load_composer_draft(None).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a draft could not be read");
            None
        });
        self.tell(Update::Draft { room_id: id.clone(), text: draft.map(|draft| draft.plain_text).unwrap_or_default() });
        if room.state() == RoomState::Joined {
            self.sync.subscribe(id).await;
        }
    }

    async fn save_draft(&self, id: &RoomId, text: String) {
        let Some(room) = self.room(id) else { return };
        if let Some(why) = self.trouble() {
            return self.tell(Update::Failed(SafeText::line(&format!("The draft was not kept. {why}"))));
        }
        let saved = if text.is_empty() {
            room.clear_composer_draft(None).await
        } else {
            let draft = ComposerDraft {
                plain_text: text,
                html_text: None,
                draft_type: ComposerDraftType::NewMessage,
                attachments: Vec::new(),
            };
            room.save_composer_draft(draft, None).await
        };
        if let Err(error) = saved {
            self.tell(Update::Failed(SafeText::line(&format!("The draft was not kept. {}", errors::sentence(&error)))));
        }
    }

    /// Puts a message into the send queue, which keeps it on disk and sends it in order. What
    /// cannot even be put there comes back.
    async fn send(&self, id: RoomId, content: RoomMessageEventContent, text: String, emote: bool) {
        let Some(room) = self.room(&id) else {
            let why = SafeText::line("This room is not known here any more.");
            return self.tell(Update::NotQueued { room_id: id, text, emote, why });
        };
        if let Some(why) = self.trouble() {
            return self.tell(Update::NotQueued { room_id: id, text, emote, why });
        }
        if let Some(why) = sending::refusal(&room, &content) {
            return self.tell(Update::NotQueued { room_id: id, text, emote, why });
        }
        self.receipts.sending(id.clone());
        if let Err(error) = self.queue(&room, AnyMessageLikeEventContent::RoomMessage(content)).await {
            self.tell(Update::NotQueued { room_id: id, text, emote, why: errors::queue_sentence(&error) });
        }
    }

    /// Everything that is said in a room goes this way.
    async fn queue(&self, room: &Room, content: AnyMessageLikeEventContent) -> Result<(), RoomSendQueueError> {
        self.sending.before(room).await;
        room.send_queue().send(content).await?;
        self.sending.release(room);
        Ok(())
    }

    /// Puts the new text of a message into the send queue, as [`Self::send`] does with a new one.
    /// It is no new message, so nobody is asked for receipts (P4).
    async fn edit(&self, id: RoomId, event: EventId, text: String) {
        let (Some(room), Some(edited)) = (self.room(&id), ids::sdk_event(&event)) else {
            let why = SafeText::line("This message is not known here any more.");
            return self.tell(Update::EditFailed { room_id: id, event_id: event, text, removed: false, why });
        };
        if let Some(why) = self.trouble() {
            return self.tell(Update::EditFailed { room_id: id, event_id: event, text, removed: false, why });
        }
        if edits::is_removed(&room, &edited).await {
            return self.tell(edits::removed(id, event, text));
        }
        let content = edits::content(edited, &text);
        if let Some(why) = sending::refusal(&room, &content) {
            return self.tell(Update::EditFailed { room_id: id, event_id: event, text, removed: false, why });
        }
        if let Err(error) = self.queue(&room, content.into()).await {
            self.tell(Update::EditFailed {
                room_id: id,
                event_id: event,
                text,
                removed: false,
                why: errors::queue_sentence(&error),
            });
        }
    }

    /// The SDK's timeline (0.18) goes on showing an edit that was taken back, so it is made anew.
    async fn forget_edit(&mut self, id: &RoomId, event: &EventId, removed: bool) {
        edits::forget(&self.session.client, id, event, removed).await;
        if self.open_timeline(id).is_some() {
            self.open_room(id).await;
        }
    }

    async fn retry(&self, id: &RoomId, key: ItemKey) {
        let (Some(open), Some(room)) = (self.open_timeline(id), self.room(id)) else { return };
        self.sending.before(&room).await;
        match open.retry(&key).await {
            Ok(()) => self.sending.release(&room),
            Err(error) => self.tell(Update::ItemFailed { key, why: errors::line(&error) }),
        }
    }

    async fn discard(&self, id: &RoomId, key: ItemKey) {
        let Some(open) = self.open_timeline(id) else { return };
        if let Err(error) = open.discard(&key).await {
            self.tell(Update::ItemFailed { key, why: errors::line(&error) });
        }
    }
}
