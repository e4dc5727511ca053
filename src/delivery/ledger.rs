//! What is believed about own messages (PROTOCOL §6).
//!
//! Claims come from other people's devices: twice, in any order, before the message that they are
//! about, and from liars. So the ledger is a set of maxima. Per own event, user and device it keeps
//! the one best [`Stamp`] of all that were ever claimed, and 'best' is a total order; merging is
//! then idempotent and order-free by construction (L3), and whatever a device says can only ever
//! touch its own entry.
//!
//! A message to thousands is believed in the same way, but counted: see [`aggregate`].

use std::collections::{BTreeMap, BTreeSet};

use super::{
    policy::MAX_AHEAD,
    receipt::{Claim, ClaimState, Native},
};
use crate::model::{DeviceId, EventId, RoomId, Route, SafeText, Timestamp, UserId};

pub mod aggregate;
mod bridge;
mod held;
mod refused;

pub use bridge::{BridgeReport, is_bridge};
pub use held::{Counted, Early, Held};
pub use refused::{Refusal, Refused};

/// L7: so many receipts of one person are kept for one message. Over `native` a device is a mere
/// name, which anybody who speaks for the person can make up; nobody has that many real ones.
pub const RECEIPTS_PER_PERSON: usize = 100;

/// Whose receipt it is: the device is missing where it names a user only.
pub type Who = (UserId, Option<DeviceId>);

/// An own message and everything that was claimed about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnEvent {
    /// Its room.
    pub room_id: RoomId,
    /// Its id.
    pub event_id: EventId,
    /// `origin_server_ts`.
    pub sent: Timestamp,
    /// The devices of others as they were when it was sent; those without `excluded` were given the
    /// room key.
    pub expected: BTreeMap<UserId, Vec<ExpectedDevice>>,
    /// The best claim per user and device.
    pub claims: BTreeMap<Who, Stamp>,
}

/// A device that was there when an own message was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedDevice {
    /// The device.
    pub device_id: DeviceId,
    /// Its public display name, or empty.
    pub name: SafeText,
    /// Why it was not given the room key; `None` when it was.
    pub excluded: Option<String>,
    /// Since when it was [silent](super::responsiveness) when the message was sent, and is not
    /// waited for.
    pub silent: Option<Timestamp>,
}

impl ExpectedDevice {
    /// Whether an answer is waited for.
    pub fn is_counted(&self) -> bool {
        self.excluded.is_none() && self.silent.is_none()
    }
}

/// What one device is believed to have done with one own message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When, by the claimant's clock; `None` when it did not say, or claimed the impossible (L4).
    pub at: Option<Timestamp>,
    /// What.
    pub state: ClaimState,
    /// How the claim came.
    pub route: Route,
    /// When it came, by this clock.
    pub heard: Timestamp,
}

impl Stamp {
    /// What a claim says about an event that was sent then. A time that cannot be is none (L4).
    fn of(claim: &PeerClaim, sent: Timestamp, now: Timestamp) -> Self {
        let possible = sent..=now + MAX_AHEAD;
        let at = claim.at.filter(|at| possible.contains(at));
        Self { at, state: claim.state, route: claim.route, heard: claim.heard }
    }

    /// Becomes the better of both (L3).
    pub fn merge(&mut self, other: Self) -> Merged {
        if other.rank() >= self.rank() {
            return Merged::Same;
        }
        let before = std::mem::replace(self, other);
        match (before.state == other.state, before.at == other.at) {
            (false, _) => Merged::New,
            (true, false) => Merged::Earlier,
            (true, true) => Merged::Same,
        }
    }

    /// Smaller is believed: readable over undecryptable, a known time over an unknown one, the
    /// earliest time (L3). The rest only makes the order total.
    fn rank(&self) -> impl Ord + use<> {
        let route = match self.route {
            Route::Native => 0,
            Route::Direct => 1,
        };
        (self.state, self.at.is_none(), self.at, self.heard, route)
    }
}

/// What a peer claims about an own message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerClaim {
    /// The room that the claim names.
    pub room_id: RoomId,
    /// The message.
    pub event_id: EventId,
    /// The claimant, as the channel proves it.
    pub user_id: UserId,
    /// Their device, as the channel proves it; `None` where a receipt names a user only.
    pub device_id: Option<DeviceId>,
    /// When, by the claimant's clock.
    pub at: Option<Timestamp>,
    /// What.
    pub state: ClaimState,
    /// How it came.
    pub route: Route,
    /// When it came.
    pub heard: Timestamp,
    /// That it was silent about what was sent before means nothing, it says (§3).
    pub quiet: bool,
}

impl PeerClaim {
    /// A receipt that the homeserver has passed on (§2).
    pub fn native(room: RoomId, receipt: Native, heard: Timestamp) -> Self {
        let Native { event_id: event, user_id: user, device_id: device, at, quiet } = receipt;
        Self {
            room_id: room,
            event_id: event,
            user_id: user,
            device_id: device,
            at,
            state: ClaimState::Delivered,
            route: Route::Native,
            heard,
            quiet,
        }
    }

    /// What a device has said about an event (§3).
    pub fn direct(
        room: RoomId,
        event: EventId,
        claim: Claim,
        user: UserId,
        device: DeviceId,
        heard: Timestamp,
    ) -> Self {
        let (device, route) = (Some(device), Route::Direct);
        Self {
            room_id: room,
            event_id: event,
            user_id: user,
            device_id: device,
            at: claim.at,
            state: claim.state,
            route,
            heard,
            quiet: false,
        }
    }
}

/// What a claim changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// The device's state: heard for the first time, or readable after all.
    New,
    /// Only the time.
    Earlier,
    /// Nothing that anybody would see.
    Same,
}

impl OwnEvent {
    /// Whether a device that is waited for has claimed nothing.
    pub fn is_open(&self) -> bool {
        let answered = |user: &UserId, device: &DeviceId| self.claims_of(user).any(|(known, _)| known == Some(device));
        self.expected
            .iter()
            .any(|(user, devices)| devices.iter().any(|known| known.is_counted() && !answered(user, &known.device_id)))
    }

    /// What was claimed in the name of this person, by device.
    pub fn claims_of(&self, user: &UserId) -> impl Iterator<Item = (Option<&DeviceId>, &Stamp)> {
        let claims = self.claims.range((user.clone(), None)..);
        claims
            .take_while(move |((claimant, _), _)| claimant == user)
            .map(|((_, device), stamp)| (device.as_ref(), stamp))
    }

    /// Takes in a claim (L3, L4). Refuses one about another event or naming another room (L1), and
    /// one of too many devices of the same person (L7).
    pub fn merge(&mut self, claim: PeerClaim, now: Timestamp) -> Result<Merged, Refusal> {
        if claim.event_id != self.event_id {
            return Err(Refusal::Unknown);
        }
        if claim.room_id != self.room_id {
            return Err(Refusal::OtherRoom);
        }
        let stamp = Stamp::of(&claim, self.sent, now);
        let key = (claim.user_id, claim.device_id);
        if let Some(known) = self.claims.get_mut(&key) {
            return Ok(known.merge(stamp));
        }
        if self.claims_of(&key.0).count() >= RECEIPTS_PER_PERSON {
            return Err(Refusal::TooMany);
        }
        self.claims.insert(key, stamp);
        Ok(Merged::New)
    }

    /// How many people it is about: those it was sent to, and those who claimed anything.
    pub fn people(&self) -> usize {
        let claimants: BTreeSet<&UserId> = self.claims.keys().map(|(user, _)| user).collect();
        self.expected.len() + claimants.into_iter().filter(|user| !self.expected.contains_key(*user)).count()
    }
}

/// How a person's devices answer, of all that this user ever sent (L5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answers {
    /// Not at all, so far.
    #[default]
    Never,
    /// With receipts that name the person only.
    Unnamed,
    /// With receipts that name a device.
    Named,
}

impl Answers {
    /// What a receipt of this device says.
    pub fn of(device: Option<&DeviceId>) -> Self {
        if device.is_some() { Self::Named } else { Self::Unnamed }
    }
}

/// How a claimant stands to this user and to the room of the event, for L2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct ClaimantFacts {
    /// It is this account.
    pub own: bool,
    /// Joined to the room.
    pub joined: bool,
    /// Ignored by this user.
    pub ignored: bool,
    /// The channel proves who it is: over `direct`, Olm, and the device belongs to that user; over
    /// `native`, the homeserver says so.
    pub proven: bool,
}

/// Whether a claim of this claimant may be considered (L2).
pub fn admissible(facts: ClaimantFacts) -> Result<(), Refusal> {
    match facts {
        ClaimantFacts { proven: false, .. } => Err(Refusal::Unproven),
        ClaimantFacts { own: true, .. } => Err(Refusal::Own),
        ClaimantFacts { joined: false, .. } => Err(Refusal::NotJoined),
        ClaimantFacts { ignored: true, .. } => Err(Refusal::Ignored),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
