//! A key press, free of any terminal library.

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyCode {
    /// A printable character, as typed.
    Char(char),
    /// Function key.
    F(u8),
    #[allow(missing_docs)]
    Enter,
    #[allow(missing_docs)]
    Esc,
    #[allow(missing_docs)]
    Tab,
    #[allow(missing_docs)]
    Backspace,
    #[allow(missing_docs)]
    Delete,
    #[allow(missing_docs)]
    Insert,
    #[allow(missing_docs)]
    Left,
    #[allow(missing_docs)]
    Right,
    #[allow(missing_docs)]
    Up,
    #[allow(missing_docs)]
    Down,
    #[allow(missing_docs)]
    Home,
    #[allow(missing_docs)]
    End,
    #[allow(missing_docs)]
    PageUp,
    #[allow(missing_docs)]
    PageDown,
}

/// A key with its modifiers. Shift is part of a `Char` already ('G'), and set for other keys (`Shift+Tab`).
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
