//! Liars, and what a real client makes of them (PROTOCOL §6): nothing. A homeserver may say
//! anything in an `m.receipt`, and anybody may send anything over Olm; what they say about others,
//! or about what they have no part in, changes no tick. Each lie comes together with a receipt that
//! is good, or before one that is, so that all have been looked at; and each is counted as what it
//! is.

use std::{collections::BTreeMap, time::Duration};

use kvitto::{
    client::request::{RoomsRequest, SessionRequest},
    delivery::ledger::Refusal::{Ignored, NotJoined, NotOwn, OtherRoom, Own, TooMany, Unproven},
    model::{DeviceState, EventId, RoomId, Timestamp, UserId},
};
use serde_json::{Map, Value, json};

use crate::{
    delivery::text,
    person::{Person, SOME_DEVICE},
    rogue::Rogue,
    support::{proxy::Proxy, server::Account},
    world::{World, on},
};

const NATIVE: &str = "org.matrix.msc4089.delivery";
const DEVICES: &str = "dev.kvitto.devices";

/// Alice, and people who say whatever they are told to.
struct Stage {
    world: World,
    line: Proxy,
    alice: Person,
    /// In the room.
    bob: Rogue,
    /// In the room too.
    dan: Rogue,
    /// In the room, and ignored.
    carol: Rogue,
    /// Not in the room.
    mallory: Rogue,
    room: RoomId,
    /// Alice and Bob alone.
    other: RoomId,
}

impl Stage {
    async fn set(world: World) -> Self {
        let server = world.server.base_url.clone();
        let [dan, carol, mallory] = ["dan", "carol", "mallory"].map(|name| world.server.register(name));
        ignore(&world, &world.alice, &carol);
        let line = world.line();
        let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
        line.wait_for_keys(&alice.device(), &alice.device());
        let mut bob = Rogue::log_in(&server, &world.bob).await;
        let mut dan = Rogue::log_in(&server, &dan).await;
        let mut carol = Rogue::log_in(&server, &carol).await;
        let mallory = Rogue::log_in(&server, &mallory).await;
        let other = room_of(&mut alice, "other", &mut [&mut bob]).await;
        let room = room_of(&mut alice, "shared", &mut [&mut bob, &mut dan, &mut carol]).await;
        Self { world, line, alice, bob, dan, carol, mallory, room, other }
    }

    /// Alice says something in the room that is open.
    async fn say(&mut self, room: &RoomId, what: &str) -> EventId {
        self.alice.open(room).await;
        self.alice.say(room, what);
        let event = self.alice.sees(what).await;
        self.alice.delivery(&event, "who was given the key", |known| known.people.first().map(drop)).await;
        event
    }

    /// Bob says something in the room that is open, and Alice has it.
    async fn bobs_own(&mut self, room: &RoomId) -> EventId {
        let event = self.bob.send(room, "m.room.message", &text("Bob's own"));
        assert_eq!(self.alice.sees("Bob's own").await, event);
        event
    }

    /// Everybody's devices that tick now for an own message, without those that have nothing.
    fn ticks(&self, event: &EventId) -> BTreeMap<&str, Vec<String>> {
        let everybody = [&self.bob, &self.dan, &self.carol, &self.mallory].map(|rogue| rogue.user_id.as_str());
        let everybody = everybody.into_iter().chain([self.world.alice.user_id.as_str()]);
        let ticks = everybody.map(|user| (user, self.alice.ticks(event, user)));
        ticks.filter(|(_, devices)| !devices.is_empty()).collect()
    }

    /// Waits until a device of somebody's has an own message, since then.
    async fn has_since(&mut self, event: &EventId, user: &str, since: Option<Timestamp>) {
        let user = UserId::new(user);
        let is_it = |state: &DeviceState| *state == DeviceState::Delivered { at: since };
        let what = format!("a receipt of {user} at {since:?}");
        self.alice
            .delivery(event, &what, |known| {
                let person = known.people.iter().find(|person| person.user_id == user)?;
                person.devices.iter().any(|device| is_it(&device.state)).then_some(())
            })
            .await;
    }

    /// What the homeserver says in the next sync, and whoever is in the room makes it come.
    fn homeserver_says(&mut self, receipts: Value) {
        self.line.lie(self.room.as_str(), receipts);
        self.bob.send(&self.room, "com.example.wake", &json!({}));
    }
}

/// Somebody ignores somebody, before either has a client.
fn ignore(world: &World, user: &Account, ignored: &Account) {
    let token = world.server.login_raw(user).token;
    let path = format!("/_matrix/client/v3/user/{}/account_data/m.ignored_user_list", user.user_id);
    let list = json!({ "ignored_users": { ignored.user_id.as_str(): {} } });
    assert_eq!(world.server.raw("PUT", &path, Some(&token), &list).0, 200);
}

/// Makes an encrypted room and has these join.
async fn room_of(alice: &mut Person, name: &str, others: &mut [&mut Rogue]) -> RoomId {
    alice.run(RoomsRequest::CreateRoom(name.to_owned()));
    let room = alice.room("the room", |summary| summary.name.as_str() == name && summary.encrypted).await;
    for other in &mut *others {
        alice.run(RoomsRequest::Invite { room_id: room.clone(), user: other.user_id.clone() });
        other.join_when_invited(&room).await;
    }
    alice.sees_members(&room, others.len() as u64 + 1).await;
    room
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn no_ticks() -> BTreeMap<&'static str, Vec<String>> {
    BTreeMap::new()
}

/// Everything that a homeserver can make up in an `m.receipt`.
async fn l1_to_l7_liars_in_the_homeservers_place(world: World) {
    let mut stage = Stage::set(world).await;
    let (room, other) = (stage.room.clone(), stage.other.clone());
    let elsewhere = stage.say(&other, "elsewhere").await;
    let event = stage.say(&room, "hello").await;
    let his = stage.bobs_own(&room).await;
    let sent = stage.alice.delivery(&event, "the message", |known| Some(known.sent)).await;
    let (bob, phone) = (stage.bob.user_id.clone(), stage.bob.device());
    let device = |id: &str, ts: Timestamp| json!({ "ts": ts, DEVICES: { id: { "ts": ts } } });
    let lies = |good: &Value| {
        let [alice, dan] = [&stage.world.alice.user_id, &stage.dan.user_id].map(String::as_str);
        let [carol, mallory] = [&stage.carol.user_id, &stage.mallory.user_id].map(String::as_str);
        json!({
            event.as_str(): {
                NATIVE: {
                    bob.as_str(): good, carol: device("CAROL", sent), mallory: device("MALLORY", sent),
                    alice: device("DESK", sent), dan: { "ts": -5 }, "dan": { "ts": sent }, "@": [], "": null,
                },
                "m.delivery": { dan: { "ts": "now" }, mallory: { "ts": sent } },
            },
            elsewhere.as_str(): { NATIVE: { bob.as_str(): good } },
            his.as_str(): { NATIVE: { dan: device("DAN", sent) } },
            "$there-is-no-such-event": { NATIVE: { bob.as_str(): good } },
            "no event": { NATIVE: { dan: device("DAN", sent) } },
            "$list": [], "$null": { NATIVE: null, "m.delivery": 5 },
        })
    };
    // Twice: what is replayed is known. Then the same by the other name, later, which changes
    // nothing either.
    let (first, again) = (lies(&device(&phone, sent + ms(7))), lies(&device(&phone, sent + Duration::from_secs(9))));
    stage.homeserver_says(first.clone());
    stage.has_since(&event, &bob, Some(sent + ms(7))).await;
    for lie in [first, again] {
        stage.homeserver_says(lie);
    }
    // Malformed entries and those that are replayed are none of these.
    let of_three = [(NotOwn, 3), (OtherRoom, 3), (Own, 3), (NotJoined, 6), (Ignored, 3)];
    stage
        .homeserver_says(json!({ event.as_str(): { "m.delivery": { bob.as_str(): device("LAPTOP", sent + ms(8)) } } }));
    let mut both = vec!["LAPTOP".to_owned(), phone.clone()];
    both.sort();
    stage.alice.delivered_to(&event, &bob, &both).await;
    assert_eq!(stage.ticks(&event), BTreeMap::from([(bob.as_str(), both)]));
    assert_eq!(stage.ticks(&his), no_ticks());
    stage.alice.disbelieves(&of_three).await;

    // Times that cannot be are unknown.
    let dan = stage.dan.user_id.clone();
    let read = json!({ dan.as_str(): { "ts": sent } });
    stage.homeserver_says(json!({ event.as_str(): { NATIVE: { dan.as_str(): { "ts": 1 } }, "m.read": read } }));
    stage.has_since(&event, &dan, None).await;
    stage.homeserver_says(json!({ event.as_str(): { NATIVE: { dan.as_str(): { "ts": u64::MAX } } } }));
    stage.homeserver_says(json!({ event.as_str(): { NATIVE: { dan.as_str(): { "ts": sent + ms(3) } } } }));
    stage.has_since(&event, &dan, Some(sent + ms(3))).await;
    assert_eq!(stage.alice.ticks(&event, &dan), [SOME_DEVICE]);
    // What was read stands beside what was delivered, and is not lost by it.
    let reader = UserId::new(dan.as_str());
    stage
        .alice
        .until("who has read it", |alice| {
            let mut messages = alice.messages().filter(|message| message.event_id.as_ref() == Some(&event));
            messages.any(|message| message.read_by.iter().any(|read| read.user_id == reader)).then_some(())
        })
        .await;

    // Ten thousand at once: 9,999 who are not in the room, and one who is.
    let second = stage.say(&room, "to ten thousand").await;
    let mut aggregate: Map<String, Value> =
        (1..10_000).map(|n| (format!("@zz{n}:example.org"), device("D", sent))).collect();
    aggregate.insert(bob.clone(), device(&phone, sent + Duration::from_mins(1)));
    stage.homeserver_says(json!({ second.as_str(): { NATIVE: aggregate } }));
    stage.alice.delivered_to(&second, &bob, std::slice::from_ref(&phone)).await;
    let people = |known: &kvitto::model::Delivery| Some(known.people.len());
    assert_eq!(stage.alice.delivery(&second, "the people", people).await, 3);
    let of_all = of_three.map(|(refusal, n)| (refusal, if refusal == NotJoined { n + 9_999 } else { n }));
    stage.alice.disbelieves(&of_all).await;

    stage.alice.open(&other).await;
    stage.alice.delivery(&elsewhere, "what is known elsewhere", |known| known.people.first().map(drop)).await;
    assert_eq!(stage.ticks(&elsewhere), no_ticks());
}
on!(l1_to_l7_liars_in_the_homeservers_place: embedded, synapse);

/// Everything that people can make up over Olm, and beside it.
async fn l1_to_l7_liars_from_device_to_device(world: World) {
    let mut stage = Stage::set(world).await;
    let (room, other) = (stage.room.clone(), stage.other.clone());
    let alice = stage.world.alice.user_id.clone();
    let elsewhere = stage.say(&other, "elsewhere").await;
    let event = stage.say(&room, "hello").await;
    let his = stage.bobs_own(&room).await;
    let sent = stage.alice.delivery(&event, "the message", |known| Some(known.sent)).await;
    let good = json!({ event.as_str(): { "ts": sent + ms(7) } });

    // From outside, from somebody ignored, and without proof.
    stage.mallory.claim(&room, &alice, &good).await;
    stage.carol.claim(&room, &alice, &good).await;
    let openly = json!({ "room_id": room.as_str(), "receipts": good });
    stage.bob.tell_openly(&alice, "dev.kvitto.delivery", &openly);
    // About what is Bob's, or in a room that Dan is not in, or in another one than he says; in the
    // name of Bob.
    let (bob, phone) = (stage.bob.user_id.clone(), stage.bob.device());
    let about = |event: &EventId| json!({ event.as_str(): { "ts": sent, "device_id": phone, "user_id": bob } });
    stage.dan.claim(&room, &alice, &about(&his)).await;
    stage.dan.claim(&room, &alice, &about(&elsewhere)).await;
    stage.dan.claim(&other, &alice, &about(&elsewhere)).await;
    // Entries that are none, beside one that is; and as many made-up ones as fit.
    let mut entries: Map<String, Value> = (0..500).map(|n| (format!("$~{n}"), json!({}))).collect();
    for (key, entry) in
        [("$!1", json!({ "ts": -5 })), ("$!2", json!(5)), ("$!3", json!({ "state": "read" })), ("none", json!({}))]
    {
        entries.insert(key.to_owned(), entry);
    }
    entries.insert(event.to_string(), json!({ "ts": u64::MAX, "device_id": phone, "user_id": bob }));
    stage.dan.claim(&room, &alice, &Value::Object(entries)).await;
    let (dan, tablet) = (stage.dan.user_id.clone(), stage.dan.device());
    // From the future.
    stage.has_since(&event, &dan, None).await;
    stage.dan.claim(&room, &alice, &json!({ event.as_str(): { "ts": 1, "state": "undecryptable" } })).await;

    // Bob's own word, once earlier and once later, and replayed.
    for ts in [sent + ms(7), sent + Duration::from_secs(9), sent + ms(7)] {
        stage.bob.claim(&room, &alice, &json!({ event.as_str(): { "ts": ts } })).await;
    }
    stage.has_since(&event, &bob, Some(sent + ms(7))).await;
    // What they said came before this.
    let last = stage.say(&room, "goodbye").await;
    for who in [&stage.bob, &stage.dan] {
        who.claim(&room, &alice, &json!({ last.as_str(): {} })).await;
    }
    stage.alice.delivered_to(&last, &bob, std::slice::from_ref(&phone)).await;
    stage.alice.delivered_to(&last, &dan, std::slice::from_ref(&tablet)).await;
    let both = BTreeMap::from([(bob.as_str(), vec![phone.clone()]), (dan.as_str(), vec![tablet.clone()])]);
    assert_eq!(stage.ticks(&event), both);
    assert_eq!(stage.ticks(&his), no_ticks());
    stage.alice.open(&other).await;
    stage.alice.delivery(&elsewhere, "what is known elsewhere", |known| known.people.first().map(drop)).await;
    assert_eq!(stage.ticks(&elsewhere), no_ticks());
    // Of 500 that Dan made up, 200 are held.
    let counted = [(NotOwn, 1), (OtherRoom, 1), (Unproven, 1), (NotJoined, 2), (Ignored, 1), (TooMany, 300)];
    stage.alice.disbelieves(&counted).await;
}
on!(l1_to_l7_liars_from_device_to_device: embedded_direct, synapse);

/// L1: a claim that comes while its event is on its way is held until that is there.
async fn l1_a_claim_before_its_event_is_held(world: World) {
    let mut stage = Stage::set(world).await;
    let room = stage.room.clone();
    stage.say(&room, "hello").await;
    let token = stage.world.server.login_raw(&stage.world.alice).token;
    stage.line.cut();
    // From another device of Alice's, so that nobody here has heard of it.
    let event = stage.world.server.send(&token, &room, "m.room.message", &text("from elsewhere"));
    stage.bob.claim(&room, &stage.world.alice.user_id, &json!({ event.as_str(): {} })).await;
    stage.line.heal();
    stage.alice.run(SessionRequest::Reconnect);
    let (bob, phone) = (stage.bob.user_id.clone(), stage.bob.device());
    stage.alice.delivered_to(&event, &bob, &[phone]).await;
    stage.alice.disbelieves(&[]).await;
}
on!(l1_a_claim_before_its_event_is_held: embedded_direct, synapse);

/// L2, §7: a homeserver that keeps the rules passes on nothing that is not so, and nobody names
/// another's device.
async fn l2_a_homeserver_takes_no_lies(world: World) {
    let mut stage = Stage::set(world).await;
    let (room, other) = (stage.room.clone(), stage.other.clone());
    let elsewhere = stage.say(&other, "elsewhere").await;
    let event = stage.say(&room, "hello").await;
    let his = stage.bob.send(&room, "m.room.message", &text("Bob's own"));
    let (dan, bob, phone) = (stage.dan.user_id.clone(), stage.bob.user_id.clone(), stage.bob.device());
    let path = |room: &RoomId, event: &EventId| {
        format!("rooms/{}/receipt/{NATIVE}/{}", room.as_str(), event.as_str()).replace('!', "%21").replace('$', "%24")
    };
    let devices = json!({ DEVICES: { phone: { "ts": 1 } }, "ts": 1, "user_id": bob });
    assert_eq!(stage.mallory.request("POST", &path(&room, &event), &json!({})).0, 403);
    assert_eq!(stage.dan.request("POST", &path(&other, &elsewhere), &json!({})).0, 403);
    assert_eq!(stage.dan.request("POST", &path(&room, &elsewhere), &json!({})).0, 404);
    assert_eq!(stage.dan.request("POST", &path(&room, &his), &json!({})).0, 200);
    stage.bob.until("the receipt that is his", |received| received.native.contains_key(&his)).await;
    assert_eq!(stage.dan.request("POST", &path(&room, &event), &devices).0, 200);
    stage.alice.delivered_to(&event, &dan, &[SOME_DEVICE.to_owned()]).await;
    assert_eq!(stage.ticks(&event), BTreeMap::from([(dan.as_str(), vec![SOME_DEVICE.to_owned()])]));
    assert_eq!(stage.ticks(&his), no_ticks());
    stage.alice.disbelieves(&[]).await;
}
on!(l2_a_homeserver_takes_no_lies: embedded, embedded_users);
