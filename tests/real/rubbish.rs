//! Rubbish for the embedded homeserver: ten thousand requests that no client would make, by nobody,
//! by a wrong token, and by somebody who has an account and means harm. Each gets an answer that
//! the specification knows, and nobody else notices.

use std::{cell::RefCell, iter};

use kvitto::server::homeserver::Delivery;
use proptest::{
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::{
    delivery::text,
    support::{
        http::{Answer, KeptOpen},
        server::Server,
    },
    world::embed,
};

/// How many requests are made.
const REQUESTS: u32 = 10_000;

/// What an attacker may try, with a `*` where something is to be filled in.
const PATHS: &[&str] = &[
    "/_matrix/client/versions",
    "/_matrix/client/v3/*",
    "/_matrix/client/v3/account/whoami",
    "/_matrix/client/v3/account/password",
    "/_matrix/client/v3/capabilities",
    "/_matrix/client/v3/createRoom",
    "/_matrix/client/v3/delete_devices",
    "/_matrix/client/v3/devices",
    "/_matrix/client/v3/devices/*",
    "/_matrix/client/v3/directory/room/*",
    "/_matrix/client/v3/join/*",
    "/_matrix/client/v3/joined_rooms",
    "/_matrix/client/v3/keys/changes",
    "/_matrix/client/v3/keys/claim",
    "/_matrix/client/v3/keys/device_signing/upload",
    "/_matrix/client/v3/keys/query",
    "/_matrix/client/v3/keys/signatures/upload",
    "/_matrix/client/v3/keys/upload",
    "/_matrix/client/v3/login",
    "/_matrix/client/v3/profile/*",
    "/_matrix/client/v3/profile/*/displayname",
    "/_matrix/client/v3/pushrules/",
    "/_matrix/client/v3/pushrules/global/*/*",
    "/_matrix/client/v3/register",
    "/_matrix/client/v3/room_keys/keys",
    "/_matrix/client/v3/room_keys/keys/*/*",
    "/_matrix/client/v3/room_keys/version",
    "/_matrix/client/v3/room_keys/version/*",
    "/_matrix/client/v3/rooms/*/ban",
    "/_matrix/client/v3/rooms/*/context/*",
    "/_matrix/client/v3/rooms/*/event/*",
    "/_matrix/client/v3/rooms/*/forget",
    "/_matrix/client/v3/rooms/*/invite",
    "/_matrix/client/v3/rooms/*/join",
    "/_matrix/client/v3/rooms/*/joined_members",
    "/_matrix/client/v3/rooms/*/kick",
    "/_matrix/client/v3/rooms/*/leave",
    "/_matrix/client/v3/rooms/*/members",
    "/_matrix/client/v3/rooms/*/messages",
    "/_matrix/client/v3/rooms/*/read_markers",
    "/_matrix/client/v3/rooms/*/receipt/m.read/*",
    "/_matrix/client/v3/rooms/*/receipt/m.delivery/*",
    "/_matrix/client/v3/rooms/*/receipt/org.matrix.msc4089.delivery/*",
    "/_matrix/client/v3/rooms/*/redact/*/*",
    "/_matrix/client/v3/rooms/*/send/m.room.message/*",
    "/_matrix/client/v3/rooms/*/send/*/*",
    "/_matrix/client/v3/rooms/*/state",
    "/_matrix/client/v3/rooms/*/state/m.room.member/*",
    "/_matrix/client/v3/rooms/*/state/m.room.power_levels/",
    "/_matrix/client/v3/rooms/*/state/*/*",
    "/_matrix/client/v3/rooms/*/typing/*",
    "/_matrix/client/v3/rooms/*/unban",
    "/_matrix/client/v1/rooms/*/relations/*",
    "/_matrix/client/v1/rooms/*/threads",
    "/_matrix/client/v3/sendToDevice/*/*",
    "/_matrix/client/v3/sync",
    "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync",
    "/_matrix/client/v3/user/*/account_data/*",
    "/_matrix/client/v3/user/*/filter",
    "/_matrix/client/v3/user/*/filter/*",
    "/_matrix/client/v3/user/*/rooms/*/account_data/*",
    "/_matrix/client/v3/user_directory/search",
    "/_matrix/client/v1/media/download/*/*",
    "/_matrix/media/v3/upload",
    "/*",
];

/// Keys that requests have; none that lets a stranger reach somebody who has not asked for it.
const KEYS: &[&str] = &[
    "algorithm",
    "auth",
    "auth_data",
    "backup",
    "body",
    "content",
    "device_keys",
    "devices",
    "event_fields",
    "filter",
    "from",
    "identifier",
    "initial_state",
    "limit",
    "lists",
    "m.fully_read",
    "m.read",
    "m.relates_to",
    "membership",
    "messages",
    "msgtype",
    "name",
    "one_time_keys",
    "password",
    "pos",
    "power_level_content_override",
    "preset",
    "reason",
    "room",
    "room_subscriptions",
    "room_version",
    "rooms",
    "search_term",
    "since",
    "thread_id",
    "timeline",
    "token",
    "type",
    "typing",
    "url",
    "user",
    "user_id",
    "username",
    "users",
    "visibility",
];

/// Who asks.
#[derive(Clone, Copy, Debug)]
enum Who {
    Nobody,
    Unknown,
    Mallory,
}

/// A request, with places for what the test knows.
#[derive(Clone, Debug)]
struct Request {
    method: &'static str,
    path: &'static str,
    filling: Vec<Filling>,
    query: String,
    who: Who,
    body: Vec<u8>,
}

/// What is put in for a `*`.
#[derive(Clone, Debug)]
enum Filling {
    /// One of the victim's ids.
    Known(Index),
    Made(String),
}

fn requests() -> impl Strategy<Value = Request> {
    let methods = select(vec!["GET", "POST", "PUT", "DELETE", "PUT", "POST", "HEAD", "OPTIONS", "PATCH", "BREW"]);
    let filling = prop_oneof![
        2 => any::<Index>().prop_map(Filling::Known),
        1 => "[!-~]{0,12}".prop_map(Filling::Made),
        1 => "\\PC{0,6}".prop_map(Filling::Made),
        1 => "[a-z]{300}".prop_map(Filling::Made),
    ];
    let who = prop_oneof![1 => Just(Who::Nobody), 1 => Just(Who::Unknown), 4 => Just(Who::Mallory)];
    // No waiting: an idle sync that takes its time is none of this.
    let query = prop_oneof![
        3 => Just(String::new()),
        1 => "(since|from|pos|filter|dir|limit|version|at|membership|full_state)=[a-z0-9%&=+*_.-]{0,20}",
        1 => "[a-zA-Z0-9%&=+*_.:/?-]{0,20}",
    ];
    let parts = (methods, select(PATHS), prop::collection::vec(filling, 3), query, who, bodies());
    parts.prop_map(|(method, path, filling, query, who, body)| Request { method, path, filling, query, who, body })
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        select(vec!["@alice:localhost", "!room:localhost", "$event", "m.room.member", "join", "m.login.password"])
            .prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((select(KEYS), inner), 0..6)
                .prop_map(|entries| entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    });
    prop_oneof![
        1 => Just(Vec::new()),
        1 => Just(b"{}".to_vec()),
        8 => value.prop_map(|value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..64),
        1 => (1..20_000usize).prop_map(|depth| [b"[".repeat(depth), b"]".repeat(depth)].concat()),
        1 => (1..20_000usize).prop_map(|depth| b"{\"a\":".repeat(depth)),
    ]
}

impl Request {
    fn head(&self, known: &[String; 5], token: &str) -> String {
        let filled = self.filling.iter().map(|filling| match filling {
            Filling::Known(index) => encoded(index.get(known).as_str()),
            Filling::Made(made) => encoded(made),
        });
        let parts = self.path.split('*').zip(iter::once(String::new()).chain(filled));
        let path: String = parts.map(|(part, before)| before + part).collect();
        let authorization = match self.who {
            Who::Nobody => String::new(),
            Who::Unknown => "Authorization: Bearer nobody\r\n".to_owned(),
            Who::Mallory => format!("Authorization: Bearer {token}\r\n"),
        };
        format!("{} {path}?{} HTTP/1.1\r\nContent-Type: application/json\r\n{authorization}", self.method, self.query)
    }
}

/// Percent-encodes everything but letters and digits.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(encode).collect()
}

/// Success, an error of the specification, or the question who asks.
fn is_proper(request: &Request, answer: &Answer) -> bool {
    let json = answer.json();
    match answer.status {
        200 => true,
        _ if request.method == "HEAD" => (400..500).contains(&answer.status),
        401 if json["flows"].is_array() => true,
        400..500 => json["errcode"].as_str().is_some_and(|code| code.starts_with("M_")) && json["error"].is_string(),
        _ => false,
    }
}

/// Everything that somebody who comes anew is told.
fn initial_sync(server: &Server, token: &str) -> Value {
    let (status, mut sync) = server.raw("GET", "/_matrix/client/v3/sync?timeout=0", Some(token), &Value::Null);
    assert_eq!(status, 200, "{sync}");
    sync["next_batch"].take();
    sync
}

#[test]
fn ten_thousand_requests_of_rubbish_get_proper_answers_and_harm_nobody() {
    let (server, _homeserver) = embed(Some(Delivery { devices: true, stable: true }));
    let (alice, bob, mallory) = (server.register("alice"), server.register("bob"), server.register("mallory"));
    let [alices, bobs, mallorys] = [&alice, &bob, &mallory].map(|account| server.login_raw(account));
    let create = json!({ "preset": "private_chat", "name": "private", "invite": [bob.user_id] });
    let room = server.create_room(&alices.token, &create);
    let join = format!("/_matrix/client/v3/join/{}", encoded(room.as_str()));
    assert_eq!(server.raw("POST", &join, Some(&bobs.token), &json!({})).0, 200);
    let event = server.send(&alices.token, &room, "m.room.message", &text("between us"));
    let before = [&alices, &bobs].map(|device| initial_sync(&server, &device.token));
    assert!(before[1].to_string().contains("between us"));

    let known = [alice.user_id, alices.device_id.clone(), room.to_string(), event.to_string(), mallory.user_id.clone()];
    let line = RefCell::new(KeptOpen::new(&server.base_url));
    let config = Config { cases: REQUESTS, failure_persistence: None, ..Config::default() };
    let tried = TestRunner::new(config).run(&requests(), |request| {
        let head = request.head(&known, &mallorys.token);
        let answer = line.borrow_mut().exchange(&head, &request.body);
        let answer = answer.map_err(|error| TestCaseError::fail(format!("{error}: {head}")))?;
        prop_assert!(is_proper(&request, &answer), "{head}\n{}\n{}", answer.head, answer.json());
        Ok(())
    });
    tried.unwrap_or_else(|failure| panic!("{failure}"));

    assert_eq!([&alices, &bobs].map(|device| initial_sync(&server, &device.token)), before);
    server.login_raw(&mallory);
}

#[test]
fn a_request_that_is_too_large_is_refused_as_such() {
    let (server, _homeserver) = embed(None);
    let token = server.login_raw(&server.register("mallory")).token;
    // The last byte is the one too many: nothing is left unread, at which the connection would be
    // reset under the answer.
    let large = vec![b' '; (8 << 20) + 1];
    let head = format!("POST /_matrix/client/v3/createRoom HTTP/1.1\r\nAuthorization: Bearer {token}\r\n");
    let answer = KeptOpen::new(&server.base_url).exchange(&head, &large).unwrap();
    assert_eq!((answer.status, &answer.json()["errcode"]), (413, &json!("M_TOO_LARGE")));
}
