//! The tests' own instruments, tried on the real Synapse and on a shell, so that a failure
//! elsewhere is not theirs.

use std::{
    net::TcpStream,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use matrix_sdk::{
    Client,
    config::{RequestConfig, SyncSettings},
    ruma::api::client::room::create_room,
};
use serde_json::{Value, json};

use crate::{
    person::DEADLINE,
    support::{
        http,
        proxy::{Proxy, SlidingSync},
        synapse,
        terminal::Terminal,
    },
};

const SLIDING_SYNC: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";

/// Whether `/versions` announces simplified sliding sync.
fn has_sliding_sync(base_url: &str) -> bool {
    let (status, versions) = http::request(base_url, "GET", "/_matrix/client/versions", None, &Value::Null);
    assert_eq!(status, 200);
    assert!(versions["versions"].as_array().is_some_and(|versions| !versions.is_empty()), "{versions}");
    versions["unstable_features"]["org.matrix.simplified_msc3575"].as_bool().expect("a feature is on or off")
}

#[test]
fn synapse_registers_users_whose_only_devices_are_those_that_log_in() {
    let synapse = synapse::shared();
    let (alice, other) = (synapse.register("alice"), synapse.register("alice"));
    assert_ne!(alice.user_id, other.user_id);

    let (first, second) = (synapse.login_raw(&alice), synapse.login_raw(&alice));
    let (status, answer) = synapse.raw("GET", "/_matrix/client/v3/devices", Some(&first.token), &Value::Null);
    assert_eq!(status, 200);
    let mut devices: Vec<_> = answer["devices"].as_array().unwrap().iter().map(|d| d["device_id"].clone()).collect();
    devices.sort_by_key(Value::to_string);
    let mut expected = [first.device_id, second.device_id];
    expected.sort();
    assert_eq!(json!(devices), json!(expected));
}

#[test]
fn synapse_ends_when_it_is_dropped() {
    let synapse = synapse::start();
    let address = synapse.base_url.strip_prefix("http://").unwrap().to_owned();
    assert!(TcpStream::connect(&address).is_ok());
    drop(synapse);
    // Another test may get the port meanwhile, but none keeps it so long.
    let began = Instant::now();
    while TcpStream::connect(&address).is_ok() {
        assert!(began.elapsed() < DEADLINE, "it still answers");
    }
}

#[test]
fn proxy_hides_sliding_sync_only_when_asked_to() {
    let synapse = synapse::shared();
    let kept = Proxy::start(&synapse.base_url, SlidingSync::Kept);
    assert!(has_sliding_sync(&kept.base_url));

    let hidden = Proxy::start(&synapse.base_url, SlidingSync::Hidden);
    assert!(!has_sliding_sync(&hidden.base_url));
    let token = synapse.login_raw(&synapse.register("alice")).token;
    let (status, answer) = http::request(&hidden.base_url, "POST", SLIDING_SYNC, Some(&token), &json!({ "lists": {} }));
    assert_eq!((status, &answer["errcode"]), (404, &json!("M_UNRECOGNIZED")));
    assert_eq!(hidden.requests(), ["GET /_matrix/client/versions".to_owned(), format!("POST {SLIDING_SYNC}")]);
}

#[test]
fn proxy_carries_a_long_poll_beside_other_requests() {
    let synapse = synapse::shared();
    let proxy = Proxy::start(&synapse.base_url, SlidingSync::Kept);
    let token = synapse.login_raw(&synapse.register("alice")).token;
    let get = |path: &str| http::request(&proxy.base_url, "GET", path, Some(&token), &Value::Null);
    let (_, first) = get("/_matrix/client/v3/sync?timeout=0");
    let since = first["next_batch"].as_str().unwrap();

    thread::scope(|scope| {
        let poll = scope.spawn(|| get(&format!("/_matrix/client/v3/sync?timeout=50000&since={since}")));
        let create = json!({ "name": "woken" });
        let (status, room) =
            http::request(&proxy.base_url, "POST", "/_matrix/client/v3/createRoom", Some(&token), &create);
        assert_eq!(status, 200);
        let (status, woken) = poll.join().unwrap();
        assert_eq!(status, 200);
        assert!(woken["rooms"]["join"].get(room["room_id"].as_str().unwrap()).is_some(), "{woken}");
    });
}

#[test]
fn proxy_cut_breaks_what_is_open_and_refuses_what_is_new_until_healed() {
    let synapse = synapse::shared();
    let proxy = Proxy::start(&synapse.base_url, SlidingSync::Kept);
    let address = proxy.base_url.strip_prefix("http://").unwrap();
    let token = synapse.login_raw(&synapse.register("alice")).token;
    let (_, first) =
        http::request(&proxy.base_url, "GET", "/_matrix/client/v3/sync?timeout=0", Some(&token), &Value::Null);
    let since = first["next_batch"].as_str().unwrap();
    let poll = format!(
        "GET /_matrix/client/v3/sync?timeout=50000&since={since} HTTP/1.0\r\nAuthorization: Bearer {token}\r\n"
    );

    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        scope.spawn(move || sender.send(http::exchange(address, &poll, b"").is_err()));
        proxy.wait_for_requests("the long poll", |requests| {
            requests.iter().filter(|request| request.ends_with("/sync")).count() == 2
        });
        let cut_at = Instant::now();
        proxy.cut();
        assert!(receiver.recv().unwrap(), "the open request must fail");
        assert!(cut_at.elapsed() < Duration::from_secs(40), "it ended by itself, not by the cut");
    });
    let versions = "GET /_matrix/client/versions HTTP/1.0\r\n";
    assert!(http::exchange(address, versions, b"").is_err());
    proxy.heal();
    assert_eq!(http::exchange(address, versions, b"").unwrap().status, 200);
}

#[tokio::test]
async fn proxy_serves_the_sdks_client_and_its_parallel_requests() {
    let synapse = synapse::shared();
    let proxy = Proxy::start(&synapse.base_url, SlidingSync::Hidden);
    let alice = synapse.register("alice");
    let no_retry = RequestConfig::new().disable_retry();
    let client = Client::builder().homeserver_url(&proxy.base_url).request_config(no_retry).build().await.unwrap();
    assert!(client.available_sliding_sync_versions().await.is_empty());
    client.matrix_auth().login_username(&alice.name, &alice.password).await.unwrap();
    client.sync_once(SyncSettings::new()).await.unwrap();

    let create = || client.create_room(create_room::v3::Request::new());
    tokio::try_join!(create(), create(), create()).unwrap();
    proxy.cut();
    assert!(client.sync_once(SyncSettings::new()).await.is_err());
    proxy.heal();
    client.sync_once(SyncSettings::new()).await.unwrap();
    assert_eq!(client.joined_rooms().len(), 3);
}

#[test]
fn terminal_shows_what_a_program_draws_and_sends_what_is_typed() {
    let mut terminal = Terminal::script("printf 'name? '; read name; echo \"hello, $name\"; exit 3", 40, 5);
    terminal.wait_for_text("name?");
    terminal.type_text("bo");
    terminal.key("enter");
    terminal.wait_for_text("hello, bo");
    assert_eq!(terminal.wait_exit().exit_code(), 3);
    assert_eq!(terminal.screen_text(), "name? bo\nhello, bo");
}

#[test]
fn terminal_draws_the_replacement_character_one_column_wide() {
    let terminal = Terminal::script(r"printf 'a\357\277\275b\357\277'; printf '\275'; read wait", 40, 5);
    terminal.wait_for("both", |screen| screen.cursor_position() == (0, 4));
    assert_eq!(terminal.screen_text(), "a\u{FFFD}b\u{FFFD}");
}

#[test]
fn terminal_tells_of_titles_clipboard_and_bells() {
    let mut terminal = Terminal::script(r"printf '\033]2;mine\007\033]52;c;aGVq\007\007\033[?25l'", 40, 5);
    terminal.wait_exit();
    let manners = terminal.manners();
    assert_eq!((manners.titles, manners.clipboard, manners.bells), (vec!["mine".into()], vec!["aGVq".into()], 1));
    terminal.wait_for("a hidden cursor", vt100::Screen::hide_cursor);
    assert!(terminal.raw_bytes().starts_with(b"\x1b]2;mine"));
}

#[test]
fn terminal_answers_where_its_cursor_is() {
    let script = r"stty raw -echo; printf 'abc\033[6n'; dd bs=1 count=6 2>/dev/null | tr '\033' E; stty sane";
    Terminal::script(script, 40, 5).wait_for_text("abcE[1;4R");
}

#[test]
fn terminal_signals_and_resizes_the_program_in_the_foreground() {
    // The signal ends the `sleep` too, so the shell gets to its trap at once.
    let wait = "trap 'stty size' WINCH; trap 'echo terminated; exit 0' TERM; echo ready; while :; do sleep 1; done";
    let mut terminal = Terminal::script(&format!("sh -c \"{wait}\""), 40, 5);
    terminal.wait_for_text("ready");
    terminal.resize(30, 8);
    terminal.wait_for_text("8 30");
    terminal.signal("TERM");
    terminal.wait_for_text("terminated");
    assert!(terminal.wait_exit().success());

    let terminal = Terminal::script("echo \"$HOME\"; exec sleep 600", 200, 5);
    terminal.wait_for_text(&terminal.home().display().to_string());
    let process = format!("/proc/{}", terminal.process_id());
    terminal.kill9();
    assert!(!std::path::Path::new(&process).exists());
}
