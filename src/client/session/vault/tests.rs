//! What lies on the disk: there and back, private, sealed, and never deleted by accident.

use super::*;
use crate::model::SafeText;

const TOKEN: &str = "syt_a_plain_token";

fn record() -> Record {
    let session = MatrixSession {
        meta: SessionMeta { user_id: "@alice:example.org".try_into().unwrap(), device_id: "DEVICE".into() },
        tokens: SessionTokens { access_token: TOKEN.to_owned(), refresh_token: Some("syr_refresh".to_owned()) },
    };
    Record {
        homeserver: "https://example.org/".to_owned(),
        sliding_sync: true,
        user_id: session.meta.user_id.clone(),
        logged_in_at: Timestamp::from_millis(7),
        state: State::Active(Granted::of(&session.into())),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_session_comes_back_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("profiles/default");
    assert!(Vault::open(&dir).unwrap().is_none());
    assert!(!dir.exists(), "looking makes nothing");

    Vault::create(&dir).unwrap().write(&record()).unwrap();
    let (_, read) = Vault::open(&dir).unwrap().unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(record()).unwrap());
    let session = read.session().unwrap();
    assert_eq!((session.access_token(), session.get_refresh_token()), (TOKEN, Some("syr_refresh")));
}

#[test]
fn an_oauth_session_keeps_its_client_id() {
    let State::Active(granted) = record().state else { panic!() };
    let state = State::Active(Granted { client_id: Some("CLIENT".to_owned()), ..granted });
    let Some(AuthSession::OAuth(session)) = (Record { state, ..record() }).session() else { panic!() };
    assert_eq!(session.client_id.as_str(), "CLIENT");
}

#[test]
fn folder_and_files_are_the_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
    let vault = Vault::create(dir).unwrap();
    vault.write(&record()).unwrap();
    assert_eq!(mode(dir), 0o700);
    assert_eq!((mode(&dir.join("key")), mode(&dir.join("session.json"))), (0o600, 0o600));
    fs::write(dir.join("database"), "").unwrap();
    fs::set_permissions(dir.join("database"), Permissions::from_mode(0o644)).unwrap();
    vault.make_files_private().unwrap();
    assert_eq!(mode(&dir.join("database")), 0o600);
}

#[test]
fn no_file_holds_a_token_in_plain() {
    let dir = tempfile::tempdir().unwrap();
    Vault::create(dir.path()).unwrap().write(&record()).unwrap();
    let files = files_in(dir.path()).unwrap();
    assert_eq!(files.len(), 2, "no temporary file is left: {files:?}");
    for file in files {
        let bytes = fs::read(&file).unwrap();
        for secret in [TOKEN, "syr_refresh", "alice"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{}", file.display());
        }
    }
}

#[test]
fn what_cannot_be_read_is_reported_and_left_alone() {
    let key: fn(&str) -> SessionError = |path| SessionError::Key(SafeText::line(path));
    let damaged: fn(&str) -> SessionError = |path| SessionError::Damaged(SafeText::line(path));
    let cases: [(&str, Option<&[u8]>, _); 5] = [
        ("key", Some(&[1; 32]), key),
        ("key", Some(&[1; 31]), key),
        ("key", None, key),
        ("session.json", Some(b"{}"), damaged),
        (
            "session.json",
            Some(br#"{"version":2,"cipher":[],"record":{"version":1,"ciphertext":[],"nonce":[]}}"#),
            damaged,
        ),
    ];
    for (name, content, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        Vault::create(dir.path()).unwrap().write(&record()).unwrap();
        let path = dir.path().join(name);
        match content {
            Some(content) => fs::write(&path, content).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let before = files_in(dir.path()).unwrap();
        let error = Vault::open(dir.path()).err().unwrap();
        assert_eq!(error.to_string(), expected(&path.display().to_string()).to_string());
        assert!(error.to_string().contains("log in again"));
        assert_eq!(files_in(dir.path()).unwrap(), before);
    }
}

#[test]
fn a_session_that_has_ended_keeps_its_tokens_and_may_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::create(dir.path()).unwrap();
    vault.write(&record()).unwrap();
    let now = || vault.read().unwrap().unwrap();
    vault.change(State::ended).unwrap();
    assert!(matches!(now().state, State::Ended(_)));
    assert_eq!(now().session().unwrap().access_token(), TOKEN);
    let renewed = |device: &str| Granted {
        device_id: device.into(),
        tokens: Tokens(SessionTokens { access_token: "new".to_owned(), refresh_token: None }),
        client_id: None,
    };
    vault.change(|state| state.with(renewed("OTHER"))).unwrap();
    assert_eq!(now().session().unwrap().access_token(), TOKEN, "another device's tokens are not this one's");
    vault.change(|state| state.with(renewed("DEVICE"))).unwrap();
    assert!(matches!(now().state, State::Ended(_)));
    vault.change(State::revived).unwrap();
    assert!(matches!(now().state, State::Active(_)));
    assert_eq!(now().session().unwrap().access_token(), "new");
}

#[test]
fn session_files_of_former_versions_are_read() {
    let tokens = serde_json::json!({ "access_token": "a", "refresh_token": "r" });
    let active = serde_json::json!({ "state": "active", "device": "D", "tokens": tokens, "client_id": null });
    let State::Active(granted) = serde_json::from_value(active).unwrap() else { panic!() };
    assert_eq!((granted.device_id.as_str(), &*granted.tokens.0.access_token), ("D", "a"));
    let soft = serde_json::from_value(serde_json::json!({ "state": "soft_logged_out", "device": "D" })).unwrap();
    assert!(matches!(soft, State::SoftLoggedOut { device_id: device } if device == "D"));
    let hard = serde_json::from_value(serde_json::json!({ "state": "hard_logged_out" })).unwrap();
    assert!(matches!(hard, State::HardLoggedOut));
}

#[test]
fn databases_are_forgotten_apart_and_everything_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::create(dir.path()).unwrap();
    for name in ["matrix-sdk-state.sqlite3", "matrix-sdk-crypto.sqlite3-wal", "ledger.sqlite3"] {
        fs::write(dir.path().join(name), "").unwrap();
    }
    let names = || {
        let mut names: Vec<_> =
            files_in(dir.path()).unwrap().iter().map(|f| f.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    vault.forget_databases().unwrap();
    assert_eq!(names(), ["key", "ledger.sqlite3"]);
    fs::create_dir(dir.path().join("media")).unwrap();
    Vault::clear(dir.path()).unwrap();
    assert!(entries(dir.path()).unwrap().is_empty());
}

/// Tokens are renewed by whichever task has asked first, while the session is taken up again or put
/// away by another.
#[test]
fn new_tokens_are_not_undone_by_a_change_of_how_far_the_session_is_alive() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::create(dir.path()).unwrap();
    vault.write(&record()).unwrap();
    let with_token = |number: u32| {
        let State::Active(granted) = record().state else { panic!() };
        Granted { tokens: Tokens(SessionTokens { access_token: number.to_string(), refresh_token: None }), ..granted }
    };
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for _ in 0..40 {
                vault.change(State::ended).unwrap();
                vault.change(State::revived).unwrap();
            }
        });
        for number in 1..=40 {
            // Opened anew, as by whoever else changes the file.
            let (other, _) = Vault::open(dir.path()).unwrap().unwrap();
            other.change(|state| state.with(with_token(number))).unwrap();
            let now = vault.read().unwrap().unwrap().session().unwrap();
            assert_eq!(now.access_token(), number.to_string());
        }
    });
}
