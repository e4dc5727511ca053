//! The words for the choices that are not about delivery; those stand with the settings that they
//! choose.

use tracing::level_filters::LevelFilter;

use crate::{
    delivery::policy::Choice,
    view::theme::{Glyphs, MarkStyle, Palette},
};

impl Choice for MarkStyle {
    const WORDS: &'static [(&'static str, Self)] =
        &[("devices", Self::Devices), ("count", Self::Count), ("classic", Self::Classic)];
}

impl Choice for Glyphs {
    const WORDS: &'static [(&'static str, Self)] = &[("unicode", Self::Unicode), ("ascii", Self::Ascii)];
}

impl Choice for Option<Palette> {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("auto", None),
        ("dark", Some(Palette::Dark)),
        ("light", Some(Palette::Light)),
        ("16", Some(Palette::Sixteen)),
        ("none", Some(Palette::None)),
    ];
}

impl Choice for LevelFilter {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("off", Self::OFF),
        ("error", Self::ERROR),
        ("warn", Self::WARN),
        ("info", Self::INFO),
        ("debug", Self::DEBUG),
        ("trace", Self::TRACE),
    ];
}
