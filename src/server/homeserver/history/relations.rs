//! What relates to an event: replies in its thread, edits, reactions.

use std::{collections::BTreeSet, sync::Arc};

use axum::response::Response as HttpResponse;
use ruma::api::{
    IncomingRequest,
    client::relations::{
        get_relating_events::{
            self,
            v1::{Request, Response},
        },
        get_relating_events_with_rel_type, get_relating_events_with_rel_type_and_event_type,
    },
};

use super::{found, pages::PageRequest, shown};
use crate::server::homeserver::{
    error::Answer,
    http::{Plain, Routes, Shared, malformed, respond},
    world::{Caller, Room, World, room::Event},
};

/// So many relations are followed from one event to another (MSC3981).
const DEPTH: u8 = 3;

/// The endpoints of this module. They differ in how far their paths narrow it down, so one function
/// has them all.
pub fn routes(routes: Routes) -> Routes {
    routes
        .plainly::<get_relating_events::v1::Request, _>(get)
        .plainly::<get_relating_events_with_rel_type::v1::Request, _>(get)
        .plainly::<get_relating_events_with_rel_type_and_event_type::v1::Request, _>(get)
}

async fn get(shared: Arc<Shared>, request: Plain) -> Answer<HttpResponse> {
    shared.with(|world| {
        let caller = request.caller(world)?;
        respond(relations(world, &caller, request)?)
    })
}

/// The path says room and event, and perhaps which relation and which type of event.
fn relations(world: &World, caller: &Caller, request: Plain) -> Answer<Response> {
    let mut path = request.path.iter().map(String::as_str);
    let event: Vec<_> = path.by_ref().take(2).collect();
    let (how, kind) = (path.next(), path.next());
    let request = Request::try_from_http_request(request.http, &event).map_err(malformed)?;

    let page = PageRequest::asked(request.dir, request.from.as_deref(), request.to.as_deref(), request.limit)?;
    let (room, target) = found(world, &request.room_id, &request.event_id, &caller.user_id)?;
    let is_wanted = |event: &Event| {
        how.is_none_or(|how| event.relation().is_some_and(|(relation, _)| relation == how))
            && kind.is_none_or(|kind| event.kind == kind)
    };
    let (events, next) = related(room, target, caller, request.recurse, &page, is_wanted);
    let mut response = Response::new(shown(room, caller, &events)?);
    response.prev_batch = request.from;
    response.next_batch = next;
    response.recursion_depth = request.recurse.then(|| DEPTH.into());
    Ok(response)
}

/// A page of what relates to an event, or also to what relates to it, and so on.
fn related(
    room: &Room,
    target: usize,
    caller: &Caller,
    recurse: bool,
    page: &PageRequest,
    wanted: impl Fn(&Event) -> bool,
) -> (Vec<usize>, Option<String>) {
    let mut all = BTreeSet::new();
    let mut targets = vec![target];
    for _ in 0..if recurse { DEPTH } else { 1 } {
        targets = targets.into_iter().flat_map(|target| room.relating(&room.events[target].id)).collect();
        all.extend(&targets);
    }
    let (events, next) =
        page.cut(all.into_iter(), |place| room.visible(&caller.user_id, place) && wanted(&room.events[place]));
    (events, next.map(|next| next.to_string()))
}

#[cfg(test)]
mod tests;
