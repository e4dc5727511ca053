//! What was written leaves only when the room's state of now is known: never in the clear where
//! encryption was switched on meanwhile or ever, and with a key for the devices that there are.
use kvitto::{
    app::Phase,
    client::request::{RoomsRequest, SessionRequest, TimelineRequest},
    model::{Connection, EventId, Membership, RoomId, SendState, TimelineId},
};
use serde_json::{Value, json};

use crate::{
    delivery::text,
    person::{Person, body, direct_chat},
    support::{proxy::count, screens},
    world::{World, on},
};

/// What nobody can encrypt by.
fn broken() -> [Value; 3] {
    [json!({}), json!({ "algorithm": "org.example.unknown" }), json!({ "algorithm": 5 })]
}

fn megolm() -> Value {
    json!({ "algorithm": "m.megolm.v1.aes-sha2" })
}

fn path_of(room: &RoomId, rest: &str) -> String {
    format!("/_matrix/client/v3/rooms/{}/{rest}", room.as_str().replace('!', "%21"))
}

/// The type of an event, as the homeserver has it.
fn kind(world: &World, token: &str, room: &RoomId, event: &EventId) -> String {
    let path = path_of(room, &format!("event/{}", event.as_str().replace('$', "%24")));
    let (status, event) = world.server.raw("GET", &path, Some(token), &Value::Null);
    assert_eq!(status, 200, "{event}");
    event["type"].as_str().unwrap_or_default().to_owned()
}

/// The newest events of a room, as the homeserver has them.
fn newest(world: &World, token: &str, room: &RoomId) -> Vec<Value> {
    let (status, answer) =
        world.server.raw("GET", &path_of(room, "messages?dir=b&limit=100"), Some(token), &Value::Null);
    assert_eq!(status, 200, "{answer}");
    answer["chunk"].as_array().cloned().unwrap_or_default()
}

fn state_of(person: &Person, text: &str) -> Option<SendState> {
    person.messages().find(|message| body(message) == text).map(|message| message.send_state.clone())
}

async fn waits(person: &mut Person, text: &str) {
    person.until("what waits", |p| (state_of(p, text) == Some(SendState::Waiting)).then_some(())).await;
}

/// Waits until a message has failed, and why.
async fn fails(person: &mut Person, text: &str) -> String {
    let why = |p: &mut Person| match state_of(p, text) {
        Some(SendState::Failed(why)) => Some(why.to_string()),
        _ => None,
    };
    person.until(&format!("the failure of '{text}'"), why).await
}

async fn offline(person: &mut Person) {
    person.until("offline", |p| matches!(p.app.connection, Connection::Offline(_)).then_some(())).await;
}

/// Waits until a sync has brought everything that happened until now.
async fn catches_up(person: &mut Person, world: &World, token: &str, room: &RoomId) {
    let mark = format!("mark {}", newest(world, token, room).len());
    world.server.send(token, room, "m.room.message", &text(&mark));
    person.sees(&mark).await;
}

/// A room of Bob's that is not encrypted, which Alice is in.
async fn open_room(world: &World, alice: &mut Person, token: &str) -> RoomId {
    let create = json!({ "preset": "private_chat", "invite": [world.alice.user_id] });
    let room = world.server.create_room(token, &create);
    alice.room("the invite", |summary| summary.id == room).await;
    alice.run(RoomsRequest::Accept(room.clone()));
    alice.room("the room", |summary| summary.id == room && summary.membership == Membership::Joined).await;
    alice.open(&room).await;
    // What is written while a room's first events come in, the SDK can leave out of the timeline.
    catches_up(alice, world, token, &room).await;
    room
}

/// A message waits, and the room becomes encrypted meanwhile: it leaves encrypted, in a client that
/// runs and in one that was started anew, and not before a sync was answered.
async fn what_waits_while_a_room_becomes_encrypted_is_encrypted(world: World) {
    let line = world.line();
    let token = world.server.login_raw(&world.bob).token;
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let room = open_room(&world, &mut alice, &token).await;
    let asked = || count(&line.requests(), "/state/m.room.encryption");
    for text in ["one", "two", "three"] {
        alice.say(&room, text);
        let event = alice.sees(text).await;
        assert_eq!(kind(&world, &token, &room, &event), "m.room.message");
    }
    let before = asked();
    alice.say(&room, "four");
    alice.sees("four").await;
    assert_eq!(asked(), before, "nothing is asked while all is known");

    line.cut();
    offline(&mut alice).await;
    alice.say(&room, "waiting");
    waits(&mut alice, "waiting").await;
    world.server.put_state(&token, &room, "m.room.encryption", &megolm());
    line.heal();
    let event = alice.sees("waiting").await;
    assert_eq!(kind(&world, &token, &room, &event), "m.room.encrypted");

    let other = open_room(&world, &mut alice, &token).await;
    line.cut();
    offline(&mut alice).await;
    alice.say(&other, "waiting longer");
    waits(&mut alice, "waiting longer").await;
    let alice = alice.quit().await;
    world.server.put_state(&token, &other, "m.room.encryption", &megolm());
    line.hold_next("/sync");
    line.heal();
    let mut alice = alice.back().await;
    alice.open(&other).await;
    // That something else goes through shows that the message could have.
    let carol = world.server.register("carol").user_id;
    alice.run(RoomsRequest::Invite { room_id: room.clone(), user: carol.clone() });
    alice.until("the invite", |p| p.app.status.as_ref().is_some_and(|s| s.text.contains(&carol)).then_some(())).await;
    line.allow();
    let event = alice.sees("waiting longer").await;
    assert_eq!(kind(&world, &token, &other, &event), "m.room.encrypted");
}
on!(what_waits_while_a_room_becomes_encrypted_is_encrypted: synapse, embedded);

/// A new device gets to know rooms whose encryption was overwritten before: nothing is sent there,
/// it is said why, also after a restart, and what was refused goes out encrypted when the room is
/// right again.
async fn nothing_is_sent_where_the_encryption_was_overwritten(world: World) {
    let token = world.server.login_raw(&world.alice).token;
    let rooms: Vec<RoomId> = broken()
        .iter()
        .map(|content| {
            let create = json!({
                "preset": "private_chat",
                "initial_state": [{ "type": "m.room.encryption", "content": megolm() }],
            });
            let room = world.server.create_room(&token, &create);
            world.server.put_state(&token, &room, "m.room.encryption", content);
            // More than a first sync brings of the timeline.
            for n in 0..51 {
                world.server.send(&token, &room, "m.room.message", &text(&n.to_string()));
            }
            room
        })
        .collect();
    let mut alice = world.alice("desk").await;
    for room in &rooms {
        alice.open(room).await;
        alice.say(room, "secret");
        let why = fails(&mut alice, "secret").await;
        assert!(why.starts_with("This room's encryption is not understood"), "{why}");
    }
    let mut alice = alice.quit().await.back().await;
    for room in &rooms {
        alice.open(room).await;
        let why = fails(&mut alice, "secret").await;
        assert!(why.starts_with("This room's encryption is not understood"), "{why}");
        alice.run(TimelineRequest::SendEmote {
            room_id: room.clone(),
            text: "waves secretly".to_owned(),
            reply_to: None,
        });
        fails(&mut alice, "waves secretly").await;
        for event in newest(&world, &token, room) {
            assert!(!event.to_string().contains("secret"), "{event}");
            assert_ne!(event["type"], "m.room.encrypted");
        }
        world.server.put_state(&token, room, "m.room.encryption", &megolm());
        catches_up(&mut alice, &world, &token, room).await;
        let key = alice.key_of("secret");
        alice.run(TimelineRequest::Retry { timeline_id: TimelineId::live(room.clone()), key });
        let event = alice.sees("secret").await;
        assert_eq!(kind(&world, &token, room, &event), "m.room.encrypted");
    }
}
on!(nothing_is_sent_where_the_encryption_was_overwritten: synapse, embedded);

/// The same to a client that runs: what it has known as encrypted stays encrypted, also after a
/// restart; where encryption is switched on in a way that nobody knows, nothing is sent any more,
/// neither messages nor edits.
async fn an_overwritten_encryption_turns_nothing_off(world: World) {
    let token = world.server.login_raw(&world.bob).token;
    let mut alice = world.alice("desk").await;
    let room = open_room(&world, &mut alice, &token).await;
    world.server.put_state(&token, &room, "m.room.encryption", &megolm());
    catches_up(&mut alice, &world, &token, &room).await;
    world.server.put_state(&token, &room, "m.room.encryption", &json!({}));
    catches_up(&mut alice, &world, &token, &room).await;
    alice.say(&room, "after");
    let event = alice.sees("after").await;
    assert_eq!(kind(&world, &token, &room, &event), "m.room.encrypted");
    let mut alice = alice.quit().await.back().await;
    alice.online().await;
    alice.open(&room).await;
    alice.say(&room, "after a restart");
    let event = alice.sees("after a restart").await;
    assert_eq!(kind(&world, &token, &room, &event), "m.room.encrypted");

    for content in broken() {
        let room = open_room(&world, &mut alice, &token).await;
        alice.say(&room, "hello");
        let hello = alice.sees("hello").await;
        world.server.put_state(&token, &room, "m.room.encryption", &content);
        catches_up(&mut alice, &world, &token, &room).await;
        alice.say(&room, "secret");
        let why = fails(&mut alice, "secret").await;
        assert!(why.starts_with("This room's encryption is not understood"), "{why}");
        alice.run(TimelineRequest::Edit {
            room_id: room.clone(),
            event_id: hello.clone(),
            text: "secretly changed".to_owned(),
        });
        alice
            .until("the edit in the composer", |p| {
                let writing = &p.app.timelines.shown()?.writing;
                (writing.edited() == Some(&hello) && writing.composer.text() == "secretly changed").then_some(())
            })
            .await;
        for event in newest(&world, &token, &room) {
            assert!(!event.to_string().contains("secret"), "{event}");
        }
    }
}
on!(an_overwritten_encryption_turns_nothing_off: synapse, embedded);

/// A message waits; meanwhile a device of the other's is deleted, and there is a new one. The key
/// goes to that one, and not to the other.
async fn what_waits_is_encrypted_for_the_devices_of_now(world: World) {
    let line = world.line();
    let mut phone = world.bob("phone").await;
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let room = direct_chat(&mut alice, &mut phone, &world.bob.user_id).await;
    alice.say(&room, "hello");
    alice.sees("hello").await;
    phone.sees("hello").await;
    for restarts in [false, true] {
        line.cut();
        offline(&mut alice).await;
        alice.say(&room, &format!("waiting {restarts}"));
        waits(&mut alice, &format!("waiting {restarts}")).await;
        let away = if restarts { Err(alice.quit().await) } else { Ok(alice) };
        let gone = phone.device();
        phone.run(SessionRequest::Logout);
        phone.until("the login screen", |p| matches!(p.app.phase, Phase::Login(_)).then_some(())).await;
        let mut tablet = world.bob("tablet").await;
        line.keep_back("/sendToDevice/m.room.encrypted/");
        line.heal();
        alice = match away {
            Ok(alice) => alice,
            Err(away) => away.back().await,
        };
        alice.open(&room).await;
        alice.sees(&format!("waiting {restarts}")).await;
        line.allow();
        let to_whom = line.kept();
        line.deliver();
        tablet.open(&room).await;
        tablet.sees(&format!("waiting {restarts}")).await;
        let there = tablet.device();
        let given: Vec<_> = to_whom.iter().filter(|body| body.contains(&there)).collect();
        assert!(!given.is_empty() && !given.iter().any(|body| body.contains(&gone)), "{gone}, {there}: {to_whom:#?}");
        phone = tablet;
    }
}
on!(what_waits_is_encrypted_for_the_devices_of_now: synapse, embedded);

/// What waits when the program is killed leaves once.
async fn what_waits_at_a_kill_leaves_once(world: World) {
    let line = world.line();
    let mut bob = world.bob("phone").await;
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let alice = alice.quit().await;
    let screen = alice.on_screen();
    screens::open_first_room(&screen, &world.bob.name);
    screens::say(&screen, "before");
    bob.sees("before").await;
    line.cut();
    screens::say(&screen, "waiting");
    screens::wait_for_composer(&screen, &world.bob.name);
    screen.wait_for_text("waiting");
    screen.kill9();
    // Killed again in the moment in which it leaves: the homeserver has it, and nobody here knows.
    line.hold_next("/send/m.room.encrypted/");
    line.heal();
    let since = line.requests().len();
    let screen = alice.on_screen();
    line.wait_for_requests("the message on its way", |requests| {
        count(&requests[since..], "/send/m.room.encrypted/") > 0
    });
    screen.kill9();
    line.allow();
    bob.sees("waiting").await;

    let mut alice = alice.back().await;
    alice.open(&room).await;
    alice.until("nothing that waits", |p| (state_of(p, "waiting") == Some(SendState::Sent)).then_some(())).await;
    alice.say(&room, "after");
    bob.sees("after").await;
    let said: Vec<_> = bob.messages().map(body).collect();
    assert_eq!(said, ["before", "waiting", "after"]);
}
on!(what_waits_at_a_kill_leaves_once: synapse, embedded);
