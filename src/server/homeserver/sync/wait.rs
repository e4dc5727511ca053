//! How a sync waits for something to tell.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::super::{error::Answer, http::Shared, typing, world::World};
use crate::model::Timestamp;

/// No request waits longer than this, whatever it asks for.
const LONGEST: Duration = Duration::from_mins(5);

/// What a sync finds when it looks.
pub enum Look<T> {
    /// It has something to tell, or may not wait.
    Answer(T),
    /// There is nothing yet. At this time, if at any, it is to look again although nothing has
    /// changed.
    Nothing(Option<Timestamp>),
}

/// Looks again at every change until there is an answer. In the end `look` is told that it must
/// have one.
pub async fn wait<T>(
    shared: &Shared,
    timeout: Duration,
    mut look: impl FnMut(&mut World, bool) -> Answer<Look<T>>,
) -> Answer<T> {
    let end = Instant::now() + timeout.min(LONGEST);
    let mut changes = shared.changes();
    loop {
        changes.mark_unchanged();
        let over = Instant::now() >= end;
        let (found, again) = shared.with(|world| {
            typing::end_what_is_over(world);
            let found = look(world, over);
            let again = [typing::next_end(world), found.as_ref().ok().and_then(Look::again)];
            let again = again.into_iter().flatten().min();
            (found, again.map(|at| (at - world.now).max(Duration::from_millis(1))))
        });
        if let Look::Answer(answer) = found? {
            return Ok(answer);
        }
        tokio::select! {
            _ = changes.changed() => {}
            () = sleep_until(end) => {}
            () = sleep(again.unwrap_or(LONGEST)) => {}
        }
    }
}

impl<T> Look<T> {
    fn again(&self) -> Option<Timestamp> {
        match self {
            Self::Answer(_) => None,
            Self::Nothing(again) => *again,
        }
    }
}
