//! A session through bad times: no network, a restart, a revoked token. Nothing that was typed is
//! lost.
use kvitto::{
    app::Phase,
    client::request::{RoomsRequest, TimelineRequest},
    model::{Connection, Membership, RoomId, SendState, TimelineId},
};
use serde_json::{Value, json};

use crate::{
    delivery::text,
    person::{Person, body, direct_chat},
    world::{World, on},
};

async fn alice_with_a_room(world: &World) -> (Person, RoomId) {
    let mut alice = world.alice("desk").await;
    alice.run(RoomsRequest::CreateRoom("notes".to_owned()));
    let room = alice.room("the room", |summary| summary.name.as_str() == "notes" && summary.encrypted).await;
    alice.open(&room).await;
    (alice, room)
}

fn state_of(person: &Person, text: &str) -> Option<SendState> {
    person.messages().find(|message| body(message) == text).map(|message| message.send_state.clone())
}

/// Starts from the cache without network, keeps what is sent meanwhile over a restart, and sends it
/// when the network is back, by itself and in order.
async fn without_network_nothing_is_lost(world: World) {
    let (mut alice, room) = alice_with_a_room(&world).await;
    alice.say(&room, "while online");
    alice.sees("while online").await;
    // That the server has it was said to the request that sent it. What comes with the sync after
    // it, from elsewhere, shows that the sync has brought it too.
    let token = world.server.login_raw(&world.alice).token;
    world.server.send(&token, &room, "m.room.message", &text("from elsewhere"));
    alice.sees("from elsewhere").await;
    world.proxy.cut();
    alice.say(&room, "unsent 1");
    alice.say(&room, "unsent 2");
    alice.until("the local echo", |p| state_of(p, "unsent 2")).await;

    let mut alice = alice.quit().await.back().await;
    alice.room("the room from the cache", |summary| summary.id == room).await;
    alice.open(&room).await;
    alice.sees("while online").await;
    alice.until("what was not sent", |p| (state_of(p, "unsent 2") == Some(SendState::Waiting)).then_some(())).await;
    alice.until("offline", |p| matches!(p.app.connection, Connection::Offline(_)).then_some(())).await;
    world.proxy.heal();
    alice.online().await;
    alice.sees("unsent 1").await;
    alice.sees("unsent 2").await;
    let order: Vec<String> = alice.messages().map(body).filter(|text| text.starts_with("unsent")).collect();
    assert_eq!(order, ["unsent 1", "unsent 2"]);
}
on!(without_network_nothing_is_lost: synapse, embedded);

/// A revoked token leads to the login screen; drafts and unsent messages go on after the next
/// login.
async fn a_revoked_token_keeps_what_was_typed(world: World) {
    let (mut alice, room) = alice_with_a_room(&world).await;
    alice.say(&room, "sent");
    alice.sees("sent").await;
    world.proxy.cut();
    alice.say(&room, "unsent");
    alice.until("the local echo", |p| state_of(p, "unsent")).await;
    alice.paste("half a thought");
    let token = world.server.login_raw(&world.alice).token;
    let (status, _) = world.server.raw("POST", "/_matrix/client/v3/logout/all", Some(&token), &json!({}));
    assert_eq!(status, 200);
    world.proxy.heal();
    let why = alice
        .until("the login screen", |p| match &p.app.phase {
            Phase::Login(login) => login.error.clone(),
            _ => None,
        })
        .await;
    assert!(why.contains("Log in again"), "{why}");

    alice.log_in_again(&world.proxy.base_url, &world.alice).await;
    alice.sees("unsent").await;
    let mut alice = alice.quit().await.back().await;
    alice.open(&room).await;
    alice
        .until("the draft", |p| {
            p.app.timelines.shown().is_some_and(|open| open.writing.composer.text() == "half a thought").then_some(())
        })
        .await;
}
on!(a_revoked_token_keeps_what_was_typed: synapse, embedded);

/// A refused message stays, says why, and is sent again or thrown away when the user says so.
async fn a_refused_message_can_be_sent_again_or_thrown_away(world: World) {
    let token = world.server.login_raw(&world.bob).token;
    let create = json!({
        "preset": "private_chat", "name": "quiet", "invite": [world.alice.user_id],
        "power_level_content_override": { "events_default": 50 },
    });
    let room = world.server.create_room(&token, &create);
    let mut alice = world.alice("desk").await;
    alice.room("the invite", |summary| summary.id == room).await;
    alice.run(RoomsRequest::Accept(room.clone()));
    alice.room("the room", |summary| summary.membership == Membership::Joined).await;
    alice.open(&room).await;

    alice.say(&room, "too early");
    let why = alice
        .until("the refusal", |p| match state_of(p, "too early") {
            Some(SendState::Failed(why)) => Some(why),
            _ => None,
        })
        .await;
    assert!(why.contains("does not allow"), "{why}");
    alice.say(&room, "never");
    let failed = |p: &Person| matches!(state_of(p, "never"), Some(SendState::Failed(_)));
    alice.until("the second refusal", |p| failed(p).then_some(())).await;
    let key = alice.key_of("never");
    alice.run(TimelineRequest::Discard { timeline_id: TimelineId::live(room.clone()), key });
    alice.until("the discarded message to go", |p| state_of(p, "never").is_none().then_some(())).await;

    let path = format!("/_matrix/client/v3/rooms/{}/state/m.room.power_levels/", room.as_str().replace('!', "%21"));
    let (_, mut levels) = world.server.raw("GET", &path, Some(&token), &Value::Null);
    levels["events_default"] = json!(0);
    world.server.put_state(&token, &room, "m.room.power_levels", &levels);
    let key = alice.key_of("too early");
    alice.run(TimelineRequest::Retry { timeline_id: TimelineId::live(room.clone()), key });
    alice.until("the message to be sent", |p| (state_of(p, "too early") == Some(SendState::Sent)).then_some(())).await;
}
on!(a_refused_message_can_be_sent_again_or_thrown_away: synapse, embedded);

/// What came with the last sync before the end is in the timeline afterwards, whatever of it was on
/// disk by then.
async fn what_came_last_is_there_after_a_restart(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let mut said = Vec::new();
    for text in ["one", "two", "three"] {
        alice.say(&room, text);
        let event = alice.sees(text).await;
        // That it is known who was given the key says that the sync has brought it.
        alice.delivery(&event, "who was given the key", |known| known.people.first().map(drop)).await;
        alice = alice.quit().await.back().await;
        alice.open(&room).await;
        said.push((text, event));
        for (text, event) in &said {
            assert_eq!(alice.sees(text).await, *event);
        }
    }
}
on!(what_came_last_is_there_after_a_restart: synapse, embedded);
