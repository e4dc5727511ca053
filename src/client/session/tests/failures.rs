//! Each way in which a login fails, against its sentence.

use std::{fs, time::Duration};

use serde_json::json;
use tokio::net::TcpListener;
use url::Url;

use super::{
    super::{
        discover,
        loopback::{Loopback, Request, homeserver, refuse, reply, response},
        *,
    },
    LOGIN, login, profile,
};
use crate::{
    client::{errors::LoginError, reply::FailureKind},
    model::{LoginMethod, Secret},
};

/// Logs in against these answers; gives the sentence, with the host as `HOST`, and makes sure that
/// nothing was made on the disk.
async fn failure(answer: impl Fn(&str, &Request) -> Option<String> + Send + Sync + 'static) -> (String, FailureKind) {
    let server = homeserver(answer).await;
    let (_dir, profile) = profile();
    let error = login(&profile, &server, "alice").await.err().unwrap();
    assert!(!profile.dir.exists(), "a login that failed leaves nothing");
    let host = server.url.trim_start_matches("http://");
    (error.to_string().replace(&server.url, "HOST").replace(host, "HOST"), error.kind())
}

fn on_login(answer: String) -> impl Fn(&str, &Request) -> Option<String> + Send + Sync {
    move |_, request| (request.line == LOGIN).then(|| answer.clone())
}

#[tokio::test]
async fn a_refused_login_says_why() {
    let limited = json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "", "retry_after_ms": 2500 });
    let limited_for = |seconds| FailureKind::RateLimited { retry_after: Some(Duration::from_secs(seconds)) };
    for (answer, expected, kind) in [
        (refuse(403, "M_FORBIDDEN"), "Wrong user name or password. Check both and try again.", FailureKind::Forbidden),
        (
            refuse(403, "M_USER_DEACTIVATED"),
            "This account is deactivated. Ask the homeserver's administrator.",
            FailureKind::Forbidden,
        ),
        (reply(429, &limited), "HOST has seen too many attempts. Try again in 3 seconds.", limited_for(3)),
        (
            response(429, "retry-after: 7\r\n", "application/json", &limited.to_string()),
            "HOST has seen too many attempts. Try again in 7 seconds.",
            limited_for(7),
        ),
        (
            refuse(404, "M_UNRECOGNIZED"),
            "HOST does not offer logging in with a password. Choose another way to log in.",
            FailureKind::Refused,
        ),
        (
            refuse(500, "M_UNKNOWN"),
            "HOST did not log you in. The homeserver answered M_UNKNOWN: in the server's words.",
            FailureKind::Server,
        ),
    ] {
        assert_eq!(failure(on_login(answer)).await, (expected.to_owned(), kind));
    }
}

#[tokio::test]
async fn a_garbled_answer_to_a_login_is_told_apart_from_a_refusal() {
    let (sentence, _) = failure(on_login(response(200, "", "application/json", "{ not json"))).await;
    assert!(sentence.starts_with("HOST did not log you in. The homeserver's answer makes no sense: "), "{sentence}");
}

#[tokio::test]
async fn a_server_without_passwords_does_not_blame_the_password() {
    let (sentence, _) = failure(|_, request| match request.line.as_str() {
        LOGIN => Some(refuse(403, "M_FORBIDDEN")),
        "GET /_matrix/client/v3/login" => Some(reply(200, &json!({ "flows": [{ "type": "m.login.sso" }] }))),
        _ => None,
    })
    .await;
    assert_eq!(sentence, "HOST does not offer logging in with a password. Choose another way to log in.");
}

#[tokio::test]
async fn a_server_that_speaks_no_matrix_is_named_as_such() {
    let expected = "HOST answers, but speaks no Matrix. Check the name, or type the homeserver's full address.";
    for answer in [
        response(200, "", "text/html", "<html>Hello</html>"),
        response(404, "", "text/html", "<html>Not here</html>"),
        reply(200, &json!({ "hello": "world" })),
        reply(404, &json!({ "error": "not found" })),
    ] {
        assert_eq!(failure(move |_, _| Some(answer.clone())).await, (expected.to_owned(), FailureKind::NotFound));
    }
    let (sentence, kind) = failure(|_, _| Some(response(502, "", "text/html", "<html>Bad gateway</html>"))).await;
    assert_eq!(sentence, "HOST did not log you in. The homeserver answered with status 502.");
    assert_eq!(kind, FailureKind::Server);
}

#[tokio::test]
async fn a_server_that_gives_no_answer_is_a_network_failure() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let silent = Loopback::start(|_, _| None).await;
    let plain = Loopback::start(|_, _| Some(response(200, "", "text/plain", ""))).await;
    for (typed, expected) in [
        (format!("http://{closed}"), "nothing accepts connections there. Check the address and the port"),
        (silent.url.clone(), "it does not answer. Check the address and your connection"),
        (plain.url.replace("http:", "https:"), "no secure connection can be made ("),
    ] {
        let error = discover::homeserver(&typed, Duration::from_millis(500)).await.err().unwrap();
        let host = Url::parse(&typed).unwrap().port().unwrap();
        let start = format!("Cannot reach 127.0.0.1:{host}: {expected}");
        assert!(error.to_string().starts_with(&start), "{error}");
        assert_eq!(error.kind(), FailureKind::Offline);
    }
}

#[tokio::test]
async fn what_was_typed_is_checked_before_anybody_is_asked() {
    let (_dir, profile) = profile();
    for typed in ["", "not a server", "ftp://example.org", "https://", "exa_mple.org/path"] {
        let error = find(typed).await.unwrap_err();
        assert!(matches!(&error, LoginError::Address(address) if address.as_str() == typed), "{typed}: {error}");
    }
    for typed in ["", "alice smith", "@alice", "@alice:not a server"] {
        let error = login_password(&profile, "http://127.0.0.1:1", typed, &Secret::default()).await.err().unwrap();
        assert!(matches!(&error, LoginError::UserName(name) if name.as_str() == typed), "{typed}: {error}");
    }
}

#[tokio::test]
async fn a_name_is_looked_up_and_a_url_is_taken_at_its_word() {
    let home = homeserver(|_, _| None).await;
    let target = home.url.clone();
    let pointer = move |_: &str, request: &Request| {
        (request.line == "GET /.well-known/matrix/client")
            .then(|| reply(200, &json!({ "m.homeserver": { "base_url": target } })))
    };
    // A homeserver that points to another one.
    let both = homeserver(pointer.clone()).await;
    let name = both.url.trim_start_matches("http://");
    assert_eq!(find(name).await.unwrap(), (SafeText::line(&home.url), vec![LoginMethod::Password]));
    assert_eq!(find(&both.url).await.unwrap(), (SafeText::line(&both.url), vec![LoginMethod::Password]));
    // A mere web server that points to one.
    let only = Loopback::start(move |url, request| {
        pointer(url, request).or_else(|| Some(response(404, "", "text/html", "<html>")))
    })
    .await;
    assert_eq!(find(&only.url).await.unwrap().0.as_str(), home.url);
    // A broken pointer: what is there itself counts, and if nothing is, the pointer is to blame.
    let broken = |_: &str, request: &Request| {
        (request.line == "GET /.well-known/matrix/client").then(|| response(200, "", "text/html", "<html>"))
    };
    let usable = homeserver(broken).await;
    let name = usable.url.trim_start_matches("http://");
    assert_eq!(find(name).await.unwrap().0.as_str(), usable.url);
    let useless = Loopback::start(|_, _| Some(response(200, "", "text/html", "<html>"))).await;
    let name = useless.url.trim_start_matches("http://");
    assert!(matches!(find(name).await.unwrap_err(), LoginError::BrokenWellKnown(host) if host.as_str() == name));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_told_before_anybody_is_asked() {
    let server = homeserver(|_, _| None).await;
    let (dir, mut profile) = profile();
    fs::write(dir.path().join("file"), "").unwrap();
    profile.dir = dir.path().join("file/p");
    let error = login(&profile, &server, "alice").await.err().unwrap();
    assert!(matches!(error, LoginError::Session(SessionError::Disk { .. })), "{error}");
    assert!(error.to_string().ends_with("Check the folder, or choose another one with --data-dir."), "{error}");
    assert!(server.seen.lock().unwrap().is_empty());
}
