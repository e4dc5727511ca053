//! Who is typing.
//!
//! Nothing ends it in the background: a sync that waits sleeps no longer than until somebody's time
//! is over, and ends it then for everybody ([`end_what_is_over`]).

use std::time::Duration;

use ruma::api::client::typing::create_typing_event::v3::{Request, Response, Typing};

use super::{
    error::{Answer, forbidden},
    http::Routes,
    rooms::not_in_room,
    world::{Caller, World},
};
use crate::model::Timestamp;

/// Nobody types longer than this without saying so again.
const LONGEST: Duration = Duration::from_mins(2);

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes.on(type_or_stop)
}

pub fn type_or_stop(world: &mut World, caller: Caller, request: Request) -> Answer<Response> {
    if request.user_id != caller.user_id {
        return Err(forbidden("You can say only of yourself that you are typing"));
    }
    let room = world.rooms.get_mut(&request.room_id).filter(|room| room.has(&caller.user_id));
    let room = room.ok_or_else(not_in_room)?;
    let changed = match request.state {
        Typing::Yes(typing) => {
            let end = world.now + typing.timeout.min(LONGEST);
            room.typing.insert(caller.user_id, end).is_none()
        }
        Typing::No => room.typing.remove(&caller.user_id).is_some(),
    };
    if changed {
        world.position += 1;
        room.typing_position = world.position;
    }
    Ok(Response::new())
}

/// Whoever has said nothing for the time that they gave, or has left, types no more.
pub fn end_what_is_over(world: &mut World) {
    let now = world.now;
    for room in world.rooms.values_mut().filter(|room| !room.typing.is_empty()) {
        let mut typing = std::mem::take(&mut room.typing);
        let before = typing.len();
        typing.retain(|user, end| *end > now && room.has(user));
        if typing.len() < before {
            world.position += 1;
            room.typing_position = world.position;
        }
        room.typing = typing;
    }
}

/// When the next one's time will be over.
pub fn next_end(world: &World) -> Option<Timestamp> {
    world.rooms.values().flat_map(|room| room.typing.values()).copied().min()
}

#[cfg(test)]
mod tests;
