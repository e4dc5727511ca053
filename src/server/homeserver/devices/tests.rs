//! Devices: seen by their user, named, and ended with a password.

use serde_json::{Value, json};

use super::{super::testing::*, *};
use crate::model::Timestamp;

fn auth(password: &str) -> Value {
    let identifier = json!({ "type": "m.id.user", "user": "ada" });
    json!({ "type": "m.login.password", "identifier": identifier, "password": password })
}

#[test]
fn a_user_sees_and_renames_their_devices_and_others_are_told() {
    let mut world = world();
    let (ada, grace) = (login(&mut world, "ada", "PHONE"), login(&mut world, "grace", "TABLET"));
    world.now = Timestamp::from_millis(7);
    world.caller("ada PHONE");
    let since = world.position;
    rename(&mut world, ada.clone(), request(&["PHONE"], "", json!({ "display_name": "Pocket" }))).unwrap();
    let devices = body(list(&mut world, ada.clone(), request(&[], "", json!({}))));
    assert_eq!(devices["devices"][0]["display_name"], "Pocket");
    assert_eq!(devices["devices"][0]["last_seen_ts"], 7);
    assert_eq!(devices["devices"].as_array().unwrap().len(), 1);
    assert!(world.users[&ada.user_id].keys_changed > since);

    let refused = rename(&mut world, grace.clone(), request(&["PHONE"], "", json!({ "display_name": "Mine" })));
    assert_eq!(refusal(refused), (404, "M_NOT_FOUND".to_owned()));
    let refused = get(&mut world, grace, request(&["PHONE"], "", json!({})));
    assert_eq!(refusal(refused), (404, "M_NOT_FOUND".to_owned()));
    let device = body(get(&mut world, ada, request(&["PHONE"], "", json!({}))));
    assert_eq!(device["display_name"], "Pocket");
}

#[test]
fn a_device_is_ended_by_who_knows_the_password() {
    let mut world = world();
    let phone = login(&mut world, "ada", "PHONE");
    for device in ["LAPTOP", "TABLET", "WATCH"] {
        login(&mut world, "ada", device);
    }
    for wrong in [json!({}), json!({ "auth": auth("wrong") })] {
        let refused = delete(&mut world, phone.clone(), request(&["LAPTOP"], "", wrong));
        assert_eq!(refusal(refused), (401, "UIA".to_owned()));
    }
    assert!(world.caller("ada LAPTOP").is_some());

    let right = json!({ "auth": auth("secret") });
    delete(&mut world, phone.clone(), request(&["LAPTOP"], "", right.clone())).unwrap();
    assert!(world.caller("ada LAPTOP").is_none());
    let since = world.position;
    delete(&mut world, phone.clone(), request(&["LAPTOP"], "", right)).unwrap();
    assert_eq!(world.position, since, "it is gone already");

    let several = json!({ "devices": ["TABLET", "WATCH", "LAPTOP"], "auth": auth("secret") });
    delete_several(&mut world, phone.clone(), request(&[], "", several)).unwrap();
    assert_eq!(world.users[&phone.user_id].devices.keys().collect::<Vec<_>>(), ["PHONE"]);
}

#[test]
fn the_devices_of_others_are_out_of_reach() {
    let mut world = world();
    let (ada, grace) = (login(&mut world, "ada", "PHONE"), login(&mut world, "grace", "TABLET"));
    delete(&mut world, ada, request(&["TABLET"], "", json!({ "auth": auth("secret") }))).unwrap();
    assert!(world.device(&grace).is_some());
}
