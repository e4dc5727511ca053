//! Fetching what a sync left out.
//!
//! Sliding sync names only the newest event of a room that is not open, `/sync` only the newest
//! few: everything between that and what is known is a gap, and a message in it has arrived as much
//! as any other (P2). The SDK's event cache remembers gaps and fills them when somebody paginates,
//! so a *backfill* paginates a room backwards until it is past everything that can be owed: the
//! time up to which the room is known to be complete, the own join or login, or P9's age, whichever
//! is latest. A backfill goes by time and not to the first known event, because several gaps can
//! stand open at once. It is on disk from before it starts until it has ended, so a kill in between
//! starts it again.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use matrix_sdk::{
    Error, Room,
    deserialized_responses::TimelineEvent,
    event_cache::RoomEventCache,
    ruma::{EventId, OwnedEventId, OwnedRoomId, RoomId as SdkRoomId},
};
use tokio::{
    sync::{Semaphore, mpsc::UnboundedSender},
    time::timeout,
};

use super::{Context, EventsInput, Input, event_cache::until_found, members, observe};
use crate::{
    client::{backoff::Backoff, ids, older::EmptyPages, polling::keep_polling, tasks},
    clock::now,
    delivery::policy::{self, Decision, MAX_AGE, RoomFacts},
    model::Timestamp,
};

/// Rooms that are paginated at the same time.
const AT_ONCE: usize = 4;
/// Events asked for at a time.
const PAGE: u16 = 50;
/// A backfill ends after this many events at the latest.
const LONGEST: usize = 5_000;
/// Servers' clocks differ: a backfill goes this much further back than it has to.
const SLACK: Duration = Duration::from_mins(10);
/// How long the event cache may take to see what the sync has brought.
const CACHE_LAG: Duration = Duration::from_secs(2);
/// Pauses between attempts to paginate a room.
const PAUSE: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));

/// Which rooms are backfilled, and how far each is complete.
pub(super) struct Backfill {
    paginator: Paginator,
    /// Rooms that are being backfilled, and whether another gap has come meanwhile.
    under_way: HashMap<OwnedRoomId, bool>,
    /// The newest event that a sync has brought, by room.
    newest: HashMap<OwnedRoomId, (Timestamp, OwnedEventId)>,
}

impl Backfill {
    pub fn new(inputs: UnboundedSender<Input>) -> Self {
        Self { paginator: Paginator::new(inputs), under_way: HashMap::new(), newest: HashMap::new() }
    }

    /// Whether this room is being backfilled.
    pub fn is_under_way(&self, room_id: &SdkRoomId) -> bool {
        self.under_way.contains_key(room_id)
    }

    /// A sync has brought events of a room, of which this is the newest; `limited` when it says
    /// that it has left some out.
    pub async fn on_synced(
        &mut self,
        context: &mut Context,
        room: Room,
        newest: (Timestamp, OwnedEventId),
        limited: bool,
    ) {
        let room_id = room.room_id().to_owned();
        let has_gap = limited && has_gap(context, &room, &newest).await;
        self.newest.insert(room_id.clone(), newest.clone());
        if has_gap {
            self.start(context, room, Some(newest.1)).await;
        } else if !self.is_under_way(&room_id) {
            self.set_complete(context, &room_id);
        }
    }

    /// Starts to backfill a room, which is on disk until it has ended.
    pub async fn start(&mut self, context: &mut Context, room: Room, newest: Option<OwnedEventId>) {
        if let Some(again) = self.under_way.get_mut(room.room_id()) {
            *again = true;
            return;
        }
        let facts = context.room_facts(&room).await;
        let begun = context.store.begin_backfill(&facts.room_id);
        context.stored(begun);
        self.under_way.insert(room.room_id().to_owned(), false);
        let until = bound(context, &facts);
        self.paginator.start(Gap { room, newest, until });
    }

    /// What the syncs have brought was too much to be told: any room may miss something.
    pub async fn start_everywhere(&mut self, context: &mut Context) {
        tracing::warn!("too much came at once; all rooms are looked through again");
        for room in context.client.joined_rooms() {
            let facts = context.room_facts(&room).await;
            if policy::room_eligibility(&facts, &context.settings) == Decision::Send {
                self.start(context, room, None).await;
            }
        }
    }

    /// Goes on with what a former run had begun.
    pub async fn resume(&mut self, context: &mut Context) {
        let backfills = context.store.backfills();
        for room_id in context.stored(backfills).unwrap_or_default() {
            if let Some(room) = ids::find_room(&context.client, &room_id) {
                self.start(context, room, None).await;
            }
        }
    }

    /// A room was backfilled.
    pub async fn on_ended(&mut self, context: &mut Context, room_id: OwnedRoomId) {
        if self.under_way.remove(&room_id) == Some(true) {
            // Another gap came meanwhile.
            if let Some(room) = context.client.get_room(&room_id) {
                let newest = self.newest.get(&room_id).map(|(_, event)| event.clone());
                self.start(context, room, newest).await;
            }
            return;
        }
        self.set_complete(context, &room_id);
        let ended = context.store.end_backfill(&ids::room(&room_id));
        context.stored(ended);
    }

    /// The room is complete up to the newest event that a sync brought. A time from the future
    /// counts as now, or it would hide what comes until then.
    fn set_complete(&self, context: &mut Context, room_id: &OwnedRoomId) {
        let Some((at, event)) = self.newest.get(room_id) else { return };
        let seen = context.store.seen(&ids::room(room_id));
        if context.stored(seen).flatten().is_none_or(|seen| seen.newest != ids::event(event)) {
            let kept = context.store.set_seen(&ids::room(room_id), (*at).min(now()), &ids::event(event));
            context.stored(kept);
        }
    }
}

/// Whether something that can be owed or believed may be missing between what is known and
/// `newest`.
async fn has_gap(context: &mut Context, room: &Room, newest: &(Timestamp, OwnedEventId)) -> bool {
    let facts = context.room_facts(room).await;
    if matches!(policy::room_eligibility(&facts, &context.settings), Decision::Withhold(_)) {
        return false;
    }
    let seen = context.store.seen(&facts.room_id);
    if context.stored(seen).flatten().is_some_and(|seen| seen.newest == ids::event(&newest.1)) {
        return false;
    }
    newest.0 + SLACK >= bound(context, &facts)
}

/// How far back anything can be owed: the time the room is known to be complete up to, the own join
/// or login, P9.
fn bound(context: &Context, room: &RoomFacts) -> Timestamp {
    let seen = context.store.seen(&room.room_id);
    let seen = context.stored(seen).flatten().map(|seen| seen.at).unwrap_or_default();
    seen.max(room.joined_since.unwrap_or(context.logged_in_at)).max(now() - MAX_AGE)
}

/// What is to be fetched of a room.
struct Gap {
    room: Room,
    /// The newest event that the sync brought, when it was a sync that left something out.
    newest: Option<OwnedEventId>,
    /// How far back.
    until: Timestamp,
}

/// Paginates rooms backwards beside the actor, a few at a time.
#[derive(Clone)]
struct Paginator {
    permits: Arc<Semaphore>,
    inputs: UnboundedSender<Input>,
}

impl Paginator {
    fn new(inputs: UnboundedSender<Input>) -> Self {
        Self { permits: Arc::new(Semaphore::new(AT_ONCE)), inputs }
    }

    /// Tries until it has succeeded (a network that is away is waited for), then says so.
    fn start(&self, gap: Gap) {
        let paginator = self.clone();
        tasks::spawn(async move {
            let mut pause = PAUSE;
            loop {
                let permit = paginator.permits.acquire().await;
                if permit.is_err() || paginator.inputs.is_closed() {
                    return;
                }
                match paginator.run(&gap).await {
                    Ok(()) => break,
                    Err(error) => tracing::info!(room = %gap.room.room_id(), %error, "catching up is tried again"),
                }
                drop(permit);
                tokio::time::sleep(pause.next_delay()).await;
            }
            let _ = paginator.inputs.send(Input::Backfilled(gap.room.room_id().to_owned()));
        });
    }

    async fn run(&self, gap: &Gap) -> matrix_sdk::Result<()> {
        // Whether somebody is owed anything depends on who they are (P7, P8).
        members::fetch(&gap.room).await?;
        let (cache, _keep) = gap.room.event_cache().await?;
        if let Some(newest) = &gap.newest
            && let Ok(outcome) = timeout(CACHE_LAG, cached(&gap.room, newest)).await
        {
            outcome?;
        }
        let mut found = HashSet::new();
        self.found(gap, &mut found, cache.events().await?);
        let pagination = cache.pagination();
        let until = gap.until - SLACK;
        let mut fetched = 0;
        let mut empty = EmptyPages::new();
        loop {
            let page = keep_polling(pagination.run_backwards_once(PAGE)).await?;
            if page.events.is_empty() && !page.reached_start {
                let pause = empty.one_more().map_err(|error| Error::UnknownError(error.into()))?;
                tokio::time::sleep(pause).await;
                continue;
            }
            empty = EmptyPages::new();
            fetched += page.events.len();
            let newest = page.events.iter().filter_map(observe::facts).map(|facts| facts.sent).max();
            let past = newest.is_some_and(|newest| newest < until);
            // The newest comes first; but whoever was answered is no stranger (P7).
            self.found(gap, &mut found, page.events.into_iter().rev().collect());
            if page.reached_start || past || fetched >= LONGEST {
                break;
            }
        }
        // Somebody else may have paginated the same room meanwhile: what they got is in memory.
        self.found(gap, &mut found, cache.events().await?);
        Ok(())
    }

    /// Tells the actor what was found, each event once. A key that comes in between is told by
    /// itself.
    fn found(&self, gap: &Gap, found: &mut HashSet<OwnedEventId>, mut events: Vec<TimelineEvent>) {
        events.retain(|event| event.event_id().is_none_or(|id| found.insert(id)));
        let _ = self.inputs.send(EventsInput::Found(gap.room.room_id().to_owned(), events).into());
    }
}

/// Waits until the event cache has dealt with the sync that brought this event: only then it knows
/// of a gap before it, and only then the event outlives this program.
async fn cached(room: &Room, event: &EventId) -> matrix_sdk::event_cache::Result<()> {
    let (cache, _keep) = room.event_cache().await?;
    let is_there = |cache: RoomEventCache| async move {
        let events = cache.events().await?;
        Ok(events.iter().any(|known| known.event_id().as_deref() == Some(event)).then_some(()))
    };
    until_found(room, &cache, is_there).await.map(|_| ())
}

#[cfg(test)]
mod tests;
