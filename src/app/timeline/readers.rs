//! How far each of the others has read.
//!
//! A read receipt stands at one message and means that one and all above it. So that drawing a
//! message need not look through everything below it, this keeps each reader's message by its
//! index, moved along by every change.

use std::collections::HashMap;

use crate::model::{ReadBy, TimelineItem, TimelineItemKind, UserId};

/// Each reader's receipt, and the index of the message at which it stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Readers(HashMap<UserId, (usize, ReadBy)>);

impl Readers {
    /// Everyone who has read the message at this index, by user id.
    pub fn of(&self, index: usize) -> Vec<ReadBy> {
        let mut readers: Vec<_> =
            self.0.values().filter(|(at, _)| *at >= index).map(|(_, reader)| reader.clone()).collect();
        readers.sort_by(|a, b| a.user_id.cmp(&b.user_id));
        readers
    }

    /// Takes over the receipts at an item. A receipt never goes back up.
    pub fn add(&mut self, index: usize, item: &TimelineItem) {
        for reader in receipts(item) {
            let stands = self.0.entry(reader.user_id.clone()).or_insert_with(|| (index, reader.clone()));
            if stands.0 <= index {
                *stands = (index, reader.clone());
            }
        }
    }

    /// An item was put in before this index.
    pub fn inserted(&mut self, index: usize) {
        for (at, _) in self.0.values_mut().filter(|(at, _)| *at >= index) {
            *at += 1;
        }
    }

    /// The item at this index is gone; a receipt that stood there holds for what is above.
    pub fn removed(&mut self, index: usize) {
        self.0.retain(|_, (at, _)| *at != index || index > 0);
        for (at, _) in self.0.values_mut().filter(|(at, _)| *at >= index && *at > 0) {
            *at -= 1;
        }
    }

    /// Only the first so many items stay.
    pub fn truncated(&mut self, length: usize) {
        self.0.retain(|_, (at, _)| *at < length || length > 0);
        for (at, _) in self.0.values_mut() {
            *at = (*at).min(length.saturating_sub(1));
        }
    }
}

fn receipts(item: &TimelineItem) -> &[ReadBy] {
    match &item.kind {
        TimelineItemKind::Message(message) => &message.read_by,
        TimelineItemKind::Notice { read_by, .. } => read_by,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::testing::{message, read_by},
        model::Timestamp,
    };

    fn check(readers: &Readers, index: usize, names: &[&str]) {
        let found: Vec<_> = readers.of(index).into_iter().map(|reader| reader.user_id.as_str().to_owned()).collect();
        assert_eq!(found, names, "at {index}");
    }

    #[test]
    fn a_receipt_holds_for_its_message_and_all_above() {
        let mut readers = Readers::default();
        readers.add(3, &read_by(message("$3"), &["@ada:x"]));
        readers.add(1, &read_by(message("$1"), &["@bob:x"]));
        check(&readers, 0, &["@ada:x", "@bob:x"]);
        check(&readers, 2, &["@ada:x"]);
        check(&readers, 4, &[]);
    }

    #[test]
    fn a_receipt_moves_down_with_its_reader_and_never_up() {
        let mut readers = Readers::default();
        readers.add(3, &read_by(message("$3"), &["@ada:x"]));
        readers.add(1, &read_by(message("$1"), &["@ada:x"]));
        check(&readers, 3, &["@ada:x"]);
        readers.add(5, &read_by(message("$5"), &["@ada:x"]));
        check(&readers, 5, &["@ada:x"]);
    }

    #[test]
    fn a_receipt_moves_along_with_its_message() {
        let mut readers = Readers::default();
        readers.add(3, &read_by(message("$3"), &["@ada:x"]));
        readers.inserted(0);
        check(&readers, 4, &["@ada:x"]);
        readers.inserted(5);
        check(&readers, 5, &[]);
        readers.removed(0);
        check(&readers, 4, &[]);
        readers.removed(3);
        check(&readers, 3, &[]);
        check(&readers, 2, &["@ada:x"]);
        readers.truncated(1);
        check(&readers, 0, &["@ada:x"]);
        readers.removed(0);
        check(&readers, 0, &[]);
    }

    #[test]
    fn a_receipt_at_a_notice_counts_too() {
        let reader = ReadBy { user_id: crate::model::UserId::new("@ada:x"), at: None };
        let kind = TimelineItemKind::Notice {
            at: Timestamp::from_millis(1),
            text: crate::model::SafeText::line("Ada joined"),
            read_by: vec![reader],
            encrypted_from_here: false,
        };
        let mut readers = Readers::default();
        readers.add(2, &TimelineItem { kind, ..message("$2") });
        check(&readers, 1, &["@ada:x"]);
    }
}
