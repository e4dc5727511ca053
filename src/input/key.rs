//! A key press, free of any terminal library.

use std::{fmt, str::FromStr};

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

/// A key with its modifiers. Shift is part of a `Char` already ('G'), and set for other keys
/// (`Shift-Tab`).
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

/// The text is not the name of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no key {0}; keys are written like Ctrl-C, Alt-Up, Shift-Tab, F1, Space, G or ?")]
pub struct NoKey(pub String);

/// The inverse of [`Display`](fmt::Display).
impl FromStr for Key {
    type Err = NoKey;

    fn from_str(name: &str) -> Result<Self, NoKey> {
        let (mut rest, mut held) = (name, Self::new(KeyCode::Enter));
        for (prefix, hold) in [("Ctrl-", Self::ctrl as fn(Self) -> Self), ("Alt-", Self::alt), ("Shift-", Self::shift)]
        {
            if let Some(key) = rest.strip_prefix(prefix).filter(|key| !key.is_empty()) {
                (rest, held) = (key, hold(held));
            }
        }
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) if held.ctrl || held.alt => KeyCode::Char(c.to_ascii_lowercase()),
            (Some(c), None) if !held.shift => KeyCode::Char(c),
            _ => named(rest).ok_or_else(|| NoKey(name.to_owned()))?,
        };
        Ok(Self { code, ..held })
    }
}

fn named(name: &str) -> Option<KeyCode> {
    let number = || name.strip_prefix('F')?.parse().ok().filter(|number| (1..=24).contains(number));
    Some(match name {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "Space" => KeyCode::Char(' '),
        "Backspace" => KeyCode::Backspace,
        "Delete" => KeyCode::Delete,
        "Insert" => KeyCode::Insert,
        "Left" => KeyCode::Left,
        "Right" => KeyCode::Right,
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "Home" => KeyCode::Home,
        "End" => KeyCode::End,
        "PgUp" => KeyCode::PageUp,
        "PgDn" => KeyCode::PageDown,
        _ => KeyCode::F(number()?),
    })
}

/// Keys that are pressed one after the other, at least one: `g g`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeySequence(Vec<Key>);

impl KeySequence {
    /// The keys in their order.
    pub fn keys(&self) -> &[Key] {
        &self.0
    }
}

impl From<Key> for KeySequence {
    fn from(key: Key) -> Self {
        Self(vec![key])
    }
}

/// The keys' names, with a space between two.
impl fmt::Display for KeySequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, key) in self.0.iter().enumerate() {
            write!(f, "{}{key}", if at == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// The inverse of [`Display`](fmt::Display).
impl FromStr for KeySequence {
    type Err = NoKey;

    fn from_str(names: &str) -> Result<Self, NoKey> {
        let keys: Vec<Key> = names.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(NoKey(names.to_owned())) } else { Ok(Self(keys)) }
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
            assert_eq!(shown.parse(), Ok(key));
        }
        assert_eq!("Alt-Shift-Enter".parse(), Ok(Key::new(KeyCode::Enter).alt().shift()));
        assert_eq!("-".parse(), Ok(Key::char('-')));
        for wrong in ["", "Shift-G", "Ctrl-", "F0", "F25", "ab", "enter"] {
            assert_eq!(wrong.parse::<Key>(), Err(NoKey(wrong.to_owned())));
        }
    }

    #[test]
    fn a_sequence_is_written_with_spaces() {
        let sequence: KeySequence = "g  Ctrl-X".parse().unwrap();
        assert_eq!(
            (sequence.keys(), &*sequence.to_string()),
            (&[Key::char('g'), Key::char('x').ctrl()][..], "g Ctrl-X")
        );
        assert_eq!(" ".parse::<KeySequence>(), Err(NoKey(" ".to_owned())));
    }

    #[test]
    fn only_a_bare_character_types() {
        assert_eq!(Key::char('å').typed(), Some('å'));
        assert_eq!(Key::char('a').alt().typed(), None);
        assert_eq!(Key::char('a').ctrl().typed(), None);
        assert_eq!(Key::new(KeyCode::Enter).typed(), None);
    }
}
