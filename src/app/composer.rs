//! A small editor for text of several lines.
//!
//! The app may know nothing of terminals, so this is text and a cursor and no more: where lines
//! wrap is the view's business. The cursor is a byte index that always stands between two
//! graphemes, as people count characters (UAX #29): one press of Backspace takes a whole family
//! emoji. What is put in is cleaned first, since a paste or a stored draft may carry anything: line
//! ends become `\n`, a tab four spaces, and control and bidi override characters go, so that the
//! text can be drawn as it stands.

use std::fmt;

use unicode_segmentation::UnicodeSegmentation;

/// The text being typed, and the cursor in it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Composer {
    text: String,
    cursor: usize,
    /// The column, in graphemes, that moving up and down tries to keep.
    goal: Option<usize>,
}

/// Shows how much there is, and never what: this may be a message or a password.
impl fmt::Debug for Composer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Composer({} bytes, cursor {})", self.text.len(), self.cursor)
    }
}

/// What an editing key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is documented where its key is, in the table of commands")]
pub enum Edit {
    Left,
    Right,
    Up,
    Down,
    WordLeft,
    WordRight,
    LineStart,
    LineEnd,
    DeleteBack,
    DeleteForward,
    DeleteWord,
    DeleteToLineStart,
    DeleteToLineEnd,
    Newline,
}

impl Composer {
    /// An editor with this text in it and the cursor at its end.
    pub fn with(text: &str) -> Self {
        let mut composer = Self::default();
        composer.insert(text);
        composer
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The cursor: a byte index into the text, between two graphemes.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Takes the text out and leaves nothing.
    pub fn take(&mut self) -> String {
        std::mem::take(self).text
    }

    /// Puts text in at the cursor.
    pub fn insert(&mut self, text: &str) {
        let clean = clean(text);
        self.text.insert_str(self.cursor, &clean);
        self.cursor += clean.len();
        self.goal = None;
        self.snap();
    }

    /// Puts text in at the cursor, as for a field of one line: line breaks go.
    pub fn insert_line(&mut self, text: &str) {
        self.insert(&text.replace(['\r', '\n'], ""));
    }

    /// Puts text in a line of its own above everything that is there; the cursor stays where it is
    /// in the text.
    pub fn put_above(&mut self, text: &str) {
        let above = clean(text) + if self.text.is_empty() { "" } else { "\n" };
        self.text.insert_str(0, &above);
        self.cursor += above.len();
        self.goal = None;
        self.snap();
    }

    /// Puts text in a line of its own below everything that is there; the cursor goes to its end.
    pub fn put_below(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(&clean(text));
        self.cursor = self.text.len();
        self.goal = None;
    }

    /// Carries out an editing command.
    pub fn edit(&mut self, edit: Edit) {
        let goal = self.goal.take();
        match edit {
            Edit::Left => self.cursor = self.before(),
            Edit::Right => self.cursor = self.after(),
            Edit::WordLeft => self.cursor = self.word_before(),
            Edit::WordRight => self.cursor = self.word_after(),
            Edit::LineStart => self.cursor = self.line_start(),
            Edit::LineEnd => self.cursor = self.line_end(),
            Edit::Up => self.up(goal),
            Edit::Down => self.down(goal),
            Edit::DeleteBack => self.delete_from(self.before()),
            Edit::DeleteForward => self.delete_to(self.after()),
            Edit::DeleteWord => self.delete_from(self.word_before()),
            Edit::DeleteToLineStart => self.delete_from(self.line_start()),
            Edit::DeleteToLineEnd => self.delete_to(self.line_end()),
            Edit::Newline => self.insert("\n"),
        }
        self.snap();
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].graphemes(true).next_back().map_or(0, |grapheme| self.cursor - grapheme.len())
    }

    fn after(&self) -> usize {
        self.cursor + self.text[self.cursor..].graphemes(true).next().map_or(0, str::len)
    }

    /// The start of the word at or before the cursor.
    fn word_before(&self) -> usize {
        let mut words = self.text[..self.cursor].split_word_bound_indices();
        words.rfind(|(_, word)| is_word(word)).map_or(0, |(start, _)| start)
    }

    /// The end of the word at or after the cursor.
    fn word_after(&self) -> usize {
        let mut words = self.text[self.cursor..].split_word_bound_indices();
        words.find(|(_, word)| is_word(word)).map_or(self.text.len(), |(start, word)| self.cursor + start + word.len())
    }

    fn line_start(&self) -> usize {
        self.text[..self.cursor].rfind('\n').map_or(0, |end| end + 1)
    }

    fn line_end(&self) -> usize {
        self.text[self.cursor..].find('\n').map_or(self.text.len(), |end| self.cursor + end)
    }

    fn column(&self) -> usize {
        self.text[self.line_start()..self.cursor].graphemes(true).count()
    }

    /// The cursor's place in the line that begins at `start`, as near to the column as the line
    /// allows.
    fn in_line(&self, start: usize, column: usize) -> usize {
        let line = self.text[start..].split('\n').next().unwrap_or_default();
        line.grapheme_indices(true).nth(column).map_or(start + line.len(), |(at, _)| start + at)
    }

    fn up(&mut self, goal: Option<usize>) {
        let column = goal.unwrap_or_else(|| self.column());
        let start = self.line_start();
        self.cursor = if start == 0 {
            0
        } else {
            let above = self.text[..start - 1].rfind('\n').map_or(0, |end| end + 1);
            self.goal = Some(column);
            self.in_line(above, column)
        };
    }

    fn down(&mut self, goal: Option<usize>) {
        let column = goal.unwrap_or_else(|| self.column());
        let end = self.line_end();
        self.cursor = if end == self.text.len() {
            end
        } else {
            self.goal = Some(column);
            self.in_line(end + 1, column)
        };
    }

    fn delete_from(&mut self, start: usize) {
        self.text.replace_range(start..self.cursor, "");
        self.cursor = start;
    }

    fn delete_to(&mut self, end: usize) {
        self.text.replace_range(self.cursor..end, "");
    }

    /// Puts the cursor behind the grapheme that it may have come to stand in, for instance after a
    /// combining mark joined what was before it.
    fn snap(&mut self) {
        let start = self.line_start();
        let graphemes = self.text[start..].grapheme_indices(true).map(|(at, grapheme)| start + at + grapheme.len());
        let mut ends = std::iter::once(start).chain(graphemes);
        self.cursor = ends.find(|end| *end >= self.cursor).unwrap_or(self.text.len());
    }
}

fn is_word(word: &str) -> bool {
    word.chars().any(char::is_alphanumeric)
}

/// Text that can be drawn as it stands.
fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n").replace('\t', "    ");
    text.chars().filter(|c| *c == '\n' || !(c.is_control() || is_bidi_control(*c))).collect()
}

/// Characters that reorder what is drawn after them, beyond their own text.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `|` is the cursor.
    fn composer(shown: &str) -> Composer {
        let cursor = shown.find('|').expect("a cursor");
        Composer { text: shown.replace('|', ""), cursor, goal: None }
    }

    fn shown(composer: &Composer) -> String {
        let (before, after) = composer.text.split_at(composer.cursor);
        format!("{before}|{after}")
    }

    fn check(before: &str, edits: &[Edit], after: &str) {
        let mut edited = composer(before);
        for edit in edits {
            edited.edit(*edit);
        }
        assert_eq!(shown(&edited), after, "{before} {edits:?}");
    }

    #[test]
    fn the_cursor_moves_by_what_people_call_characters() {
        check("a👨‍👩‍👧é|", &[Edit::Left], "a👨‍👩‍👧|é");
        check("a👨‍👩‍👧|é", &[Edit::Left], "a|👨‍👩‍👧é");
        check("|👨‍👩‍👧é", &[Edit::Right], "👨‍👩‍👧|é");
        check("|", &[Edit::Left, Edit::Right], "|");
        check("one, two|", &[Edit::WordLeft], "one, |two");
        check("one, |two", &[Edit::WordLeft], "|one, two");
        check("one|, two!", &[Edit::WordRight], "one, two|!");
        check("one\ntwo| x\n", &[Edit::LineStart], "one\n|two x\n");
        check("one\n|two x\n", &[Edit::LineEnd], "one\ntwo x|\n");
    }

    #[test]
    fn up_and_down_keep_the_column_over_a_short_line() {
        check("first\nab\nthird|", &[Edit::Up], "first\nab|\nthird");
        check("first\nab\nthird|", &[Edit::Up, Edit::Up], "first|\nab\nthird");
        check("fir|st\n\nthird", &[Edit::Down, Edit::Down], "first\n\nthi|rd");
        check("fir|st\nx", &[Edit::Up], "|first\nx");
        check("first\nx|y", &[Edit::Down], "first\nxy|");
    }

    #[test]
    fn deleting_takes_whole_characters_words_and_lines() {
        check("a👨‍👩‍👧|", &[Edit::DeleteBack], "a|");
        check("|👨‍👩‍👧b", &[Edit::DeleteForward], "|b");
        check("one two |", &[Edit::DeleteWord], "one |");
        check("one\ntwo| x", &[Edit::DeleteToLineStart], "one\n| x");
        check("one|\ntwo", &[Edit::DeleteToLineEnd], "one|\ntwo");
        check("|", &[Edit::DeleteBack, Edit::DeleteForward, Edit::DeleteWord], "|");
    }

    #[test]
    fn what_is_put_in_can_be_drawn_as_it_stands() {
        let mut pasted = Composer::default();
        pasted.insert("a\r\nb\rc\td\u{1b}]0;title\u{7}\u{9b}31m\u{202e}x\u{200d}");
        assert_eq!(pasted.text(), "a\nb\nc    d]0;title31mx\u{200d}");
        let mut field = Composer::default();
        field.insert_line("one\r\ntwo\n");
        assert_eq!(field.text(), "onetwo");
    }

    #[test]
    fn text_put_above_or_below_keeps_what_is_there() {
        let mut text = composer("ab|c");
        text.put_above("old");
        assert_eq!(shown(&text), "old\nab|c");
        text.put_below("back");
        assert_eq!(shown(&text), "old\nabc\nback|");
    }

    #[test]
    fn debug_does_not_tell_the_text() {
        assert_eq!(format!("{:?}", Composer::with("hunter2")), "Composer(7 bytes, cursor 7)");
    }

    proptest! {
        #[test]
        fn the_cursor_always_stands_between_two_graphemes(
            steps in prop::collection::vec((0_usize..20, "[a\u{301}\u{200d}👩🏽🇸🇪\n ]{0,4}"), 0..40),
        ) {
            let editing = [
                Edit::Left, Edit::Right, Edit::WordLeft, Edit::WordRight, Edit::LineStart,
                Edit::LineEnd, Edit::Up, Edit::Down, Edit::DeleteBack, Edit::DeleteForward,
                Edit::DeleteWord, Edit::DeleteToLineStart, Edit::DeleteToLineEnd, Edit::Newline,
            ];
            let mut text = Composer::default();
            for (step, typed) in steps {
                match editing.get(step) {
                    Some(action) => { text.edit(*action); }
                    None => text.insert(&typed),
                }
                let ends = text.text().grapheme_indices(true).map(|(at, grapheme)| at + grapheme.len());
                prop_assert!(std::iter::once(0).chain(ends).any(|end| end == text.cursor()));
            }
        }
    }
}
