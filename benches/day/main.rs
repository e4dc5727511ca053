//! A day in a few minutes: `cargo bench --bench day`. After `--` stand paths of other builds of
//! kvitto that are measured beside this one.
//!
//! 20,000 messages come into 200 rooms, each of which is opened; the connection is lost 50 times.
//! That is done in ten parts, and after each the memory of the program in its real terminal is
//! looked at: what a day has left behind shows as a difference between the first and the last. The
//! homeserver is the embedded one, because that can lose connections.

use std::{sync::Arc, thread, time::Duration};

use kvitto::{
    model::RoomId,
    server::homeserver::{
        Options,
        faults::{Fault, Faulty, Matching},
    },
};
use process::Usage;
use serde_json::json;

use support::{screens, server::Server, terminal::Terminal};

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

const PARTS: usize = 10;
const ROOMS: usize = 200;
const MESSAGES: usize = 20_000;
const LOSSES: usize = 50;
const AUTHORS: usize = 50;

fn main() {
    for path in process::programs() {
        let memory = day(&path);
        let (first, last) = (f64::from(memory[0]), f64::from(memory[PARTS - 1]));
        let memory: Vec<_> = memory.iter().map(|kib| kib / 1024).collect();
        println!("{path}: {memory:?} MiB, last against first {:.2}", last / first);
    }
}

/// The memory after each part of the day, in KiB.
fn day(path: &str) -> Vec<u32> {
    eprintln!("A day of {path} …");
    let homeserver = Arc::new(Faulty::start(Options::default()).expect("loopback has a free port"));
    let server = Server::new(homeserver.url(), "localhost", Arc::clone(&homeserver));
    let alice = server.register("alice");
    let alice_token = server.login_raw(&alice).token;
    let authors: Vec<String> = (0..AUTHORS).map(|_| server.login_raw(&server.register("author")).token).collect();
    let rooms: Vec<RoomId> = (0..ROOMS)
        .map(|number| {
            let name = format!("room-{number:03}");
            let room =
                server.create_room(&authors[number % AUTHORS], &json!({ "preset": "public_chat", "name": name }));
            server.join(&alice_token, &room);
            room
        })
        .collect();

    let home = tempfile::tempdir().expect("a temporary folder");
    let data = home.path().to_str().expect("a path of plain letters");
    let terminal = Terminal::start_program(path, &["--data-dir", data], 120, 40);
    screens::fill_in_login(&terminal, &server.base_url, &alice);
    terminal.key("enter");
    terminal.wait_for_text("room-");
    process::wait_until_quiet(terminal.process_id());

    let mut said = 0;
    (0..PARTS)
        .map(|part| {
            for opened in 0..ROOMS / PARTS {
                for _ in 0..MESSAGES / ROOMS {
                    let number = said % ROOMS;
                    let content = json!({ "msgtype": "m.text", "body": format!("message {said}") });
                    server.send(&authors[number % AUTHORS], &rooms[number], "m.room.message", &content);
                    said += 1;
                }
                if opened % (ROOMS / LOSSES) == 0 {
                    homeserver.faults().next(Matching::path("/sync"), 2, Fault::Refused);
                }
                open(&terminal, part * ROOMS / PARTS + opened);
            }
            process::wait_until_quiet(terminal.process_id());
            Usage::of(terminal.process_id()).resident_kib
        })
        .collect()
}

/// Opens a room by its name, and goes back to the list.
fn open(terminal: &Terminal, number: usize) {
    let name = format!("room-{number:03}");
    terminal.type_text("/");
    terminal.type_text(&name);
    terminal.key("enter");
    screens::wait_for_composer(terminal, &name);
    // A key right behind Esc would be read as one with Alt.
    screens::leave_composer(terminal);
    terminal.key("esc");
    thread::sleep(Duration::from_millis(200));
    terminal.key("esc");
    thread::sleep(Duration::from_millis(200));
}
