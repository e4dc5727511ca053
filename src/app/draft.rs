//! How much of what is typed in a room is kept on disk.
//!
//! The composer is the truth while the program runs; the disk follows it, a second after the last key and at once when
//! the room is left. The disk is the truth only once, for a room opened for the first time: its draft comes as an
//! event, later than the first key perhaps, and then stands above what was typed meanwhile. Nothing is ever lost, at
//! worst a line is there twice.

use super::composer::Composer;
use crate::model::Ms;

/// How a composer stands to what is on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Draft {
    /// The draft of an earlier run has been taken over.
    loaded: bool,
    /// What is on disk, if anything was ever read or written.
    saved: Option<String>,
    /// When the text is to be saved.
    pub(super) save_at: Option<Ms>,
}

impl Draft {
    /// How long after the last key the text is saved.
    pub(super) const DEBOUNCE: Ms = 1_000;

    /// Takes over the draft of an earlier run, once.
    pub(super) fn load(&mut self, composer: &mut Composer, text: &str) {
        if std::mem::replace(&mut self.loaded, true) {
            return;
        }
        if !composer.text().contains(text) {
            composer.put_above(text);
        }
        self.saved.get_or_insert_with(|| text.to_owned());
    }

    /// The text that has to be written now, if what is on disk differs.
    pub(super) fn save(&mut self, composer: &Composer) -> Option<String> {
        self.save_at = None;
        if self.saved.as_deref().unwrap_or_default() == composer.text() {
            return None;
        }
        self.saved = Some(composer.text().to_owned());
        self.saved.clone()
    }

    /// The text changed: save it soon, if what is on disk differs.
    pub(super) fn touch(&mut self, composer: &Composer, now: Ms) {
        let same = self.saved.as_deref().unwrap_or_default() == composer.text();
        self.save_at = (!same).then_some(now + Self::DEBOUNCE);
    }

    /// What is on disk is no longer known.
    pub(super) fn disk_is_gone(&mut self) {
        self.saved = None;
    }
}
