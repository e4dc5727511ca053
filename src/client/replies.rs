//! Answers: what a message says about the one that it answers (`m.in_reply_to`).
//!
//! Who wrote that one is told that they are meant (`m.mentions`), but for the user; it is not
//! quoted in the text, which clients of today do themselves. Where it is in a thread, so is its
//! answer. All of that is read from what is here: nothing waits for the network, and of a message
//! that is not here any more the answer says only which it is.

use matrix_sdk::{
    Room,
    ruma::{
        OwnedEventId, OwnedUserId,
        events::{
            Mentions,
            relation::{Reply, Thread},
            room::message::{Relation, RoomMessageEventContent},
        },
    },
};
use serde::Deserialize;
use serde_json::Value;

use super::{cached, content};

/// The fields of the answered event that are looked at.
#[derive(Deserialize)]
struct Answered {
    sender: OwnedUserId,
    #[serde(default)]
    content: Value,
}

/// Makes a message the answer to this event.
pub(super) async fn answer(room: &Room, message: &mut RoomMessageEventContent, event_id: OwnedEventId) {
    let answered = cached::event(room, &event_id).await;
    let answered: Option<Answered> = answered.and_then(|event| event.raw().deserialize_as_unchecked().ok());
    let sender = answered.as_ref().map(|answered| &answered.sender).filter(|sender| *sender != room.own_user_id());
    message.mentions = sender.map(|sender| Mentions::with_user_ids([sender.clone()]));
    message.relates_to = Some(match answered.as_ref().and_then(|answered| content::thread_root(&answered.content)) {
        Some(thread) => Relation::Thread(Thread::reply(thread, event_id)),
        None => Relation::Reply(Reply::with_event_id(event_id)),
    });
}
