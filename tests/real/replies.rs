//! Replies: what others are sent, and what comes back after a restart.

use kvitto::{
    client::{reply::Reply, request::TimelineRequest},
    model::{ComposerDraft, EventId, RoomId, TimelineId},
};
use serde_json::{Value, json};

use crate::{
    person::{Person, body, direct_chat},
    world::{World, on},
};

async fn answer(person: &mut Person, room: &RoomId, text: &str, answered: &EventId) -> EventId {
    let reply_to = Some(answered.clone());
    let request = TimelineRequest::Send { room_id: room.clone(), text: text.to_owned(), reply_to };
    assert_eq!(person.ask(request).await, Ok(Reply::Done));
    person.sees(text).await
}

/// What is quoted in the message that says this.
async fn quoted(person: &mut Person, text: &str) -> (Option<EventId>, String) {
    let quote = |p: &mut Person| {
        let message = p.messages().find(|message| body(message) == text)?;
        let answered = message.reply_to.as_ref().filter(|answered| answered.sender.is_some())?;
        Some((Some(answered.event_id.clone()), answered.preview.to_string()))
    };
    person.until(&format!("the quote in {text}"), quote).await
}

/// As the specification has it: the event that is answered, its author mentioned, and nothing of it
/// in the text.
async fn a_reply_says_what_it_answers_and_names_whom(world: World) {
    let mut alice = world.alice("desk").await;
    let token = world.server.login_raw(&world.bob).token;
    let room = world.room_of_bob(&mut alice, &token, &json!({})).await;
    let say = |content: Value| world.server.send(&token, &room, "m.room.message", &content);
    let question = say(json!({ "msgtype": "m.text", "body": "coming to the *lake*?" }));
    let in_thread = say(json!({
        "msgtype": "m.text", "body": "and in a thread?",
        "m.relates_to": { "rel_type": "m.thread", "event_id": question.as_str() },
    }));
    alice.open(&room).await;
    alice.sees("and in a thread?").await;

    let content = |event: &EventId| {
        let [room, event] = [room.as_str().replace('!', "%21"), event.as_str().replace('$', "%24")];
        let path = format!("/_matrix/client/v3/rooms/{room}/event/{event}");
        let (status, event) = world.server.raw("GET", &path, Some(&token), &Value::Null);
        assert_eq!(status, 200, "{event}");
        event["content"].clone()
    };
    let yes = answer(&mut alice, &room, "yes", &question).await;
    let bob = &world.bob.user_id;
    let expected = json!({
        "msgtype": "m.text", "body": "yes", "m.mentions": { "user_ids": [bob] },
        "m.relates_to": { "m.in_reply_to": { "event_id": question.as_str() } },
    });
    assert_eq!(content(&yes), expected);
    assert_eq!(quoted(&mut alice, "yes").await, (Some(question.clone()), "coming to the *lake*?".to_owned()));

    // An edit goes on to mention whom its message mentioned, and nobody anew.
    let (room_id, text) = (room.clone(), "yes!".to_owned());
    let request = TimelineRequest::Edit { room_id, event_id: yes.clone(), text };
    assert_eq!(alice.ask(request).await, Ok(Reply::Done));
    let edits = || {
        let [room, event] = [room.as_str().replace('!', "%21"), yes.as_str().replace('$', "%24")];
        let path = format!("/_matrix/client/v1/rooms/{room}/relations/{event}/m.replace");
        world.server.raw("GET", &path, Some(&token), &Value::Null).1["chunk"][0]["content"].clone()
    };
    let edit = alice.until("the edit on the server", |_| Some(edits()).filter(|edit| !edit.is_null())).await;
    assert_eq!(
        (&edit["m.mentions"], &edit["m.new_content"]["m.mentions"]),
        (&json!({}), &json!({ "user_ids": [bob] }))
    );

    // Nobody mentions themselves.
    let sure = answer(&mut alice, &room, "for sure", &yes).await;
    let expected = json!({
        "msgtype": "m.text", "body": "for sure",
        "m.relates_to": { "m.in_reply_to": { "event_id": yes.as_str() } },
    });
    assert_eq!(content(&sure), expected);

    let there = answer(&mut alice, &room, "there too", &in_thread).await;
    let expected = json!({
        "rel_type": "m.thread", "event_id": question.as_str(), "m.in_reply_to": { "event_id": in_thread.as_str() },
    });
    assert_eq!(content(&there)["m.relates_to"], expected);
}
on!(a_reply_says_what_it_answers_and_names_whom: synapse, embedded);

/// In an encrypted room too; and it is a message, so it has its ticks (P4).
async fn an_encrypted_reply_is_quoted_and_ticked(world: World) {
    let (mut alice, mut bob) = (world.alice("desk").await, world.bob("phone").await);
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    bob.say(&room, "coming?");
    let question = bob.sees("coming?").await;
    assert_eq!(alice.sees("coming?").await, question);
    let yes = answer(&mut alice, &room, "yes", &question).await;
    assert_eq!(quoted(&mut bob, "yes").await, (Some(question), "coming?".to_owned()));
    let mentioned = |p: &mut Person| {
        let message = p.messages().find(|message| body(message) == "yes")?;
        Some(message.mentions.this_user)
    };
    assert!(bob.until("the answer", mentioned).await);
    alice.delivered_to(&yes, &world.bob.user_id, &[bob.device()]).await;
}
on!(an_encrypted_reply_is_quoted_and_ticked: synapse, embedded_today);

/// What is being written goes on to answer what it answered.
async fn a_reply_that_is_not_sent_outlives_a_restart(world: World) {
    let mut alice = world.alice("desk").await;
    let token = world.server.login_raw(&world.bob).token;
    let room = world.room_of_bob(&mut alice, &token, &json!({})).await;
    let content = json!({ "msgtype": "m.text", "body": "coming?" });
    let question = world.server.send(&token, &room, "m.room.message", &content);
    alice.open(&room).await;
    alice.sees("coming?").await;
    let draft = ComposerDraft { text: "ye".to_owned(), reply_to: Some(question) };
    let timeline_id = TimelineId::live(room.clone());
    let request = TimelineRequest::SaveDraft { timeline_id: timeline_id.clone(), draft: draft.clone() };
    assert_eq!(alice.ask(request).await, Ok(Reply::Done));

    let mut alice = alice.quit().await.back().await;
    alice.open(&room).await;
    let quote = |p: &mut Person| {
        let writing = &p.app.timelines.shown()?.writing;
        Some((writing.composer.text().to_owned(), writing.replying()?.quote().to_owned()))
    };
    let (text, said) = alice.until("the reply", |p| quote(p).filter(|(_, said)| said.ends_with("coming?"))).await;
    assert_eq!((text, said), ("ye".to_owned(), format!("{}: coming?", world.bob.name)));
}
on!(a_reply_that_is_not_sent_outlives_a_restart: synapse, embedded);
