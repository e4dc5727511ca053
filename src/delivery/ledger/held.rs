//! Claims that came before the message they are about (L1).
//!
//! A peer that is quick can acknowledge a message before its sender's own sync has brought the echo. Such a claim is
//! kept for a minute; whether it is about an own event at all is seen only then. Anybody can make such claims up, so
//! there are bounds, and one user's flood takes none of the others' room but the last of it.

use std::collections::{BTreeMap, HashMap};

use super::PeerClaim;
use crate::{
    delivery::receipt::Summary,
    model::{EventId, Ms, RoomId, UserId},
};

/// How long a claim is held.
const HELD_FOR: Ms = 60 * 1000;
/// So many claims are held in all.
const HELD_MOST: usize = 10_000;
/// So many of them from one user.
const HELD_MOST_PER_USER: usize = 200;
/// Of so many events the homeserver's count is held.
const HELD_SUMMARIES: usize = 1_000;

/// Claims about events that are not known yet.
#[derive(Debug, Default)]
pub struct Held {
    claims: BTreeMap<EventId, Vec<(Ms, PeerClaim)>>,
    summaries: BTreeMap<EventId, (Ms, RoomId, Summary)>,
    per_user: HashMap<UserId, usize>,
    len: usize,
}

/// What was held about one event.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Early {
    /// What was claimed.
    pub claims: Vec<PeerClaim>,
    /// What the homeserver has counted, and in which room.
    pub summary: Option<(RoomId, Summary)>,
}

impl Held {
    /// Holds nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Holds a claim; false when there is no room for it and it is dropped.
    pub fn hold(&mut self, claim: PeerClaim, now: Ms) -> bool {
        if self.is_full_for(&claim.user) {
            self.expire(now);
            if self.is_full_for(&claim.user) {
                return false;
            }
        }
        self.len += 1;
        *self.per_user.entry(claim.user.clone()).or_default() += 1;
        self.claims.entry(claim.event.clone()).or_default().push((now, claim));
        true
    }

    /// Holds what the homeserver has counted (§7), the last that it said about an event; false when there is no room for it.
    pub fn hold_summary(&mut self, room: &RoomId, event: &EventId, summary: Summary, now: Ms) -> bool {
        if self.summaries.len() >= HELD_SUMMARIES {
            self.expire(now);
        }
        let room_left = self.summaries.len() < HELD_SUMMARIES || self.summaries.contains_key(event);
        if room_left {
            self.summaries.insert(event.clone(), (now, room.clone(), summary));
        }
        room_left
    }

    /// Whether anything is held about this event.
    pub fn holds(&self, event: &EventId) -> bool {
        self.claims.contains_key(event) || self.summaries.contains_key(event)
    }

    /// Takes out what is held about an event that is known now.
    pub fn take(&mut self, event: &EventId) -> Early {
        let claims: Vec<_> = self.claims.remove(event).into_iter().flatten().map(|(_, claim)| claim).collect();
        self.forget(claims.iter());
        let summary = self.summaries.remove(event).map(|(_, room, summary)| (room, summary));
        Early { claims, summary }
    }

    /// Drops what was held for a minute.
    pub fn expire(&mut self, now: Ms) {
        let over = |(since, _): &(Ms, PeerClaim)| now.saturating_sub(*since) >= HELD_FOR;
        let mut expired = Vec::new();
        self.claims.retain(|_, claims| {
            expired.extend(claims.extract_if(.., |held| over(held)));
            !claims.is_empty()
        });
        self.forget(expired.iter().map(|(_, claim)| claim));
        self.summaries.retain(|_, (since, ..)| now.saturating_sub(*since) < HELD_FOR);
    }

    /// How many claims are held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn is_full_for(&self, user: &UserId) -> bool {
        self.len >= HELD_MOST || self.per_user.get(user).is_some_and(|held| *held >= HELD_MOST_PER_USER)
    }

    fn forget<'a>(&mut self, claims: impl Iterator<Item = &'a PeerClaim>) {
        for claim in claims {
            self.len -= 1;
            if let Some(held) = self.per_user.get_mut(&claim.user) {
                *held -= 1;
                if *held == 0 {
                    self.per_user.remove(&claim.user);
                }
            }
        }
    }
}
