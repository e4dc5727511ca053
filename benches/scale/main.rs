//! How it grows: `cargo bench --bench scale`. After `--` stand paths of other builds of kvitto that
//! are measured beside this one.
//!
//! First an account of 300 rooms, then one of 3,000, and in each of them one room of many members
//! and many messages, each on an embedded homeserver of its own: no other one is filled in minutes.
//! Times are from a key press to what stands on the screen of a real terminal.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use kvitto::{
    model::RoomId,
    server::homeserver::{Homeserver, Options},
};
use process::{Usage, end, time};
use serde_json::json;
use tempfile::TempDir;

use support::{
    screens,
    server::{Account, Server},
    terminal::Terminal,
};

#[path = "../figures/process.rs"]
#[expect(dead_code, reason = "the other figures use what is not used here")]
mod process;
#[path = "../../tests/real/support"]
#[expect(dead_code, reason = "the tests use what is not used here")]
mod support {
    pub mod http;
    pub mod screens;
    pub mod server;
    pub mod terminal;
}

/// Warm starts, of which the median counts.
const STARTS: usize = 11;
/// How many requests are under way at a time.
const WORKERS: usize = 4;
/// What stands in the newest message of the large room.
const NEWEST: &str = "the very last word";

/// How much there is.
#[derive(Clone, Copy)]
struct Size {
    rooms: usize,
    members: usize,
    messages: usize,
}

fn main() {
    let paths = process::programs();
    println!(
        "| rooms, members and messages of the largest | build | first login to the list | start to the list, median | opening the largest, warm | memory |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for size in [
        Size { rooms: 300, members: 1_000, messages: 10_000 },
        Size { rooms: 3_000, members: 10_000, messages: 100_000 },
    ] {
        let (server, alice) = fill(size);
        for path in &paths {
            let program = Program { path: path.clone(), data: tempfile::tempdir().expect("a temporary folder") };
            let figures = program.measure(&server, &alice);
            let Size { rooms, members, messages } = size;
            println!("| {rooms}, {members}, {messages} | {path} | {figures} |");
        }
    }
}

fn fill(Size { rooms, members, messages }: Size) -> (Server, Account) {
    eprintln!("Filling an account with {rooms} rooms, and one with {members} members and {messages} messages …");
    let homeserver = Homeserver::start(Options::default()).expect("loopback has a free port");
    let server = Server::new(homeserver.url(), "localhost", homeserver);
    let (alice, bob) = (server.register("alice"), server.register("bob"));
    let (alice_token, bob_token) = (server.login_raw(&alice).token, server.login_raw(&bob).token);
    at_once(rooms, |number| {
        let room = create(&server, &bob_token, &format!("room-{number:04}"));
        server.join(&alice_token, &room);
        for message in 0..3 {
            say(&server, &bob_token, &room, &format!("message {message} of {number}"));
        }
    });
    let room = create(&server, &bob_token, "crowd");
    server.join(&alice_token, &room);
    at_once(members, |_| server.join(&server.login_raw(&server.register("member")).token, &room));
    at_once(messages, |number| say(&server, &bob_token, &room, &format!("{number}: the quick brown fox")));
    say(&server, &bob_token, &room, NEWEST);
    (server, alice)
}

fn create(server: &Server, token: &str, name: &str) -> RoomId {
    server.create_room(token, &json!({ "preset": "public_chat", "name": name }))
}

fn say(server: &Server, token: &str, room: &RoomId, body: &str) {
    server.send(token, room, "m.room.message", &json!({ "msgtype": "m.text", "body": body }));
}

/// Does something for each number below this, a few at a time.
fn at_once(count: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    work(number);
                }
            });
        }
    });
}

/// One build of the program, on an empty folder.
struct Program {
    path: String,
    data: TempDir,
}

impl Program {
    fn start(&self) -> Terminal {
        let data = self.data.path().to_str().expect("a temporary folder has a plain name");
        Terminal::start_program(&self.path, &["--data-dir", data], 120, 40)
    }

    /// What was measured, as cells of the table.
    fn measure(&self, server: &Server, alice: &Account) -> String {
        eprintln!("Measuring {} …", self.path);
        let terminal = self.start();
        screens::fill_in_login(&terminal, &server.base_url, alice);
        let first_login = time(|| {
            terminal.key("enter");
            terminal.wait_for_text("crowd");
        });
        process::wait_until_quiet(terminal.process_id());
        open(&terminal);
        process::wait_until_quiet(terminal.process_id());
        end(terminal);
        let mut starts: Vec<_> = (0..STARTS)
            .map(|_| {
                let mut terminal = None;
                let start = time(|| terminal.insert(self.start()).wait_for_text("crowd"));
                end(terminal.expect("it was started"));
                start
            })
            .collect();
        starts.sort();
        let terminal = self.start();
        terminal.wait_for_text("crowd");
        process::wait_until_quiet(terminal.process_id());
        let opened = open(&terminal);
        process::wait_until_quiet(terminal.process_id());
        let memory = Usage::of(terminal.process_id()).resident_kib / 1024;
        end(terminal);
        let seconds = |time: Duration| format!("{:.3} s", time.as_secs_f64());
        [seconds(first_login), seconds(starts[STARTS / 2]), seconds(opened), format!("{memory} MiB")].join(" | ")
    }
}

/// Opens the first room of the list, which is the largest, and waits for its newest message.
fn open(terminal: &Terminal) -> Duration {
    time(|| {
        terminal.key("enter");
        terminal.wait_for_text(NEWEST);
    })
}
