//! Who is in a room.

use axum::http::StatusCode;
use ruma::{
    OwnedRoomId, RoomId, UserId,
    api::{
        client::membership::{
            ban_user, forget_room, invite_user, join_room_by_id, join_room_by_id_or_alias, joined_rooms, kick_user,
            leave_room, unban_user,
        },
        error::ErrorKind,
    },
    events::room::member::MembershipState,
};

use super::{Draft, joined, send};
use crate::server::homeserver::{
    error::{Answer, error, forbidden, invalid, not_found},
    http::Routes,
    world::{Caller, World},
};

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes.on(join_by_id).on(join_by_id_or_alias).on(invite).on(rooms).on(leave).on(forget).on(kick).on(ban).on(unban)
}

fn join_by_id(
    world: &mut World,
    caller: Caller,
    request: join_room_by_id::v3::Request,
) -> Answer<join_room_by_id::v3::Response> {
    join(world, &caller.user_id, request.room_id, request.reason).map(join_room_by_id::v3::Response::new)
}

fn join_by_id_or_alias(
    world: &mut World,
    caller: Caller,
    request: join_room_by_id_or_alias::v3::Request,
) -> Answer<join_room_by_id_or_alias::v3::Response> {
    let room = match OwnedRoomId::try_from(request.room_id_or_alias) {
        Ok(room) => room,
        Err(alias) => world.aliases.get(&alias).cloned().ok_or_else(|| not_found("No room has this alias"))?,
    };
    join(world, &caller.user_id, room, request.reason).map(join_room_by_id_or_alias::v3::Response::new)
}

/// Who is in the room already is left as they are.
fn join(world: &mut World, user: &UserId, room_id: OwnedRoomId, reason: Option<String>) -> Answer<OwnedRoomId> {
    let room = world.rooms.get(&room_id).ok_or_else(|| not_found("There is no such room"))?;
    if !room.has(user) {
        let draft = Draft::member(world, user, &MembershipState::Join, reason);
        send(world, &room_id, user, draft)?;
    }
    Ok(room_id)
}

fn invite(world: &mut World, caller: Caller, request: invite_user::v3::Request) -> Answer<invite_user::v3::Response> {
    let invite_user::v3::InvitationRecipient::UserId(invited) = request.recipient else {
        return Err(invalid("Only users of this homeserver can be invited"));
    };
    if world.user(&invited.user_id).is_none() {
        return Err(not_found("There is no such user here"));
    }
    let draft = Draft::member(world, &invited.user_id, &MembershipState::Invite, invited.reason);
    send(world, &request.room_id, &caller.user_id, draft)?;
    Ok(invite_user::v3::Response::new())
}

fn rooms(world: &mut World, caller: Caller, _request: joined_rooms::v3::Request) -> Answer<joined_rooms::v3::Response> {
    let joined = world.rooms.values().filter(|room| room.has(&caller.user_id));
    Ok(joined_rooms::v3::Response::new(joined.map(|room| room.id.clone()).collect()))
}

fn leave(world: &mut World, caller: Caller, request: leave_room::v3::Request) -> Answer<leave_room::v3::Response> {
    let draft = Draft::member(world, &caller.user_id, &MembershipState::Leave, request.reason);
    send(world, &request.room_id, &caller.user_id, draft)?;
    Ok(leave_room::v3::Response::new())
}

fn forget(world: &mut World, caller: Caller, request: forget_room::v3::Request) -> Answer<forget_room::v3::Response> {
    let room = world.rooms.get_mut(&request.room_id).ok_or_else(|| not_found("There is no such room"))?;
    if matches!(room.membership(&caller.user_id), MembershipState::Join | MembershipState::Invite) {
        return Err(error(StatusCode::BAD_REQUEST, ErrorKind::Unknown, "Leave the room first"));
    }
    room.forgotten.insert(caller.user_id);
    world.moved();
    Ok(forget_room::v3::Response::new())
}

fn kick(world: &mut World, caller: Caller, request: kick_user::v3::Request) -> Answer<kick_user::v3::Response> {
    let room = joined(world, &request.room_id, &caller.user_id)?;
    if !matches!(room.membership(&request.user_id), MembershipState::Join | MembershipState::Invite) {
        return Err(forbidden("They are not in this room"));
    }
    remove(world, &caller.user_id, &request.room_id, &request.user_id, request.reason)?;
    Ok(kick_user::v3::Response::new())
}

fn unban(world: &mut World, caller: Caller, request: unban_user::v3::Request) -> Answer<unban_user::v3::Response> {
    let room = joined(world, &request.room_id, &caller.user_id)?;
    if room.membership(&request.user_id) != MembershipState::Ban {
        return Err(forbidden("They are not banned from this room"));
    }
    remove(world, &caller.user_id, &request.room_id, &request.user_id, request.reason)?;
    Ok(unban_user::v3::Response::new())
}

/// Tells every room that somebody is in of their new name or face.
pub fn introduce_anew(world: &mut World, user: &UserId) -> Answer<()> {
    let rooms: Vec<_> = world.rooms.values().filter(|room| room.has(user)).map(|room| room.id.clone()).collect();
    for room in rooms {
        let draft = Draft::member(world, user, &MembershipState::Join, None);
        send(world, &room, user, draft)?;
    }
    Ok(())
}

/// Makes somebody else have left.
fn remove(world: &mut World, sender: &UserId, room: &RoomId, target: &UserId, reason: Option<String>) -> Answer<()> {
    let draft = Draft::member(world, target, &MembershipState::Leave, reason);
    send(world, room, sender, draft).map(drop)
}

fn ban(world: &mut World, caller: Caller, request: ban_user::v3::Request) -> Answer<ban_user::v3::Response> {
    let draft = Draft::member(world, &request.user_id, &MembershipState::Ban, request.reason);
    send(world, &request.room_id, &caller.user_id, draft)?;
    Ok(ban_user::v3::Response::new())
}

#[cfg(test)]
mod tests;
