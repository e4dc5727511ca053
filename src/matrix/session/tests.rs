use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::atomic::{AtomicBool, Ordering},
};

use matrix_sdk::{
    ComposerDraft, ComposerDraftType,
    ruma::{OwnedRoomId, owned_room_id},
};
use matrix_sdk_base::StateStoreDataValue;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use url::Url;

use super::{
    loopback::{Loopback, homeserver, refuse, reply, response},
    *,
};
use crate::{delivery::policy::Settings, matrix::errors::Kind};

const LOGIN: &str = "POST /_matrix/client/v3/login";

fn profile() -> (TempDir, Profile) {
    let dir = tempfile::tempdir().unwrap();
    let profile =
        Profile { dir: dir.path().join("p"), device_name: "kvitto test".to_owned(), settings: Settings::default() };
    (dir, profile)
}

async fn login(profile: &Profile, server: &Loopback, user: &str) -> Result<Session, LoginError> {
    login_password(profile, &server.url, user, &Secret("secret".to_owned())).await
}

/// Logs in against these answers; gives the sentence, with the host as `HOST`, and makes sure that nothing was made on
/// the disk.
async fn failure(
    answer: impl Fn(&str, &loopback::Request) -> Option<String> + Send + Sync + 'static,
) -> (String, Kind) {
    let server = homeserver(answer).await;
    let (_dir, profile) = profile();
    let error = login(&profile, &server, "alice").await.err().unwrap();
    assert!(!profile.dir.exists(), "a login that failed leaves nothing");
    let host = server.url.trim_start_matches("http://");
    (error.to_string().replace(&server.url, "HOST").replace(host, "HOST"), error.kind())
}

fn on_login(answer: String) -> impl Fn(&str, &loopback::Request) -> Option<String> + Send + Sync {
    move |_, request| (request.line == LOGIN).then(|| answer.clone())
}

#[tokio::test]
async fn a_refused_login_says_why() {
    let limited = json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "", "retry_after_ms": 2500 });
    for (answer, expected) in [
        (refuse(403, "M_FORBIDDEN"), "Wrong user name or password. Check both and try again."),
        (refuse(403, "M_USER_DEACTIVATED"), "This account is deactivated. Ask the homeserver's administrator."),
        (reply(429, &limited), "HOST has seen too many attempts. Try again in 3 seconds."),
        (
            response(429, "retry-after: 7\r\n", "application/json", &limited.to_string()),
            "HOST has seen too many attempts. Try again in 7 seconds.",
        ),
        (
            refuse(404, "M_UNRECOGNIZED"),
            "HOST does not offer logging in with a password. Choose another way to log in.",
        ),
        (
            refuse(500, "M_UNKNOWN"),
            "HOST did not log you in. The homeserver answered M_UNKNOWN: in the server's words.",
        ),
    ] {
        assert_eq!(failure(on_login(answer)).await, (expected.to_owned(), Kind::Refused));
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
        assert_eq!(failure(move |_, _| Some(answer.clone())).await, (expected.to_owned(), Kind::Other));
    }
    let (sentence, kind) = failure(|_, _| Some(response(502, "", "text/html", "<html>Bad gateway</html>"))).await;
    assert_eq!(sentence, "HOST did not log you in. The homeserver answered with status 502.");
    assert_eq!(kind, Kind::Refused);
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
        assert_eq!(error.kind(), Kind::Network);
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
    let pointer = move |_: &str, request: &loopback::Request| {
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
    let broken = |_: &str, request: &loopback::Request| {
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
async fn a_session_is_restored_without_any_request() {
    let server = homeserver(|_, _| None).await;
    let (_dir, profile) = profile();
    assert!(restore(&profile).await.unwrap().is_none());
    let mut first = login(&profile, &server, "alice").await.unwrap();
    first.settle().await;
    assert_eq!(first.account.user.as_str(), "@alice:example.org");
    assert_eq!(first.account.device.as_str(), "DEVICE1");
    assert_eq!(server.requests(LOGIN)[0].field("initial_device_display_name"), "kvitto test");
    server.stop().await;

    let again = restore(&profile).await.unwrap().unwrap();
    assert_eq!(again.account, first.account);
    assert_eq!((again.logged_in_at, again.key), (first.logged_in_at, first.key));
    assert_eq!(again.client.access_token().as_deref(), Some("token-alice-1"));
    assert!(matches!(again.client.sliding_sync_version(), matrix_sdk::sliding_sync::Version::Native));
}

#[tokio::test]
async fn every_file_is_private_and_none_holds_the_token() {
    let server = homeserver(|_, _| None).await;
    let (_dir, profile) = profile();
    let mut session = login(&profile, &server, "alice").await.unwrap();
    session.settle().await;
    let paths: Vec<_> = fs::read_dir(&profile.dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    for store in ["state", "crypto", "event-cache", "media"] {
        assert!(paths.contains(&profile.dir.join(format!("matrix-sdk-{store}.sqlite3"))), "{paths:?}");
    }
    assert_eq!(fs::metadata(&profile.dir).unwrap().permissions().mode() & 0o777, 0o700);
    for path in paths {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(13).any(|window| window == b"token-alice-1"), "{}", path.display());
    }
}

fn room() -> OwnedRoomId {
    owned_room_id!("!room:example.org")
}

async fn keep_draft(session: &Session) {
    let draft = ComposerDraft {
        plain_text: "unsent".to_owned(),
        html_text: None,
        draft_type: ComposerDraftType::NewMessage,
        attachments: Vec::new(),
    };
    let (key, value) = (StateStoreDataKey::ComposerDraft(&room(), None), StateStoreDataValue::ComposerDraft(draft));
    session.client.state_store().set_kv_data(key, value).await.unwrap();
    let (key, value) = (StateStoreDataKey::SyncToken, StateStoreDataValue::SyncToken("s1".to_owned()));
    session.client.state_store().set_kv_data(key, value).await.unwrap();
}

/// The draft, and whether the sync position is there.
async fn kept(session: &Session) -> (Option<String>, bool) {
    let store = session.client.state_store();
    let draft = store.get_kv_data(StateStoreDataKey::ComposerDraft(&room(), None)).await.unwrap();
    let position = store.get_kv_data(StateStoreDataKey::SyncToken).await.unwrap();
    (draft.map(|draft| draft.into_composer_draft().unwrap().plain_text), position.is_some())
}

async fn identity_key(session: &Session) -> String {
    session.client.encryption().curve25519_key().await.unwrap().to_base64()
}

#[tokio::test]
async fn a_soft_logout_goes_on_as_the_same_device() {
    let server = homeserver(|_, _| None).await;
    let (_dir, profile) = profile();
    let first = login(&profile, &server, "alice").await.unwrap();
    keep_draft(&first).await;
    end_device(&profile, true).await;
    assert!(restore(&profile).await.unwrap().is_none());

    let again = login(&profile, &server, "@alice:example.org").await.unwrap();
    assert_eq!(server.requests(LOGIN)[1].field("device_id"), "DEVICE1");
    assert_eq!(again.account, first.account);
    assert_eq!((again.logged_in_at, again.key), (first.logged_in_at, first.key));
    assert_eq!(kept(&again).await, (Some("unsent".to_owned()), true));
    assert_eq!(identity_key(&again).await, identity_key(&first).await);
}

#[tokio::test]
async fn a_hard_logout_keeps_drafts_and_gives_up_the_device() {
    let server = homeserver(|_, _| None).await;
    let (_dir, profile) = profile();
    let first = login(&profile, &server, "alice").await.unwrap();
    keep_draft(&first).await;
    end_device(&profile, false).await;
    assert!(restore(&profile).await.unwrap().is_none());

    let second = login(&profile, &server, "alice").await.unwrap();
    assert_eq!(second.account.device.as_str(), "DEVICE2");
    assert_eq!(kept(&second).await, (Some("unsent".to_owned()), false));
    assert_ne!(identity_key(&second).await, identity_key(&first).await);
    assert!(second.logged_in_at >= first.logged_in_at);
}

#[tokio::test]
async fn another_user_starts_clean() {
    let server = homeserver(|_, _| None).await;
    for soft in [true, false] {
        let (_dir, profile) = profile();
        let first = login(&profile, &server, "alice").await.unwrap();
        keep_draft(&first).await;
        fs::write(profile.dir.join("ledger"), "alice's").unwrap();
        end_device(&profile, soft).await;
        let other = login(&profile, &server, "bob").await.unwrap();
        assert_eq!(server.requests(LOGIN).last().unwrap().field("device_id"), serde_json::Value::Null);
        assert_eq!(kept(&other).await, (None, false));
        assert_ne!(other.key, first.key);
        assert!(!profile.dir.join("ledger").exists());
    }
}

#[tokio::test]
async fn a_logout_empties_the_folder_and_says_when_the_server_was_not_told() {
    for (answer, told) in
        [(reply(200, &json!({})), true), (refuse(401, "M_UNKNOWN_TOKEN"), true), (refuse(403, "M_FORBIDDEN"), false)]
    {
        let server =
            homeserver(move |_, request| (request.line == "POST /_matrix/client/v3/logout").then(|| answer.clone()))
                .await;
        let (_dir, profile) = profile();
        let mut session = login(&profile, &server, "alice").await.unwrap();
        session.settle().await;
        let result = logout(&profile, &session).await;
        assert_eq!(server.requests("POST /_matrix/client/v3/logout")[0].token.as_deref(), Some("token-alice-1"));
        assert_eq!(fs::read_dir(&profile.dir).unwrap().count(), 0);
        match result {
            Ok(()) => assert!(told),
            Err(error) => assert!(!told && error.to_string().contains("Device DEVICE1 stays in your list"), "{error}"),
        }
    }
}

#[tokio::test]
async fn a_logout_without_network_says_so() {
    let server = homeserver(|_, _| None).await;
    let (_dir, profile) = profile();
    let mut session = login(&profile, &server, "alice").await.unwrap();
    session.settle().await;
    server.stop().await;
    let error = logout(&profile, &session).await.unwrap_err();
    assert!(error.to_string().starts_with(
        "You are logged out on this machine, but the homeserver was not told: \
         Cannot reach the homeserver: nothing accepts connections there."
    ));
    assert!(restore(&profile).await.unwrap().is_none());
}

#[tokio::test]
async fn a_damaged_folder_is_an_error_for_login_too_and_stays() {
    let server = homeserver(|_, _| None).await;
    let (_dir, profile) = profile();
    drop(login(&profile, &server, "alice").await.unwrap());
    fs::write(profile.dir.join("key"), [7; 32]).unwrap();
    assert!(matches!(restore(&profile).await, Err(SessionError::Key(_))));
    let error = login(&profile, &server, "alice").await.err().unwrap();
    assert!(matches!(error, LoginError::Session(SessionError::Key(_))), "{error}");
    assert!(profile.dir.join("matrix-sdk-crypto.sqlite3").exists());
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
        let url = Url::parse(&to_open.recv().await.unwrap()).unwrap();
        browse(&act(&url)).await;
    };
    tokio::join!(login, person).0
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
    assert_eq!(session.account.user.as_str(), "@alice:example.org");
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

/// A homeserver with OAuth. Access tokens are `first`, then `second`; `first` is dead once `expire` is set.
async fn oauth_homeserver(expire: &'static AtomicBool) -> Loopback {
    homeserver(move |url, request| {
        if request.token.as_deref() == Some("first") && expire.load(Ordering::SeqCst) {
            return Some(refuse(401, "M_UNKNOWN_TOKEN"));
        }
        Some(reply(
            200,
            &match request.line.as_str() {
                "GET /_matrix/client/v1/auth_metadata"
                | "GET /_matrix/client/unstable/org.matrix.msc2965/auth_metadata" => json!({
                    "issuer": format!("{url}/"),
                    "authorization_endpoint": format!("{url}/authorize"),
                    "token_endpoint": format!("{url}/token"),
                    "revocation_endpoint": format!("{url}/revoke"),
                    "registration_endpoint": format!("{url}/register"),
                    "response_types_supported": ["code"],
                    "response_modes_supported": ["query", "fragment"],
                    "grant_types_supported": ["authorization_code", "refresh_token"],
                    "code_challenge_methods_supported": ["S256"],
                }),
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
    let again = restore(&profile).await.unwrap().unwrap();
    assert_eq!(again.client.access_token().as_deref(), Some("second"));
    assert_eq!(again.client.session_tokens().unwrap().refresh_token.as_deref(), Some("r-second"));
    assert_eq!(again.account, session.account);

    // A refresh that comes after the end brings nothing back.
    end_device(&profile, false).await;
    session.client.refresh_access_token().await.unwrap();
    assert!(restore(&profile).await.unwrap().is_none());
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
    let url = tokio::select! {
        _ = login => panic!("nobody has logged in"),
        url = to_open.recv() => Url::parse(&url.unwrap()).unwrap(),
    };
    let redirect = Url::parse(&query(&url, "redirectUrl")).unwrap();
    let closed = async {
        while TcpStream::connect(("127.0.0.1", redirect.port().unwrap())).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), closed).await.unwrap();
}
