//! Key backups: their versions, and which key is kept.

use serde_json::{Value, json};

use super::{super::testing::*, *};

fn info_json(signature: &str) -> Value {
    let signatures = json!({ "@ada:localhost": { "ed25519:PHONE": signature } });
    json!({
        "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2",
        "auth_data": { "public_key": "a2V5", "signatures": signatures },
    })
}

fn key(is_verified: bool, first_message_index: u32, forwarded_count: u32) -> Value {
    json!({
        "is_verified": is_verified, "first_message_index": first_message_index, "forwarded_count": forwarded_count,
        "session_data": { "ephemeral": "YQ", "ciphertext": "Yg", "mac": "Yw" },
    })
}

fn world_with_backup() -> (World, Caller) {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    let created = create(&mut world, ada.clone(), request(&[], "", info_json("first")));
    assert_eq!(body(created), json!({ "version": "1" }));
    (world, ada)
}

fn put_key(world: &mut World, caller: &Caller, session: &str, key: Value) -> Value {
    body(put_session(world, caller.clone(), request(&["!room:localhost", session], "version=1", key)))
}

#[test]
fn a_backup_has_versions_of_which_the_last_counts() {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    let none = latest(&mut world, ada.clone(), request(&[], "", json!({})));
    assert_eq!(refusal(none), (404, "M_NOT_FOUND".to_owned()));
    for (signature, version) in [("first", "1"), ("second", "2")] {
        let created = create(&mut world, ada.clone(), request(&[], "", info_json(signature)));
        assert_eq!(body(created), json!({ "version": version }));
    }
    let last = body(latest(&mut world, ada.clone(), request(&[], "", json!({}))));
    assert_eq!(last["auth_data"], info_json("second")["auth_data"]);
    assert_eq!((&last["version"], &last["count"], &last["etag"]), (&json!("2"), &json!(0), &json!("0")));

    body(delete(&mut world, ada.clone(), request(&["2"], "", json!({}))));
    let last = body(latest(&mut world, ada.clone(), request(&[], "", json!({}))));
    assert_eq!(last["version"], "1");
    for version in ["0", "2", "3", "-1", "first"] {
        let refused = info(&mut world, ada.clone(), request(&[version], "", json!({})));
        assert_eq!(refusal(refused), (404, "M_NOT_FOUND".to_owned()), "version {version}");
    }
}

#[test]
fn a_version_takes_signatures_and_keeps_its_algorithm() {
    let (mut world, ada) = world_with_backup();
    body(update(&mut world, ada.clone(), request(&["1"], "", info_json("more"))));
    let known = body(info(&mut world, ada.clone(), request(&["1"], "", json!({}))));
    assert_eq!(known["auth_data"], info_json("more")["auth_data"]);
    let other = json!({ "algorithm": "another", "auth_data": {} });
    let refused = update(&mut world, ada.clone(), request(&["1"], "", other));
    assert_eq!(refusal(refused), (400, "M_INVALID_PARAM".to_owned()));
    let refused = create(&mut world, ada, request(&[], "", json!({ "algorithm": 1 })));
    assert_eq!(refusal(refused), (400, "M_BAD_JSON".to_owned()));
}

#[test]
fn only_the_last_version_takes_keys() {
    let (mut world, ada) = world_with_backup();
    create(&mut world, ada.clone(), request(&[], "", info_json("second"))).unwrap();
    for (version, expected) in [("1", (403, "M_WRONG_ROOM_KEYS_VERSION")), ("7", (404, "M_NOT_FOUND"))] {
        let query = format!("version={version}");
        let refused = put_all(&mut world, ada.clone(), request(&[], &query, json!({ "rooms": {} })));
        assert_eq!(refusal(refused), (expected.0, expected.1.to_owned()), "version {version}");
    }
}

#[test]
fn the_better_key_of_a_session_is_kept() {
    // Worse, better.
    let cases =
        [(key(false, 0, 0), key(true, 9, 9)), (key(true, 2, 0), key(true, 1, 9)), (key(false, 1, 2), key(false, 1, 1))];
    for (worse, better) in cases {
        for keys in [[&worse, &better], [&better, &worse]] {
            let (mut world, ada) = world_with_backup();
            for key in keys {
                put_key(&mut world, &ada, "session", key.clone());
            }
            let path = ["!room:localhost", "session"];
            let kept = body(get_session(&mut world, ada.clone(), request(&path, "version=1", json!({}))));
            assert_eq!(kept, better);
        }
    }
}

#[test]
fn the_etag_says_whether_anything_has_changed() {
    let (mut world, ada) = world_with_backup();
    assert_eq!(put_key(&mut world, &ada, "session", key(true, 1, 0)), json!({ "etag": "1", "count": 1 }));
    assert_eq!(put_key(&mut world, &ada, "session", key(true, 1, 0)), json!({ "etag": "1", "count": 1 }));
    assert_eq!(put_key(&mut world, &ada, "session", key(true, 0, 0)), json!({ "etag": "2", "count": 1 }));
    let none = json!({ "is_verified": true });
    let refused = put_session(&mut world, ada.clone(), request(&["!room:localhost", "other"], "version=1", none));
    assert_eq!(refusal(refused), (400, "M_BAD_JSON".to_owned()));
    assert_eq!(put_key(&mut world, &ada, "other", key(true, 0, 0)), json!({ "etag": "3", "count": 2 }));
}

#[test]
fn keys_are_put_got_and_deleted_one_by_one_by_room_and_all_at_once() {
    let (mut world, ada) = world_with_backup();
    let (one, two) = ("!one:localhost", "!two:localhost");
    let sessions = json!({ "sessions": { "a": key(true, 0, 0), "b": key(true, 0, 0) } });
    let all = json!({ "rooms": { one: sessions } });
    let put = body(put_all(&mut world, ada.clone(), request(&[], "version=1", all.clone())));
    assert_eq!(put["count"], 2);
    assert_eq!(body(get_all(&mut world, ada.clone(), request(&[], "version=1", json!({})))), all);
    let put = body(put_room(&mut world, ada.clone(), request(&[two], "version=1", sessions.clone())));
    assert_eq!(put["count"], 4);
    assert_eq!(body(get_room(&mut world, ada.clone(), request(&[two], "version=1", json!({})))), sessions);

    let left = body(delete_session(&mut world, ada.clone(), request(&[two, "a"], "version=1", json!({}))));
    assert_eq!(left, json!({ "etag": "3", "count": 3 }));
    let again = body(delete_session(&mut world, ada.clone(), request(&[two, "a"], "version=1", json!({}))));
    assert_eq!(again, left);
    let gone = get_session(&mut world, ada.clone(), request(&[two, "a"], "version=1", json!({})));
    assert_eq!(refusal(gone), (404, "M_NOT_FOUND".to_owned()));
    let left = body(delete_room(&mut world, ada.clone(), request(&[one], "version=1", json!({}))));
    assert_eq!(left["count"], 1);
    let left = body(delete_all(&mut world, ada.clone(), request(&[], "version=1", json!({}))));
    assert_eq!(left["count"], 0);
    let none = body(get_room(&mut world, ada, request(&[one], "version=1", json!({}))));
    assert_eq!(none, json!({ "sessions": {} }));
}

#[test]
fn a_backup_is_its_users_own() {
    let (mut world, ada) = world_with_backup();
    put_key(&mut world, &ada, "session", key(true, 0, 0));
    let grace = login(&mut world, "grace", "PHONE");
    let refused = get_all(&mut world, grace, request(&[], "version=1", json!({})));
    assert_eq!(refusal(refused), (404, "M_NOT_FOUND".to_owned()));
}
