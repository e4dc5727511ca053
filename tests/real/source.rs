//! The source of an event.

use kvitto::{
    client::{
        reply::{FailureKind, Outcome, Reply},
        request::TimelineRequest,
    },
    model::{EventId, EventSource, RoomId, SafeText},
};
use serde_json::{Value, json};

use crate::{
    person::{Person, direct_chat},
    world::{World, on},
};

async fn source(person: &mut Person, room_id: &RoomId, event_id: &EventId) -> Outcome {
    person.ask(TimelineRequest::AskSource { room_id: room_id.clone(), event_id: event_id.clone() }).await
}

/// The lines as JSON.
fn parsed(lines: &[SafeText]) -> Value {
    serde_json::from_str(&lines.iter().map(SafeText::as_str).collect::<Vec<_>>().join("\n")).expect("JSON")
}

async fn an_event_is_shown_as_it_came_and_as_it_is_understood(world: World) {
    let (mut alice, mut bob) = (world.alice("desk").await, world.bob("phone").await);
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    bob.say(&room, "see the source");
    let event = alice.sees("see the source").await;
    let Ok(Reply::Source(EventSource { event_id, json, encrypted })) = source(&mut alice, &room, &event).await else {
        panic!("no source");
    };
    assert_eq!(event_id, event);
    let here = parsed(&json);
    assert_eq!((&here["type"], &here["content"]["body"]), (&json!("m.room.message"), &json!("see the source")));
    let there = parsed(&encrypted.expect("it is encrypted").expect("the server has it"));
    assert_eq!(there["type"], "m.room.encrypted");
    assert_eq!(there["content"]["algorithm"], "m.megolm.v1.aes-sha2");
    assert_eq!(there["event_id"], here["event_id"]);

    let plain = world.server.create_room(&world.server.login_raw(&world.alice).token, &json!({ "name": "plain" }));
    alice.room("the room", |summary| summary.id == plain).await;
    let token = world.server.login_raw(&world.alice).token;
    let odd = json!({ "msgtype": "m.text", "body": "in the clear \u{1b}[2J", "org.example.x": { "y": [1, 2] } });
    let event = world.server.send(&token, &plain, "m.room.message", &odd);
    let Ok(Reply::Source(EventSource { json, encrypted, .. })) = source(&mut alice, &plain, &event).await else {
        panic!("no source");
    };
    assert_eq!(encrypted, None);
    assert_eq!(parsed(&json)["content"], odd, "JSON has control characters escaped");
    let nothing = source(&mut alice, &plain, &EventId::new("$nothing")).await.expect_err("nothing");
    assert!(matches!(nothing.kind, FailureKind::NotFound | FailureKind::BadInput), "{nothing:?}");
}
on!(an_event_is_shown_as_it_came_and_as_it_is_understood: synapse, embedded);
