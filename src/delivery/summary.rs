//! From the ledger to what is drawn: the people and devices of one own message, and its mark.
//!
//! Three things are kept apart (L5): that a device has not answered, that nobody can say because none of that
//! person's devices ever answered, and that the person has read the message. None of them is derived from another.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ledger::{OwnEvent, Stamp},
    receipt::ClaimState,
};
use crate::model::{
    Delivery, DeviceDelivery, DeviceId, DeviceState, Mark, PersonDelivery, ReadBy, SafeText, SendState, UserId,
};

/// Up to so many expected devices are shown one by one.
pub const DEVICE_ROW: usize = 6;

/// What is known about the delivery of an own message. `answers` tells whether any device of a person ever sent a
/// receipt, for any message. What people are called, the ledger does not know: their names are left empty.
pub fn delivery(own: &OwnEvent, answers: &dyn Fn(&UserId) -> bool) -> Delivery {
    let claimants = own.claims.keys().map(|(user, _)| user);
    let users: BTreeSet<&UserId> = own.expected.keys().chain(claimants).collect();
    Delivery {
        event: own.event.clone(),
        sent: own.sent,
        people: users.into_iter().map(|user| person(own, user, answers)).collect(),
    }
}

fn person(own: &OwnEvent, user: &UserId, answers: &dyn Fn(&UserId) -> bool) -> PersonDelivery {
    let mut claims: BTreeMap<Option<&DeviceId>, &Stamp> = own
        .claims
        .range((user.clone(), None)..)
        .take_while(|((claimant, _), _)| claimant == user)
        .map(|((_, device), stamp)| (device.as_ref(), stamp))
        .collect();
    let silent = if !claims.is_empty() || answers(user) { DeviceState::Pending } else { DeviceState::Unknown };

    let mut devices: Vec<DeviceDelivery> = Vec::new();
    for known in own.expected.get(user).into_iter().flatten() {
        let stamp = claims.remove(&Some(&known.device));
        let state = match (stamp, &known.excluded) {
            (Some(stamp), _) => state(stamp),
            (None, Some(why)) => DeviceState::Excluded { why: SafeText::line(why) },
            (None, None) => silent.clone(),
        };
        devices.push(DeviceDelivery {
            device: Some(known.device.clone()),
            name: known.name.clone(),
            state,
            route: stamp.map(|stamp| stamp.route),
            expected: known.excluded.is_none(),
        });
    }
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

fn state(stamp: &Stamp) -> DeviceState {
    match stamp.state {
        ClaimState::Delivered => DeviceState::Delivered { at: stamp.at },
        ClaimState::Undecryptable => DeviceState::Undecryptable { at: stamp.at },
    }
}

/// The mark of an own message. Only expected devices count; `readers` are all who have read it, and everyone has when
/// each person with an expected device is among them.
pub fn mark(send: &SendState, delivery: Option<&Delivery>, readers: &[ReadBy]) -> Mark {
    match send {
        SendState::Waiting => return Mark::Waiting,
        SendState::Failed(_) => return Mark::Failed,
        SendState::Sent => {}
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

#[cfg(test)]
mod tests;
