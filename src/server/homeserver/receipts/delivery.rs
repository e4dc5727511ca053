//! Delivery receipts: the rules of [`routing`](crate::server::routing) and
//! [`bundle`](crate::server::bundle), applied to this homeserver's rooms and devices (PROTOCOL §7).

use std::collections::BTreeMap;

use axum::{
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::Response,
};
use ruma::{EventId, OwnedRoomId, RoomId, UserId};
use serde_json::json as value;

use super::super::{
    error::{Answer, unrecognized},
    http::{Plain, json},
    sync::news,
    world::{Caller, Room, World},
};
use crate::{
    model::{self, DeviceId, Timestamp},
    server::{
        bundle::{Bundle, Mailbox, Options},
        homeserver::Delivery,
        routing::{Claimant, EventFacts, Post, Receipt, ReceiptName, Refusal},
    },
};

/// Somebody says that they have received an event.
pub fn post(world: &mut World, name: ReceiptName, request: &Plain) -> Answer<Response> {
    let [room, _, event] = request.path.as_slice() else { return Err(unrecognized()) };
    let post = match Post::new(model::RoomId::new(room), model::EventId::new(event), name, request.http.body()) {
        Ok(post) => post,
        Err(refusal) => return Ok(refuse(refusal)),
    };
    let caller = request.caller(world)?;
    Ok(take(world, &caller, room, event, post).map_or_else(refuse, |()| json(&value!({}))))
}

fn take(world: &mut World, caller: &Caller, room: &str, event: &str, post: Post<'_>) -> Result<(), Refusal> {
    let names_devices = world.options.delivery.is_some_and(|delivery| delivery.devices);
    let claimant = Claimant {
        user_id: model::UserId::new(&caller.user_id),
        device_id: names_devices.then(|| DeviceId::new(&caller.device_id)),
    };
    let now = world.now;
    let claimed = post.claimed_by(claimant, taken(world.options.delivery))?;
    let paced = claimed.within(&mut world.delivery_limit, now)?;
    let room = <&RoomId>::try_from(room).ok().and_then(|room| world.rooms.get(room));
    let permitted = paced.by_member(room.is_some_and(|room| room.has(&caller.user_id)))?;
    let facts = room.and_then(|room| facts(room, &caller.user_id, event));
    if let Some(receipt) = permitted.about(facts.as_ref(), now)? {
        deliver(world, receipt);
    }
    Ok(())
}

/// The names that are in use here; none on a homeserver without MSC4089, which answers as to any
/// type that it does not know.
fn taken(delivery: Option<Delivery>) -> &'static [ReceiptName] {
    match delivery {
        None => &[],
        Some(Delivery { stable: false, .. }) => &[ReceiptName::Unstable],
        Some(Delivery { stable: true, .. }) => &ReceiptName::ALL,
    }
}

fn facts(room: &Room, claimant: &UserId, event: &str) -> Option<EventFacts> {
    let place = room.place(<&EventId>::try_from(event).ok()?)?;
    let event = room.events.get(place).filter(|_| room.visible(claimant, place))?;
    Some(EventFacts {
        room_id: model::RoomId::new(&room.id),
        sender: model::UserId::new(&event.sender),
        since_join: news::joined_at(room, claimant).is_some_and(|joined| event.position > joined),
        state: event.state_key.is_some(),
        redacted: event.redacted_because.is_some(),
    })
}

/// To each device that the addressee has now; one that logs in later gets what is still waiting for
/// the others.
fn deliver(world: &mut World, receipt: Receipt) {
    let Ok(to) = UserId::parse(receipt.to.as_str()) else { return };
    let Some(user) = world.users.get(&to) else { return };
    let mailbox = world.mailboxes.entry(to).or_insert_with(|| Mailbox::new(world.now.as_millis()));
    for device in user.devices.keys() {
        mailbox.add_device(&DeviceId::new(device));
    }
    if mailbox.deliver(receipt) {
        world.moved();
    }
}

fn refuse(refusal: Refusal) -> Response {
    let mut response = json(&refusal.body());
    *response.status_mut() = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    if let Some(seconds) = refusal.retry_after_seconds() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// This device's next sync is here, with the number in its token.
pub fn acknowledge(world: &mut World, caller: &Caller, number: Option<u64>) {
    if let Some(mailbox) = world.mailboxes.get_mut(&caller.user_id) {
        mailbox.acknowledge(&DeviceId::new(&caller.device_id), number);
    }
}

/// When this device's waiting sync is to be answered with what waits for it. `tells` says of which
/// of the user's rooms the sync can tell: what waits for other rooms goes on waiting, also for
/// those that they have left.
pub fn ready_at(world: &World, caller: &Caller, options: &Options, tells: impl Fn(&Room) -> bool) -> Option<Timestamp> {
    let mailbox = world.mailboxes.get(&caller.user_id)?;
    mailbox.ready_at(&DeviceId::new(&caller.device_id), options, speaks(&world.rooms, caller, tells))
}

/// What goes into this device's response.
pub fn bundle(world: &mut World, caller: &Caller, options: &Options, tells: impl Fn(&Room) -> bool) -> Bundle {
    let World { mailboxes, rooms, now, .. } = world;
    let bundle = mailboxes
        .get_mut(&caller.user_id)
        .map(|mailbox| mailbox.respond(&DeviceId::new(&caller.device_id), options, speaks(rooms, caller, tells), *now));
    bundle.unwrap_or(Bundle { number: 0, rooms: [].into() })
}

fn speaks(
    rooms: &BTreeMap<OwnedRoomId, Room>,
    caller: &Caller,
    tells: impl Fn(&Room) -> bool,
) -> impl Fn(&model::RoomId) -> bool {
    move |id| {
        let room = <&RoomId>::try_from(id.as_str()).ok().and_then(|id| rooms.get(id));
        room.is_some_and(|room| room.has(&caller.user_id) && tells(room))
    }
}

/// Nothing waits for this device any more.
pub fn forget_device(world: &mut World, caller: &Caller) {
    if let Some(mailbox) = world.mailboxes.get_mut(&caller.user_id) {
        mailbox.remove_device(&DeviceId::new(&caller.device_id));
    }
}

#[cfg(test)]
mod tests;
