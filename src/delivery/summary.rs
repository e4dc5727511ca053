//! From the ledger to what is drawn: the people and devices of one own message, and its mark.
//!
//! Three things are kept apart (L5): that a device has not answered, that nobody can say because
//! none of that person's devices ever answered, and that the person has read the message. None of
//! them is derived from another.
//!
//! A receipt that names a person only (PROTOCOL §2) says that one of their devices has the message,
//! and not which. It must tick no device, and it must not leave a message for ever incomplete. So a
//! person whose receipts have never named a device counts as *one*, delivered when any receipt of
//! theirs came; their devices are listed and not counted. With the first receipt that names a
//! device this ends, for all messages: from then on each device counts, and a receipt without one
//! is a row of its own that does not.
//!
//! What a device does otherwise, its [responsiveness](super::responsiveness), says what its silence
//! means. One that was silent for weeks when the message was sent does not count, nor does one that
//! is gone and has not answered, until it answers this message after all: so a message that is
//! complete stays complete. Where nobody is left who counts, the message is on the server, and that
//! is all that is said.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ledger::{
        Answers, ExpectedDevice, OwnEvent, Stamp,
        aggregate::{Large, Newest},
    },
    receipt::ClaimState,
    responsiveness::Responsiveness,
};
use crate::model::{
    Bridge, Delivery, DeviceDelivery, DeviceId, DeviceState, Mark, PersonDelivery, ReadBy, SafeText, SendState, Tally,
    Timestamp, UserId,
};

mod bridge;

pub use bridge::bridged;

/// Up to so many expected devices are shown one by one.
pub const DEVICE_ROW: usize = 6;

/// What is known about the delivery of an own message, with the responsiveness of people, as far as
/// there are any. What people are called, the ledger does not know: their names are left empty.
pub fn delivery(own: &OwnEvent, responsiveness: &BTreeMap<UserId, Responsiveness>, now: Timestamp) -> Delivery {
    let claimants = own.claims.keys().map(|(user, _)| user);
    let users: BTreeSet<&UserId> = own.expected.keys().chain(claimants).collect();
    let none = Responsiveness::default();
    let view = |user| View { own, responsiveness: responsiveness.get(user).unwrap_or(&none), now };
    let people = users.into_iter().map(|user| view(user).person(user)).collect();
    Delivery::new(own.event_id.clone(), own.sent, people)
}

/// What is known about the delivery of a large message: its tally, and who answered last.
pub fn tallied(large: &Large) -> Delivery {
    let mut people: BTreeMap<&UserId, Vec<DeviceDelivery>> = BTreeMap::new();
    for Newest { who: (user, device), stamp, counts } in &large.newest {
        people.entry(user).or_default().push(DeviceDelivery {
            device_id: device.clone(),
            name: SafeText::default(),
            state: state(stamp),
            route: Some(stamp.route),
            expected: *counts,
        });
    }
    let person =
        |(user, devices): (&UserId, _)| PersonDelivery { user_id: user.clone(), name: SafeText::default(), devices };
    let people = people.into_iter().map(person).collect();
    let known = large.tally();
    let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
    let tally = Tally {
        users: number(known.users),
        delivered: number(if known.expected > 0 { known.delivered } else { known.devices }),
        undecryptable: number(known.undecryptable),
        expected: number(known.expected),
        latest: known.latest,
        anonymous: large.is_anonymous(),
    };
    Delivery { tally: Some(tally), ..Delivery::new(large.event_id.clone(), large.sent, people) }
}

/// What this user's own other devices did with an own message, as far as they were expected. They
/// stand for themselves: one that has never answered is no kvitto, whatever the others are.
pub fn own_devices(own: &OwnEvent, responsiveness: &Responsiveness, now: Timestamp) -> Vec<DeviceDelivery> {
    let view = View { own, responsiveness, now };
    let device = |user: &UserId, known: &ExpectedDevice| {
        let is_kvitto = responsiveness.is_heard(&known.device_id);
        let answers = if is_kvitto { Answers::Named } else { Answers::Never };
        let stamp = own.claims.get(&(user.clone(), Some(known.device_id.clone())));
        DeviceDelivery { expected: false, ..view.device(known, stamp, answers) }
    };
    own.expected.iter().flat_map(|(user, known)| known.iter().map(move |known| device(user, known))).collect()
}

/// Whether something is still to be waited for, or has gone wrong: a device that counts, of
/// somebody who answers, has not said that it has the message, or a bridge could not pass it on. Of
/// a large message it is its counts that say so.
pub fn is_undelivered(delivery: &Delivery) -> bool {
    let bridge_failed = delivery.bridge.as_ref().is_some_and(Bridge::has_failed);
    if let Some(tally) = delivery.tally {
        return bridge_failed || tally.delivered < tally.expected || tally.undecryptable > 0;
    }
    let devices = delivery.people.iter().flat_map(|person| &person.devices).filter(|device| device.expected);
    let missing = |state: &DeviceState| {
        matches!(state, DeviceState::Pending | DeviceState::Missed { .. } | DeviceState::Undecryptable { .. })
    };
    bridge_failed || devices.map(|device| &device.state).any(missing)
}

type Claims<'a> = BTreeMap<Option<&'a DeviceId>, &'a Stamp>;

/// A message as it stands now, and how one person answers.
#[derive(Clone, Copy)]
struct View<'a> {
    own: &'a OwnEvent,
    responsiveness: &'a Responsiveness,
    now: Timestamp,
}

impl View<'_> {
    fn person(self, user: &UserId) -> PersonDelivery {
        let mut claims: Claims<'_> = self.own.claims_of(user).collect();
        let answers = claims.keys().map(|device| Answers::of(*device)).fold(self.responsiveness.answers, Answers::max);
        let known = self.own.expected.get(user).map_or(&[][..], Vec::as_slice);

        let mut devices: Vec<DeviceDelivery> = Vec::new();
        if answers == Answers::Unnamed {
            devices.push(self.as_one(known, claims.remove(&None)));
        } else if explained(&claims) {
            claims.remove(&None);
        }
        let is_with_one = claims.contains_key(&None);
        devices.extend(known.iter().map(|known| {
            let device = self.device(known, claims.remove(&Some(&known.device_id)), answers);
            let may_have_it = is_with_one && matches!(device.state, DeviceState::Missed { .. });
            if may_have_it { DeviceDelivery { state: DeviceState::Quiet, ..device } } else { device }
        }));
        devices.extend(claims.into_iter().map(|(device, stamp)| DeviceDelivery {
            device_id: device.cloned(),
            name: SafeText::default(),
            state: state(stamp),
            route: Some(stamp.route),
            expected: false,
        }));
        devices.sort_by(|a, b| b.expected.cmp(&a.expected).then_with(|| a.device_id.cmp(&b.device_id)));
        PersonDelivery { user_id: user.clone(), name: SafeText::default(), devices }
    }

    /// A person whose receipts never name a device.
    fn as_one(self, known: &[ExpectedDevice], stamp: Option<&Stamp>) -> DeviceDelivery {
        let given = || known.iter().filter(|device| device.excluded.is_none());
        let mut there = given().filter(|known| !self.responsiveness.is_gone(&known.device_id)).peekable();
        let is_gone = given().next().is_some() && there.peek().is_none();
        let is_waited_for = there.any(ExpectedDevice::is_counted);
        let since = given().filter_map(|device| device.silent).max();
        DeviceDelivery {
            device_id: None,
            name: SafeText::default(),
            state: match (stamp, since) {
                (Some(stamp), _) => state(stamp),
                (None, _) if is_gone => DeviceState::Gone,
                (None, Some(since)) if !is_waited_for => DeviceState::Silent { since },
                (None, _) => DeviceState::Pending,
            },
            route: stamp.map(|stamp| stamp.route),
            expected: given().next().is_some() && (stamp.is_some() || is_waited_for),
        }
    }

    fn device(self, known: &ExpectedDevice, stamp: Option<&Stamp>, answers: Answers) -> DeviceDelivery {
        let is_gone = self.responsiveness.is_gone(&known.device_id);
        let state = match (stamp, &known.excluded, answers) {
            (Some(stamp), ..) => state(stamp),
            (None, Some(why), _) => DeviceState::Excluded { why: SafeText::line(why) },
            (None, None, _) if is_gone => DeviceState::Gone,
            (None, None, Answers::Never | Answers::Unnamed) => DeviceState::Unknown,
            (None, None, Answers::Named) => match known.silent {
                Some(since) => DeviceState::Silent { since },
                None => self.unanswered(&known.device_id),
            },
        };
        let is_waited_for = known.silent.is_none() && !is_gone;
        let is_counted = known.excluded.is_none() && (is_waited_for || stamp.is_some());
        DeviceDelivery {
            device_id: Some(known.device_id.clone()),
            name: known.name.clone(),
            state,
            route: stamp.map(|stamp| stamp.route),
            expected: is_counted && answers != Answers::Unnamed,
        }
    }

    fn unanswered(self, device: &DeviceId) -> DeviceState {
        match self.responsiveness.missed(self.own, device, self.now) {
            Some(later) => DeviceState::Missed { later },
            None if self.responsiveness.means_nothing(self.own, device) => DeviceState::Quiet,
            None => DeviceState::Pending,
        }
    }
}

/// Whether a receipt without a device says nothing beside those with one: a server gives a person's
/// earliest time with each of their devices, also when it names only the latest of these (PROTOCOL
/// §2).
fn explained(claims: &Claims<'_>) -> bool {
    let Some(unnamed) = claims.get(&None) else { return false };
    let mut named = claims.iter().filter(|(device, _)| device.is_some());
    named.any(|(_, stamp)| stamp.at == unnamed.at || (stamp.at.is_some() && stamp.at < unnamed.at))
}

fn state(stamp: &Stamp) -> DeviceState {
    match stamp.state {
        ClaimState::Delivered => DeviceState::Delivered { at: stamp.at },
        ClaimState::Undecryptable => DeviceState::Undecryptable { at: stamp.at },
    }
}

/// The mark of an own message. Only what is expected counts; `readers` are all who have read it,
/// and everyone has when each person with an expected device is among them. What a bridge could not
/// pass on is not delivered, whoever else has it.
pub fn mark(send: &SendState, delivery: Option<&Delivery>, readers: &[ReadBy]) -> Mark {
    match send {
        SendState::Waiting => return Mark::Waiting,
        SendState::Failed(_) => return Mark::Failed,
        SendState::Sent => {}
    }
    if delivery.and_then(|delivery| delivery.bridge.as_ref()).is_some_and(Bridge::has_failed) {
        return Mark::NotBridged;
    }
    if let Some(tally) = delivery.and_then(|delivery| delivery.tally) {
        return counted(tally);
    }
    // Those that nobody has been asked about have no delivery, or say what a bridge did.
    if delivery.is_some_and(|delivery| delivery.people.is_empty() && delivery.bridge.is_none()) {
        return Mark::Nobody;
    }
    let readers: BTreeSet<&UserId> = readers.iter().map(|reader| &reader.user_id).collect();
    let mut people = Vec::new();
    let mut read = true;
    for person in delivery.into_iter().flat_map(|delivery| &delivery.people) {
        let expected = person.devices.iter().filter(|device| device.expected);
        let states: Vec<DeviceState> = expected.map(|device| device.state.clone()).collect();
        if !states.is_empty() {
            people.push(states);
            read &= readers.contains(&person.user_id);
        }
    }
    match people.iter().map(Vec::len).sum() {
        0 => Mark::Sent,
        1..=DEVICE_ROW => Mark::Devices { people, read },
        _ => Mark::Devices { people, read }.counted(),
    }
}

/// The mark of a large message. Whether everyone has read it, nobody can say.
fn counted(tally: Tally) -> Mark {
    let [delivered, expected, undecryptable] = [tally.delivered, tally.expected, tally.undecryptable]
        .map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    match expected {
        0 => Mark::Sent,
        _ if delivered >= expected => Mark::Delivered,
        _ => Mark::Count { delivered, expected, undecryptable, missed: 0 },
    }
}

#[cfg(test)]
mod tests;
