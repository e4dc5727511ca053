//! What happens when the program is wrong.
//!
//! A panic of the thread that holds the terminal ends the program: the terminal is given back
//! first, so that the message can be read. A panic of any other thread costs one task; the screen
//! goes on and says so.

use std::{
    backtrace::Backtrace,
    panic::{self, PanicHookInfo},
    path::Path,
    thread,
};

use tokio::sync::mpsc::UnboundedSender;

use super::terminal;
use crate::{app::event::Event, model::SafeText};

/// Panics are dealt with as long as this lives.
pub struct Installed;

impl Drop for Installed {
    fn drop(&mut self) {
        // A thread that panics may not change the hook, and the program ends anyway.
        if !thread::panicking() {
            drop(panic::take_hook());
        }
    }
}

/// Deals with panics. To be called by the thread that holds the terminal.
pub fn install(events: UnboundedSender<Event>, log: &Path) -> Installed {
    let (ours, print) = (thread::current().id(), panic::take_hook());
    let log = log.display().to_string();
    panic::set_hook(Box::new(move |info| {
        if ended_with_its_session(info) {
            return;
        }
        record(info);
        if thread::current().id() == ours {
            terminal::give_back();
            print(info);
            eprintln!("kvitto: this is a bug in kvitto. The log says where: {log}");
        } else {
            // When nobody listens any more, the log has it.
            let _ = events.send(Event::Failed(SafeText::line("A part of kvitto failed: start it again, see the log")));
        }
    }));
    Installed
}

/// The SDK panics in a task that waits for one that was cancelled; that is how both end when a
/// session's runtime does.
fn ended_with_its_session(info: &PanicHookInfo<'_>) -> bool {
    info.payload_as_str().is_some_and(|message| message.contains("JoinError::Cancelled"))
}

/// Not the message: it may quote what must not be in the log.
fn record(info: &PanicHookInfo<'_>) {
    tracing::error!(
        thread = thread::current().name(),
        place = info.location().map(tracing::field::display),
        backtrace = %Backtrace::force_capture(),
        "panic"
    );
}
