//! Waiting between attempts: little at first, then longer, so that a server in trouble is not kept
//! there.

use std::time::Duration;

/// How long to wait before the next attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// From `first`, doubled each time, up to `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// An attempt has failed: wait so long.
    pub fn next_delay(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 2).min(self.longest);
        now
    }

    /// An attempt has succeeded.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_the_longest_and_begins_anew() {
        let mut pause = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        let seconds = |pause: &mut Backoff| pause.next_delay().as_secs();
        assert_eq!([(); 5].map(|()| seconds(&mut pause)), [1, 2, 4, 5, 5]);
        pause.reset();
        assert_eq!(seconds(&mut pause), 1);
    }
}
