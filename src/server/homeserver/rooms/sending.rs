//! Messages, redactions, state.

use ruma::api::client::{
    message::send_message_event,
    redact::redact_event,
    state::{
        get_state_event_for_key::{self, v3::StateEventFormat},
        get_state_events, send_state_event,
    },
};
use serde_json::{Value, json};

use super::{Draft, readable, send};
use crate::server::homeserver::{
    error::{Answer, not_found},
    http::{Routes, at_once, raw, read},
    world::{Caller, World},
};

/// State with an empty key, for which ruma has no path.
const EMPTY_KEY: [&str; 2] =
    ["/_matrix/client/v3/rooms/{room_id}/state/{event_type}", "/_matrix/client/v3/rooms/{room_id}/state/{event_type}/"];

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    let routes = routes.on(send_message).on(redact).on(whole_state).on(state).on(set_state);
    let at_path = |routes: Routes, path| routes.on_path(path, at_once(state)).on_path(path, at_once(set_state));
    EMPTY_KEY.into_iter().fold(routes, at_path)
}

fn send_message(
    world: &mut World,
    caller: Caller,
    request: send_message_event::v3::Request,
) -> Answer<send_message_event::v3::Response> {
    let mut draft = Draft::message(request.event_type.to_string(), read(&request.body)?);
    draft.transaction = Some((caller.device_id, request.txn_id));
    send(world, &request.room_id, &caller.user_id, draft).map(send_message_event::v3::Response::new)
}

fn redact(world: &mut World, caller: Caller, request: redact_event::v3::Request) -> Answer<redact_event::v3::Response> {
    let mut content = json!({ "redacts": request.event_id });
    if let Some(reason) = request.reason {
        content["reason"] = reason.into();
    }
    let mut draft = Draft::message("m.room.redaction", content);
    draft.transaction = Some((caller.device_id, request.txn_id));
    send(world, &request.room_id, &caller.user_id, draft).map(redact_event::v3::Response::new)
}

fn whole_state(
    world: &mut World,
    caller: Caller,
    request: get_state_events::v3::Request,
) -> Answer<get_state_events::v3::Response> {
    let room = readable(world, &request.room_id, &caller.user_id)?;
    let state = room.state_for(&caller.user_id).unwrap_or_default();
    let state = state.values().map(|event| raw(&event.to_json(room, &caller, true)));
    Ok(get_state_events::v3::Response::new(state.collect::<Answer<_>>()?))
}

fn state(
    world: &mut World,
    caller: Caller,
    request: get_state_event_for_key::v3::Request,
) -> Answer<get_state_event_for_key::v3::Response> {
    let room = readable(world, &request.room_id, &caller.user_id)?;
    let kind = request.event_type.to_string();
    let state = room.state_for(&caller.user_id).unwrap_or_default();
    let event = state.get(&(kind.as_str(), request.state_key.as_str()));
    let event = event.ok_or_else(|| not_found("There is no such state"))?;
    let shown = match request.format {
        StateEventFormat::Event => event.to_json(room, &caller, true),
        _ => event.content.clone(),
    };
    Ok(get_state_event_for_key::v3::Response::new(raw::<Value>(&shown)?.into_json()))
}

fn set_state(
    world: &mut World,
    caller: Caller,
    request: send_state_event::v3::Request,
) -> Answer<send_state_event::v3::Response> {
    let draft = Draft::state(request.event_type.to_string(), request.state_key, read(&request.body)?);
    send(world, &request.room_id, &caller.user_id, draft).map(send_state_event::v3::Response::new)
}
