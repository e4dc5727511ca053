//! Claims that came before the message they are about (L1).
//!
//! A peer that is quick can acknowledge a message before its sender's own sync has brought the echo. Such a claim is
//! kept for a minute; whether it is about an own event at all is seen only then. Anybody can make such claims up, so
//! there are bounds, and one user's flood takes none of the others' room but the last of it.

use std::collections::{BTreeMap, HashMap};

use super::{PeerClaim, Refusal, Refused};
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
#[must_use = "what is refused is counted"]
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Early {
    /// What was claimed.
    pub claims: Vec<PeerClaim>,
    /// What the homeserver has counted, and in which room.
    pub summary: Option<(RoomId, Summary)>,
}

impl Early {
    /// L1: what is said of the event in its room; the rest is refused.
    pub fn in_room(self, room: &RoomId) -> (Self, Refused) {
        let held = self.len();
        let claims = self.claims.into_iter().filter(|claim| claim.room == *room).collect();
        let here = Self { claims, summary: self.summary.filter(|(named, _)| named == room) };
        let refused = Refused::of(Refusal::OtherRoom, held - here.len());
        (here, refused)
    }

    /// All of it is refused, for this reason.
    pub fn refuse(self, refusal: Refusal) -> Refused {
        Refused::of(refusal, self.len())
    }

    /// What the homeserver has counted is one claim.
    fn len(&self) -> usize {
        self.claims.len() + usize::from(self.summary.is_some())
    }
}

impl Held {
    /// Holds nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Holds a claim, if there is room for it.
    pub fn hold(&mut self, claim: PeerClaim, now: Ms) -> Result<(), Refusal> {
        let of_user = self.per_user.get(&claim.user).copied().unwrap_or_default();
        if self.len >= HELD_MOST || of_user >= HELD_MOST_PER_USER {
            return Err(Refusal::TooMany);
        }
        self.len += 1;
        self.per_user.insert(claim.user.clone(), of_user + 1);
        self.claims.entry(claim.event.clone()).or_default().push((now, claim));
        Ok(())
    }

    /// Holds what the homeserver has counted (§7), the last that it said about an event, if there is room for it.
    pub fn hold_summary(&mut self, room: &RoomId, event: &EventId, summary: Summary, now: Ms) -> Result<(), Refusal> {
        if self.summaries.len() >= HELD_SUMMARIES && !self.summaries.contains_key(event) {
            return Err(Refusal::TooMany);
        }
        self.summaries.insert(event.clone(), (now, room.clone(), summary));
        Ok(())
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

    /// Refuses what was held for a minute, but what is about an event that is known by now and being recorded.
    pub fn expire(&mut self, now: Ms, is_known: impl Fn(&EventId) -> bool) -> Refused {
        let over = |since: Ms| now.saturating_sub(since) >= HELD_FOR;
        let mut expired = Vec::new();
        self.claims.retain(|event, claims| {
            if !is_known(event) {
                expired.extend(claims.extract_if(.., |(since, _)| over(*since)));
            }
            !claims.is_empty()
        });
        self.forget(expired.iter().map(|(_, claim)| claim));
        let summaries = self.summaries.len();
        self.summaries.retain(|event, (since, ..)| !over(*since) || is_known(event));
        Refused::of(Refusal::Unknown, expired.len() + summaries - self.summaries.len())
    }

    /// How many claims are held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
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
