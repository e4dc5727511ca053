//! The README's figures, measured in one run: `cargo bench --bench figures`. After `--` stand paths
//! of other builds of kvitto that are measured beside this one.
//!
//! A person waits for the release build of the real program in a real terminal, so that is what is
//! measured, on an account of 300 rooms on a real Synapse on this machine. Nothing is taken from
//! inside the program: times are from a key press to what stands on the screen, the rest is from
//! `/proc`. Machines differ, so only figures of one run are to be compared.

use std::{thread, time::Duration};

use process::{Usage, end, time};
use seed::Seed;
use tempfile::TempDir;
use ticks::Ticks;

use support::{screens, server::Account, synapse, terminal::Terminal};

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
const STARTS: usize = 11;

/// How long an idle client is watched.
const IDLE: Duration = Duration::from_mins(1);

fn main() {
    let mut programs: Vec<_> = process::programs().into_iter().map(Program::new).collect();
    let synapse = synapse::start();
    let seed = Seed::default();
    eprintln!("Filling an account with {} rooms of {} messages …", seed.rooms, seed.messages);
    let alice = seed::fill(&synapse, seed);
    for program in &mut programs {
        program.log_in(&synapse.base_url, &alice);
    }
    // In turn, so that what else happens on the machine happens to all.
    eprintln!("Starting {STARTS} times …");
    for _ in 0..STARTS {
        for program in &mut programs {
            program.start_and_end();
        }
    }
    for program in &mut programs {
        program.idle();
        program.demo();
    }
    let paths: Vec<_> = programs.iter().map(|program| &*program.path).collect();
    println!("| what | {} |\n| --- |{}", paths.join(" | "), " --- |".repeat(paths.len()));
    let figures: Vec<_> = programs.iter().map(Program::figures).collect();
    let (ours, others) = figures.split_first().expect("this build is always measured");
    for (row, (what, unit, value)) in ours.iter().enumerate() {
        let others = others.iter().map(|figures| {
            let (.., other) = figures[row];
            let ratio = if other > 0.0 { format!(" ({:.2} of it)", value / other) } else { String::new() };
            format!(" {other:.3} {unit}{ratio} |")
        });
        println!("| {what} | {value:.3} {unit} |{}", others.collect::<String>());
    }

    eprintln!("Waiting for {} ticks …", ticks::MESSAGES);
    let Ticks { tick, read } = ticks::measure(&synapse);
    let ratio = |share| percentile(&tick, share).as_secs_f64() / percentile(&read, share).as_secs_f64();
    println!("| message to tick, p50 and p99 | {} |", milliseconds(&tick));
    println!("| message to the same peer's m.read, p50 and p99 | {} |", milliseconds(&read));
    println!("| tick against m.read, p50 and p99 | {:.2} and {:.2} |", ratio(50), ratio(99));
}

/// One build of the program, and what was measured of it.
struct Program {
    path: String,
    data: TempDir,
    first_login: Duration,
    starts: Vec<Duration>,
    idle: Vec<(&'static str, &'static str, f64)>,
    demo: Vec<(&'static str, &'static str, f64)>,
}

impl Program {
    fn new(path: String) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        Self { path, data, first_login: Duration::ZERO, starts: Vec::new(), idle: Vec::new(), demo: Vec::new() }
    }

    fn start(&self) -> Terminal {
        let data = self.data.path().to_str().expect("a temporary folder has a plain name");
        Terminal::start_program(&self.path, &["--data-dir", data], COLS, ROWS)
    }

    fn log_in(&mut self, homeserver: &str, account: &Account) {
        eprintln!("Logging in with {} …", self.path);
        let terminal = self.start();
        screens::fill_in_login(&terminal, homeserver, account);
        self.first_login = time(|| {
            terminal.key("enter");
            wait_for_rooms(&terminal);
        });
        process::wait_until_quiet(terminal.process_id());
        end(terminal);
    }

    fn start_and_end(&mut self) {
        let mut terminal = None;
        self.starts.push(time(|| wait_for_rooms(terminal.insert(self.start()))));
        end(terminal.expect("it was started"));
    }

    fn idle(&mut self) {
        eprintln!("Watching {} idle for {} s …", self.path, IDLE.as_secs());
        let terminal = self.start();
        wait_for_rooms(&terminal);
        process::wait_until_quiet(terminal.process_id());
        let (before, written) = (Usage::of(terminal.process_id()), terminal.raw_bytes().len());
        thread::sleep(IDLE);
        let (after, written_after) = (Usage::of(terminal.process_id()), terminal.raw_bytes().len());
        end(terminal);
        self.idle = vec![
            ("memory after a minute, resident", "MiB", mebibytes(after.resident_kib)),
            ("memory after a minute, proportional", "MiB", mebibytes(after.proportional_kib)),
            ("CPU in an idle minute", "s", after.cpu.saturating_sub(before.cpu).as_secs_f64()),
            ("bytes to the terminal in an idle minute", "", count(written_after - written)),
            (
                "context switches in an idle minute",
                "",
                count(usize::try_from(after.switches_since(&before)).unwrap_or(usize::MAX)),
            ),
        ];
    }

    fn demo(&mut self) {
        eprintln!("Giving the demo of {} …", self.path);
        let demo = demo::measure(&self.path, COLS, ROWS);
        self.demo = vec![
            ("demo: start to the first screen", "s", demo.first_screen.as_secs_f64()),
            ("demo: start to the last room", "s", demo.complete.as_secs_f64()),
            ("demo: most memory, all devices in one process", "MiB", mebibytes(demo.peak_kib)),
        ];
    }

    /// What was measured, its unit, and how much it was.
    fn figures(&self) -> Vec<(&'static str, &'static str, f64)> {
        let mut starts = self.starts.clone();
        starts.sort();
        let size = std::fs::metadata(&self.path).expect("it was started").len();
        let mut figures = vec![
            ("the program on disk", "MiB", mebibytes(u32::try_from(size / 1024).expect("no program is so large"))),
            ("first login, password sent to room list", "s", self.first_login.as_secs_f64()),
            ("warm start to room list, median", "s", percentile(&starts, 50).as_secs_f64()),
        ];
        figures.extend(self.idle.iter().chain(&self.demo));
        figures
    }
}

fn wait_for_rooms(terminal: &Terminal) {
    terminal.wait_for_text(seed::ROOM_NAME);
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

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("not so many in a minute"))
}
