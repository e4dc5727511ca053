//! What is kept of a session that has ended, and who may go on with it.

use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::{
    super::trust::{Verdict, ask},
    *,
};
use crate::model::Secret;

/// The session that has ended, as the login screen has it.
async fn ended(profile: &Profile) -> (Account, Option<Box<Session>>, String) {
    match restore(profile).await.unwrap() {
        Restored::Ended { account, session, why } => (account, session, why.to_string()),
        Restored::Nobody | Restored::Active(_) => panic!("no session has ended"),
    }
}

#[tokio::test]
async fn whoever_logs_in_again_goes_on_with_device_keys_and_drafts_p2() {
    for typed in ["alice", "Alice", "@alice:example.org", "@ALICE:example.org"] {
        let server = homeserver(|_, _| None).await;
        let (_dir, profile) = profile();
        let first = login(&profile, &server, "alice").await.unwrap();
        keep_draft(&first).await;
        backdate(&profile);
        end(&profile).unwrap();
        let (account, session, why) = ended(&profile).await;
        assert_eq!(account, first.account);
        assert!(session.is_some() && why.contains("Log in again"), "{why}");
        drop(session);

        let again = login(&profile, &server, typed).await.unwrap();
        assert_eq!(server.requests(LOGIN)[1].field("device_id"), "DEVICE1");
        assert_eq!(again.account, first.account);
        assert_eq!((again.logged_in_at, again.key), (Timestamp::from_millis(7), first.key));
        assert_eq!(kept(&again).await, Some("unsent".to_owned()));
        assert_eq!(identity_key(&again).await, identity_key(&first).await);
        assert_eq!(active(&profile).await.account, first.account);
    }
}

/// A server may take names that are nothing like the user's id.
#[tokio::test]
async fn a_user_is_who_the_server_says() {
    let server = homeserver(|_, request| {
        let alias = request.line == LOGIN && request.field("identifier")["user"] == "al";
        alias.then(|| {
            let device = request.field("device_id").as_str().unwrap_or("ANOTHER").to_owned();
            let token = format!("token-of-{device}");
            reply(200, &json!({ "user_id": "@alice:example.org", "device_id": device, "access_token": token }))
        })
    })
    .await;
    let (_dir, profile) = profile();
    let first = login(&profile, &server, "alice").await.unwrap();
    end(&profile).unwrap();
    let again = login(&profile, &server, "al").await.unwrap();
    assert_eq!(again.account, first.account);
    assert_eq!(identity_key(&again).await, identity_key(&first).await);
    let logouts = server.requests("POST /_matrix/client/v3/logout");
    assert_eq!(logouts[0].token.as_deref(), Some("token-of-ANOTHER"), "the needless device is gone");
}

#[tokio::test]
async fn a_new_device_is_made_where_the_keys_are_gone_and_drafts_stay_p2() {
    let server = homeserver(|_, _| None).await;
    for by_the_server in [true, false] {
        let (_dir, profile) = profile();
        let first = login(&profile, &server, "alice").await.unwrap();
        keep_draft(&first).await;
        backdate(&profile);
        let former = identity_key(&first).await;
        let device = first.account.device.clone();
        drop(first);
        if by_the_server {
            end(&profile).unwrap();
        }
        for file in fs::read_dir(&profile.dir).unwrap() {
            let path = file.unwrap().path();
            if path.display().to_string().contains("matrix-sdk-crypto") {
                fs::remove_file(path).unwrap();
            }
        }
        let (_, session, why) = ended(&profile).await;
        assert!(session.is_none() && why.contains("as a new device"), "{why}");

        let second = login(&profile, &server, "alice").await.unwrap();
        assert_eq!(server.requests(LOGIN).last().unwrap().field("device_id"), serde_json::Value::Null);
        assert_ne!(second.account.device, device);
        assert_eq!(kept(&second).await, Some("unsent".to_owned()));
        assert_ne!(identity_key(&second).await, former);
        assert!(second.logged_in_at > Timestamp::from_millis(7));
    }
}

/// A server that gives another device than was asked for.
#[tokio::test]
async fn room_keys_outlive_a_device_that_is_given_up() {
    let server = homeserver(|_, request| {
        let given =
            || reply(200, &json!({ "user_id": "@alice:example.org", "device_id": "FORCED", "access_token": "forced" }));
        (request.line == LOGIN && !request.field("device_id").is_null()).then(given)
    })
    .await;
    let (_dir, profile) = profile();
    let first = login(&profile, &server, "alice").await.unwrap();
    keep_draft(&first).await;
    let former = identity_key(&first).await;
    drop(first);
    let open = || Connection::open(profile.dir.join("matrix-sdk-crypto.sqlite3")).unwrap();
    let insert =
        "INSERT INTO inbound_group_session (session_id, room_id, backed_up, data) VALUES (x'01', x'02', 0, x'03')";
    open().execute(insert, []).unwrap();
    open().execute("INSERT INTO olm_hash (data) VALUES (x'01')", []).unwrap();
    end(&profile).unwrap();

    let second = login(&profile, &server, "alice").await.unwrap();
    assert_eq!(second.account.device.as_str(), "FORCED");
    assert_ne!(identity_key(&second).await, former);
    assert_eq!(kept(&second).await, Some("unsent".to_owned()));
    let count = |table: &str| {
        open().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, u32>(0)).unwrap()
    };
    assert_eq!((count("inbound_group_session"), count("olm_hash")), (1, 0));
}

#[tokio::test]
async fn a_session_file_that_is_lost_does_not_cost_the_keys() {
    let server = homeserver(|_, _| None).await;
    let (_dir, profile) = profile();
    let first = login(&profile, &server, "alice").await.unwrap();
    let former = identity_key(&first).await;
    fs::remove_file(profile.dir.join("session.json")).unwrap();
    let again = login(&profile, &server, "alice").await.unwrap();
    assert_eq!(again.account, first.account);
    assert_eq!(identity_key(&again).await, former);
}

#[tokio::test]
async fn another_user_starts_clean_after_a_question_that_names_what_is_lost() {
    let server = homeserver(|_, _| None).await;
    let (_dir, profile) = profile();
    let first = login(&profile, &server, "alice").await.unwrap();
    keep_draft(&first).await;
    fs::write(profile.dir.join("ledger"), "alice's").unwrap();
    end(&profile).unwrap();
    let new = login_password(&profile, &server.url, "bob", &Secret("secret".to_owned())).await.unwrap();
    assert_eq!(server.requests(LOGIN).last().unwrap().field("device_id"), serde_json::Value::Null);
    let former = replaces(&profile, &new).await.unwrap().unwrap();
    assert_eq!(former.as_str(), "@alice:example.org");
    let question = losses(&former, Some(&first), &new).await;
    assert!(question.contains("@bob:example.org") && question.contains("@alice:example.org"), "{question}");
    assert!(question.contains("the keys to all"), "{question}");
    assert!(profile.dir.join("ledger").exists(), "nothing is deleted before the answer");

    let other = move_in(&profile, new).await.unwrap();
    assert_eq!(kept(&other).await, None);
    assert_ne!(other.key, first.key);
    assert!(!profile.dir.join("ledger").exists());
}

#[tokio::test]
async fn a_session_that_was_left_asks_for_the_same_device_again() {
    static DOWN: AtomicBool = AtomicBool::new(true);
    let server = homeserver(|_, request| {
        let logout = request.line == "POST /_matrix/client/v3/logout";
        logout.then(|| if DOWN.load(Ordering::SeqCst) { refuse(500, "M_UNKNOWN") } else { reply(200, &json!({})) })
    })
    .await;
    let (_dir, profile) = profile();
    let first = login(&profile, &server, "alice").await.unwrap();
    let error = leave(&profile, &first).await.unwrap_err();
    assert!(error.to_string().ends_with("Everything is as it was."), "{error}");
    assert_eq!(active(&profile).await.account, first.account);
    DOWN.store(false, Ordering::SeqCst);
    leave(&profile, &first).await.unwrap();
    let (account, session, _) = ended(&profile).await;
    assert!(session.is_none() && account == first.account);
    let again = login(&profile, &server, "alice").await.unwrap();
    assert_eq!(identity_key(&again).await, identity_key(&first).await);
}

#[tokio::test]
async fn a_server_that_has_lost_the_devices_keys_is_given_them_again() {
    let server = homeserver(|_, request| match request.line.as_str() {
        "POST /_matrix/client/v3/keys/query" => Some(reply(200, &json!({ "device_keys": {} }))),
        "POST /_matrix/client/v3/keys/upload" => Some(reply(200, &json!({ "one_time_key_counts": {} }))),
        _ => None,
    })
    .await;
    let (_dir, profile) = profile();
    let first = login(&profile, &server, "alice").await.unwrap();
    let key = identity_key(&first).await;
    end(&profile).unwrap();
    drop(first);
    let before = server.requests("POST /_matrix/client/v3/keys/upload").len();
    let mut again = login(&profile, &server, "alice").await.unwrap();
    again.begin_upkeep();
    let uploaded = || {
        let uploads = server.requests("POST /_matrix/client/v3/keys/upload");
        uploads[before..]
            .iter()
            .any(|request| request.field("device_keys")["keys"]["curve25519:DEVICE1"] == key.as_str())
    };
    let wait = async {
        while !uploaded() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
}

#[tokio::test]
async fn only_a_refusal_is_a_refusal() {
    let unreachable = "The homeserver answered with status 502.";
    let refused = |code: &str| refuse(401, code);
    let alice = || reply(200, &json!({ "user_id": "@alice:example.org" }));
    let gone = response(502, "", "text/html", "<html>");
    // What /whoami and /refresh answer.
    for (whoami, refresh, expected) in [
        (alice(), gone.clone(), Verdict::Alive),
        (reply(200, &json!({ "user_id": "@eve:example.org" })), gone.clone(), Verdict::Refused),
        (gone.clone(), gone.clone(), Verdict::Unheard(SafeText::line(unreachable))),
        (refused("M_UNKNOWN_TOKEN"), gone, Verdict::Unheard(SafeText::line(unreachable))),
        (refused("M_UNKNOWN_TOKEN"), refused("M_UNKNOWN_TOKEN"), Verdict::Refused),
        (refused("M_UNKNOWN_TOKEN"), refuse(403, "M_FORBIDDEN"), Verdict::Refused),
    ] {
        let server = homeserver(move |_, request| match request.line.as_str() {
            LOGIN => Some(reply(
                200,
                &json!({ "user_id": "@alice:example.org", "device_id": "D", "access_token": "a", "refresh_token": "r" }),
            )),
            "GET /_matrix/client/v3/account/whoami" => Some(whoami.clone()),
            "POST /_matrix/client/v3/refresh" => Some(refresh.clone()),
            _ => None,
        })
        .await;
        let (_dir, profile) = profile();
        let session = login(&profile, &server, "alice").await.unwrap();
        assert_eq!(ask(&session.client).await, expected);
    }
}

#[tokio::test]
async fn tokens_that_cannot_be_written_are_told_and_written_later() {
    let server = homeserver(|_, request| {
        let pair = || reply(200, &json!({ "access_token": "second", "refresh_token": "r2" }));
        let first =
            json!({ "user_id": "@alice:example.org", "device_id": "D", "access_token": "first", "refresh_token": "r1" });
        match request.line.as_str() {
            LOGIN => Some(reply(200, &first)),
            "POST /_matrix/client/v3/refresh" => Some(pair()),
            _ => None,
        }
    })
    .await;
    let (_dir, profile) = profile();
    let mut session = login(&profile, &server, "alice").await.unwrap();
    // A folder in the place of the file can be neither read nor replaced.
    let (file, aside) = (profile.dir.join("session.json"), profile.dir.join("aside"));
    fs::rename(&file, &aside).unwrap();
    fs::create_dir(&file).unwrap();
    session.client.refresh_access_token().await.unwrap();
    let error = session.troubles.as_mut().unwrap().try_recv().unwrap();
    assert!(error.to_string().starts_with("Cannot use "), "{error}");
    fs::remove_dir(&file).unwrap();
    fs::rename(&aside, &file).unwrap();
    assert_eq!(active(&profile).await.client.access_token().as_deref(), Some("first"));
    assert!(!session.keeper.is_behind(), "the old pair on disk is not taken for a newer one");
    session.keeper.keep(&session.client).unwrap();
    assert_eq!(active(&profile).await.client.access_token().as_deref(), Some("second"));

    // Somebody else renews them.
    let (vault, mut record) = Vault::open(&profile.dir).unwrap().unwrap();
    let State::Active(granted) = &mut record.state else { panic!() };
    granted.tokens.0.access_token = "third".to_owned();
    vault.write(&record).unwrap();
    assert!(session.keeper.is_behind());
}
