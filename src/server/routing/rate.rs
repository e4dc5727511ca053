//! How many receipts a user may post: 5 a second, 100 at once (PROTOCOL §7).
//!
//! A bucket of 100 tokens that gets a new one every 200 ms is kept as one number, the moment at which it will be full
//! again. Each token taken moves it 200 ms on, and there is no token left when it is 100 × 200 ms ahead. A bucket that
//! is full is as good as none, so it is forgotten; memory is bounded by what was taken in the last 40 seconds.

use std::collections::HashMap;

use crate::model::{Ms, UserId};

/// A user may post one receipt in so many milliseconds, in the long run.
pub const INTERVAL: Ms = 200;
/// A user may post so many at once.
pub const BURST: u64 = 100;

/// A bucket of tokens per user.
#[derive(Debug)]
pub struct RateLimit {
    interval: Ms,
    burst: u64,
    /// When each user's bucket is full again.
    full_at: HashMap<UserId, Ms>,
    /// When the full ones were last forgotten.
    swept: Ms,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self::new(INTERVAL, BURST)
    }
}

impl RateLimit {
    /// One token every `interval`, and at most `burst` of them.
    pub fn new(interval: Ms, burst: u64) -> Self {
        Self { interval, burst, full_at: HashMap::new(), swept: 0 }
    }

    /// Takes one of the user's tokens; an error says in how many milliseconds there will be one. To be refused costs
    /// nothing.
    pub fn take(&mut self, user: &UserId, now: Ms) -> Result<(), Ms> {
        self.sweep(now);
        let full_at = self.full_at.get(user).copied().unwrap_or(now).max(now).saturating_add(self.interval);
        match full_at.saturating_sub(now.saturating_add(self.filling())) {
            0 => {
                self.full_at.insert(user.clone(), full_at);
                Ok(())
            }
            early => Err(early),
        }
    }

    /// How long an empty bucket takes to be full.
    fn filling(&self) -> Ms {
        self.interval.saturating_mul(self.burst)
    }

    fn sweep(&mut self, now: Ms) {
        if now.saturating_sub(self.swept) >= self.filling() {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.swept = now;
        }
    }
}

#[cfg(test)]
mod tests;
