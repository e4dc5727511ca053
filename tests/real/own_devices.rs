//! One account on several devices, and what of its messages is not everywhere.

use std::time::Duration;

use kvitto::{
    delivery::{
        policy::{RouteChoice, Settings},
        summary,
    },
    model::{Delivery, DeviceState, Mark, ReceiptStatus, Route, SendState},
};

use crate::{
    person::{Person, direct_chat},
    support::proxy::count,
    world::{World, on},
};

/// So long the laptop waits for a key: the real time is a minute.
const KEY_WAIT: Duration = Duration::from_millis(300);

/// §3, P3, L2: another device of the account that sends says that it can read the message, to the
/// account's other devices and to nobody else, whatever way others' receipts take.
async fn own_other_devices_tell_each_other(world: World) {
    let line = world.line();
    let mut bob = world.bob("phone").await;
    let mut desk = world.alice("desk").await;
    let mut tablet = Person::log_in(&line.base_url, &world.alice, "tablet", world.settings()).await;
    let other = world.alice("another client").await;
    let silent = (other.device(), false);
    // It answers nothing, as a client of another kind.
    let other = other.quit().await;
    for id in [tablet.device(), silent.0.clone()] {
        world.proxy.wait_for_keys(&id, &desk.device());
    }
    line.wait_for_keys(&silent.0, &tablet.device());
    let room = direct_chat(&mut desk, &mut bob, &world.bob.user_id).await;
    tablet.open(&room).await;

    desk.say(&room, "from the desk");
    let event = desk.sees("from the desk").await;
    let his = world.ticks(&[&bob]);
    desk.delivered_to(&event, &world.bob.user_id, &his).await;
    desk.own_devices_are(&event, &[(tablet.device(), true), silent.clone()]).await;
    tablet.own_devices_are(&event, std::slice::from_ref(&silent)).await;
    let told = tablet.last_status_of(&room, &event).await;
    assert!(matches!(told, ReceiptStatus::Sent { route: Route::Direct, .. }), "{told:?}");
    let posted = line.requests().into_iter().filter(|request| request.contains("/receipt/"));
    assert_eq!(posted.filter(|request| request.contains(event.as_str())).count(), 0, "no homeserver learns of it");

    tablet.say(&room, "from the tablet");
    let event = tablet.sees("from the tablet").await;
    tablet.delivered_to(&event, &world.bob.user_id, &his).await;
    tablet.own_devices_are(&event, &[(desk.device(), true), silent.clone()]).await;

    // They are no ticks of others', and the device that has sent a message does not answer itself.
    let known = desk.delivery(&event, "the message of the tablet", |delivery| Some(delivery.clone())).await;
    assert!(known.people.iter().all(|person| person.user_id.as_str() == world.bob.user_id));
    assert_eq!(tablet.withheld_by(&room, &event).await, "P3");

    // It is on disk.
    let mut tablet = tablet.quit().await.back().await;
    tablet.open(&room).await;
    tablet.own_devices_are(&event, &[(desk.device(), true), silent]).await;
    drop(other);
}
on!(own_other_devices_tell_each_other: synapse, embedded, embedded_direct);

/// §3, L2: another own device is not given a key. It is seen among the own ones that it cannot read
/// the message, and that it can when the key has come; the mark is about others, and does not
/// change.
async fn an_own_device_without_the_key_is_seen(world: World) {
    // The desk has a line of its own, on which its room keys can be held up.
    let line = world.line();
    let mut bob = world.bob("phone").await;
    let mut desk = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let tablet = world.alice("tablet").await;
    line.wait_for_keys(&tablet.device(), &desk.device());
    let room = direct_chat(&mut desk, &mut bob, &world.bob.user_id).await;
    let his = world.ticks(&[&bob]);
    desk.say(&room, "to the tablet");
    let first = desk.sees("to the tablet").await;
    desk.delivered_to(&first, &world.bob.user_id, &his).await;
    desk.own_devices_are(&first, &[(tablet.device(), true)]).await;

    // A new one is asked for receipts, and then the key of the desk's session does not get to it.
    let to_devices = |requests: &[String]| count(requests, "/sendToDevice/");
    let before = to_devices(&line.requests());
    let url = &world.proxy.base_url;
    let laptop =
        Person::log_in_with(url, &world.alice, "laptop", world.settings(), |profile| profile.key_wait = KEY_WAIT).await;
    line.wait_for_requests("a request to the laptop", |requests| to_devices(requests) > before);
    line.keep_back("/sendToDevice/m.room.encrypted/");
    desk.say(&room, "locked");
    let locked = desk.sees("locked").await;
    let id = laptop.device();
    let state = |known: &Delivery, id: &str| {
        let mut own =
            known.own_devices.iter().filter(|own| own.device_id.as_ref().is_some_and(|device| device.as_str() == id));
        own.next().map(|own| own.state.clone())
    };
    let lacks_it = |known: &Delivery| matches!(state(known, &id), Some(DeviceState::Undecryptable { .. }));
    desk.delivery(&locked, "the laptop that cannot read it", |known| lacks_it(known).then_some(())).await;
    desk.delivered_to(&locked, &world.bob.user_id, &his).await;
    let known = desk
        .delivery(&locked, "the tablet that can", |known| {
            matches!(state(known, &tablet.device()), Some(DeviceState::Delivered { .. })).then(|| known.clone())
        })
        .await;
    assert!(lacks_it(&known), "{known:?}");
    assert_eq!(summary::mark(&SendState::Sent, Some(&known), &[]).counted(), Mark::Delivered);
    assert_eq!(desk.undelivered().await, []);

    line.allow();
    assert_ne!(line.deliver(), 0);
    desk.own_devices_are(&locked, &[(tablet.device(), true), (id, true)]).await;
    desk.delivered_to(&locked, &world.bob.user_id, &his).await;
}
on!(an_own_device_without_the_key_is_seen: synapse, embedded, embedded_direct);

/// P12: what comes incognito is not told to own devices either.
async fn p12_own_devices_learn_nothing_of_an_incognito_one(world: World) {
    let mut bob = world.bob("phone").await;
    let mut desk = world.alice("desk").await;
    let mut tablet = world.alice("tablet").await;
    world.proxy.wait_for_keys(&tablet.device(), &desk.device());
    let room = direct_chat(&mut desk, &mut bob, &world.bob.user_id).await;
    tablet.open(&room).await;
    tablet.set(Settings { incognito: true, ..world.settings() }).await;
    desk.say(&room, "unseen");
    let unseen = desk.sees("unseen").await;
    tablet.sees("unseen").await;
    assert_eq!(tablet.withheld_by(&room, &unseen).await, "P12");

    tablet.set(world.settings()).await;
    assert_eq!(tablet.withheld_by(&room, &unseen).await, "P12");
    desk.say(&room, "seen");
    let seen = desk.sees("seen").await;
    desk.own_devices_are(&seen, &[(tablet.device(), true)]).await;
    let unseen = desk.delivery(&unseen, "the own devices", |known| Some(known.own_devices.clone())).await;
    assert!(unseen.iter().all(|device| !matches!(device.state, DeviceState::Delivered { .. })), "{unseen:?}");
}
on!(p12_own_devices_learn_nothing_of_an_incognito_one: synapse, embedded);

/// L5: what somebody who answers has not acknowledged is undelivered, in all rooms; what is
/// delivered is not, nor what somebody is sent of whom nothing is known.
async fn l5_what_is_not_delivered_is_found_in_all_rooms(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "nobody knows him yet");
    let first = alice.sees("nobody knows him yet").await;
    alice.delivered_to(&first, &world.bob.user_id, &world.ticks(&[&bob])).await;
    assert_eq!(alice.undelivered().await, []);

    bob.set(Settings { route: RouteChoice::Off, ..world.settings() }).await;
    alice.say(&room, "**where** are you?");
    let waiting = alice.sees("where are you?").await;
    alice.delivery(&waiting, "the devices that were given the key", |known| known.people.first().map(drop)).await;
    let found = alice.undelivered().await;
    let rows: Vec<_> = found.iter().map(|row| (&row.room_id, row.text.as_str(), &row.delivery.event_id)).collect();
    assert_eq!(rows, [(&room, "where are you?", &waiting)]);
    assert!(!found[0].room_name.is_empty());
}
on!(l5_what_is_not_delivered_is_found_in_all_rooms: synapse, embedded);
