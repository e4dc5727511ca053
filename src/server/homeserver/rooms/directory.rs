//! Aliases, and the list of public rooms.

use axum::http::StatusCode;
use ruma::{
    OwnedRoomId, RoomAliasId, UInt,
    api::{
        client::{
            alias::{create_alias, delete_alias, get_alias},
            directory::{get_public_rooms, get_public_rooms_filtered, get_room_visibility, set_room_visibility},
            room::{Visibility, aliases},
        },
        error::ErrorKind,
    },
    directory::{PublicRoomsChunk, PublicRoomsChunkInit},
    events::room::member::MembershipState,
    room::JoinRuleKind,
};
use serde_json::json;

use super::{Draft, authorization::authorize, content::LONGEST_NAME, joined, readable};
use crate::server::homeserver::{
    error::{Answer, error, invalid, not_found},
    http::Routes,
    world::{Caller, Room, World},
};

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes
        .on(create_alias)
        .on(delete_alias)
        .on(alias)
        .on(aliases)
        .on(public_rooms)
        .on(find_public_rooms)
        .on(visibility)
        .on(set_visibility)
}

fn create_alias(
    world: &mut World,
    caller: Caller,
    request: create_alias::v3::Request,
) -> Answer<create_alias::v3::Response> {
    joined(world, &request.room_id, &caller.user)?;
    check_alias(world, &request.room_alias)?;
    if world.aliases.contains_key(&request.room_alias) {
        return Err(error(StatusCode::CONFLICT, ErrorKind::Unknown, "A room has this alias already"));
    }
    world.aliases.insert(request.room_alias, request.room_id);
    Ok(create_alias::v3::Response::new())
}

/// Refuses what cannot be an alias here.
pub fn check_alias(world: &World, alias: &RoomAliasId) -> Answer<()> {
    if alias.server_name() != world.options.server_name || alias.as_str().len() > LONGEST_NAME {
        return Err(invalid("No room of this homeserver can have this alias"));
    }
    Ok(())
}

fn delete_alias(
    world: &mut World,
    caller: Caller,
    request: delete_alias::v3::Request,
) -> Answer<delete_alias::v3::Response> {
    let room = room_called(world, &request.room_alias)?;
    may_name(joined(world, &room, &caller.user)?, &caller)?;
    world.aliases.remove(&request.room_alias);
    Ok(delete_alias::v3::Response::new())
}

/// Who may set a room's canonical alias may also take its aliases away and put it into the directory.
fn may_name(room: &Room, caller: &Caller) -> Answer<()> {
    authorize(room, &caller.user, &Draft::state("m.room.canonical_alias", "", json!({})))
}

fn alias(world: &mut World, (): (), request: get_alias::v3::Request) -> Answer<get_alias::v3::Response> {
    let room = room_called(world, &request.room_alias)?;
    Ok(get_alias::v3::Response::new(room, vec![world.options.server_name.clone()]))
}

fn room_called(world: &World, alias: &RoomAliasId) -> Answer<OwnedRoomId> {
    world.aliases.get(alias).cloned().ok_or_else(|| not_found("No room has this alias"))
}

fn aliases(world: &mut World, caller: Caller, request: aliases::v3::Request) -> Answer<aliases::v3::Response> {
    let room = readable(world, &request.room_id, &caller.user)?;
    let aliases = world.aliases.iter().filter(|(_, of)| **of == room.id).map(|(alias, _)| alias.clone());
    Ok(aliases::v3::Response::new(aliases.collect()))
}

fn public_rooms(
    world: &mut World,
    (): (),
    request: get_public_rooms::v3::Request,
) -> Answer<get_public_rooms::v3::Response> {
    let (chunk, next) = listed(world, None, request.since.as_deref(), request.limit)?;
    let mut response = get_public_rooms::v3::Response::new(chunk);
    response.next_batch = next;
    Ok(response)
}

fn find_public_rooms(
    world: &mut World,
    _: Caller,
    request: get_public_rooms_filtered::v3::Request,
) -> Answer<get_public_rooms_filtered::v3::Response> {
    let wanted = request.filter.generic_search_term.as_deref();
    let mut response = get_public_rooms_filtered::v3::Response::new();
    (response.chunk, response.next_batch) = listed(world, wanted, request.since.as_deref(), request.limit)?;
    Ok(response)
}

/// A page of the public rooms, and where the next one begins: how many rooms are before it.
fn listed(
    world: &World,
    wanted: Option<&str>,
    since: Option<&str>,
    limit: Option<UInt>,
) -> Answer<(Vec<PublicRoomsChunk>, Option<String>)> {
    let before = since.map_or(Ok(0), |since| since.parse::<usize>().map_err(|_| invalid("This is no such token")))?;
    let limit = limit.and_then(|limit| usize::try_from(u64::from(limit)).ok()).unwrap_or(100).min(1000);
    let wanted = wanted.unwrap_or_default().to_lowercase();
    let is_wanted = |room: &PublicRoomsChunk| {
        let alias = room.canonical_alias.as_ref().map(|alias| alias.as_str());
        let texts = [room.name.as_deref(), room.topic.as_deref(), alias];
        texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&wanted)) || wanted.is_empty()
    };
    let rooms = world.rooms.values().filter(|room| room.public).map(entry).filter(is_wanted);
    let mut rooms: Vec<_> = rooms.skip(before).collect();
    let next = (rooms.len() > limit).then(|| (before + limit).to_string());
    rooms.truncate(limit);
    Ok((rooms, next))
}

/// What the directory says of a room.
fn entry(room: &Room) -> PublicRoomsChunk {
    let text = |kind: &str, name: &str| room.state(kind, "").and_then(|event| event.content[name].as_str());
    let mut entry = PublicRoomsChunk::from(PublicRoomsChunkInit {
        num_joined_members: u32::try_from(room.members(&MembershipState::Join).count()).unwrap_or(u32::MAX).into(),
        room_id: room.id.clone(),
        world_readable: text("m.room.history_visibility", "history_visibility") == Some("world_readable"),
        guest_can_join: text("m.room.guest_access", "guest_access") == Some("can_join"),
    });
    entry.name = text("m.room.name", "name").map(str::to_owned);
    entry.topic = text("m.room.topic", "topic").map(str::to_owned);
    entry.canonical_alias = text("m.room.canonical_alias", "alias").and_then(|alias| RoomAliasId::parse(alias).ok());
    entry.avatar_url = text("m.room.avatar", "url").map(Into::into);
    entry.join_rule = text("m.room.join_rules", "join_rule").map_or(JoinRuleKind::Invite, JoinRuleKind::from);
    entry
}

fn visibility(
    world: &mut World,
    (): (),
    request: get_room_visibility::v3::Request,
) -> Answer<get_room_visibility::v3::Response> {
    let room = world.rooms.get(&request.room_id).ok_or_else(|| not_found("There is no such room"))?;
    let visibility = if room.public { Visibility::Public } else { Visibility::Private };
    Ok(get_room_visibility::v3::Response::new(visibility))
}

fn set_visibility(
    world: &mut World,
    caller: Caller,
    request: set_room_visibility::v3::Request,
) -> Answer<set_room_visibility::v3::Response> {
    may_name(joined(world, &request.room_id, &caller.user)?, &caller)?;
    if let Some(room) = world.rooms.get_mut(&request.room_id) {
        room.public = request.visibility == Visibility::Public;
    }
    Ok(set_room_visibility::v3::Response::new())
}

#[cfg(test)]
mod tests;
