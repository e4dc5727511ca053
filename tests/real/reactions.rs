//! Reactions: added, seen by whom, taken back, and refused.

use kvitto::{
    app::status::StatusKind,
    client::{reply::Reply, request::TimelineRequest},
    model::{EventId, Reaction, ReactionKey, RoomId, TimelineId},
};
use serde_json::json;

use crate::{
    person::{Person, body, direct_chat},
    support::proxy::Proxy,
    world::{World, on},
};

/// The reactions to a message: key, by how many, and whether the own one is among them.
fn reactions(person: &Person, text: &str) -> Vec<(String, usize, bool)> {
    let message = person.messages().find(|message| body(message) == text);
    let row = |reaction: &Reaction| (reaction.key.as_str().to_owned(), reaction.senders.len(), reaction.own);
    message.map(|message| message.reactions.iter().map(row).collect()).unwrap_or_default()
}

async fn sees(person: &mut Person, text: &str, wanted: &[(&str, usize, bool)]) {
    let wanted: Vec<_> = wanted.iter().map(|(key, count, own)| ((*key).to_owned(), *count, *own)).collect();
    person.until(&format!("{wanted:?}"), |p| (reactions(p, text) == wanted).then_some(())).await;
}

fn toggle(room: &RoomId, event_id: &EventId, key: &str) -> TimelineRequest {
    let (timeline_id, key) = (TimelineId::live(room.clone()), ReactionKey::new(key));
    TimelineRequest::ToggleReaction { timeline_id, event_id: event_id.clone(), key }
}

async fn reactions_are_added_seen_and_taken_back(world: World) {
    let (mut alice, mut bob) = (world.alice("desk").await, world.bob("phone").await);
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "shall we?");
    let event = alice.sees("shall we?").await;
    bob.sees("shall we?").await;

    // A key is what it is, byte by byte.
    for key in ["👍", "❤", "❤\u{fe0f}", "yes, of course"] {
        assert_eq!(bob.ask(toggle(&room, &event, key)).await, Ok(Reply::Done));
    }
    let his = [("👍", 1, true), ("❤", 1, true), ("❤\u{fe0f}", 1, true), ("yes, of course", 1, true)];
    sees(&mut bob, "shall we?", &his).await;
    sees(&mut alice, "shall we?", &his.map(|(key, count, _)| (key, count, false))).await;
    alice.run(toggle(&room, &event, "👍"));
    sees(&mut bob, "shall we?", &[("👍", 2, true), his[1], his[2], his[3]]).await;
    for key in ["❤", "❤\u{fe0f}", "yes, of course", "👍"] {
        assert_eq!(bob.ask(toggle(&room, &event, key)).await, Ok(Reply::Done));
    }
    sees(&mut alice, "shall we?", &[("👍", 1, true)]).await;
    sees(&mut bob, "shall we?", &[("👍", 1, false)]).await;
}
on!(reactions_are_added_seen_and_taken_back: synapse, embedded);

/// Bob has asked something in a direct chat, which Alice is in over a line of her own.
struct Asked {
    line: Proxy,
    alice: Person,
    bob: Person,
    room: RoomId,
    event: EventId,
}

async fn asked(world: &World) -> Asked {
    let line = world.line();
    let mut bob = world.bob("phone").await;
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    bob.say(&room, "shall we?");
    let event = alice.sees("shall we?").await;
    Asked { line, alice, bob, room, event }
}

/// One that the server does not take is not shown as if it were there. Another of the user's
/// clients has sent the same one, which this one has not heard of.
async fn a_reaction_that_is_refused_is_said_to_be(world: World) {
    let Asked { line, mut alice, bob: _bob, room, event } = asked(&world).await;
    line.hold_rooms();
    let elsewhere = world.server.login_raw(&world.alice).token;
    let relation = json!({ "rel_type": "m.annotation", "event_id": event.as_str(), "key": "👍" });
    world.server.send(&elsewhere, &room, "m.reaction", &json!({ "m.relates_to": relation }));
    alice.run(toggle(&room, &event, "👍"));
    let refused = |p: &mut Person| p.app.status.as_ref().filter(|status| status.kind == StatusKind::Error).cloned();
    let status = alice.until("a refusal", refused).await;
    assert!(status.text.starts_with("Your reaction 👍 was not sent. "), "{}", status.text);
    line.allow();
    sees(&mut alice, "shall we?", &[("👍", 1, true)]).await;
}
on!(a_reaction_that_is_refused_is_said_to_be: synapse);

/// A server that does not answer when a reaction is taken back holds nothing else up.
async fn taking_one_back_holds_nothing_else_up(world: World) {
    let Asked { line, mut alice, mut bob, room, event } = asked(&world).await;
    assert_eq!(alice.ask(toggle(&room, &event, "👍")).await, Ok(Reply::Done));
    sees(&mut bob, "shall we?", &[("👍", 1, false)]).await;
    sees(&mut alice, "shall we?", &[("👍", 1, true)]).await;
    line.hold_next("/redact/");
    alice.run(toggle(&room, &event, "👍"));
    line.wait_for_requests("the redaction", |requests| requests.iter().any(|request| request.contains("/redact/")));
    alice.say(&room, "meanwhile");
    bob.sees("meanwhile").await;
    line.allow();
    sees(&mut bob, "shall we?", &[]).await;
}
on!(taking_one_back_holds_nothing_else_up: synapse, embedded);
