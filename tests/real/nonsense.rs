//! Every sync brings nonsense of every kind, as other people and their homeservers can send it. One
//! malformed entry costs itself only (L6): whatever stands beside it is read, by this client and by
//! the SDK.

use kvitto::{
    client::request::TimelineRequest,
    model::{ReadBy, RoomId, TimelineId, UserId},
};
use serde_json::{Value, json};

use crate::{
    person::{Person, direct_chat},
    support::proxy::count,
    world::{World, on},
};

/// More syncs than anybody needs for what happens here.
const MANY: usize = 200;

/// Where events stand in the answer to a sync, of either kind; `*` is each room.
const EVENTS: &[&str] = &[
    "/to_device/events",
    "/account_data/events",
    "/presence/events",
    "/rooms/join/*/state/events",
    "/rooms/join/*/timeline/events",
    "/rooms/join/*/ephemeral/events",
    "/rooms/join/*/account_data/events",
    "/extensions/to_device/events",
    "/extensions/account_data/global",
    "/extensions/account_data/rooms/*",
    "/rooms/*/required_state",
    "/rooms/*/timeline",
];

/// Types whose events a client acts on.
const TYPES: &[&str] = &[
    "dev.kvitto.delivery",
    "dev.kvitto.delivery.request",
    "m.direct",
    "m.dummy",
    "m.forwarded_room_key",
    "m.ignored_user_list",
    "m.key.verification.request",
    "m.push_rules",
    "m.reaction",
    "m.receipt",
    "m.room.canonical_alias",
    "m.room.encrypted",
    "m.room.encryption",
    "m.room.member",
    "m.room.message",
    "m.room.name",
    "m.room.power_levels",
    "m.room.redaction",
    "m.room_key",
    "m.room_key_request",
    "m.secret.send",
    "m.typing",
];

/// Puts nonsense before and after the events of a sync. What a homeserver hands out has a type,
/// whoever wrote it.
fn events(answer: &mut Value) {
    let mut nonsense = Vec::new();
    for kind in TYPES {
        nonsense.push(json!({ "type": kind }));
        nonsense.push(json!({ "type": kind, "sender": 5, "event_id": 5, "state_key": 5, "content": 5 }));
        nonsense.push(json!({
            "type": kind, "sender": "nobody", "event_id": "nothing", "state_key": "", "origin_server_ts": -5, "content": [],
        }));
    }
    for path in EVENTS {
        for_each(answer, path, &mut |events| surround(events, &nonsense));
    }
}

fn surround(events: &mut Value, nonsense: &[Value]) {
    if let Some(events) = events.as_array_mut() {
        events.splice(0..0, nonsense.to_vec());
        events.extend_from_slice(nonsense);
    }
}

/// Puts events without a type before and after the encrypted ones of a room.
fn untyped(answer: &mut Value) {
    let nonsense = [json!({}), json!({ "content": { "body": "no type" } }), json!({ "type": 5 })];
    for path in ["/rooms/join/*/timeline/events", "/rooms/*/timeline"] {
        for_each(answer, path, &mut |events| {
            if events.as_array().into_iter().flatten().any(|event| event["type"] == "m.room.encrypted") {
                surround(events, &nonsense);
            }
        });
    }
}

/// Puts nonsense into each `m.receipt` of a sync.
fn receipts(answer: &mut Value) {
    for_each(answer, "/rooms/join/*/ephemeral/events/*", &mut |event| {
        if event["type"] == "m.receipt" {
            entries(&mut event["content"]);
        }
    });
    for_each(answer, "/extensions/receipts/rooms/*/content", &mut entries);
}

fn entries(content: &mut Value) {
    for types in content.as_object_mut().expect("a receipt has events").values_mut() {
        for users in types.as_object_mut().expect("an event has types").values_mut() {
            users["nobody"] = json!({ "ts": 5 });
            users["@mallory:b"] = json!({ "ts": "then" });
        }
        types["m.delivery"]["@mallory:b"] = json!(null);
    }
    content["nothing"] = json!({ "m.read": { "@mallory:b": { "ts": 5 } } });
    content["$nonsense"] = json!([]);
}

/// Does this at every place that is there on a path like those of [`EVENTS`].
fn for_each(value: &mut Value, path: &str, does: &mut impl FnMut(&mut Value)) {
    let Some(rest) = path.strip_prefix('/') else { return does(value) };
    let end = rest.find('/').unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    match value {
        Value::Object(inner) if name == "*" => inner.values_mut().for_each(|inner| for_each(inner, rest, does)),
        Value::Array(inner) if name == "*" => inner.iter_mut().for_each(|inner| for_each(inner, rest, does)),
        value => {
            if let Some(inner) = value.get_mut(name) {
                for_each(inner, rest, does);
            }
        }
    }
}

async fn nonsense_between_events_costs_nothing_else(world: World) {
    world.proxy.spoil("/sync", events);
    let _ = goes_on(&world).await;
}
on!(nonsense_between_events_costs_nothing_else: synapse, embedded, embedded_direct);

/// Nor does the client ask for the same answer again and again, not even when it meets it at its
/// start.
async fn events_without_a_type_cost_nothing_else(world: World) {
    world.proxy.spoil("/sync", untyped);
    let (mut alice, bob, room) = goes_on(&world).await;
    let mut bob = bob.quit().await.back().await;
    bob.open(&room).await;
    alice.say(&room, "after a restart");
    bob.sees("after a restart").await;
    alice.online().await;
    bob.online().await;
    let syncs = count(&world.proxy.requests(), "/sync");
    assert!(syncs < MANY, "{syncs} syncs for a handful of messages");
}
on!(events_without_a_type_cost_nothing_else: synapse, embedded, embedded_direct);

/// What Alice says is read, and she sees that it was received and that it was read.
async fn goes_on(world: &World) -> (Person, Person, RoomId) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let (his, user) = (world.ticks(&[&bob]), UserId::new(&world.bob.user_id));
    for text in ["hello", "hello again"] {
        alice.say(&room, text);
        let event = alice.sees(text).await;
        assert_eq!(bob.sees(text).await, event);
        alice.delivered_to(&event, &world.bob.user_id, &his).await;
    }
    bob.run(TimelineRequest::MarkRead(TimelineId::live(room.clone())));
    let is_reader = |reader: &ReadBy| reader.user_id == user;
    let read = |p: &mut Person| p.messages().any(|message| message.read_by.iter().any(is_reader)).then_some(());
    alice.until("that Bob has read it", read).await;
    (alice, bob, room)
}

/// L6, over `native`; what goes from device to device is not touched by it.
async fn l6_nonsense_among_receipts_costs_no_tick(world: World) {
    world.proxy.spoil("/sync", receipts);
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let his = world.ticks(&[&bob]);
    for text in ["hello", "hello again"] {
        alice.say(&room, text);
        let event = alice.sees(text).await;
        alice.delivered_to(&event, &world.bob.user_id, &his).await;
    }
}
on!(l6_nonsense_among_receipts_costs_no_tick: embedded, embedded_users);
