//! What a bridge says, put into what is known of a message's delivery (PROTOCOL §4).
//!
//! People on the other network are users without devices here. Where the bridge tells whom it reached, each of them counts
//! as one: delivered when the bridge names them, awaited when it does not. Whoever has devices is judged by these, so that
//! a bridge ticks nobody's device. The bot itself is no recipient.

use std::collections::BTreeSet;

use crate::{
    delivery::ledger::BridgeReport,
    model::{Bridge, Delivery, DeviceDelivery, DeviceState, PersonDelivery, SafeText, UserId},
};

/// Puts in what the bridge said.
pub fn bridged(delivery: &mut Delivery, report: &BridgeReport) {
    for device in delivery.people.iter_mut().filter(|person| person.user == report.bot).flat_map(|bot| &mut bot.devices)
    {
        device.expected = false;
    }
    // Of a crowd there are only counts, of devices (L7).
    if let (Some(reached), None) = (&report.reached, &delivery.tally) {
        count_people(&mut delivery.people, reached, &report.bot);
    }
    delivery.bridge = Some(Bridge {
        bot: report.bot.clone(),
        state: report.state,
        why: report.why.clone(),
        delivered_to: report.reached.as_ref().map(|users| users.iter().cloned().collect()),
    });
}

fn count_people(people: &mut Vec<PersonDelivery>, reached: &BTreeSet<UserId>, bot: &UserId) {
    let known: BTreeSet<UserId> = people.iter().map(|person| person.user.clone()).collect();
    let new = reached.iter().filter(|user| !known.contains(user));
    people.extend(new.map(|user| PersonDelivery {
        user: user.clone(),
        name: SafeText::default(),
        devices: Vec::new(),
    }));
    for person in people.iter_mut().filter(|person| person.devices.is_empty() && person.user != *bot) {
        let has_it = reached.contains(&person.user);
        person.devices.push(DeviceDelivery {
            device: None,
            name: SafeText::default(),
            state: if has_it { DeviceState::Delivered { at: None } } else { DeviceState::Pending },
            route: None,
            expected: true,
        });
    }
    people.sort_by(|a, b| a.user.cmp(&b.user));
}
