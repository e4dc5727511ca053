//! How many receipts a user may post: 5 a second, 100 at once (PROTOCOL §7).

use crate::{
    delivery::bucket::Buckets,
    model::{Ms, UserId},
};

/// A user may post one receipt in so many milliseconds, in the long run.
pub const INTERVAL: Ms = 200;
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
    pub fn new(interval: Ms, burst: u64) -> Self {
        Self(Buckets::new(interval, burst))
    }

    /// Takes one of the user's tokens; an error says in how many milliseconds there will be one. To
    /// be refused costs nothing.
    pub fn take(&mut self, user: &UserId, now: Ms) -> Result<(), Ms> {
        let bucket = self.0.of(user, now);
        match bucket.next(1, now).saturating_sub(now) {
            0 => {
                bucket.take(1, now);
                Ok(())
            }
            early => Err(early),
        }
    }
}

#[cfg(test)]
mod tests;
