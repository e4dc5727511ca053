//! Fetching what a sync left out.
//!
//! Sliding sync names only the newest event of a room that is not open, `/sync` only the newest few: everything between
//! that and what is known is a gap, and a message in it has arrived as much as any other (P2). The SDK's event cache
//! remembers gaps and fills them when somebody paginates, so a *walk* paginates a room backwards until it is past
//! everything that can be owed: the time up to which the room is known to be complete, the own join or login, or P9's
//! age, whichever is latest. A walk goes by time and not to the first known event, because several gaps can stand open
//! at once. It is on disk from before it starts until it has ended, so a kill in between starts it again.

use std::{sync::Arc, time::Duration};

use matrix_sdk::{Room, deserialized_responses::TimelineEvent, event_cache::RoomEventCache, ruma::OwnedEventId};
use tokio::{
    sync::{Semaphore, mpsc::UnboundedSender},
    time::timeout,
};

use super::{Input, observe};
use crate::model::Ms;

/// Rooms walked at the same time.
const AT_ONCE: usize = 4;
/// Events asked for at a time.
const PAGE: u16 = 50;
/// A walk ends after this many events at the latest.
const LONGEST: usize = 5_000;
/// Servers' clocks differ: a walk goes this much further back than it has to.
pub(super) const SLACK: Ms = 10 * 60 * 1_000;
/// How long the event cache may take to see what the sync has brought.
const CACHE_LAG: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Where a walk goes.
pub(super) struct Walk {
    pub room: Room,
    /// The newest event that the sync brought, when this walk is for one.
    pub newest: Option<OwnedEventId>,
    /// How far back.
    pub until: Ms,
}

/// Starts walks, a few at a time.
#[derive(Clone)]
pub(super) struct Walker {
    places: Arc<Semaphore>,
    inputs: UnboundedSender<Input>,
}

impl Walker {
    pub(super) fn new(inputs: UnboundedSender<Input>) -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), inputs }
    }

    /// Walks until it has succeeded (a network that is away is waited for), then says so.
    pub(super) fn start(&self, walk: Walk) {
        let walker = self.clone();
        tokio::spawn(async move {
            let mut pause = FIRST_PAUSE;
            loop {
                let place = walker.places.acquire().await;
                if place.is_err() || walker.inputs.is_closed() {
                    return;
                }
                match walker.run(&walk).await {
                    Ok(()) => break,
                    Err(error) => tracing::info!(room = %walk.room.room_id(), %error, "catching up is tried again"),
                }
                drop(place);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            let _ = walker.inputs.send(Input::Walked(walk.room.room_id().to_owned()));
        });
    }

    async fn run(&self, walk: &Walk) -> matrix_sdk::event_cache::Result<()> {
        let (cache, _keep) = walk.room.event_cache().await?;
        wait_for(walk, &cache).await?;
        self.found(walk, cache.events().await?);
        let pagination = cache.pagination();
        let until = walk.until.saturating_sub(SLACK);
        let mut walked = 0;
        loop {
            let page = pagination.run_backwards_once(PAGE).await?;
            walked += page.events.len();
            let times: Vec<Ms> = page.events.iter().filter_map(observe::facts).map(|facts| facts.sent).collect();
            let past = times.iter().max().is_some_and(|newest| *newest < until);
            self.found(walk, page.events);
            if page.reached_start || past || walked >= LONGEST {
                break;
            }
        }
        // Somebody else may have paginated the same room meanwhile: what they got is in memory.
        self.found(walk, cache.events().await?);
        Ok(())
    }

    fn found(&self, walk: &Walk, events: Vec<TimelineEvent>) {
        let _ = self.inputs.send(Input::Found(walk.room.room_id().to_owned(), events));
    }
}

/// Waits until the event cache has dealt with the sync that this walk is for: it works beside us, and only then knows
/// of the gap.
async fn wait_for(walk: &Walk, cache: &RoomEventCache) -> matrix_sdk::event_cache::Result<()> {
    let Some(newest) = &walk.newest else { return Ok(()) };
    let client = walk.room.client();
    let mut updates = client.event_cache().subscribe_to_room_generic_updates();
    let there = async {
        loop {
            if cache.events().await?.iter().any(|event| event.event_id().as_ref() == Some(newest)) {
                return Ok(());
            }
            if matches!(updates.recv().await, Err(tokio::sync::broadcast::error::RecvError::Closed)) {
                return Ok(());
            }
        }
    };
    timeout(CACHE_LAG, there).await.unwrap_or(Ok(()))
}
