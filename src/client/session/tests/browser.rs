//! Logging in by a browser that is played by the test.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use url::Url;

use super::{
    super::{
        loopback::{Loopback, homeserver, refuse, reply},
        *,
    },
    LOGIN, active, profile,
};
use crate::{
    client::{errors::LoginError, reply::FailureKind},
    model::LoginMethod,
};

/// Where the short address leads.
async fn led_to(short: &str) -> Url {
    let url = Url::parse(short).unwrap();
    assert!(short.len() < 30, "{short}");
    let mut stream = TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let location = answer.lines().find_map(|line| line.strip_prefix("location: "));
    Url::parse(location.unwrap_or_else(|| panic!("{answer}"))).unwrap()
}

/// Requests `url` as a browser would.
async fn browse(url: &Url) {
    let mut stream = TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).await.unwrap();
    let request =
        format!("GET {}?{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", url.path(), url.query().unwrap());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    assert!(page.ends_with("You can close this page and go back to kvitto."), "{page}");
}

fn query(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned()
}

/// Logs in by a browser in which the user does `act`, given the address that was opened.
async fn by_browser(
    profile: &Profile,
    server: &Loopback,
    method: LoginMethod,
    act: impl Fn(&Url) -> Url,
) -> Result<Session, LoginError> {
    let (opened, mut to_open) = mpsc::unbounded_channel();
    let login = login_browser(profile, &server.url, method, move |url| opened.send(url).unwrap());
    let person = async {
        let url = led_to(&to_open.recv().await.unwrap()).await;
        browse(&act(&url)).await;
    };
    Ok(move_in(profile, tokio::join!(login, person).0?).await?)
}

#[tokio::test]
async fn single_sign_on_takes_the_token_that_answers_its_own_request() {
    let server = homeserver(|_, request| {
        (request.line == "GET /_matrix/client/v3/login")
            .then(|| reply(200, &json!({ "flows": [{ "type": "m.login.sso" }] })))
    })
    .await;
    assert_eq!(find(&server.url).await.unwrap().1, [LoginMethod::Sso]);

    let (_dir, profile) = profile();
    let honest = |url: &Url| {
        let mut back = Url::parse(&query(url, "redirectUrl")).unwrap();
        back.query_pairs_mut().append_pair("loginToken", "once");
        back
    };
    let session = by_browser(&profile, &server, LoginMethod::Sso, honest).await.unwrap();
    assert_eq!(session.account.user_id.as_str(), "@alice:example.org");
    let request = &server.requests(LOGIN)[0];
    assert_eq!((request.field("type"), request.field("token")), (json!("m.login.token"), json!("once")));

    let forged = |url: &Url| {
        let mut back = honest(url);
        back.set_query(Some("loginToken=stolen"));
        back
    };
    let error = by_browser(&profile, &server, LoginMethod::Sso, forged).await.err().unwrap();
    assert_eq!(error.to_string(), "The login in the browser failed: the answer is not to our request. Start it again.");
    assert_eq!(server.requests(LOGIN).len(), 1, "the forged token is not used");
}

#[tokio::test]
async fn an_oauth_server_that_is_down_is_a_network_failure() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let server = homeserver(move |url, request| {
        let metadata = || reply(200, &oauth_metadata(&format!("http://{closed}"), url));
        request.line.ends_with("/auth_metadata").then(metadata)
    })
    .await;
    let (_dir, profile) = profile();
    let login = login_browser(&profile, &server.url, LoginMethod::OAuth, |url| panic!("there is no page at {url}"));
    let error = login.await.err().unwrap();
    assert_eq!(error.kind(), FailureKind::Offline, "{error}");
    assert!(error.to_string().contains("nothing accepts connections there"), "{error}");
}

fn oauth_metadata(oauth: &str, issuer: &str) -> serde_json::Value {
    json!({
        "issuer": format!("{issuer}/"),
        "authorization_endpoint": format!("{oauth}/authorize"),
        "token_endpoint": format!("{oauth}/token"),
        "revocation_endpoint": format!("{oauth}/revoke"),
        "registration_endpoint": format!("{oauth}/register"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
    })
}

/// A homeserver with OAuth. Access tokens are `first`, then `second`; `first` is dead once `expire`
/// is set.
async fn oauth_homeserver(expire: &'static AtomicBool) -> Loopback {
    homeserver(move |url, request| {
        if request.token.as_deref() == Some("first") && expire.load(Ordering::SeqCst) {
            return Some(refuse(401, "M_UNKNOWN_TOKEN"));
        }
        Some(reply(
            200,
            &match request.line.as_str() {
                line if line.ends_with("/auth_metadata") => oauth_metadata(url, url),
                "POST /register" => json!({ "client_id": "CLIENT" }),
                "POST /token" => {
                    let access = if request.body.contains("refresh_token") { "second" } else { "first" };
                    json!({ "access_token": access, "refresh_token": format!("r-{access}"), "token_type": "Bearer" })
                }
                "GET /_matrix/client/v3/account/whoami" => json!({ "user_id": "@alice:example.org" }),
                _ => return None,
            },
        ))
    })
    .await
}

#[tokio::test]
async fn oauth_logs_in_and_refreshed_tokens_are_on_the_disk() {
    static EXPIRE: AtomicBool = AtomicBool::new(false);
    let server = oauth_homeserver(&EXPIRE).await;
    assert_eq!(find(&server.url).await.unwrap().1, [LoginMethod::OAuth, LoginMethod::Password]);

    let (_dir, profile) = profile();
    let agree = |url: &Url| {
        let mut back = Url::parse(&query(url, "redirect_uri")).unwrap();
        back.query_pairs_mut().append_pair("code", "once").append_pair("state", &query(url, "state"));
        back
    };
    let session = by_browser(&profile, &server, LoginMethod::OAuth, agree).await.unwrap();
    assert_eq!(session.client.access_token().as_deref(), Some("first"));
    assert_eq!(server.requests("POST /register")[0].field("client_name"), "kvitto");

    EXPIRE.store(true, Ordering::SeqCst);
    session.client.whoami().await.unwrap();
    let again = active(&profile).await;
    assert_eq!(again.client.access_token().as_deref(), Some("second"));
    assert_eq!(again.client.session_tokens().unwrap().refresh_token.as_deref(), Some("r-second"));
    assert_eq!(again.account, session.account);

    // A refresh that comes after the end does not undo it.
    end(&profile).unwrap();
    session.client.refresh_access_token().await.unwrap();
    assert!(matches!(restore(&profile).await.unwrap(), Restored::Ended { .. }));
}

#[tokio::test]
async fn oauth_that_is_cancelled_in_the_browser_says_so() {
    static EXPIRE: AtomicBool = AtomicBool::new(false);
    let server = oauth_homeserver(&EXPIRE).await;
    let (_dir, profile) = profile();
    let refuse = |url: &Url| {
        let mut back = Url::parse(&query(url, "redirect_uri")).unwrap();
        back.query_pairs_mut().append_pair("error", "access_denied").append_pair("state", &query(url, "state"));
        back
    };
    let error = by_browser(&profile, &server, LoginMethod::OAuth, refuse).await.err().unwrap();
    assert!(matches!(error, LoginError::BrowserCancelled), "{error}");
    assert!(!profile.dir.exists());
}

#[tokio::test]
async fn dropping_a_browser_login_closes_its_port() {
    let server = homeserver(|_, _| None).await;
    let (_dir, profile) = profile();
    let (opened, mut to_open) = mpsc::unbounded_channel();
    let login = login_browser(&profile, &server.url, LoginMethod::Sso, move |url| opened.send(url).unwrap());
    let opened = async {
        let short = to_open.recv().await.unwrap();
        (Url::parse(&short).unwrap(), led_to(&short).await)
    };
    let (short, url) = tokio::select! {
        _ = login => panic!("nobody has logged in"),
        opened = opened => opened,
    };
    let redirect = Url::parse(&query(&url, "redirectUrl")).unwrap();
    let closed = async {
        for port in [redirect.port(), short.port()] {
            while TcpStream::connect(("127.0.0.1", port.unwrap())).await.is_ok() {
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), closed).await.unwrap();
}
