//! What a bridge says, put into what is known of a message's delivery (PROTOCOL §4).
//!
//! People on the other network are users without devices here. Where the bridge tells whom it
//! reached, each of them counts as one: delivered when the bridge names them, awaited when it does
//! not. Whoever has devices is judged by these, the bot too, so that a bridge ticks nobody's device
//! and takes none away. The bot itself is no recipient.
//!
//! Whom a bridge names is its word alone, so nobody counts who was not in the room when the message
//! was recorded.

use std::collections::BTreeSet;

use crate::{
    delivery::ledger::BridgeReport,
    model::{Bridge, Delivery, DeviceDelivery, DeviceState, PersonDelivery, SafeText, UserId},
};

/// Puts in what the bridge said.
pub fn bridged(delivery: &mut Delivery, report: &BridgeReport) {
    // Of an aggregate there are only counts, of devices (L7).
    let delivered_to = match (&report.reached, &delivery.tally) {
        (Some(reached), None) => Some(count_people(&mut delivery.people, reached, &report.bot)),
        (reached, _) => reached.as_ref().map(|users| users.iter().cloned().collect()),
    };
    delivery.bridge =
        Some(Bridge { bot: report.bot.clone(), state: report.state, why: report.why.clone(), delivered_to });
}

/// Counts everybody who has no device as one, and returns those of them who were reached.
fn count_people(people: &mut [PersonDelivery], reached: &BTreeSet<UserId>, bot: &UserId) -> Vec<UserId> {
    let mut delivered_to = Vec::new();
    for person in people.iter_mut().filter(|person| person.devices.is_empty() && person.user_id != *bot) {
        let has_it = reached.contains(&person.user_id);
        if has_it {
            delivered_to.push(person.user_id.clone());
        }
        person.devices.push(DeviceDelivery {
            device_id: None,
            name: SafeText::default(),
            state: if has_it { DeviceState::Delivered { at: None } } else { DeviceState::Pending },
            route: None,
            expected: true,
        });
    }
    delivered_to
}
