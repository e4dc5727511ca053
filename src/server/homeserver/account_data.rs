//! What a user keeps on the server: account data, tags, filters. Push rules are account data too, with endpoints of
//! their own ([`push_rules`]).
//!
//! Presence is answered, because clients ask, and kept for nobody: everybody is offline always.

use axum::{http::StatusCode, response::Response};
use ruma::{
    RoomId, UserId,
    api::{
        Metadata,
        client::{
            config::{get_global_account_data, get_room_account_data, set_global_account_data, set_room_account_data},
            filter::{FilterDefinition, create_filter, get_filter},
            presence::{get_presence, set_presence},
            tag::{create_tag, delete_tag, get_tags},
        },
        error::ErrorKind,
        path_builder::PathBuilder,
    },
    events::tag::{TagEventContent, Tags},
    presence::PresenceState,
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
    let mut routes = push_rules::routes(routes)
        .on(put)
        .on(get)
        .on(put_in_room)
        .on(get_in_room)
        .on(put_tag)
        .on(delete_tag)
        .on(tags)
        .on(set_presence)
        .on(presence);
    for path in create_filter::v3::Request::PATH_BUILDER.all_paths() {
        routes = routes.plain(create_filter::v3::Request::METHOD, path, async |shared, request| {
            shared.with(|world| make_filter(world, &request))
        });
    }
    for path in get_filter::v3::Request::PATH_BUILDER.all_paths() {
        routes = routes.plain(get_filter::v3::Request::METHOD, path, async |shared, request| {
            shared.with(|world| filter(world, &request))
        });
    }
    routes
}

/// What a user keeps is nobody else's.
fn own(caller: &Caller, user: &str) -> Answer<()> {
    if caller.user == user { Ok(()) } else { Err(forbidden("This is somebody else's")) }
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
    set(world, &caller.user, &kind, content.into());
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
    set_in_room(world, &caller.user, &request.room_id, &kind, content.into());
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

// ── Tags ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

fn put_tag(world: &mut World, caller: Caller, request: create_tag::v3::Request) -> Answer<create_tag::v3::Response> {
    own(&caller, request.user_id.as_str())?;
    change_tags(world, &caller, &request.room_id, |tags| {
        tags.tags.insert(request.tag.into(), request.tag_info);
    })?;
    Ok(create_tag::v3::Response::new())
}

fn delete_tag(world: &mut World, caller: Caller, request: delete_tag::v3::Request) -> Answer<delete_tag::v3::Response> {
    own(&caller, request.user_id.as_str())?;
    change_tags(world, &caller, &request.room_id, |tags| {
        tags.tags.remove(&request.tag.into());
    })?;
    Ok(delete_tag::v3::Response::new())
}

fn tags(world: &mut World, caller: Caller, request: get_tags::v3::Request) -> Answer<get_tags::v3::Response> {
    own(&caller, request.user_id.as_str())?;
    Ok(get_tags::v3::Response::new(tags_of(world, &caller, &request.room_id)?.tags))
}

fn change_tags(
    world: &mut World,
    caller: &Caller,
    room: &RoomId,
    change: impl FnOnce(&mut TagEventContent),
) -> Answer<()> {
    let mut tags = tags_of(world, caller, room)?;
    change(&mut tags);
    set_in_room(world, &caller.user, room, "m.tag", json!(tags));
    Ok(())
}

/// Tags are account data, which a user can also fill with something else: that is no tags.
fn tags_of(world: &mut World, caller: &Caller, room: &RoomId) -> Answer<TagEventContent> {
    let kept = world.account(caller)?.room_account_data.get(&(room.to_owned(), "m.tag".to_owned()));
    let tags = kept.and_then(|(_, content)| serde_json::from_value(content.clone()).ok());
    Ok(tags.unwrap_or_else(|| TagEventContent::new(Tags::new())))
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

// ── Presence ─────────────────────────────────────────────────────────────────────────────────────────────────────────

fn set_presence(
    _: &mut World,
    caller: Caller,
    request: set_presence::v3::Request,
) -> Answer<set_presence::v3::Response> {
    own(&caller, request.user_id.as_str())?;
    Ok(set_presence::v3::Response::new())
}

fn presence(world: &mut World, _: Caller, request: get_presence::v3::Request) -> Answer<get_presence::v3::Response> {
    world.user(&request.user_id).ok_or_else(|| not_found("There is nobody of this name"))?;
    Ok(get_presence::v3::Response::new(PresenceState::Offline))
}
