//! How many receipts a user may post: 5 a second, 100 at once (PROTOCOL §7).

use std::time::Duration;

use crate::{
    delivery::bucket::Buckets,
    model::{Timestamp, UserId},
};

/// A user may post one receipt in this time, in the long run.
pub const INTERVAL: Duration = Duration::from_millis(200);
/// A user may post so many at once.
pub const BURST: u64 = 100;

/// A bucket of tokens per user.
#[derive(Debug)]
pub struct RateLimit(Buckets);

impl Default for RateLimit {
    fn default() -> Self {
        Self::new(INTERVAL, BURST)
    }
}

impl RateLimit {
    /// One token every `interval`, and at most `burst` of them.
    pub fn new(interval: Duration, burst: u64) -> Self {
        Self(Buckets::new(interval, burst))
    }

    /// Takes one of the user's tokens; an error says how long it is until there is one. To be
    /// refused costs nothing.
    pub fn take(&mut self, user: &UserId, now: Timestamp) -> Result<(), Duration> {
        let bucket = self.0.of(user, now);
        let early = bucket.next(1, now) - now;
        if !early.is_zero() {
            return Err(early);
        }
        bucket.take(1, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
