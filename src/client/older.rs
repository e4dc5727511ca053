//! Older messages of a room, page by page, and no storm of pages.
//!
//! **Problem.** A page may be empty, and there may be more behind it all the same; so the SDK's
//! timeline (0.18) asks for the next one at once. It does not look whether the token has moved: a
//! homeserver that gives back the one that it was asked with is asked again as fast as it answers,
//! for ever.
//!
//! **How.** Whoever pages counts the empty pages ([`EmptyPages`]): a few are followed at once, more
//! after a growing pause, and then it is said that nothing comes. The timeline is left alone for as
//! long as pages bring something; of one that does not stop asking the future is dropped.

use std::{future::pending, time::Duration};

use matrix_sdk::event_cache::PaginationStatus;
use matrix_sdk_ui::{Timeline, timeline};
use tokio::time::sleep;

use super::{backoff::Backoff, polling::keep_polling};

/// So many empty pages are followed at once.
const AT_ONCE: u32 = 4;
/// After so many pauses it is enough.
const PAUSES: u32 = 4;
const PAUSE: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));

/// Pages that were empty, one after another.
#[derive(Debug)]
pub(super) struct EmptyPages {
    pages: u32,
    pause: Backoff,
}

/// The homeserver goes on giving empty pages.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the homeserver says that there are older messages, and does not give them")]
pub(super) struct NothingComes;

impl EmptyPages {
    /// None yet.
    pub const fn new() -> Self {
        Self { pages: 0, pause: PAUSE }
    }

    /// One more came. Gives how long to wait before the next one is asked for.
    pub fn one_more(&mut self) -> Result<Duration, NothingComes> {
        self.pages += 1;
        match self.pages {
            0..=AT_ONCE => Ok(Duration::ZERO),
            pages if pages <= AT_ONCE + PAUSES => Ok(self.pause.next_delay()),
            _ => Err(NothingComes),
        }
    }
}

/// Why there are no older messages.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The SDK has failed.
    #[error(transparent)]
    Timeline(#[from] timeline::Error),
    /// See there.
    #[error(transparent)]
    NothingComes(#[from] NothingComes),
}

/// Lets a timeline show so many older messages at least. Returns whether that was the beginning of
/// the room.
pub(super) async fn paginate(timeline: &Timeline, events: u16) -> Result<bool, Error> {
    let mut empty = EmptyPages::new();
    loop {
        tokio::select! {
            biased;
            () = Box::pin(asks_again(timeline)) => sleep(empty.one_more()?).await,
            reached_start = Box::pin(keep_polling(timeline.paginate_backwards(events))) => return Ok(reached_start?),
        }
    }
}

/// Waits until the timeline asks for a second page, so the first one was empty.
async fn asks_again(timeline: &Timeline) {
    if let Ok((cache, _keep)) = timeline.room().event_cache().await {
        // The timeline's own states leave out what is like the one before: a page that ends as the
        // next one begins.
        let mut states = cache.pagination().status();
        let mut pages = 0;
        while let Some(state) = states.next().await {
            pages += u32::from(state == PaginationStatus::Paginating);
            if pages == 2 {
                return;
            }
        }
    }
    pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_pages_are_followed_ever_slower_and_not_for_ever() {
        let mut empty = EmptyPages::new();
        let seconds: Vec<_> = std::iter::from_fn(|| empty.one_more().ok()).map(|wait| wait.as_secs()).collect();
        assert_eq!(seconds, [0, 0, 0, 0, 1, 2, 4, 8]);
        assert_eq!(empty.one_more(), Err(NothingComes));
    }
}
