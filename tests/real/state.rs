//! The state of a room, set by those who may.

use kvitto::client::{
    reply::{FailureKind, Reply},
    request::RoomsRequest,
};
use serde_json::json;

use crate::{
    person::shared_room,
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
