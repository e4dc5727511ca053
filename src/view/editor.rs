//! What is being typed, and where its cursor stands.
//!
//! The app knows text and a cursor; where lines wrap is decided here. Both forms keep the cursor in
//! sight.

use std::collections::VecDeque;

use super::wrap::{self, Rows};
use crate::app::composer::Composer;

/// Typed text, ready to be drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// The rows in sight.
    pub rows: Vec<String>,
    /// The cursor: column and row.
    pub cursor: (u16, u16),
}

/// A field of one row: it scrolls sideways. `shown` is the text as it is drawn, such as dots for a
/// password.
pub fn field(before: &str, after: &str, columns: u16) -> Typed {
    let room = columns.saturating_sub(1);
    let mut start = before;
    while wrap::width(start) > room {
        let mut clusters = unicode_segmentation::UnicodeSegmentation::graphemes(start, true);
        clusters.next();
        start = clusters.as_str();
    }
    let column = wrap::width(start);
    let (end, _) = wrap::fit(after, columns.saturating_sub(column));
    Typed { rows: vec![format!("{start}{end}")], cursor: (column, 0) }
}

/// The text on both sides of the cursor.
pub fn sides(editor: &Composer) -> (&str, &str) {
    editor.text().split_at_checked(editor.cursor()).unwrap_or((editor.text(), ""))
}

/// Text of several rows, wrapped; at most `height` rows around the cursor.
pub fn block(editor: &Composer, columns: u16, height: u16) -> Typed {
    // The last column is the cursor's when it stands behind a full row.
    let columns = columns.saturating_sub(1);
    let height = usize::from(height.max(1));
    let mut rows = VecDeque::new();
    let mut cursor = None;
    let mut line_start = 0;
    'lines: for line in editor.text().split('\n') {
        let mut wrapped = Rows::plain(line, columns);
        while let Some(start) = wrapped.next_byte() {
            let Some(row) = wrapped.next() else { break };
            let here = editor.cursor().checked_sub(line_start + start);
            let end = wrapped.next_byte().unwrap_or(line.len() + 1);
            if let Some(within) = here.filter(|within| start + within < end) {
                let before = line.get(start..start + within).unwrap_or_default();
                cursor = Some((wrap::width(before).min(columns), rows.len()));
            }
            rows.push_back(row.text());
            if rows.len() > height {
                // Rows go at the top, but never the cursor's.
                match &mut cursor {
                    Some((_, 0)) => {
                        rows.pop_back();
                        break 'lines;
                    }
                    Some((_, row)) => *row -= 1,
                    None => {}
                }
                rows.pop_front();
            }
            if rows.len() == height && cursor.is_some_and(|(_, row)| row + 1 < height) {
                break 'lines;
            }
        }
        line_start += line.len() + 1;
    }
    let (column, row) = cursor.unwrap_or_default();
    Typed { rows: rows.into(), cursor: (column, u16::try_from(row).unwrap_or(0)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::composer::Edit;

    fn typed(text: &str, back: usize, columns: u16, height: u16) -> (Vec<String>, (u16, u16)) {
        let mut editor = Composer::with(text);
        for _ in 0..back {
            editor.edit(Edit::Left);
        }
        let typed = block(&editor, columns, height);
        (typed.rows, typed.cursor)
    }

    #[test]
    fn rows_wrap_and_the_cursor_stands_where_typing_goes_on() {
        let cases = [
            ("", 0, &[""][..], (0, 0)),
            ("hello", 0, &["hello"], (5, 0)),
            ("hello", 5, &["hello"], (0, 0)),
            ("hello ", 0, &["hello"], (6, 0)),
            ("hello world", 0, &["hello", "world"], (5, 1)),
            ("hello world", 5, &["hello", "world"], (0, 1)),
            ("hello world", 6, &["hello", "world"], (5, 0)),
            ("日本\n語", 0, &["日本", "語"], (2, 1)),
            ("a\n", 0, &["a", ""], (0, 1)),
            ("a\n\nb", 1, &["a", "", "b"], (0, 2)),
            ("a\n\nb", 2, &["a", "", "b"], (0, 1)),
        ];
        for (text, back, rows, cursor) in cases {
            let drawn = typed(text, back, 9, 8);
            assert_eq!((drawn.0, drawn.1), (rows.iter().map(ToString::to_string).collect(), cursor), "{text:?} {back}");
        }
    }

    #[test]
    fn only_rows_around_the_cursor_are_in_sight() {
        let text = "1\n2\n3\n4\n5";
        assert_eq!(typed(text, 0, 9, 3), (vec!["3".into(), "4".into(), "5".into()], (1, 2)));
        assert_eq!(typed(text, 2, 9, 3), (vec!["3".into(), "4".into(), "5".into()], (1, 1)));
        assert_eq!(typed(text, 9, 9, 3), (vec!["1".into(), "2".into(), "3".into()], (0, 0)));
    }

    #[test]
    fn a_field_scrolls_sideways() {
        let drawn = |before, after| {
            let typed = field(before, after, 5);
            (typed.rows.concat(), typed.cursor.0)
        };
        assert_eq!(drawn("", ""), (String::new(), 0));
        assert_eq!(drawn("abcd", ""), ("abcd".into(), 4));
        assert_eq!(drawn("abcdef", ""), ("cdef".into(), 4));
        assert_eq!(drawn("ab", "cdef"), ("abcde".into(), 2));
        assert_eq!(drawn("日本語", "x"), ("本語x".into(), 4));
    }
}
