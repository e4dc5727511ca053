//! What takes days: messages that are too old, or from a clock that is ahead (P9); devices that
//! have missed one, and devices that fell silent (L5).
//!
//! Nobody waits for that here. A homeserver's clock is another one for a client whose line says so
//! ([`Proxy::spoil`]). Who logged in long ago is written in the profile ([`log_in_earlier`]), and
//! how devices answered since, in its ledger, with the profile's own key. The client that is looked
//! at is the real one, with the real clock.

use std::{collections::BTreeMap, fs, time::Duration};

use kvitto::{
    client::request::SessionRequest,
    delivery::{
        ledger::{ExpectedDevice, OwnEvent, PeerClaim},
        receipt::{Claim, ClaimState, REQUEST_LIFETIME},
        store::Store,
        summary,
    },
    model::{
        Delivery, DeviceDelivery, DeviceId, DeviceState, EventId, Mark, RoomId, SafeText, SendState, Timestamp, UserId,
    },
};
use matrix_sdk_store_encryption::StoreCipher;
use serde_json::{Value, json};

use crate::{
    person::{Away, Person, direct_chat, now},
    support::{
        proxy::{Proxy, Spoil},
        screens,
    },
    world::{World, on},
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// Moves the time of every event in an answer.
fn move_times(content: &mut Value, by: fn(Timestamp) -> Timestamp) {
    match content {
        Value::Array(values) => values.iter_mut().for_each(|value| move_times(value, by)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_u64() {
                    Some(time) if name == "origin_server_ts" => {
                        *value = by(Timestamp::from_millis(time)).as_millis().into();
                    }
                    _ => move_times(value, by),
                }
            }
        }
        _ => {}
    }
}

/// The homeserver's clock is eight days behind.
const EIGHT_DAYS_BEHIND: Spoil = |answer| move_times(answer, |time| time - 8 * DAY);
/// The homeserver's clock is ten minutes behind.
const TEN_MINUTES_BEHIND: Spoil = |answer| move_times(answer, |time| time - 10 * MINUTE);
/// The homeserver's clock is ten minutes ahead.
const TEN_MINUTES_AHEAD: Spoil = |answer| move_times(answer, |time| time + 10 * MINUTE);
/// The homeserver's clock is right.
const RIGHT: Spoil = |_| {};

/// The homeserver has this clock from now on, also for a sync that waits.
async fn set_clock(line: &Proxy, person: &mut Person, clock: Spoil) {
    line.cut();
    person.until("being offline", |p| (!p.is_online()).then_some(())).await;
    line.spoil("/", clock);
    line.heal();
    person.run(SessionRequest::Reconnect);
    person.online().await;
}

/// P9: what is more than seven days old when it comes is not acknowledged, to whoever was logged in
/// all the time.
async fn p9_what_comes_too_late_is_not_acknowledged(world: World) {
    let line = world.line();
    line.spoil("/", EIGHT_DAYS_BEHIND);
    let mut bob = Person::log_in(&line.base_url, &world.bob, "phone", world.settings()).await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let away = bob.quit().await;
    log_in_earlier(&away, 9 * DAY);
    let mut bob = away.back().await;
    bob.open(&room).await;
    alice.say(&room, "old news");
    let old = alice.sees("old news").await;
    assert_eq!(bob.sees("old news").await, old);
    assert_eq!(bob.withheld_by(&room, &old).await, "P9");

    set_clock(&line, &mut bob, RIGHT).await;
    alice.say(&room, "news");
    let new = alice.sees("news").await;
    alice.delivered_to(&new, &world.bob.user_id, &world.ticks(&[&bob])).await;
    assert_eq!(alice.ticks(&old, &world.bob.user_id), [""; 0]);
    // By the right clock Bob has joined after it, which he hears where the members are asked for
    // again (P2).
    let rule = bob.withheld_by(&room, &old).await;
    assert!(["P2", "P9"].contains(&&*rule), "{rule}");
}
on!(p9_what_comes_too_late_is_not_acknowledged: synapse, embedded, embedded_direct);

/// P9: nor is what says that it comes from a time more than five minutes ahead.
async fn p9_what_comes_too_early_is_not_acknowledged(world: World) {
    let line = world.line();
    let mut bob = Person::log_in(&line.base_url, &world.bob, "phone", world.settings()).await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    alice.say(&room, "news");
    let news = alice.sees("news").await;
    alice.delivered_to(&news, &world.bob.user_id, &world.ticks(&[&bob])).await;
    set_clock(&line, &mut bob, TEN_MINUTES_AHEAD).await;
    alice.say(&room, "tomorrow's news");
    let early = alice.sees("tomorrow's news").await;
    assert_eq!(bob.sees("tomorrow's news").await, early);
    assert_eq!(bob.withheld_by(&room, &early).await, "P9");
    assert_eq!(alice.ticks(&early, &world.bob.user_id), [""; 0]);
}
on!(p9_what_comes_too_early_is_not_acknowledged: synapse, embedded);

/// What a profile's files are encrypted with.
fn key(away: &Away) -> [u8; 32] {
    let key = fs::read(away.profile_dir().join("key")).expect("a profile has a key");
    key.try_into().expect("a key has 32 bytes")
}

/// Makes a login so much older than it is (P2).
fn log_in_earlier(away: &Away, by: Duration) {
    let path = away.profile_dir().join("session.json");
    let mut sealed: Value = serde_json::from_slice(&fs::read(&path).expect("somebody is logged in")).expect("JSON");
    let cipher: Vec<u8> = serde_json::from_value(sealed["cipher"].take()).expect("bytes");
    let cipher = StoreCipher::import_with_key(&key(away), &cipher).expect("it was sealed with this key");
    let record = serde_json::from_value(sealed["record"].take()).expect("something encrypted");
    let record = cipher.decrypt_value_data(record).expect("it was encrypted with this cipher");
    let mut record: Value = serde_json::from_slice(&record).expect("JSON");
    let logged_in_at = record["logged_in_at"].as_u64().map(Timestamp::from_millis).expect("a session has begun");
    record["logged_in_at"] = (logged_in_at - by).as_millis().into();
    let record = cipher.encrypt_value_data(record.to_string().into_bytes()).expect("it can be encrypted");
    sealed["record"] = json!(record);
    sealed["cipher"] = json!(cipher.export_with_key(&key(away)).expect("it can be sealed"));
    fs::write(path, sealed.to_string()).expect("a temporary folder can be written");
}

/// The messages that somebody had sent before, in the ledger that their client finds when it
/// starts.
struct Past {
    store: Store,
    room: RoomId,
    user: UserId,
}

impl Past {
    fn of(away: &Away, room: &RoomId, user: &str) -> Self {
        let store = Store::open(away.profile_dir(), &key(away)).expect("the client has made it");
        Self { store, room: room.clone(), user: UserId::new(user) }
    }

    /// A message was sent then. These devices were given its key, and these have answered a second
    /// later.
    fn message(&mut self, sent: Timestamp, given: &[&str], answered: &[&str]) -> EventId {
        let event = EventId::new(format!("$sent-at-{}", sent.as_millis()));
        let device = |device: &&str| ExpectedDevice {
            device_id: DeviceId::new(*device),
            name: SafeText::default(),
            excluded: None,
            silent: None,
        };
        let own = OwnEvent {
            room_id: self.room.clone(),
            event_id: event.clone(),
            sent,
            expected: BTreeMap::from([(self.user.clone(), given.iter().map(device).collect())]),
            claims: BTreeMap::new(),
        };
        self.store.record_recipients(&own).expect("it can be written");
        let heard = sent + SECOND;
        let claim = |device: &&str| {
            let claim = Claim { at: Some(heard), state: ClaimState::Delivered };
            PeerClaim::direct(self.room.clone(), event.clone(), claim, self.user.clone(), DeviceId::new(*device), heard)
        };
        let claims: Vec<_> = answered.iter().map(claim).collect();
        self.store.claim(&claims, heard).expect("it can be written");
        event
    }
}

/// What a device of the only other person did.
fn of<'a>(delivery: &'a Delivery, device: &str) -> Option<&'a DeviceDelivery> {
    let [person] = &delivery.people[..] else { return None };
    person.devices.iter().find(|known| known.device_id.as_ref().is_some_and(|id| id.as_str() == device))
}

/// L5: a phone that has answered everything, and a later message long ago, has missed one. It is
/// seen in the client and on the screen, until the phone answers.
async fn l5_a_message_that_a_device_has_missed_is_seen(world: World) {
    let line = world.line();
    line.spoil("/", TEN_MINUTES_BEHIND);
    let mut bob = world.bob("phone").await;
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let phone = bob.device();
    let away = alice.quit().await;
    log_in_earlier(&away, 60 * MINUTE);
    let mut alice = away.back().await;
    alice.open(&room).await;
    alice.say(&room, "this arrives");
    let first = alice.sees("this arrives").await;
    alice.delivered_to(&first, &world.bob.user_id, std::slice::from_ref(&phone)).await;
    let bob = bob.quit().await;
    alice.say(&room, "this does not");
    let lost = alice.sees("this does not").await;
    let (sent, state) = alice
        .delivery(&lost, "the phone that was given the key", |known| {
            of(known, &phone).map(|device| (known.sent, device.state.clone()))
        })
        .await;
    assert_eq!(state, DeviceState::Pending);
    assert!(now() - sent >= 9 * MINUTE);
    // By its time it is seen that the timeline has it from the homeserver too, and not only from
    // the send queue.
    alice.until("the message as it was synced", |p| p.messages().find(|m| m.at == sent).map(drop)).await;

    let away = alice.quit().await;
    let mut past = Past::of(&away, &room, &world.bob.user_id);
    for minutes in 1..=4 {
        past.message(sent - minutes * MINUTE, &[&phone], &[&phone]);
    }
    past.message(sent + MINUTE, &[&phone], &[&phone]);
    drop(past);
    let mut alice = away.back().await;
    alice.open(&room).await;
    assert_eq!(alice.sees("this does not").await, lost);
    let missed = DeviceState::Missed { later: sent + MINUTE + SECOND };
    alice
        .delivery(&lost, "the alarm", |known| of(known, &phone).filter(|device| device.state == missed).map(drop))
        .await;
    alice.delivered_to(&first, &world.bob.user_id, std::slice::from_ref(&phone)).await;

    let alice = alice.quit().await;
    let screen = alice.on_screen();
    screens::open_first_room(&screen, &world.bob.name);
    screens::wait_for_mark(&screen, "this does not", "△");
    screens::wait_for_mark(&screen, "this arrives", "●");
    let _bob = bob.back().await;
    screens::wait_for_mark(&screen, "this does not", "●");
}
on!(l5_a_message_that_a_device_has_missed_is_seen: synapse, embedded);

/// L5: a laptop that has answered nothing for three weeks is not waited for. What it was sent
/// before still waits for it; and once it answers, it counts again.
async fn l5_a_device_that_fell_silent_is_not_waited_for(world: World) {
    let mut phone = world.bob("phone").await;
    let laptop = world.bob("laptop").await;
    let mut alice = world.alice("desk").await;
    let (phones, laptops) = (phone.device(), laptop.device());
    let laptop = laptop.quit().await;
    let room = direct_chat(&mut alice, &mut phone, &world.bob.user_id).await;
    let away = alice.quit().await;
    let mut past = Past::of(&away, &room, &world.bob.user_id);
    let began = now() - 22 * DAY;
    let [.., before] = [0, 1, 8, 15, 21]
        .map(|days| past.message(began + days * DAY, &[&phones, &laptops], std::slice::from_ref(&&*phones)));
    drop(past);

    let mut alice = away.back().await;
    alice.open(&room).await;
    alice.say(&room, "to the phone");
    let event = alice.sees("to the phone").await;
    alice.delivered_to(&event, &world.bob.user_id, std::slice::from_ref(&phones)).await;
    let known = alice.delivery(&event, "the delivery", |known| Some(known.clone())).await;
    let silent = of(&known, &laptops).expect("it was given the key");
    assert_eq!((&silent.state, silent.expected), (&DeviceState::Silent { since: began }, false));
    assert_eq!(summary::mark(&SendState::Sent, Some(&known), &[]).counted(), Mark::Delivered);
    let known = alice.delivery(&before, "the message of yesterday", |known| Some(known.clone())).await;
    let waited_for = of(&known, &laptops).expect("it was given the key");
    assert_eq!((&waited_for.state, waited_for.expected), (&DeviceState::Pending, true));

    let _laptop = laptop.back().await;
    let both = [phones, laptops];
    alice.delivered_to(&event, &world.bob.user_id, &both).await;
    alice.say(&room, "to both");
    let event = alice.sees("to both").await;
    alice.delivered_to(&event, &world.bob.user_id, &both).await;
    let known = alice.delivery(&event, "the delivery", |known| Some(known.clone())).await;
    assert!(of(&known, &both[1]).is_some_and(|device| device.expected), "{known:?}");
}
on!(l5_a_device_that_fell_silent_is_not_waited_for: synapse, embedded);

/// L8, §3: a request for receipts that a kill has lost is made again, with a message that comes
/// after one that is unanswered.
async fn l8_a_request_that_was_lost_is_made_again(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let phone = bob.device();
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    let away = alice.quit().await;
    let hour = 60 * MINUTE;
    let asked = now() - hour;
    let mut past = Past::of(&away, &room, &world.bob.user_id);
    past.message(asked - hour, &[&phone], &[&phone]);
    let devices = [(past.user.clone(), DeviceId::new(phone.clone()))];
    past.store.remember_asked(&room, &devices, asked + REQUEST_LIFETIME).expect("it can be written");
    past.message(asked + MINUTE, &[&phone], &[]);
    drop(past);

    let mut alice = away.back().await;
    alice.open(&room).await;
    alice.say(&room, "do you answer?");
    let event = alice.sees("do you answer?").await;
    alice.delivered_to(&event, &world.bob.user_id, std::slice::from_ref(&phone)).await;
}
on!(l8_a_request_that_was_lost_is_made_again: synapse, embedded_direct);
