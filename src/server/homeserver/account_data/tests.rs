//! Account data, tags, filters: kept as they came, for their user only.

use axum::body::to_bytes;
use futures_util::FutureExt;

use super::{super::testing::*, *};

const ADA: &str = "@ada:localhost";
const ROOM: &str = "!room:localhost";

/// What a plain endpoint answers.
fn json_of(answer: Answer<Response>) -> Value {
    let body = answer.unwrap_or_else(|error| panic!("{error:?}")).into_body();
    serde_json::from_slice(&to_bytes(body, usize::MAX).now_or_never().unwrap().unwrap()).unwrap()
}

fn get_global(world: &mut World, caller: &Caller, kind: &str) -> Answer<get_global_account_data::v3::Response> {
    get(world, caller.clone(), request(&[ADA, kind], "", json!({})))
}

#[test]
fn account_data_is_kept_as_it_came_globally_and_by_room() {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    assert_eq!(refusal(get_global(&mut world, &ada, "m.direct")), (404, "M_NOT_FOUND".to_owned()));
    let since = world.position;
    let global = json!({ "@grace:localhost": [ROOM], "more": { "is": "kept" } });
    put(&mut world, ada.clone(), request(&[ADA, "m.direct"], "", global.clone())).unwrap();
    put_in_room(&mut world, ada.clone(), request(&[ADA, ROOM, "mine"], "", json!({ "here": 1 }))).unwrap();

    assert_eq!(body(get_global(&mut world, &ada, "m.direct")), global);
    let in_room = body(get_in_room(&mut world, ada.clone(), request(&[ADA, ROOM, "mine"], "", json!({}))));
    assert_eq!(in_room, json!({ "here": 1 }));
    let elsewhere = request(&[ADA, "!other:localhost", "mine"], "", json!({}));
    assert_eq!(refusal(get_in_room(&mut world, ada.clone(), elsewhere)), (404, "M_NOT_FOUND".to_owned()));

    let user = &world.users[&ada.user_id];
    assert!(user.account_data["m.direct"].0 > since && user.account_data["m.push_rules"].0 <= since);
}

#[test]
fn account_data_is_nobody_elses_and_some_types_have_their_own_endpoints() {
    let mut world = world();
    let (ada, grace) = (login(&mut world, "ada", "PHONE"), login(&mut world, "grace", "PHONE"));
    let refused = put(&mut world, grace.clone(), request(&[ADA, "m.direct"], "", json!({})));
    assert_eq!(refusal(refused), (403, "M_FORBIDDEN".to_owned()));
    assert_eq!(refusal(get_global(&mut world, &grace, "m.push_rules")), (403, "M_FORBIDDEN".to_owned()));
    let refused = put(&mut world, ada.clone(), request(&[ADA, "m.push_rules"], "", json!({})));
    assert_eq!(refusal(refused), (405, "M_BAD_JSON".to_owned()));
    let refused = put_in_room(&mut world, ada.clone(), request(&[ADA, ROOM, "m.fully_read"], "", json!({})));
    assert_eq!(refusal(refused), (405, "M_BAD_JSON".to_owned()));
    let refused = put(&mut world, ada.clone(), request(&[ADA, "m.direct"], "", json!([])));
    assert_eq!(refusal(refused), (400, "M_BAD_JSON".to_owned()));
    assert_eq!(world.users[&ada.user_id].account_data.keys().collect::<Vec<_>>(), ["m.push_rules"]);
}

#[test]
fn a_filter_is_kept_with_what_ruma_does_not_know() {
    let mut world = world();
    let (ada, grace) = (login(&mut world, "ada", "PHONE"), login(&mut world, "grace", "PHONE"));
    let text = r#"{"room":{"timeline":{"limit":20}},"dev.example":true}"#;
    for (text, id) in [(text, "0"), ("{}", "1"), (text, "0")] {
        let made = json_of(make_filter(&mut world, &plain(&ada, &[ADA], text)));
        assert_eq!(made, json!({ "filter_id": id }));
    }
    let kept = json_of(filter(&mut world, &plain(&ada, &[ADA, "0"], "")));
    assert_eq!(kept, json!({ "room": { "timeline": { "limit": 20 } }, "dev.example": true }));

    let wrong = [
        (&ada, "{", (400, "M_NOT_JSON")),
        (&ada, r#"{"room":7}"#, (400, "M_BAD_JSON")),
        (&grace, "{}", (403, "M_FORBIDDEN")),
    ];
    for (caller, text, expected) in wrong {
        let refused = make_filter(&mut world, &plain(caller, &[ADA], text));
        assert_eq!(refusal(refused), (expected.0, expected.1.to_owned()), "{text}");
    }
    for id in ["2", "-1", "x"] {
        assert_eq!(refusal(filter(&mut world, &plain(&ada, &[ADA, id], ""))), (404, "M_NOT_FOUND".to_owned()));
    }
}
