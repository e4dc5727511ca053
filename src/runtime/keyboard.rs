//! What is typed and pasted, from the terminal's bytes.
//!
//! **Problem.** A paste must not be taken for keys, or every line of it is sent. Terminals mark a paste by brackets
//! (`ESC[200~` … `ESC[201~`), but not all do, and tmux can be told not to. And where the closing bracket is lost, whoever
//! waits for it hears no key any more, Ctrl-C neither.
//!
//! **Why this way.** Only who reads the bytes knows what came together, and can stop waiting. crossterm (0.29) does neither,
//! so it only sets the terminal's modes here.
//!
//! **How.** One thread reads, for as long as the process lives. `keyboard/parse.rs` makes keys of the bytes, and ends a paste
//! that goes on for too long; `keyboard/burst.rs` finds pastes without brackets among the keys.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, ErrorKind, IsTerminal, Read},
    sync::{Mutex, OnceLock, PoisonError},
    thread,
};

use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::Instant,
};

use self::{burst::Burst, parse::Parser};
use crate::app::event::Event;

mod burst;
mod parse;

/// What one read gives at most.
const CHUNK: usize = 4 * 1024;

/// What the reading thread has read, while nobody listens. It cannot be stopped, and a second one would take bytes away.
static READ: OnceLock<Mutex<Option<UnboundedReceiver<Vec<u8>>>>> = OnceLock::new();

/// See the module.
pub struct Keyboard {
    bytes: Option<UnboundedReceiver<Vec<u8>>>,
    parser: Parser,
    burst: Burst,
    events: VecDeque<Event>,
}

impl Keyboard {
    /// Listens from now on; only one can.
    pub fn listen() -> io::Result<Self> {
        let read = if let Some(read) = READ.get() {
            read
        } else {
            let (sender, receiver) = unbounded_channel();
            thread::Builder::new().name("keyboard".into()).spawn(move || read_all(&sender))?;
            READ.get_or_init(|| Mutex::new(Some(receiver)))
        };
        let bytes = read.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(Self { bytes, parser: Parser::default(), burst: Burst::default(), events: VecDeque::new() })
    }

    /// Waits for what is typed next; `None` when the terminal is gone. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let due = [self.parser.due(), self.burst.due()].into_iter().flatten().min();
            let bytes = self.bytes.as_mut()?;
            tokio::select! {
                biased;
                read = bytes.recv() => {
                    let mut read = read?;
                    // What has been read meanwhile came together, as far as it is known.
                    while let Ok(more) = bytes.try_recv() {
                        read.extend(more);
                    }
                    let now = Instant::now();
                    let typed = self.parser.feed(&read, now);
                    self.events.extend(self.burst.take_in(typed, now));
                }
                () = super::at(due) => {
                    let now = Instant::now();
                    let typed = self.parser.wait_no_longer(now);
                    self.events.extend(self.burst.take_in(typed, now));
                    self.events.extend(self.burst.wait_no_longer(now));
                }
            }
        }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        if let Some(read) = READ.get() {
            *read.lock().unwrap_or_else(PoisonError::into_inner) = self.bytes.take();
        }
    }
}

/// Reads until the terminal is gone, or nobody can listen any more.
fn read_all(sender: &UnboundedSender<Vec<u8>>) {
    let mut terminal: Box<dyn Read> = match File::open("/dev/tty") {
        Ok(terminal) if !io::stdin().is_terminal() => Box::new(terminal),
        _ => Box::new(io::stdin()),
    };
    let mut chunk = [0; CHUNK];
    loop {
        match terminal.read(&mut chunk) {
            Ok(0) => return,
            Ok(length) => {
                if sender.send(chunk[..length].to_vec()).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::info!(%error, "the terminal cannot be read any more");
                return;
            }
        }
    }
}
