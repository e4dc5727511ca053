//! One account on several devices, and what of its messages is not everywhere.

use kvitto::{
    delivery::policy::{RouteChoice, Settings},
    model::{DeviceState, ReceiptFate, Route},
};

use crate::{
    person::{Person, direct_chat},
    world::{World, on},
};

/// §3, P3, L2: another device of the account that sends says that it can read the message, to the account's other devices
/// and to nobody else, whatever way others' receipts take.
async fn own_other_devices_tell_each_other(world: World) {
    let line = world.line();
    let mut bob = world.bob("phone").await;
    let mut desk = world.alice("desk").await;
    let mut tablet = Person::log_in(&line.base_url, &world.alice, "tablet", world.settings()).await;
    let other = world.alice("another client").await;
    let silent = (other.device(), false);
    // It answers nothing, as a client of another kind.
    let other = other.quit().await;
    let room = direct_chat(&mut desk, &mut bob, &world.bob.user_id).await;
    tablet.open(&room).await;

    desk.say(&room, "from the desk");
    let event = desk.sees("from the desk").await;
    let his = world.ticks(&[&bob]);
    desk.delivered_to(&event, &world.bob.user_id, &his).await;
    desk.fleet_is(&event, &[(tablet.device(), true), silent.clone()]).await;
    tablet.fleet_is(&event, std::slice::from_ref(&silent)).await;
    let told = tablet.last_fate_of(&room, &event).await;
    assert!(matches!(told, ReceiptFate::Sent { route: Route::Direct, .. }), "{told:?}");
    let posted = line.requests().into_iter().filter(|request| request.contains("/receipt/"));
    assert_eq!(posted.filter(|request| request.contains(event.as_str())).count(), 0, "no homeserver learns of it");

    tablet.say(&room, "from the tablet");
    let event = tablet.sees("from the tablet").await;
    tablet.delivered_to(&event, &world.bob.user_id, &his).await;
    tablet.fleet_is(&event, &[(desk.device(), true), silent.clone()]).await;

    // They are no ticks of others', and the device that has sent a message does not answer itself.
    let known = desk.delivery(&event, "the message of the tablet", |delivery| Some(delivery.clone())).await;
    assert!(known.people.iter().all(|person| person.user.as_str() == world.bob.user_id));
    assert_eq!(tablet.withheld_by(&room, &event).await, "P3");

    // It is on disk.
    let mut tablet = tablet.quit().await.back().await;
    tablet.open(&room).await;
    tablet.fleet_is(&event, &[(desk.device(), true), silent]).await;
    drop(other);
}
on!(own_other_devices_tell_each_other: synapse, embedded, embedded_direct);

/// P12: what comes incognito is not told to own devices either.
async fn p12_own_devices_learn_nothing_of_an_incognito_one(world: World) {
    let mut bob = world.bob("phone").await;
    let mut desk = world.alice("desk").await;
    let mut tablet = world.alice("tablet").await;
    let room = direct_chat(&mut desk, &mut bob, &world.bob.user_id).await;
    tablet.open(&room).await;
    tablet.set(Settings { incognito: true, ..world.settings() });
    desk.say(&room, "unseen");
    let unseen = desk.sees("unseen").await;
    tablet.sees("unseen").await;
    assert_eq!(tablet.withheld_by(&room, &unseen).await, "P12");

    tablet.set(world.settings());
    assert_eq!(tablet.withheld_by(&room, &unseen).await, "P12");
    desk.say(&room, "seen");
    let seen = desk.sees("seen").await;
    desk.fleet_is(&seen, &[(tablet.device(), true)]).await;
    let unseen = desk.delivery(&unseen, "the own devices", |known| Some(known.fleet.clone())).await;
    assert!(unseen.iter().all(|device| !matches!(device.state, DeviceState::Delivered { .. })), "{unseen:?}");
}
on!(p12_own_devices_learn_nothing_of_an_incognito_one: synapse, embedded);

/// L5: what somebody who answers has not acknowledged is undelivered, in all rooms; what is delivered is not, nor what
/// somebody is sent of whom nothing is known.
async fn l5_what_is_not_delivered_is_found_in_all_rooms(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "nobody knows him yet");
    let first = alice.sees("nobody knows him yet").await;
    alice.delivered_to(&first, &world.bob.user_id, &world.ticks(&[&bob])).await;
    assert_eq!(alice.undelivered().await, []);

    bob.set(Settings { route: RouteChoice::Off, ..world.settings() });
    alice.say(&room, "**where** are you?");
    let waiting = alice.sees("where are you?").await;
    alice.delivery(&waiting, "the devices that were given the key", |known| known.people.first().map(drop)).await;
    let found = alice.undelivered().await;
    let rows: Vec<_> = found.iter().map(|row| (&row.room, row.text.as_str(), &row.delivery.event)).collect();
    assert_eq!(rows, [(&room, "where are you?", &waiting)]);
    assert!(!found[0].room_name.is_empty());
}
on!(l5_what_is_not_delivered_is_found_in_all_rooms: synapse, embedded);
