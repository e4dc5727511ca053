//! What a process has used, as the kernel counts it.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

/// The length of one tick of `/proc/…/stat` on Linux (`USER_HZ`), on every architecture that Rust
/// runs on.
const TICK: Duration = Duration::from_millis(10);

/// For how long a process must have used no CPU to be called quiet.
const QUIET: Duration = Duration::from_secs(3);

/// How long it may take to become quiet.
const DEADLINE: Duration = Duration::from_mins(5);

/// What a process has used so far.
pub struct Usage {
    /// User and system time of all its threads.
    pub cpu: Duration,
    /// Memory that is resident now, in KiB.
    pub resident_kib: u32,
    /// The most memory that ever was, in KiB.
    pub peak_kib: u32,
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
        let status = read("status");
        let kib = |what| {
            let memory = status.lines().find_map(|line| line.strip_prefix(what)).expect("a process has memory");
            memory.trim().trim_end_matches(" kB").parse().expect("memory is a number")
        };
        Self { cpu: TICK * ticks, resident_kib: kib("VmRSS:"), peak_kib: kib("VmHWM:") }
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
