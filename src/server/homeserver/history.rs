//! Reading what was sent: messages, context, single events, members.
//!
//! Everything here is a page of a room's events, cut out by [`pages`], and shows to each only what
//! they may see ([`Room::visible`]). What relates to an event is in [`relations`].

use std::collections::BTreeSet;

use ruma::{
    EventId, RoomId, UserId,
    api::client::{
        context::get_context,
        filter::{RoomEventFilter, UrlFilter},
        membership::get_member_events,
        message::get_message_events,
        room::get_room_event,
    },
    events::AnyStateEvent,
    serde::Raw,
};
use serde_json::Value;

use self::pages::PageRequest;
use super::{
    error::{Answer, not_found},
    http::{Routes, raw},
    rooms::readable,
    world::{
        Caller, Room, World,
        room::{Event, Token},
    },
};
use crate::server::bundle::matches_type;

mod pages;
mod relations;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    relations::routes(routes).on(messages).on(context).on(event).on(members)
}

fn messages(
    world: &mut World,
    caller: Caller,
    request: get_message_events::v3::Request,
) -> Answer<get_message_events::v3::Response> {
    let room = readable(world, &request.room_id, &caller.user_id)?;
    let filter = &request.filter;
    let page = PageRequest::asked(request.dir, request.from.as_deref(), request.to.as_deref(), Some(request.limit))?;
    let (events, next) = page
        .cut(0..room.events.len(), |place| room.visible(&caller.user_id, place) && passes(filter, &room.events[place]));
    let mut response = get_message_events::v3::Response::new();
    response.start = page.start(room.events.len()).to_string();
    response.end = next.map(|next| next.to_string());
    response.chunk = shown(room, &caller, &events)?;
    if !filter.lazy_load_options.is_disabled() {
        response.state = senders(room, &caller, &events)?;
    }
    Ok(response)
}

fn context(world: &mut World, caller: Caller, request: get_context::v3::Request) -> Answer<get_context::v3::Response> {
    let (room, place) = found(world, &request.room_id, &request.event_id, &caller.user_id)?;
    let (filter, all) = (&request.filter, 0..room.events.len());
    let wanted = |place| room.visible(&caller.user_id, place) && passes(filter, &room.events[place]);
    let limit = pages::limit(Some(request.limit));
    let (before, start) = PageRequest::back_from(Token(place), limit / 2).cut(all.clone(), wanted);
    let (after, end) = PageRequest::on_from(Token(place + 1), limit - limit / 2).cut(all, wanted);
    let last = after.last().map_or(place, |last| *last);
    let around: Vec<_> = before.iter().chain([&place]).chain(&after).copied().collect();
    let mut response = get_context::v3::Response::new();
    response.start = start.map(|start| start.to_string());
    response.end = end.map(|end| end.to_string());
    response.events_before = shown(room, &caller, &before)?;
    response.event = Some(raw(&room.events[place].to_json(room, &caller, true))?);
    response.events_after = shown(room, &caller, &after)?;
    response.state = if filter.lazy_load_options.is_disabled() {
        let state = room.state_at(room.events[last].position);
        state.values().map(|event| raw(&event.to_json(room, &caller, true))).collect::<Answer<_>>()?
    } else {
        senders(room, &caller, &around)?
    };
    Ok(response)
}

fn event(
    world: &mut World,
    caller: Caller,
    request: get_room_event::v3::Request,
) -> Answer<get_room_event::v3::Response> {
    let (room, place) = found(world, &request.room_id, &request.event_id, &caller.user_id)?;
    Ok(get_room_event::v3::Response::new(raw(&room.events[place].to_json(room, &caller, true))?))
}

fn members(
    world: &mut World,
    caller: Caller,
    request: get_member_events::v3::Request,
) -> Answer<get_member_events::v3::Response> {
    let room = readable(world, &request.room_id, &caller.user_id)?;
    let at = Token::given(request.at.as_deref())?.map_or(u64::MAX, |at| room.position_before(at));
    let state = room.state_at(room.seen_until(&caller.user_id).unwrap_or_default().min(at));
    let members = state.values().filter(|event| event.kind == "m.room.member").filter(|event| {
        let membership = event.membership();
        request.membership.as_ref().is_none_or(|wanted| membership == *wanted)
            && request.not_membership.as_ref().is_none_or(|unwanted| membership != *unwanted)
    });
    let members = members.map(|event| raw(&event.to_json(room, &caller, true)));
    Ok(get_member_events::v3::Response::new(members.collect::<Answer<_>>()?))
}

/// An event that somebody may see. What is not there, what is elsewhere and what they may not see
/// is all the same.
pub fn found<'a>(world: &'a World, room: &RoomId, event: &EventId, user: &UserId) -> Answer<(&'a Room, usize)> {
    let room = readable(world, room, user).ok();
    let place = room.and_then(|room| Some((room, room.place(event)?)));
    place.filter(|(room, place)| room.visible(user, *place)).ok_or_else(|| not_found("There is no such event"))
}

/// Whether a filter lets an event through; rooms are not asked for here.
fn passes(filter: &RoomEventFilter, event: &Event) -> bool {
    let is_kind = |pattern: &String| matches_type(pattern, &event.kind);
    let has_url = event.content.get("url").is_some_and(Value::is_string);
    filter.types.as_ref().is_none_or(|types| types.iter().any(is_kind))
        && !filter.not_types.iter().any(is_kind)
        && filter.senders.as_ref().is_none_or(|senders| senders.contains(&event.sender))
        && !filter.not_senders.contains(&event.sender)
        && filter.url_filter.is_none_or(|wanted| has_url == (wanted == UrlFilter::EventsWithUrl))
}

fn shown<T>(room: &Room, caller: &Caller, places: &[usize]) -> Answer<Vec<Raw<T>>> {
    places.iter().map(|place| raw(&room.events[*place].to_json(room, caller, true))).collect()
}

/// The memberships of those who sent these events, as far as who asks may know them.
fn senders(room: &Room, caller: &Caller, places: &[usize]) -> Answer<Vec<Raw<AnyStateEvent>>> {
    let senders: BTreeSet<_> = places.iter().map(|place| room.events[*place].sender.as_str()).collect();
    let state = room.state_for(&caller.user_id).unwrap_or_default();
    let members = senders.into_iter().filter_map(|sender| state.get(&("m.room.member", sender)));
    members.map(|event| raw(&event.to_json(room, caller, true))).collect()
}

#[cfg(test)]
mod tests;
