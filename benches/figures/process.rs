//! The programs that are measured, and what their processes have used, as the kernel counts it.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs, thread,
    time::{Duration, Instant},
};

use crate::support::terminal::{KVITTO, Terminal};

/// The length of one tick of `/proc/…/stat` on Linux (`USER_HZ`), on every architecture that Rust
/// runs on.
const TICK: Duration = Duration::from_millis(10);

/// For how long a process must have used no CPU to be called quiet.
const QUIET: Duration = Duration::from_secs(3);

/// How long it may take to become quiet.
const DEADLINE: Duration = Duration::from_mins(5);

/// The path of this build's program, and those that stand after `--`.
pub fn programs() -> Vec<String> {
    // Cargo says `--bench`, which is none.
    let others = std::env::args().skip(1).filter(|arg| !arg.starts_with("--"));
    std::iter::once(KVITTO.to_owned()).chain(others).collect()
}

/// How long something takes.
pub fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Ends a program as a person's session manager would, so that everything is on disk for the next
/// start.
pub fn end(mut terminal: Terminal) {
    terminal.signal("TERM");
    terminal.wait_exit();
}

/// What a process has used so far.
pub struct Usage {
    /// User and system time of all its threads.
    pub cpu: Duration,
    /// Memory that is resident now (RSS), in KiB.
    pub resident_kib: u32,
    /// The same, with what is shared with other processes counted in part (PSS), in KiB.
    pub proportional_kib: u32,
    /// The most memory that ever was, in KiB.
    pub peak_kib: u32,
    /// How often each of its threads was woken up, or another one took its place.
    switches: HashMap<OsString, u64>,
}

impl Usage {
    /// Reads it from `/proc`.
    pub fn of(process: u32) -> Self {
        let read = |file: &str| fs::read_to_string(format!("/proc/{process}/{file}")).expect("the process runs");
        // The second field is the program's name in parentheses and may hold anything; utime and
        // stime are 14 and 15.
        let stat = read("stat");
        let fields = stat.rsplit_once(") ").expect("the name is in parentheses").1.split(' ').skip(11).take(2);
        let ticks = fields.map(|ticks| ticks.parse::<u32>().expect("ticks are a number")).sum();
        let number = |text: &str, what| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix(what)).expect("the kernel tells this");
            line.trim().trim_end_matches(" kB").parse().expect("it is a number")
        };
        let kib = |text: &str, what| u32::try_from(number(text, what)).expect("no process has so much");
        let (status, rollup) = (read("status"), read("smaps_rollup"));
        let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs").flatten();
        let switches = tasks.filter_map(|task| {
            // A thread may end meanwhile.
            let status = fs::read_to_string(task.path().join("status")).ok()?;
            let switches =
                ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"].map(|what| number(&status, what));
            Some((task.file_name(), switches.iter().sum()))
        });
        Self {
            cpu: TICK * ticks,
            resident_kib: kib(&status, "VmRSS:"),
            proportional_kib: kib(&rollup, "Pss:"),
            peak_kib: kib(&status, "VmHWM:"),
            switches: switches.collect(),
        }
    }

    /// How often its threads were woken up since, but for those that have ended.
    pub fn switches_since(&self, before: &Self) -> u64 {
        let since = |(thread, switches): (&OsString, &u64)| switches - before.switches.get(thread).unwrap_or(&0);
        self.switches.iter().map(since).sum()
    }
}

/// Waits until the process has finished what it was busy with.
pub fn wait_until_quiet(process: u32) {
    let start = Instant::now();
    let (mut cpu, mut since) = (Usage::of(process).cpu, start);
    while since.elapsed() < QUIET {
        assert!(start.elapsed() < DEADLINE, "process {process} is never quiet");
        thread::sleep(Duration::from_millis(100));
        let now = Usage::of(process).cpu;
        if now > cpu {
            (cpu, since) = (now, Instant::now());
        }
    }
}
