//! The real program, killed without warning: what it owes is still paid, and what it knew it still
//! knows.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::{
    delivery::text,
    person::{Person, direct_chat},
    support::{proxy::count, screens},
    world::{World, on},
};

/// To-device messages that were lost between the homeserver and the disk, as in a kill right after
/// they were decrypted.
static LOST: AtomicUsize = AtomicUsize::new(0);

fn lose_to_device(answer: &mut Value) {
    for events in ["/to_device/events", "/extensions/to_device/events"] {
        if let Some(Value::Array(events)) = answer.pointer_mut(events) {
            LOST.fetch_add(events.len(), Ordering::Relaxed);
            events.clear();
        }
    }
}

/// L8: An encrypted to-device message can be decrypted once, so what a kill cuts off there is asked
/// for again.
async fn l8_a_receipt_that_a_kill_has_lost_is_told_again(world: World) {
    let line = world.line();
    let mut bob = world.bob("phone").await;
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "are you there?");
    let event = alice.sees("are you there?").await;
    alice.delivered_to(&event, &world.bob.user_id, &world.ticks(&[&bob])).await;
    let alice = alice.quit().await;

    // Before the program starts: an answer that is under way by then would not lose anything.
    line.spoil("/sync", lose_to_device);
    let screen = alice.on_screen();
    screens::open_first_room(&screen, &world.bob.name);
    screens::wait_for_mark(&screen, "are you there?", "●");
    let before = LOST.load(Ordering::Relaxed);
    screens::say(&screen, "did you get it?");
    bob.sees("did you get it?").await;
    line.wait_for_requests("a receipt that is lost", |_| LOST.load(Ordering::Relaxed) > before);
    screens::wait_for_mark(&screen, "did you get it?", "○");
    screen.kill9();

    line.spoil("/sync", |_| {});
    line.refuse("/sendToDevice/");
    let before = line.requests().len();
    let screen = alice.on_screen();
    screens::open_first_room(&screen, &world.bob.name);
    line.wait_for_requests("a request that does not leave", |requests| {
        count(&requests[before..], "/sendToDevice/") > 0
    });
    line.allow();
    screens::wait_for_mark(&screen, "did you get it?", "●");
}
on!(l8_a_receipt_that_a_kill_has_lost_is_told_again: synapse, embedded_direct);

/// Invariant 4: Bob's client dies between 'decrypted' and 'sent'. It owes the receipt all the same,
/// and gives it once.
async fn what_a_killed_receiver_owes_arrives_once(world: World) {
    let line = world.line();
    let receipts = |requests: &[String]| count(requests, world.receipt_path());
    let mut bob = Person::log_in(&line.base_url, &world.bob, "phone", world.settings()).await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let his = world.ticks(&[&bob]);
    let bob = bob.quit().await;

    line.refuse(world.receipt_path());
    let before = line.requests().len();
    let screen = bob.on_screen();
    screens::open_first_room(&screen, &world.alice.name);
    assert_eq!(receipts(&line.requests()[before..]), 0, "nothing is owed yet");
    alice.say(&room, "are you there?");
    screen.wait_for_text("are you there?");
    line.wait_for_requests("a receipt that cannot leave", |requests| receipts(&requests[before..]) > 0);
    screen.kill9();
    let owed = alice.sees("are you there?").await;
    alice.delivery(&owed, "the expected devices", |_| Some(())).await;
    assert_eq!(alice.ticks(&owed, &world.bob.user_id), [""; 0]);

    line.allow();
    let before = line.requests().len();
    let _screen = bob.on_screen();
    alice.delivered_to(&owed, &world.bob.user_id, &his).await;
    alice.say(&room, "and now?");
    let next = alice.sees("and now?").await;
    alice.delivered_to(&next, &world.bob.user_id, &his).await;
    assert_eq!(receipts(&line.requests()[before..]), 2, "one receipt for each message");
}
on!(what_a_killed_receiver_owes_arrives_once: synapse, embedded, embedded_direct);

/// L8: Alice's client dies with the ticks on the screen, and shows the same from its disk alone.
async fn l8_a_killed_sender_shows_the_same_ticks(world: World) {
    let line = world.line();
    let mut phone = world.bob("phone").await;
    let mut laptop = world.bob("laptop").await;
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let room = direct_chat(&mut alice, &mut phone, &world.bob.user_id).await;
    laptop.sees_direct(&room).await;
    let alice = alice.quit().await;

    let screen = alice.on_screen();
    screens::open_first_room(&screen, &world.bob.name);
    screens::say(&screen, "both have this");
    screens::wait_for_mark(&screen, "both have this", "●●");
    let one = if phone.device() < laptop.device() { "●○" } else { "○●" };
    laptop.quit().await;
    screens::say(&screen, "one has this");
    screens::wait_for_mark(&screen, "one has this", one);
    // The SDK's event cache takes a message that was sent out and puts it in again when the sync
    // brings it, in two steps. What came later says that both are done: the ticks outlive a kill at
    // any time, and are looked at beside their message.
    let token = world.server.login_raw(&world.alice).token;
    world.server.send(&token, &room, "m.room.message", &text("from elsewhere"));
    screen.wait_for_text("from elsewhere");
    screen.kill9();

    line.cut();
    let screen = alice.on_screen();
    screens::open_first_room(&screen, &world.bob.name);
    screens::wait_for_mark(&screen, "both have this", "●●");
    screens::wait_for_mark(&screen, "one has this", one);
}
on!(l8_a_killed_sender_shows_the_same_ticks: synapse, embedded, embedded_direct);
