//! Fetching what a sync left out.
//!
//! Sliding sync names only the newest event of a room that is not open, `/sync` only the newest few: everything between
//! that and what is known is a gap, and a message in it has arrived as much as any other (P2). The SDK's event cache
//! remembers gaps and fills them when somebody paginates, so a *backfill* paginates a room backwards until it is past
//! everything that can be owed: the time up to which the room is known to be complete, the own join or login, or P9's
//! age, whichever is latest. A backfill goes by time and not to the first known event, because several gaps can stand open
//! at once. It is on disk from before it starts until it has ended, so a kill in between starts it again.

use std::{collections::HashSet, sync::Arc, time::Duration};

use matrix_sdk::{
    Error, Room,
    deserialized_responses::TimelineEvent,
    event_cache::RoomEventCache,
    ruma::{EventId, OwnedEventId, OwnedRoomId},
};
use tokio::{
    sync::{Semaphore, broadcast::error::RecvError, mpsc::UnboundedSender},
    time::timeout,
};

use super::{Actor, Input, ids, members, observe};
use crate::{
    client::{backoff::Backoff, older::EmptyPages, polling::keep_polling},
    clock::now,
    delivery::policy::{self, Decision, MAX_AGE, RoomFacts},
    model::Ms,
};

/// Rooms walked at the same time.
const AT_ONCE: usize = 4;
/// Events asked for at a time.
const PAGE: u16 = 50;
/// A backfill ends after this many events at the latest.
const LONGEST: usize = 5_000;
/// Servers' clocks differ: a backfill goes this much further back than it has to.
const SLACK: Ms = 10 * 60 * 1_000;
/// How long the event cache may take to see what the sync has brought.
const CACHE_LAG: Duration = Duration::from_secs(2);
const PAUSE: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));

impl Actor {
    /// Whether something that can be owed or believed may be missing between what is known and `newest`.
    pub(super) async fn has_gap(&mut self, room: &Room, newest: &(Ms, OwnedEventId)) -> bool {
        let facts = self.room_facts(room).await;
        if matches!(policy::room_eligibility(&facts, self.receipt_queue.settings()), Decision::Withhold(_)) {
            return false;
        }
        let seen = self.store.seen(&facts.room_id);
        if self.stored(seen).flatten().is_some_and(|seen| seen.newest == ids::event(&newest.1)) {
            return false;
        }
        newest.0 + SLACK >= self.bound(&facts)
    }

    /// How far back anything can be owed: the time the room is known to be complete up to, the own join or login, P9.
    fn bound(&self, room: &RoomFacts) -> Ms {
        let seen = self.store.seen(&room.room_id);
        let seen = self.stored(seen).flatten().map_or(0, |seen| seen.at);
        seen.max(room.joined_since.unwrap_or(self.logged_in_at)).max(now().saturating_sub(MAX_AGE))
    }

    /// Starts a backfill, which is on disk until it has ended.
    pub(super) async fn backfill(&mut self, room: Room, newest: Option<OwnedEventId>) {
        if let Some(again) = self.walking.get_mut(room.room_id()) {
            *again = true;
            return;
        }
        let facts = self.room_facts(&room).await;
        let begun = self.store.begin_backfill(&facts.room_id);
        self.stored(begun);
        self.walking.insert(room.room_id().to_owned(), false);
        let until = self.bound(&facts);
        self.backfiller.start(Backfill { room, newest, until });
    }

    pub(super) async fn backfill_everything(&mut self) {
        tracing::warn!("too much came at once; all rooms are looked through again");
        for room in self.client.joined_rooms() {
            let facts = self.room_facts(&room).await;
            if policy::room_eligibility(&facts, self.receipt_queue.settings()) == Decision::Send {
                self.backfill(room, None).await;
            }
        }
    }

    pub(super) async fn walked(&mut self, room_id: OwnedRoomId) {
        if self.walking.remove(&room_id) == Some(true) {
            // Another gap came while this one was walked.
            if let Some(room) = self.client.get_room(&room_id) {
                let newest = self.newest.get(&room_id).map(|(_, event)| event.clone());
                self.backfill(room, newest).await;
            }
            return;
        }
        self.complete(&room_id);
        let ended = self.store.end_backfill(&ids::room(&room_id));
        self.stored(ended);
    }

    /// The room is complete up to the newest event that a sync brought. A time from the future counts as now, or it
    /// would hide what comes until then.
    pub(super) fn complete(&mut self, room_id: &OwnedRoomId) {
        let Some((at, event)) = self.newest.get(room_id) else { return };
        let seen = self.store.seen(&ids::room(room_id));
        if self.stored(seen).flatten().is_none_or(|seen| seen.newest != ids::event(event)) {
            let kept = self.store.set_seen(&ids::room(room_id), (*at).min(now()), &ids::event(event));
            self.stored(kept);
        }
    }
}

/// Where a backfill goes.
struct Backfill {
    room: Room,
    /// The newest event that the sync brought, when this backfill is for one.
    newest: Option<OwnedEventId>,
    /// How far back.
    until: Ms,
}

/// Starts backfills, a few at a time.
#[derive(Clone)]
pub(super) struct Backfiller {
    places: Arc<Semaphore>,
    inputs: UnboundedSender<Input>,
}

impl Backfiller {
    pub(super) fn new(inputs: UnboundedSender<Input>) -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), inputs }
    }

    /// Walks until it has succeeded (a network that is away is waited for), then says so.
    fn start(&self, backfill: Backfill) {
        let backfiller = self.clone();
        tokio::spawn(async move {
            let mut pause = PAUSE;
            loop {
                let place = backfiller.places.acquire().await;
                if place.is_err() || backfiller.inputs.is_closed() {
                    return;
                }
                match backfiller.run(&backfill).await {
                    Ok(()) => break,
                    Err(error) => tracing::info!(room = %backfill.room.room_id(), %error, "catching up is tried again"),
                }
                drop(place);
                tokio::time::sleep(pause.next_delay()).await;
            }
            let _ = backfiller.inputs.send(Input::Backfilled(backfill.room.room_id().to_owned()));
        });
    }

    async fn run(&self, backfill: &Backfill) -> matrix_sdk::Result<()> {
        // Whether somebody is owed anything depends on who they are (P7, P8).
        members::fetch(&backfill.room).await?;
        let (cache, _keep) = backfill.room.event_cache().await?;
        if let Some(newest) = &backfill.newest
            && let Ok(outcome) = timeout(CACHE_LAG, cached(&backfill.room, newest)).await
        {
            outcome?;
        }
        let mut told = HashSet::new();
        self.found(backfill, &mut told, cache.events().await?);
        let pagination = cache.pagination();
        let until = backfill.until.saturating_sub(SLACK);
        let mut walked = 0;
        let mut empty = EmptyPages::new();
        loop {
            let page = keep_polling(pagination.run_backwards_once(PAGE)).await?;
            if page.events.is_empty() && !page.reached_start {
                let pause = empty.one_more().map_err(|error| Error::UnknownError(error.into()))?;
                tokio::time::sleep(pause).await;
                continue;
            }
            empty = EmptyPages::new();
            walked += page.events.len();
            let newest = page.events.iter().filter_map(observe::facts).map(|facts| facts.sent).max();
            let past = newest.is_some_and(|newest| newest < until);
            // The newest comes first; but whoever was answered is no stranger (P7).
            self.found(backfill, &mut told, page.events.into_iter().rev().collect());
            if page.reached_start || past || walked >= LONGEST {
                break;
            }
        }
        // Somebody else may have paginated the same room meanwhile: what they got is in memory.
        self.found(backfill, &mut told, cache.events().await?);
        Ok(())
    }

    /// Tells what was found, each event once. A key that comes in between is told by itself.
    fn found(&self, backfill: &Backfill, told: &mut HashSet<OwnedEventId>, mut events: Vec<TimelineEvent>) {
        events.retain(|event| event.event_id().is_none_or(|id| told.insert(id)));
        let _ = self.inputs.send(Input::Found(backfill.room.room_id().to_owned(), events));
    }
}

/// Waits until the event cache has dealt with the sync that brought this event: only then it knows of a gap before it, and
/// only then the event outlives this program.
async fn cached(room: &Room, event: &EventId) -> matrix_sdk::event_cache::Result<()> {
    let (cache, _keep) = room.event_cache().await?;
    let is_there = |cache: RoomEventCache| async move {
        let events = cache.events().await?;
        Ok(events.iter().any(|known| known.event_id().as_deref() == Some(event)).then_some(()))
    };
    until_cached(room, &cache, is_there).await.map(|_| ())
}

/// Looks into a room's event cache until something is found there: it works beside us, and lags behind the sync. Nothing is
/// found when it has ended.
pub(super) async fn until_cached<T, Look>(
    room: &Room,
    cache: &RoomEventCache,
    look: impl Fn(RoomEventCache) -> Look,
) -> matrix_sdk::event_cache::Result<Option<T>>
where
    Look: Future<Output = matrix_sdk::event_cache::Result<Option<T>>>,
{
    let client = room.client();
    let mut updates = client.event_cache().subscribe_to_room_generic_updates();
    loop {
        if let Some(found) = look(cache.clone()).await? {
            return Ok(Some(found));
        }
        if matches!(updates.recv().await, Err(RecvError::Closed)) {
            return Ok(None);
        }
    }
}
