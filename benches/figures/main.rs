//! The README's figures, measured in one run: `cargo bench --bench figures`.
//!
//! A person waits for the release build of the real program in a real terminal, so that is what is
//! measured, on an account of 300 rooms on a real Synapse on this machine. Nothing is taken from
//! inside the program: times are from a key press to what stands on the screen, the rest is from
//! `/proc`. Machines differ, so only figures of one run are to be compared.

use std::{
    thread,
    time::{Duration, Instant},
};

use process::Usage;
use seed::Seed;
use ticks::Ticks;

use support::{screens, synapse, terminal::Terminal};

mod demo;
#[path = "../../tests/real/person.rs"]
#[expect(dead_code, reason = "the tests use what is not used here")]
mod person;
mod process;
mod seed;
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
mod ticks;

const COLS: u16 = 120;
const ROWS: u16 = 40;

/// Warm starts, of which the median counts.
const STARTS: usize = 5;

/// How long an idle client is watched.
const IDLE: Duration = Duration::from_mins(1);

fn main() {
    let synapse = synapse::start();
    let seed = Seed::default();
    eprintln!("Filling an account with {} rooms of {} messages …", seed.rooms, seed.messages);
    let alice = seed::fill(&synapse, seed);
    let data = tempfile::tempdir().expect("a temporary folder");
    let kvitto = || {
        let data = data.path().to_str().expect("a temporary folder has a plain name");
        Terminal::start(&["--data-dir", data], COLS, ROWS)
    };

    eprintln!("Logging in …");
    let terminal = kvitto();
    screens::fill_in_login(&terminal, &synapse.base_url, &alice);
    let first_login = time(|| {
        terminal.key("enter");
        wait_for_rooms(&terminal);
    });
    process::wait_until_quiet(terminal.process_id());
    end(terminal);

    eprintln!("Starting {STARTS} times …");
    let mut starts: Vec<_> = (0..STARTS)
        .map(|_| {
            let mut terminal = None;
            let took = time(|| wait_for_rooms(terminal.insert(kvitto())));
            end(terminal.expect("it was started"));
            took
        })
        .collect();
    starts.sort();

    eprintln!("Watching it idle for {} s …", IDLE.as_secs());
    let terminal = kvitto();
    wait_for_rooms(&terminal);
    process::wait_until_quiet(terminal.process_id());
    let (before, written) = (Usage::of(terminal.process_id()), terminal.raw_bytes().len());
    thread::sleep(IDLE);
    let (after, written_after) = (Usage::of(terminal.process_id()), terminal.raw_bytes().len());
    end(terminal);

    eprintln!("Waiting for {} ticks …", ticks::MESSAGES);
    let Ticks { tick, read } = ticks::measure(&synapse);
    let ratio = |share| percentile(&tick, share).as_secs_f64() / percentile(&read, share).as_secs_f64();

    eprintln!("Giving the demo …");
    let demo = demo::measure(COLS, ROWS);

    print_table(&[
        ("first login, password sent to room list", format!("{:.2} s", first_login.as_secs_f64())),
        ("warm start to room list, median", format!("{:.3} s", starts[STARTS / 2].as_secs_f64())),
        ("memory after a minute", format!("{:.1} MiB", mebibytes(after.resident_kib))),
        ("CPU in an idle minute", format!("{:.2} s", after.cpu.saturating_sub(before.cpu).as_secs_f64())),
        ("bytes to the terminal in an idle minute", format!("{}", written_after - written)),
        ("message to tick, p50 and p99", milliseconds(&tick)),
        ("message to the same peer's m.read, p50 and p99", milliseconds(&read)),
        ("tick against m.read, p50 and p99", format!("{:.2} and {:.2}", ratio(50), ratio(99))),
        ("demo: start to the first screen", format!("{:.3} s", demo.first_screen.as_secs_f64())),
        ("demo: start to the last room", format!("{:.2} s", demo.complete.as_secs_f64())),
        ("demo: most memory, all devices in one process", format!("{:.0} MiB", mebibytes(demo.peak_kib))),
    ]);
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn wait_for_rooms(terminal: &Terminal) {
    terminal.wait_for_text(seed::ROOM_NAME);
}

/// Ends the program as a person's session manager would, so that everything is on disk for the next
/// start.
fn end(mut terminal: Terminal) {
    terminal.signal("TERM");
    terminal.wait_exit();
}

/// Of sorted times.
fn percentile(sorted: &[Duration], share: usize) -> Duration {
    sorted[(sorted.len() * share).div_ceil(100) - 1]
}

fn milliseconds(sorted: &[Duration]) -> String {
    let at = |share| percentile(sorted, share).as_secs_f64() * 1000.0;
    format!("{:.0} ms and {:.0} ms", at(50), at(99))
}

fn mebibytes(kibibytes: u32) -> f64 {
    f64::from(kibibytes) / 1024.0
}

fn print_table(rows: &[(&str, String)]) {
    println!("| what | measured |\n| --- | --- |");
    for (what, measured) in rows {
        println!("| {what} | {measured} |");
    }
}
