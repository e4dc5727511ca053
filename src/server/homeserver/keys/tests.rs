//! Keys: whose they are, who sees them, which is claimed, and who hears of a change.

use ruma::OwnedUserId;

use super::{super::testing::*, changes::device_lists, *};

fn device_keys(caller: &Caller) -> Value {
    let key = format!("curve25519:{}", caller.device_id);
    json!({
        "user_id": caller.user_id, "device_id": caller.device_id, "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
        "keys": { (key): caller.device_id }, "signatures": {},
    })
}

fn one_time_key(key: &str) -> Value {
    json!({ "key": key, "signatures": {} })
}

fn upload_json(world: &mut World, caller: &Caller, body: Value) -> Answer<upload_keys::v3::Response> {
    upload(world, caller.clone(), request(&[], "", body))
}

fn query_json(world: &mut World, caller: &Caller, users: Value) -> Value {
    body(query(world, caller.clone(), request(&[], "", json!({ "device_keys": users }))))
}

/// The key of that user's device that is given out next.
fn claim_from(world: &mut World, caller: &Caller, of: &Caller) -> Option<String> {
    let wanted = json!({ "one_time_keys": { of.user_id.as_str(): { of.device_id.as_str(): "signed_curve25519" } } });
    let claimed = body(claim(world, caller.clone(), request(&[], "", wanted)));
    let keys = claimed["one_time_keys"][of.user_id.as_str()][of.device_id.as_str()].as_object()?;
    Some(keys.values().next()?["key"].as_str()?.to_owned())
}

#[test]
fn device_keys_are_shown_with_the_name_of_the_device() {
    let mut world = world();
    let (ada, grace) = (login(&mut world, "ada", "PHONE"), login(&mut world, "grace", "TABLET"));
    upload_json(&mut world, &ada, json!({ "device_keys": device_keys(&ada) })).unwrap();
    let answer = query_json(&mut world, &grace, json!({ "@ada:localhost": [] }));
    let shown = &answer["device_keys"]["@ada:localhost"]["PHONE"];
    assert_eq!(shown["keys"]["curve25519:PHONE"], "PHONE");
    assert_eq!(shown["unsigned"], json!({ "device_display_name": "phone" }));

    let others = query_json(&mut world, &grace, json!({ "@ada:localhost": ["LAPTOP"], "@nobody:localhost": [] }));
    assert_eq!(others, json!({ "device_keys": { "@ada:localhost": {} } }));
    let elsewhere = query_json(&mut world, &grace, json!({ "@ada:elsewhere": [] }));
    assert_eq!(elsewhere, json!({ "failures": { "elsewhere": {} } }));
}

#[test]
fn keys_of_another_device_and_keys_that_are_none_are_refused() {
    let mut world = world();
    let (phone, laptop) = (login(&mut world, "ada", "PHONE"), login(&mut world, "ada", "LAPTOP"));
    let (before, none) = (world.users[&phone.user_id].keys_changed, json!({ "signed_curve25519:A": ["no key"] }));
    let refused = upload_json(&mut world, &phone, json!({ "device_keys": device_keys(&laptop) }));
    assert_eq!(refusal(refused), (400, "M_INVALID_PARAM".to_owned()));
    for wrong in [json!({ "device_keys": [] }), json!({ "one_time_keys": none }), json!({ "fallback_keys": none })] {
        assert_eq!(refusal(upload_json(&mut world, &phone, wrong)), (400, "M_BAD_JSON".to_owned()));
    }
    assert_eq!(world.users[&phone.user_id].keys_changed, before);
    assert_eq!(world.device(&phone).unwrap().keys, None);
}

#[test]
fn one_time_keys_are_claimed_once_the_oldest_first_and_then_the_fallback() {
    let mut world = world();
    let (ada, grace) = (login(&mut world, "ada", "PHONE"), login(&mut world, "grace", "TABLET"));
    let first = json!({ "one_time_keys": { "signed_curve25519:Z": one_time_key("oldest") } });
    let second = json!({
        "one_time_keys": { "signed_curve25519:A": one_time_key("newest") },
        "fallback_keys": { "signed_curve25519:F": one_time_key("fallback") },
    });
    upload_json(&mut world, &ada, first).unwrap();
    let counts = body(upload_json(&mut world, &ada, second));
    assert_eq!(counts, json!({ "one_time_key_counts": { "signed_curve25519": 2 } }));

    assert_eq!(claim_from(&mut world, &grace, &ada).as_deref(), Some("oldest"));
    assert_eq!(claim_from(&mut world, &grace, &ada).as_deref(), Some("newest"));
    let device = world.device(&ada).unwrap();
    assert_eq!(one_time_key_counts(device), [(OneTimeKeyAlgorithm::SignedCurve25519, uint!(0))].into());
    assert_eq!(unused_fallback_key_types(device), [OneTimeKeyAlgorithm::SignedCurve25519]);

    assert_eq!(claim_from(&mut world, &grace, &ada).as_deref(), Some("fallback"));
    assert_eq!(claim_from(&mut world, &grace, &ada).as_deref(), Some("fallback"));
    assert_eq!(unused_fallback_key_types(world.device(&ada).unwrap()), []);
    upload_json(&mut world, &ada, json!({ "fallback_keys": { "signed_curve25519:G": one_time_key("new") } })).unwrap();
    assert_eq!(unused_fallback_key_types(world.device(&ada).unwrap()), [OneTimeKeyAlgorithm::SignedCurve25519]);
    assert_eq!(claim_from(&mut world, &ada, &grace), None);
}

#[test]
fn the_id_of_a_one_time_key_is_not_used_for_another() {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    let one = json!({ "one_time_keys": { "signed_curve25519:A": one_time_key("one") } });
    let other = json!({ "one_time_keys": {
        "signed_curve25519:A": one_time_key("another"), "signed_curve25519:B": one_time_key("more"),
    } });
    upload_json(&mut world, &ada, one.clone()).unwrap();
    upload_json(&mut world, &ada, one).unwrap();
    assert_eq!(refusal(upload_json(&mut world, &ada, other)), (400, "M_INVALID_PARAM".to_owned()));
    assert_eq!(one_time_key_counts(world.device(&ada).unwrap()).values().copied().collect::<Vec<_>>(), [uint!(1)]);
}

fn names(users: &[OwnedUserId]) -> Vec<&str> {
    users.iter().map(|user| user.localpart()).collect()
}

#[test]
fn a_change_of_keys_is_told_to_those_who_share_a_room() {
    let mut world = world();
    let [ada, grace, linus] = ["ada", "grace", "linus"].map(|name| login(&mut world, name, "PHONE"));
    room(&mut world, "room", &[&ada, &grace]);
    room(&mut world, "other", &[&linus]);
    let since = world.position;
    upload_json(&mut world, &ada, json!({ "device_keys": device_keys(&ada) })).unwrap();

    for (who, expected) in [(&ada, vec!["ada"]), (&grace, vec!["ada"]), (&linus, vec![])] {
        let (changed, left) = device_lists(&world, &who.user_id, since);
        assert_eq!((names(&changed), left), (expected, vec![]), "as told to {}", who.user_id);
        assert_eq!(device_lists(&world, &who.user_id, world.position), (vec![], vec![]), "once only");
    }
    let since = world.position;
    upload_json(&mut world, &ada, json!({ "device_keys": device_keys(&ada) })).unwrap();
    assert_eq!(device_lists(&world, &grace.user_id, since), (vec![], vec![]), "the same keys again are no change");
}

#[test]
fn who_begins_to_share_a_room_is_told_and_who_shares_none_any_more_has_left() {
    let mut world = world();
    let [ada, grace, linus] = ["ada", "grace", "linus"].map(|name| login(&mut world, name, "PHONE"));
    let (first, second) = (room(&mut world, "first", &[&ada, &grace]), room(&mut world, "second", &[&ada]));
    let start = world.position;
    set_membership(&mut world, &first, &linus, "join");
    let lists = |world: &World, who: &Caller, since| {
        let (changed, left) = device_lists(world, &who.user_id, since);
        (names(&changed).join(" "), names(&left).join(" "))
    };
    assert_eq!(lists(&world, &linus, start), ("ada grace".to_owned(), String::new()));
    assert_eq!(lists(&world, &ada, start), ("linus".to_owned(), String::new()));

    set_membership(&mut world, &second, &linus, "join");
    let both = world.position;
    set_membership(&mut world, &first, &linus, "leave");
    assert_eq!(lists(&world, &ada, both), (String::new(), String::new()), "they share the second room still");
    assert_eq!(lists(&world, &linus, both), (String::new(), "grace".to_owned()));
    set_membership(&mut world, &second, &linus, "ban");
    assert_eq!(lists(&world, &linus, both), (String::new(), "ada grace".to_owned()));
    assert_eq!(lists(&world, &ada, both), (String::new(), "linus".to_owned()));
    assert_eq!(lists(&world, &ada, start), (String::new(), String::new()), "he came and went");
}
