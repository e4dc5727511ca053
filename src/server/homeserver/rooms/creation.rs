//! Creating a room.

use axum::http::StatusCode;
use ruma::{
    OwnedRoomAliasId, OwnedUserId, RoomAliasId, RoomId, RoomVersionId,
    api::{
        client::room::{
            Visibility,
            create_room::v3::{Request, Response, RoomPreset},
        },
        error::ErrorKind,
    },
    events::room::member::MembershipState,
    serde::JsonObject,
};
use serde_json::{Value, json};

use super::{Draft, content::LONGEST_NAME, send};
use crate::server::homeserver::{
    accounts::secret,
    error::{Answer, error, failed, invalid, not_found, senseless},
    http::{Routes, read},
    world::{Caller, Room, World},
};

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes.on(create)
}

/// Creates a room with everything in it, or, when something about the request is wrong, none.
pub(super) fn create(world: &mut World, caller: Caller, request: Request) -> Answer<Response> {
    if request.room_version.as_ref().is_some_and(|version| *version != RoomVersionId::V11) {
        let kind = ErrorKind::UnsupportedRoomVersion;
        return Err(error(StatusCode::BAD_REQUEST, kind, "Rooms have version 11 here"));
    }
    if let Some(stranger) = request.invite.iter().find(|user| world.user(user).is_none()) {
        return Err(not_found(format!("There is no {stranger} here")));
    }
    let alias = request.room_alias_name.as_deref().map(|name| free_alias(world, name)).transpose()?;
    let id = RoomId::parse(format!("!{}:{}", secret(18), world.options.server_name)).map_err(failed)?;
    world.rooms.insert(id.clone(), Room::new(id.clone()));
    if let Some(alias) = &alias {
        world.aliases.insert(alias.clone(), id.clone());
    }
    let furnished = furnish(world, &caller.user_id, &id, request, alias.as_ref());
    if furnished.is_err() {
        world.rooms.remove(&id);
        world.aliases.retain(|_, room| *room != id);
    }
    furnished.map(|()| Response::new(id))
}

fn free_alias(world: &World, name: &str) -> Answer<OwnedRoomAliasId> {
    let alias = RoomAliasId::parse(format!("#{name}:{}", world.options.server_name)).ok();
    let alias = alias.filter(|alias| alias.as_str().len() <= LONGEST_NAME);
    let alias = alias.ok_or_else(|| invalid("No room can have this alias"))?;
    if world.aliases.contains_key(&alias) {
        return Err(error(StatusCode::BAD_REQUEST, ErrorKind::RoomInUse, "Another room has this alias"));
    }
    Ok(alias)
}

/// Sends what a new room begins with, in the order that the specification gives.
fn furnish(
    world: &mut World,
    creator: &OwnedUserId,
    room: &RoomId,
    request: Request,
    alias: Option<&OwnedRoomAliasId>,
) -> Answer<()> {
    let preset = request.preset.unwrap_or(match request.visibility {
        Visibility::Public => RoomPreset::PublicChat,
        _ => RoomPreset::PrivateChat,
    });
    let mut create: JsonObject = request.creation_content.as_ref().map(read).transpose()?.unwrap_or_default();
    create.insert("room_version".to_owned(), "11".into());
    let trusted = if preset == RoomPreset::TrustedPrivateChat { &request.invite[..] } else { &[] };
    let mut levels = levels([creator].into_iter().chain(trusted));
    if let Some(changes) = &request.power_level_content_override {
        levels.extend(read::<JsonObject, _>(changes)?);
    }
    let mut state = vec![
        Draft::state("m.room.create", "", create.into()),
        Draft::member(world, creator, &MembershipState::Join, None),
        Draft::state("m.room.power_levels", "", levels.into()),
    ];
    state.extend(alias.map(|alias| Draft::state("m.room.canonical_alias", "", json!({ "alias": alias }))));
    let (join_rule, guests) =
        if preset == RoomPreset::PublicChat { ("public", "forbidden") } else { ("invite", "can_join") };
    state.push(Draft::state("m.room.join_rules", "", json!({ "join_rule": join_rule })));
    state.push(Draft::state("m.room.history_visibility", "", json!({ "history_visibility": "shared" })));
    state.push(Draft::state("m.room.guest_access", "", json!({ "guest_access": guests })));
    for wanted in &request.initial_state {
        set(&mut state, initial(read(wanted)?)?);
    }
    if let Some(name) = request.name {
        set(&mut state, Draft::state("m.room.name", "", json!({ "name": name })));
    }
    if let Some(topic) = request.topic {
        set(&mut state, Draft::state("m.room.topic", "", json!({ "topic": topic })));
    }
    for invited in &request.invite {
        let mut invite = Draft::member(world, invited, &MembershipState::Invite, None);
        if request.is_direct {
            invite.content["is_direct"] = true.into();
        }
        state.push(invite);
    }
    for draft in state {
        send(world, room, creator, draft)?;
    }
    Ok(())
}

/// What takes which power at first, as most rooms of today have it. An override replaces entries,
/// and goes no deeper.
fn levels<'a>(powerful: impl Iterator<Item = &'a OwnedUserId>) -> JsonObject {
    let users: JsonObject = powerful.map(|user| (user.to_string(), 100.into())).collect();
    let levels = json!({
        "users": users,
        "users_default": 0,
        "events": {
            "m.room.name": 50,
            "m.room.avatar": 50,
            "m.room.canonical_alias": 50,
            "m.room.power_levels": 100,
            "m.room.history_visibility": 100,
            "m.room.encryption": 100,
            "m.room.server_acl": 100,
            "m.room.tombstone": 100,
        },
        "events_default": 0,
        "state_default": 50,
        "ban": 50,
        "kick": 50,
        "redact": 50,
        "invite": 0,
    });
    levels.as_object().cloned().unwrap_or_default()
}

/// An entry of `initial_state`.
fn initial(event: Value) -> Answer<Draft> {
    let kind = event["type"].as_str().ok_or_else(|| senseless("State has a type"))?;
    let key = event["state_key"].as_str().unwrap_or_default();
    Ok(Draft::state(kind, key, event["content"].clone()))
}

/// Sets state, in place of what was to be set before; but nothing takes the place of the creation
/// itself and of the creator's joining.
fn set(state: &mut Vec<Draft>, draft: Draft) {
    match state.iter_mut().skip(2).find(|known| known.kind == draft.kind && known.state_key == draft.state_key) {
        Some(known) => *known = draft,
        None => state.push(draft),
    }
}

#[cfg(test)]
mod tests;
