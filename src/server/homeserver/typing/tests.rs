use ruma::RoomId;
use serde_json::json;

use super::{
    super::testing::{from, login, refusal, room, set_membership, world},
    *,
};

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn set(world: &mut World, who: &Caller, user: &Caller, room: &RoomId, state: serde_json::Value) -> Answer<Response> {
    type_or_stop(world, who.clone(), Request::new(user.user_id.clone(), room.to_owned(), from(state)))
}

#[test]
fn typing_moves_the_position_when_it_begins_and_when_it_ends() {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    let id = room(&mut world, "room", &[&ada]);
    let yes = json!({ "typing": true, "timeout": 30_000 });
    for (state, changes) in
        [(yes.clone(), true), (yes, false), (json!({ "typing": false }), true), (json!({ "typing": false }), false)]
    {
        let before = world.position;
        set(&mut world, &ada, &ada, &id, state.clone()).unwrap();
        assert_eq!(world.position > before, changes, "{state}");
        assert!(!changes || world.rooms[&id].typing_position == world.position);
    }
}

#[test]
fn who_says_nothing_more_or_leaves_stops() {
    let mut world = world();
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let id = room(&mut world, "room", &[&ada, &bob]);
    set(&mut world, &ada, &ada, &id, json!({ "typing": true, "timeout": 10_000 })).unwrap();
    set(&mut world, &bob, &bob, &id, json!({ "typing": true, "timeout": 999_999_999 })).unwrap();
    assert_eq!(next_end(&world), Some(at(10_000)));
    world.now = at(9_999);
    end_what_is_over(&mut world);
    assert_eq!(world.rooms[&id].typing.len(), 2);
    world.now = at(10_000);
    end_what_is_over(&mut world);
    assert_eq!(next_end(&world), Some(at(120_000)), "nobody types for longer than two minutes");
    set_membership(&mut world, &id, &bob, "leave");
    end_what_is_over(&mut world);
    assert_eq!((next_end(&world), world.rooms[&id].typing_position), (None, world.position));
}

#[test]
fn nobody_types_for_others_or_in_rooms_that_they_are_not_in() {
    let mut world = world();
    let (ada, bob) = (login(&mut world, "ada", "PHONE"), login(&mut world, "bob", "LAPTOP"));
    let id = room(&mut world, "room", &[&ada]);
    let position = world.position;
    let yes = json!({ "typing": true, "timeout": 1000 });
    for (who, user) in [(&ada, &bob), (&bob, &bob)] {
        assert_eq!(refusal(set(&mut world, who, user, &id, yes.clone())), (403, "M_FORBIDDEN".to_owned()));
    }
    let nowhere = RoomId::parse("!nowhere:localhost").unwrap();
    assert_eq!(refusal(set(&mut world, &ada, &ada, &nowhere, yes)), (403, "M_FORBIDDEN".to_owned()));
    assert_eq!(world.position, position);
}
