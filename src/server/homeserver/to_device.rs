//! Messages from device to device. The server hands them on, and cannot read those that matter.

use std::collections::VecDeque;

use ruma::{
    OwnedUserId,
    api::client::to_device::send_event_to_device,
    events::AnyToDeviceEventContent,
    serde::{JsonObject, Raw},
    to_device::DeviceIdOrAllDevices,
};
use serde_json::{Value, json};

use super::{
    error::{Answer, too_large},
    http::{Routes, read},
    world::{Caller, World},
};

#[cfg(test)]
mod tests;

/// What one message may have, in bytes of JSON.
const LARGEST: usize = 64 << 10;

/// How many may wait for one device. A device that never comes back must not fill the memory; the
/// oldest goes first, because a session that is lost there was most likely replaced since.
const MOST_WAITING: usize = 10_000;

/// So many transactions of a device are remembered. A client repeats the last ones, when their
/// answers were lost.
const MOST_TRANSACTIONS: usize = 1000;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes.on(send)
}

/// Nobody is told which users and devices there are not: messages to them are lost in silence.
fn send(
    world: &mut World,
    caller: Caller,
    request: send_event_to_device::v3::Request,
) -> Answer<send_event_to_device::v3::Response> {
    let messages = request.messages.iter().map(|(user, messages)| {
        let messages = messages.iter().map(|(device, content)| Ok((device, content_of(content)?)));
        Ok((user, messages.collect::<Answer<Vec<_>>>()?))
    });
    let messages = messages.collect::<Answer<Vec<_>>>()?;
    let transactions = &mut world.session(&caller)?.transactions;
    let transaction = (request.event_type.clone(), request.txn_id);
    if transactions.contains(&transaction) {
        return Ok(send_event_to_device::v3::Response::new());
    }
    push(transactions, transaction, MOST_TRANSACTIONS);
    for (user, messages) in messages {
        for (to, content) in messages {
            let message = json!({ "type": request.event_type, "sender": caller.user_id, "content": content });
            deliver(world, user, to, &message);
        }
    }
    Ok(send_event_to_device::v3::Response::new())
}

fn content_of(content: &Raw<AnyToDeviceEventContent>) -> Answer<Value> {
    if content.json().get().len() > LARGEST {
        return Err(too_large(format!("A to-device message may have {LARGEST} bytes")));
    }
    Ok(read::<JsonObject, _>(content)?.into())
}

/// Puts a message where the devices' syncs will find it, but for devices that nothing is to reach
/// (a fault).
fn deliver(world: &mut World, to: &OwnedUserId, devices: &DeviceIdOrAllDevices, message: &Value) {
    let position = world.moved();
    let Some(user) = world.users.get_mut(to) else { return };
    for (id, device) in &mut user.devices {
        let meant = match devices {
            DeviceIdOrAllDevices::AllDevices => true,
            DeviceIdOrAllDevices::DeviceId(meant) => meant == id,
        };
        if meant && !world.unreached.contains(&Caller { user_id: to.clone(), device_id: id.clone() }) {
            push(&mut device.inbox, (position, message.clone()), MOST_WAITING);
        }
    }
}

fn push<T>(queue: &mut VecDeque<T>, last: T, most: usize) {
    queue.push_back(last);
    if queue.len() > most {
        queue.pop_front();
    }
}
