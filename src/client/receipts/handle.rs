//! The handle on the actor: what the rest of `client` tells it, and asks it for.

use std::{sync::Arc, time::Duration};

use matrix_sdk::{Client, Room};
use tokio::{
    runtime::Handle,
    sync::{
        Notify,
        mpsc::{UnboundedSender, unbounded_channel},
        oneshot,
    },
    time::timeout,
};

use super::{
    Actor, Context, IncomingInput, Input, OutgoingInput, Query, SyncInput,
    incoming::{
        Incoming, native,
        to_device::{self, InHand},
    },
    members,
    queries::attention::Attention,
    server, watch,
};
use crate::{
    client::{
        disk::{Disk, Keys},
        ids,
        request::ReceiptsRequest,
        responder::Responder,
        tasks,
        update::Update,
    },
    delivery::{
        policy::Settings,
        receipt_queue::ReceiptQueue,
        store::{Inbox, Store},
    },
    model::{RoomId, Timestamp, UserId},
};

/// How long a sync waits until what it brought is dealt with.
const DEALT_WITHIN: Duration = Duration::from_secs(5);

/// Why the actor cannot start.
#[derive(Debug, thiserror::Error)]
pub(in crate::client) enum StartError {
    #[error("the event cache cannot be used: {0}")]
    EventCache(#[from] matrix_sdk::event_cache::EventCacheError),
    #[error("no thread can be started: {0}")]
    Thread(std::io::Error),
}

/// A handle on the actor.
#[derive(Clone)]
pub(in crate::client) struct Receipts {
    inputs: UnboundedSender<Input>,
    reconnected: Arc<Notify>,
    in_hand: Arc<InHand>,
}

impl Receipts {
    /// Starts the actor for a client that is logged in since `logged_in_at` (P2). Must be called
    /// before the first sync.
    pub(in crate::client) fn start(
        client: &Client,
        (disk, keys): (&Arc<Disk>, &Keys),
        (store, inbox): (Store, Inbox),
        logged_in_at: Timestamp,
        receipt_queue: ReceiptQueue,
        events: UnboundedSender<Update>,
    ) -> Result<Self, StartError> {
        client.event_cache().subscribe()?;
        let (inputs, receiver) = unbounded_channel();
        let in_hand = to_device::listen(client, inbox, inputs.clone());
        native::listen(client, disk, inputs.clone());
        let reconnected = Arc::new(Notify::new());
        let tasks = vec![
            tasks::spawn(watch::late_keys(client.clone(), inputs.clone())),
            tasks::spawn(watch::devices(client.clone(), inputs.clone())),
            tasks::spawn(server::watch(client.clone(), inputs.clone(), reconnected.clone())),
        ];
        let context = Context::new(client, store, logged_in_at, receipt_queue.settings(), events, inputs.clone());
        let incoming = Incoming::new(in_hand.clone(), Some(keys.clone()));
        let actor = Actor { tasks, ..Actor::new(context, receipt_queue, incoming) };
        // A thread of its own: SQLite blocks, and its connection is not to be shared between
        // threads.
        let runtime = Handle::current();
        std::thread::Builder::new()
            .name("receipts".to_owned())
            .spawn(move || runtime.block_on(actor.run(receiver)))
            .map_err(StartError::Thread)?;
        Ok(Self { inputs, reconnected, in_hand })
    }

    fn tell(&self, input: impl Into<Input>) {
        // The actor ends only with the session; what comes after that has no use.
        let _ = self.inputs.send(input.into());
    }

    /// The settings changed.
    pub(in crate::client) fn set(&self, settings: Settings) {
        self.tell(Input::Settings(settings));
    }

    /// The connection is back after a loss: the server may be another one than before.
    pub(in crate::client) fn reconnected(&self) {
        self.reconnected.notify_one();
    }

    /// Something is about to be sent into this room: ask its people's devices for receipts first.
    pub(in crate::client) fn sending(&self, room_id: RoomId) {
        self.tell(IncomingInput::Sending(room_id));
    }

    /// A timeline of this room was opened: tell everything known about its own messages, and what
    /// changes.
    pub(in crate::client) fn opened(&self, room_id: RoomId) {
        self.tell(Query::Opened(room_id));
    }

    /// No timeline of this room is open any more.
    pub(in crate::client) fn closed(&self, room_id: RoomId) {
        self.tell(Query::Closed(room_id));
    }

    /// Answers a request.
    pub(in crate::client) fn ask(&self, request: ReceiptsRequest, responder: Responder) {
        self.tell(Query::Asked(request, responder));
    }

    /// Finds out what this room is shown now.
    pub(in crate::client) async fn attention(&self, room: &Room) -> Attention {
        if let Err(error) = members::fetch(room).await {
            tracing::debug!(%error, "not everybody in a room is known");
        }
        let (answer, attention) = oneshot::channel();
        self.tell(Query::Attention(ids::room(room.room_id()), answer));
        attention.await.unwrap_or_default()
    }

    /// P7: the user invited these people, or took their invite to a direct chat.
    pub(in crate::client) fn known(&self, people: Vec<UserId>) {
        self.tell(OutgoingInput::Known(people));
    }

    /// The user takes this person's invite to this room, which may be a direct chat; nobody, when
    /// that is found out.
    pub(in crate::client) fn taking(&self, room_id: RoomId, from: Option<UserId>) {
        self.tell(OutgoingInput::AcceptingInvite(room_id, from));
    }

    /// Up to where `/sync` has been dealt with.
    pub(in crate::client) async fn sync_token(&self) -> Option<String> {
        let (answer, token) = oneshot::channel();
        self.tell(SyncInput::Token(answer));
        token.await.ok().flatten()
    }

    /// Waits until everything that syncs have brought is on disk as far as it matters here, and who
    /// was given the key of the own messages among it; but not for ever, since the latter takes the
    /// network.
    pub(in crate::client) async fn dealt_with(&self) {
        let (done, dealt_with) = oneshot::channel();
        self.tell(SyncInput::DealtWith(done));
        if timeout(DEALT_WITHIN, dealt_with).await.is_err() {
            tracing::warn!("what came is not dealt with yet");
        }
    }

    /// `/sync` came to here: kept once everything that came with it has been dealt with.
    pub(in crate::client) fn synced_to(&self, token: String) {
        self.tell(SyncInput::SyncedTo(token));
    }

    /// Ends the actor; everything told before is on disk then.
    pub(in crate::client) async fn stop(&self) {
        self.in_hand.settled().await;
        let (done, ended) = oneshot::channel();
        self.tell(Input::Stop(done));
        let _ = ended.await;
    }
}
