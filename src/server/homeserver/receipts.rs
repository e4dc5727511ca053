//! Receipts: read ones and read markers here, delivery receipts (MSC4089) in [`delivery`].
//!
//! They share a path, and nothing else. A read receipt says 'up to here', stays with the room and
//! is shown to everybody in it; a delivery receipt is about one event, and goes to one person.

use std::sync::Arc;

use axum::response::Response;
use ruma::{
    EventId, RoomId,
    api::{
        IncomingRequest,
        client::{
            read_marker::set_read_marker,
            receipt::create_receipt::{self, v3::ReceiptType},
        },
    },
    events::receipt::ReceiptThread,
};
use serde_json::json;

use super::{
    account_data,
    error::{Answer, invalid, not_found},
    http::{Plain, Routes, Shared, malformed, respond},
    rooms::joined,
    world::{
        Caller, World,
        room::{Receipt, Room},
    },
};
use crate::server::routing::ReceiptName;

pub mod delivery;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes.plainly::<create_receipt::v3::Request, _>(receive).on(set_markers)
}

async fn receive(shared: Arc<Shared>, request: Plain) -> Answer<Response> {
    let name = request.path.get(1).and_then(|kind| ReceiptName::parse(kind));
    shared.with(|world| {
        if let Some(name) = name {
            return delivery::post(world, name, &request);
        }
        let caller = request.caller(world)?;
        let receipt = create_receipt::v3::Request::try_from_http_request(request.http, &request.path);
        respond(read(world, &caller, receipt.map_err(malformed)?)?)
    })
}

fn read(
    world: &mut World,
    caller: &Caller,
    request: create_receipt::v3::Request,
) -> Answer<create_receipt::v3::Response> {
    let thread = match &request.thread {
        ReceiptThread::Unthreaded => "",
        thread => thread.as_str().ok_or_else(|| invalid("There is no such thread"))?,
    };
    match &request.receipt_type {
        ReceiptType::FullyRead if !thread.is_empty() => return Err(invalid("A read marker has no thread")),
        ReceiptType::FullyRead => mark_fully_read(world, caller, &request.room_id, &request.event_id)?,
        kind @ (ReceiptType::Read | ReceiptType::ReadPrivate) => {
            mark_read(world, caller, &request.room_id, kind.as_str(), thread, &request.event_id)?;
        }
        other => return Err(invalid(format!("{other} is no receipt that is known here"))),
    }
    Ok(create_receipt::v3::Response::new())
}

fn set_markers(
    world: &mut World,
    caller: Caller,
    request: set_read_marker::v3::Request,
) -> Answer<set_read_marker::v3::Response> {
    if let Some(event) = &request.fully_read {
        mark_fully_read(world, &caller, &request.room_id, event)?;
    }
    for (kind, event) in [("m.read", &request.read_receipt), ("m.read.private", &request.private_read_receipt)] {
        if let Some(event) = event {
            mark_read(world, &caller, &request.room_id, kind, "", event)?;
        }
    }
    Ok(set_read_marker::v3::Response::new())
}

/// The room and the event's place in it, for somebody who is there and may see it.
fn find<'a>(world: &'a World, caller: &Caller, room: &RoomId, event: &EventId) -> Answer<(&'a Room, usize)> {
    let room = joined(world, room, &caller.user_id)?;
    let place = room.place(event).filter(|place| room.visible(&caller.user_id, *place));
    Ok((room, place.ok_or_else(|| not_found("There is no such event in this room"))?))
}

/// A receipt never goes back.
fn mark_read(
    world: &mut World,
    caller: &Caller,
    room: &RoomId,
    kind: &str,
    thread: &str,
    event: &EventId,
) -> Answer<()> {
    let (known, place) = find(world, caller, room, event)?;
    let key = (caller.user_id.clone(), kind.to_owned(), thread.to_owned());
    let former = known.receipts.get(&key).and_then(|former| known.place(&former.event_id));
    if former.is_some_and(|former| former >= place) {
        return Ok(());
    }
    let receipt = Receipt { event_id: event.to_owned(), at: world.now, position: world.moved() };
    if let Some(room) = world.rooms.get_mut(room) {
        room.receipts.insert(key, receipt);
    }
    Ok(())
}

/// The read marker is the user's own account data, and does not go back either.
fn mark_fully_read(world: &mut World, caller: &Caller, room: &RoomId, event: &EventId) -> Answer<()> {
    let (known, place) = find(world, caller, room, event)?;
    let key = (room.to_owned(), "m.fully_read".to_owned());
    let former = world.user(&caller.user_id).and_then(|user| user.room_account_data.get(&key));
    let former = former.and_then(|(_, content)| EventId::parse(content["event_id"].as_str()?).ok());
    if former.and_then(|former| known.place(&former)).is_some_and(|former| former >= place) {
        return Ok(());
    }
    account_data::set_in_room(world, &caller.user_id, room, "m.fully_read", json!({ "event_id": event }));
    Ok(())
}

#[cfg(test)]
mod tests;
