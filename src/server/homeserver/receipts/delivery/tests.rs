//! That the rules are applied to the right facts. The rules themselves, and their order, are tested
//! where they stand.

use std::time::Duration;

use ruma::{OwnedEventId, OwnedRoomId};
use serde_json::Value;

use super::{
    super::super::testing::{append, login, plain, room, say, set_membership, world},
    *,
};

/// Ada, who has sent something to Bob.
struct Scene {
    world: World,
    ada: Caller,
    bob: Caller,
    room_id: OwnedRoomId,
    event_id: OwnedEventId,
}

fn scene() -> Scene {
    let mut world = world();
    world.now = Timestamp::from_millis(1_000_000);
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let room = room(&mut world, "room", &[&ada, &bob]);
    let event = say(&mut world, &room, &ada, "have you got this?");
    Scene { world, ada, bob, room_id: room, event_id: event }
}

impl Scene {
    /// Posts as Bob, and returns the status with what is said.
    fn post(&mut self, event: &str, body: &str) -> (u16, String) {
        let (room, bob) = (self.room_id.to_string(), self.bob.clone());
        self.post_as(&bob, &room, event, ReceiptName::Unstable, body)
    }

    fn post_as(&mut self, who: &Caller, room: &str, event: &str, name: ReceiptName, body: &str) -> (u16, String) {
        let request = plain(who, &[room, name.as_str(), event], body);
        let response = post(&mut self.world, name, &request).unwrap();
        let retry = response.headers().get(RETRY_AFTER).map(|seconds| seconds.to_str().unwrap().to_owned());
        (response.status().as_u16(), retry.unwrap_or_default())
    }

    /// What goes to a device in the next response.
    fn bundle(&mut self, who: &Caller) -> Value {
        let bundle = bundle(&mut self.world, who, &Options::default(), |_| true);
        bundle.rooms.into_values().next().unwrap_or_default()
    }

    fn entry(&self, entry: &Value) -> Value {
        value!({ self.event_id.as_str(): { "org.matrix.msc4089.delivery": { "@bob:localhost": entry } } })
    }
}

const OK: (u16, String) = (200, String::new());

#[test]
fn a_receipt_goes_to_each_device_of_the_sender_and_to_nobody_else() {
    let mut scene = scene();
    let (ada, bob) = (scene.ada.clone(), scene.bob.clone());
    let (tablet, eve) = (login(&mut scene.world, "ada", "TABLET"), login(&mut scene.world, "eve", "SPY"));
    set_membership(&mut scene.world, &scene.room_id.clone(), &eve, "join");
    let event = scene.event_id.to_string();
    assert_eq!(scene.post(&event, "{}"), OK);
    let expected = scene.entry(&value!({ "ts": 1_000_000 }));
    for (device, gets) in [(&ada, expected.clone()), (&tablet, expected), (&bob, Value::Null), (&eve, Value::Null)] {
        assert_eq!(scene.bundle(device), gets, "{device:?}");
    }
}

#[test]
fn a_duplicate_moves_nothing() {
    let mut scene = scene();
    let event = scene.event_id.to_string();
    let before = scene.world.position;
    scene.post(&event, "{}");
    assert_eq!(scene.world.position, before + 1);
    scene.world.now += Duration::from_millis(5);
    assert_eq!(scene.post(&event, "{}"), OK);
    assert_eq!(scene.world.position, before + 1);
    let ada = scene.ada.clone();
    assert_eq!(scene.bundle(&ada), scene.entry(&value!({ "ts": 1_000_000 })));
}

#[test]
fn a_device_is_named_when_it_asks_to_be_and_the_server_tells_devices_apart() {
    for (devices, named) in [(true, true), (false, false)] {
        let mut scene = scene();
        scene.world.options.delivery = Some(Delivery { devices, stable: false });
        let event = scene.event_id.to_string();
        scene.post(&event, r#"{"dev.kvitto.devices": true}"#);
        let mut entry = value!({ "ts": 1_000_000 });
        if named {
            entry["dev.kvitto.devices"] = value!({ "LAPTOP": { "ts": 1_000_000 } });
        }
        let ada = scene.ada.clone();
        assert_eq!(scene.bundle(&ada), scene.entry(&entry));
    }
}

#[test]
fn a_device_that_is_named_says_that_its_silence_means_nothing() {
    for (body, quiet) in [
        (r#"{"dev.kvitto.devices": true, "dev.kvitto.quiet": true}"#, Some(value!(true))),
        (r#"{"dev.kvitto.devices": true, "dev.kvitto.quiet": 1}"#, None),
        (r#"{"dev.kvitto.quiet": true}"#, None),
    ] {
        let mut scene = scene();
        scene.world.options.delivery = Some(Delivery { devices: true, stable: false });
        let event = scene.event_id.to_string();
        scene.post(&event, body);
        let mut entry = value!({ "ts": 1_000_000 });
        if body.contains("devices") {
            entry["dev.kvitto.devices"] = value!({ "LAPTOP": { "ts": 1_000_000 } });
        }
        if let Some(quiet) = quiet {
            entry["dev.kvitto.devices"]["LAPTOP"]["dev.kvitto.quiet"] = quiet;
        }
        let ada = scene.ada.clone();
        assert_eq!(scene.bundle(&ada), scene.entry(&entry), "{body}");
    }
}

#[test]
fn a_name_that_is_not_in_use_is_refused_with_400() {
    use ReceiptName::{Stable, Unstable};
    let (early, late) = (Delivery { devices: true, stable: false }, Delivery { devices: true, stable: true });
    for (delivery, name, status) in [
        (None, Unstable, 400),
        (None, Stable, 400),
        (Some(early), Unstable, 200),
        (Some(early), Stable, 400),
        (Some(late), Unstable, 200),
        (Some(late), Stable, 200),
    ] {
        let mut scene = scene();
        scene.world.options.delivery = delivery;
        let (bob, room, event) = (scene.bob.clone(), scene.room_id.to_string(), scene.event_id.to_string());
        assert_eq!(scene.post_as(&bob, &room, &event, name, "{}").0, status, "{delivery:?} {name:?}");
    }
}

#[test]
fn unknown_invisible_elsewhere_and_from_before_the_join_are_one_and_the_same_404() {
    let mut scene = scene();
    let (ada, room_id) = (scene.ada.clone(), scene.room_id.clone());
    let eve = login(&mut scene.world, "eve", "SPY");
    let hidden = value!({ "history_visibility": "joined" });
    let before = say(&mut scene.world, &room_id, &ada, "from before");
    append(&mut scene.world, &room_id, &ada, "m.room.history_visibility", Some(""), hidden);
    let invisible = say(&mut scene.world, &room_id, &ada, "invisible");
    set_membership(&mut scene.world, &room_id, &eve, "join");
    let other = room(&mut scene.world, "other", &[&ada, &eve]);
    let elsewhere = say(&mut scene.world, &other, &ada, "elsewhere");
    let mut bodies = Vec::new();
    for event in ["$unknown", "no event", before.as_str(), invisible.as_str(), elsewhere.as_str()] {
        bodies.push(scene.post_as(&eve, room_id.as_str(), event, ReceiptName::Unstable, "{}"));
    }
    assert_eq!(bodies, vec![(404, String::new()); 5]);
    assert_eq!(scene.bundle(&ada), Value::Null);
    let readable = say(&mut scene.world, &room_id, &ada, "readable");
    assert_eq!(scene.post_as(&eve, room_id.as_str(), readable.as_str(), ReceiptName::Unstable, "{}"), OK);
}

#[test]
fn who_is_not_joined_is_told_so_before_any_event_is_looked_at() {
    let mut scene = scene();
    let (bob, room) = (scene.bob.clone(), scene.room_id.clone());
    set_membership(&mut scene.world, &room, &bob, "leave");
    let event = scene.event_id.to_string();
    for event in [event.as_str(), "$unknown"] {
        assert_eq!(scene.post(event, "{}").0, 403);
        assert_eq!(scene.post_as(&bob, "!nowhere:localhost", event, ReceiptName::Unstable, "{}").0, 403);
        assert_eq!(scene.post_as(&bob, "no room", event, ReceiptName::Unstable, "{}").0, 403);
    }
}

#[test]
fn own_events_state_and_what_is_redacted_are_taken_and_go_nowhere() {
    let mut scene = scene();
    let (ada, bob, room) = (scene.ada.clone(), scene.bob.clone(), scene.room_id.clone());
    let own = say(&mut scene.world, &room, &bob, "own");
    let topic = append(&mut scene.world, &room, &ada, "m.room.topic", Some(""), value!({ "topic": "state" }));
    let redacted = say(&mut scene.world, &room, &ada, "redacted");
    let events = &mut scene.world.rooms.get_mut(&room).unwrap().events;
    events.last_mut().unwrap().redacted_because = Some(own.clone());
    let position = scene.world.position;
    for event in [own, topic, redacted] {
        assert_eq!(scene.post(event.as_str(), "{}"), OK);
    }
    assert_eq!((scene.world.position, scene.bundle(&ada)), (position, Value::Null));
}

#[test]
fn too_many_are_told_when_to_come_back() {
    let mut scene = scene();
    for _ in 0..100 {
        assert_eq!(scene.post("$unknown", "{}").0, 404);
    }
    assert_eq!(scene.post("$unknown", "{}"), (429, "1".to_owned()));
}

#[test]
fn the_size_is_looked_at_before_the_token() {
    let mut scene = scene();
    let nobody = Caller { user_id: scene.bob.user_id.clone(), device_id: "NONE".into() };
    let (room, event) = (scene.room_id.to_string(), scene.event_id.to_string());
    let large = " ".repeat(5000);
    assert_eq!(scene.post_as(&nobody, &room, &event, ReceiptName::Unstable, &large).0, 413);
    let bob = scene.bob.clone();
    assert_eq!(scene.post_as(&bob, &room, &event, ReceiptName::Unstable, "[]").0, 400);
}

#[test]
fn a_device_that_logs_out_leaves_nothing_behind() {
    let mut scene = scene();
    let (ada, event) = (scene.ada.clone(), scene.event_id.to_string());
    let tablet = login(&mut scene.world, "ada", "TABLET");
    scene.post(&event, "{}");
    let number = bundle(&mut scene.world, &tablet, &Options::default(), |_| true).number;
    acknowledge(&mut scene.world, &tablet, Some(number));
    assert_eq!(ready_at(&scene.world, &ada, &Options::default(), |_| true), Some(Timestamp::EPOCH));
    forget_device(&mut scene.world, &ada);
    assert_eq!(ready_at(&scene.world, &ada, &Options::default(), |_| true), None);
}

#[test]
fn who_has_left_the_room_hears_of_it_when_they_are_back() {
    let mut scene = scene();
    let (ada, room, event) = (scene.ada.clone(), scene.room_id.clone(), scene.event_id.to_string());
    set_membership(&mut scene.world, &room, &ada, "leave");
    assert_eq!(scene.post(&event, "{}"), OK);
    assert_eq!(ready_at(&scene.world, &ada, &Options::default(), |_| true), None);
    assert_eq!(scene.bundle(&ada), Value::Null);
    set_membership(&mut scene.world, &room, &ada, "join");
    assert_eq!(scene.bundle(&ada), scene.entry(&value!({ "ts": 1_000_000 })));
}
