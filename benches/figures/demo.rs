//! `kvitto demo`: fifty clients and their homeserver in the process of the one that is looked at.

use std::time::{Duration, Instant};

use crate::{process::Usage, support::terminal::Terminal};

/// The room that is made last.
const LAST_ROOM: &str = "Analytical Society";

/// What a person who starts the demo has to wait for, and what it takes.
pub struct Shown {
    /// From the start to the first words on the screen.
    pub first_screen: Duration,
    /// From the start to the last of the rooms.
    pub complete: Duration,
    /// The most memory that was resident, with everybody at work.
    pub peak_kib: u32,
}

/// Starts it once, and lets it come to rest.
pub fn measure(program: &str, cols: u16, rows: u16) -> Shown {
    let start = Instant::now();
    let terminal = Terminal::start_program(program, &["demo"], cols, rows);
    terminal.wait_for_text("The demo");
    let first_screen = start.elapsed();
    terminal.wait_for_text(LAST_ROOM);
    let complete = start.elapsed();
    crate::process::wait_until_quiet(terminal.process_id());
    let peak_kib = Usage::of(terminal.process_id()).peak_kib;
    crate::process::end(terminal);
    Shown { first_screen, complete, peak_kib }
}
