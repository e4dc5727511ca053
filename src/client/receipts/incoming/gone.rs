//! Devices that are waited for and are not there any more.
//!
//! Whoever logs a device out takes its keys along: what it has said and nobody has read yet can no
//! longer be proven (L2), and it will not say anything else. So it leaves the denominator, and is
//! shown as gone. The SDK tells when it has learned something about devices, but not whose were
//! deleted. So whenever it has, those are looked at who are still waited for.

use std::collections::BTreeSet;

use super::IncomingInput;
use crate::{
    client::{
        ids,
        receipts::{Context, direct},
        tasks,
    },
    delivery::ledger::OwnEvent,
    model::{DeviceId, UserId},
};

/// How many of the latest own messages are looked at for devices that are waited for. Older ones
/// are seldom on the screen.
const LOOKED_AT: usize = 200;

/// People and the devices that they have now.
pub(in crate::client::receipts) type Devices = Vec<(UserId, BTreeSet<DeviceId>)>;

/// Looks which devices are gone, for one set of people at a time.
#[derive(Default)]
pub(super) struct GoneDevices {
    /// Set while a look is under way: the people to look at after that.
    looking: Option<Vec<UserId>>,
}

impl GoneDevices {
    /// Devices of these people have changed, or of somebody whom the SDK does not name. Looks at
    /// the devices of everybody who is still waited for.
    pub(super) fn on_devices_changed(&mut self, context: &Context, users: impl IntoIterator<Item = UserId>) {
        if let Some(again) = &mut self.looking {
            again.extend(users);
            return;
        }
        self.looking = Some(Vec::new());
        let own_events = context.store.latest_own_events(0, LOOKED_AT);
        let own_events = context.stored(own_events).unwrap_or_default();
        let mut people = waited_for(context, &own_events);
        people.extend(users);
        people.insert(context.user_id.clone());
        let (client, inputs) = (context.client.clone(), context.inputs.clone());
        tasks::spawn(async move {
            let mut found = Vec::new();
            for user in people {
                let Some(id) = ids::sdk_user(&user) else { continue };
                match direct::devices_now(&client, &id).await {
                    Ok(devices) => found.push((user, devices)),
                    Err(error) => tracing::info!(%error, "which devices somebody has is not known now"),
                }
            }
            let _ = inputs.send(IncomingInput::Devices(found).into());
        });
    }

    /// These people have these devices now.
    pub(super) async fn on_devices(&mut self, context: &mut Context, found: Devices) {
        let mut changed = false;
        for (user, devices) in found {
            let kept = context.store.on_devices(&user, &devices);
            changed |= context.stored(kept) == Some(true);
        }
        if changed {
            context.tell_open_rooms().await;
        }
        // What changed meanwhile.
        if let Some(again) = self.looking.take()
            && !again.is_empty()
        {
            self.on_devices_changed(context, again);
        }
    }
}

/// The people of whom a device is waited for that is not known to be gone.
fn waited_for(context: &Context, own_events: &[OwnEvent]) -> BTreeSet<UserId> {
    let waiting = own_events.iter().flat_map(|own| {
        let devices = own.expected.iter().flat_map(|(user, known)| known.iter().map(move |known| (user, known)));
        let waiting = devices.filter(|(user, known)| {
            known.excluded.is_none() && !own.claims.contains_key(&((*user).clone(), Some(known.device_id.clone())))
        });
        waiting.map(|(user, known)| (user, &known.device_id))
    });
    let waiting: BTreeSet<(&UserId, &DeviceId)> = waiting.collect();
    let users: BTreeSet<&UserId> = waiting.iter().map(|(user, _)| *user).collect();
    let responsiveness = |user: &UserId| context.responsiveness(user);
    let is_there = |user: &&UserId| {
        let responsiveness = responsiveness(user);
        waiting.iter().any(|(of, device)| of == user && !responsiveness.is_gone(device))
    };
    users.into_iter().filter(is_there).cloned().collect()
}
