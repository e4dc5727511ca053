//! The real program, killed without warning: what it owes is still paid, and what it knew it still knows.

use kvitto::model::UserId;

use crate::{
    delivery::World,
    person::{Person, at_once, delivered, direct_chat},
    support::{
        proxy::{Proxy, SlidingSync},
        screens,
        synapse::synapse,
    },
};

fn to_device_messages(requests: &[String]) -> usize {
    requests.iter().filter(|request| request.contains("/sendToDevice/")).count()
}

/// Invariant 4: Bob's client dies between 'decrypted' and 'sent'. It owes the receipt all the same, and gives it once.
async fn a_receiver_is_killed(sliding: SlidingSync) {
    let world = World::new(sliding);
    let line = Proxy::start(&synapse().base_url, sliding);
    let mut bob = Person::log_in(&line.base_url, &world.bob, "phone", at_once()).await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let device = bob.device();
    let bob = bob.quit().await;

    line.refuse("/sendToDevice/");
    let before = line.requests().len();
    let screen = bob.on_screen();
    screens::open_first_room(&screen, &world.alice.name);
    assert_eq!(to_device_messages(&line.requests()[before..]), 0, "nothing is owed yet");
    alice.say(&room, "are you there?");
    screen.wait_for_text("are you there?");
    line.wait_for_requests("a receipt that cannot leave", |requests| to_device_messages(&requests[before..]) > 0);
    screen.kill9();
    let owed = alice.sees("are you there?").await;
    let receipts = alice.delivery(&owed, "the expected devices", |delivery| Some(delivery.clone())).await;
    assert_eq!(delivered(&receipts, &UserId::new(&world.bob.user_id)), Vec::<String>::new());

    line.allow();
    let before = line.requests().len();
    let _screen = bob.on_screen();
    alice.delivered_to(&owed, &world.bob.user_id, &[&device]).await;
    alice.say(&room, "and now?");
    let next = alice.sees("and now?").await;
    alice.delivered_to(&next, &world.bob.user_id, &[&device]).await;
    assert_eq!(to_device_messages(&line.requests()[before..]), 2, "one receipt for each message");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_receiver_owes_arrives_once_by_sliding_sync() {
    a_receiver_is_killed(SlidingSync::Kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_receiver_owes_arrives_once_by_plain_sync() {
    a_receiver_is_killed(SlidingSync::Hidden).await;
}

/// L8: Alice's client dies with the ticks on the screen, and shows the same from its disk alone.
async fn a_sender_is_killed(sliding: SlidingSync) {
    let world = World::new(sliding);
    let line = Proxy::start(&synapse().base_url, sliding);
    let mut phone = world.bob("phone", at_once()).await;
    let laptop = world.bob("laptop", at_once()).await;
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", at_once()).await;
    direct_chat(&mut alice, &mut phone, &world.bob.user_id).await;
    let alice = alice.quit().await;

    let screen = alice.on_screen();
    screens::open_first_room(&screen, &world.bob.name);
    screens::say(&screen, "both have this");
    screens::wait_for_mark(&screen, "both have this", "●●");
    let one = if phone.device() < laptop.device() { "●○" } else { "○●" };
    laptop.quit().await;
    screens::say(&screen, "one has this");
    screens::wait_for_mark(&screen, "one has this", one);
    screen.kill9();

    line.cut();
    let screen = alice.on_screen();
    screens::open_first_room(&screen, &world.bob.name);
    screens::wait_for_mark(&screen, "both have this", "●●");
    screens::wait_for_mark(&screen, "one has this", one);
}

#[tokio::test(flavor = "multi_thread")]
async fn l8_a_killed_sender_shows_the_same_ticks_by_sliding_sync() {
    a_sender_is_killed(SlidingSync::Kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l8_a_killed_sender_shows_the_same_ticks_by_plain_sync() {
    a_sender_is_killed(SlidingSync::Hidden).await;
}
