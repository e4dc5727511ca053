//! Which edit of a message holds, and what becomes of edits and messages that are removed.

use kvitto::{
    client::request::{RoomsRequest, SessionRequest, TimelineRequest},
    model::{Body, EventId, RoomId, TimelineId},
};
use serde_json::{Value, json};

use crate::{
    person::{Person, body, direct_chat},
    world::{World, on},
};

/// One request of a person's about a room.
struct Raw<'a> {
    world: &'a World,
    token: String,
    room: RoomId,
}

impl Raw<'_> {
    fn say(&self, content: &Value) -> EventId {
        self.world.server.send(&self.token, &self.room, "m.room.message", content)
    }

    fn edit(&self, event: &EventId, text: &str) -> EventId {
        self.say(&json!({
            "msgtype": "m.text", "body": format!("* {text}"),
            "m.new_content": { "msgtype": "m.text", "body": text },
            "m.relates_to": { "rel_type": "m.replace", "event_id": event.as_str() },
        }))
    }

    fn redact(&self, event: &EventId) {
        self.world.server.redact(&self.token, &self.room, event);
    }

    /// The newest events, newest first.
    fn newest(&self) -> Vec<Value> {
        let room = self.room.as_str().replace('!', "%21");
        let path = format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=10");
        let (_, newest) = self.world.server.raw("GET", &path, Some(&self.token), &Value::Null);
        newest["chunk"].as_array().cloned().unwrap_or_default()
    }
}

/// A room without encryption in which Alice is with Bob, who has no client.
async fn plain_room<'a>(world: &'a World, alice: &mut Person) -> Raw<'a> {
    let token = world.server.login_raw(&world.bob).token;
    let room = world.room_of_bob(alice, &token, &json!({})).await;
    alice.open(&room).await;
    Raw { world, token, room }
}

fn text(text: &str) -> Value {
    json!({ "msgtype": "m.text", "body": text })
}

async fn quotes(person: &mut Person, answer: &str, quoted: &str) {
    let is_it = |p: &mut Person| {
        let mut answers = p.messages().filter(|message| body(message) == answer);
        answers.any(|message| message.reply_to.as_ref().is_some_and(|reply| &*reply.preview == quoted)).then_some(())
    };
    person.until(&format!("{answer} to {quoted}"), is_it).await;
}

async fn an_edit_that_is_redacted_is_gone_at_once(world: World) {
    let mut alice = world.alice("desk").await;
    let bob = plain_room(&world, &mut alice).await;
    let event = bob.say(&text("first"));
    let second = bob.edit(&event, "second");
    assert_eq!(alice.sees("second").await, event);
    let third = bob.edit(&event, "third");
    alice.sees("third").await;
    bob.say(&json!({
        "msgtype": "m.text", "body": "an answer",
        "m.relates_to": { "m.in_reply_to": { "event_id": event.as_str() } },
    }));
    quotes(&mut alice, "an answer", "third").await;

    bob.redact(&third);
    assert_eq!(alice.sees("second").await, event);
    quotes(&mut alice, "an answer", "second").await;
    bob.redact(&second);
    assert_eq!(alice.sees("first").await, event);
    quotes(&mut alice, "an answer", "first").await;
    assert!(alice.messages().all(|message| !message.edited));
    bob.edit(&event, "fourth");
    assert_eq!(alice.sees("fourth").await, event);
    quotes(&mut alice, "an answer", "fourth").await;
}
on!(an_edit_that_is_redacted_is_gone_at_once: synapse, embedded);

/// The same for whoever has made the edit, where all is encrypted.
async fn an_encrypted_edit_that_is_redacted_is_gone_for_everybody(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "first");
    let event = alice.sees("first").await;
    assert_eq!(bob.sees("first").await, event);
    alice.run(TimelineRequest::Edit { room_id: room.clone(), event_id: event.clone(), text: "second".to_owned() });
    assert_eq!(bob.sees("second").await, event);
    let raw = Raw { world: &world, token: world.server.login_raw(&world.alice).token, room };
    let edit = raw.newest()[0]["event_id"].as_str().map(EventId::new).expect("an edit");
    raw.redact(&edit);
    assert_eq!(bob.sees("first").await, event);
    assert_eq!(alice.sees("first").await, event);
}
on!(an_encrypted_edit_that_is_redacted_is_gone_for_everybody: synapse, embedded);

async fn removing_a_message_removes_its_edits(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "first");
    let event = alice.sees("first").await;
    for text in ["second", "third"] {
        alice.run(TimelineRequest::Edit { room_id: room.clone(), event_id: event.clone(), text: text.to_owned() });
        bob.sees(text).await;
    }
    let raw = Raw { world: &world, token: world.server.login_raw(&world.bob).token, room: room.clone() };
    let readable = || {
        raw.newest()
            .iter()
            .filter(|event| event["type"] == "m.room.encrypted" && event["content"]["ciphertext"].is_string())
            .count()
    };
    assert_eq!(readable(), 3);
    alice.run(TimelineRequest::Redact { room_id: room, event_id: event.clone() });
    for person in [&mut alice, &mut bob] {
        let removed = |p: &mut Person| p.messages().any(|message| message.body == Body::Redacted).then_some(());
        person.until("the removed message", removed).await;
        assert_eq!(person.messages().count(), 1, "of its edits nothing is seen");
    }
    assert_eq!(readable(), 0);
}
on!(removing_a_message_removes_its_edits: synapse, embedded);

/// Whoever edits a message that is removed meanwhile has the text back, and a sentence; also when
/// the edit has waited.
async fn an_edit_of_a_removed_message_comes_back(world: World) {
    let line = world.line();
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    alice.run(RoomsRequest::CreateRoom("alone".to_owned()));
    let room = alice.room("the room", |summary| summary.name.as_str() == "alone").await;
    alice.open(&room).await;
    let raw = Raw { world: &world, token: world.server.login_raw(&world.alice).token, room: room.clone() };
    let edit = |event: &EventId, text: &str| TimelineRequest::Edit {
        room_id: room.clone(),
        event_id: event.clone(),
        text: text.to_owned(),
    };
    let comes_back = async |alice: &mut Person, text: &str| {
        let is_back = |p: &mut Person| {
            let writing = &p.app.timelines.shown()?.writing;
            let said = p.app.status.as_ref().is_some_and(|status| status.text.contains("was removed"));
            (writing.edited().is_none() && writing.composer.text().lines().last() == Some(text) && said).then_some(())
        };
        alice.until(&format!("'{text}' in the composer"), is_back).await;
        alice.app.status = None;
    };
    alice.say(&room, "one");
    let one = alice.sees("one").await;
    raw.redact(&one);
    alice.until("the removal", |p| p.messages().any(|message| message.body == Body::Redacted).then_some(())).await;
    alice.run(edit(&one, "one, edited"));
    comes_back(&mut alice, "one, edited").await;

    alice.say(&room, "two");
    let two = alice.sees("two").await;
    line.cut();
    alice.until("being offline", |p| (!p.is_online()).then_some(())).await;
    alice.run(edit(&two, "two, edited"));
    alice.sees("two, edited").await;
    raw.redact(&two);
    line.heal();
    alice.run(SessionRequest::Reconnect);
    comes_back(&mut alice, "two, edited").await;
    alice.say(&room, "the queue goes on");
    alice.sees("the queue goes on").await;
    let edits = raw.newest().into_iter().filter(|event| event["content"]["m.relates_to"]["rel_type"] == "m.replace");
    assert_eq!(edits.count(), 0, "nothing was sent that nobody would see");
}
on!(an_edit_of_a_removed_message_comes_back: synapse, embedded);

async fn an_edit_without_valid_new_content_is_nothing(world: World) {
    let mut alice = world.alice("desk").await;
    let bob = plain_room(&world, &mut alice).await;
    let event = bob.say(&text("first"));
    let relation = json!({ "rel_type": "m.replace", "event_id": event.as_str() });
    for new_content in [Value::Null, json!("x"), json!({ "body": "no type" }), json!([])] {
        bob.say(&json!({
            "msgtype": "m.text", "body": "* invalid", "m.new_content": new_content, "m.relates_to": relation,
        }));
    }
    bob.say(&json!({ "msgtype": "m.text", "body": "* invalid", "m.relates_to": relation }));
    bob.say(&text("after"));
    alice.sees("after").await;
    // What comes at once can be more than the first answer has.
    alice.run(TimelineRequest::Paginate(TimelineId::live(bob.room.clone())));
    alice.sees("first").await;
    let said: Vec<_> = alice.messages().map(body).collect();
    assert_eq!(said, ["first", "after"]);
}
on!(an_edit_without_valid_new_content_is_nothing: synapse, embedded);

/// The edit that says 'holds' is the most recent by its time, whenever it comes.
fn dated(answer: &mut Value) {
    match answer {
        Value::Object(fields) => {
            let is_it = fields.get("content").and_then(|content| content.pointer("/m.new_content/body"));
            let holds = is_it.is_some_and(|body| body == "holds");
            if let Some(at) = fields.get_mut("origin_server_ts").filter(|_| holds) {
                *at = json!(at.as_u64().unwrap_or_default() + 60_000);
            }
            fields.values_mut().for_each(dated);
        }
        Value::Array(values) => values.iter_mut().for_each(dated),
        _ => {}
    }
}

async fn of_edits_with_reversed_times_the_most_recent_holds(world: World) {
    world.proxy.spoil("/", dated);
    let mut alice = world.alice("desk").await;
    let bob = plain_room(&world, &mut alice).await;
    let event = bob.say(&text("first"));
    alice.sees("first").await;
    bob.edit(&event, "holds");
    assert_eq!(alice.sees("holds").await, event);
    bob.edit(&event, "came last");
    bob.say(&text("after"));
    alice.sees("after").await;
    alice.sees("holds").await;
    // Also where all of it is found on disk.
    let mut alice = alice.quit().await.back().await;
    alice.open(&bob.room).await;
    alice.sees("holds").await;
}
on!(of_edits_with_reversed_times_the_most_recent_holds: synapse, embedded);
