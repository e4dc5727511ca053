//! Bridges, end to end: a bot with the power of one says what became of a message, in a room that
//! is not encrypted as most bridged ones are, and in one that is (PROTOCOL §4).

use kvitto::{
    client::request::RoomsRequest,
    delivery::ledger::Refusal,
    model::{BridgeState, Delivery, EventId, Mark, Membership, RoomId, UserId},
};
use serde_json::{Value, json};

use crate::{
    delivery::text,
    person::{Person, SOME_DEVICE, direct_chat, shared_room},
    world::{World, on},
};

/// What a bridge says about a message.
fn status(event: &EventId, status: &str, more: &Value) -> Value {
    let mut content = json!({
        "network": "net.example",
        "m.relates_to": { "rel_type": "m.reference", "event_id": event.as_str() },
        "status": status,
    });
    let fields = content.as_object_mut().expect("an object");
    fields.extend(more.as_object().cloned().unwrap_or_default());
    content
}

/// Sends it.
fn say(world: &World, token: &str, room: &RoomId, content: &Value) {
    world.server.send(token, room, "com.beeper.message_send_status", content);
}

/// Waits until a bridge has come so far with a message.
async fn bridged(person: &mut Person, event: &EventId, state: BridgeState) -> Delivery {
    let is_it = |known: &Delivery| known.bridge.as_ref().is_some_and(|bridge| bridge.state == state);
    person.delivery(event, &format!("{state:?} at the bridge"), |known| is_it(known).then(|| known.clone())).await
}

/// The mark of a message in the open room.
fn mark(person: &Person, event: &EventId) -> Option<Mark> {
    let items = 0..person.app.timelines.shown().map_or(0, |open| open.items.len());
    let is_it = |index: &usize| {
        let message = person.app.timelines.shown().and_then(|open| open.message(*index));
        message.is_some_and(|message| message.event_id.as_ref() == Some(event))
    };
    items.rev().find(is_it).and_then(|index| person.app.mark(index))
}

async fn a_bridge_says_what_became_of_a_message(world: World) {
    let server = &world.server;
    let [bot, ghost] = ["bridgebot", "ghost"].map(|name| server.register(name));
    let [power_token, ghost_token, plain_token] = [&bot, &ghost, &world.bob].map(|who| server.login_raw(who).token);
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let invite = json!([world.alice.user_id, world.bob.user_id, ghost.user_id]);
    let room = server.create_room(&power_token, &json!({ "preset": "private_chat", "invite": invite }));
    let join = format!("/_matrix/client/v3/join/{}", room.as_str().replace('!', "%21"));
    assert_eq!(server.raw("POST", &join, Some(&ghost_token), &json!({})).0, 200);
    for person in [&mut bob, &mut alice] {
        person.room("the invite", |summary| summary.id == room).await;
        person.run(RoomsRequest::Accept(room.clone()));
        person.room("the room", |summary| summary.id == room && summary.membership == Membership::Joined).await;
        person.open(&room).await;
    }
    alice.sees_members(&room, 4).await;
    alice.say(&room, "to the other side");
    let event = alice.sees("to the other side").await;
    let theirs = server.send(&plain_token, &room, "m.room.message", &text("from Bob"));
    let ghost_id = UserId::new(&ghost.user_id);

    // L2: who may not redact others is no bridge. L1: nor is anything said about others' messages.
    say(&world, &plain_token, &room, &status(&event, "FAIL_PERMANENT", &json!({})));
    say(&world, &power_token, &room, &status(&theirs, "FAIL_PERMANENT", &json!({})));
    say(&world, &power_token, &room, &status(&event, "PENDING", &json!({})));
    let known = bridged(&mut alice, &event, BridgeState::Pending).await;
    assert_eq!(known.bridge.as_ref().map(|bridge| bridge.bot.clone()), Some(UserId::new(&bot.user_id)));
    assert!(known.people.iter().all(|person| person.devices.is_empty()), "{known:#?}");
    assert_eq!(mark(&alice, &event), Some(Mark::Sent));

    let why = json!({ "reason": "m.foreign_network_error", "message": "No route.", "error": "EHOSTUNREACH" });
    say(&world, &power_token, &room, &status(&event, "FAIL_RETRIABLE", &why));
    let known = bridged(&mut alice, &event, BridgeState::Retriable).await;
    assert_eq!(known.bridge.map(|bridge| bridge.why.to_string()), Some("No route.".to_owned()));
    assert_eq!(mark(&alice, &event), Some(Mark::NotBridged));

    // A retry succeeds; first nobody has it, then the ghost does. Bob has a device here, so it is
    // not the bridge's to say.
    say(&world, &power_token, &room, &status(&event, "SUCCESS", &json!({ "delivered_to_users": [] })));
    let known = bridged(&mut alice, &event, BridgeState::Sent).await;
    let awaited = known.people.iter().filter(|person| person.devices.iter().any(|device| device.expected));
    assert_eq!(awaited.map(|person| &person.user_id).collect::<Vec<_>>(), [&ghost_id]);
    assert_eq!(alice.ticks(&event, &ghost.user_id), [""; 0]);
    let reached = json!({ "delivered_to_users": [ghost.user_id, 7, "nobody"] });
    say(&world, &power_token, &room, &status(&event, "SUCCESS", &reached));
    alice.delivered_to(&event, &ghost.user_id, &[SOME_DEVICE.to_owned()]).await;

    // L3: a late 'pending' undoes nothing, and L8: it is the same after a restart.
    say(&world, &power_token, &room, &status(&event, "PENDING", &json!({})));
    alice.say(&room, "the next one");
    let next = alice.sees("the next one").await;
    say(&world, &power_token, &room, &status(&next, "FAIL_PERMANENT", &json!({})));
    bridged(&mut alice, &next, BridgeState::Failed).await;
    alice.disbelieves(&[(Refusal::NoBridge, 1)]).await;
    let mut alice = alice.quit().await.back().await;
    alice.open(&room).await;
    alice.sees("to the other side").await;
    bridged(&mut alice, &event, BridgeState::Sent).await;
    alice.delivered_to(&event, &ghost.user_id, &[SOME_DEVICE.to_owned()]).await;
    // Its last word counts; whoever was reached stays so.
    say(&world, &power_token, &room, &status(&event, "FAIL_PERMANENT", &json!({ "delivered_to_users": [] })));
    bridged(&mut alice, &event, BridgeState::Failed).await;
    assert_eq!(mark(&alice, &event), Some(Mark::NotBridged));
    alice.delivered_to(&event, &ghost.user_id, &[SOME_DEVICE.to_owned()]).await;
    let open = alice.app.timelines.shown().expect("a room is open");
    assert!(!open.deliveries.contains_key(&theirs), "L1: nothing about others' messages");
}
on!(a_bridge_says_what_became_of_a_message: synapse, embedded);

/// In an encrypted room the devices tick as ever, and a bridge that could not pass the message on
/// is seen all the same.
async fn a_bridge_that_fails_is_seen_beside_the_devices(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "encrypted");
    let event = alice.sees("encrypted").await;
    let his = world.ticks(&[&bob]);
    alice.delivered_to(&event, &world.bob.user_id, &his).await;

    // In a chat of two both have all power; what Bob's other client says is not encrypted, as with
    // most bridges.
    let token = world.server.login_raw(&world.bob).token;
    let reached = json!({ "delivered_to_users": ["@nobody:net.example"], "reason": "com.beeper.undecryptable_event" });
    say(&world, &token, &room, &status(&event, "FAIL_PERMANENT", &reached));
    let known = bridged(&mut alice, &event, BridgeState::Failed).await;
    assert_eq!(known.bridge.map(|bridge| bridge.why.to_string()), Some("the bridge could not decrypt it".to_owned()));
    assert_eq!(mark(&alice, &event), Some(Mark::NotBridged));
    assert_eq!(alice.ticks(&event, &world.bob.user_id), his);
}
on!(a_bridge_that_fails_is_seen_beside_the_devices: synapse, embedded);

/// Whoever made a room can send what a bridge sends. It counts nobody who is not there, and no
/// device comes or goes by it: neither that of the sender, nor of somebody who is said to have it.
async fn a_status_counts_nobody_outside_and_no_device(world: World) {
    let mut bob = world.bob("phone").await;
    let carol = world.server.register("carol");
    let mut tablet = Person::log_in(&world.proxy.base_url, &carol, "tablet", world.settings()).await;
    world.proxy.wait_for_keys(&tablet.device(), &tablet.device());
    let mut alice = world.alice("desk").await;
    let room = shared_room(&mut bob, &mut alice, &world.alice.user_id, "shared").await;
    bob.run(RoomsRequest::Invite { room_id: room.clone(), user: carol.user_id.clone() });
    tablet.room("the invite", |summary| summary.id == room).await;
    tablet.run(RoomsRequest::Accept(room.clone()));
    // She does not know Alice, so her tablet says nothing (P7).
    alice.sees_members(&room, 3).await;
    alice.say(&room, "who has it?");
    let event = alice.sees("who has it?").await;
    let his = world.ticks(&[&bob]);
    alice.delivered_to(&event, &world.bob.user_id, &his).await;
    let counted = |known: &Delivery| {
        let devices =
            known.people.iter().flat_map(|person| person.devices.iter().map(|device| (&person.user_id, device)));
        let counted = devices.filter(|(_, device)| device.expected);
        counted.map(|(user, device)| (user.clone(), device.state.clone())).collect::<Vec<_>>()
    };
    let before = alice.delivery(&event, "the devices", |known| Some(counted(known))).await;

    let token = world.server.login_raw(&world.bob).token;
    let reached = json!({ "delivered_to_users": ["@nobody:net.example", carol.user_id, world.bob.user_id] });
    say(&world, &token, &room, &status(&event, "SUCCESS", &reached));
    let known = bridged(&mut alice, &event, BridgeState::Sent).await;
    assert_eq!(counted(&known), before);
    assert_eq!(known.bridge.and_then(|bridge| bridge.delivered_to), Some(Vec::new()));
    assert_eq!(alice.ticks(&event, "@nobody:net.example"), [""; 0]);
    assert_eq!(alice.ticks(&event, &carol.user_id), [""; 0]);
    assert_eq!(alice.ticks(&event, &world.bob.user_id), his);
}
on!(a_status_counts_nobody_outside_and_no_device: synapse, embedded);
