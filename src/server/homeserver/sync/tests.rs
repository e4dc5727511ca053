use std::time::Duration;

use ruma::RoomId;
use serde_json::{Value, json};

use super::{
    super::{
        testing::{acknowledge, append, body, login, refusal, room, say, set_membership, world},
        world::Device,
    },
    asked::USUAL_LIMIT,
    *,
};
use crate::{model::Timestamp, server::bundle};

mod waiting;

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// One `/sync` that does not wait, as the client gets it.
fn sync(world: &mut World, caller: &Caller, since: Option<&Value>, filter: Value) -> Value {
    match look(world, caller, &asked(since, filter), true).unwrap() {
        Look::Answer(response) => body(Ok(response)),
        Look::Nothing(_) => panic!("it may not wait"),
    }
}

fn asked(since: Option<&Value>, filter: Value) -> Asked {
    Asked {
        since: since.map(|token| token.as_str().unwrap().parse().unwrap()),
        timeout: Duration::ZERO,
        full_state: false,
        deliveries: bundle::Options::from_filter(&filter),
        filter: serde_json::from_value(filter).unwrap(),
    }
}

fn bodies(timeline: &Value) -> Vec<&str> {
    let events = timeline["events"].as_array().map_or(&[][..], Vec::as_slice);
    events.iter().filter_map(|event| event["content"]["body"].as_str()).collect()
}

fn keys(events: &Value) -> Vec<&str> {
    let events = events.as_array().map_or(&[][..], Vec::as_slice);
    events.iter().map(|event| event["state_key"].as_str().unwrap()).collect()
}

fn limit(limit: usize) -> Value {
    json!({ "room": { "timeline": { "limit": limit } } })
}

#[test]
fn the_first_sync_has_the_rooms_end_with_the_state_before_it() {
    let mut world = world();
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let id = room(&mut world, "room", &[&ada, &bob]);
    append(&mut world, &id, &ada, "m.room.name", Some(""), json!({ "name": "Here" }));
    for text in ["one", "two", "three"] {
        say(&mut world, &id, &bob, text);
    }
    let answer = sync(&mut world, &ada, None, limit(2));
    let joined = &answer["rooms"]["join"][id.as_str()];
    assert_eq!(bodies(&joined["timeline"]), ["two", "three"]);
    assert_eq!(joined["timeline"]["limited"], true);
    assert_eq!(joined["timeline"]["prev_batch"], "t4");
    assert_eq!(keys(&joined["state"]["events"]), ["@ada:localhost", "@bob:localhost", ""]);
    let summary = json!({ "m.heroes": ["@bob:localhost"], "m.joined_member_count": 2, "m.invited_member_count": 0 });
    assert_eq!(joined["summary"], summary);
    assert_eq!(answer["device_one_time_keys_count"], json!({ "signed_curve25519": 0 }));
    assert_eq!(answer["account_data"]["events"][0]["type"], "m.push_rules");
    assert_eq!(answer.get("device_lists"), None);
}

#[test]
fn a_later_sync_has_only_what_is_new() {
    let mut world = world();
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let (here, quiet) = (room(&mut world, "here", &[&ada, &bob]), room(&mut world, "quiet", &[&ada, &bob]));
    let first = sync(&mut world, &ada, None, json!({}));
    assert!(first["rooms"]["join"].get(quiet.as_str()).is_some());
    say(&mut world, &here, &bob, "new");
    let second = sync(&mut world, &ada, Some(&first["next_batch"]), json!({}));
    assert_eq!(second["rooms"]["join"].as_object().unwrap().len(), 1);
    let joined = &second["rooms"]["join"][here.as_str()];
    assert_eq!(bodies(&joined["timeline"]), ["new"]);
    assert_eq!((joined["timeline"].get("limited"), joined.get("state"), joined.get("summary")), (None, None, None));
    assert_eq!(second.get("account_data"), None);
    assert!(matches!(
        look(&mut world, &ada, &asked(Some(&second["next_batch"]), json!({})), false),
        Ok(Look::Nothing(None))
    ));
}

#[test]
fn the_same_token_gets_the_same_again() {
    let mut world = world();
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let id = room(&mut world, "room", &[&ada, &bob]);
    let first = sync(&mut world, &ada, None, json!({}));
    say(&mut world, &id, &bob, "lost on the way");
    let lost = sync(&mut world, &ada, Some(&first["next_batch"]), json!({}));
    assert_eq!(sync(&mut world, &ada, Some(&first["next_batch"]), json!({})), lost);
}

#[test]
fn a_gap_is_limited_and_brings_the_state_that_changed_in_it() {
    let mut world = world();
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let id = room(&mut world, "room", &[&ada, &bob]);
    let first = sync(&mut world, &ada, None, json!({}));
    append(&mut world, &id, &bob, "m.room.topic", Some(""), json!({ "topic": "Gaps" }));
    for text in ["one", "two", "three"] {
        say(&mut world, &id, &bob, text);
    }
    append(&mut world, &id, &bob, "m.room.name", Some(""), json!({ "name": "In the timeline" }));
    let second = sync(&mut world, &ada, Some(&first["next_batch"]), limit(2));
    let joined = &second["rooms"]["join"][id.as_str()];
    assert_eq!(joined["timeline"]["limited"], true);
    assert_eq!(joined["timeline"]["prev_batch"], "t5");
    assert_eq!(bodies(&joined["timeline"]), ["three"]);
    let state = joined["state"]["events"].as_array().unwrap();
    assert_eq!((state.len(), &state[0]["content"]["topic"]), (1, &json!("Gaps")));
}

#[test]
fn a_newly_joined_room_comes_whole_and_with_it_its_people_to_ask_for_keys() {
    let mut world = world();
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let id = room(&mut world, "room", &[&bob]);
    let text = say(&mut world, &id, &bob, "from before");
    set_read(&mut world, &id, &bob, "m.read", &text);
    let first = sync(&mut world, &ada, None, json!({}));
    assert_eq!(first.get("rooms"), None);
    set_membership(&mut world, &id, &ada, "invite");
    let second = sync(&mut world, &ada, Some(&first["next_batch"]), json!({}));
    assert_eq!(keys(&second["rooms"]["invite"][id.as_str()]["invite_state"]["events"]), ["@ada:localhost"; 2]);
    set_membership(&mut world, &id, &ada, "join");
    let third = sync(&mut world, &ada, Some(&second["next_batch"]), json!({}));
    let joined = &third["rooms"]["join"][id.as_str()];
    assert_eq!(bodies(&joined["timeline"]), ["from before"], "of the history that members may read");
    assert_eq!(joined["timeline"]["events"].as_array().unwrap().len(), 4);
    assert_eq!(joined["ephemeral"]["events"][0]["type"], "m.receipt");
    assert_eq!(third["device_lists"]["changed"], json!(["@bob:localhost"]));
}

#[test]
fn a_room_that_was_left_comes_up_to_the_leaving() {
    let mut world = world();
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let id = room(&mut world, "room", &[&ada, &bob]);
    let first = sync(&mut world, &ada, None, json!({}));
    say(&mut world, &id, &bob, "before");
    set_membership(&mut world, &id, &ada, "leave");
    say(&mut world, &id, &bob, "after");
    append(&mut world, &id, &bob, "m.room.topic", Some(""), json!({ "topic": "She is gone" }));
    let second = sync(&mut world, &ada, Some(&first["next_batch"]), json!({}));
    let left = &second["rooms"]["leave"][id.as_str()];
    assert_eq!(bodies(&left["timeline"]), ["before"]);
    assert_eq!(left["timeline"]["events"][1]["content"]["membership"], "leave");
    assert_eq!(left.get("state"), None);
    assert_eq!(second["device_lists"]["left"], json!(["@bob:localhost"]));

    let third = sync(&mut world, &ada, Some(&second["next_batch"]), json!({}));
    assert_eq!(third.get("rooms"), None);
    assert_eq!(sync(&mut world, &ada, None, json!({})).get("rooms"), None);
    let with_left = sync(&mut world, &ada, None, json!({ "room": { "include_leave": true } }));
    let left = &with_left["rooms"]["leave"][id.as_str()];
    assert_eq!(left["timeline"]["events"].as_array().unwrap().len(), 4);
    assert!(!with_left.to_string().contains("She is gone"));
}

#[test]
fn who_declined_an_invite_learns_nothing_of_the_room() {
    let mut world = world();
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let id = room(&mut world, "room", &[&bob]);
    set_membership(&mut world, &id, &ada, "invite");
    let first = sync(&mut world, &ada, None, json!({}));
    say(&mut world, &id, &bob, "secret");
    set_membership(&mut world, &id, &ada, "leave");
    let second = sync(&mut world, &ada, Some(&first["next_batch"]), json!({}));
    let left = &second["rooms"]["leave"][id.as_str()];
    assert_eq!(left["state"]["events"][0]["content"]["membership"], "leave");
    assert_eq!((left["state"]["events"].as_array().unwrap().len(), left.get("timeline")), (1, None));
}

#[test]
fn lazily_loaded_members_come_when_the_timeline_needs_them() {
    let mut world = world();
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let aggregate: Vec<_> = (0..9).map(|n| login(&mut world, &format!("x{n}"), "D")).collect();
    let everybody: Vec<_> = aggregate.iter().chain([&bob, &ada]).collect();
    let id = room(&mut world, "room", &everybody);
    let lazily = json!({ "room": { "state": { "lazy_load_members": true }, "timeline": { "limit": 1 } } });
    say(&mut world, &id, &bob, "hello");
    let first = sync(&mut world, &ada, None, lazily.clone());
    let state = &first["rooms"]["join"][id.as_str()]["state"]["events"];
    let heroes = ["@x0:localhost", "@x1:localhost", "@x2:localhost", "@x3:localhost", "@x4:localhost"];
    assert_eq!(keys(state)[..2], ["@ada:localhost", "@bob:localhost"]);
    assert_eq!(keys(state)[2..], heroes);
    say(&mut world, &id, &aggregate[8], "me too");
    let second = sync(&mut world, &ada, Some(&first["next_batch"]), lazily);
    assert_eq!(keys(&second["rooms"]["join"][id.as_str()]["state"]["events"]), ["@x8:localhost"]);
}

#[test]
fn to_device_messages_wait_until_the_next_token_proves_that_they_arrived() {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    let first = sync(&mut world, &ada, None, json!({}));
    let position = world.moved();
    world.session(&ada).unwrap().inbox.push_back((position, json!({ "type": "t", "content": {} })));
    for attempt in ["lost", "repeated"] {
        let answer = sync(&mut world, &ada, Some(&first["next_batch"]), json!({}));
        assert_eq!(answer["to_device"]["events"], json!([{ "type": "t", "content": {} }]), "{attempt}");
    }
    let second = sync(&mut world, &ada, Some(&first["next_batch"]), json!({}));
    let third = sync(&mut world, &ada, Some(&second["next_batch"]), json!({}));
    assert_eq!((third.get("to_device"), world.session(&ada).unwrap().inbox.len()), (None, 0));
}

fn set_read(world: &mut World, room: &RoomId, reader: &Caller, kind: &str, event: &ruma::EventId) {
    let key = (reader.user_id.clone(), kind.to_owned(), String::new());
    let receipt = super::super::world::room::Receipt { event_id: event.to_owned(), at: at(5), position: world.moved() };
    world.rooms.get_mut(room).unwrap().receipts.insert(key, receipt);
}

#[test]
fn read_and_delivery_receipts_come_as_one_event_and_until_they_have_arrived() {
    let mut world = world();
    world.now = at(10_000);
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let id = room(&mut world, "room", &[&ada, &bob]);
    let text = say(&mut world, &id, &ada, "text");
    let first = sync(&mut world, &ada, None, json!({}));
    acknowledge(&mut world, &bob, &id, &text);
    set_read(&mut world, &id, &bob, "m.read", &text);
    let receipts = |answer: &Value| answer["rooms"]["join"][id.as_str()]["ephemeral"]["events"].clone();
    let expected = json!([{ "type": "m.receipt", "content": { text.as_str(): {
        "m.read": { "@bob:localhost": { "ts": 5 } },
        "org.matrix.msc4089.delivery": { "@bob:localhost": { "ts": 10_000 } },
    } } }]);
    let lost = sync(&mut world, &ada, Some(&first["next_batch"]), json!({}));
    assert_eq!(receipts(&lost), expected);
    world.now += Duration::from_secs(1);
    let second = sync(&mut world, &ada, Some(&first["next_batch"]), json!({}));
    assert_eq!(receipts(&second), expected, "again, since the token has not moved on");
    world.now += Duration::from_secs(1);
    let third = sync(&mut world, &ada, Some(&second["next_batch"]), json!({}));
    assert_eq!(receipts(&third), Value::Null);
}

#[test]
fn delivery_receipts_are_gathered_for_a_second_and_summed_up_for_who_asks() {
    let mut world = world();
    world.now = at(10_000);
    let ada = login(&mut world, "ada", "PHONE");
    let others: Vec<_> = (0..3).map(|n| login(&mut world, &format!("x{n}"), "D")).collect();
    let everybody: Vec<_> = others.iter().chain([&ada]).collect();
    let id = room(&mut world, "room", &everybody);
    let text = say(&mut world, &id, &ada, "text");
    let first = sync(&mut world, &ada, None, json!({}));
    let summed = json!({ "room": { "ephemeral": { "dev.kvitto.delivery": { "summary_above": 2 } } } });
    acknowledge(&mut world, &others[0], &id, &text);
    let second = sync(&mut world, &ada, Some(&first["next_batch"]), summed.clone());
    assert!(second.to_string().contains("@x0:localhost"), "at once, since none went out in the last second");
    world.now += Duration::from_millis(400);
    acknowledge(&mut world, &others[1], &id, &text);
    acknowledge(&mut world, &others[2], &id, &text);
    let found = look(&mut world, &ada, &asked(Some(&second["next_batch"]), summed.clone()), false);
    assert!(matches!(found, Ok(Look::Nothing(Some(again))) if again == at(11_000)));
    world.now = at(11_000);
    set_read(&mut world, &id, &others[0], "m.read", &text);
    let third = sync(&mut world, &ada, Some(&second["next_batch"]), summed.clone());
    let [deliveries, read] = [0, 1].map(|n| &third["rooms"]["join"][id.as_str()]["ephemeral"]["events"][n]["content"]);
    assert_eq!(read, &json!({ text.as_str(): { "m.read": { "@x0:localhost": { "ts": 5 } } } }));
    let summary = json!({ "dev.kvitto.delivery_summary": { "users": 3, "devices": 3, "latest_ts": 10_400 } });
    assert_eq!(deliveries, &json!({ text.as_str(): { "org.matrix.msc4089.delivery": summary } }));

    // Beside a summary of one event, what names the users of another one is together with what was
    // read.
    let other = say(&mut world, &id, &ada, "another text");
    world.now += Duration::from_secs(1);
    acknowledge(&mut world, &others[1], &id, &other);
    set_read(&mut world, &id, &others[1], "m.read", &other);
    let fourth = sync(&mut world, &ada, Some(&third["next_batch"]), summed);
    let events = &fourth["rooms"]["join"][id.as_str()]["ephemeral"]["events"];
    let both = json!({ other.as_str(): {
        "m.read": { "@x1:localhost": { "ts": 5 } },
        "org.matrix.msc4089.delivery": { "@x1:localhost": { "ts": 12_000 } },
    } });
    assert_eq!(events, &json!([{ "type": "m.receipt", "content": both }]));
}

#[test]
fn a_private_read_receipt_is_shown_to_oneself_only() {
    let mut world = world();
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let id = room(&mut world, "room", &[&ada, &bob]);
    let text = say(&mut world, &id, &ada, "text");
    set_read(&mut world, &id, &bob, "m.read.private", &text);
    let entry = json!({ text.as_str(): { "m.read.private": { "@bob:localhost": { "ts": 5 } } } });
    let of_bob = sync(&mut world, &bob, None, json!({}));
    assert_eq!(of_bob["rooms"]["join"][id.as_str()]["ephemeral"]["events"][0]["content"], entry);
    let of_ada = sync(&mut world, &ada, None, json!({}));
    assert_eq!(of_ada["rooms"]["join"][id.as_str()].get("ephemeral"), None);
}

#[test]
fn unread_are_the_messages_of_others_since_the_own_receipt() {
    let mut world = world();
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let id = room(&mut world, "room", &[&bob]);
    say(&mut world, &id, &bob, "before she came");
    set_membership(&mut world, &id, &ada, "join");
    let counts = |world: &mut World| {
        let answer = sync(world, &ada, None, json!({}));
        let counts = &answer["rooms"]["join"]["!room:localhost"]["unread_notifications"];
        (counts["notification_count"].as_u64().unwrap(), counts["highlight_count"].as_u64().unwrap())
    };
    assert_eq!(counts(&mut world), (0, 0));
    let first = say(&mut world, &id, &bob, "one");
    let mention = json!({ "body": "two", "m.mentions": { "user_ids": ["@ada:localhost"] } });
    append(&mut world, &id, &bob, "m.room.message", None, mention);
    let edit = json!({ "body": "* one", "m.relates_to": { "rel_type": "m.replace", "event_id": first } });
    append(&mut world, &id, &bob, "m.room.message", None, edit);
    append(&mut world, &id, &bob, "m.reaction", None, json!({}));
    assert_eq!(counts(&mut world), (2, 1));
    set_read(&mut world, &id, &ada, "m.read.private", &first);
    assert_eq!(counts(&mut world), (1, 1));
    say(&mut world, &id, &ada, "answered");
    assert_eq!(counts(&mut world), (0, 0));
}

#[test]
fn a_filter_chooses_rooms_and_what_is_ephemeral() {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    let (here, there) = (room(&mut world, "here", &[&ada]), room(&mut world, "there", &[&ada]));
    let text = say(&mut world, &here, &ada, "text");
    set_read(&mut world, &here, &ada, "m.read", &text);
    world.rooms.get_mut(&here).unwrap().typing.insert(ada.user_id.clone(), at(9));
    let mut rooms = |filter| {
        let answer = sync(&mut world, &ada, None, filter);
        let rooms = answer["rooms"]["join"].as_object().cloned().unwrap_or_default();
        let ephemeral = &answer["rooms"]["join"][here.as_str()]["ephemeral"]["events"];
        let ephemeral = ephemeral.as_array().into_iter().flatten().map(|event| event["type"].to_string());
        (rooms.keys().cloned().collect::<Vec<_>>(), ephemeral.collect::<String>())
    };
    let all = vec![here.to_string(), there.to_string()];
    assert_eq!(rooms(json!({})), (all.clone(), r#""m.receipt""m.typing""#.to_owned()));
    assert_eq!(rooms(json!({ "room": { "rooms": [there] } })), (vec![there.to_string()], String::new()));
    assert_eq!(rooms(json!({ "room": { "not_rooms": [here] } })), (vec![there.to_string()], String::new()));
    let only = |types| json!({ "room": { "ephemeral": types } });
    assert_eq!(rooms(only(json!({ "types": ["m.typing"] }))).1, r#""m.typing""#);
    assert_eq!(rooms(only(json!({ "not_types": ["m.typing"] }))).1, r#""m.receipt""#);
    assert_eq!(rooms(only(json!({ "types": [] }))).1, "");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    world.account(&ada).unwrap().filters.push(limit(3));
    let ask = |query: &str| {
        let http = axum::http::Request::get(format!("/_matrix/client/v3/sync?{query}")).body(axum::body::Bytes::new());
        let read = Asked::read(&world, &ada, Plain { path: Vec::new(), http: http.unwrap() });
        read.map(|asked| asked.limit())
    };
    assert_eq!(ask("filter=0").ok(), Some(3));
    assert_eq!(ask("filter=%7B%22room%22:%7B%22timeline%22:%7B%22limit%22:7%7D%7D%7D").ok(), Some(7));
    assert_eq!(ask("").ok(), Some(USUAL_LIMIT));
    for (query, status, code) in [
        ("filter=1", 400, "M_INVALID_PARAM"),
        ("filter=x", 400, "M_INVALID_PARAM"),
        ("filter=%7B", 400, "M_NOT_JSON"),
        ("filter=%7B%22room%22:1%7D", 400, "M_BAD_JSON"),
        ("since=x", 400, "M_INVALID_PARAM"),
        ("since=s1", 400, "M_INVALID_PARAM"),
        ("since=s999_0", 400, "M_INVALID_PARAM"),
        ("timeout=soon", 400, "M_INVALID_PARAM"),
    ] {
        assert_eq!(refusal(ask(query)), (status, code.to_owned()), "{query}");
    }
}

#[test]
fn a_device_that_is_logged_out_while_it_waits_is_told() {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    world.users.get_mut(&ada.user_id).unwrap().devices = [("OTHER".into(), Device::default())].into();
    assert_eq!(refusal(look(&mut world, &ada, &asked(None, json!({})), false)), (401, "M_UNKNOWN_TOKEN".to_owned()));
}

#[test]
fn delivery_receipts_for_rooms_that_a_filter_leaves_out_wait_for_a_sync_that_wants_them() {
    let mut world = world();
    world.now = at(10_000);
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let (here, there) = (room(&mut world, "here", &[&ada, &bob]), room(&mut world, "there", &[&ada, &bob]));
    let first = sync(&mut world, &ada, None, json!({}));
    let texts = [&there, &here].map(|room| {
        let text = say(&mut world, room, &ada, "text");
        acknowledge(&mut world, &bob, room, &text);
        text
    });
    let told = |answer: &Value, room: &RoomId| answer["rooms"]["join"][room.as_str()].to_string();
    let second = sync(&mut world, &ada, Some(&first["next_batch"]), json!({ "room": { "not_rooms": [there] } }));
    assert!(told(&second, &here).contains(texts[1].as_str()) && !second.to_string().contains(there.as_str()));
    world.now += Duration::from_secs(1);
    let third = sync(&mut world, &ada, Some(&second["next_batch"]), json!({}));
    assert!(told(&third, &there).contains(texts[0].as_str()) && !third.to_string().contains(texts[1].as_str()));
}
