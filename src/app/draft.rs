//! How much of what is typed in a room is kept on disk.
//!
//! The composer is the truth while the program runs; the disk follows it, a second after the last
//! key and at once when the room is left. The disk is the truth only once, for a room opened for
//! the first time: its draft comes as an event, later than the first key perhaps, and then stands
//! above what was typed meanwhile. Nothing is ever lost, at worst a line is there twice.

use std::time::Duration;

use crate::model::{ComposerDraft, Timestamp};

/// How what is written stands to what is on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Draft {
    /// The draft of an earlier run has been taken over.
    loaded: bool,
    /// What is on disk, if anything was ever read or written.
    saved: Option<ComposerDraft>,
    /// The last one was not kept.
    not_kept: bool,
    /// When the text is to be saved.
    pub(super) save_at: Option<Timestamp>,
}

impl Draft {
    /// How long after the last key the text is saved.
    pub(super) const DEBOUNCE: Duration = Duration::from_secs(1);

    /// The draft of an earlier run is this. True for the first one, which is to be taken over.
    pub(super) fn load(&mut self, draft: &ComposerDraft) -> bool {
        let first = !std::mem::replace(&mut self.loaded, true);
        if first {
            self.saved.get_or_insert_with(|| draft.clone());
        }
        first
    }

    /// What has to be written now, if what is on disk differs.
    pub(super) fn save(&mut self, draft: ComposerDraft) -> Option<ComposerDraft> {
        self.save_at = None;
        if self.is_saved(&draft) {
            return None;
        }
        self.not_kept = false;
        self.saved = Some(draft);
        self.saved.clone()
    }

    /// It changed: save it soon, if what is on disk differs.
    pub(super) fn touch(&mut self, draft: &ComposerDraft, now: Timestamp) {
        self.save_at = (!self.is_saved(draft)).then_some(now + Self::DEBOUNCE);
    }

    /// What is on disk is gone.
    pub(super) fn disk_is_gone(&mut self) {
        self.saved = None;
    }

    /// The last one could not be written.
    pub(super) fn not_kept(&mut self) {
        self.not_kept = true;
    }

    fn is_saved(&self, draft: &ComposerDraft) -> bool {
        let is_it = self.saved.as_ref().map_or(*draft == ComposerDraft::default(), |saved| saved == draft);
        is_it && !self.not_kept
    }
}
