//! Breaks text into rows of a given width.
//!
//! The problem: a message may be one line of a megabyte, in any script, with styles that change in
//! the middle of a word, and drawing it may cost no more than the rows that are seen. The way:
//! [`Rows`] is an iterator. It remembers where it stands in the line, looks at as many grapheme
//! clusters (UAX #29) as fit into one row, and hands out slices of the original text. Rows break
//! after the last space that fits, else between two clusters.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::model::{Line, Span, SpanStyle, Url};

/// How many columns a text takes.
pub fn width(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// The longest start of `text` that takes at most `columns`, and the columns it takes.
pub fn fit(text: &str, columns: u16) -> (&str, u16) {
    let mut taken = 0;
    for (at, cluster) in text.grapheme_indices(true) {
        let wide = width(cluster);
        if taken + wide > columns {
            return (&text[..at], taken);
        }
        taken += wide;
    }
    (text, taken)
}

/// `text` cut to `columns`, with `ellipsis` where something is missing.
pub fn cut(text: &str, columns: u16, ellipsis: &str) -> String {
    // One more column than there is tells whether all of it fits, without looking at the rest of a
    // long text.
    if fit(text, columns).0.len() == text.len() {
        return text.to_owned();
    }
    let (start, _) = fit(text, columns.saturating_sub(width(ellipsis)));
    let (ellipsis, _) = fit(ellipsis, columns);
    format!("{}{ellipsis}", start.trim_end())
}

/// A slice of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The text.
    pub text: &'a str,
    /// The span's style.
    pub style: SpanStyle,
    /// Where the span leads.
    pub link: Option<&'a Url>,
}

/// One row: slices of the line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextRow<'a> {
    /// The slices, in order.
    pub pieces: Vec<Piece<'a>>,
    /// The columns it takes.
    pub width: u16,
}

impl TextRow<'_> {
    /// The row as text alone.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text).collect()
    }
}

/// A place in a line: a span, and a byte in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Offset {
    span: usize,
    byte: usize,
}

/// The rows of one line, one at a time.
#[derive(Debug)]
pub struct Rows<'a> {
    spans: Vec<Piece<'a>>,
    columns: u16,
    next: Option<Offset>,
}

impl<'a> Rows<'a> {
    /// An empty line is one empty row.
    pub fn new(line: &'a Line, columns: u16) -> Self {
        let piece = |span: &'a Span| Piece { text: &span.text, style: span.style, link: span.link.as_ref() };
        Self::of(line.spans.iter().map(piece).collect(), columns)
    }

    /// Text in one style.
    pub fn plain(text: &'a str, columns: u16) -> Self {
        Self::of(vec![Piece { text, style: SpanStyle::default(), link: None }], columns)
    }

    fn of(spans: Vec<Piece<'a>>, columns: u16) -> Self {
        Self { spans, columns: columns.max(1), next: Some(Offset::default()) }
    }

    /// The byte of plain text at which the next row begins.
    pub fn next_byte(&self) -> Option<usize> {
        self.next.map(|place| place.byte)
    }

    fn row(&self, start: Offset, end: Offset, width: u16) -> TextRow<'a> {
        let mut pieces = Vec::new();
        for (at, span) in self.spans.iter().enumerate().take(end.span + 1).skip(start.span) {
            let from = if at == start.span { start.byte } else { 0 };
            let to = if at == end.span { end.byte } else { span.text.len() };
            if let Some(text) = span.text.get(from..to).filter(|text| !text.is_empty()) {
                pieces.push(Piece { text, ..*span });
            }
        }
        TextRow { pieces, width }
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = TextRow<'a>;

    fn next(&mut self) -> Option<TextRow<'a>> {
        let start = self.next?;
        let mut taken = 0;
        // The end of the last word that fits: where the row would end, its width, and where the
        // next would begin.
        let mut word: Option<(Offset, u16, Offset)> = None;
        let mut in_space = true;
        for (at, Piece { text, .. }) in self.spans.iter().enumerate().skip(start.span) {
            let from = if at == start.span { start.byte } else { 0 };
            for (offset, cluster) in text[from..].grapheme_indices(true) {
                let here = Offset { span: at, byte: from + offset };
                let after = Offset { span: at, byte: here.byte + cluster.len() };
                let wide = width(cluster);
                if cluster == " " {
                    if !in_space {
                        word = Some((here, taken, after));
                    } else if let Some((.., next)) = &mut word {
                        *next = after;
                    }
                    in_space = true;
                } else {
                    in_space = false;
                }
                if taken + wide > self.columns && here != start {
                    // A space that does not fit is swallowed with those before it, by `word`.
                    let (end, width, next) = word.unwrap_or((here, taken, here));
                    if cluster == " " && next == after {
                        continue;
                    }
                    self.next = Some(next);
                    return Some(self.row(start, end, width));
                }
                taken = taken.saturating_add(wide);
            }
        }
        self.next = None;
        let end = Offset {
            span: self.spans.len().saturating_sub(1),
            byte: self.spans.last().map_or(0, |span| span.text.len()),
        };
        Some(match word {
            Some((end, width, _)) if in_space => self.row(start, end, width),
            _ => self.row(start, end, taken),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::SafeText;

    fn rows(text: &str, columns: u16) -> Vec<String> {
        Rows::plain(text, columns).map(|row| row.text()).collect()
    }

    #[test]
    fn breaks_after_words_else_between_clusters() {
        let cases: &[(&str, u16, &[&str])] = &[
            ("", 5, &[""]),
            ("hello", 5, &["hello"]),
            ("hello world", 5, &["hello", "world"]),
            ("hello world", 6, &["hello", "world"]),
            ("hello  world", 6, &["hello", "world"]),
            ("hello      world", 6, &["hello", "world"]),
            ("hello world", 11, &["hello world"]),
            ("a bc def", 4, &["a bc", "def"]),
            ("abcdefghij", 4, &["abcd", "efgh", "ij"]),
            ("ab cdefghij", 4, &["ab", "cdef", "ghij"]),
            ("    code", 8, &["    code"]),
            ("trailing ", 8, &["trailing"]),
            ("日本語", 4, &["日本", "語"]),
            ("日本語", 3, &["日", "本", "語"]),
            ("日", 1, &["日"]),
            ("e\u{301}e\u{301}e\u{301}", 2, &["e\u{301}e\u{301}", "e\u{301}"]),
            ("👩‍👩‍👧x", 2, &["👩‍👩‍👧", "x"]),
        ];
        for (text, columns, expected) in cases {
            assert_eq!(rows(text, *columns), *expected, "{text:?} at {columns}");
        }
    }

    #[test]
    fn a_word_in_two_styles_stays_together() {
        let bold = SpanStyle { bold: true, ..SpanStyle::default() };
        let url = Url::new("https://example.org");
        let span = |text, style| Span { text: SafeText::line(text), style, link: Some(url.clone()) };
        let line = Line {
            quote: 0,
            spans: vec![span("say un", SpanStyle::default()), span("break", bold), span("able", bold)],
        };
        let rows: Vec<_> = Rows::new(&line, 12).collect();
        let piece = |text, style| Piece { text, style, link: Some(&url) };
        assert_eq!(rows[0].pieces, [piece("say", SpanStyle::default())]);
        assert_eq!(rows[1].pieces, [piece("un", SpanStyle::default()), piece("break", bold), piece("able", bold)]);
        assert_eq!((rows.len(), rows[1].width), (2, 11));
    }

    #[test]
    fn cut_says_that_something_is_missing() {
        let cases = [
            ("room", 4, "room"),
            ("rooms", 4, "roo…"),
            ("日本語", 4, "日…"),
            ("ab cd", 4, "ab…"),
            ("ab", 1, "…"),
            ("ab", 0, ""),
        ];
        for (text, columns, expected) in cases {
            assert_eq!(cut(text, columns, "…"), expected, "{text:?} at {columns}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_but_spaces_and_no_row_is_too_wide(text in "[a-z 日é👍]{0,60}", columns in 2_u16..12) {
            let rows = rows(&text, columns);
            let without_spaces = |text: &str| text.replace(' ', "");
            prop_assert_eq!(without_spaces(&rows.concat()), without_spaces(&text));
            for row in rows {
                prop_assert!(width(&row) <= columns, "{:?}", row);
            }
        }
    }
}
