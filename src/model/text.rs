//! Text made safe for a terminal, at the one place where that happens.

use std::{fmt, ops::Deref, sync::Arc};

/// Text that may be put on a terminal. (Rules to be written.)
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SafeText(Arc<str>);

impl SafeText {
    /// One line: names, topics, file names, reasons.
    pub fn line(raw: &str) -> Self {
        Self(Arc::from(raw))
    }

    /// Several lines: message bodies. `\n` is kept.
    pub fn block(raw: &str) -> Self {
        Self(Arc::from(raw))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for SafeText {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// How a span of text is to be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent attributes, as in HTML")]
pub struct SpanStyle {
    /// Strong.
    pub bold: bool,
    /// Emphasised.
    pub italic: bool,
    /// Struck out.
    pub strike: bool,
    /// Underlined.
    pub underline: bool,
    /// Code, inline or block.
    pub code: bool,
    /// A link or a mention.
    pub link: bool,
    /// Hidden until asked for.
    pub spoiler: bool,
}

/// A run of text in one style; never contains a line break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The text.
    pub text: SafeText,
    /// Its style.
    pub style: SpanStyle,
}

/// One logical line of a message body; it is wrapped when drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// How deep it is quoted.
    pub quote: u8,
    /// The text.
    pub spans: Vec<Span>,
}

impl Line {
    /// A line of plain text.
    pub fn plain(text: SafeText) -> Self {
        Self { quote: 0, spans: vec![Span { text, style: SpanStyle::default() }] }
    }
}
