//! Cross-signing: who may set keys and sign what, and who sees it.

use super::{
    super::{super::testing::*, query, upload},
    *,
};

fn key(caller: &Caller, usage: &str, key: &str) -> Value {
    json!({ "user_id": caller.user_id, "usage": [usage], "keys": { format!("ed25519:{key}"): key }, "signatures": {} })
}

/// All three keys, called by this.
fn keys(caller: &Caller, name: &str) -> Value {
    json!({
        "master_key": key(caller, "master", &format!("{name}master")),
        "self_signing_key": key(caller, "self_signing", &format!("{name}self")),
        "user_signing_key": key(caller, "user_signing", &format!("{name}user")),
    })
}

fn put_keys(world: &mut World, caller: &Caller, keys: Value) -> Answer<upload_signing_keys::v3::Response> {
    upload_keys(world, caller.clone(), request(&[], "", keys))
}

fn with_password(mut keys: Value, user: &str, password: &str) -> Value {
    let identifier = json!({ "type": "m.id.user", "user": user });
    keys["auth"] = json!({ "type": "m.login.password", "identifier": identifier, "password": password });
    keys
}

fn ask(world: &mut World, caller: &Caller, about: &Caller) -> Value {
    let users = json!({ "device_keys": { about.user_id.as_str(): [] } });
    body(query(world, caller.clone(), request(&[], "", users)))
}

/// Signs something in the name of the caller.
fn sign(world: &mut World, caller: &Caller, owner: &Caller, id: &str, mut what: Value) -> Value {
    what["signatures"] = json!({ caller.user_id.as_str(): { "ed25519:KEY": "signed" } });
    let signed = json!({ owner.user_id.as_str(): { id: what } });
    body(upload_signatures(world, caller.clone(), request(&[], "", signed)))
}

#[test]
fn the_first_keys_need_no_proof_and_others_in_their_place_the_password() {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    let nothing_to_stand_on = json!({ "self_signing_key": key(&ada, "self_signing", "self") });
    let refused = put_keys(&mut world, &ada, nothing_to_stand_on);
    assert_eq!(refusal(refused), (400, "M_INVALID_PARAM".to_owned()));
    put_keys(&mut world, &ada, keys(&ada, "old")).unwrap();
    put_keys(&mut world, &ada, keys(&ada, "old")).unwrap();

    let since = world.position;
    let wrong = [
        keys(&ada, "new"),
        with_password(keys(&ada, "new"), "ada", "wrong"),
        with_password(keys(&ada, "new"), "grace", "secret"),
    ];
    for keys in wrong {
        assert_eq!(refusal(put_keys(&mut world, &ada, keys)), (401, "UIA".to_owned()));
    }
    assert_eq!(ask(&mut world, &ada, &ada)["master_keys"]["@ada:localhost"]["keys"]["ed25519:oldmaster"], "oldmaster");
    assert!(world.users[&ada.user_id].keys_changed <= since);

    put_keys(&mut world, &ada, with_password(keys(&ada, "new"), "@ada:localhost", "secret")).unwrap();
    assert_eq!(ask(&mut world, &ada, &ada)["master_keys"]["@ada:localhost"]["keys"]["ed25519:newmaster"], "newmaster");
    assert!(world.users[&ada.user_id].keys_changed > since);
}

#[test]
fn keys_of_somebody_else_or_for_another_use_are_refused() {
    let mut world = world();
    let (ada, grace) = (login(&mut world, "ada", "PHONE"), login(&mut world, "grace", "PHONE"));
    for wrong in [key(&grace, "master", "key"), key(&ada, "self_signing", "key")] {
        let refused = put_keys(&mut world, &ada, json!({ "master_key": wrong }));
        assert_eq!(refusal(refused), (400, "M_INVALID_PARAM".to_owned()));
    }
    let refused = put_keys(&mut world, &ada, json!({ "master_key": { "keys": {} } }));
    assert_eq!(refusal(refused), (400, "M_BAD_JSON".to_owned()));
}

#[test]
fn whom_one_has_verified_is_seen_by_nobody_else() {
    let mut world = world();
    let [ada, grace, linus] = ["ada", "grace", "linus"].map(|name| login(&mut world, name, "PHONE"));
    put_keys(&mut world, &ada, keys(&ada, "")).unwrap();
    let failures = sign(&mut world, &grace, &ada, "master", key(&ada, "master", "master"));
    assert_eq!(failures, json!({}));
    for (who, expected) in [(&ada, json!({})), (&grace, json!({ "ed25519:KEY": "signed" })), (&linus, json!({}))] {
        let answer = ask(&mut world, who, &ada);
        let signatures = &answer["master_keys"]["@ada:localhost"]["signatures"];
        let of_grace = signatures.get("@grace:localhost").cloned().unwrap_or_else(|| json!({}));
        assert_eq!(of_grace, expected, "as shown to {}", who.user_id);
        assert_eq!(answer["self_signing_keys"]["@ada:localhost"]["usage"], json!(["self_signing"]));
        assert_eq!(answer["user_signing_keys"].is_object(), who == &ada, "the user-signing key, to {}", who.user_id);
    }
}

#[test]
fn own_devices_are_signed_and_a_signature_changes_nothing_else() {
    let mut world = world();
    let (ada, grace) = (login(&mut world, "ada", "PHONE"), login(&mut world, "grace", "PHONE"));
    let device = json!({
        "user_id": ada.user_id, "device_id": "PHONE", "algorithms": [], "keys": { "ed25519:PHONE": "phone" },
        "signatures": { ada.user_id.as_str(): { "ed25519:PHONE": "own" } },
    });
    let upload_request = request(&[], "", json!({ "device_keys": device }));
    upload(&mut world, ada.clone(), upload_request).unwrap();
    let since = world.position;

    let mut other = device.clone();
    other["keys"] = json!({ "ed25519:PHONE": "another" });
    let refused = [
        sign(&mut world, &ada, &ada, "PHONE", other),
        sign(&mut world, &ada, &ada, "LAPTOP", device.clone()),
        sign(&mut world, &grace, &ada, "PHONE", device.clone()),
    ];
    for failures in refused {
        let failures = failures["failures"]["@ada:localhost"].as_object().unwrap().values().collect::<Vec<_>>();
        assert_eq!(failures[0]["errcode"], "M_INVALID_SIGNATURE");
    }
    let nobody = json!({ "@nobody:localhost": { "KEY": 1 } });
    let failures = body(upload_signatures(&mut world, ada.clone(), request(&[], "", nobody)));
    assert!(failures["failures"]["@nobody:localhost"]["KEY"].is_object());
    assert!(world.users[&ada.user_id].keys_changed <= since);

    assert_eq!(sign(&mut world, &ada, &ada, "PHONE", device), json!({}));
    let answer = ask(&mut world, &grace, &ada);
    let signatures = &answer["device_keys"]["@ada:localhost"]["PHONE"]["signatures"]["@ada:localhost"];
    assert_eq!(*signatures, json!({ "ed25519:PHONE": "own", "ed25519:KEY": "signed" }));
    assert!(world.users[&ada.user_id].keys_changed > since);
}
