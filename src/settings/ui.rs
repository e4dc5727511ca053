//! How the screen looks.

use super::Setting;
use crate::delivery::policy::Choice;

/// Everything about the looks that can be set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ui {
    /// The colours; `None` leaves it to the terminal's environment.
    pub palette: Option<Palette>,
    /// Which messages show their time.
    pub times: Times,
    /// How delivery marks are drawn.
    pub mark_style: MarkStyle,
    /// Which signs are used.
    pub glyphs: Glyphs,
}

/// Which colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Palette {
    /// For a dark background: the bright half of the sixteen colours.
    #[default]
    Dark,
    /// For a light background: the dark half.
    Light,
    /// For a plain console: six basic colours and bold, neither dim nor italic.
    Sixteen,
    /// No colour at all, attributes only.
    None,
}

/// Which messages of a timeline show their time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    /// Every one.
    All,
    /// The first of those of one person that follow one another closely.
    #[default]
    Groups,
    /// None.
    Off,
}

/// How the delivery mark is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MarkStyle {
    /// One glyph a device, grouped by person.
    #[default]
    Devices,
    /// How many of how many devices.
    Count,
    /// One tick on the server, two on every device.
    Classic,
}

/// Which signs are used, for marks and for everything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    /// `✓ ● ○ …`
    #[default]
    Unicode,
    /// Nothing beyond ASCII.
    Ascii,
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

impl Choice for Times {
    const WORDS: &'static [(&'static str, Self)] = &[("all", Self::All), ("groups", Self::Groups), ("off", Self::Off)];
}

impl Choice for MarkStyle {
    const WORDS: &'static [(&'static str, Self)] =
        &[("devices", Self::Devices), ("count", Self::Count), ("classic", Self::Classic)];
}

impl Choice for Glyphs {
    const WORDS: &'static [(&'static str, Self)] = &[("unicode", Self::Unicode), ("ascii", Self::Ascii)];
}

pub(super) const SETTINGS: &[Setting] = &[
    setting!(
        "ui.theme",
        Global,
        ui.palette,
        Option<Palette>,
        "The colours; `auto` looks at `NO_COLOR` and `COLORFGBG`"
    ),
    setting!(
        "ui.timeline.times",
        Global,
        ui.times,
        Times,
        "Which messages show their time: `groups` is the first of those that one person wrote within five minutes"
    ),
    setting!(
        "ui.marks.style",
        Global,
        ui.mark_style,
        MarkStyle,
        "How the delivery mark is drawn: a glyph for each device, a count, or ticks alone"
    ),
    setting!(
        "ui.marks.glyphs",
        Global,
        ui.glyphs,
        Glyphs,
        "The characters of the delivery marks and of everything else"
    ),
];
