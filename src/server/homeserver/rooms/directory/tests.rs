//! Aliases and the list of public rooms.

use super::*;
use crate::server::homeserver::{
    rooms::send,
    testing::{body, login, refusal, request, room, world},
};

#[test]
fn an_alias_is_given_by_who_is_there_and_taken_by_who_may_name_the_room() {
    let mut world = world();
    let [alice, bob, sam] = ["alice", "bob", "sam"].map(|name| login(&mut world, name, "PHONE"));
    let id = room(&mut world, "room", &[&alice, &bob]);
    let levels = json!({ "users": { "@alice:localhost": 50 } });
    send(&mut world, &id, &alice.user, Draft::state("m.room.power_levels", "", levels)).unwrap();
    let asked = || json!({ "room_id": id });
    let ours = ["#ours:localhost"];
    let no = (403, "M_FORBIDDEN".to_owned());
    assert_eq!(refusal(create_alias(&mut world, sam.clone(), request(&ours, "", asked()))), no);
    for wrong in ["#ours:elsewhere", &format!("#{}:localhost", "x".repeat(245))] {
        let answer = create_alias(&mut world, bob.clone(), request(&[wrong], "", asked()));
        assert_eq!(refusal(answer), (400, "M_INVALID_PARAM".to_owned()), "{wrong}");
    }
    create_alias(&mut world, bob.clone(), request(&ours, "", asked())).unwrap();
    let again = create_alias(&mut world, alice.clone(), request(&ours, "", asked()));
    assert_eq!(refusal(again), (409, "M_UNKNOWN".to_owned()));

    let found = body(alias(&mut world, (), request(&ours, "", json!({}))));
    assert_eq!(found, json!({ "room_id": id, "servers": ["localhost"] }));
    let all = body(aliases(&mut world, bob.clone(), request(&[id.as_str()], "", json!({}))));
    assert_eq!(all, json!({ "aliases": ours }));
    assert_eq!(refusal(aliases(&mut world, sam, request(&[id.as_str()], "", json!({})))), no);

    assert_eq!(refusal(delete_alias(&mut world, bob, request(&ours, "", json!({})))), no);
    delete_alias(&mut world, alice.clone(), request(&ours, "", json!({}))).unwrap();
    let gone = (404, "M_NOT_FOUND".to_owned());
    assert_eq!(refusal(alias(&mut world, (), request(&ours, "", json!({})))), gone);
    assert_eq!(refusal(delete_alias(&mut world, alice, request(&ours, "", json!({})))), gone);
}

#[test]
fn the_directory_lists_public_rooms_page_by_page_and_finds_words_in_them() {
    let mut world = world();
    let alice = login(&mut world, "alice", "PHONE");
    for name in ["One", "Two", "Three", "Secret"] {
        let id = room(&mut world, &name.to_lowercase(), &[&alice]);
        for (kind, content) in [
            ("m.room.name", json!({ "name": name })),
            ("m.room.topic", json!({ "topic": format!("About {name}") })),
            ("m.room.join_rules", json!({ "join_rule": "public" })),
        ] {
            send(&mut world, &id, &alice.user, Draft::state(kind, "", content)).unwrap();
        }
        if name != "Secret" {
            let asked = request(&[id.as_str()], "", json!({ "visibility": "public" }));
            set_visibility(&mut world, alice.clone(), asked).unwrap();
        }
    }
    let mut page = |query: &str| public_rooms(&mut world, (), request(&[], query, json!({})));
    let first = body(page("limit=2"));
    let second = body(page(&format!("limit=2&since={}", first["next_batch"].as_str().unwrap())));
    assert_eq!((first["chunk"].as_array().unwrap().len(), second["next_batch"].as_str()), (2, None));
    assert_eq!(
        second["chunk"],
        json!([{
            "room_id": "!two:localhost",
            "name": "Two",
            "topic": "About Two",
            "num_joined_members": 1,
            "world_readable": false,
            "guest_can_join": false,
        }])
    );
    assert_eq!(refusal(page("since=never")), (400, "M_INVALID_PARAM".to_owned()));

    let mut find = |term: &str| {
        let asked = json!({ "filter": { "generic_search_term": term } });
        let found = body(find_public_rooms(&mut world, alice.clone(), request(&[], "", asked)));
        found["chunk"]
            .as_array()
            .unwrap()
            .iter()
            .map(|room| room["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(find("tHREE"), ["Three"]);
    assert_eq!(find("about"), ["One", "Three", "Two"]);
    assert!(find("secret").is_empty());
}

#[test]
fn who_may_name_a_room_says_whether_it_is_listed() {
    let mut world = world();
    let [alice, sam] = ["alice", "sam"].map(|name| login(&mut world, name, "PHONE"));
    let id = room(&mut world, "room", &[&alice]);
    let path = [id.as_str()];
    let now = |world: &mut World| body(visibility(world, (), request(&path, "", json!({}))))["visibility"].clone();
    let public = || request(&path, "", json!({ "visibility": "public" }));
    assert_eq!(refusal(set_visibility(&mut world, sam, public())), (403, "M_FORBIDDEN".to_owned()));
    assert_eq!(now(&mut world), "private");
    set_visibility(&mut world, alice, public()).unwrap();
    assert_eq!(now(&mut world), "public");
}
