//! Claims that came before the message they are about (L1).
//!
//! A peer that is quick can acknowledge a message before its sender's own sync has brought the
//! echo. Such a claim is kept until that is known; whether it is about an own event at all is seen
//! only then. What a sync brings when it brings anything, the echo is among, or in the gap that it
//! left. So the time that a claim has begins with the first sync that brought something after it,
//! and is over with one: a connection that was lost, or a program that did not run, costs no tick.
//! What is held stands on [disk](crate::delivery::store) too (L8).
//!
//! Anybody can make such claims up, so there are bounds, and one user's flood takes none of the
//! others' room but the last of it.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::{PeerClaim, Refusal, Refused};
use crate::{
    delivery::receipt::Summary,
    model::{EventId, RoomId, Timestamp, UserId},
};

/// How long a claim is held, from one sync to another.
const HELD_FOR: Duration = Duration::from_mins(1);
/// How many claims are held at most.
const HELD_MOST: usize = 10_000;
/// How many of these may be from one user.
const HELD_MOST_PER_USER: usize = 200;
/// Of so many events the homeserver's count is held.
const HELD_SUMMARIES: usize = 1_000;

/// Claims about events that are not known yet.
#[derive(Debug, Default)]
pub struct Held {
    claims: BTreeMap<EventId, Vec<(Since, PeerClaim)>>,
    summaries: BTreeMap<EventId, (Since, Counted)>,
    per_user: HashMap<UserId, usize>,
    len: usize,
}

/// When the first sync came after something was held; `None` when none has.
type Since = Option<Timestamp>;

/// What the homeserver has counted for one event (§7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The room that it names.
    pub room_id: RoomId,
    /// The event.
    pub event_id: EventId,
    /// The counts.
    pub summary: Summary,
}

/// What was claimed about events that are not known yet.
#[must_use = "what is refused is counted"]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Early {
    /// What was claimed.
    pub claims: Vec<PeerClaim>,
    /// What the homeserver has counted, once for each event.
    pub summaries: Vec<Counted>,
}

impl Early {
    /// L1: what is said of events in their room, and the rest, which is to be refused.
    pub fn in_room(self, room: &RoomId) -> (Self, Self) {
        let (here, elsewhere) = self.claims.into_iter().partition(|claim| claim.room_id == *room);
        let (counted, counted_elsewhere) = self.summaries.into_iter().partition(|counted| counted.room_id == *room);
        let of = |claims, summaries| Self { claims, summaries };
        (of(here, counted), of(elsewhere, counted_elsewhere))
    }

    /// All of it is refused, for this reason. What the homeserver has counted is one claim.
    pub fn refused(&self, refusal: Refusal) -> Refused {
        Refused::of(refusal, self.claims.len() + self.summaries.len())
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty() && self.summaries.is_empty()
    }
}

impl From<Vec<PeerClaim>> for Early {
    fn from(claims: Vec<PeerClaim>) -> Self {
        Self { claims, summaries: Vec::new() }
    }
}

impl From<Counted> for Early {
    fn from(counted: Counted) -> Self {
        Self { claims: Vec::new(), summaries: vec![counted] }
    }
}

impl Held {
    /// Holds nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Holds a claim, if there is room for it.
    pub fn hold(&mut self, claim: PeerClaim) -> Result<(), Refusal> {
        let of_user = self.per_user.get(&claim.user_id).copied().unwrap_or_default();
        if self.len >= HELD_MOST || of_user >= HELD_MOST_PER_USER {
            return Err(Refusal::TooMany);
        }
        self.len += 1;
        self.per_user.insert(claim.user_id.clone(), of_user + 1);
        self.claims.entry(claim.event_id.clone()).or_default().push((None, claim));
        Ok(())
    }

    /// Holds what the homeserver has counted (§7), the last that it said about an event, if there
    /// is room for it.
    pub fn hold_summary(&mut self, counted: Counted) -> Result<(), Refusal> {
        if self.summaries.len() >= HELD_SUMMARIES && !self.summaries.contains_key(&counted.event_id) {
            return Err(Refusal::TooMany);
        }
        self.summaries.insert(counted.event_id.clone(), (None, counted));
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
        let summaries = self.summaries.remove(event).map(|(_, counted)| counted).into_iter().collect();
        Early { claims, summaries }
    }

    /// A sync has brought something, and that was taken in. Takes out what is about no event
    /// although it had its time; not what may be on its way: `is_coming` says so of an event and
    /// the room that was named with it.
    pub fn synced(&mut self, now: Timestamp, is_coming: impl Fn(&EventId, &RoomId) -> bool) -> Early {
        let is_over = |since: &mut Since| now - *since.get_or_insert(now) >= HELD_FOR;
        let mut over = Early::default();
        self.claims.retain(|event, claims| {
            let expired = claims.extract_if(.., |(since, claim)| is_over(since) && !is_coming(event, &claim.room_id));
            over.claims.extend(expired.map(|(_, claim)| claim));
            !claims.is_empty()
        });
        self.forget(over.claims.iter());
        self.summaries.retain(|event, (since, counted)| {
            let expired = is_over(since) && !is_coming(event, &counted.room_id);
            over.summaries.extend(expired.then(|| counted.clone()));
            !expired
        });
        over
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
            if let Some(held) = self.per_user.get_mut(&claim.user_id) {
                *held -= 1;
                if *held == 0 {
                    self.per_user.remove(&claim.user_id);
                }
            }
        }
    }
}
