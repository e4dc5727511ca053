//! What is typed and pasted, from the terminal's bytes.
//!
//! **Problem.** A paste must not be taken for keys, or every line of it is sent. Terminals mark a
//! paste by brackets (`ESC[200~` … `ESC[201~`), but not all do, and tmux can be told not to. And
//! where the closing bracket is lost, whoever waits for it hears no key any more, Ctrl-C neither.
//!
//! **Why this way.** Only who reads the bytes knows what came together, and can stop waiting.
//! crossterm (0.29) does neither, so it only sets the terminal's modes here.
//!
//! **How.** One thread reads, for as long as the process lives. `keyboard/parse.rs` makes keys of
//! the bytes, and ends a paste that goes on for too long; `keyboard/burst.rs` finds pastes without
//! brackets among the keys.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, ErrorKind},
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

/// What the reading thread has read, while nobody listens. It cannot be stopped, and a second one
/// would take bytes away.
static READ: OnceLock<Mutex<Option<UnboundedReceiver<Read>>>> = OnceLock::new();

/// What was read at once, and when: the program may be busy with something else, and that is no
/// paste.
type Read = (Instant, Vec<u8>);

/// See the module.
pub struct Keyboard {
    reads: Option<UnboundedReceiver<Read>>,
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
        let reads = read.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(Self { reads, parser: Parser::default(), burst: Burst::default(), events: VecDeque::new() })
    }

    /// Waits for what is typed next; `None` when the terminal is gone. Nothing is lost when the
    /// future is dropped. `text`: whether letters are text now, and not commands, so that they may
    /// be a paste.
    pub async fn next(&mut self, text: bool) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let due = [self.parser.due(), self.burst.due()].into_iter().flatten().min();
            let reads = self.reads.as_mut()?;
            tokio::select! {
                biased;
                read = reads.recv() => {
                    let (at, bytes) = read?;
                    self.wait_no_longer(text, at);
                    let typed = self.parser.feed(&bytes, at);
                    self.events.extend(self.burst.take_in(typed, text, at));
                }
                () = super::at(due) => self.wait_no_longer(text, Instant::now()),
            }
        }
    }

    /// By then nothing had come that belongs to what came before, if that was due.
    fn wait_no_longer(&mut self, text: bool, at: Instant) {
        let typed = self.parser.wait_no_longer(at);
        self.events.extend(self.burst.take_in(typed, text, at));
        self.events.extend(self.burst.wait_no_longer(at));
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        if let Some(read) = READ.get() {
            *read.lock().unwrap_or_else(PoisonError::into_inner) = self.reads.take();
        }
    }
}

/// Reads until the terminal is gone, or nobody can listen any more.
fn read_all(sender: &UnboundedSender<Read>) {
    // Opened anew, it waits for what is typed; another program may have left standard input so that
    // it does not.
    let mut terminal: Box<dyn io::Read> = match File::open("/dev/tty") {
        Ok(terminal) => Box::new(terminal),
        Err(_) => Box::new(io::stdin()),
    };
    let mut chunk = [0; CHUNK];
    loop {
        match terminal.read(&mut chunk) {
            Ok(0) => return,
            Ok(length) => {
                if sender.send((Instant::now(), chunk[..length].to_vec())).is_err() {
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
