//! Messages with more receipts than are worth being listed: the homeserver counts them (PROTOCOL
//! §7), or this client does (L7), and then a page of who has it and who does not is read from disk.

use kvitto::{
    delivery::{
        policy::{Send, Settings, Who},
        summary,
    },
    model::{Delivery, DeviceState, Mark, PeopleFilter, RoomId, SendState, Tally, UserId},
};
use serde_json::json;

use crate::{
    person::{Person, direct_chat},
    support::{proxy::SlidingSync, screens},
    world::{self, World},
};

fn mark(delivery: &Delivery) -> Mark {
    summary::mark(&SendState::Sent, Some(delivery), &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_homeserver_sums_up_is_a_count_also_after_a_restart() {
    let world = world::embedded(SlidingSync::Hidden);
    let summing = |profile: &mut kvitto::client::Profile| profile.summary_above = 2;
    let url = &world.proxy.base_url;
    let mut alice = Person::log_in_with(url, &world.alice, "desk", world.settings(), summing).await;
    let mut phone = world.bob("phone").await;
    let (mut laptop, mut tablet) = (world.bob("laptop").await, world.bob("tablet").await);
    let drawer = world.bob("in a drawer").await;
    let room = direct_chat(&mut alice, &mut phone, &world.bob.user_id).await;
    let drawer = drawer.quit().await;
    for person in [&mut laptop, &mut tablet] {
        person.sees_direct(&room).await;
    }

    alice.say(&room, "hello, all of you");
    let hello = alice.sees("hello, all of you").await;
    let tally = alice
        .delivery(&hello, "three receipts, summed up", |known| known.tally.filter(|tally| tally.delivered == 3))
        .await;
    let latest = tally.latest.expect("the homeserver says when it was");
    assert_eq!(
        tally,
        Tally { users: 1, delivered: 3, undecryptable: 0, expected: 4, latest: Some(latest), anonymous: true }
    );
    let count = Mark::Count { delivered: 3, expected: 4, undecryptable: 0, missed: 0 };
    assert_eq!(alice.delivery(&hello, "its mark", |known| Some(mark(known))).await, count);
    // The next sync brings this one, so the position behind the sum is kept: what follows does not
    // ask for it again.
    phone.say(&room, "hello, Alice");
    alice.sees("hello, Alice").await;

    let alice = alice.quit().await;
    let screen = alice.on_screen();
    screens::open_first_room(&screen, &world.bob.name);
    screens::wait_for_mark(&screen, "hello, all of you", "3/4");
    screens::leave_composer(&screen);
    screen.type_text("kki");
    screen.wait_for_text("1 person has it, on 3 of 4 devices");
    screen.wait_for_text("Nobody can be listed");
    drop((phone, laptop, tablet, drawer));
}

/// L7: who lacks a message to more than 200 people is on a page of its own, and it is among what is
/// not delivered.
#[tokio::test(flavor = "multi_thread")]
async fn l7_who_lacks_a_message_to_many_is_read_from_disk() {
    let world = world::embedded(SlidingSync::Kept);
    let room = room_of_many(&world);
    let on = |settings: Settings| Settings { rooms: [(room.clone(), Send::On)].into(), ..settings };
    // He shows which of his devices it is to those whom he lists (P13).
    let listed = [(UserId::new(&world.alice.user_id), Who::Everyone)].into();
    let of_bob = on(Settings { people: listed, ..world.settings() });
    let url = &world.proxy.base_url;
    let phone = Person::log_in(url, &world.bob, "phone", of_bob.clone()).await;
    let drawer = Person::log_in(url, &world.bob, "in a drawer", of_bob).await;
    let (on_phone, in_drawer) = (phone.device(), drawer.device());
    for person in [&phone, &drawer] {
        world.proxy.wait_for_keys(&person.device(), &person.device());
    }
    let _drawer = drawer.quit().await;
    let mut alice = Person::log_in(url, &world.alice, "desk", on(world.settings())).await;
    alice.open(&room).await;
    alice.sees_members(&room, EVERYBODY + 1).await;

    alice.say(&room, "hello, all of you");
    let hello = alice.sees("hello, all of you").await;
    let counts = |tally: &Tally| (tally.delivered, tally.expected, tally.anonymous);
    let is_there = |known: &Delivery| known.tally.as_ref().map(counts).filter(|counts| *counts == (1, 2, false));
    alice.delivery(&hello, "one receipt of two", is_there).await;
    let undelivered = alice.undelivered().await;
    let rows: Vec<_> = undelivered.iter().map(|row| (&row.delivery.event_id, mark(&row.delivery))).collect();
    assert_eq!(rows, [(&hello, Mark::Count { delivered: 1, expected: 2, undecryptable: 0, missed: 0 })]);

    let missing = alice.people(&hello, PeopleFilter::Missing).await;
    assert_eq!(missing.len(), 1);
    assert_eq!((missing[0].user_id.as_str(), missing[0].name.as_str()), (&*world.bob.user_id, &*world.bob.name));
    let state = |id: &str| {
        let mut devices = missing[0].devices.iter();
        devices.find(|device| device.device_id.as_ref().is_some_and(|known| known.as_str() == id)).map(|one| &one.state)
    };
    assert!(matches!(state(&on_phone), Some(DeviceState::Delivered { at: Some(_) })), "{missing:?}");
    assert_eq!(state(&in_drawer), Some(&DeviceState::Pending));
    let everybody = alice.people(&hello, PeopleFilter::Everybody).await;
    assert_eq!(u64::try_from(everybody.len()), Ok(EVERYBODY));
    assert!(everybody.is_sorted_by(|a, b| a.user_id < b.user_id), "each is there once");

    let alice = alice.quit().await;
    let screen = alice.on_screen();
    screens::open_first_room(&screen, "everybody");
    screens::wait_for_mark(&screen, "hello, all of you", "1/2");
    screens::leave_composer(&screen);
    screen.type_text("i");
    screen.wait_for_text("Not on every device  1 person");
    screen.wait_for_text(&in_drawer);
    screen.key("enter");
    screen.wait_for_text("page 1 of 5");
    screen.type_text("l");
    screen.wait_for_text("page 2 of 5");
    drop(phone);
}

/// So many people but Alice are in the room of many.
const EVERYBODY: u64 = 201;

/// A room of Alice's with Bob in it, and with two hundred people who have no device.
fn room_of_many(world: &World) -> RoomId {
    let server = &world.server;
    let alice = server.login_raw(&world.alice);
    let encryption = json!({ "type": "m.room.encryption", "state_key": "",
        "content": { "algorithm": "m.megolm.v1.aes-sha2" } });
    let request = json!({ "name": "everybody", "preset": "public_chat", "initial_state": [encryption] });
    let room = server.create_room(&alice.token, &request);
    let others = (1..EVERYBODY).map(|_| server.register("somebody"));
    for account in others.chain([world.bob.clone()]) {
        let device = server.login_raw(&account);
        server.join(&device.token, &room);
        server.log_out(&device.token);
    }
    server.log_out(&alice.token);
    room
}
