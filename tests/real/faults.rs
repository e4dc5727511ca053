//! What the embedded homeserver does wrong when told to, as it is seen on the wire. Registering a
//! user tells whether a request was done: only then can that user log in.

use std::{io, sync::Arc, time::Duration};

use kvitto::server::homeserver::faults::{Fault, Faulty, Matching};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::{
    support::{
        http::{self, Answer},
        server::{Account, Server},
    },
    world::embed,
};

const REGISTER: &str = "/_matrix/client/v3/register";

fn host(server: &Server) -> &str {
    server.base_url.strip_prefix("http://").expect("tests speak plain http")
}

fn register(server: &Server, name: &str, password: &str) -> io::Result<Answer> {
    let body = json!({ "username": name, "password": password, "auth": { "type": "m.login.dummy" } });
    http::exchange(host(server), &format!("POST {REGISTER} HTTP/1.0\r\n"), body.to_string().as_bytes())
}

fn is_registered(server: &Server, name: &str) -> bool {
    let identifier = json!({ "type": "m.id.user", "user": name });
    let login = json!({ "type": "m.login.password", "identifier": identifier, "password": "secret" });
    server.raw("POST", "/_matrix/client/v3/login", None, &login).0 == 200
}

/// Registers with this fault and without it; looks at the answer, and whether it was done.
fn check(fault: Fault, done: bool, is_expected: impl Fn(io::Result<Answer>) -> bool) {
    let (server, homeserver) = embed(None);
    let strikes = homeserver.faults().next(Matching::path("/register"), 1, fault);
    assert!(is_expected(register(&server, "alice", "secret")), "{fault:?}");
    assert_eq!(is_registered(&server, "alice"), done, "{fault:?}");
    assert!(register(&server, "bob", "secret").is_ok_and(|answer| answer.status == 200), "the fault is over");
    assert_eq!(strikes.count(), 1);
}

fn has_error(answer: io::Result<Answer>, status: u16, code: &str) -> bool {
    answer.is_ok_and(|answer| answer.status == status && answer.json()["errcode"] == code)
}

#[test]
fn refused_breaks_the_connection_and_nothing_was_done() {
    check(Fault::Refused, false, |answer| answer.is_err());
}

#[test]
fn failed_and_limited_answer_and_nothing_was_done() {
    check(Fault::Failed, false, |answer| has_error(answer, 500, "M_UNKNOWN"));
    check(Fault::Limited(Duration::from_secs(2)), false, |answer| {
        assert_eq!(answer.as_ref().unwrap().header("retry-after"), Some("2"));
        has_error(answer, 429, "M_LIMIT_EXCEEDED")
    });
}

#[test]
fn lost_and_half_break_the_connection_and_it_was_done() {
    check(Fault::Lost, true, |answer| answer.is_err());
    check(Fault::Half, true, |answer| {
        answer.is_ok_and(|answer| {
            let whole: usize = answer.header("content-length").unwrap().parse().unwrap();
            answer.status == 200 && answer.body.starts_with(b"{") && answer.body.len() == whole / 2
        })
    });
}

#[test]
fn late_waits_with_the_answer_and_twice_answers_the_second_time() {
    let wait = Duration::from_millis(50);
    let began = std::time::Instant::now();
    check(Fault::Late(wait), true, |answer| answer.is_ok_and(|answer| answer.status == 200) && began.elapsed() >= wait);
    check(Fault::Twice, true, |answer| has_error(answer, 400, "M_USER_IN_USE"));
}

#[tokio::test]
async fn overtaken_waits_until_the_next_was_answered() {
    let (server, homeserver) = embed(None);
    let server = Arc::new(server);
    let mut strikes = homeserver.faults().next(Matching::path("/register"), 1, Fault::Overtaken);
    let (first, second) = (Arc::clone(&server), Arc::clone(&server));
    let first = spawn_blocking(move || register(&first, "alice", "too late"));
    strikes.reach(1).await;
    let second = spawn_blocking(move || register(&second, "alice", "secret")).await.unwrap();
    assert_eq!(second.unwrap().status, 200);
    assert!(has_error(first.await.unwrap(), 400, "M_USER_IN_USE"));
    assert!(is_registered(&server, "alice"));
}

#[tokio::test]
async fn healing_lets_go_what_waits_to_be_overtaken_and_ends_the_rest() {
    let (server, homeserver) = embed(None);
    let server = Arc::new(server);
    let mut strikes = homeserver.faults().next(Matching::path("/register"), 1, Fault::Overtaken);
    homeserver.faults().next(Matching::path("/register"), 5, Fault::Failed);
    let waiting = Arc::clone(&server);
    let waiting = spawn_blocking(move || register(&waiting, "alice", "secret"));
    strikes.reach(1).await;
    homeserver.faults().heal();
    assert_eq!(waiting.await.unwrap().unwrap().status, 200);
    assert_eq!(register(&server, "bob", "secret").unwrap().status, 200);
}

#[test]
fn a_fault_meets_one_user_or_one_kind_of_answer_alone() {
    let (server, homeserver) = embed(None);
    let log_in = |name| {
        let account: Account = server.register(name);
        (server.login_raw(&account), account)
    };
    let ((alice, account), (bob, _)) = (log_in("alice"), log_in("bob"));
    let who_am_i = |token: &str| {
        let head = format!("GET /_matrix/client/v3/account/whoami HTTP/1.0\r\nAuthorization: Bearer {token}\r\n");
        http::exchange(host(&server), &head, b"").map(|answer| answer.status).ok()
    };
    let next = |homeserver: &Faulty, matching| homeserver.faults().next(matching, 1, Fault::Lost);

    let user = account.user_id.as_str().try_into().unwrap();
    let strikes = next(&homeserver, Matching::path("/whoami").by(user));
    assert_eq!((who_am_i(&bob.token), strikes.count()), (Some(200), 0));
    assert_eq!((who_am_i(&alice.token), strikes.count()), (None, 1));

    let strikes = next(&homeserver, Matching::path("/whoami").answering(&bob.device_id));
    assert_eq!((who_am_i(&alice.token), strikes.count()), (Some(200), 0));
    assert_eq!((who_am_i(&bob.token), strikes.count()), (None, 1));
    assert_eq!(server.raw("GET", "/_matrix/client/v3/account/whoami", Some(&bob.token), &Value::Null).0, 200);
}
