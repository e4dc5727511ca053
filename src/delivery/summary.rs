//! From the ledger to what is drawn: the people and devices of one own message, and its mark.
//!
//! Three things are kept apart (L5): that a device has not answered, that nobody can say because none of that
//! person's devices ever answered, and that the person has read the message. None of them is derived from another.
//!
//! A receipt that names a person only (PROTOCOL §2) says that one of their devices has the message, and not which. It must
//! tick no device, and it must not leave a message for ever incomplete. So a person whose receipts have never named a
//! device counts as *one*, delivered when any receipt of theirs came; their devices are listed and not counted. With the
//! first receipt that names a device this ends, for all messages: from then on each device counts, and a receipt without one
//! is a row of its own that does not.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ledger::{
        Answers, ExpectedDevice, OwnEvent, Stamp,
        crowd::{Large, Newest},
    },
    receipt::ClaimState,
};
use crate::model::{
    BridgeState, Delivery, DeviceDelivery, DeviceId, DeviceState, Mark, PersonDelivery, ReadBy, SafeText, SendState,
    Tally, UserId,
};

mod bridge;

pub use bridge::bridged;

/// Up to so many expected devices are shown one by one.
pub const DEVICE_ROW: usize = 6;

/// What is known about the delivery of an own message. `answers` tells how a person's devices answer, of all messages.
/// What people are called, the ledger does not know: their names are left empty.
pub fn delivery(own: &OwnEvent, answers: &dyn Fn(&UserId) -> Answers) -> Delivery {
    let claimants = own.claims.keys().map(|(user, _)| user);
    let users: BTreeSet<&UserId> = own.expected.keys().chain(claimants).collect();
    let people = users.into_iter().map(|user| person(own, user, answers(user))).collect();
    Delivery::new(own.event.clone(), own.sent, people)
}

/// What is known about the delivery of a large message: its tally, and who answered last.
pub fn tallied(large: &Large) -> Delivery {
    let mut people: BTreeMap<&UserId, Vec<DeviceDelivery>> = BTreeMap::new();
    for Newest { who: (user, device), stamp, counts } in &large.newest {
        people.entry(user).or_default().push(DeviceDelivery {
            device: device.clone(),
            name: SafeText::default(),
            state: state(stamp),
            route: Some(stamp.route),
            expected: *counts,
        });
    }
    let person =
        |(user, devices): (&UserId, _)| PersonDelivery { user: user.clone(), name: SafeText::default(), devices };
    let people = people.into_iter().map(person).collect();
    let known = large.tally();
    let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
    let tally = Tally {
        users: number(known.users),
        delivered: number(if known.expected > 0 { known.delivered } else { known.devices }),
        undecryptable: number(known.undecryptable),
        expected: number(known.expected),
        latest: known.latest,
    };
    Delivery { tally: Some(tally), ..Delivery::new(large.event.clone(), large.sent, people) }
}

type Claims<'a> = BTreeMap<Option<&'a DeviceId>, &'a Stamp>;

fn person(own: &OwnEvent, user: &UserId, answers: Answers) -> PersonDelivery {
    let mut claims: Claims<'_> = own.claims_of(user).collect();
    let answers = claims.keys().map(|device| Answers::of(*device)).fold(answers, Answers::max);
    let known = own.expected.get(user).map_or(&[][..], Vec::as_slice);

    let mut devices: Vec<DeviceDelivery> = Vec::new();
    if answers == Answers::Unnamed {
        let counted = known.iter().any(|device| device.excluded.is_none());
        let stamp = claims.remove(&None);
        devices.push(DeviceDelivery {
            device: None,
            name: SafeText::default(),
            state: stamp.map_or(DeviceState::Pending, state),
            route: stamp.map(|stamp| stamp.route),
            expected: counted,
        });
    } else if explained(&claims) {
        claims.remove(&None);
    }
    devices.extend(known.iter().map(|known| known_device(known, claims.remove(&Some(&known.device)), answers)));
    devices.extend(claims.into_iter().map(|(device, stamp)| DeviceDelivery {
        device: device.cloned(),
        name: SafeText::default(),
        state: state(stamp),
        route: Some(stamp.route),
        expected: false,
    }));
    devices.sort_by(|a, b| b.expected.cmp(&a.expected).then_with(|| a.device.cmp(&b.device)));
    PersonDelivery { user: user.clone(), name: SafeText::default(), devices }
}

fn known_device(known: &ExpectedDevice, stamp: Option<&Stamp>, answers: Answers) -> DeviceDelivery {
    let state = match (stamp, &known.excluded, answers) {
        (Some(stamp), ..) => state(stamp),
        (None, Some(why), _) => DeviceState::Excluded { why: SafeText::line(why) },
        (None, None, Answers::Named) => DeviceState::Pending,
        (None, None, Answers::Never | Answers::Unnamed) => DeviceState::Unknown,
    };
    DeviceDelivery {
        device: Some(known.device.clone()),
        name: known.name.clone(),
        state,
        route: stamp.map(|stamp| stamp.route),
        expected: known.excluded.is_none() && answers != Answers::Unnamed,
    }
}

/// Whether a receipt without a device says nothing beside those with one: a server gives a person's earliest time with
/// each of their devices, also when it names only the latest of these (PROTOCOL §2).
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

/// The mark of an own message. Only what is expected counts; `readers` are all who have read it, and everyone has when
/// each person with an expected device is among them. What a bridge could not pass on is not delivered, whoever else has it.
pub fn mark(send: &SendState, delivery: Option<&Delivery>, readers: &[ReadBy]) -> Mark {
    match send {
        SendState::Waiting => return Mark::Waiting,
        SendState::Failed(_) => return Mark::Failed,
        SendState::Sent => {}
    }
    let bridge = delivery.and_then(|delivery| delivery.bridge.as_ref());
    if bridge.is_some_and(|bridge| matches!(bridge.state, BridgeState::Retriable | BridgeState::Failed)) {
        return Mark::NotBridged;
    }
    if let Some(tally) = delivery.and_then(|delivery| delivery.tally) {
        return counted(tally);
    }
    let readers: BTreeSet<&UserId> = readers.iter().map(|reader| &reader.user).collect();
    let mut people = Vec::new();
    let mut read = true;
    for person in delivery.into_iter().flat_map(|delivery| &delivery.people) {
        let expected = person.devices.iter().filter(|device| device.expected);
        let states: Vec<DeviceState> = expected.map(|device| device.state.clone()).collect();
        if !states.is_empty() {
            people.push(states);
            read &= readers.contains(&person.user);
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
