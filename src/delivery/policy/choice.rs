//! The words that stand for a choice, one table for each setting: `config.toml` is read, written
//! and explained by it, and the receipts screen goes through it from one end to the other.

use super::{NameDevice, ReceiptType, RouteChoice, Send, Timing, Who};
use crate::delivery::attention::{ReadReceipts, Typing};

/// A setting that is one of a few words.
pub trait Choice: Copy + PartialEq + 'static {
    /// Every word and what it means, in the order in which people should see them.
    const WORDS: &'static [(&'static str, Self)];

    /// The word for this.
    fn word(self) -> &'static str {
        // Every variant is in the table (`every_choice_is_shown_and_read` looks).
        Self::WORDS.iter().find(|(_, choice)| *choice == self).map_or("", |(word, _)| word)
    }

    /// What this word means.
    fn named(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(name, _)| *name == word).map(|(_, choice)| *choice)
    }
}

impl Choice for Send {
    const WORDS: &'static [(&'static str, Self)] = &[("auto", Self::Auto), ("on", Self::On), ("off", Self::Off)];
}

impl Choice for Who {
    const WORDS: &'static [(&'static str, Self)] =
        &[("everyone", Self::Everyone), ("known", Self::Known), ("verified", Self::Verified), ("nobody", Self::Nobody)];
}

impl Choice for Timing {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("immediate", Self::Immediate),
        ("prompt", Self::Prompt),
        ("balanced", Self::Balanced),
        ("guarded", Self::Guarded),
    ];
}

impl Choice for RouteChoice {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("native", Self::Native), ("direct", Self::Direct), ("off", Self::Off)];
}

impl Choice for NameDevice {
    const WORDS: &'static [(&'static str, Self)] =
        &[("known", Self::Known), ("verified", Self::Verified), ("never", Self::Never)];
}

impl Choice for ReceiptType {
    const WORDS: &'static [(&'static str, Self)] = &[("unstable", Self::Unstable), ("stable", Self::Stable)];
}

impl Choice for ReadReceipts {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("public", Self::Public), ("private", Self::Private), ("off", Self::Off)];
}

impl Choice for Typing {
    const WORDS: &'static [(&'static str, Self)] = &[("auto", Self::Auto), ("on", Self::On), ("off", Self::Off)];
}
