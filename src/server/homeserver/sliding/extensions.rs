//! What a response has beside rooms.

use std::collections::BTreeMap;

use ruma::{
    RoomId,
    api::client::sync::sync_events::v5::{Request, Response, response::ToDevice},
};
use serde_json::{Value, json};

use super::{
    super::{
        error::{Answer, unknown_token},
        http::raw,
        keys,
        receipts::delivery,
        sync::news,
        world::{Caller, World},
    },
    connection::Told,
    windows::Windows,
};
use crate::model;

/// So many to-device messages come at once, where the client does not say.
const USUAL_MESSAGES: usize = 100;

/// Drops what the request proves to have arrived: by its `pos`, and for to-device messages by a
/// token of their own.
pub fn acknowledge(world: &mut World, caller: &Caller, request: &Request, told: &Told) {
    let arrived = messages_until(world, request);
    if let Some(device) = world.device_mut(caller) {
        device.inbox.retain(|(position, _)| *position > arrived);
    }
    if wants_receipts(request) {
        delivery::acknowledge(world, caller, told.bundle);
    }
}

/// The to-device token; one that was not given out here proves nothing.
fn messages_until(world: &World, request: &Request) -> u64 {
    let to_device = &request.extensions.to_device;
    let since = to_device.since.as_deref().filter(|_| to_device.enabled == Some(true));
    since.and_then(|since| since.parse().ok()).filter(|since| *since <= world.position).unwrap_or_default()
}

/// Whether delivery receipts go over this connection.
pub fn wants_receipts(request: &Request) -> bool {
    request.extensions.receipts.enabled == Some(true)
}

/// Adds what is asked for, and the delivery receipts of this response by room; returns whether any
/// of it is news.
pub fn add(
    response: &mut Response,
    world: &World,
    caller: &Caller,
    request: &Request,
    told: &Told,
    windows: &Windows<'_>,
    mut deliveries: BTreeMap<model::RoomId, Value>,
) -> Answer<bool> {
    let (user, asked) = (&caller.user_id, &request.extensions);
    let mut news = false;

    if asked.to_device.enabled == Some(true) {
        let limit = news::limit(asked.to_device.limit, USUAL_MESSAGES);
        let mut to_device = ToDevice::default();
        let (events, last) = news::to_device(world, caller, messages_until(world, request), limit)?;
        (to_device.events, to_device.next_batch) = (events, last.to_string());
        news |= !to_device.events.is_empty();
        response.extensions.to_device = Some(to_device);
    }
    if asked.e2ee.enabled == Some(true) {
        let device = world.device(caller).ok_or_else(unknown_token)?;
        let e2ee = &mut response.extensions.e2ee;
        e2ee.device_lists = news::device_lists(world, user, request.pos.as_ref().map(|_| told.position));
        news |= !e2ee.device_lists.is_empty();
        e2ee.device_one_time_keys_count = keys::one_time_key_counts(device);
        e2ee.device_unused_fallback_key_types = Some(keys::unused_fallback_key_types(device));
    }
    if asked.account_data.enabled == Some(true) {
        response.extensions.account_data.global = news::account_data(world, user, told.position)?;
    }
    for (id, shown) in &windows.rooms {
        let Some(room) = world.rooms.get(id).filter(|room| room.has(user)) else { continue };
        let since = told.room(room, user).map_or(0, |told| told.position);
        let kept = &asked.account_data;
        if kept.enabled == Some(true) && shown.is_among(kept.lists.as_ref(), kept.rooms.as_ref(), room) {
            let events = news::room_account_data(world, user, room, since)?;
            if !events.is_empty() {
                response.extensions.account_data.rooms.insert(id.clone(), events);
            }
        }
        let receipts = &asked.receipts;
        if receipts.enabled == Some(true) && shown.is_among(receipts.lists.as_ref(), receipts.rooms.as_ref(), room) {
            let deliveries = deliveries.remove(&model::RoomId::new(id));
            if let Some(receipts) = news::receipts(room, user, since, deliveries.as_ref()) {
                response.extensions.receipts.rooms.insert(id.clone(), raw(&receipts)?);
            }
        }
        let typing = &asked.typing;
        if typing.enabled == Some(true)
            && shown.is_among(typing.lists.as_ref(), typing.rooms.as_ref(), room)
            && let Some(typing) = news::typing(room, since)
        {
            response.extensions.typing.rooms.insert(id.clone(), raw(&typing)?);
        }
    }
    // Delivery receipts are about what the user has sent: that a window does not show its room any
    // more is no matter.
    for (id, content) in deliveries {
        if let Ok(id) = RoomId::parse(id.as_str()) {
            response.extensions.receipts.rooms.insert(id, raw(&json!({ "type": "m.receipt", "content": content }))?);
        }
    }
    let extensions = &response.extensions;
    Ok(news || !extensions.account_data.is_empty() || !extensions.receipts.is_empty() || !extensions.typing.is_empty())
}
