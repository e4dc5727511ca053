//! A message to more people than can be held one by one (L7).
//!
//! In a room of 50,000 a message has 150,000 receipts. Nobody reads them one by one, and they must
//! cost neither the memory nor the time of as many small ones. So such a message is *large*: what
//! is told and drawn is a [`Tally`], and who answered stands on disk, where `Store::page` finds it
//! for whoever looks.
//!
//! A tally alone cannot know a receipt that comes twice. While receipts of a large message come in
//! there is a [`Aggregate`] beside it: by person and device the best [`Stamp`], and whether it was
//! given the key, which is all that a tally depends on. It is made of what is on disk when it is
//! wanted, and thrown away afterwards. So the laws of merging hold as for any other message: the
//! tally is a function of the set of claims.
//!
//! A person is found by a hash that the caller makes with a key, so nobody can make up somebody
//! with another's. A device is found by any hash of its name, among that person's own: who makes up
//! two alike fools only themselves.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::{Answers, ExpectedDevice, Merged, PeerClaim, RECEIPTS_PER_PERSON, Refusal, Stamp, Who};
use crate::{
    delivery::{
        policy::MAX_AHEAD,
        receipt::{ClaimState, Summary},
    },
    model::{DeviceId, EventId, PeopleFilter, RoomId, Timestamp},
};

/// A message about more people than this is large.
pub const LARGE: usize = 200;
/// How many of the receipts that came last are kept at hand.
pub const NEWEST: usize = 5;

/// How many have a large message. Only devices that were given the key count as expected; a person
/// whose receipts name no device counts as one, as everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// People who were given the key.
    pub people: usize,
    /// Devices that were given the key, and people who count as one.
    pub expected: usize,
    /// Of those, how many have it.
    pub delivered: usize,
    /// Of those, how many could not decrypt it.
    pub undecryptable: usize,
    /// People who have it, whether they were given the key or not.
    pub users: usize,
    /// Devices that have it, whether they were given the key or not.
    pub devices: usize,
    /// The latest time at which any of them had it.
    pub latest: Option<Timestamp>,
}

impl Tally {
    /// With what the homeserver has counted (§7). It does not say who they are, so they are taken
    /// for devices that were given the key, as far as there are so many. Where it names no more
    /// devices than people, people are counted.
    #[must_use]
    pub fn with_summary(self, summary: Summary) -> Self {
        let mut tally = Self {
            users: self.users.max(summary.users),
            devices: self.devices.max(summary.devices),
            latest: self.latest.max(summary.latest),
            ..self
        };
        if summary.devices > self.delivered {
            tally.expected = if summary.devices > summary.users { self.expected } else { self.people };
            tally.delivered = summary.devices.min(tally.expected);
            tally.undecryptable = self.undecryptable.min(tally.expected - tally.delivered);
        }
        tally
    }

    fn replace(&mut self, before: Self, after: Self) {
        let change = |all: &mut usize, before: usize, after: usize| *all = (*all + after).saturating_sub(before);
        change(&mut self.people, before.people, after.people);
        change(&mut self.expected, before.expected, after.expected);
        change(&mut self.delivered, before.delivered, after.delivered);
        change(&mut self.undecryptable, before.undecryptable, after.undecryptable);
        change(&mut self.users, before.users, after.users);
        change(&mut self.devices, before.devices, after.devices);
    }
}

/// A large message, as it is told and drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Large {
    /// Its room.
    pub room_id: RoomId,
    /// Its id.
    pub event_id: EventId,
    /// `origin_server_ts`.
    pub sent: Timestamp,
    /// What was counted here.
    pub counted: Tally,
    /// What the homeserver has counted, at most.
    pub summary: Summary,
    /// The few receipts that came last, in their order.
    pub newest: Vec<Newest>,
}

/// A receipt that came lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest {
    /// Whose it is.
    pub who: Who,
    /// What it says.
    pub stamp: Stamp,
    /// Whether it counts: the device was given the key, or the person counts as one.
    pub counts: bool,
}

impl Large {
    /// How many have it, as far as anybody knows.
    pub fn tally(&self) -> Tally {
        self.counted.with_summary(self.summary)
    }

    /// Whether the homeserver has counted more than is known here by name, so that nobody can say
    /// who lacks it.
    pub fn is_anonymous(&self) -> bool {
        self.summary.devices > self.counted.delivered
    }

    /// The homeserver has counted so many (§7), in a room of so many members. What cannot be is cut
    /// (L7), a time that cannot be is none (L4), and the largest holds, number by number (L3).
    /// Whether that is anything new.
    pub fn sum_up(&mut self, summary: Summary, members: usize, now: Timestamp) -> bool {
        let possible = self.sent..=now + MAX_AHEAD;
        let summary = Summary {
            users: summary.users.min(members),
            devices: summary.devices.min(members.saturating_mul(RECEIPTS_PER_PERSON)),
            latest: summary.latest.filter(|at| possible.contains(at)),
        };
        let before = self.summary;
        self.summary = before.max(summary);
        self.summary != before
    }

    /// These receipts came, in this order.
    pub fn came(&mut self, receipts: impl IntoIterator<Item = Newest>) {
        for receipt in receipts {
            self.newest.retain(|known| known.who != receipt.who);
            self.newest.push(receipt);
        }
        self.newest.drain(..self.newest.len().saturating_sub(NEWEST));
    }
}

/// What a person is found by.
pub type PersonKey = [u8; 16];

/// Everybody a large message is about, as compact as can be.
#[derive(Clone, Debug)]
pub struct Aggregate {
    sent: Timestamp,
    people: HashMap<PersonKey, Person>,
    tally: Tally,
    receipts: usize,
    /// The tally's latest time is to be found anew: the receipt that had it is earlier now.
    latest_lowered: bool,
}

/// A person, by device.
#[derive(Clone, Debug, Default)]
struct Person(Vec<Device>);

#[derive(Clone, Copy, Debug)]
struct Device {
    name: u64,
    named: bool,
    given: bool,
    stamp: Option<Stamp>,
}

impl Aggregate {
    /// Nobody, so far, for a message that was sent then.
    pub fn new(sent: Timestamp) -> Self {
        Self { sent, people: HashMap::new(), tally: Tally::default(), receipts: 0, latest_lowered: false }
    }

    /// These are this person's devices as they were when it was sent. To be said before anything is
    /// claimed.
    pub fn expect(&mut self, person: PersonKey, devices: &[ExpectedDevice]) {
        let given = devices
            .iter()
            .filter(|device| device.excluded.is_none())
            .map(|known| Device { given: true, ..Device::new(Some(&known.device_id)) });
        self.change(person, |person| person.0.extend(given));
    }

    /// Takes up what was claimed earlier.
    pub fn recall(&mut self, person: PersonKey, device: Option<&DeviceId>, stamp: Stamp) {
        // Of what was taken in once, none is too many.
        let _ = self.enter(person, device, stamp, usize::MAX);
    }

    /// Takes in a claim (L3, L4, L7). Returns the stamp when it is to be kept.
    pub fn merge(
        &mut self,
        person: PersonKey,
        claim: &PeerClaim,
        now: Timestamp,
    ) -> Result<Option<(Stamp, Merged)>, Refusal> {
        let stamp = Stamp::of(claim, self.sent, now);
        self.enter(person, claim.device_id.as_ref(), stamp, RECEIPTS_PER_PERSON)
    }

    /// How a person has answered to this message.
    pub fn answers(&self, person: &PersonKey) -> Answers {
        self.people.get(person).map_or(Answers::Never, Person::answers)
    }

    /// Whether a receipt of theirs counts: of a device that was given the key, or of somebody who
    /// counts as one.
    pub fn counts(&self, person: &PersonKey, device: Option<&DeviceId>) -> bool {
        let name = short(device);
        self.people.get(person).is_some_and(|person| person.counted().any(|device| device.name == name))
    }

    /// Whether this person was given the key.
    pub fn expects(&self, person: &PersonKey) -> bool {
        self.people.get(person).is_some_and(|person| person.0.iter().any(|device| device.given))
    }

    /// Whether this person is one of those.
    pub fn is_one(&self, person: &PersonKey, of: PeopleFilter) -> bool {
        self.people.get(person).is_some_and(|person| person.is_one(of))
    }

    /// How many of those there are.
    pub fn number(&self, of: PeopleFilter) -> usize {
        self.people.values().filter(|person| person.is_one(of)).count()
    }

    /// How many have it.
    pub fn tally(&mut self) -> Tally {
        if std::mem::take(&mut self.latest_lowered) {
            let devices = self.people.values().flat_map(|person| &person.0);
            self.tally.latest = devices.filter_map(|device| delivered(device.stamp)?.at).max();
        }
        self.tally
    }

    /// How many receipts there are.
    pub fn receipts(&self) -> usize {
        self.receipts
    }

    fn enter(
        &mut self,
        person: PersonKey,
        device: Option<&DeviceId>,
        stamp: Stamp,
        most: usize,
    ) -> Result<Option<(Stamp, Merged)>, Refusal> {
        let changed = self.change(person, |person| {
            let known = &mut person.device(device, most).ok_or(Refusal::TooMany)?.stamp;
            let before = *known;
            let merged = known.as_mut().map_or(Merged::New, |known| known.merge(stamp));
            known.get_or_insert(stamp);
            Ok((*known != before).then_some((before, merged)))
        })?;
        let Some((before, merged)) = changed else { return Ok(None) };
        self.receipts += usize::from(before.is_none());
        let at = |stamp| delivered(stamp).and_then(|stamp: Stamp| stamp.at);
        self.latest_lowered |= before.is_some() && at(before) == self.tally.latest;
        self.tally.latest = self.tally.latest.max(at(Some(stamp)));
        Ok(Some((stamp, merged)))
    }

    fn change<T>(&mut self, person: PersonKey, change: impl FnOnce(&mut Person) -> T) -> T {
        let person = self.people.entry(person).or_default();
        let before = person.tally();
        let changed = change(person);
        self.tally.replace(before, person.tally());
        changed
    }
}

impl Device {
    fn new(device: Option<&DeviceId>) -> Self {
        Self { name: short(device), named: device.is_some(), given: false, stamp: None }
    }
}

impl Person {
    /// This device's entry; none for one more than so many that have been heard.
    fn device(&mut self, device: Option<&DeviceId>, most: usize) -> Option<&mut Device> {
        let wanted = Device::new(device);
        let found = self.0.iter().position(|known| known.name == wanted.name);
        let index = found.unwrap_or(self.0.len());
        let is_heard = |device: &Device| device.stamp.is_some();
        if !self.0.get(index).is_some_and(is_heard) && self.0.iter().filter(|known| is_heard(known)).count() >= most {
            return None;
        }
        if found.is_none() {
            self.0.push(wanted);
        }
        self.0.get_mut(index)
    }

    fn answers(&self) -> Answers {
        let heard = self.0.iter().filter(|device| device.stamp.is_some());
        heard.map(|device| if device.named { Answers::Named } else { Answers::Unnamed }).max().unwrap_or_default()
    }

    /// The entries that count: of devices that were given the key, or the one without a device
    /// where none names one.
    fn counted(&self) -> impl Iterator<Item = &Device> {
        let expected = self.0.iter().any(|device| device.given);
        let as_one = self.answers() == Answers::Unnamed;
        self.0.iter().filter(move |device| if as_one { expected && !device.named } else { device.given })
    }

    fn is_one(&self, of: PeopleFilter) -> bool {
        of == PeopleFilter::Everybody || self.counted().any(|device| delivered(device.stamp).is_none())
    }

    /// What one person is in a tally, but for the time.
    fn tally(&self) -> Tally {
        let in_state = |wanted| move |device: &&Device| device.stamp.is_some_and(|stamp| stamp.state == wanted);
        let have = self.0.iter().filter(in_state(ClaimState::Delivered));
        let users = usize::from(have.clone().next().is_some());
        Tally {
            people: usize::from(self.0.iter().any(|device| device.given)),
            expected: self.counted().count(),
            delivered: self.counted().filter(in_state(ClaimState::Delivered)).count(),
            undecryptable: self.counted().filter(in_state(ClaimState::Undecryptable)).count(),
            users,
            devices: have.filter(|device| device.named).count().max(users),
            latest: None,
        }
    }
}

fn delivered(stamp: Option<Stamp>) -> Option<Stamp> {
    stamp.filter(|stamp| stamp.state == ClaimState::Delivered)
}

fn short(device: Option<&DeviceId>) -> u64 {
    let mut hasher = DefaultHasher::new();
    device.map(DeviceId::as_str).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
