//! `/sync`.
//!
//! What there is to tell is everything with a later position than the token's, so nothing is
//! remembered between two requests. The token also proves what has arrived: with it go the
//! to-device messages and delivery receipts that came before.
//!
//! Of filters it knows the timeline's limit, lazily loaded members, which rooms, whether left
//! rooms, and the types of what is ephemeral, with our own summary of delivery receipts (PROTOCOL
//! §7). Presence there is none.

use std::sync::Arc;

use axum::response::Response as HttpResponse;
use ruma::api::client::sync::sync_events::v3::{Request, Response};

use self::{
    asked::Asked,
    rooms::Teller,
    token::SyncToken,
    wait::{Look, wait},
};
use super::{
    error::{Answer, unknown_token},
    http::{Plain, Routes, Shared, respond},
    keys,
    receipts::delivery,
    world::{Caller, Room, World},
};
use crate::model;

mod asked;
pub mod news;
mod rooms;
pub mod token;
pub mod wait;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes.plainly::<Request, _>(sync)
}

async fn sync(shared: Arc<Shared>, request: Plain) -> Answer<HttpResponse> {
    let (caller, asked) = shared.with(|world| {
        let caller = request.caller(world)?;
        let asked = Asked::read(world, &caller, request)?;
        Answer::Ok((caller, asked))
    })?;
    respond(wait(&shared, asked.timeout, |world, over| look(world, &caller, &asked, over)).await?)
}

fn look(world: &mut World, caller: &Caller, asked: &Asked, over: bool) -> Answer<Look<Response>> {
    let since = asked.since();
    world.session(caller)?.inbox.retain(|(position, _)| *position > since);
    delivery::acknowledge(world, caller, asked.since.map(|token| token.bundle));
    let tells = |room: &Room| asked.wants_room(&room.id);
    let bundle = delivery::bundle(world, caller, &asked.deliveries, tells);
    let again = delivery::ready_at(world, caller, &asked.deliveries, tells);

    let token = SyncToken { position: world.position, bundle: bundle.number };
    let mut response = Response::new(token.to_string());
    let teller = Teller { world, caller, asked };
    for (id, room) in world.rooms.iter().filter(|(id, _)| asked.wants_room(id)) {
        teller.add(&mut response, room, bundle.rooms.get(&model::RoomId::new(id)))?;
    }
    response.account_data.events = news::account_data(world, &caller.user_id, since)?;
    (response.to_device.events, _) = news::to_device(world, caller, since, usize::MAX)?;
    response.device_lists = news::device_lists(world, &caller.user_id, asked.since.map(|token| token.position));
    let nothing = bundle.rooms.is_empty()
        && response.rooms.is_empty()
        && response.account_data.is_empty()
        && response.to_device.is_empty()
        && response.device_lists.is_empty();
    if nothing && asked.since.is_some() && !over {
        return Ok(Look::Nothing(again));
    }
    let device = world.device(caller).ok_or_else(unknown_token)?;
    response.device_one_time_keys_count = keys::one_time_key_counts(device);
    response.device_unused_fallback_key_types = Some(keys::unused_fallback_key_types(device));
    Ok(Look::Answer(response))
}

#[cfg(test)]
mod tests;
