//! Marks that are true: after kills, in a profile with a new device, and when others' devices
//! switch receipts off or go.

use kvitto::{
    delivery::{
        policy::{Send, Settings},
        summary,
    },
    model::{Delivery, DeviceDelivery, DeviceState, Mark, ReceiptStatus, RoomId, SendState},
};
use serde_json::json;

use crate::{
    person::{Away, Person, direct_chat},
    support::{screens, server::Account},
    world::{World, on},
};

/// What a device of the only other person did.
fn of<'a>(delivery: &'a Delivery, device: &str) -> Option<&'a DeviceDelivery> {
    let [person] = &delivery.people[..] else { return None };
    person.devices.iter().find(|known| known.device_id.as_ref().is_some_and(|id| id.as_str() == device))
}

/// How many syncs were asked for.
fn syncs(requests: &[String]) -> usize {
    requests.iter().filter(|path| path.ends_with("/sync")).count()
}

/// Somebody logs a device out on another one.
fn delete_device(world: &World, account: &Account, device: &str) {
    let elsewhere = world.server.login_raw(account);
    let user = json!({ "type": "m.id.user", "user": account.name });
    let auth = json!({ "type": "m.login.password", "identifier": user, "password": account.password });
    let path = "/_matrix/client/v3/delete_devices";
    let request = json!({ "devices": [device], "auth": auth });
    let (status, answer) = world.server.raw("POST", path, Some(&elsewhere.token), &request);
    assert_eq!(status, 200, "{answer}");
    world.server.log_out(&elsewhere.token);
}

/// L1, L8: the rooms' sync hangs, so the receipt comes before the echo of its message; then Alice's
/// client is killed.
async fn l8_a_receipt_before_the_echo_outlives_a_kill(world: World) {
    let line = world.line();
    let mut bob = world.bob("phone").await;
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "in time");
    let first = alice.sees("in time").await;
    alice.delivered_to(&first, &world.bob.user_id, &world.ticks(&[&bob])).await;
    let alice = alice.quit().await;

    let screen = alice.on_screen();
    screens::open_first_room(&screen, &world.bob.name);
    bob.say(&room, "here you are");
    screen.wait_for_text("here you are");
    line.hold_rooms();
    let before = syncs(&line.requests());
    bob.say(&room, "and now it hangs");
    line.wait_for_requests("the sync that hangs", |requests| syncs(requests) > before);
    let before = syncs(&line.requests());
    screens::say(&screen, "early");
    let early = bob.sees("early").await;
    let told = bob.last_status_of(&room, &early).await;
    assert!(matches!(told, ReceiptStatus::Sent { .. }), "{told:?}");
    // A sync that brought a receipt goes on when that is on disk.
    line.wait_for_requests("the sync after the receipt", |requests| syncs(requests) > before);
    screen.kill9();

    line.allow();
    let screen = alice.on_screen();
    screens::open_first_room(&screen, &world.bob.name);
    screens::wait_for_mark(&screen, "early", "●");
}
on!(l8_a_receipt_before_the_echo_outlives_a_kill: synapse, embedded_direct);

/// §3: the device was deleted elsewhere and its keys are gone, so a new one goes on in its profile.
/// It asks for itself.
async fn a_new_device_in_an_old_profile_asks(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let his = world.ticks(&[&bob]);
    alice.say(&room, "from the old device");
    let event = alice.sees("from the old device").await;
    alice.delivered_to(&event, &world.bob.user_id, &his).await;

    let old = alice.device();
    let away = alice.quit().await;
    delete_device(&world, &world.alice, &old);
    let mut alice = away.back_without_keys().await;
    alice.log_in_again(&world.proxy.base_url, &world.alice).await;
    world.proxy.wait_for_keys(&alice.device(), &bob.device());
    alice.open(&room).await;
    alice.say(&room, "from the new one");
    let event = alice.sees("from the new one").await;
    alice.delivered_to(&event, &world.bob.user_id, &his).await;
}
on!(a_new_device_in_an_old_profile_asks: synapse, embedded, embedded_today);

/// L5, §3: Bob's phone sends no receipts for a while, for this reason. With its next one it says
/// that this means nothing.
async fn silence_on_purpose_is_unknown(world: World, quiet: impl Fn(&World) -> Settings) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let (phone, his) = (bob.device(), world.ticks(&[&bob]));
    alice.say(&room, "before");
    let before = alice.sees("before").await;
    alice.delivered_to(&before, &world.bob.user_id, &his).await;

    bob.set(quiet(&world)).await;
    alice.say(&room, "meanwhile");
    let meanwhile = alice.sees("meanwhile").await;
    assert_eq!(bob.sees("meanwhile").await, meanwhile);
    let withheld = bob.last_status_of(&room, &meanwhile).await;
    assert!(matches!(withheld, ReceiptStatus::Withheld { .. }), "{withheld:?}");
    let state = alice.delivery(&meanwhile, "the phone", |known| Some(of(known, &phone)?.state.clone())).await;
    assert_eq!(state, DeviceState::Pending, "nothing is said while nothing is acknowledged");

    let mut bob = bob.quit().await.back().await;
    bob.open(&room).await;
    bob.set(world.settings()).await;
    alice.say(&room, "after");
    let after = alice.sees("after").await;
    alice.delivered_to(&after, &world.bob.user_id, &his).await;
    let is_quiet = |known: &Delivery| of(known, &phone).is_some_and(|device| device.state == DeviceState::Quiet);
    alice.delivery(&meanwhile, "that it means nothing", |known| is_quiet(known).then_some(())).await;
    assert_eq!(alice.undelivered().await, []);
    alice.delivered_to(&before, &world.bob.user_id, &his).await;

    let mut alice = alice.quit().await.back().await;
    alice.open(&room).await;
    alice.delivery(&meanwhile, "that it means nothing", |known| is_quiet(known).then_some(())).await;
}

async fn l5_receipts_that_were_switched_off_are_unknown(world: World) {
    silence_on_purpose_is_unknown(world, |world| Settings { send: Send::Off, ..world.settings() }).await;
}
on!(l5_receipts_that_were_switched_off_are_unknown: synapse, embedded, embedded_direct);

async fn l5_what_came_incognito_is_unknown(world: World) {
    silence_on_purpose_is_unknown(world, |world| Settings { incognito: true, ..world.settings() }).await;
}
on!(l5_what_came_incognito_is_unknown: synapse, embedded);

/// Bob has a phone and a laptop, and the laptop is away when Alice writes.
async fn to_a_laptop_that_is_away(world: &World) -> (Person, Person, Away, String, RoomId) {
    let mut phone = world.bob("phone").await;
    let mut laptop = world.bob("laptop").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut phone, &world.bob.user_id).await;
    laptop.sees_direct(&room).await;
    let (his, laptops) = (world.ticks(&[&phone, &laptop]), laptop.device());
    alice.say(&room, "to both");
    let both = alice.sees("to both").await;
    alice.delivered_to(&both, &world.bob.user_id, &his).await;
    (alice, phone, laptop.quit().await, laptops, room)
}

/// That the laptop is gone and nobody waits for it.
fn is_complete_without(known: &Delivery, laptop: &str) -> bool {
    let gone = of(known, laptop).is_some_and(|device| device.state == DeviceState::Gone && !device.expected);
    gone && summary::mark(&SendState::Sent, Some(known), &[]).counted() == Mark::Delivered
}

/// L2: a device that was logged out before it answered will never answer. It is shown as gone, and
/// is not counted.
async fn a_device_that_is_gone_is_not_waited_for(world: World) {
    let (mut alice, phone, laptop, laptops, room) = to_a_laptop_that_is_away(&world).await;
    alice.say(&room, "to the phone");
    let event = alice.sees("to the phone").await;
    alice.delivered_to(&event, &world.bob.user_id, &world.ticks(&[&phone])).await;
    let waited_for = |known: &Delivery| of(known, &laptops).is_some_and(|device| device.expected);
    alice.delivery(&event, "the laptop to be waited for", |known| waited_for(known).then_some(())).await;

    delete_device(&world, &world.bob, &laptops);
    alice.delivery(&event, "the laptop to be gone", |known| is_complete_without(known, &laptops).then_some(())).await;
    let mut alice = alice.quit().await.back().await;
    alice.open(&room).await;
    alice.delivery(&event, "the laptop to be gone", |known| is_complete_without(known, &laptops).then_some(())).await;
    drop(laptop);
}
on!(a_device_that_is_gone_is_not_waited_for: synapse, embedded);

/// L2: the laptop has answered, and is logged out before Alice's client reads that. Where she hears
/// of both at once it is still proven; else nothing proves it any more, and the laptop is gone.
async fn a_device_whose_receipt_was_not_read_in_time_is_gone(world: World) {
    let (mut alice, phone, laptop, laptops, room) = to_a_laptop_that_is_away(&world).await;
    alice.say(&room, "to the phone");
    let event = alice.sees("to the phone").await;
    alice.delivered_to(&event, &world.bob.user_id, &world.ticks(&[&phone])).await;
    let alice = alice.quit().await;
    let mut laptop = laptop.back().await;
    let told = laptop.last_status_of(&room, &event).await;
    assert!(matches!(told, ReceiptStatus::Sent { .. }), "{told:?}");
    delete_device(&world, &world.bob, &laptops);

    let mut alice = alice.back().await;
    alice.open(&room).await;
    let is_read = |known: &Delivery| {
        let read = of(known, &laptops).is_some_and(|device| matches!(device.state, DeviceState::Delivered { .. }));
        read || is_complete_without(known, &laptops)
    };
    alice.delivery(&event, "nobody to be waited for", |known| is_read(known).then_some(())).await;
}
on!(a_device_whose_receipt_was_not_read_in_time_is_gone: synapse, embedded_today);

/// Between a message and its echo one of Bob's devices is logged out, and a new one comes. The row
/// holds those that were given the key.
async fn the_row_holds_the_devices_that_were_given_the_key(world: World) {
    let line = world.line();
    let mut phone = world.bob("phone").await;
    let laptop = world.bob("laptop").await;
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let room = direct_chat(&mut alice, &mut phone, &world.bob.user_id).await;
    let (phones, laptops) = (phone.device(), laptop.device());
    let _laptop = laptop.quit().await;
    alice.say(&room, "to both");
    let both = alice.sees("to both").await;
    alice.delivered_to(&both, &world.bob.user_id, &world.ticks(&[&phone])).await;

    line.hold_rooms();
    let before = syncs(&line.requests());
    phone.say(&room, "and now it hangs");
    line.wait_for_requests("the sync that hangs", |requests| syncs(requests) > before);
    alice.say(&room, "early");
    let early = phone.sees("early").await;
    delete_device(&world, &world.bob, &laptops);
    let mut tablet = world.bob("tablet").await;
    tablet.sees_direct(&room).await;
    let tablets = tablet.device();
    line.allow();
    let is_given = |known: &Delivery| is_complete_without(known, &laptops) && of(known, &phones).is_some();
    let devices = |known: &Delivery| is_given(known).then(|| of(known, &tablets).cloned());
    let new = alice.delivery(&early, "the devices that were given the key", devices).await;
    assert_eq!(new, None, "it was not there");
    alice.say(&room, "to the tablet");
    let later = alice.sees("to the tablet").await;
    alice.delivered_to(&later, &world.bob.user_id, &world.ticks(&[&phone, &tablet])).await;
}
on!(the_row_holds_the_devices_that_were_given_the_key: synapse, embedded_direct);
