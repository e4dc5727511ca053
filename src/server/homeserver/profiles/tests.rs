//! Profiles: whose they are, and who sees them.

use serde_json::{Value, json};

use super::{super::testing::*, *};

fn profile_json(world: &mut World, user: &str) -> Value {
    body(profile(world, (), request(&[user], "", json!({}))))
}

#[test]
fn a_profile_is_set_and_cleared_by_its_user() {
    let mut world = world();
    let (ada, grace) = (login(&mut world, "ada", "PHONE"), login(&mut world, "grace", "PHONE"));
    let user = ["@ada:localhost"];
    assert_eq!(profile_json(&mut world, user[0]), json!({ "displayname": "ada" }));
    set_name(&mut world, ada.clone(), request(&user, "", json!({ "displayname": "Ada Lovelace" }))).unwrap();
    set_avatar(&mut world, ada.clone(), request(&user, "", json!({ "avatar_url": "mxc://localhost/a" }))).unwrap();
    let expected = json!({ "displayname": "Ada Lovelace", "avatar_url": "mxc://localhost/a" });
    assert_eq!(profile_json(&mut world, user[0]), expected);
    let refused = set_name(&mut world, grace, request(&user, "", json!({ "displayname": "Mine" })));
    assert_eq!(refusal(refused), (403, "M_FORBIDDEN".to_owned()));
    let shown = body(name(&mut world, (), request(&user, "", json!({}))));
    assert_eq!(shown, json!({ "displayname": "Ada Lovelace" }));

    set_name(&mut world, ada.clone(), request(&user, "", json!({ "displayname": "" }))).unwrap();
    set_avatar(&mut world, ada, request(&user, "", json!({}))).unwrap();
    assert_eq!(profile_json(&mut world, user[0]), json!({}));
    let nobody = profile(&mut world, (), request(&["@nobody:localhost"], "", json!({})));
    assert_eq!(refusal(nobody), (404, "M_NOT_FOUND".to_owned()));
}

#[test]
fn a_new_profile_is_seen_in_the_rooms_of_its_user() {
    let mut world = world();
    let (ada, grace) = (login(&mut world, "ada", "PHONE"), login(&mut world, "grace", "PHONE"));
    let [here, left, others] = [("here", [&ada, &grace]), ("left", [&ada, &grace]), ("others", [&grace, &grace])]
        .map(|(name, members)| room(&mut world, name, &members));
    set_membership(&mut world, &left, &ada, "leave");
    let lengths = [&here, &left, &others].map(|room| world.rooms[room].events.len());
    let user = ["@ada:localhost"];
    set_name(&mut world, ada.clone(), request(&user, "", json!({ "displayname": "Countess" }))).unwrap();
    let member = world.rooms[&here].state("m.room.member", user[0]).unwrap();
    assert_eq!(member.content, json!({ "membership": "join", "displayname": "Countess" }));
    let grown = [&here, &left, &others].map(|room| world.rooms[room].events.len());
    assert_eq!(grown, [lengths[0] + 1, lengths[1], lengths[2]]);

    let refused = set_name(&mut world, ada, request(&user, "", json!({ "displayname": "x".repeat(257) })));
    assert_eq!(refusal(refused), (400, "M_INVALID_PARAM".to_owned()));
    assert_eq!(profile_json(&mut world, user[0]), json!({ "displayname": "Countess" }));
}
