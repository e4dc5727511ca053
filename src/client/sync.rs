//! Keeping in step with the homeserver.
//!
//! Where the server has simplified sliding sync, the SDK's `SyncService` does it (rooms and
//! encryption apart); elsewhere a loop of `/sync`. Not `Client::sync`, because that sleeps a second
//! whenever answers come fast, and a tick would take that second too.
//!
//! A position is kept only when what came with it is ([`arrivals`]), so a program that was killed
//! is told again what it had not kept. With `/sync` that is a token of ours. The SDK keeps one too,
//! before it has dealt with what came, and drops an answer that ends there; so it is made to forget
//! its own at each start ([`session`](super::session)).
//!
//! **An event that the SDK cannot read** makes it give up on the answer that it came with, and ask
//! for the same again. By then the answer has been stored; so the loop of `/sync` goes on after it.
//! A sliding connection cannot be told to, and that loop takes its place until the next start,
//! which finds out with one answer whether the event is still in the way. [`guard`] does the same
//! for every other answer that fails again and again.

use std::{panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use futures_util::FutureExt;
use matrix_sdk::{
    Client, Error,
    config::{SyncSettings, SyncToken},
    event_handler::EventHandlerDropGuard,
    ruma::{OwnedRoomId, api::client::sync::sync_events::v3::Filter, presence::PresenceState},
    sliding_sync::Version,
    sync::SyncResponse,
};
use matrix_sdk_base::{StateStoreDataKey, StateStoreDataValue};
use matrix_sdk_ui::{
    room_list_service::State as ListState,
    sync_service::{State, SyncService},
};
use tokio::{
    sync::{Notify, mpsc::UnboundedSender},
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};

use self::{
    arrivals::Arrivals,
    guard::{Cause, Guard, Verdict},
    screen::Screen,
};
use super::{backoff::Backoff, disk::Disk, endings::Endings, errors, ids, receipts::Receipts, sending::Sending, tasks};
use crate::{
    client::update::Update,
    model::{Connection, RoomId, SafeText},
};

mod arrivals;
mod filter;
mod guard;
mod screen;

/// How long the server may hold a `/sync` open.
const POLL: Duration = Duration::from_secs(30);
/// After so long without an answer, the connection is not believed in any more: the SDK waits for
/// three minutes.
const SILENCE: Duration = Duration::from_secs(40);
/// Pauses between attempts to reach the server.
const PAUSE: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));

/// A `/sync` without news takes [`POLL`]. So many in a row may come sooner than [`SOON`], then
/// there is a pause.
const EMPTY: u32 = 5;
const SOON: Duration = Duration::from_millis(500);

/// A running sync of either kind.
pub(super) struct Sync {
    disk: Arc<Disk>,
    service: Option<Arc<SyncService>>,
    try_now: Arc<Notify>,
    tasks: Vec<JoinHandle<()>>,
    _held_back: Option<EventHandlerDropGuard>,
}

/// What a sync works with.
struct Around {
    client: Client,
    disk: Arc<Disk>,
    screen: Arc<Screen>,
    receipts: Receipts,
    arrivals: Arrivals,
    sending: Sending,
    endings: Endings,
    events: UnboundedSender<Update>,
    summary_above: u64,
    try_now: Arc<Notify>,
}

impl Sync {
    /// Starts syncing; the connection's state and the first complete room list are told as events.
    /// Events with more receipts than `summary_above` are to be summed up, as far as the server can
    /// do so.
    pub(super) async fn start(
        client: &Client,
        disk: &Arc<Disk>,
        (receipts, sending, endings): (&Receipts, &Sending, &Endings),
        events: &UnboundedSender<Update>,
        summary_above: u64,
    ) -> Self {
        let screen = Arc::new(Screen::new(disk.clone(), events.clone()));
        screen.shows(Connection::Connecting);
        let try_now = Arc::new(Notify::new());
        let telling = tasks::spawn(screen::tell_trouble(screen.clone()));
        let disk = disk.clone();
        let around = Around {
            client: client.clone(),
            disk: disk.clone(),
            screen,
            receipts: receipts.clone(),
            arrivals: Arrivals::new(client, &disk, receipts),
            sending: sending.clone(),
            endings: endings.clone(),
            events: events.clone(),
            summary_above,
            try_now: try_now.clone(),
        };
        if matches!(client.sliding_sync_version(), Version::Native) {
            match SyncService::builder(client.clone()).build().await {
                Ok(service) => {
                    let service = Arc::new(service);
                    let held_back = around.arrivals.hold_back(client);
                    service.start().await;
                    let rooms = tasks::spawn(watch_room_list(service.clone(), events.clone()));
                    let tasks = vec![tasks::spawn(sliding(service.clone(), around)), rooms, telling];
                    return Self { disk, service: Some(service), try_now, tasks, _held_back: Some(held_back) };
                }
                Err(error) => tracing::warn!(%error, "sliding sync does not start; going on with /sync"),
            }
        }
        let tasks = vec![tasks::spawn(plain(around)), telling];
        Self { disk, service: None, try_now, tasks, _held_back: None }
    }

    /// Tries to reach the server at once.
    pub(super) fn try_now(&self) {
        self.try_now.notify_one();
    }

    /// Asks for everything of these rooms, also read receipts (Synapse sends those for subscribed
    /// rooms only; the request names no lists, which means receipts in all rooms).
    pub(super) async fn subscribe(&self, room: &RoomId) {
        if let (Some(service), Some(room)) = (&self.service, ids::sdk_room(room)) {
            service.room_list_service().subscribe_to_rooms(&[&room]).await;
        }
    }

    /// Stops, and waits until the request under way is given up.
    pub(super) async fn stop(self) {
        for task in &self.tasks {
            task.abort();
        }
        // Only now: nobody asks for more after a write that failed.
        self.disk.give_up();
        if let Some(service) = self.service {
            service.stop().await;
        }
    }
}

/// Sliding sync, until it meets an answer that it does not get past.
async fn sliding(service: Arc<SyncService>, around: Around) {
    if let Err(Stuck) = watch_connection(&service, &around).await {
        tracing::warn!("sliding sync does not get past an answer; going on with /sync");
        service.stop().await;
        plain(around).await;
    }
}

/// Asked again, the server would send the same answer again.
struct Stuck;

/// The sync service's state, as a connection; what it gave up on is tried again after a pause.
async fn watch_connection(service: &SyncService, around: &Around) -> Result<(), Stuck> {
    let Around { receipts, sending, endings, disk, screen, try_now, .. } = around;
    let mut troubles = disk.watch();
    let mut states = service.state();
    let mut lists = service.room_list_service().state();
    let mut guard = Guard::new();
    let mut lost = false;
    let (mut heard, mut answered) = (Instant::now(), true);
    loop {
        let list_runs = matches!(lists.get(), ListState::SettingUp | ListState::Running | ListState::Recovering);
        let (connection, again) = match states.get() {
            State::Running if list_runs && answered => {
                guard.works();
                heard = Instant::now();
                (Some(Connection::Online), None)
            }
            State::Error(error) => {
                let cause = guard::inner(&error).map_or(Cause::Answer, Cause::of);
                let Verdict::Again(pause) = guard.failed(cause, Instant::now()) else { return Err(Stuck) };
                let why = Some(guard::sentence(&error)).filter(|_| !pause.is_zero());
                (why.map(Connection::Offline), Some(pause))
            }
            State::Running | State::Idle | State::Offline | State::Terminated => (None, None),
        };
        if let Some(connection) = connection {
            if std::mem::replace(&mut lost, connection != Connection::Online) && !lost {
                receipts.reconnected();
            }
            // Told with every answer.
            if lost {
                sending.lost();
            } else {
                sending.connected();
            }
            endings.on_connection(!lost);
            screen.shows(connection);
        }
        if disk.trouble().is_some() {
            // What comes faster than it can be kept, the event cache loses.
            service.stop().await;
            disk.well().await;
            service.start().await;
        }
        if let Some(pause) = again {
            let _ = timeout(pause, try_now.notified()).await;
            service.start().await;
        }
        answered = false;
        tokio::select! {
            state = states.next() => if state.is_none() { return Ok(()) },
            // Told with every answer, and only then.
            state = lists.next() => if state.is_none() { return Ok(()) } else { answered = true },
            changed = troubles.changed() => if changed.is_err() { return Ok(()) },
            () = try_now.notified() => service.start().await,
            // Also when what hung was given up meanwhile, and asked for again.
            () = sleep_until(heard + SILENCE), if !lost => {
                lost = true;
                sending.lost();
                screen.shows(silent());
            }
        }
    }
}

/// How it stands with a homeserver that lets a request hang.
fn silent() -> Connection {
    Connection::Offline(SafeText::line("the homeserver does not answer"))
}

/// Tells once that the room list is complete: when the list's first range has come.
async fn watch_room_list(service: Arc<SyncService>, events: UnboundedSender<Update>) {
    let mut states = service.room_list_service().state();
    while !matches!(states.get(), ListState::Running) {
        if states.next().await.is_none() {
            return;
        }
    }
    let _ = events.send(Update::RoomsComplete);
}

/// The loop of `/sync`.
async fn plain(around: Around) {
    let Around { client, disk, screen, receipts, arrivals, sending, events, summary_above, try_now, .. } = around;
    disk.by_plain_sync();
    let mut token = receipts.sync_token().await.map_or(SyncToken::ReusePrevious, SyncToken::Specific);
    let mut pause = PAUSE;
    let mut passed_over = None;
    let mut first = true;
    let mut lost = false;
    let mut empty = 0;
    let mut filter = Filter::from(filter::plain());
    let known: Vec<_> = client.joined_rooms().iter().map(|room| room.room_id().to_owned()).collect();
    listen_for_latest_events(&client, known.iter()).await;
    loop {
        disk.well().await;
        let settings = SyncSettings::new()
            .timeout(if first { Duration::ZERO } else { POLL })
            // P15. The SDK (0.18) has no such word for sliding sync, which Synapse takes for no
            // presence.
            .set_presence(PresenceState::Offline)
            .filter(filter.clone())
            .token(token.clone());
        let asked = Instant::now();
        // The SDK may panic over what an answer says: that is no more than an answer that failed.
        let mut answered = pin!(AssertUnwindSafe(client.sync_once(settings)).catch_unwind());
        let answered = if let Ok(answered) = timeout(SILENCE, &mut answered).await {
            answered
        } else {
            lost = true;
            sending.lost();
            screen.shows(silent());
            answered.await
        };
        match answered.unwrap_or_else(|_| Err(Error::UnknownError("its answer cannot be dealt with".into()))) {
            Ok(response) => {
                empty = if has_news(&response) || asked.elapsed() > SOON { 0 } else { empty + 1 };
                if empty <= EMPTY {
                    pause.reset();
                }
                sending.in_step();
                listen_for_latest_events(&client, response.rooms.joined.keys()).await;
                if lost {
                    receipts.reconnected();
                }
                if std::mem::take(&mut lost) || first {
                    screen.shows(Connection::Online);
                }
                if first {
                    let _ = events.send(Update::RoomsComplete);
                    filter = filter::best(&client, summary_above).await;
                }
                first = false;
                arrivals.settle(&client).await;
                receipts.synced_to(response.next_batch.clone());
                token = SyncToken::Specific(response.next_batch);
                if empty > EMPTY {
                    let _ = timeout(pause.next_delay(), try_now.notified()).await;
                }
            }
            // The SDK has stored the answer, and up to where it went.
            Err(Error::SerdeJson(error)) => {
                tracing::warn!(%error, "an answer had an event that cannot be read");
                token = SyncToken::ReusePrevious;
                let reached = stored_token(&client).await;
                if reached.is_some() && reached != passed_over {
                    passed_over = reached;
                } else {
                    let _ = timeout(pause.next_delay(), try_now.notified()).await;
                }
            }
            Err(error) => {
                sending.lost();
                screen.shows(Connection::Offline(errors::sentence(&error)));
                let _ = timeout(pause.next_delay(), try_now.notified()).await;
                (first, lost) = (true, true);
                filter = filter::plain().into();
            }
        }
    }
}

/// Whether an answer is one that a homeserver need not have waited with; keys and lists of devices
/// count for nothing.
fn has_news(response: &SyncResponse) -> bool {
    let none = response.rooms.is_empty() && response.to_device.is_empty();
    !(none && response.account_data.is_empty() && response.presence.is_empty())
}

/// How far the SDK has stored what came by `/sync`.
async fn stored_token(client: &Client) -> Option<String> {
    match client.state_store().get_kv_data(StateStoreDataKey::SyncToken).await {
        Ok(Some(StateStoreDataValue::SyncToken(token))) => Some(token),
        _ => None,
    }
}

/// Without sliding sync's own order, rooms are sorted by their newest event, which the SDK keeps
/// for rooms that somebody listens to.
async fn listen_for_latest_events<'a>(client: &Client, rooms: impl Iterator<Item = &'a OwnedRoomId>) {
    let latest = client.latest_events().await;
    for room in rooms {
        if let Err(error) = latest.listen_to_room(room).await {
            tracing::debug!(%error, "no latest event for a room");
        }
    }
}
