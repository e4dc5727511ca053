//! The terminal's bytes as keys, pastes, and whether its window has the focus.
//!
//! Pure: bytes and the time in, [`Typed`] out. What is known of: UTF-8, control characters, `ESC` before a key for Alt, the
//! function keys of xterm, VT and the Linux console, and the keyboard protocol of kitty as far as it is asked for
//! (<https://sw.kovidgoyal.net/kitty/keyboard-protocol/>, 'Disambiguate escape codes'). Any other sequence is nothing.
//!
//! Two things can be told by waiting only: an `ESC` of which nothing follows is the key, and a paste of which nothing comes
//! any more has lost its end. So has one that is larger than what anybody pastes, or in which Ctrl-C comes alone.

use std::time::Duration;

use tokio::time::Instant;

use crate::input::{Key, KeyCode};

/// How long the rest of a sequence may take.
const SEQUENCE_WAIT: Duration = Duration::from_millis(25);
/// How long a paste may pause.
const PASTE_WAIT: Duration = Duration::from_millis(500);
/// The bytes of a paste, and of a sequence, at most.
const PASTE_BYTES: usize = 1024 * 1024;
const SEQUENCE_BYTES: usize = 64;

const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";
/// Ctrl-C, as terminals send it.
const INTERRUPTS: [&[u8]; 2] = [b"\x03", b"\x1b[99;5u"];

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// A key.
    Key(Key),
    /// A text, with line breaks as `\n` and no control characters but tabs.
    Paste(String),
    /// The window got the focus, or lost it.
    Focus(bool),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// What has come of a sequence, a character or a paste.
    pending: Vec<u8>,
    /// It is of a paste, whose beginning is gone already.
    pasting: bool,
    /// When bytes came last.
    last: Option<Instant>,
}

/// What stands at the beginning of some bytes.
enum Found {
    /// So many bytes are this, or nothing.
    Whole(usize, Option<Typed>),
    /// A paste begins.
    Paste,
    /// Its rest is missing.
    Part,
}

impl Parser {
    /// When [`Parser::wait_no_longer`] is to be called.
    pub fn due(&self) -> Option<Instant> {
        let waits = self.pasting || !self.pending.is_empty();
        self.last.filter(|_| waits).map(|last| last + if self.pasting { PASTE_WAIT } else { SEQUENCE_WAIT })
    }

    /// Takes in what was read at once.
    pub fn feed(&mut self, bytes: &[u8], now: Instant) -> Vec<Typed> {
        self.last = Some(now);
        let mut typed = Vec::new();
        if self.pasting && INTERRUPTS.contains(&bytes) {
            typed.extend(self.end_paste());
        }
        self.pending.extend(bytes);
        self.take(&mut typed);
        typed
    }

    /// Nothing came for a while: what waited is what it is.
    pub fn wait_no_longer(&mut self, now: Instant) -> Vec<Typed> {
        let mut typed = Vec::new();
        if self.due().is_none_or(|due| due > now) {
            return typed;
        }
        if self.pasting {
            // Ctrl-C may have come right behind.
            let interrupt = INTERRUPTS.iter().find_map(|key| self.pending.strip_suffix(*key).map(<[u8]>::len));
            self.pending.truncate(interrupt.unwrap_or(self.pending.len()));
            typed.extend(self.end_paste());
            typed.extend(interrupt.map(|_| Typed::Key(Key::char('c').ctrl())));
            return typed;
        }
        // Only an `ESC` alone is a key; of anything else a part says nothing.
        match std::mem::take(&mut self.pending).as_slice() {
            [0x1B] => typed.push(Typed::Key(Key::new(KeyCode::Esc))),
            [0x1B, b] => typed.extend(plain(*b).map(|key| Typed::Key(key.alt()))),
            _ => {}
        }
        typed
    }

    fn take(&mut self, typed: &mut Vec<Typed>) {
        loop {
            if self.pasting {
                if let Some(at) = find(&self.pending, PASTE_END) {
                    let rest = self.pending.split_off(at + PASTE_END.len());
                    self.pending.truncate(at);
                    typed.extend(self.end_paste());
                    self.pending = rest;
                    continue;
                }
                if self.pending.len() > PASTE_BYTES {
                    typed.extend(self.end_paste());
                }
                return;
            }
            match first(&self.pending) {
                Found::Part if self.pending.len() > SEQUENCE_BYTES => self.pending.clear(),
                Found::Part => return,
                Found::Paste => {
                    self.pending.drain(..PASTE_BEGIN.len());
                    self.pasting = true;
                }
                Found::Whole(length, found) => {
                    self.pending.drain(..length);
                    typed.extend(found);
                }
            }
        }
    }

    fn end_paste(&mut self) -> Option<Typed> {
        self.pasting = false;
        let text = pasted(&String::from_utf8_lossy(&std::mem::take(&mut self.pending)));
        (!text.is_empty()).then_some(Typed::Paste(text))
    }
}

/// Terminals paste line ends as `\r`. Other control characters cannot be typed, so they cannot be pasted either.
fn pasted(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|char| !char.is_control() || matches!(char, '\n' | '\t')).collect()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// What the bytes begin with.
fn first(bytes: &[u8]) -> Found {
    let key = |length, key: Option<Key>| Found::Whole(length, key.map(Typed::Key));
    match bytes {
        [] | [0x1B] | [0x1B, b'O' | b'['] => Found::Part,
        // An `ESC` before another sequence is a key of its own.
        [0x1B, 0x1B, ..] => key(1, Some(Key::new(KeyCode::Esc))),
        [0x1B, b'O', last, ..] => key(3, named(*last)),
        [0x1B, b'[', b'[', ..] => match bytes.get(3) {
            // The Linux console's F1 to F5.
            Some(last @ b'A'..=b'E') => key(4, Some(Key::new(KeyCode::F(last - b'A' + 1)))),
            Some(_) => key(4, None),
            None => Found::Part,
        },
        [0x1B, b'[', rest @ ..] => match rest.iter().position(|byte| (0x40..=0x7E).contains(byte)) {
            Some(_) if bytes.starts_with(PASTE_BEGIN) => Found::Paste,
            Some(end) => Found::Whole(end + 3, sequence(&rest[..end], rest[end])),
            None => Found::Part,
        },
        [0x1B, rest @ ..] => match character(rest) {
            Found::Whole(length, Some(Typed::Key(found))) => key(length + 1, Some(found.alt())),
            Found::Whole(length, _) => key(length + 1, None),
            other => other,
        },
        bytes => character(bytes),
    }
}

/// A key that is one character.
fn character(bytes: &[u8]) -> Found {
    let Some(byte) = bytes.first() else { return Found::Part };
    if byte.is_ascii() {
        return Found::Whole(1, plain(*byte).map(Typed::Key));
    }
    let length = match byte {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return Found::Whole(1, None),
    };
    let Some(whole) = bytes.get(..length) else { return Found::Part };
    let char = std::str::from_utf8(whole).ok().and_then(|text| text.chars().next());
    // What is no character costs its first byte only.
    char.map_or(Found::Whole(1, None), |char| Found::Whole(length, printable(char).map(Typed::Key)))
}

fn printable(char: char) -> Option<Key> {
    (!char.is_control()).then_some(Key::char(char))
}

/// A key that is one byte.
fn plain(byte: u8) -> Option<Key> {
    match byte {
        b'\r' => Some(Key::new(KeyCode::Enter)),
        b'\t' => Some(Key::new(KeyCode::Tab)),
        0x7F => Some(Key::new(KeyCode::Backspace)),
        0 => Some(Key::char(' ').ctrl()),
        0x01..=0x1A => Some(Key::char(char::from(byte - 1 + b'a')).ctrl()),
        0x1C..=0x1F => Some(Key::char(char::from(byte - 0x1C + b'4')).ctrl()),
        byte => printable(char::from(byte)).filter(|_| byte.is_ascii()),
    }
}

/// A key that its sequence's last byte names.
fn named(last: u8) -> Option<Key> {
    let code = match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'M' => KeyCode::Enter,
        b'P'..=b'S' => KeyCode::F(last - b'P' + 1),
        b'Z' => return Some(Key::new(KeyCode::Tab).shift()),
        _ => return None,
    };
    Some(Key::new(code))
}

/// `CSI parameters last`.
fn sequence(parameters: &[u8], last: u8) -> Option<Typed> {
    let text = std::str::from_utf8(parameters).ok()?;
    if text.is_empty() && matches!(last, b'I' | b'O') {
        return Some(Typed::Focus(last == b'I'));
    }
    let mut parameters = text.split(';').map(|parameter| parameter.split(':'));
    let number = |part: Option<&str>| part.and_then(|part| part.parse::<u32>().ok());
    let mut code = parameters.next()?;
    let code = number(code.next());
    let mut held = parameters.next().into_iter().flatten();
    let (held, kind) = (number(held.next()).unwrap_or(1), number(held.next()).unwrap_or(1));
    if kind == 3 {
        return None;
    }
    let key = match last {
        b'u' => unicode(code?)?,
        b'~' => numbered(code?)?,
        last if code.is_none_or(|code| code == 1) => named(last)?,
        _ => return None,
    };
    with(key, held).map(Typed::Key)
}

/// The modifiers of xterm and kitty. Keys of the desktop (Super, Hyper, Meta) are nobody's here.
fn with(key: Key, held: u32) -> Option<Key> {
    let held = held.saturating_sub(1);
    let [shift, alt, ctrl] = [1, 2, 4].map(|bit| held & bit != 0);
    if held & (8 | 16 | 32) != 0 {
        return None;
    }
    Some(match key.code {
        // Shift is part of a character.
        KeyCode::Char(c) if shift => Key { code: KeyCode::Char(c.to_ascii_uppercase()), ctrl, alt, shift: false },
        KeyCode::Char(_) => Key { ctrl, alt, ..key },
        _ => Key { ctrl, alt, shift: shift || key.shift, ..key },
    })
}

/// `CSI number ~`.
fn numbered(number: u32) -> Option<Key> {
    let code = match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(u8::try_from(number - 10).ok()?),
        17..=21 => KeyCode::F(u8::try_from(number - 11).ok()?),
        23..=24 => KeyCode::F(u8::try_from(number - 12).ok()?),
        _ => return None,
    };
    Some(Key::new(code))
}

/// `CSI number u`: a character, or a key that has a number there.
fn unicode(number: u32) -> Option<Key> {
    let code = match number {
        9 => KeyCode::Tab,
        13 | 57_414 => KeyCode::Enter,
        27 => KeyCode::Esc,
        127 => KeyCode::Backspace,
        57_399..=57_408 => KeyCode::Char(char::from_digit(number - 57_399, 10)?),
        57_417 => KeyCode::Left,
        57_418 => KeyCode::Right,
        57_419 => KeyCode::Up,
        57_420 => KeyCode::Down,
        57_421 => KeyCode::PageUp,
        57_422 => KeyCode::PageDown,
        57_423 => KeyCode::Home,
        57_424 => KeyCode::End,
        57_425 => KeyCode::Insert,
        57_426 => KeyCode::Delete,
        // Other keys have numbers of the private use area.
        57_344..=63_743 => return None,
        number => return char::from_u32(number).and_then(printable),
    };
    Some(Key::new(code))
}

#[cfg(test)]
mod tests;
