//! Catching up: `cargo bench --bench catchup`. After `--` stand paths of other builds of kvitto
//! that are measured beside this one.
//!
//! 5,000 messages were written while the program did not run, in 100 direct chats, half of which
//! are encrypted; each by somebody else, since nobody is sent more than 60 receipts at once (P10).
//! What counts is the time from the start until the last receipt has left, and the CPU time that it
//! took, in a real terminal, with a real Synapse on this machine. A build that acknowledged less is
//! not quicker: at the end every author says which device has sent how many receipts.

use std::{
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use kvitto::model::{DeviceState, RoomId};
use person::{Away, Person, at_once};
use process::{Usage, end};
use serde_json::json;
use tempfile::TempDir;

use support::{
    screens,
    server::{Account, Server},
    synapse,
    terminal::Terminal,
};

#[path = "../../tests/real/person.rs"]
#[expect(dead_code, reason = "the tests use what is not used here")]
mod person;
#[path = "../figures/process.rs"]
#[expect(dead_code, reason = "the other figures use what is not used here")]
mod process;
#[path = "../../tests/real/support"]
#[expect(dead_code, reason = "the tests use what is not used here")]
mod support {
    pub mod http;
    pub mod screens;
    pub mod server;
    pub mod synapse;
    pub mod terminal;
    pub mod venv;
}

/// Direct chats, of which every other one is encrypted.
const ROOMS: usize = 100;
/// Messages in each of them.
const MESSAGES: usize = 50;
/// How many authors write at a time.
const AT_ONCE: usize = 4;

/// Receipts for what is of old leave on a grid of 15 s (P11).
const QUIET: Duration = Duration::from_secs(20);

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let synapse = synapse::start();
    let alice = synapse.register("alice");
    let chats = chats(&synapse, &alice);
    let programs: Vec<Program> =
        process::programs().into_iter().map(|path| Program::log_in(path, &synapse, &alice, &chats)).collect();
    eprintln!("Writing {ROOMS} times {MESSAGES} messages …");
    let authors = runtime.block_on(write(&synapse, &chats));
    let figures: Vec<_> = programs.iter().map(Program::catch_up).collect();
    eprintln!("Asking the authors …");
    let receipts = runtime.block_on(receipts(authors));

    println!("| build | until the last receipt has left | CPU | most memory |\n| --- | --- | --- | --- |");
    for (program, (wall, usage)) in programs.iter().zip(&figures) {
        let memory = f64::from(usage.peak_kib) / 1024.0;
        println!(
            "| {} | {:.1} s | {:.2} s | {memory:.0} MiB |",
            program.path,
            wall.as_secs_f64(),
            usage.cpu.as_secs_f64()
        );
    }
    println!("Receipts by device: {receipts:?}");
    runtime.shutdown_background();
}

/// A direct chat with somebody.
struct Chat {
    room: RoomId,
    author: Account,
    encrypted: bool,
}

fn chats(synapse: &Server, alice: &Account) -> Vec<Chat> {
    let token = synapse.login_raw(alice).token;
    (0..ROOMS)
        .map(|number| {
            let author = synapse.register("author");
            let encrypted = number % 2 == 0;
            let encryption = json!({ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } });
            let room = synapse.create_room(
                &token,
                &json!({
                    "preset": "trusted_private_chat",
                    "name": format!("chat {number}"),
                    "is_direct": true,
                    "invite": [author.user_id],
                    "initial_state": if encrypted { vec![encryption] } else { Vec::new() },
                }),
            );
            synapse.join(&synapse.login_raw(&author).token, &room);
            Chat { room, author, encrypted }
        })
        .collect()
}

/// Everybody writes, and leaves.
async fn write(synapse: &Server, chats: &[Chat]) -> Vec<(Away, RoomId)> {
    let (encrypted, plain): (Vec<_>, Vec<_>) = chats.iter().partition(|chat| chat.encrypted);
    for Chat { room, author, .. } in plain {
        let token = synapse.login_raw(author).token;
        for number in 0..MESSAGES {
            synapse.send(&token, room, "m.room.message", &json!({ "msgtype": "m.text", "body": text(number) }));
        }
    }
    let written = stream::iter(encrypted).map(async |Chat { room, author, .. }| {
        let mut person = Person::log_in(&synapse.base_url, author, "phone", at_once()).await;
        person.open(room).await;
        for number in 0..MESSAGES {
            person.say(room, &text(number));
        }
        person.sees(&text(MESSAGES - 1)).await;
        // Alice is asked for receipts, too.
        tokio::time::sleep(Duration::from_secs(3)).await;
        (person.quit().await, room.clone())
    });
    written.buffer_unordered(AT_ONCE).collect().await
}

fn text(number: usize) -> String {
    format!("message {number}: the quick brown fox jumps over the lazy dog")
}

/// Receipts for encrypted messages, by the devices that sent them.
async fn receipts(authors: Vec<(Away, RoomId)>) -> std::collections::BTreeMap<String, usize> {
    let mut receipts = std::collections::BTreeMap::new();
    for (author, room) in authors {
        let mut person = author.back().await;
        person.online().await;
        person.open(&room).await;
        // What has come is told by and by.
        tokio::time::sleep(Duration::from_secs(1)).await;
        person.until("what is known", |_| Some(())).await;
        let open = person.app.timelines.shown().expect("it was opened");
        let devices = open.deliveries.values().flat_map(|delivery| &delivery.people).flat_map(|person| &person.devices);
        for device in devices.filter(|device| matches!(device.state, DeviceState::Delivered { .. })) {
            let name = device.device_id.as_ref().map_or_else(String::new, ToString::to_string);
            *receipts.entry(name).or_default() += 1;
        }
        person.quit().await;
    }
    receipts
}

/// One build of the program, logged in as a device of its own.
struct Program {
    path: String,
    home: TempDir,
}

impl Program {
    fn log_in(path: String, synapse: &Server, alice: &Account, chats: &[Chat]) -> Self {
        eprintln!("Logging in with {path} …");
        let program = Self { path, home: tempfile::tempdir().expect("a temporary folder") };
        let known = chats
            .iter()
            .map(|Chat { author, .. }| format!("[delivery.people.\"{}\"]\nwho = \"everyone\"\n", author.user_id));
        let config = format!("[delivery]\ntiming = \"immediate\"\n{}", known.collect::<String>());
        fs::write(program.config(), config).expect("a temporary folder can be written");
        let terminal = program.start();
        screens::fill_in_login(&terminal, &synapse.base_url, alice);
        terminal.key("enter");
        terminal.wait_for_text("chat 9");
        process::wait_until_quiet(terminal.process_id());
        end(terminal);
        program
    }

    fn config(&self) -> PathBuf {
        self.home.path().join("config.toml")
    }

    fn start(&self) -> Terminal {
        let [config, data] =
            [&*self.config(), self.home.path()].map(|path| path.to_str().expect("it is of plain letters").to_owned());
        Terminal::start_program(&self.path, &["--config", &config, "--data-dir", &data], 120, 40)
    }

    /// The time until nothing more was done, and what was used.
    fn catch_up(&self) -> (Duration, Usage) {
        eprintln!("Catching up with {} …", self.path);
        let start = Instant::now();
        let terminal = self.start();
        let process = terminal.process_id();
        let (mut used, mut last) = (Usage::of(process), start);
        while last.elapsed() < QUIET {
            thread::sleep(Duration::from_millis(50));
            let now = Usage::of(process);
            if now.cpu > used.cpu {
                (used, last) = (now, Instant::now());
            }
        }
        end(terminal);
        (last - start, used)
    }
}
