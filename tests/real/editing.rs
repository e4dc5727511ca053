//! Messages that are changed or removed, and rooms that are given a new key.

use kvitto::{
    client::request::{RoomsRequest, TimelineRequest},
    model::{Body, DeviceState, Message},
};
use matrix_sdk_base::crypto::{OlmMachine, types::requests::AnyOutgoingRequest};
use serde_json::{Value, json};

use crate::{
    person::{Person, body, direct_chat, shared_room},
    world::{World, on},
};

/// Waits until a message stands in the timeline as it is wanted.
async fn message(person: &mut Person, what: &str, is_it: impl Fn(&Message) -> bool) {
    person.until(what, |p| p.messages().any(&is_it).then_some(())).await;
}

/// Waits until the status line says this.
async fn says(person: &mut Person, sentence: &str) {
    let is_it = |p: &mut Person| p.app.status.as_ref().is_some_and(|status| status.text.as_str() == sentence);
    person.until(sentence, |p| is_it(p).then_some(())).await;
    person.app.status = None;
}

async fn a_message_is_changed_and_removed(world: World) {
    let line = world.line();
    let mut bob = world.bob("phone").await;
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let room = shared_room(&mut alice, &mut bob, &world.bob.user_id, "hers").await;
    alice.say(&room, "tpyo");
    let event = alice.sees("tpyo").await;
    assert_eq!(bob.sees("tpyo").await, event);

    alice.run(TimelineRequest::Edit { room_id: room.clone(), event_id: event.clone(), text: "*typo*".to_owned() });
    assert_eq!(bob.sees("typo").await, event);
    assert_eq!(alice.sees("typo").await, event);
    let typed =
        alice.messages().find(|message| message.event_id.as_ref() == Some(&event)).and_then(|m| m.source.clone());
    assert_eq!(typed.as_deref(), Some("*typo*"), "what is edited next is what was typed");
    let token = world.server.login_raw(&world.alice).token;
    let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit=1", room.as_str().replace('!', "%21"));
    let (_, newest) = world.server.raw("GET", &path, Some(&token), &Value::Null);
    let newest = &newest["chunk"][0];
    assert_eq!(newest["type"], "m.room.encrypted");
    assert_eq!(newest["content"]["m.relates_to"], json!({ "rel_type": "m.replace", "event_id": event.as_str() }));

    // An edit that could not leave is on disk, as a message is.
    line.cut();
    alice.run(TimelineRequest::Edit {
        room_id: room.clone(),
        event_id: event.clone(),
        text: "written offline".to_owned(),
    });
    message(&mut alice, "the edit in her own timeline", |message| body(message) == "written offline").await;
    let away = alice.quit().await;
    line.heal();
    let mut alice = away.back().await;
    bob.sees("written offline").await;
    alice.open(&room).await;
    alice.sees("written offline").await;

    bob.run(TimelineRequest::Redact { room_id: room.clone(), event_id: event.clone() });
    says(&mut bob, "You may not remove this message: the room lets others do that.").await;
    alice.run(TimelineRequest::Redact { room_id: room.clone(), event_id: event.clone() });
    for person in [&mut alice, &mut bob] {
        message(person, "the removed message", |message| {
            message.event_id.as_ref() == Some(&event) && message.body == Body::Redacted
        })
        .await;
    }
}
on!(a_message_is_changed_and_removed: synapse, embedded);

/// An edit that the homeserver does not take goes back into the composer, and the message stays as
/// it was.
async fn a_refused_edit_comes_back(world: World) {
    let mut alice = world.alice("desk").await;
    alice.run(RoomsRequest::CreateRoom("alone".to_owned()));
    let room = alice.room("the room", |summary| summary.name.as_str() == "alone").await;
    alice.open(&room).await;
    alice.say(&room, "short");
    let event = alice.sees("short").await;
    // Events are 64 KiB at most.
    let long = "x".repeat(70_000);
    alice.run(TimelineRequest::Edit { room_id: room.clone(), event_id: event.clone(), text: long.clone() });
    alice
        .until("the edit in the composer", |p| {
            let writing = &p.app.timelines.shown()?.writing;
            (writing.edited() == Some(&event) && writing.composer.text() == long).then_some(())
        })
        .await;
    message(&mut alice, "the message as it was", |message| body(message) == "short").await;
    alice.say(&room, "the queue goes on");
    alice.sees("the queue goes on").await;
}
on!(a_refused_edit_comes_back: synapse, embedded);

/// A device that lost the key cannot read what is sent with it; with a new one it reads what comes
/// next.
async fn a_device_that_lost_the_key_reads_after_rekey(world: World) {
    // Alice has a line of her own, on which her room keys are lost.
    let line = world.line();
    let mut bob = world.bob("phone").await;
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    line.wait_for_keys(&alice.device(), &alice.device());
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "hello");
    let hello = alice.sees("hello").await;
    let his = world.ticks(&[&bob]);
    alice.delivered_to(&hello, &world.bob.user_id, &his).await;
    let new_key = "The next message here is encrypted with a new key, which is given to every device.";
    alice.run(RoomsRequest::Rekey(room.clone()));
    says(&mut alice, new_key).await;
    line.keep_back("/sendToDevice/m.room.encrypted/");
    alice.say(&room, "locked");
    alice.sees("locked").await;
    line.allow();
    alice.say(&room, "locked too");
    alice.sees("locked too").await;
    let locked = |p: &Person| p.messages().filter(|message| matches!(message.body, Body::Undecryptable(_))).count();
    bob.until("two locked messages", |p| (locked(p) == 2).then_some(())).await;

    alice.run(RoomsRequest::Rekey(room.clone()));
    says(&mut alice, new_key).await;
    alice.say(&room, "open");
    let open = alice.sees("open").await;
    assert_eq!(bob.sees("open").await, open);
    alice.delivered_to(&open, &world.bob.user_id, &his).await;
    assert_eq!(locked(&bob), 2, "what was sent with the lost key stays locked");
}
on!(a_device_that_lost_the_key_reads_after_rekey: synapse, embedded);

async fn a_room_without_encryption_has_no_key_to_replace(world: World) {
    let mut alice = world.alice("desk").await;
    let token = world.server.login_raw(&world.alice).token;
    let room = world.server.create_room(&token, &json!({ "preset": "private_chat" }));
    alice.open(&room).await;
    alice.run(RoomsRequest::Rekey(room));
    says(&mut alice, "This room is not encrypted, so there is no key.").await;
}
on!(a_room_without_encryption_has_no_key_to_replace: embedded);

/// A device whose one-time keys are used up is left out, and it is said why.
async fn a_device_that_nothing_can_be_encrypted_to_is_left_out(world: World) {
    let server = &world.server;
    let raw = server.login_raw(&world.bob);
    let user = world.bob.user_id.as_str().try_into().expect("an account has a user id");
    let machine = OlmMachine::new(user, raw.device_id.as_str().into()).await;
    let requests = machine.outgoing_requests().await.expect("it has keys to upload");
    let keys = requests.iter().find_map(|request| match request.request() {
        AnyOutgoingRequest::KeysUpload(keys) => keys.device_keys.clone(),
        _ => None,
    });
    let keys = json!({ "device_keys": keys });
    assert_eq!(server.raw("POST", "/_matrix/client/v3/keys/upload", Some(&raw.token), &keys).0, 200);

    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "who can read this?");
    let event = alice.sees("who can read this?").await;
    alice.delivered_to(&event, &world.bob.user_id, &world.ticks(&[&bob])).await;
    let known = alice.delivery(&event, "who was given the key", |known| Some(known.clone())).await;
    let left_out: Vec<_> =
        known.people.iter().flat_map(|person| &person.devices).filter(|device| !device.expected).collect();
    let [device] = left_out.as_slice() else { panic!("{known:#?}") };
    assert_eq!(device.device_id.as_ref().map(ToString::to_string), Some(raw.device_id));
    assert!(matches!(&device.state, DeviceState::Excluded { why } if why.contains("one-time key")), "{device:?}");
}
on!(a_device_that_nothing_can_be_encrypted_to_is_left_out: synapse, embedded_direct);
