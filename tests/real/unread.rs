//! What counts as unread.

use kvitto::model::RoomId;
use serde_json::{Value, json};

use crate::{
    person::Person,
    world::{World, on},
};

async fn unread_is(person: &mut Person, room: &RoomId, unread: u64) {
    person.room(&format!("{unread} unread"), |summary| summary.id == *room && summary.unread == unread).await;
}

/// What shows nothing is no message, and what another of the user's clients has read in a thread is
/// read.
async fn what_is_blank_or_read_in_its_thread_is_not_unread(world: World) {
    let mut alice = world.alice("desk").await;
    let bob = world.server.login_raw(&world.bob).token;
    let room = world.room_of_bob(&mut alice, &bob, &json!({ "name": "shared" })).await;
    let say = |content: &Value| world.server.send(&bob, &room, "m.room.message", content);
    let text = |text: &str| json!({ "msgtype": "m.text", "body": text });
    let begins = say(&text("a thread begins"));
    unread_is(&mut alice, &room, 1).await;
    say(&text(" \u{200b}\n"));
    say(&text("one more"));
    unread_is(&mut alice, &room, 2).await;

    let in_thread = |body: &str| {
        let relation = json!({ "rel_type": "m.thread", "event_id": begins.as_str() });
        say(&json!({ "msgtype": "m.text", "body": body, "m.relates_to": relation }))
    };
    in_thread("first");
    let second = in_thread("second");
    unread_is(&mut alice, &room, 4).await;
    let elsewhere = world.server.login_raw(&world.alice).token;
    let read = |event: &str, thread: &str| {
        let [room, event] = [room.as_str(), event].map(|id| id.replace('!', "%21").replace('$', "%24"));
        let path = format!("/_matrix/client/v3/rooms/{room}/receipt/m.read/{event}");
        let (status, answer) = world.server.raw("POST", &path, Some(&elsewhere), &json!({ "thread_id": thread }));
        assert_eq!(status, 200, "{answer}");
    };
    read(second.as_str(), begins.as_str());
    unread_is(&mut alice, &room, 2).await;
    in_thread("third");
    unread_is(&mut alice, &room, 3).await;
}
on!(what_is_blank_or_read_in_its_thread_is_not_unread: synapse, embedded);
