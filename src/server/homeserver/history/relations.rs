//! What relates to an event: replies in its thread, edits, reactions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{http::Uri, response::Response};

use ruma::{
    api::{
        Direction, IncomingRequest, Metadata,
        client::{
            relations::{
                get_relating_events, get_relating_events_with_rel_type,
                get_relating_events_with_rel_type_and_event_type,
            },
            threads::get_threads::{self, v1::IncludeThreads},
        },
        path_builder::PathBuilder,
    },
    events::relation::RelationType,
};
use url::form_urlencoded;

use super::{found, pages::Page, shown};
use crate::server::homeserver::{
    error::{Answer, invalid},
    http::{Plain, Routes, Shared, malformed, respond},
    rooms::readable,
    world::{Caller, Room, World, room::Event},
};

/// So many relations are followed from one event to another (MSC3981).
const DEPTH: u8 = 3;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    let routes = routes.on(all).on(of_relation).on(of_relation_and_type);
    let paths = get_threads::v1::Request::PATH_BUILDER.all_paths();
    paths.fold(routes, |routes, path| routes.plain(get_threads::v1::Request::METHOD, path, asked_for_threads))
}

fn all(
    world: &mut World,
    caller: Caller,
    request: get_relating_events::v1::Request,
) -> Answer<get_relating_events::v1::Response> {
    let page = Page::asked(request.dir, request.from.as_deref(), request.to.as_deref(), request.limit)?;
    let (room, target) = found(world, &request.room_id, &request.event_id, &caller.user)?;
    let (events, next) = related(room, target, &caller, request.recurse, &page, |_| true);
    let mut response = get_relating_events::v1::Response::new(shown(room, &caller, &events)?);
    response.prev_batch = request.from;
    response.next_batch = next;
    response.recursion_depth = request.recurse.then(|| DEPTH.into());
    Ok(response)
}

fn of_relation(
    world: &mut World,
    caller: Caller,
    request: get_relating_events_with_rel_type::v1::Request,
) -> Answer<get_relating_events_with_rel_type::v1::Response> {
    let page = Page::asked(request.dir, request.from.as_deref(), request.to.as_deref(), request.limit)?;
    let (room, target) = found(world, &request.room_id, &request.event_id, &caller.user)?;
    let (events, next) =
        related(room, target, &caller, request.recurse, &page, |event| is_related(event, &request.rel_type));
    let mut response = get_relating_events_with_rel_type::v1::Response::new(shown(room, &caller, &events)?);
    response.prev_batch = request.from;
    response.next_batch = next;
    response.recursion_depth = request.recurse.then(|| DEPTH.into());
    Ok(response)
}

fn of_relation_and_type(
    world: &mut World,
    caller: Caller,
    request: get_relating_events_with_rel_type_and_event_type::v1::Request,
) -> Answer<get_relating_events_with_rel_type_and_event_type::v1::Response> {
    let page = Page::asked(request.dir, request.from.as_deref(), request.to.as_deref(), request.limit)?;
    let (room, target) = found(world, &request.room_id, &request.event_id, &caller.user)?;
    let kind = request.event_type.to_string();
    let (events, next) = related(room, target, &caller, request.recurse, &page, |event| {
        is_related(event, &request.rel_type) && event.kind == kind
    });
    let mut response =
        get_relating_events_with_rel_type_and_event_type::v1::Response::new(shown(room, &caller, &events)?);
    response.prev_batch = request.from;
    response.next_batch = next;
    response.recursion_depth = request.recurse.then(|| DEPTH.into());
    Ok(response)
}

fn is_related(event: &Event, how: &RelationType) -> bool {
    event.relation().is_some_and(|(relation, _)| relation == how.as_str())
}

/// A page of what relates to an event, or also to what relates to it, and so on.
fn related(
    room: &Room,
    target: usize,
    caller: &Caller,
    recurse: bool,
    page: &Page,
    wanted: impl Fn(&Event) -> bool,
) -> (Vec<usize>, Option<String>) {
    let mut all = BTreeSet::new();
    let mut targets = vec![target];
    for _ in 0..if recurse { DEPTH } else { 1 } {
        targets = targets.into_iter().flat_map(|target| room.relating(&room.events[target].id)).collect();
        all.extend(&targets);
    }
    let (events, next) =
        page.cut(all.into_iter(), |place| room.visible(&caller.user, place) && wanted(&room.events[place]));
    (events, next.map(|next| next.to_string()))
}

async fn asked_for_threads(shared: Arc<Shared>, mut request: Plain) -> Answer<Response> {
    *request.http.uri_mut() = with_include(request.http.uri())?;
    respond(shared.with(|world| {
        let caller = request.caller(world)?;
        threads(world, caller, IncomingRequest::try_from_http_request(request.http, &request.path).map_err(malformed)?)
    })?)
}

/// ruma leaves `include` away when it is 'all', but does not read a request without it.
fn with_include(uri: &Uri) -> Answer<Uri> {
    let query = uri.query().unwrap_or_default();
    let has = form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "include");
    let include = if has { "" } else { "&include=all" };
    format!("{}?{query}{include}", uri.path()).parse().map_err(|_| invalid("The query cannot be read"))
}

/// The threads of a room, the one with the latest reply first. A token stands before a thread's latest reply.
fn threads(world: &mut World, caller: Caller, request: get_threads::v1::Request) -> Answer<get_threads::v1::Response> {
    let room = readable(world, &request.room_id, &caller.user)?;
    let page = Page::asked(Direction::Backward, request.from.as_deref(), None, request.limit)?;
    let is_own = |event: &Event| event.sender == caller.user;
    let roots = room.events.iter().enumerate().filter_map(|(place, root)| {
        let latest = room.thread(&root.id, &caller.user).next_back()?;
        let participated = is_own(root) || room.thread(&root.id, &caller.user).any(is_own);
        let wanted = request.include != IncludeThreads::Participated || participated;
        let shown = wanted && room.visible(&caller.user, place);
        shown.then(|| Some((room.place(&latest.id)?, place)))?
    });
    let roots: BTreeMap<_, _> = roots.collect();
    let (latest, next) = page.cut(roots.keys().copied(), |_| true);
    let threads: Vec<_> = latest.iter().filter_map(|latest| roots.get(latest).copied()).collect();
    let mut response = get_threads::v1::Response::new(shown(room, &caller, &threads)?);
    response.next_batch = next.map(|next| next.to_string());
    Ok(response)
}

#[cfg(test)]
mod tests;
