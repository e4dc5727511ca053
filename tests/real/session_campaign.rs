//! Random schedules of faults over tokens, syncs, logins and keys, with a kill in each: no session
//! is lost that the homeserver has not ended, no crypto store ever, and no text that was on the
//! screen.
//!
//! In each schedule the real program is started, meets some faults before and after a message is
//! written, and is killed at a random instant; in some the homeserver really ends the session. Then
//! all is well again, and what is there is looked at: the same device with the same keys, no fewer
//! room keys, and every text once.
//!
//! A test runs few; `KVITTO_SCHEDULES` says how many it is to be.

use kvitto::{
    app::Phase,
    client::request::{SessionRequest, TimelineRequest},
    model::{Connection, Pagination, RoomId, TimelineId},
    server::homeserver::faults::{Fault, Matching},
};
use rand::{RngExt, rngs::ThreadRng};
use rusqlite::Connection as Database;
use serde_json::{Value, json};
use std::{
    env,
    sync::mpsc,
    time::{Duration, Instant},
};
use tokio::time::timeout;

use crate::{
    person::{Away, DEADLINE, Person, body, room_with_a_history},
    support::{screens, server::Device, terminal::Terminal},
    world::{World, on},
};

/// What can go wrong, each until all is well again.
const FAULTS: usize = 11;

/// Lets one thing go wrong.
fn strike(world: &World, fault: usize) {
    let line = &world.proxy;
    let unknown = json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "A proxy's word", "soft_logout": false });
    match fault {
        0 => {}
        1 => line.refuse("/refresh"),
        2 => line.answer("/refresh", "502 Bad Gateway", &json!({})),
        3 => line.answer("/refresh", "403 Forbidden", &json!({ "errcode": "M_FORBIDDEN", "error": "A proxy's word" })),
        4 => line.know_nobody(false),
        5 => line.know_nobody(true),
        6 => line.answer("/sync", "401 Unauthorized", &unknown),
        7 => line.answer("/sync", "502 Bad Gateway", &json!({})),
        8 => line.refuse("/keys/"),
        9 => line.refuse("/send/"),
        // The answer with the new tokens is lost.
        _ if world.takes_faults() => drop(world.faults().next(Matching::path("/refresh"), 1, Fault::Lost)),
        _ => {}
    }
    if matches!(fault, 0..=3) || fault >= 10 {
        line.expire();
    }
    // What waits is asked anew.
    line.cut();
    line.heal();
}

fn all_is_well(world: &World) {
    world.proxy.heal();
    world.proxy.allow();
    if world.takes_faults() {
        world.faults().heal();
    }
}

/// Alice's client between two schedules.
struct Alice {
    away: Away,
    room: RoomId,
    device: String,
    /// Her device's identity key, as the homeserver has it.
    key: Value,
    /// How many room keys she has had.
    room_keys: u32,
    texts: Vec<String>,
}

impl Alice {
    async fn new(world: &World, onlooker: &Device) -> Self {
        let mut alice = world.alice("desk").await;
        let room = room_with_a_history(&mut alice).await;
        let device = alice.device();
        let key = identity_key(world, onlooker, &device);
        assert!(key.is_string(), "{key}");
        let away = alice.quit().await;
        let room_keys = room_keys(&away);
        Self { away, room, device, key, room_keys, texts: vec!["of old".to_owned()] }
    }

    /// One schedule; what was lost, in a word each.
    async fn lives_through(mut self, world: &World, onlooker: &Device, random: &mut ThreadRng) -> (Self, Vec<String>) {
        let text = format!("text {}", self.texts.len());
        let ends = random.random_range(0..8) == 0;
        let faults = [(); 3].map(|()| random.random_range(0..FAULTS));
        let screen: Terminal = self.away.on_screen();
        if random.random_bool(0.5) {
            strike(world, faults[0]);
        }
        screens::open_first_room(&screen, "notes");
        if random.random_bool(0.5) {
            strike(world, faults[1]);
        }
        screens::say(&screen, &text);
        screens::wait_for_composer(&screen, "notes");
        screen.wait_for_text(&text);
        self.texts.push(text);
        if random.random_bool(0.3) {
            all_is_well(world);
        }
        if random.random_bool(0.5) {
            strike(world, faults[2]);
        }
        if ends {
            let token = world.server.login_raw(&world.alice).token;
            let (status, _) = world.server.raw("POST", "/_matrix/client/v3/logout/all", Some(&token), &json!({}));
            assert_eq!(status, 200);
        }
        // A random instant is what this is about: nobody ever sends here.
        let longest = if ends || random.random_range(0..8) == 0 { 10_000 } else { 1500 };
        let (_nobody, silence) = mpsc::channel::<()>();
        let _ = silence.recv_timeout(Duration::from_millis(random.random_range(0..longest)));
        screen.kill9();
        all_is_well(world);

        let mut lost = Vec::new();
        let mut alice = self.away.starts();
        if !is_let_in(&mut alice, ends).await {
            if !ends {
                lost.push("a session".to_owned());
            }
            if random.random_bool(0.5) {
                world.proxy.refuse("/login");
                alice.run(login(world));
                alice.until("the login to fail", |p| error(p).filter(|why| why.contains("Cannot reach"))).await;
                world.proxy.allow();
            }
            alice.log_in_again(&world.proxy.base_url, &world.alice).await;
        }
        if alice.device() != self.device {
            lost.push(format!("the device {}", self.device));
            self.device = alice.device();
        }
        alice.open(&self.room).await;
        let (texts, room) = (self.texts.clone(), self.room.clone());
        alice
            .until("every text", |p| {
                // What came before a gap is to be fetched.
                if p.app.timelines.shown()?.pagination == Pagination::Idle {
                    p.run(TimelineRequest::Paginate(TimelineId::live(room.clone())));
                }
                texts.iter().rev().take(5).all(|text| p.messages().any(|message| body(message) == *text)).then_some(())
            })
            .await;
        let text = texts.last().expect("something was said");
        alice.sees(text).await;
        // The local echo goes when the server's own copy is taken for it.
        let once = |p: &mut Person| (p.messages().filter(|message| body(message) == *text).count() == 1).then_some(());
        if timeout(DEADLINE / 2, alice.until("it once", once)).await.is_err() {
            lost.push(format!("{text} is there more than once"));
        }
        self.away = alice.quit().await;
        let now = room_keys(&self.away);
        if now < self.room_keys {
            lost.push(format!("{} of {} room keys", self.room_keys - now, self.room_keys));
        }
        self.room_keys = now;
        let key = identity_key(world, onlooker, &self.device);
        if key != self.key {
            lost.push(format!("the keys of the device: {key} for {}", self.key));
            self.key = key;
        }
        if !lost.is_empty() {
            lost.push(format!("(faults {faults:?}, ended {ends})"));
        }
        (self, lost)
    }
}

fn error(person: &Person) -> Option<String> {
    match &person.app.phase {
        Phase::Login(login) => login.error.as_ref().map(ToString::to_string),
        _ => None,
    }
}

/// Whether the session goes on. One that the homeserver has ended does not; one that it has not may
/// take its time.
async fn is_let_in(alice: &mut Person, ends: bool) -> bool {
    let asked = Instant::now();
    alice
        .until("the session to go on or to have ended", |p| match &p.app.phase {
            Phase::Main if p.app.connection == Connection::Online => Some(true),
            Phase::Login(login) if login.error.is_some() && (ends || asked.elapsed() > Duration::from_secs(30)) => {
                Some(false)
            }
            _ => None,
        })
        .await
}

fn login(world: &World) -> SessionRequest {
    SessionRequest::Login {
        homeserver: world.proxy.base_url.clone(),
        user: world.alice.name.clone(),
        password: kvitto::model::Secret(world.alice.password.clone()),
    }
}

/// The identity key of a device of Alice's on the homeserver.
fn identity_key(world: &World, onlooker: &Device, device: &str) -> Value {
    let user = &world.alice.user_id;
    let asked = json!({ "device_keys": { (user.clone()): [] } });
    let (status, known) = world.server.raw("POST", "/_matrix/client/v3/keys/query", Some(&onlooker.token), &asked);
    assert_eq!(status, 200, "{known}");
    known["device_keys"][user][device]["keys"][format!("curve25519:{device}")].clone()
}

/// How many room keys are on disk.
fn room_keys(away: &Away) -> u32 {
    let database = Database::open(away.profile_dir().join("matrix-sdk-crypto.sqlite3")).expect("it is a database");
    let count = database.query_row("SELECT count(*) FROM inbound_group_session", [], |row| row.get(0));
    count.expect("it has room keys")
}

async fn no_schedule_costs_a_session_keys_or_texts(world: World) {
    let schedules = env::var("KVITTO_SCHEDULES").map_or(2, |number| number.parse().expect("a number"));
    let mut random = rand::rng();
    let onlooker = world.server.login_raw(&world.bob);
    let mut alice = Alice::new(&world, &onlooker).await;
    let mut lost = Vec::new();
    for number in 1..=schedules {
        let (then, losses) = alice.lives_through(&world, &onlooker, &mut random).await;
        alice = then;
        lost.extend(losses.into_iter().map(|loss| format!("schedule {number}: {loss}")));
        if number % 25 == 0 {
            println!("{}: {number} schedules, {lost:?}", world.name());
        }
    }
    println!("{}: {schedules} schedules, {} losses", world.name(), lost.len());
    assert!(lost.is_empty(), "{lost:#?}");
}
on!(no_schedule_costs_a_session_keys_or_texts: synapse, embedded);
