//! Pastes without brackets: keys that arrive in one burst.
//!
//! Nobody types Enter and a letter within a few milliseconds. So an Enter that comes right behind a
//! letter waits for a moment: when more text comes, all of it is a paste, and what was Enter is a
//! line break. An Enter of which nothing comes is one. What is read at once is a paste from its
//! first letter on.

use std::time::Duration;

use tokio::time::Instant;

use super::parse::Typed;
use crate::{
    app::event::Event,
    input::{Key, KeyCode},
};

/// Keys that are closer than that belong together.
const GAP: Duration = Duration::from_millis(25);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Burst {
    /// Keys that wait: all type text, and there is an Enter among them.
    held: Vec<Key>,
    /// When a key that types text came last.
    last: Option<Instant>,
}

impl Burst {
    /// When [`Burst::wait_no_longer`] is to be called.
    pub fn due(&self) -> Option<Instant> {
        self.last.filter(|_| !self.held.is_empty()).map(|last| last + GAP)
    }

    /// Takes in what was typed at once, and gives what can be said of it already. Where letters are
    /// no `text`, keys are keys however fast they come.
    pub fn take_in(&mut self, typed: Vec<Typed>, text: bool, now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        let mut pasted = pasted(&typed).into_iter();
        for typed in typed {
            let is_pasted = pasted.next().unwrap_or_default();
            let event = match typed {
                Typed::Key(key) if text && character(key).is_some() => {
                    let goes_on = self.last.is_some_and(|last| now.saturating_duration_since(last) <= GAP);
                    if !goes_on {
                        events.append(&mut self.release());
                    }
                    self.last = Some(now);
                    if is_pasted || !self.held.is_empty() || (goes_on && ends_line(key)) {
                        self.held.push(key);
                    } else {
                        events.push(Event::Key(key));
                    }
                    continue;
                }
                Typed::Key(key) => Event::Key(key),
                Typed::Paste(text) => Event::Paste(text),
                Typed::Focus(focused) => Event::Focus(focused),
            };
            events.append(&mut self.release());
            self.last = None;
            events.push(event);
        }
        events
    }

    /// Nothing came for a while: what waited is what it is.
    pub fn wait_no_longer(&mut self, now: Instant) -> Vec<Event> {
        if self.due().is_some_and(|due| due <= now) { self.release() } else { Vec::new() }
    }

    fn release(&mut self) -> Vec<Event> {
        let held = std::mem::take(&mut self.held);
        if held.iter().all(|key| ends_line(*key)) && held.len() < 2 {
            return held.into_iter().map(Event::Key).collect();
        }
        vec![Event::Paste(held.into_iter().filter_map(character).collect())]
    }
}

/// Which of these belong to a text of several lines.
fn pasted(typed: &[Typed]) -> Vec<bool> {
    let is_text = |typed: &Typed| matches!(typed, Typed::Key(key) if character(*key).is_some());
    let is_end = |typed: &Typed| matches!(typed, Typed::Key(key) if ends_line(*key));
    let runs = typed.chunk_by(|a, b| is_text(a) && is_text(b));
    let is_paste = |run: &[Typed]| {
        let end = run.iter().position(is_end);
        end.is_some_and(|end| end > 0 && run[end..].iter().any(|typed| !is_end(typed)))
    };
    runs.flat_map(|run| std::iter::repeat_n(is_paste(run), run.len())).collect()
}

/// The character that the key puts into a pasted text.
fn character(key: Key) -> Option<char> {
    match key.code {
        _ if key == Key::new(KeyCode::Enter) || key == Key::char('j').ctrl() => Some('\n'),
        _ if key == Key::new(KeyCode::Tab) => Some('\t'),
        _ => key.typed(),
    }
}

fn ends_line(key: Key) -> bool {
    key.code == KeyCode::Enter
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<Typed> {
        text.chars().map(|c| Typed::Key(if c == '\n' { Key::new(KeyCode::Enter) } else { Key::char(c) })).collect()
    }

    /// What comes of chunks that arrive so many milliseconds after each other; keys as text, Enter
    /// as `⏎`, a paste in brackets.
    fn shown(chunks: &[(u64, &str)]) -> String {
        let (mut burst, mut now, mut events) = (Burst::default(), Instant::now(), Vec::new());
        for (pause, text) in chunks {
            let later = now + Duration::from_millis(*pause);
            if let Some(due) = burst.due().filter(|due| *due <= later) {
                events.extend(burst.wait_no_longer(due));
            }
            now = later;
            events.extend(burst.take_in(keys(text), true, now));
        }
        events.extend(burst.wait_no_longer(now + GAP));
        let show = |event: Event| match event {
            Event::Key(key) => key.typed().map_or("⏎".to_owned(), String::from),
            Event::Paste(text) => format!("[{text}]"),
            other => format!("{other:?}"),
        };
        events.into_iter().map(show).collect()
    }

    #[tokio::test]
    async fn lines_that_arrive_at_once_are_a_paste() {
        assert_eq!(shown(&[(0, "one\ntwo\nthree")]), "[one\ntwo\nthree]");
        assert_eq!(shown(&[(0, "one\ntwo\n")]), "[one\ntwo\n]");
        assert_eq!(shown(&[(0, "one\n"), (10, "two\nthr"), (10, "ee\n")]), "one[\ntwo\nthree\n]", "in several reads");
        assert_eq!(shown(&[(0, "one"), (5, "\n"), (5, "two")]), "one[\ntwo]");
        assert_eq!(shown(&[(0, "\n\none\n")]), "⏎[\none\n]");
    }

    #[tokio::test]
    async fn what_is_typed_is_no_paste() {
        assert_eq!(shown(&[(0, "one\n")]), "one⏎", "one line in one burst is sent by its Enter");
        assert_eq!(shown(&[(0, "one"), (80, "\n"), (80, "two"), (80, "\n")]), "one⏎two⏎");
        assert_eq!(shown(&[(0, "one\n"), (30, "two\n")]), "one⏎two⏎");
        assert_eq!(shown(&[(0, "jjk"), (0, "x")]), "jjkx");
    }

    #[tokio::test]
    async fn where_no_text_is_typed_keys_are_keys() {
        let mut burst = Burst::default();
        let pressed: Vec<_> = burst.take_in(keys("j\nhi"), false, Instant::now());
        let expected = [Key::char('j'), Key::new(KeyCode::Enter), Key::char('h'), Key::char('i')];
        assert_eq!(pressed, expected.map(Event::Key));
        assert_eq!(burst.due(), None);
    }

    #[tokio::test]
    async fn whatever_types_no_text_ends_a_burst() {
        let mut burst = Burst::default();
        let mut typed = keys("a\nb");
        typed.push(Typed::Key(Key::new(KeyCode::Esc)));
        typed.extend(keys("\n"));
        let esc = || Event::Key(Key::new(KeyCode::Esc));
        let enter = Event::Key(Key::new(KeyCode::Enter));
        let expected = vec![Event::Paste("a\nb".to_owned()), esc(), enter];
        assert_eq!(burst.take_in(typed, true, Instant::now()), expected);
        assert_eq!(burst.due(), None);
    }
}
