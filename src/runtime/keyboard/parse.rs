//! The terminal's bytes as keys, pastes, and whether its window has the focus.
//!
//! Pure: bytes and the time in, [`Typed`] out. Sequences are read by termina, but for pastes: whose
//! end is lost would keep everything.
//!
//! Two things can be told by waiting only: an `ESC` of which nothing follows is the key, and a
//! paste of which nothing comes any more has lost its end. So has one in which Ctrl-C comes alone.
//! One that is larger than what anybody pastes comes in parts.

use std::time::Duration;

use termina::{
    Event as Input,
    event::{KeyCode as Code, KeyEvent, KeyEventKind, Modifiers},
};
use tokio::time::Instant;

use crate::input::{Key, KeyCode};

/// How long the rest of a sequence may take.
const SEQUENCE_WAIT: Duration = Duration::from_millis(25);
/// How long a paste may pause.
const PASTE_WAIT: Duration = Duration::from_secs(2);
/// The bytes of a paste, and of a sequence, at most.
const PASTE_BYTES: usize = 1024 * 1024;
const SEQUENCE_BYTES: usize = 64;

const ESC: u8 = 0x1B;
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
    sequences: termina::Parser,
    /// What has come of a sequence or a character.
    pending: Vec<u8>,
    /// What has come of a paste, behind its beginning.
    paste: Option<Vec<u8>>,
    /// When bytes came last.
    last: Option<Instant>,
}

impl Parser {
    /// When [`Parser::wait_no_longer`] is to be called.
    pub fn due(&self) -> Option<Instant> {
        let wait = match self.paste {
            Some(_) => PASTE_WAIT,
            None if self.pending.is_empty() => return None,
            None => SEQUENCE_WAIT,
        };
        self.last.map(|last| last + wait)
    }

    /// Takes in what was read at once.
    pub fn feed(&mut self, bytes: &[u8], now: Instant) -> Vec<Typed> {
        self.last = Some(now);
        let mut typed = Vec::new();
        if INTERRUPTS.contains(&bytes) {
            typed.extend(self.end_paste());
        }
        for byte in bytes {
            if let Some(paste) = &mut self.paste {
                paste.push(*byte);
                if paste.ends_with(PASTE_END) {
                    paste.truncate(paste.len() - PASTE_END.len());
                    typed.extend(self.end_paste());
                } else if paste.len() > PASTE_BYTES {
                    typed.extend(self.end_paste());
                    // Its rest is no keys.
                    self.paste = Some(Vec::new());
                }
            } else {
                self.take(*byte, &mut typed);
            }
        }
        typed
    }

    /// Nothing came for a while: what waited is what it is.
    pub fn wait_no_longer(&mut self, now: Instant) -> Vec<Typed> {
        let mut typed = Vec::new();
        if self.due().is_none_or(|due| due > now) {
            return typed;
        }
        let Some(paste) = &mut self.paste else {
            self.end_sequence(&mut typed);
            return typed;
        };
        // Ctrl-C may have come right behind.
        let interrupt = INTERRUPTS.iter().find_map(|key| paste.strip_suffix(*key).map(<[u8]>::len));
        paste.truncate(interrupt.unwrap_or(paste.len()));
        typed.extend(self.end_paste());
        typed.extend(interrupt.map(|_| Typed::Key(Key::char('c').ctrl())));
        typed
    }

    fn take(&mut self, byte: u8, typed: &mut Vec<Typed>) {
        if (byte == ESC && !self.pending.is_empty()) || self.pending.len() > SEQUENCE_BYTES {
            self.end_sequence(typed);
        }
        self.pending.push(byte);
        if self.pending == PASTE_BEGIN {
            self.forget_sequence();
            self.paste = Some(Vec::new());
            return;
        }
        self.sequences.parse(&[byte], true);
        self.pop(typed);
    }

    /// No more comes of what has begun: an `ESC` alone is a key, and of anything else a part says
    /// nothing.
    fn end_sequence(&mut self, typed: &mut Vec<Typed>) {
        self.sequences.parse(&[], false);
        self.pop(typed);
        self.forget_sequence();
    }

    fn pop(&mut self, typed: &mut Vec<Typed>) {
        while let Some(input) = self.sequences.pop() {
            self.pending.clear();
            typed.extend(match input {
                Input::Key(pressed) => key(pressed).map(Typed::Key),
                Input::FocusIn => Some(Typed::Focus(true)),
                Input::FocusOut => Some(Typed::Focus(false)),
                _ => None,
            });
        }
    }

    fn forget_sequence(&mut self) {
        self.pending.clear();
        self.sequences = termina::Parser::default();
    }

    fn end_paste(&mut self) -> Option<Typed> {
        let text = pasted(&String::from_utf8_lossy(&self.paste.take()?));
        (!text.is_empty()).then_some(Typed::Paste(text))
    }
}

/// Terminals paste line ends as `\r`. Other control characters cannot be typed, so they cannot be
/// pasted either.
fn pasted(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|char| !char.is_control() || matches!(char, '\n' | '\t')).collect()
}

/// The key as the keymap knows it; `None` for a key let go and for those without a meaning.
fn key(pressed: KeyEvent) -> Option<Key> {
    let foreign = Modifiers::SUPER | Modifiers::HYPER | Modifiers::META;
    if pressed.kind == KeyEventKind::Release || pressed.modifiers.intersects(foreign) {
        return None;
    }
    let shift = pressed.modifiers.contains(Modifiers::SHIFT);
    let code = match pressed.code {
        Code::Char(char) if char.is_control() => return None,
        // Some terminals report Shift apart from the letter.
        Code::Char(char) if shift => KeyCode::Char(char.to_ascii_uppercase()),
        Code::Char(char) => KeyCode::Char(char),
        Code::Function(number) => KeyCode::F(number),
        Code::Enter => KeyCode::Enter,
        Code::Escape => KeyCode::Esc,
        Code::Tab | Code::BackTab => KeyCode::Tab,
        Code::Backspace => KeyCode::Backspace,
        Code::Delete => KeyCode::Delete,
        Code::Insert => KeyCode::Insert,
        Code::Left => KeyCode::Left,
        Code::Right => KeyCode::Right,
        Code::Up => KeyCode::Up,
        Code::Down => KeyCode::Down,
        Code::Home => KeyCode::Home,
        Code::End => KeyCode::End,
        Code::PageUp => KeyCode::PageUp,
        Code::PageDown => KeyCode::PageDown,
        _ => return None,
    };
    Some(Key {
        code,
        ctrl: pressed.modifiers.contains(Modifiers::CONTROL),
        alt: pressed.modifiers.contains(Modifiers::ALT),
        shift: !matches!(code, KeyCode::Char(_)) && (shift || pressed.code == Code::BackTab),
    })
}

#[cfg(test)]
mod tests;
