//! What comes beside the rooms.

use ruma::EventId;

use super::*;
use crate::model::Timestamp;

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

#[test]
fn to_device_messages_have_a_token_of_their_own() {
    let Scene { mut world, ada, .. } = scene();
    for n in 0..3 {
        let position = world.moved();
        world.session(&ada).unwrap().inbox.push_back((position, json!({ "type": "t", "content": { "n": n } })));
    }
    let ask = |world: &mut Server, since: Option<&Value>| {
        let to_device = json!({ "enabled": true, "limit": 2, "since": since });
        let answer = sync(world, &ada, json!({ "extensions": { "to_device": to_device } }));
        let to_device = answer["extensions"]["to_device"].clone();
        let events = to_device["events"].as_array().cloned().unwrap_or_default();
        (
            events.iter().map(|event| event["content"]["n"].as_u64().unwrap()).collect::<Vec<_>>(),
            to_device["next_batch"].clone(),
        )
    };
    let (lost, _) = ask(&mut world, None);
    let (first, token) = ask(&mut world, None);
    assert_eq!((lost, first), (vec![0, 1], vec![0, 1]));
    let (second, token) = ask(&mut world, Some(&token));
    assert_eq!(second, [2]);
    assert_eq!(world.session(&ada).unwrap().inbox.len(), 1);
    let (third, same) = ask(&mut world, Some(&token));
    assert_eq!((third, same, world.session(&ada).unwrap().inbox.len()), (vec![], token, 0));
}

#[test]
fn extensions_tell_of_the_rooms_that_are_shown() {
    let Scene { mut world, ada, bob, room_id: id } = scene();
    let other = room(&mut world, "other", &[&ada]);
    let fill = |world: &mut World, id: &RoomId| {
        let event = say(world, id, &ada, "text");
        let receipt = Receipt { event_id: event, at: at(5), position: world.moved() };
        let position = world.moved();
        let room = world.rooms.get_mut(id).unwrap();
        room.receipts.insert((bob.user_id.clone(), "m.read".to_owned(), String::new()), receipt);
        room.typing.insert(bob.user_id.clone(), at(u64::MAX));
        room.typing_position = position;
        let kept = &mut world.account(&ada).unwrap().room_account_data;
        kept.insert((id.to_owned(), "m.tag".to_owned()), (position, json!({ "tags": {} })));
    };
    fill(&mut world, &id);
    fill(&mut world, &other);
    let list = json!({ "list": { "ranges": [[0, 0]], "timeline_limit": 1 } });
    let subscription = json!({ id.as_str(): { "timeline_limit": 1 } });
    for (choice, in_list, subscribed) in [
        (json!({}), true, true),
        (json!({ "lists": [] }), false, true),
        (json!({ "lists": ["*"] }), true, true),
        (json!({ "lists": ["list"], "rooms": [] }), true, false),
        (json!({ "lists": [], "rooms": ["*"] }), false, true),
        (json!({ "lists": [], "rooms": [id] }), false, true),
        (json!({ "lists": [], "rooms": [other] }), false, false),
        (json!({ "enabled": false }), false, false),
    ] {
        let mut chosen = json!({ "enabled": true });
        chosen.as_object_mut().unwrap().extend(choice.as_object().unwrap().clone());
        let extensions = json!({ "receipts": chosen, "typing": chosen, "account_data": chosen });
        let answer = sync(
            &mut world,
            &ada,
            json!({ "lists": list, "room_subscriptions": subscription, "extensions": extensions }),
        );
        for extension in ["receipts", "typing", "account_data"] {
            let rooms = &answer["extensions"][extension]["rooms"];
            let has = |id: &OwnedRoomId| rooms.get(id.as_str()).is_some();
            assert_eq!((has(&other), has(&id)), (in_list, subscribed), "{extension} {choice}");
        }
    }
}

#[test]
fn ephemeral_news_come_without_their_room() {
    let Scene { mut world, ada, bob, room_id: id } = scene();
    let ask = |pos: Option<&Value>| {
        let mut asked = all(1, pos);
        asked["extensions"] = json!({ "typing": { "enabled": true } });
        asked
    };
    let first = sync(&mut world, &ada, ask(None));
    assert_eq!(first.get("extensions"), None);
    let position = world.moved();
    let room = world.rooms.get_mut(&id).unwrap();
    room.typing.insert(bob.user_id.clone(), at(u64::MAX));
    room.typing_position = position;
    let Ok(Look::Answer(second)) = look(&mut world, &ada, &request(ask(Some(&first["pos"]))), false) else { panic!() };
    let second = body(Ok(second));
    let typing = json!({ "type": "m.typing", "content": { "user_ids": ["@bob:localhost"] } });
    assert_eq!((&second["extensions"]["typing"]["rooms"][id.as_str()], rooms(&second)), (&typing, vec![]));
}

/// A request for delivery receipts, with a window over so many rooms.
fn with_receipts(rooms: usize, pos: Option<&Value>) -> Value {
    let mut asked = all(1, pos);
    asked["lists"]["all"]["ranges"] = json!([[0, rooms - 1]]);
    asked["extensions"] = json!({ "receipts": { "enabled": true } });
    asked
}

/// What an answer says of Bob's receiving this event.
fn received(event: &EventId) -> Value {
    let users = json!({ "@bob:localhost": { "ts": 10_000 } });
    json!({ "type": "m.receipt", "content": { event.as_str(): { "org.matrix.msc4089.delivery": users } } })
}

#[test]
fn delivery_receipts_come_until_they_have_arrived_and_of_rooms_that_are_not_shown_any_more() {
    let Scene { mut world, ada, bob, room_id: id } = scene();
    world.now = at(10_000);
    let other = room(&mut world, "other", &[&ada, &bob]);
    let events = [&id, &other].map(|room| say(&mut world, room, &ada, "text"));
    let first = sync(&mut world, &ada, with_receipts(2, None));
    acknowledge(&mut world, &bob, &id, &events[0]);
    acknowledge(&mut world, &bob, &other, &events[1]);
    let expected = json!({ id.as_str(): received(&events[0]), other.as_str(): received(&events[1]) });
    let mut last = Value::Null;
    for attempt in ["lost", "repeated"] {
        last = sync(&mut world, &ada, with_receipts(1, Some(&first["pos"])));
        assert_eq!(last["extensions"]["receipts"]["rooms"], expected, "{attempt}");
        world.now += Duration::from_secs(1);
    }
    let next = request(with_receipts(1, Some(&last["pos"])));
    assert!(matches!(look(&mut world, &ada, &next, false), Ok(Look::Nothing(None))));
}

#[test]
fn delivery_receipts_wait_until_the_client_has_proved_that_it_has_the_room() {
    let Scene { mut world, ada, bob, room_id: id } = scene();
    world.now = at(10_000);
    let (text, shown) = (say(&mut world, &id, &ada, "text"), room(&mut world, "shown", &[&ada, &bob]));
    let event = say(&mut world, &shown, &ada, "text");
    acknowledge(&mut world, &bob, &id, &text);
    acknowledge(&mut world, &bob, &shown, &event);
    let mut look_for = |rooms: usize, pos: &Value| {
        let answer = sync(&mut world, &ada, with_receipts(rooms, Some(pos).filter(|pos| pos.is_string())));
        world.now += Duration::from_secs(1);
        (answer["extensions"]["receipts"]["rooms"].clone(), answer["pos"].clone())
    };
    let (receipts, first) = look_for(1, &Value::Null);
    assert_eq!(receipts, Value::Null, "the room comes with this response, which may be lost");
    let (receipts, second) = look_for(1, &first);
    assert_eq!(receipts, json!({ shown.as_str(): received(&event) }));
    let (receipts, third) = look_for(2, &second);
    assert_eq!(receipts, Value::Null, "now the other room comes");
    for attempt in ["lost", "repeated"] {
        assert_eq!(look_for(1, &third).0, json!({ id.as_str(): received(&text) }), "{attempt}");
    }
}

#[test]
fn a_connection_for_encryption_tells_whose_keys_have_changed() {
    let Scene { mut world, ada, bob, .. } = scene();
    let ask = |pos: Option<&Value>| {
        let mut asked = json!({ "extensions": { "e2ee": { "enabled": true } } });
        if let Some(pos) = pos {
            asked["pos"] = pos.clone();
        }
        asked
    };
    let first = sync(&mut world, &ada, ask(None));
    let counts =
        json!({ "device_one_time_keys_count": { "signed_curve25519": 0 }, "device_unused_fallback_key_types": [] });
    assert_eq!(first["extensions"]["e2ee"], counts, "who begins asks for all keys anyway");
    assert!(matches!(look(&mut world, &ada, &request(ask(Some(&first["pos"]))), false), Ok(Look::Nothing(_))));
    world.keys_changed(&bob.user_id);
    let second = sync(&mut world, &ada, ask(Some(&first["pos"])));
    assert_eq!(second["extensions"]["e2ee"]["device_lists"]["changed"], json!(["@bob:localhost"]));
}
