//! What the view tells the app after drawing.
//!
//! How high an item is depends on the terminal, which the app does not know. So the app says which
//! row shall stand at an edge of the timeline ([`super::timeline::Anchor`]), the view lays out from
//! there, and these facts come back.

/// One row of one timeline item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The item's index.
    pub item: usize,
    /// The row in it, from its top.
    pub row: usize,
}

/// What of the timeline is on screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimelineFacts {
    /// The topmost row.
    pub first: Row,
    /// The lowest row.
    pub last: Row,
    /// The last item's last row is on screen.
    pub at_end: bool,
}

/// What was drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayoutFacts {
    /// The timeline; `None` when no item of it is on screen.
    pub timeline: Option<TimelineFacts>,
    /// How far the uppermost screen can be scrolled, in rows, and how many of its rows are on
    /// screen.
    pub screen: Option<ScreenFacts>,
}

/// What of a screen over the main view was drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScreenFacts {
    /// The greatest scroll that shows something new.
    pub max_scroll: usize,
    /// The same to the side.
    pub max_shift: usize,
    /// Rows on screen, or items of several rows.
    pub rows: usize,
}
