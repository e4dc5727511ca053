//! Text made safe for a terminal, at the one place where that happens.
//!
//! **Problem.** Bodies, display names, room names, topics, file and device names are written by
//! strangers, and a terminal obeys what it is told to print: escape sequences set its title and its
//! clipboard, bidi controls reorder the line around them, zero-width and stacked characters break
//! the column count that every layout rests on.
//!
//! **Why a type.** A function that cleans a string can be forgotten; a type whose only constructors
//! clean cannot. What is drawn is a [`SafeText`], and nothing else in [`crate::model`] holds text
//! from the network.
//!
//! **How.** [`SafeText::line`] and [`SafeText::block`] pass the text through `clean`: first
//! character by character (what may never be printed), then grapheme by grapheme (what may only
//! stand in certain company, and how much of it). Both are total, linear in what they keep, and
//! idempotent: safe text made safe again is the same text. So pieces of safe text may be put
//! together and made safe once more.

mod clean;
#[cfg(test)]
mod tests;

use std::{fmt, ops::Deref, sync::Arc};

use super::Url;

/// Text that may be put on a terminal: no control character but `\n` (and that only from
/// [`SafeText::block`]), no bidi control, nothing invisible, and no grapheme that is higher, longer
/// or wider than real scripts need.
///
/// Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SafeText(Arc<str>);

impl SafeText {
    /// The most graphemes that [`SafeText::line`] keeps, before a final `…`.
    pub const LINE_GRAPHEMES: usize = 256;

    /// The most bytes that [`SafeText::block`] keeps, with its final notice.
    pub const BLOCK_BYTES: usize = 64 * 1024;

    /// The most lines that [`SafeText::block`] keeps, with its final notice.
    pub const BLOCK_LINES: usize = 1000;

    /// One line: names, topics, file names, reasons. Line breaks and tabs become spaces; what is
    /// longer than [`SafeText::LINE_GRAPHEMES`] ends in `…`.
    pub fn line(raw: &str) -> Self {
        Self(Arc::from(clean::line(raw)))
    }

    /// Several lines: message bodies. Every kind of line break becomes `\n`, a tab four spaces;
    /// what is larger than [`SafeText::BLOCK_BYTES`] or [`SafeText::BLOCK_LINES`] ends in a line `…
    /// (N more bytes)`.
    pub fn block(raw: &str) -> Self {
        Self(Arc::from(clean::block(raw)))
    }

    /// The same as [`SafeText::block`], line by line: at least one, and none contains a line break.
    pub fn lines(raw: &str) -> Vec<Self> {
        clean::block(raw).split('\n').map(|line| Self(Arc::from(line))).collect()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a person sees nothing of it: it is made of spaces, of characters that are drawn as
    /// blanks, and of what stands for something unprintable.
    pub fn is_blank(&self) -> bool {
        self.chars().all(|c| c.is_whitespace() || matches!(c, '\u{2800}' | '\u{1D159}' | '\u{FFFD}'))
    }

    /// This text, or the other where this one [is blank](Self::is_blank): a name of which nothing
    /// is seen is no name.
    #[must_use]
    pub fn or(self, fallback: Self) -> Self {
        if self.is_blank() { fallback } else { self }
    }
}

impl Default for SafeText {
    fn default() -> Self {
        Self(Arc::from(""))
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
        f.pad(&self.0)
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
    /// Hidden until asked for.
    pub spoiler: bool,
}

/// A run of text in one style and with one target; never contains a line break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The text.
    pub text: SafeText,
    /// Its style.
    pub style: SpanStyle,
    /// Where it leads, if it is (a part of) a link; a mention is one too.
    pub link: Option<Url>,
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
        Self { quote: 0, spans: vec![Span { text, style: SpanStyle::default(), link: None }] }
    }

    /// Whether a person sees nothing of it.
    pub fn is_blank(&self) -> bool {
        self.spans.iter().all(|span| span.text.is_blank())
    }
}
