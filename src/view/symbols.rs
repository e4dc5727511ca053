//! The signs that are not delivery marks, in both glyph sets.

use ratatui::symbols::border;

/// One glyph set; delivery marks have their own in [`super::ticks`].
#[derive(Debug)]
pub struct Symbols {
    /// Text was cut here.
    pub ellipsis: &'static str,
    /// The selected row.
    pub bar: &'static str,
    /// In front of quoted text.
    pub quote: &'static str,
    /// Between facts in one line.
    pub dot: &'static str,
    /// Between a statement and its explanation.
    pub dash: &'static str,
    /// More is below.
    pub down: &'static str,
    /// More is above.
    pub up: &'static str,
    /// Between panes.
    pub vertical: &'static str,
    /// Where a rule meets [`Self::vertical`] from both sides, from the right, and from the left.
    pub junctions: [&'static str; 3],
    /// Where a line from the left goes up.
    pub corner: &'static str,
    /// Between rows.
    pub horizontal: &'static str,
    /// Covers a hidden spoiler.
    pub cover: &'static str,
    /// In front of a state change.
    pub notice: &'static str,
    /// In front of an invite.
    pub invite: &'static str,
    /// The room that is open.
    pub open: &'static str,
    /// A room in which the user is incognito.
    pub incognito: &'static str,
    /// A message that came in the clear into an encrypted room.
    pub in_clear: &'static str,
    /// There is a value before this one, and after it.
    pub values: [&'static str; 2],
    /// Something is under way.
    pub busy: &'static str,
    /// Connected.
    pub online: &'static str,
    /// Not connected.
    pub offline: &'static str,
    /// Instead of a typed password's characters.
    pub secret: &'static str,
    /// Frames.
    pub border: border::Set<'static>,
}

/// With signs that common monospaced fonts have, each one column wide.
pub const UNICODE: Symbols = Symbols {
    ellipsis: "…",
    bar: "▌",
    quote: "│",
    dot: "·",
    dash: "—",
    down: "↓",
    up: "↑",
    vertical: "│",
    junctions: ["┼", "├", "┤"],
    corner: "┘",
    horizontal: "─",
    cover: "▒",
    notice: "·",
    invite: "+",
    open: "›",
    incognito: "ø",
    in_clear: "⊘",
    values: ["‹", "›"],
    busy: "…",
    online: "●",
    offline: "○",
    secret: "•",
    border: border::ROUNDED,
};

/// For a terminal or a font that has nothing else.
pub const ASCII: Symbols = Symbols {
    ellipsis: "~",
    bar: ">",
    quote: "|",
    dot: "-",
    dash: "-",
    down: "v",
    up: "^",
    vertical: "|",
    junctions: ["+", "+", "+"],
    corner: "+",
    horizontal: "-",
    cover: "#",
    notice: "-",
    invite: "+",
    open: "*",
    incognito: "/",
    in_clear: "!",
    values: ["<", ">"],
    busy: "...",
    online: "*",
    offline: "o",
    secret: "*",
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
};
