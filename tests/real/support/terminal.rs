//! A pseudo-terminal with the real program in it: type, look at the screen, and read every byte
//! that was written.
//!
//! A thread feeds what the program writes into a terminal emulator and wakes whoever waits for the
//! screen to change; it also answers the questions that programs ask their terminal, as a real one
//! would. Each program gets an empty home folder of its own.

use std::{
    io::{Read, Write},
    num::NonZeroU16,
    process::Command,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

/// The program under test.
pub const KVITTO: &str = env!("CARGO_BIN_EXE_kvitto");

/// How long a test waits for what it expects, on a busy machine with a debug build.
const DEADLINE: Duration = Duration::from_mins(1);

/// A program in a terminal of its own; killed when this is dropped.
pub struct Terminal {
    seen: Arc<Seen>,
    master: Box<dyn MasterPty + Send>,
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
    child: Box<dyn Child + Send + Sync>,
    exited: bool,
    home: TempDir,
}

impl Terminal {
    /// Starts kvitto with `args`.
    pub fn start(args: &[&str], cols: u16, rows: u16) -> Self {
        Self::start_program(KVITTO, args, cols, rows)
    }

    /// Starts a program with `args`.
    pub fn start_program(program: &str, args: &[&str], cols: u16, rows: u16) -> Self {
        let mut command = CommandBuilder::new(program);
        command.args(args);
        Self::spawn(command, cols, rows)
    }

    /// Starts a shell script that finds kvitto as `$KVITTO`, with job control, so that a program in
    /// it can be suspended and what comes after it shows how it left the terminal.
    pub fn script(script: &str, cols: u16, rows: u16) -> Self {
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", &format!("set -m\n{script}")]);
        command.env("KVITTO", KVITTO);
        Self::spawn(command, cols, rows)
    }

    fn spawn(mut command: CommandBuilder, cols: u16, rows: u16) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "NO_COLOR"] {
            command.env_remove(name);
        }
        command.env_remove("KVITTO_CONFIG");
        command.env_remove("KVITTO_DATA_DIR");
        command.env("HOME", home.path());
        command.env("TMPDIR", home.path());
        command.env("TERM", "xterm-256color");
        command.env("COLORTERM", "truecolor");
        command.env("LC_ALL", "C.UTF-8");
        command.cwd(home.path());

        let pair = native_pty_system().openpty(size(cols, rows)).expect("the system has pseudo-terminals");
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let reader = pair.master.try_clone_reader().expect("a new terminal can be read");
        let writer = Arc::new(Mutex::new(pair.master.take_writer().expect("a new terminal can be written")));
        let seen = Arc::new(Seen::new(cols, rows));
        thread::spawn({
            let (seen, writer) = (Arc::clone(&seen), Arc::clone(&writer));
            move || watch(reader, &seen, &writer)
        });
        Self { seen, master: pair.master, writer, child, exited: false, home }
    }

    /// Waits until `condition` holds for the screen; `what` says in the failure's message what that
    /// would have been.
    #[track_caller]
    pub fn wait_for(&self, what: &str, condition: impl Fn(&vt100::Screen) -> bool) {
        let met = self.seen.wait(|state| condition(state.parser.screen()));
        assert!(met, "waited for {what}, but the screen stayed\n{}", self.screen_text());
    }

    /// Waits until `text` stands on the screen.
    #[track_caller]
    pub fn wait_for_text(&self, text: &str) {
        self.wait_for(&format!("{text:?}"), |screen| self::text(screen).contains(text));
    }

    /// Types `text` as it is.
    pub fn type_text(&self, text: &str) {
        let mut writer = self.writer.lock().expect("nobody panics while typing");
        writer.write_all(text.as_bytes()).and_then(|()| writer.flush()).expect("the terminal takes what is typed");
    }

    /// Presses a key by its name: `enter`, `esc`, `tab`, `backtab`, `backspace`, `up`, `down`,
    /// `left`, `right`, `pageup`, `pagedown`, `f2`, or `ctrl-` and a letter.
    pub fn key(&self, name: &str) {
        let bytes = match name {
            "enter" => "\r",
            "esc" => "\x1b",
            "tab" => "\t",
            "backtab" => "\x1b[Z",
            "backspace" => "\x7f",
            "up" => "\x1b[A",
            "down" => "\x1b[B",
            "right" => "\x1b[C",
            "left" => "\x1b[D",
            "pageup" => "\x1b[5~",
            "pagedown" => "\x1b[6~",
            "f2" => "\x1bOQ",
            _ => match name.strip_prefix("ctrl-").map(str::as_bytes) {
                Some([letter @ b'a'..=b'z']) => return self.type_text(&char::from(letter & 0x1f).to_string()),
                _ => panic!("no such key: {name}"),
            },
        };
        self.type_text(bytes);
    }

    /// The screen's text.
    pub fn screen_text(&self) -> String {
        text(self.seen.state().parser.screen())
    }

    /// What `look` sees on the screen.
    pub fn with_screen<T>(&self, look: impl Fn(&vt100::Screen) -> T) -> T {
        look(self.seen.state().parser.screen())
    }

    /// Everything the program has written, from the start.
    pub fn raw_bytes(&self) -> Vec<u8> {
        self.seen.state().raw.clone()
    }

    /// What the program did to the world around its screen.
    pub fn manners(&self) -> Manners {
        self.seen.state().parser.callbacks().clone()
    }

    /// Gives the terminal another size, as dragging a window's corner does.
    pub fn resize(&self, cols: u16, rows: u16) {
        let mut state = self.seen.state();
        state.parser.set_size(cells(rows), cells(cols));
        self.master.resize(size(cols, rows)).expect("a terminal can be resized");
    }

    /// The process that was started: kvitto itself, or the shell.
    pub fn process_id(&self) -> u32 {
        self.child.process_id().expect("a started child has an id")
    }

    /// Sends `signal` (`TERM`, `HUP`, `TSTP`, …) to the program in the foreground.
    pub fn signal(&self, signal: &str) {
        let group = self.master.process_group_leader().expect("the terminal has a foreground program");
        kill(signal, &format!("-{group}"));
    }

    /// Kills the program without giving it a chance to do anything, and waits until it is gone.
    pub fn kill9(mut self) {
        self.signal("KILL");
        self.reap();
    }

    /// Waits for the end of the program.
    #[track_caller]
    pub fn wait_exit(&mut self) -> ExitStatus {
        let ended = self.seen.wait(|state| state.closed);
        assert!(ended, "waited for the program's end, but the screen stayed\n{}", self.screen_text());
        self.reap()
    }

    /// The program's home folder.
    pub fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    fn reap(&mut self) -> ExitStatus {
        self.exited = true;
        self.child.wait().expect("a child can be waited for")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if !self.exited {
            if let Some(group) = self.master.process_group_leader() {
                kill("KILL", &format!("-{group}"));
            }
            kill("KILL", &self.process_id().to_string());
            self.reap();
        }
    }
}

/// Stands for U+FFFD in the emulator, which drops that character although terminals draw it, one
/// column wide.
const STAND_IN: char = '\u{E000}';

/// The text of a screen, line by line. Whether a blank at a line's end was drawn or never was
/// cannot be seen, and is not told.
pub fn text(screen: &vt100::Screen) -> String {
    screen
        .contents()
        .replace(STAND_IN, "\u{FFFD}")
        .lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
        .trim_end()
        .to_owned()
}

/// Sent by the shell's `kill`, which every system has, so that no unsafe call is needed. That a
/// process has ended meanwhile is no failure.
fn kill(signal: &str, process: &str) {
    let script = format!("kill -s {signal} -- {process} 2>/dev/null || true");
    let status = Command::new("sh").args(["-c", &script]).status().expect("sh runs");
    assert!(status.success(), "{script}: {status}");
}

fn size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a terminal has a size")
}

/// What the reading thread has seen, and the news that it saw more.
struct Seen {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    parser: vt100::Parser<Manners>,
    raw: Vec<u8>,
    /// The start of a character whose end was not read yet.
    begun: Vec<u8>,
    /// Whether everybody has closed the terminal's inner side: nothing more will come.
    closed: bool,
}

impl Seen {
    fn new(cols: u16, rows: u16) -> Self {
        let parser = vt100::Parser::new_with_callbacks(cells(rows), cells(cols), 0, Manners::default());
        Self {
            state: Mutex::new(State { parser, raw: Vec::new(), begun: Vec::new(), closed: false }),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Waits until `condition` holds; false when it cannot any more, or not in time.
    fn wait(&self, condition: impl Fn(&State) -> bool) -> bool {
        let end = Instant::now() + DEADLINE;
        let mut state = self.state();
        loop {
            if condition(&state) {
                return true;
            }
            let left = end.saturating_duration_since(Instant::now());
            if state.closed || left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }
}

impl State {
    fn take_in(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        self.begun.extend_from_slice(bytes);
        let whole = match str::from_utf8(&self.begun) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.begun.len(),
        };
        let begun = self.begun.split_off(whole);
        let whole = std::mem::replace(&mut self.begun, begun);
        let drawn = String::from_utf8_lossy(&whole).replace('\u{FFFD}', STAND_IN.encode_utf8(&mut [0; 4]));
        self.parser.process(drawn.as_bytes());
    }
}

fn watch(mut reader: Box<dyn Read + Send>, seen: &Seen, writer: &Mutex<Box<dyn Write + Send>>) {
    let mut buffer = vec![0; 65536];
    loop {
        // Reading fails with EIO when the last program has closed the terminal.
        let count = reader.read(&mut buffer).unwrap_or(0);
        let mut state = seen.state();
        state.take_in(&buffer[..count]);
        state.closed = count == 0;
        let answers = std::mem::take(&mut state.parser.callbacks_mut().answers);
        drop(state);
        seen.changed.notify_all();
        if count == 0 {
            return;
        }
        if !answers.is_empty() {
            let mut writer = writer.lock().expect("nobody panics while typing");
            // Whoever asked may be gone by now.
            let _ = writer.write_all(&answers).and_then(|()| writer.flush());
        }
    }
}

/// What a program did to its terminal besides drawing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manners {
    /// Every window title and icon name it set.
    pub titles: Vec<String>,
    /// Everything it put into the clipboard, or asked of it (OSC 52), as written.
    pub clipboard: Vec<String>,
    /// How often it rang.
    pub bells: usize,
    answers: Vec<u8>,
}

impl vt100::Callbacks for Manners {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.bells += 1;
    }

    fn set_window_icon_name(&mut self, _: &mut vt100::Screen, name: &[u8]) {
        self.titles.push(String::from_utf8_lossy(name).into_owned());
    }

    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.titles.push(String::from_utf8_lossy(title).into_owned());
    }

    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], data: &[u8]) {
        self.clipboard.push(String::from_utf8_lossy(data).into_owned());
    }

    fn paste_from_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8]) {
        self.clipboard.push("?".to_owned());
    }

    /// Answers where the cursor is (`CSI 6 n`), that all is well (`CSI 5 n`) and what kind of
    /// terminal this is (`CSI c`).
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        intermediate: Option<u8>,
        _: Option<u8>,
        parameters: &[&[u16]],
        command: char,
    ) {
        match (intermediate, parameters, command) {
            (None, [[6]], 'n') => {
                let (row, col) = screen.cursor_position();
                self.answers.extend(format!("\x1b[{};{}R", row + 1, col + 1).bytes());
            }
            (None, [[5]], 'n') => self.answers.extend(b"\x1b[0n"),
            (None, _, 'c') => self.answers.extend(b"\x1b[?62c"),
            _ => {}
        }
    }
}
