//! Delivery receipts end to end: two people with two devices each, against a real Synapse, by sliding sync and by
//! `/sync`. Only the library's own client code takes part.

use std::sync::atomic::{AtomicUsize, Ordering};

use kvitto::{
    app::effect::Effect,
    delivery::policy::{Send, Settings},
    model::{Body, EventId, Membership, ReceiptFate, RoomId, UserId},
};
use serde_json::{Value, json};

use crate::{
    person::{Person, at_once, delivered, direct_chat},
    support::{
        proxy::{Proxy, SlidingSync},
        synapse::{Account, synapse},
    },
};

/// A homeserver with or without sliding sync, and two people on it.
pub struct World {
    /// The way to it.
    pub proxy: Proxy,
    /// Who says something.
    pub alice: Account,
    /// Who is to receive it.
    pub bob: Account,
}

impl World {
    /// Two new accounts.
    pub fn new(sliding: SlidingSync) -> Self {
        let synapse = synapse();
        let proxy = Proxy::start(&synapse.base_url, sliding);
        Self { proxy, alice: synapse.register("alice"), bob: synapse.register("bob") }
    }

    /// A device of Alice's.
    pub async fn alice(&self, device: &str) -> Person {
        Person::log_in(&self.proxy.base_url, &self.alice, device, at_once()).await
    }

    /// A device of Bob's.
    pub async fn bob(&self, device: &str, settings: Settings) -> Person {
        Person::log_in(&self.proxy.base_url, &self.bob, device, settings).await
    }
}

/// Both directions, both devices of each; and nothing for what is no message.
async fn each_device_ticks(sliding: SlidingSync) {
    let world = World::new(sliding);
    let mut phone = world.bob("phone", at_once()).await;
    let mut laptop = world.bob("laptop", at_once()).await;
    let mut alice = world.alice("desk").await;
    let mut tablet = world.alice("tablet").await;
    let room = direct_chat(&mut alice, &mut phone, &world.bob.user_id).await;
    tablet.open(&room).await;
    laptop.open(&room).await;

    alice.say(&room, "hello Bob");
    let hello = alice.sees("hello Bob").await;
    assert_eq!(phone.sees("hello Bob").await, hello);
    let bobs = [phone.device(), laptop.device()];
    let bobs: Vec<&str> = bobs.iter().map(String::as_str).collect();
    alice.delivered_to(&hello, &world.bob.user_id, &bobs).await;
    // The other device of the sender asks for itself, and shows the same.
    tablet.delivered_to(&hello, &world.bob.user_id, &bobs).await;

    phone.say(&room, "hello Alice");
    let answer = phone.sees("hello Alice").await;
    let hers = [alice.device(), tablet.device()];
    let hers: Vec<&str> = hers.iter().map(String::as_str).collect();
    phone.delivered_to(&answer, &world.alice.user_id, &hers).await;
    assert!(matches!(phone.fate_of(&room, &hello).await, ReceiptFate::Sent { .. }));
    let own = alice.fate_of(&room, &hello).await;
    assert!(matches!(own, ReceiptFate::Withheld { rule: "P3", .. }), "{own:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_device_ticks_by_sliding_sync() {
    each_device_ticks(SlidingSync::Kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_device_ticks_by_plain_sync() {
    each_device_ticks(SlidingSync::Hidden).await;
}

/// P2, §3: so many messages into a room that is not opened afterwards.
async fn what_was_missed_is_acknowledged(sliding: SlidingSync, missed: u32) {
    let world = World::new(sliding);
    let mut bob = world.bob("phone", at_once()).await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "before");
    let before = alice.sees("before").await;
    let device = bob.device();
    alice.delivered_to(&before, &world.bob.user_id, &[&device]).await;
    let away = bob.quit().await;

    let mut sent = Vec::new();
    for number in 1..=missed {
        // One after the other, as a person does: the SDK's timeline loses track of echoes that come too fast.
        let text = format!("message {number}");
        alice.say(&room, &text);
        sent.push(alice.sees(&text).await);
    }
    let mut bob = away.back().await;
    for event in sent {
        alice.delivered_to(&event, &world.bob.user_id, &[&device]).await;
    }
    bob.online().await;
    assert!(bob.app.open.is_none(), "nobody opened the room");
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_what_was_missed_is_acknowledged_by_sliding_sync() {
    what_was_missed_is_acknowledged(SlidingSync::Kept, 50).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_what_was_missed_is_acknowledged_by_plain_sync() {
    // More than one answer of `/sync` carries for a room.
    what_was_missed_is_acknowledged(SlidingSync::Hidden, 70).await;
}

/// Sends one event of any type over plain HTTP; returns its id.
pub fn send_raw(token: &str, room: &RoomId, kind: &str, content: &Value) -> EventId {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = format!("/_matrix/client/v3/rooms/{}/send/{kind}/raw{number}", room.as_str().replace('!', "%21"));
    let (status, answer) = synapse().raw("PUT", &path, Some(token), content);
    assert_eq!(status, 200, "{answer}");
    EventId::new(answer["event_id"].as_str().expect("a sent event has an id"))
}

/// The content of a text message.
/// Redacts an event over plain HTTP; returns the redaction's id.
fn redact_raw(token: &str, room: &RoomId, event: &EventId) -> EventId {
    let (room, event) = (room.as_str().replace('!', "%21"), event.as_str().replace('$', "%24"));
    let path = format!("/_matrix/client/v3/rooms/{room}/redact/{event}/redaction");
    let (status, answer) = synapse().raw("PUT", &path, Some(token), &json!({}));
    assert_eq!(status, 200, "{answer}");
    EventId::new(answer["event_id"].as_str().expect("an answer has an id"))
}

pub fn text(body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body })
}

/// P1–P4: nothing for what came before the join, for own events, and for what is no new message; all of that before a
/// message that is acknowledged, so that a late receipt would have been seen.
async fn nothing_for_what_is_no_message(sliding: SlidingSync) {
    let world = World::new(sliding);
    // The events of this test are made by hand, so the room is not encrypted, and receipts are switched on for it.
    let mut bob = world.bob("phone", at_once()).await;
    let mut alice = world.alice("desk").await;
    let token = synapse().login_raw(&world.alice).token;
    let create = json!({ "preset": "trusted_private_chat", "is_direct": true, "invite": [world.bob.user_id] });
    let (_, created) = synapse().raw("POST", "/_matrix/client/v3/createRoom", Some(&token), &create);
    let room = RoomId::new(created["room_id"].as_str().expect("a new room has an id"));
    let mut on = at_once();
    on.rooms.insert(room.clone(), Send::On);
    bob.set(on.clone());
    alice.set(on);
    let before = send_raw(&token, &room, "m.room.message", &text("before Bob joined"));
    alice.open(&room).await;
    bob.room("the invite", |summary| summary.id == room).await;
    bob.run(Effect::Accept(room.clone()));
    bob.room("the joined room", |summary| summary.membership == Membership::Joined).await;
    bob.open(&room).await;

    let first = send_raw(&token, &room, "m.room.message", &text("first"));
    alice.delivered_to(&first, &world.bob.user_id, &[&bob.device()]).await;
    let target = json!({ "rel_type": "m.annotation", "event_id": first.as_str(), "key": "+" });
    let mut edit = text("* changed");
    edit["m.new_content"] = text("changed");
    edit["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": first.as_str() });
    let reaction = send_raw(&token, &room, "m.reaction", &json!({ "m.relates_to": target }));
    let none = [
        send_raw(&token, &room, "m.room.message", &edit),
        redact_raw(&token, &room, &reaction),
        reaction,
        send_raw(
            &token,
            &room,
            "m.room.encrypted",
            &json!({ "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgA", "session_id": "none", "sender_key": "none", "device_id": "NONE" }),
        ),
        send_raw(
            &token,
            &room,
            "m.call.invite",
            &json!({ "call_id": "1", "lifetime": 1, "version": 0, "offer": { "type": "offer", "sdp": "" } }),
        ),
        before,
    ];
    let last = send_raw(&token, &room, "m.room.message", &text("last"));
    alice.delivered_to(&last, &world.bob.user_id, &[&bob.device()]).await;
    for event in none {
        let known = alice.app.open.as_ref().expect("a room is open").deliveries.get(&event);
        let receipts = known.map(|known| delivered(known, &UserId::new(&world.bob.user_id))).unwrap_or_default();
        assert_eq!(receipts, Vec::<String>::new(), "{event}");
    }
    bob.say(&room, "my own");
    let own = bob.sees("my own").await;
    assert!(matches!(bob.fate_of(&room, &own).await, ReceiptFate::Withheld { rule: "P3", .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_to_p4_nothing_for_what_is_no_message_by_sliding_sync() {
    nothing_for_what_is_no_message(SlidingSync::Kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_to_p4_nothing_for_what_is_no_message_by_plain_sync() {
    nothing_for_what_is_no_message(SlidingSync::Hidden).await;
}

/// P5: a room that is switched off says nothing, and nothing is made up for when it is switched on again.
async fn a_room_that_is_off_says_nothing(sliding: SlidingSync) {
    let world = World::new(sliding);
    let mut bob = world.bob("phone", at_once()).await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let mut off = at_once();
    off.rooms.insert(room.clone(), Send::Off);
    bob.set(off);
    alice.say(&room, "while off");
    let silent = alice.sees("while off").await;
    bob.sees("while off").await;
    assert!(matches!(bob.fate_of(&room, &silent).await, ReceiptFate::Withheld { rule: "P5", .. }));

    bob.set(at_once());
    alice.say(&room, "while on");
    let heard = alice.sees("while on").await;
    alice.delivered_to(&heard, &world.bob.user_id, &[&bob.device()]).await;
    let silent =
        alice.app.open.as_ref().expect("a room is open").deliveries.get(&silent).expect("its devices are known");
    assert_eq!(delivered(silent, &UserId::new(&world.bob.user_id)), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_a_room_that_is_off_says_nothing_by_sliding_sync() {
    a_room_that_is_off_says_nothing(SlidingSync::Kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_a_room_that_is_off_says_nothing_by_plain_sync() {
    a_room_that_is_off_says_nothing(SlidingSync::Hidden).await;
}

/// L2: a claim that no Olm channel proves is ignored, whoever's access token sends it.
#[tokio::test(flavor = "multi_thread")]
async fn l2_a_claim_without_encryption_is_ignored() {
    let world = World::new(SlidingSync::Kept);
    let mut off = at_once();
    off.send = Send::Off;
    let mut bob = world.bob("phone", off).await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "unanswered");
    let event = alice.sees("unanswered").await;
    alice.delivery(&event, "the devices that were given the key", |delivery| delivery.people.first().map(drop)).await;

    let token = synapse().login_raw(&world.bob).token;
    let claim = json!({ "room_id": room.as_str(), "receipts": { event.as_str(): { "ts": 1 } } });
    let messages = json!({ "messages": { world.alice.user_id.as_str(): { "*": claim } } });
    let path = "/_matrix/client/v3/sendToDevice/dev.kvitto.delivery/l2";
    assert_eq!(synapse().raw("PUT", path, Some(&token), &messages).0, 200);

    // What is sent to a device comes in order: when this is there, the claim was.
    bob.sees("unanswered").await;
    bob.set(at_once());
    alice.say(&room, "answered");
    let answered = alice.sees("answered").await;
    alice.delivered_to(&answered, &world.bob.user_id, &[&bob.device()]).await;
    let unanswered = &alice.app.open.as_ref().unwrap().deliveries[&event];
    assert_eq!(delivered(unanswered, &UserId::new(&world.bob.user_id)), Vec::<String>::new());
}

/// P7: a stranger's messages in a shared room stay unanswered; after a reply only new ones are answered.
#[tokio::test(flavor = "multi_thread")]
async fn p7_a_stranger_learns_nothing_until_there_was_a_reply() {
    let world = World::new(SlidingSync::Kept);
    let mut bob = world.bob("phone", at_once()).await;
    let mut alice = world.alice("desk").await;
    alice.run(Effect::CreateRoom("shared".to_owned()));
    let room = alice.room("the room", |summary| summary.name.as_str() == "shared").await;
    alice.open(&room).await;
    alice.run(Effect::Invite { room: room.clone(), user: world.bob.user_id.clone() });
    bob.room("the invite", |summary| summary.id == room).await;
    bob.run(Effect::Accept(room.clone()));
    bob.room("the joined room", |summary| summary.membership == Membership::Joined).await;
    bob.open(&room).await;
    alice.sees_members(&room, 2).await;
    alice.say(&room, "probe");
    let probe = alice.sees("probe").await;
    bob.sees("probe").await;
    assert!(matches!(bob.fate_of(&room, &probe).await, ReceiptFate::Withheld { rule: "P7", .. }));

    bob.say(&room, "a reply");
    alice.sees("a reply").await;
    alice.say(&room, "after the reply");
    let after = alice.sees("after the reply").await;
    alice.delivered_to(&after, &world.bob.user_id, &[&bob.device()]).await;
    let probe = alice.app.open.as_ref().expect("a room is open").deliveries.get(&probe).expect("its devices are known");
    assert_eq!(delivered(probe, &UserId::new(&world.bob.user_id)), Vec::<String>::new());
}

/// P1: the key comes late, and Bob's client was not running when it came.
async fn a_late_key_is_acknowledged(sliding: SlidingSync, restart: bool) {
    let world = World::new(sliding);
    // Alice has a line of her own, on which her room keys can be held up.
    let line = Proxy::start(&synapse().base_url, sliding);
    let mut bob = world.bob("phone", at_once()).await;
    let device = bob.device();
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", at_once()).await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    line.keep_back("/sendToDevice/m.room.encrypted/");
    alice.say(&room, "locked");
    let locked = alice.sees("locked").await;
    bob.until("the locked message", |p| {
        p.messages().find(|message| matches!(message.body, Body::Undecryptable(_))).map(drop)
    })
    .await;
    assert_eq!(bob.fate_of(&room, &locked).await, ReceiptFate::AwaitingKey);

    line.allow();
    let bob = if restart {
        let away = bob.quit().await;
        assert_ne!(line.deliver(), 0);
        away.back().await
    } else {
        assert_ne!(line.deliver(), 0);
        bob
    };
    alice.delivered_to(&locked, &world.bob.user_id, &[&device]).await;
    bob.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_late_key_is_acknowledged_by_sliding_sync() {
    a_late_key_is_acknowledged(SlidingSync::Kept, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_late_key_is_acknowledged_by_plain_sync() {
    a_late_key_is_acknowledged(SlidingSync::Hidden, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_key_that_came_while_away_is_acknowledged_by_sliding_sync() {
    a_late_key_is_acknowledged(SlidingSync::Kept, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_key_that_came_while_away_is_acknowledged_by_plain_sync() {
    a_late_key_is_acknowledged(SlidingSync::Hidden, true).await;
}
