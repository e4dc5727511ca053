//! A key press, free of any terminal library.

use std::fmt;

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names on the keys say it")]
pub enum KeyCode {
    /// A printable character, as typed.
    Char(char),
    /// Function key.
    F(u8),
    Enter,
    Esc,
    Tab,
    Backspace,
    Delete,
    Insert,
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    PageUp,
    PageDown,
}

/// A key with its modifiers. Shift is part of a `Char` already ('G'), and set for other keys (`Shift-Tab`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The key.
    pub code: KeyCode,
    /// Ctrl was held.
    pub ctrl: bool,
    /// Alt was held.
    pub alt: bool,
    /// Shift was held (never set with `Char`).
    pub shift: bool,
}

impl Key {
    /// The key alone.
    pub const fn new(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// A character alone.
    pub const fn char(c: char) -> Self {
        Self::new(KeyCode::Char(c))
    }

    /// The same key with Ctrl held.
    #[must_use]
    pub const fn ctrl(self) -> Self {
        Self { ctrl: true, ..self }
    }

    /// The same key with Alt held.
    #[must_use]
    pub const fn alt(self) -> Self {
        Self { alt: true, ..self }
    }

    /// The same key with Shift held.
    #[must_use]
    pub const fn shift(self) -> Self {
        Self { shift: true, ..self }
    }

    /// The character that this key types into a text, if it types one.
    pub const fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }
}

/// As it is written in help and hints: `Ctrl-C`, `Alt-Up`, `Shift-Tab`, `G`, `?`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, name) in [(self.ctrl, "Ctrl-"), (self.alt, "Alt-"), (self.shift, "Shift-")] {
            if held {
                f.write_str(name)?;
            }
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::Char(c) if self.ctrl || self.alt => write!(f, "{}", c.to_uppercase()),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "F{n}"),
            KeyCode::PageUp => f.write_str("PgUp"),
            KeyCode::PageDown => f.write_str("PgDn"),
            named => write!(f, "{named:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_people_write_them() {
        let cases = [
            (Key::char('c').ctrl(), "Ctrl-C"),
            (Key::char('G'), "G"),
            (Key::char(' '), "Space"),
            (Key::new(KeyCode::Tab).shift(), "Shift-Tab"),
            (Key::new(KeyCode::Up).alt(), "Alt-Up"),
            (Key::new(KeyCode::PageDown), "PgDn"),
            (Key::new(KeyCode::F(1)), "F1"),
        ];
        for (key, shown) in cases {
            assert_eq!(key.to_string(), shown);
        }
    }

    #[test]
    fn only_a_bare_character_types() {
        assert_eq!(Key::char('å').typed(), Some('å'));
        assert_eq!(Key::char('a').alt().typed(), None);
        assert_eq!(Key::char('a').ctrl().typed(), None);
        assert_eq!(Key::new(KeyCode::Enter).typed(), None);
    }
}
