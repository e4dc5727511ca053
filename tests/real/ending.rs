//! How a session ends: only when the homeserver insists, and never at the cost of keys or texts.
use kvitto::{
    app::{
        Phase,
        effect::Effect,
        screens::{Question, Screen},
    },
    client::request::{Request, SessionRequest},
    input::Key,
    model::{Connection, RoomId, SendState},
};
use serde_json::{Value, json};

use crate::{
    person::{Away, Person, body, direct_chat, room_with_a_history},
    support::{
        proxy::{SlidingSync, count},
        server::Account,
    },
    world::{self, World, on},
};

/// Alice with an encrypted room that something was said in.
async fn alice_with_a_history(world: &World) -> (Person, RoomId) {
    let mut alice = world.alice("desk").await;
    let room = room_with_a_history(&mut alice).await;
    (alice, room)
}

/// What she is told offline, once that is so.
async fn offline(person: &mut Person) -> String {
    person
        .until("being offline", |p| match &p.app.connection {
            Connection::Offline(why) => Some(why.to_string()),
            _ => None,
        })
        .await
}

/// The login screen's sentence, and how it is filled in.
async fn login_screen(person: &mut Person) -> (String, String, String) {
    person
        .until("the login screen", |p| match &p.app.phase {
            Phase::Login(login) => {
                let why = login.error.as_ref()?.to_string();
                Some((why, login.homeserver.text().to_owned(), login.user.text().to_owned()))
            }
            _ => None,
        })
        .await
}

async fn goes_on(person: &mut Person) {
    person.until("the session that goes on", |p| (p.app.phase == Phase::Main).then_some(())).await;
    person.online().await;
}

fn logins(world: &World) -> usize {
    world.proxy.requests().iter().filter(|request| request.starts_with("POST ") && request.ends_with("/login")).count()
}

/// Opens the room from the disk alone: what was read once can be read again.
async fn reads_the_history(world: &World, alice: Person, room: &RoomId) -> Away {
    let alice = alice.quit().await;
    world.proxy.cut();
    let mut alice = alice.back().await;
    alice.open(room).await;
    alice.sees("of old").await;
    world.proxy.heal();
    alice.quit().await
}

/// A homeserver whose database is empty for a moment, or a proxy with a mind of its own, ends
/// nothing.
async fn a_server_that_knows_nobody_for_a_moment_ends_nothing(world: World) {
    let (mut alice, room) = alice_with_a_history(&world).await;
    let device = alice.device();
    for soft in [false, true] {
        world.proxy.know_nobody(soft);
        world.proxy.cut();
        world.proxy.heal();
        alice.say(&room, &format!("said meanwhile, {soft}"));
        offline(&mut alice).await;
        world.proxy.allow();
        alice.online().await;
        alice.sees(&format!("said meanwhile, {soft}")).await;
    }
    assert_eq!((logins(&world), alice.device()), (1, device));
    assert_eq!(alice.app.phase, Phase::Main);
    reads_the_history(&world, alice, &room).await;
}
on!(a_server_that_knows_nobody_for_a_moment_ends_nothing: synapse, embedded);

/// A refresh that gets no answer, or a gateway's, is tried again; the screen says why, and what is
/// said waits.
async fn a_refresh_that_fails_costs_nothing(world: World) {
    let (mut alice, room) = alice_with_a_history(&world).await;
    let refreshes = |requests: &[String]| count(requests, "/refresh");
    for (text, reason) in [("while it broke", "connection broke"), ("while the gateway was bad", "502")] {
        let before = refreshes(&world.proxy.requests());
        if reason == "502" {
            world.proxy.answer("/refresh", "502 Bad Gateway", &json!({}));
        } else {
            world.proxy.refuse("/refresh");
        }
        world.proxy.expire();
        world.proxy.cut();
        world.proxy.heal();
        alice.say(&room, text);
        alice
            .until("the reason", |p| match &p.app.connection {
                Connection::Offline(why) => why.contains(reason).then_some(()),
                _ => None,
            })
            .await;
        let state = |p: &Person| p.messages().find(|message| body(message) == text).map(|m| m.send_state.clone());
        world.proxy.wait_for_requests("more refreshes", |requests| refreshes(requests) > before + 3);
        alice.until("it to wait", |p| (state(p) == Some(SendState::Waiting)).then_some(())).await;
        world.proxy.allow();
        alice.online().await;
        alice.sees(text).await;
    }
    assert_eq!(logins(&world), 1);
    reads_the_history(&world, alice, &room).await.back().await.online().await;
}
on!(a_refresh_that_fails_costs_nothing: synapse, embedded);

/// A server that was wrong for long, and is right again: the old session goes on at the next start.
/// Until then the form is filled in each time.
async fn a_session_that_the_server_knows_again_goes_on(world: World) {
    let (mut alice, room) = alice_with_a_history(&world).await;
    let device = alice.device();
    alice.paste("half a thought");
    world.proxy.know_nobody(false);
    world.proxy.cut();
    world.proxy.heal();
    let filled_in = |(why, homeserver, user): (String, String, String)| {
        assert!(why.contains("Log in again"), "{why}");
        assert_eq!((homeserver, user), (world.proxy.base_url.clone(), world.alice.user_id.clone()));
    };
    filled_in(login_screen(&mut alice).await);
    let mut alice = alice.quit().await.starts();
    filled_in(login_screen(&mut alice).await);
    let alice = alice.quit().await;
    world.proxy.allow();
    let mut alice = alice.starts();
    goes_on(&mut alice).await;
    assert_eq!((logins(&world), alice.device()), (1, device));
    alice.open(&room).await;
    alice.sees("of old").await;
    alice
        .until("the draft", |p| {
            p.app.timelines.shown().is_some_and(|open| open.writing.composer.text() == "half a thought").then_some(())
        })
        .await;
}
on!(a_session_that_the_server_knows_again_goes_on: synapse, embedded);

/// What a start asks about a session that had ended may be refused once although the server knows
/// it.
async fn a_session_that_had_ended_is_not_given_up_at_one_refusal(world: World) {
    let (mut alice, _) = alice_with_a_history(&world).await;
    world.proxy.know_nobody(false);
    world.proxy.cut();
    world.proxy.heal();
    login_screen(&mut alice).await;
    let alice = alice.quit().await;
    world.proxy.allow();
    let unknown = json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "Not now", "soft_logout": false });
    world.proxy.answer("/whoami", "401 Unauthorized", &unknown);
    let asked = count(&world.proxy.requests(), "/whoami");
    let mut alice = alice.starts();
    login_screen(&mut alice).await;
    world.proxy.wait_for_requests("the question", |requests| count(requests, "/whoami") > asked);
    world.proxy.allow();
    goes_on(&mut alice).await;
    assert_eq!(logins(&world), 1);
}
on!(a_session_that_had_ended_is_not_given_up_at_one_refusal: synapse, embedded);

/// Logged out elsewhere, the device deleted: the next login is the same device with the same keys,
/// whatever the user types, and others can reach it again.
async fn whoever_logs_in_again_reads_the_history_and_can_be_reached(world: World) {
    let mut bob = world.bob("phone").await;
    let mut alice = world.alice("desk").await;
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    bob.say(&room, "of old");
    alice.sees("of old").await;
    let device = alice.device();
    let token = world.server.login_raw(&world.alice).token;
    let (status, _) = world.server.raw("POST", "/_matrix/client/v3/logout/all", Some(&token), &json!({}));
    assert_eq!(status, 200);
    login_screen(&mut alice).await;
    let mut alice = alice.quit().await.starts();
    login_screen(&mut alice).await;
    world.proxy.forget_keys(&device);
    let shouted = Account { name: world.alice.name.to_uppercase(), ..world.alice.clone() };
    alice.log_in_again(&world.proxy.base_url, &shouted).await;
    assert_eq!(alice.device(), device);
    alice.open(&room).await;
    alice.sees("of old").await;
    world.proxy.wait_for_keys(&device, &bob.device());
    bob.say(&room, "welcome back");
    alice.sees("welcome back").await;
    alice.say(&room, "thank you");
    bob.sees("thank you").await;
    reads_the_history(&world, alice, &room).await;
}
on!(whoever_logs_in_again_reads_the_history_and_can_be_reached: synapse, embedded);

/// Another user's login asks first; 'no' leaves everything as it was.
async fn another_users_login_asks_before_it_replaces_anything(world: World) {
    let (mut alice, room) = alice_with_a_history(&world).await;
    let device = alice.device();
    alice.paste("half a thought");
    let token = world.server.login_raw(&world.alice).token;
    let (status, _) = world.server.raw("POST", "/_matrix/client/v3/logout/all", Some(&token), &json!({}));
    assert_eq!(status, 200);
    login_screen(&mut alice).await;

    let ask = |alice: &mut Person| alice.run(alice_login(&world, &world.bob));
    let question = |p: &mut Person| match p.app.screens.top() {
        Some(Screen::Question(Question {
            text,
            on_yes: Effect::Client(Request::Session(SessionRequest::ReplaceAccount)),
            ..
        })) => Some(text.to_string()),
        _ => None,
    };
    ask(&mut alice);
    let asked = alice.until("the question", question).await;
    for part in ["1 draft", "keys", &world.bob.user_id, &world.alice.user_id] {
        assert!(asked.contains(part), "{asked}");
    }
    alice.press(Key::char('n'));
    alice.log_in_again(&world.proxy.base_url, &world.alice).await;
    assert_eq!(alice.device(), device);
    alice.open(&room).await;
    alice.sees("of old").await;

    let token = world.server.login_raw(&world.alice).token;
    world.server.raw("POST", "/_matrix/client/v3/logout/all", Some(&token), &json!({}));
    login_screen(&mut alice).await;
    ask(&mut alice);
    alice.until("the question", question).await;
    alice.run(SessionRequest::ReplaceAccount);
    goes_on(&mut alice).await;
    assert_eq!(alice.app.account.as_ref().map(|account| account.user_id.to_string()), Some(world.bob.user_id.clone()));
    assert!(alice.app.rooms.all().iter().all(|summary| summary.id != room));
}
on!(another_users_login_asks_before_it_replaces_anything: synapse, embedded);

fn alice_login(world: &World, account: &Account) -> SessionRequest {
    SessionRequest::Login {
        homeserver: world.proxy.base_url.clone(),
        user: account.name.clone(),
        password: kvitto::model::Secret(account.password.clone()),
    }
}

/// The first login's upload of keys is cut off: what is missing is made up for at the next start.
async fn a_first_login_that_was_cut_off_is_made_up_for(world: World) {
    world.proxy.refuse("/keys/");
    let alice = Person::log_in(&world.proxy.base_url, &world.alice, "desk", world.settings()).await;
    world.proxy.wait_for_requests("an upload", |requests| count(requests, "/keys/") > 1);
    let device = alice.device();
    let alice = alice.quit().await;
    world.proxy.allow();
    let token = world.server.login_raw(&world.bob).token;
    let user = &world.alice.user_id;
    let known = || {
        let asked = json!({ "device_keys": { (user.clone()): [] } });
        world.server.raw("POST", "/_matrix/client/v3/keys/query", Some(&token), &asked).1
    };
    assert_eq!(known()["master_keys"][user], Value::Null);
    let mut alice = alice.back().await;
    alice.online().await;
    world.proxy.wait_for_requests("the signing keys", |requests| count(requests, "/keys/signatures/upload") > 0);
    alice.quit().await;
    let known = known();
    assert!(known["master_keys"][user].is_object(), "{known}");
    assert!(known["device_keys"][user][&device].is_object(), "{known}");
}
on!(a_first_login_that_was_cut_off_is_made_up_for: synapse, embedded);

/// An old copy of the profile has other one-time keys than the server: that is said, with the way
/// out.
async fn an_old_copy_of_the_profile_is_seen_and_said(world: World) {
    let mut bob = world.bob("phone").await;
    let line = world.line();
    let mut alice = Person::log_in(&line.base_url, &world.alice, "desk", world.settings()).await;
    line.wait_for_keys(&alice.device(), &alice.device());
    let room = direct_chat(&mut alice, &mut bob, &world.bob.user_id).await;
    bob.say(&room, "of old");
    alice.sees("of old").await;
    let alice = alice.quit().await;
    let copy = tempfile::tempdir().expect("a temporary folder");
    copy_files(alice.profile_dir(), copy.path());

    // Each new device is given a one-time key, and a new one takes its place.
    let mut alice = alice.back().await;
    alice.open(&room).await;
    let mut newcomers = Vec::new();
    for name in ["laptop", "tablet", "watch"] {
        newcomers.push(newcomer(&world, name, &room).await);
        alice.sees(name).await;
    }
    let alice = alice.quit().await;
    copy_files(copy.path(), alice.profile_dir());

    // What was about to be uploaded when the copy was made is the same. After that, the next new
    // ones have the names of those that the server has.
    let mut alice = alice.back().await;
    alice.open(&room).await;
    for name in ["television", "car"] {
        newcomers.push(newcomer(&world, name, &room).await);
        alice.sees(name).await;
    }
    alice
        .until("the warning", |p| {
            p.app.status.as_ref().filter(|status| status.text.contains("kvitto logout --keep")).map(drop)
        })
        .await;
}

// By `/sync`: with sliding sync it is not known when the client is told how many keys are left.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_of_the_profile_is_seen_and_said_on_synapse() {
    an_old_copy_of_the_profile_is_seen_and_said(world::synapse(SlidingSync::Hidden)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_of_the_profile_is_seen_and_said_on_the_embedded_homeserver() {
    an_old_copy_of_the_profile_is_seen_and_said(world::embedded(SlidingSync::Hidden)).await;
}

/// Another device of Bob's, which says its name.
async fn newcomer(world: &World, name: &str, room: &RoomId) -> Person {
    let mut bob = world.bob(name).await;
    bob.room("the chat", |summary| summary.id == *room).await;
    bob.open(room).await;
    bob.say(room, name);
    bob.sees(name).await;
    bob
}

/// Makes the files of one folder those of another.
fn copy_files(from: &std::path::Path, to: &std::path::Path) {
    let entries = |dir: &std::path::Path| {
        std::fs::read_dir(dir).expect("it is a folder").map(|entry| entry.expect("it can be read").path())
    };
    for file in entries(to).filter(|path| path.is_file()) {
        std::fs::remove_file(file).expect("it can be removed");
    }
    for file in entries(from).filter(|path| path.is_file()) {
        let name = file.file_name().expect("a file has a name");
        std::fs::copy(&file, to.join(name)).expect("it can be copied");
    }
}
