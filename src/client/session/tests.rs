//! What is kept on the disk, and for whom, on each way in and out.

use std::{fs, os::unix::fs::PermissionsExt as _};

use matrix_sdk::{
    ComposerDraft, ComposerDraftType,
    ruma::{OwnedRoomId, owned_room_id},
};
use matrix_sdk_base::StateStoreDataValue;
use serde_json::json;
use tempfile::TempDir;

use super::{
    loopback::{Loopback, homeserver, refuse, reply, response},
    *,
};
use crate::{
    client::errors::LoginError,
    delivery::{policy::Settings, receipt_queue::KEY_WAIT},
    model::Secret,
};

mod browser;
mod ending;
mod failures;

const LOGIN: &str = "POST /_matrix/client/v3/login";

fn profile() -> (TempDir, Profile) {
    let dir = tempfile::tempdir().unwrap();
    let profile = Profile {
        dir: dir.path().join("p"),
        device_name: "kvitto test".to_owned(),
        settings: Settings::default(),
        key_wait: KEY_WAIT,
        summary_above: 200,
    };
    (dir, profile)
}

async fn login(profile: &Profile, server: &Loopback, user: &str) -> Result<Session, LoginError> {
    let login = login_password(profile, &server.url, user, &Secret("secret".to_owned())).await?;
    Ok(move_in(profile, login).await?)
}

async fn active(profile: &Profile) -> Session {
    match restore(profile).await.unwrap() {
        Restored::Active(session) => *session,
        Restored::Nobody | Restored::Ended { .. } => panic!("nobody is logged in"),
    }
}

async fn is_nobody(profile: &Profile) -> bool {
    matches!(restore(profile).await.unwrap(), Restored::Nobody)
}

#[tokio::test]
async fn a_session_is_restored_without_any_request() {
    let server = homeserver(|_, _| None).await;
    let (_dir, profile) = profile();
    assert!(is_nobody(&profile).await);
    let mut first = login(&profile, &server, "alice").await.unwrap();
    first.settle().await;
    assert_eq!(first.account.user_id.as_str(), "@alice:example.org");
    assert_eq!(first.account.device.as_str(), "DEVICE1");
    assert_eq!(server.requests(LOGIN)[0].field("initial_device_display_name"), "kvitto test");
    server.stop().await;

    let again = active(&profile).await;
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
}

/// The draft.
async fn kept(session: &Session) -> Option<String> {
    let store = session.client.state_store();
    let draft = store.get_kv_data(StateStoreDataKey::ComposerDraft(&room(), None)).await.unwrap();
    draft.map(|draft| draft.into_composer_draft().unwrap().plain_text)
}

/// Makes the login long ago.
fn backdate(profile: &Profile) {
    let (vault, mut record) = Vault::open(&profile.dir).unwrap().unwrap();
    record.logged_in_at = Timestamp::from_millis(7);
    vault.write(&record).unwrap();
}

async fn identity_key(session: &Session) -> String {
    session.client.encryption().curve25519_key().await.unwrap().to_base64()
}

#[tokio::test]
async fn what_a_first_login_that_was_cut_off_has_left_is_swept_away() {
    let server = homeserver(|_, _| None).await;
    let (_dir, profile) = profile();
    fs::create_dir_all(&profile.dir).unwrap();
    fs::write(profile.dir.join("matrix-sdk-crypto.sqlite3"), "another key's").unwrap();
    fs::write(profile.dir.join("notes"), "not ours").unwrap();
    login(&profile, &server, "alice").await.unwrap();
    assert_eq!(fs::read_to_string(profile.dir.join("notes")).unwrap(), "not ours");
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
    assert!(is_nobody(&profile).await);
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
