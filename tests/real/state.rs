//! The state of a room, set by those who may.

use kvitto::{
    app::status::StatusKind,
    client::{
        reply::{FailureKind, Reply},
        request::RoomsRequest,
    },
};
use serde_json::json;

use crate::{
    person::{Person, shared_room},
    world::{World, on},
};

async fn a_state_event_is_set_and_whoever_may_not_is_told(world: World) {
    let (mut alice, mut bob) = (world.alice("desk").await, world.bob("phone").await);
    let room = shared_room(&mut alice, &mut bob, &world.bob.user_id, "plans").await;
    let topic = |topic: &str| RoomsRequest::SetState {
        room_id: room.clone(),
        event_type: "m.room.topic",
        state_key: String::new(),
        content: json!({ "topic": topic }),
    };
    assert_eq!(alice.ask(topic("What we plan")).await, Ok(Reply::Done));
    let is_it = |topic: &'static str| move |room: &kvitto::model::RoomSummary| room.topic.as_str() == topic;
    bob.room("the topic", is_it("What we plan")).await;
    let refused = bob.ask(topic("Mine")).await.expect_err("he may not");
    assert_eq!(refused.kind, FailureKind::Forbidden);
    assert!(refused.sentence.starts_with("Not changed: "), "{refused}");
    alice.room("the topic", is_it("What we plan")).await;
}
on!(a_state_event_is_set_and_whoever_may_not_is_told: synapse, embedded);

/// `/topic` as it is typed.
async fn a_topic_that_is_typed_is_seen_by_everybody(world: World) {
    let (mut alice, mut bob) = (world.alice("desk").await, world.bob("phone").await);
    let room = shared_room(&mut alice, &mut bob, &world.bob.user_id, "plans").await;
    for (who, typed, shown) in [("alice", "/topic Where  we *go*", "Where  we *go*"), ("bob", "/topic Mine", "")] {
        let person = if who == "alice" { &mut alice } else { &mut bob };
        person.paste(typed);
        person.press("Enter".parse().expect("a key"));
        if shown.is_empty() {
            let refused =
                |p: &mut Person| p.app.status.as_ref().filter(|status| status.kind == StatusKind::Error).cloned();
            let status = person.until("a refusal", refused).await;
            assert!(status.text.starts_with("Not changed: The homeserver does not allow this"), "{}", status.text);
        }
        bob.room("the topic", |summary| summary.id == room && summary.topic.as_str() == "Where  we *go*").await;
    }
}
on!(a_topic_that_is_typed_is_seen_by_everybody: synapse, embedded);
