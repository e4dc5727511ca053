//! Delivery receipts end to end: two people with a device or two each. Only the library's own
//! client code takes part.

use kvitto::{
    client::request::RoomsRequest,
    delivery::policy::{NameDevice, ReceiptType, RouteChoice, Send, Settings},
    model::{Body, Delivery, EventId, Membership, ReceiptStatus, RoomId, Route},
};
use serde_json::{Value, json};

use crate::{
    person::{Person, SOME_DEVICE, direct_chat, shared_room},
    support::proxy::count,
    world::{World, on},
};

/// The content of a text message.
pub fn text(body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body })
}

/// Both directions, both devices of each.
async fn each_device_ticks(world: World) {
    let mut phone = world.bob("phone").await;
    let mut laptop = world.bob("laptop").await;
    let mut alice = world.alice("desk").await;
    let mut tablet = world.alice("tablet").await;
    world.proxy.wait_for_keys(&tablet.device(), &alice.device());
    let room = direct_chat(&mut alice, &mut phone, &world.bob.user_id).await;
    tablet.open(&room).await;
    laptop.sees_direct(&room).await;
    laptop.open(&room).await;

    alice.say(&room, "hello Bob");
    let hello = alice.sees("hello Bob").await;
    assert_eq!(phone.sees("hello Bob").await, hello);
    let his = world.ticks(&[&phone, &laptop]);
    alice.delivered_to(&hello, &world.bob.user_id, &his).await;
    // The other device of the sender shows the same.
    tablet.delivered_to(&hello, &world.bob.user_id, &his).await;

    phone.say(&room, "hello Alice");
    let answer = phone.sees("hello Alice").await;
    let hers = world.ticks(&[&alice, &tablet]);
    phone.delivered_to(&answer, &world.alice.user_id, &hers).await;
    let sent = phone.last_status_of(&room, &hello).await;
    assert!(matches!(sent, ReceiptStatus::Sent { route, .. } if route == world.route()), "{sent:?}");
    assert_eq!(alice.withheld_by(&room, &hello).await, "P3");
}
on!(each_device_ticks: synapse, embedded, embedded_users, embedded_direct, embedded_today);

/// §3: a device that has just logged in is asked for receipts before it has heard of the room.
async fn a_device_that_does_not_know_the_room_yet_ticks(world: World) {
    let (hers, his) = (world.line(), world.line());
    let mut phone = world.bob("phone").await;
    let mut alice = Person::log_in(&hers.base_url, &world.alice, "desk", world.settings()).await;
    let room = direct_chat(&mut alice, &mut phone, &world.bob.user_id).await;
    alice.say(&room, "one device");
    let first = alice.sees("one device").await;
    alice.delivered_to(&first, &world.bob.user_id, &world.ticks(&[&phone])).await;

    let asked = |requests: &[String]| count(requests, "/sendToDevice/");
    let before = asked(&hers.requests());
    his.hold_rooms();
    let (url, bob, settings) = (his.base_url.clone(), world.bob.clone(), world.settings());
    let laptop = tokio::spawn(async move { Person::log_in(&url, &bob, "laptop", settings).await });
    hers.wait_for_requests("a request to the laptop", |requests| asked(requests) > before);
    let syncs = |requests: &[String]| requests.iter().filter(|path| path.ends_with("/sync")).count();
    let then = syncs(&his.requests());
    his.wait_for_requests("the sync after the one that brought it", |requests| syncs(requests) > then);
    his.allow();

    let laptop = laptop.await.expect("he logs in");
    alice.say(&room, "two devices");
    let second = alice.sees("two devices").await;
    alice.delivered_to(&second, &world.bob.user_id, &world.ticks(&[&phone, &laptop])).await;
}
on!(a_device_that_does_not_know_the_room_yet_ticks: synapse, embedded_direct);

/// §3: somebody new asks for receipts, and the connection breaks while it is being found out who
/// that is.
async fn a_request_is_not_lost_with_a_connection(world: World) {
    let his = world.line();
    let mut bob = Person::log_in(&his.base_url, &world.bob, "phone", world.settings()).await;
    his.wait_for_keys(&bob.device(), &bob.device());
    let mut alice = world.alice("desk").await;
    his.refuse("/keys/query");
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "hello");
    let hello = alice.sees("hello").await;
    bob.sees("hello").await;
    let asked = |requests: &[String]| count(requests, "/keys/query");
    let before = asked(&his.requests());
    his.wait_for_requests("one more attempt to find out who has asked", |requests| asked(requests) > before);
    his.allow();
    alice.delivered_to(&hello, &world.bob.user_id, &world.ticks(&[&bob])).await;
}
on!(a_request_is_not_lost_with_a_connection: synapse, embedded_direct);

/// §3: a device that appears while the devices before it are being asked for receipts is asked
/// after them.
async fn a_device_that_comes_while_others_are_asked_ticks(world: World) {
    let line = world.line();
    let mut phone = world.bob("phone").await;
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let room = direct_chat(&mut alice, &mut phone, &world.bob.user_id).await;
    alice.say(&room, "one device");
    let first = alice.sees("one device").await;
    alice.delivered_to(&first, &world.bob.user_id, &world.ticks(&[&phone])).await;

    let asked = |requests: &[String]| count(requests, "/sendToDevice/");
    let before = asked(&line.requests());
    line.hold_next("/sendToDevice/");
    let laptop = world.bob("laptop").await;
    line.wait_for_requests("a request to the laptop", |requests| asked(requests) > before);
    let tablet = world.bob("tablet").await;
    line.wait_for_keys(&tablet.device(), &alice.device());
    alice.say(&room, "three devices");
    let second = alice.sees("three devices").await;
    // The key went to the tablet, so it is known by now; and what is asked of the actor comes after
    // what was to be done.
    let id = tablet.device();
    alice
        .delivery(&second, "the key for the tablet", |known| {
            let mut devices = known.people.iter().flat_map(|person| &person.devices);
            devices.find(|device| device.device_id.as_ref().is_some_and(|known| known.as_str() == id)).map(drop)
        })
        .await;
    alice.status_now(&room, &second).await;
    assert!(!alice.ticks(&second, &world.bob.user_id).contains(&id), "it was not asked");
    line.allow();
    alice.delivered_to(&second, &world.bob.user_id, &world.ticks(&[&phone, &laptop, &tablet])).await;
}
on!(a_device_that_comes_while_others_are_asked_ticks: synapse, embedded_direct);

/// P2, §3: what comes while Bob is away, more than one answer of `/sync` carries for a room, into a
/// room that he does not open afterwards.
async fn p2_what_was_missed_is_acknowledged(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "before");
    let before = alice.sees("before").await;
    let his = world.ticks(&[&bob]);
    alice.delivered_to(&before, &world.bob.user_id, &his).await;
    let away = bob.quit().await;

    let mut sent = Vec::new();
    for number in 1..=55 {
        // One after the other, as a person does: the SDK's timeline loses track of echoes that come
        // too fast.
        let text = format!("message {number}");
        alice.say(&room, &text);
        sent.push(alice.sees(&text).await);
    }
    let mut bob = away.back().await;
    for event in sent {
        alice.delivered_to(&event, &world.bob.user_id, &his).await;
    }
    bob.online().await;
    assert!(bob.app.timelines.shown().is_none(), "nobody opened the room");
}
on!(p2_what_was_missed_is_acknowledged: synapse, embedded);

/// P1–P4: nothing for what came before the join, for own events, and for what is no new message;
/// all of that before a message that is acknowledged, so that a late receipt would have been seen.
async fn p1_to_p4_nothing_for_what_is_no_message(world: World) {
    // The events of this test are made by hand, so the room is not encrypted, and receipts are
    // switched on for it.
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let server = &world.server;
    let token = &server.login_raw(&world.alice).token;
    let create = json!({ "preset": "trusted_private_chat", "is_direct": true, "invite": [world.bob.user_id] });
    let room = server.create_room(token, &create);
    let mut on = world.settings();
    on.rooms.insert(room.clone(), Send::On);
    bob.set(on.clone()).await;
    alice.set(on).await;
    let before = server.send(token, &room, "m.room.message", &text("before Bob joined"));
    alice.open(&room).await;
    bob.room("the invite", |summary| summary.id == room).await;
    bob.run(RoomsRequest::Accept(room.clone()));
    bob.room("the joined room", |summary| summary.membership == Membership::Joined).await;
    bob.open(&room).await;

    let first = server.send(token, &room, "m.room.message", &text("first"));
    alice.delivered_to(&first, &world.bob.user_id, &world.ticks(&[&bob])).await;
    let target = json!({ "rel_type": "m.annotation", "event_id": first.as_str(), "key": "+" });
    let mut edit = text("* changed");
    edit["m.new_content"] = text("changed");
    edit["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": first.as_str() });
    let reaction = server.send(token, &room, "m.reaction", &json!({ "m.relates_to": target }));
    let locked = json!({
        "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgA",
        "session_id": "none", "sender_key": "none", "device_id": "NONE",
    });
    let call = json!({ "call_id": "1", "lifetime": 1, "version": 0, "offer": { "type": "offer", "sdp": "" } });
    let none = [
        server.send(token, &room, "m.room.message", &edit),
        server.redact(token, &room, &reaction),
        reaction,
        server.send(token, &room, "m.room.encrypted", &locked),
        server.send(token, &room, "m.call.invite", &call),
        before,
    ];
    let last = server.send(token, &room, "m.room.message", &text("last"));
    alice.delivered_to(&last, &world.bob.user_id, &world.ticks(&[&bob])).await;
    for event in none {
        assert_eq!(alice.ticks(&event, &world.bob.user_id), [""; 0], "{event}");
    }
    bob.say(&room, "my own");
    let own = bob.sees("my own").await;
    assert_eq!(bob.withheld_by(&room, &own).await, "P3");
}
on!(p1_to_p4_nothing_for_what_is_no_message: synapse, embedded, embedded_users, embedded_direct);

/// P5: a room that is switched off says nothing, and nothing is made up for when it is switched on
/// again.
async fn p5_a_room_that_is_off_says_nothing(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let mut off = world.settings();
    off.rooms.insert(room.clone(), Send::Off);
    bob.set(off).await;
    alice.say(&room, "while off");
    let silent = alice.sees("while off").await;
    bob.sees("while off").await;
    assert_eq!(bob.withheld_by(&room, &silent).await, "P5");

    bob.set(world.settings()).await;
    alice.say(&room, "while on");
    let heard = alice.sees("while on").await;
    alice.delivered_to(&heard, &world.bob.user_id, &world.ticks(&[&bob])).await;
    assert_eq!(alice.ticks(&silent, &world.bob.user_id), [""; 0]);
}
on!(p5_a_room_that_is_off_says_nothing: synapse, embedded, embedded_direct);

/// P6: a room of more than so many says nothing.
async fn p6_a_room_that_is_too_large_says_nothing(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    bob.set(Settings { max_members: 1, ..world.settings() }).await;
    alice.say(&room, "to two");
    let event = alice.sees("to two").await;
    bob.sees("to two").await;
    assert_eq!(bob.withheld_by(&room, &event).await, "P6");
}
on!(p6_a_room_that_is_too_large_says_nothing: embedded);

/// L1: where Alice asks nobody, since the room is not encrypted, Bob's settings can say that he
/// acknowledges all the same. Nobody is waited for there; what came is told.
async fn l1_a_receipt_that_nobody_asked_for_is_shown(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let token = &world.server.login_raw(&world.alice).token;
    let create = json!({ "preset": "trusted_private_chat", "is_direct": true, "invite": [world.bob.user_id] });
    let room = world.server.create_room(token, &create);
    let mut on = world.settings();
    on.rooms.insert(room.clone(), Send::On);
    bob.set(on).await;
    alice.open(&room).await;
    bob.room("the invite", |summary| summary.id == room).await;
    bob.run(RoomsRequest::Accept(room.clone()));
    bob.room("the joined room", |summary| summary.membership == Membership::Joined).await;
    alice.sees_members(&room, 2).await;

    alice.say(&room, "in the clear");
    let event = alice.sees("in the clear").await;
    alice.delivered_to(&event, &world.bob.user_id, &world.ticks(&[&bob])).await;
    let counted = |delivery: &Delivery| delivery.people.iter().flat_map(|person| &person.devices).any(|d| d.expected);
    assert!(!alice.delivery(&event, "the delivery", |delivery| Some(counted(delivery))).await);
}
on!(l1_a_receipt_that_nobody_asked_for_is_shown: embedded, embedded_users);

/// Alice says something, and Bob's receipt for it waits, since there is no way for it.
pub async fn what_waits(world: &World, alice: &mut Person, bob: &mut Person, room: &RoomId) -> EventId {
    let route = if world.route() == Route::Native { RouteChoice::Direct } else { RouteChoice::Native };
    bob.set(Settings { route, ..world.settings() }).await;
    alice.say(room, "waiting");
    let waiting = alice.sees("waiting").await;
    bob.sees("waiting").await;
    // The key may come after the message.
    let is_decided = |status: &_| !matches!(status, ReceiptStatus::NotConsidered | ReceiptStatus::AwaitingKey);
    let status = bob.status_that(room, &waiting, is_decided).await;
    assert!(matches!(status, ReceiptStatus::Owed { .. }), "{status:?}");
    waiting
}

/// P12: what waits when incognito begins, and what comes until it ends, is never acknowledged, also
/// after a restart.
async fn p12_nothing_is_made_up_for_after_incognito(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let waiting = what_waits(&world, &mut alice, &mut bob, &room).await;

    bob.set(Settings { incognito: true, ..world.settings() }).await;
    alice.say(&room, "unseen");
    let unseen = alice.sees("unseen").await;
    bob.sees("unseen").await;
    assert_eq!(bob.withheld_by(&room, &waiting).await, "P12");
    assert_eq!(bob.withheld_by(&room, &unseen).await, "P12");

    let mut bob = bob.quit().await.back().await;
    bob.online().await;
    bob.open(&room).await;
    bob.set(world.settings()).await;
    // The answer shows that incognito has ended for what is sent from now on.
    assert_eq!(bob.withheld_by(&room, &unseen).await, "P12");
    alice.say(&room, "seen");
    let seen = alice.sees("seen").await;
    alice.delivered_to(&seen, &world.bob.user_id, &world.ticks(&[&bob])).await;
    for event in [waiting, unseen] {
        assert_eq!(bob.withheld_by(&room, &event).await, "P12");
        assert_eq!(alice.ticks(&event, &world.bob.user_id), [""; 0]);
    }
}
on!(p12_nothing_is_made_up_for_after_incognito: synapse, embedded, embedded_today);

/// P7: a stranger's messages in a shared room stay unanswered; after a reply only new ones are
/// answered.
async fn p7_a_stranger_learns_nothing_until_there_was_a_reply(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = shared_room(&mut alice, &mut bob, &world.bob.user_id, "shared").await;
    alice.say(&room, "probe");
    let probe = alice.sees("probe").await;
    bob.sees("probe").await;
    assert_eq!(bob.withheld_by(&room, &probe).await, "P7");

    bob.say(&room, "a reply");
    alice.sees("a reply").await;
    alice.say(&room, "after the reply");
    let after = alice.sees("after the reply").await;
    alice.delivered_to(&after, &world.bob.user_id, &world.ticks(&[&bob])).await;
    assert_eq!(alice.ticks(&probe, &world.bob.user_id), [""; 0]);
}
on!(p7_a_stranger_learns_nothing_until_there_was_a_reply: synapse, embedded, embedded_direct);

/// P13, §2: a device that is not to be named is not: the homeserver tells that the person has it,
/// and no more.
async fn p13_a_device_that_is_not_named_stays_unknown(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    bob.set(Settings { name_device: NameDevice::Never, ..world.settings() }).await;
    alice.say(&room, "who has it?");
    let event = alice.sees("who has it?").await;
    alice.delivered_to(&event, &world.bob.user_id, &[SOME_DEVICE.to_owned()]).await;

    // With the first receipt that names a device, each of his devices counts, for all messages.
    bob.set(world.settings()).await;
    alice.say(&room, "and now?");
    let named = alice.sees("and now?").await;
    alice.delivered_to(&named, &world.bob.user_id, &[bob.device()]).await;
    alice
        .delivery(&event, "a person who does not count as one", |known| {
            (!known.people[0].counts_as_one()).then_some(())
        })
        .await;
}
on!(p13_a_device_that_is_not_named_stays_unknown: embedded);

/// P13, §3: the Olm channel names the device, so nothing goes that way to somebody whom it is not
/// to be named.
async fn p13_nothing_goes_direct_where_no_device_is_named(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    bob.set(Settings { name_device: NameDevice::Never, ..world.settings() }).await;
    alice.say(&room, "who has it?");
    let event = alice.sees("who has it?").await;
    let status = bob.last_status_of(&room, &event).await;
    assert!(matches!(status, ReceiptStatus::Withheld { rule: "P13", .. }), "{status:?}");

    bob.set(world.settings()).await;
    alice.say(&room, "and now?");
    let named = alice.sees("and now?").await;
    alice.delivered_to(&named, &world.bob.user_id, &[bob.device()]).await;
    assert_eq!(alice.ticks(&event, &world.bob.user_id), [""; 0]);
}
on!(p13_nothing_goes_direct_where_no_device_is_named: synapse, embedded_direct);

/// §2: a homeserver that does not take the stable name is sent the other one.
async fn the_other_name_is_used_where_the_stable_one_is_refused(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    bob.set(Settings { receipt_type: ReceiptType::Stable, ..world.settings() }).await;
    alice.say(&room, "by any name");
    let event = alice.sees("by any name").await;
    alice.delivered_to(&event, &world.bob.user_id, &world.ticks(&[&bob])).await;
}
on!(the_other_name_is_used_where_the_stable_one_is_refused: embedded, embedded_users);

/// L2: a claim that no Olm channel proves is ignored, whoever's access token sends it.
async fn l2_a_claim_without_encryption_is_ignored(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let mut off = world.settings();
    off.send = Send::Off;
    bob.set(off).await;
    alice.say(&room, "unanswered");
    let event = alice.sees("unanswered").await;
    alice.delivery(&event, "the devices that were given the key", |delivery| delivery.people.first().map(drop)).await;

    let token = world.server.login_raw(&world.bob).token;
    let claim = json!({ "room_id": room.as_str(), "receipts": { event.as_str(): { "ts": 1 } } });
    let messages = json!({ "messages": { world.alice.user_id.as_str(): { "*": claim } } });
    let path = "/_matrix/client/v3/sendToDevice/dev.kvitto.delivery/l2";
    assert_eq!(world.server.raw("PUT", path, Some(&token), &messages).0, 200);

    // What is sent to a device comes in order: when this is there, the claim was.
    bob.sees("unanswered").await;
    bob.set(world.settings()).await;
    alice.say(&room, "answered");
    let answered = alice.sees("answered").await;
    alice.delivered_to(&answered, &world.bob.user_id, &world.ticks(&[&bob])).await;
    assert_eq!(alice.ticks(&event, &world.bob.user_id), [""; 0]);
}
on!(l2_a_claim_without_encryption_is_ignored: synapse, embedded_direct);

/// P1: the key comes late, to a client that runs, or while it does not.
async fn a_late_key_is_acknowledged(world: World, restart: bool) {
    // Alice has a line of her own, on which her room keys can be held up.
    let line = world.line();
    let mut bob = world.bob("phone").await;
    let his = world.ticks(&[&bob]);
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    line.keep_back("/sendToDevice/m.room.encrypted/");
    alice.say(&room, "locked");
    let locked = alice.sees("locked").await;
    bob.until("the locked message", |p| {
        p.messages().find(|message| matches!(message.body, Body::Undecryptable(_))).map(drop)
    })
    .await;
    assert_eq!(bob.status_of(&room, &locked).await, ReceiptStatus::AwaitingKey);

    line.allow();
    let bob = if restart {
        let away = bob.quit().await;
        assert_ne!(line.deliver(), 0);
        away.back().await
    } else {
        assert_ne!(line.deliver(), 0);
        bob
    };
    alice.delivered_to(&locked, &world.bob.user_id, &his).await;
    bob.quit().await;
}

async fn p1_a_late_key_is_acknowledged(world: World) {
    a_late_key_is_acknowledged(world, false).await;
}
on!(p1_a_late_key_is_acknowledged: synapse, embedded, embedded_direct);

async fn p1_a_key_that_came_while_away_is_acknowledged(world: World) {
    a_late_key_is_acknowledged(world, true).await;
}
on!(p1_a_key_that_came_while_away_is_acknowledged: synapse, embedded, embedded_direct);
