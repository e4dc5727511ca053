//! What a client is told of its rooms, request after request.

use std::ops::{Deref, DerefMut};

use ruma::{OwnedRoomId, RoomId};
use serde_json::{Value, json};

use super::{
    super::{
        accounts::remove_device,
        testing::{self, acknowledge, append, body, login, refusal, room, say, set_membership},
        world::room::Receipt,
    },
    *,
};
use crate::model::Timestamp;

mod extensions;

/// A request as a client writes it: the body, with what stands in the query beside it.
fn request(mut body: Value) -> Request {
    let pos = body.as_object_mut().unwrap().remove("pos");
    let query = pos.map(|pos| format!("pos={}", pos.as_str().unwrap())).unwrap_or_default();
    testing::request(&[], &query, body)
}

/// A world, and what its connections have been told.
struct Server {
    world: World,
    connections: Connections,
}

impl Deref for Server {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

fn world() -> Server {
    Server { world: testing::world(), connections: Connections::default() }
}

fn look(server: &mut Server, caller: &Caller, request: &Request, over: bool) -> Answer<Look<Response>> {
    super::look(&mut server.world, &mut server.connections, caller, request, over)
}

/// One sync that does not wait.
fn sync(world: &mut Server, caller: &Caller, asked: Value) -> Value {
    match look(world, caller, &request(asked), true).unwrap() {
        Look::Answer(response) => body(Ok(response)),
        Look::Nothing(_) => panic!("it may not wait"),
    }
}

/// A request with one list over all rooms.
fn all(limit: usize, pos: Option<&Value>) -> Value {
    let mut asked = json!({ "lists": { "all": { "ranges": [[0, 99]], "timeline_limit": limit, "required_state": [
        ["m.room.create", ""], ["m.room.name", ""], ["m.room.member", "$ME"], ["m.room.member", "$LAZY"],
    ] } } });
    if let Some(pos) = pos {
        asked["pos"] = pos.clone();
    }
    asked
}

fn bodies(room: &Value) -> Vec<&str> {
    let events = room["timeline"].as_array().map_or(&[][..], Vec::as_slice);
    events.iter().filter_map(|event| event["content"]["body"].as_str()).collect()
}

/// Type and key of the state that came.
fn state(room: &Value) -> Vec<(&str, &str)> {
    let events = room["required_state"].as_array().map_or(&[][..], Vec::as_slice);
    events.iter().map(|event| (event["type"].as_str().unwrap(), event["state_key"].as_str().unwrap())).collect()
}

fn rooms(answer: &Value) -> Vec<&str> {
    answer["rooms"].as_object().into_iter().flat_map(|rooms| rooms.keys()).map(String::as_str).collect()
}

struct Scene {
    world: Server,
    ada: Caller,
    bob: Caller,
    room_id: OwnedRoomId,
}

fn scene() -> Scene {
    let mut world = world();
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let room = room(&mut world, "room", &[&ada, &bob]);
    Scene { world, ada, bob, room_id: room }
}

#[test]
fn a_room_comes_whole_first_and_then_only_what_is_new() {
    let Scene { mut world, ada, bob, room_id: id } = scene();
    for text in ["one", "two", "three"] {
        say(&mut world, &id, &bob, text);
    }
    let first = sync(&mut world, &ada, all(2, None));
    let whole = &first["rooms"][id.as_str()];
    assert_eq!(
        (bodies(whole), &whole["initial"], &whole["limited"]),
        (vec!["two", "three"], &json!(true), &json!(true))
    );
    assert_eq!((&whole["prev_batch"], &whole["num_live"]), (&json!("t3"), &json!(0)));
    assert_eq!(state(whole), [("m.room.member", "@ada:localhost"), ("m.room.member", "@bob:localhost")]);
    assert_eq!((&whole["joined_count"], &whole["heroes"][0]["user_id"]), (&json!(2), &json!("@bob:localhost")));
    assert_eq!(first["lists"]["all"]["count"], 1);

    say(&mut world, &id, &ada, "four");
    append(&mut world, &id, &ada, "m.room.name", Some(""), json!({ "name": "Named" }));
    let second = sync(&mut world, &ada, all(2, Some(&first["pos"])));
    let news = &second["rooms"][id.as_str()];
    assert_eq!((bodies(news), news.get("initial"), news.get("limited")), (vec!["four"], None, None));
    assert_eq!((&news["num_live"], &news["name"], news.get("heroes")), (&json!(2), &json!("Named"), None));
    assert_eq!(
        state(news),
        [("m.room.member", "@ada:localhost"), ("m.room.name", "")],
        "as it is now, not as it was before"
    );
    let third = request(all(2, Some(&second["pos"])));
    assert!(matches!(look(&mut world, &ada, &third, false), Ok(Look::Nothing(None))));
}

#[test]
fn a_lost_response_is_made_again_without_loss() {
    let Scene { mut world, ada, bob, room_id: id } = scene();
    let first = sync(&mut world, &ada, all(9, None));
    say(&mut world, &id, &bob, "one");
    let lost = sync(&mut world, &ada, all(9, Some(&first["pos"])));
    say(&mut world, &id, &bob, "two");
    let again = sync(&mut world, &ada, all(9, Some(&first["pos"])));
    assert_eq!(bodies(&again["rooms"][id.as_str()]), ["one", "two"]);
    assert_ne!(again["pos"], lost["pos"]);
    say(&mut world, &id, &bob, "three");
    let next = sync(&mut world, &ada, all(9, Some(&again["pos"])));
    assert_eq!(bodies(&next["rooms"][id.as_str()]), ["three"]);
}

#[test]
fn a_pos_is_forgotten_when_a_later_one_has_come_back() {
    let Scene { mut world, ada, .. } = scene();
    let first = sync(&mut world, &ada, all(1, None));
    let second = sync(&mut world, &ada, all(1, Some(&first["pos"])));
    sync(&mut world, &ada, all(1, Some(&second["pos"])));
    for pos in [&first["pos"], &json!("999"), &json!("rubbish")] {
        let answer = look(&mut world, &ada, &request(all(1, Some(pos))), true);
        assert_eq!(refusal(answer), (400, "M_UNKNOWN_POS".to_owned()), "{pos}");
    }
    let mut other = all(1, Some(&second["pos"]));
    other["conn_id"] = "other".into();
    assert_eq!(refusal(look(&mut world, &ada, &request(other), true)), (400, "M_UNKNOWN_POS".to_owned()));
    assert!(world.connections.of(&world.world, &ada).unwrap()[""].known() <= 2);
}

#[test]
fn a_device_that_logs_in_anew_begins_anew() {
    let Scene { mut world, ada, .. } = scene();
    let first = sync(&mut world, &ada, all(1, None));
    remove_device(&mut world, &ada);
    let answer = look(&mut world, &ada, &request(all(1, Some(&first["pos"]))), true);
    assert_eq!(refusal(answer), (401, "M_UNKNOWN_TOKEN".to_owned()));
    let again = login(&mut world, "ada", "PHONE");
    let answer = look(&mut world, &again, &request(all(1, Some(&first["pos"]))), true);
    assert_eq!(refusal(answer), (400, "M_UNKNOWN_POS".to_owned()));
}

#[test]
fn connections_are_told_independently_of_each_other() {
    let Scene { mut world, ada, bob, room_id: id } = scene();
    let named = |name: &str, pos: Option<&Value>| {
        let mut asked = all(1, pos);
        asked["conn_id"] = name.into();
        asked
    };
    let (one, two) = (sync(&mut world, &ada, named("one", None)), sync(&mut world, &ada, named("two", None)));
    say(&mut world, &id, &bob, "for both");
    for (name, first) in [("one", one), ("two", two)] {
        let answer = sync(&mut world, &ada, named(name, Some(&first["pos"])));
        assert_eq!(bodies(&answer["rooms"][id.as_str()]), ["for both"], "{name}");
    }
    for n in 0..14 {
        sync(&mut world, &ada, named(&format!("more {n}"), None));
    }
    let answer = look(&mut world, &ada, &request(named("too many", None)), true);
    assert_eq!(refusal(answer), (400, "M_INVALID_PARAM".to_owned()));
}

#[test]
fn a_window_shows_the_rooms_with_the_latest_messages() {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    let ids: Vec<_> = (0..4).map(|n| room(&mut world, &format!("r{n}"), &[&ada])).collect();
    for n in [2, 0, 3, 1] {
        say(&mut world, &ids[n], &ada, "text");
    }
    append(&mut world, &ids[2], &ada, "m.room.topic", Some(""), json!({ "topic": "no message" }));
    let windowed = |ranges: Value, pos: Option<&Value>| {
        let mut asked = all(1, pos);
        asked["lists"]["all"]["ranges"] = ranges;
        asked
    };
    let first = sync(&mut world, &ada, windowed(json!([[0, 1]]), None));
    assert_eq!((rooms(&first), &first["lists"]["all"]["count"]), (vec![ids[1].as_str(), ids[3].as_str()], &json!(4)));
    let second = sync(&mut world, &ada, windowed(json!([[0, 0], [2, 9]]), Some(&first["pos"])));
    assert_eq!(rooms(&second), [ids[0].as_str(), ids[2].as_str()], "those that were not shown before");

    say(&mut world, &ids[3], &ada, "while it is not shown");
    let third = sync(&mut world, &ada, windowed(json!([[3, 3]]), Some(&second["pos"])));
    assert_eq!(rooms(&third), Vec::<&str>::new());
    let fourth = sync(&mut world, &ada, windowed(json!([[0, 9]]), Some(&third["pos"])));
    assert_eq!(bodies(&fourth["rooms"][ids[3].as_str()]), ["while it is not shown"]);
    assert_eq!(fourth["rooms"][ids[3].as_str()].get("initial"), None);
}

#[test]
fn who_asks_for_more_of_a_room_gets_it_at_once() {
    let Scene { mut world, ada, bob, room_id: id } = scene();
    append(&mut world, &id, &bob, "m.room.topic", Some(""), json!({ "topic": "More" }));
    for text in ["one", "two", "three"] {
        say(&mut world, &id, &bob, text);
    }
    let first = sync(&mut world, &ada, all(1, None));
    assert_eq!(bodies(&first["rooms"][id.as_str()]), ["three"]);
    let mut asked = all(1, Some(&first["pos"]));
    asked["room_subscriptions"] =
        json!({ id.as_str(): { "timeline_limit": 9, "required_state": [["m.room.topic", ""]] } });
    let Ok(Look::Answer(second)) = look(&mut world, &ada, &request(asked.clone()), false) else { panic!("at once") };
    let second = body(Ok(second));
    let more = &second["rooms"][id.as_str()];
    assert_eq!((bodies(more), more.get("limited"), more.get("initial")), (vec!["one", "two", "three"], None, None));
    let members = [("m.room.member", "@ada:localhost"), ("m.room.member", "@bob:localhost")];
    assert_eq!(state(more), [members[0], members[1], ("m.room.topic", "")], "whom the longer timeline needs");
    asked["pos"] = second["pos"].clone();
    assert!(matches!(look(&mut world, &ada, &request(asked), false), Ok(Look::Nothing(_))), "and once only");
}

#[test]
fn required_state_knows_wildcards() {
    let Scene { mut world, ada, bob, room_id: id } = scene();
    append(&mut world, &id, &bob, "m.space.child", Some("!a:b"), json!({}));
    append(&mut world, &id, &bob, "m.space.child", Some("!c:d"), json!({}));
    append(&mut world, &id, &bob, "m.room.name", Some(""), json!({}));
    let (a, b) = ("@ada:localhost", "@bob:localhost");
    for (required, expected) in [
        (json!([["m.space.child", "*"]]), vec![("m.space.child", "!a:b"), ("m.space.child", "!c:d")]),
        (json!([["m.room.member", "$ME"]]), vec![("m.room.member", a)]),
        (json!([["m.room.member", "$LAZY"]]), vec![("m.room.member", b)]),
        (json!([["*", ""]]), vec![("m.room.name", "")]),
        (json!([["m.room.member", b], ["m.room.nothing", ""]]), vec![("m.room.member", b)]),
        (json!([]), vec![]),
    ] {
        let asked =
            json!({ "lists": { "all": { "ranges": [[0, 0]], "timeline_limit": 1, "required_state": required } } });
        let answer = sync(&mut world, &ada, asked);
        assert_eq!(state(&answer["rooms"][id.as_str()]), expected, "{required}");
    }
    let everything =
        json!({ "lists": { "all": { "ranges": [[0, 0]], "timeline_limit": 1, "required_state": [["*", "*"]] } } });
    assert_eq!(state(&sync(&mut world, &ada, everything)["rooms"][id.as_str()]).len(), 5);
}

#[test]
fn an_invite_has_its_own_state_and_joining_brings_the_room() {
    let Scene { mut world, bob, room_id: id, .. } = scene();
    let eve = login(&mut world, "eve", "PHONE");
    let first = sync(&mut world, &eve, all(5, None));
    say(&mut world, &id, &bob, "a secret");
    set_membership(&mut world, &id, &eve, "invite");
    let second = sync(&mut world, &eve, all(5, Some(&first["pos"])));
    let invite = &second["rooms"][id.as_str()];
    assert!(invite["invite_state"].as_array().unwrap().iter().any(|event| event["content"]["membership"] == "invite"));
    assert_eq!((invite.get("timeline"), invite.get("required_state")), (None, None));
    let third = sync(&mut world, &eve, all(5, Some(&second["pos"])));
    assert_eq!(rooms(&third), Vec::<&str>::new());
    set_membership(&mut world, &id, &eve, "join");
    let fourth = sync(&mut world, &eve, all(5, Some(&third["pos"])));
    let joined = &fourth["rooms"][id.as_str()];
    assert_eq!((&joined["initial"], bodies(joined)), (&json!(true), vec!["a secret"]));
    assert_eq!(joined["num_live"], 1, "only the joining has just happened");
}

#[test]
fn a_room_that_was_left_is_told_once_and_comes_whole_after_a_return() {
    let Scene { mut world, ada, bob, room_id: id } = scene();
    let first = sync(&mut world, &ada, all(5, None));
    say(&mut world, &id, &bob, "before");
    set_membership(&mut world, &id, &ada, "leave");
    say(&mut world, &id, &bob, "after");
    append(&mut world, &id, &bob, "m.room.name", Some(""), json!({ "name": "She is gone" }));
    let second = sync(&mut world, &ada, all(5, Some(&first["pos"])));
    let left = &second["rooms"][id.as_str()];
    assert_eq!((bodies(left), &second["lists"]["all"]["count"]), (vec!["before"], &json!(0)));
    let own = left["required_state"].as_array().unwrap().iter().find(|event| event["state_key"] == "@ada:localhost");
    assert_eq!(own.unwrap()["content"]["membership"], "leave");
    assert!(!left.to_string().contains("She is gone"), "nothing from after the leaving is told: {left}");
    let third = sync(&mut world, &ada, all(5, Some(&second["pos"])));
    assert_eq!(rooms(&third), Vec::<&str>::new());
    set_membership(&mut world, &id, &ada, "join");
    let fourth = sync(&mut world, &ada, all(5, Some(&third["pos"])));
    assert_eq!(fourth["rooms"][id.as_str()]["initial"], true);
}

#[test]
fn who_left_and_came_back_between_two_requests_gets_the_room_whole() {
    let Scene { mut world, ada, room_id: id, .. } = scene();
    let first = sync(&mut world, &ada, all(5, None));
    set_membership(&mut world, &id, &ada, "leave");
    set_membership(&mut world, &id, &ada, "join");
    let second = sync(&mut world, &ada, all(5, Some(&first["pos"])));
    assert_eq!(second["rooms"][id.as_str()]["initial"], true);
}

#[test]
fn a_list_is_filtered() {
    let mut world = world();
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let create = |world: &mut World, name: &str, kind: Option<&str>| {
        let id = room(world, name, &[&ada, &bob]);
        append(world, &id, &bob, "m.room.create", Some(""), kind.map_or(json!({}), |kind| json!({ "type": kind })));
        id
    };
    let (plain, space) = (create(&mut world, "plain", None), create(&mut world, "space", Some("m.space")));
    let (secret, invited) = (create(&mut world, "secret", None), create(&mut world, "invited", None));
    append(&mut world, &secret, &bob, "m.room.encryption", Some(""), json!({ "algorithm": "a" }));
    set_membership(&mut world, &invited, &ada, "invite");
    let direct = json!({ "@bob:localhost": [secret] });
    let position = world.moved();
    world.account(&ada).unwrap().account_data.insert("m.direct".to_owned(), (position, direct));
    for (filters, expected) in [
        (json!({}), vec![&invited, &plain, &secret, &space]),
        (json!({ "is_invite": true }), vec![&invited]),
        (json!({ "is_invite": false }), vec![&plain, &secret, &space]),
        (json!({ "is_dm": true }), vec![&secret]),
        (json!({ "is_encrypted": false, "is_invite": false }), vec![&plain, &space]),
        (json!({ "room_types": ["m.space"] }), vec![&space]),
        (json!({ "room_types": [null], "is_dm": false }), vec![&invited, &plain]),
        (json!({ "not_room_types": ["m.space"], "is_invite": false }), vec![&plain, &secret]),
    ] {
        let mut asked = all(1, None);
        asked["lists"]["all"]["filters"] = filters.clone();
        let answer = sync(&mut world, &ada, asked);
        assert_eq!(rooms(&answer), expected.iter().map(|id| id.as_str()).collect::<Vec<_>>(), "{filters}");
        assert_eq!(answer["lists"]["all"]["count"], expected.len());
    }
    assert_eq!(sync(&mut world, &ada, all(1, None))["rooms"][secret.as_str()]["is_dm"], true);
}

#[test]
fn a_client_that_begins_is_told_where_it_was_thrown_out() {
    let Scene { mut world, ada, bob, room_id: id } = scene();
    let left = room(&mut world, "left", &[&ada, &bob]);
    set_membership(&mut world, &left, &ada, "leave");
    append(&mut world, &id, &bob, "m.room.member", Some("@ada:localhost"), json!({ "membership": "ban" }));
    say(&mut world, &id, &bob, "after");
    let first = sync(&mut world, &ada, all(5, None));
    assert_eq!((rooms(&first), &first["lists"]["all"]["count"]), (vec![id.as_str()], &json!(0)));
    let gone = &first["rooms"][id.as_str()];
    assert_eq!((state(gone), gone.get("timeline")), (vec![("m.room.member", "@ada:localhost")], None));
    assert_eq!(rooms(&sync(&mut world, &ada, all(5, Some(&first["pos"])))), Vec::<&str>::new());
}

#[test]
fn who_has_read_gets_the_new_counts() {
    let Scene { mut world, ada, bob, room_id: id } = scene();
    let last = say(&mut world, &id, &bob, "read me");
    let first = sync(&mut world, &ada, all(1, None));
    assert_eq!(first["rooms"][id.as_str()]["notification_count"], 1);
    let (position, room) = (world.moved(), world.rooms.get_mut(&id).unwrap());
    let own = (ada.user_id.clone(), "m.read".to_owned(), String::new());
    room.receipts.insert(own, Receipt { event_id: last, at: Timestamp::EPOCH, position });
    let Ok(Look::Answer(second)) = look(&mut world, &ada, &request(all(1, Some(&first["pos"]))), false) else {
        panic!()
    };
    let second = body(Ok(second));
    assert_eq!(second["rooms"][id.as_str()]["notification_count"], 0);
    let third = sync(&mut world, &ada, all(1, Some(&second["pos"])));
    assert_eq!(rooms(&third), Vec::<&str>::new(), "and no more than once");
}

#[test]
fn a_server_without_it_has_no_such_endpoint() {
    let Scene { mut world, ada, .. } = scene();
    world.options.sliding_sync = false;
    let answer = look(&mut world, &ada, &request(all(1, None)), true);
    assert_eq!(refusal(answer), (404, "M_UNRECOGNIZED".to_owned()));
}
