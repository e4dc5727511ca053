//! What tests of the endpoints begin with: a world, somebody in it, a room.

use axum::{body::Bytes, http::Method};
use ruma::{
    EventId, OwnedEventId, OwnedRoomId, RoomId, UserId,
    api::{IncomingRequest, OutgoingResponse, client::uiaa::UiaaResponse, error::ErrorBody},
};
use serde_json::{Value, json};

use super::{
    Options,
    error::Answer,
    http::Plain,
    receipts,
    world::{Caller, Device, Room, User, World, room::Event},
};
use crate::server::routing::ReceiptName;

/// An empty world.
pub fn world() -> World {
    World::new(Options::default())
}

/// Logs in at this device, as a user who is registered when they are not; their password is
/// `secret`.
pub fn login(world: &mut World, name: &str, device: &str) -> Caller {
    let id = UserId::parse_with_server_name(name, &world.options.server_name).unwrap();
    let position = world.moved();
    let user = world.users.entry(id.clone());
    let user = user.or_insert_with(|| User::new(&id, "secret".to_owned(), position));
    user.devices
        .insert(device.into(), Device { added: position, name: Some(device.to_lowercase()), ..Device::default() });
    user.keys_changed = position;
    let caller = Caller { user_id: id, device_id: device.into() };
    world.tokens.insert(format!("{name} {device}"), caller.clone());
    caller
}

/// A room with these people in it.
pub fn room(world: &mut World, name: &str, members: &[&Caller]) -> OwnedRoomId {
    let id = RoomId::parse(format!("!{name}:{}", world.options.server_name)).unwrap();
    world.rooms.insert(id.clone(), Room::new(id.clone()));
    for member in members {
        set_membership(world, &id, member, "join");
    }
    id
}

/// Appends a membership event, by whatever right.
pub fn set_membership(world: &mut World, room: &RoomId, who: &Caller, membership: &str) {
    set_state(world, room, who, "m.room.member", who.user_id.as_str(), json!({ "membership": membership }));
}

/// Appends state, by whatever right.
pub fn set_state(world: &mut World, room: &RoomId, who: &Caller, kind: &str, key: &str, content: Value) {
    append(world, room, who, kind, Some(key), content);
}

/// Appends a message.
pub fn say(world: &mut World, room: &RoomId, who: &Caller, body: &str) -> OwnedEventId {
    append(world, room, who, "m.room.message", None, json!({ "msgtype": "m.text", "body": body }))
}

/// Appends any event, by whatever right.
pub fn append(
    world: &mut World,
    room: &RoomId,
    who: &Caller,
    kind: &str,
    state_key: Option<&str>,
    content: Value,
) -> OwnedEventId {
    let (position, sent) = (world.moved(), world.now);
    let id = EventId::parse(format!("$event{position}")).unwrap();
    world.rooms.get_mut(room).unwrap().append(Event {
        id: id.clone(),
        sender: who.user_id.clone(),
        kind: kind.to_owned(),
        state_key: state_key.map(ToOwned::to_owned),
        content,
        sent,
        position,
        redacts: None,
        redacted_because: None,
        transaction: None,
        replaces: None,
    });
    id
}

/// Posts a delivery receipt, which is taken.
pub fn acknowledge(world: &mut World, who: &Caller, room: &RoomId, event: &EventId) {
    let name = ReceiptName::Unstable;
    let request = plain(who, &[room.as_str(), name.as_str(), event.as_str()], "{}");
    assert_eq!(receipts::delivery::post(world, name, &request).unwrap().status(), 200);
}

/// Status and error code of a refusal; `UIA` for the question who it is.
pub fn refusal<T>(answer: Answer<T>) -> (u16, String) {
    match answer.map(|_| ()).expect_err("it is refused") {
        UiaaResponse::AuthResponse(_) => (401, "UIA".to_owned()),
        UiaaResponse::MatrixError(error) => {
            let ErrorBody::Standard(body) = &error.body else { panic!("not as the specification has it: {error:?}") };
            (error.status_code.as_u16(), body.kind.errcode().to_string())
        }
    }
}

/// A request as it stands in the specification: what is in its path's variables, its query, its
/// body.
pub fn request<R: IncomingRequest>(path: &[&str], query: &str, body: Value) -> R {
    let body = if R::METHOD == Method::GET { Vec::new() } else { body.to_string().into_bytes() };
    let http = axum::http::Request::builder().method(R::METHOD).uri(format!("/?{query}")).body(body).unwrap();
    R::try_from_http_request(http, path).unwrap_or_else(|error| panic!("{error}"))
}

/// What the answer's body says.
pub fn body(answer: Answer<impl OutgoingResponse>) -> Value {
    let answer = answer.unwrap_or_else(|error| panic!("{error:?}"));
    serde_json::from_slice(answer.try_into_http_response::<Vec<u8>>().unwrap().body()).unwrap()
}

/// A request that ruma does not read.
pub fn plain(caller: &Caller, path: &[&str], body: &str) -> Plain {
    let token = format!("Bearer {} {}", caller.user_id.localpart(), caller.device_id);
    let http = axum::http::Request::builder().header("authorization", token);
    let http = http.body(Bytes::from(body.to_owned())).unwrap();
    Plain { path: path.iter().map(ToString::to_string).collect(), http }
}

/// A request's or answer's part that ruma reads from JSON.
pub fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}
