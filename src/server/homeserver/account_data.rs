//! What a user keeps on the server: account data, filters. Push rules are account data too, with
//! endpoints of their own ([`push_rules`]).

use axum::{http::StatusCode, response::Response};
use ruma::{
    RoomId, UserId,
    api::{
        client::{
            config::{get_global_account_data, get_room_account_data, set_global_account_data, set_room_account_data},
            filter::{FilterDefinition, create_filter, get_filter},
        },
        error::ErrorKind,
    },
    serde::JsonObject,
};
use serde_json::{Value, json};

use super::{
    error::{Answer, bad_json, error, forbidden, not_found},
    http::{self, Plain, Routes, raw, read},
    world::{Caller, World},
};

mod push_rules;
#[cfg(test)]
mod tests;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    push_rules::routes(routes)
        .on(put)
        .on(get)
        .on(put_in_room)
        .on(get_in_room)
        .plainly::<create_filter::v3::Request, _>(async |shared, request| {
            shared.with(|world| make_filter(world, &request))
        })
        .plainly::<get_filter::v3::Request, _>(async |shared, request| shared.with(|world| filter(world, &request)))
}

/// What a user keeps is nobody else's.
fn own(caller: &Caller, user: &str) -> Answer<()> {
    if caller.user_id == user { Ok(()) } else { Err(forbidden("This is somebody else's")) }
}

// ── Account data ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// Keeps something for a user.
pub fn set(world: &mut World, user: &UserId, kind: &str, content: Value) {
    let position = world.moved();
    if let Some(user) = world.users.get_mut(user) {
        user.account_data.insert(kind.to_owned(), (position, content));
    }
}

/// Keeps something for a user about a room.
pub fn set_in_room(world: &mut World, user: &UserId, room: &RoomId, kind: &str, content: Value) {
    let position = world.moved();
    if let Some(user) = world.users.get_mut(user) {
        user.room_account_data.insert((room.to_owned(), kind.to_owned()), (position, content));
    }
}

fn put(
    world: &mut World,
    caller: Caller,
    request: set_global_account_data::v3::Request,
) -> Answer<set_global_account_data::v3::Response> {
    own(&caller, request.user_id.as_str())?;
    let kind = request.event_type.to_string();
    settable(&kind)?;
    let content: JsonObject = read(&request.data)?;
    set(world, &caller.user_id, &kind, content.into());
    Ok(set_global_account_data::v3::Response::new())
}

fn put_in_room(
    world: &mut World,
    caller: Caller,
    request: set_room_account_data::v3::Request,
) -> Answer<set_room_account_data::v3::Response> {
    own(&caller, request.user_id.as_str())?;
    let kind = request.event_type.to_string();
    settable(&kind)?;
    let content: JsonObject = read(&request.data)?;
    set_in_room(world, &caller.user_id, &request.room_id, &kind, content.into());
    Ok(set_room_account_data::v3::Response::new())
}

/// Some types have endpoints of their own, which keep them in order.
fn settable(kind: &str) -> Answer<()> {
    if ["m.fully_read", "m.push_rules"].contains(&kind) {
        let why = format!("{kind} is not set through this endpoint");
        return Err(error(StatusCode::METHOD_NOT_ALLOWED, ErrorKind::BadJson, why));
    }
    Ok(())
}

fn get(
    world: &mut World,
    caller: Caller,
    request: get_global_account_data::v3::Request,
) -> Answer<get_global_account_data::v3::Response> {
    own(&caller, request.user_id.as_str())?;
    let kept = world.account(&caller)?.account_data.get(&request.event_type.to_string());
    let (_, content) = kept.ok_or_else(|| not_found("You keep nothing of this type"))?;
    Ok(get_global_account_data::v3::Response::new(raw(content)?))
}

fn get_in_room(
    world: &mut World,
    caller: Caller,
    request: get_room_account_data::v3::Request,
) -> Answer<get_room_account_data::v3::Response> {
    own(&caller, request.user_id.as_str())?;
    let kept = world.account(&caller)?.room_account_data.get(&(request.room_id, request.event_type.to_string()));
    let (_, content) = kept.ok_or_else(|| not_found("You keep nothing of this type for this room"))?;
    Ok(get_room_account_data::v3::Response::new(raw(content)?))
}

// ── Filters ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// ruma must be able to read it, and all of it is kept: a filter may name what ruma does not know.
fn make_filter(world: &mut World, request: &Plain) -> Answer<Response> {
    let caller = request.caller(world)?;
    own(&caller, &request.path[0])?;
    serde_json::from_slice::<FilterDefinition>(request.http.body()).map_err(bad_json)?;
    let filter: Value = serde_json::from_slice(request.http.body()).map_err(bad_json)?;
    let filters = &mut world.account(&caller)?.filters;
    let id = filters.iter().position(|known| *known == filter).unwrap_or(filters.len());
    if id == filters.len() {
        filters.push(filter);
    }
    Ok(http::json(&json!({ "filter_id": id.to_string() })))
}

fn filter(world: &mut World, request: &Plain) -> Answer<Response> {
    let caller = request.caller(world)?;
    own(&caller, &request.path[0])?;
    let filters = &world.account(&caller)?.filters;
    let filter = request.path[1].parse::<usize>().ok().and_then(|id| filters.get(id));
    Ok(http::json(filter.ok_or_else(|| not_found("You have no such filter"))?))
}
