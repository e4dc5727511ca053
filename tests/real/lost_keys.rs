//! Keys that do not come, and the log of what was told.

use std::time::Duration;

use kvitto::{
    client::request::{ReceiptsRequest, RoomsRequest},
    delivery::policy::Settings,
    model::{DeviceState, EventId, Logged, Membership, ReceiptStatus, Route},
};
use serde_json::json;

use crate::{
    delivery::text,
    person::{Person, direct_chat},
    rogue::Rogue,
    support::{proxy::count, screens},
    world::{World, on},
};

/// So long the laptop waits for a key: the real time is a minute.
const WAIT: Duration = Duration::from_millis(300);

/// Waits until a device of Bob's is shown to have, or not to be able to read, a message of Alice's.
async fn shows(alice: &mut Person, event: &EventId, device: &str, is_it: fn(&DeviceState) -> bool) {
    alice
        .delivery(event, &format!("the state of {device}"), |known| {
            let mut devices = known.people.iter().flat_map(|person| &person.devices);
            devices
                .find(|known| known.device_id.as_ref().is_some_and(|id| id.as_str() == device))
                .filter(|known| is_it(&known.state))?;
            Some(())
        })
        .await;
}

/// P1, §3: one of Bob's devices is not given a key. Alice sees which one cannot read her message,
/// and that it can when the key has come; by then that device runs, or has been started again.
async fn a_lost_key_is_told(world: World, restart: bool) {
    // Alice has a line of her own, on which her room keys can be held up.
    let line = world.line();
    let mut phone = world.bob("phone").await;
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let room = direct_chat(&mut alice, &mut phone, &world.bob.user_id).await;
    alice.say(&room, "to the phone");
    let first = alice.sees("to the phone").await;
    alice.delivered_to(&first, &world.bob.user_id, &[phone.device()]).await;

    // A new device of his is asked for receipts, and then the key of her session does not get to
    // it.
    let to_devices = |requests: &[String]| count(requests, "/sendToDevice/");
    let before = to_devices(&line.requests());
    let url = &world.proxy.base_url;
    let mut laptop =
        Person::log_in_with(url, &world.bob, "laptop", world.settings(), |profile| profile.key_wait = WAIT).await;
    line.wait_for_requests("a request to the laptop", |requests| to_devices(requests) > before);
    line.keep_back("/sendToDevice/m.room.encrypted/");
    alice.say(&room, "locked");
    let locked = alice.sees("locked").await;
    let id = laptop.device();
    shows(&mut alice, &locked, &id, |state| matches!(state, DeviceState::Undecryptable { .. })).await;
    shows(&mut alice, &locked, &phone.device(), |state| matches!(state, DeviceState::Delivered { .. })).await;
    let told = |status: &_| matches!(status, ReceiptStatus::ToldUndecryptable { .. });
    laptop.status_that(&room, &locked, told).await;

    line.allow();
    let mut laptop = if restart {
        let away = laptop.quit().await;
        assert_ne!(line.deliver(), 0);
        away.back().await
    } else {
        assert_ne!(line.deliver(), 0);
        laptop
    };
    shows(&mut alice, &locked, &id, |state| matches!(state, DeviceState::Delivered { .. })).await;
    assert!(matches!(laptop.last_status_of(&room, &locked).await, ReceiptStatus::Sent { route: Route::Direct, .. }));

    let log = laptop.log(ReceiptsRequest::AskReceiptLog).await.entries;
    let about: Vec<_> = log.iter().filter(|entry| entry.event_id == locked).map(|entry| entry.what).collect();
    let route = Route::Direct;
    assert_eq!(about, [Logged::Delivered { route }, Logged::Undecryptable { route }]);
}

async fn p1_a_lost_key_is_told_until_it_comes(world: World) {
    a_lost_key_is_told(world, false).await;
}
on!(p1_a_lost_key_is_told_until_it_comes: synapse, embedded_direct, embedded_today);

async fn p1_a_lost_key_that_came_while_away_is_acknowledged(world: World) {
    a_lost_key_is_told(world, true).await;
}
on!(p1_a_lost_key_that_came_while_away_is_acknowledged: synapse, embedded_direct);

/// What was told to whom, and what was withheld, is in the log until it is emptied.
async fn the_log_says_what_was_told_and_what_was_not(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "answered");
    let answered = alice.sees("answered").await;
    alice.delivered_to(&answered, &world.bob.user_id, &world.ticks(&[&bob])).await;
    bob.last_status_of(&room, &answered).await;
    bob.set(Settings { incognito: true, ..world.settings() }).await;
    let mut last = None;
    for text in ["one", "two", "three"] {
        alice.say(&room, text);
        let event = alice.sees(text).await;
        assert_eq!(bob.withheld_by(&room, &event).await, "P12");
        last = Some(event);
    }

    let log = bob.log(ReceiptsRequest::AskReceiptLog).await.entries;
    let [hidden, told] = &log[..] else { panic!("{log:?}") };
    assert_eq!(told.what, Logged::Delivered { route: world.route() });
    assert_eq!((told.count, &told.event_id, told.person.as_str()), (1, &answered, &*world.alice.user_id));
    assert!(matches!(hidden.what, Logged::Withheld { rule: "P12", .. }), "{hidden:?}");
    assert_eq!((hidden.count, Some(&hidden.event_id), &hidden.room_id), (3, last.as_ref(), &room));
    assert!(!hidden.room_name.is_empty() && hidden.first <= hidden.at);

    assert_eq!(bob.log(ReceiptsRequest::EmptyReceiptLog).await.entries, []);
    let mut bob = bob.quit().await.back().await;
    assert_eq!(bob.log(ReceiptsRequest::AskReceiptLog).await.entries, []);
}
on!(the_log_says_what_was_told_and_what_was_not: embedded, embedded_direct);

/// P1: what its sender was told to be unreadable turns out to be a reaction. It leaves a line, also
/// after a restart.
async fn p1_what_is_no_message_after_all_leaves_a_trace(world: World) {
    let url = &world.proxy.base_url;
    let mut bob =
        Person::log_in_with(url, &world.bob, "phone", world.settings(), |profile| profile.key_wait = WAIT).await;
    let mut mallory = Rogue::log_in(&world.server.base_url, &world.alice).await;
    let encryption = json!({ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } });
    let chat = json!({
        "preset": "trusted_private_chat", "is_direct": true, "invite": [world.bob.user_id],
        "initial_state": [encryption],
    });
    let room = mallory.create_room(&chat);
    bob.room("the invite", |summary| summary.id == room).await;
    bob.run(RoomsRequest::Accept(room.clone()));
    bob.room("the joined room", |summary| summary.id == room && summary.membership == Membership::Joined).await;
    bob.open(&room).await;
    mallory.look().await;
    mallory.ask(&room, &world.bob.user_id).await;
    let hello = mallory.send(&room, "m.room.message", &text("hello"));
    mallory.until("the receipt", |received| received.direct.contains_key(&hello)).await;

    let mut key = Rogue::new_key();
    let content = json!({
        "algorithm": "m.megolm.v1.aes-sha2", "room_id": room.as_str(), "session_id": key.session_id(),
        "session_key": key.session_key().to_base64(),
    });
    let relation = json!({ "rel_type": "m.annotation", "event_id": hello.as_str(), "key": "+" });
    let reaction = json!({ "type": "m.reaction", "content": { "m.relates_to": relation } });
    let probe = mallory.seal_anything(&room, &mut key, &reaction).await;
    bob.status_that(&room, &probe, |status| matches!(status, ReceiptStatus::ToldUndecryptable { .. })).await;
    mallory.tell(&world.bob.user_id, "m.room_key", &content).await;
    let traces =
        |p: &mut Person| p.app.timelines.shown().map(|open| open.traces.clone()).filter(|found| !found.is_empty());
    let found = bob.until("the trace", traces).await;
    assert_eq!(found.iter().map(|trace| (&trace.event_id, &*trace.what)).collect::<Vec<_>>(), [(&probe, "a reaction")]);

    let bob = bob.quit().await;
    let screen = bob.on_screen();
    screens::open_first_room(&screen, &world.alice.name);
    screen.wait_for_text("was told at");
    screen.wait_for_text("a message could not be read here");
}
on!(p1_what_is_no_message_after_all_leaves_a_trace: synapse, embedded_direct);
