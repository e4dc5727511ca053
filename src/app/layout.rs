//! What the view tells the app after drawing.
//!
//! How high an item is depends on the terminal, which the app does not know. So the app says which
//! row shall stand at an edge of the timeline ([`super::timeline::Anchor`]), the view lays out from
//! there, and these facts come back. So does what stands where, for whoever points at it.

use super::login::LoginField;
use crate::model::RoomId;

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayoutFacts {
    /// The timeline; `None` when no item of it is on screen.
    pub timeline: Option<TimelineFacts>,
    /// How far the uppermost screen can be scrolled, in rows, and how many of its rows are on
    /// screen.
    pub screen: Option<ScreenFacts>,
    /// What stands where.
    pub hits: HitAreas,
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

/// A rectangle of the terminal, in cells from its upper left corner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// The leftmost column.
    pub x: u16,
    /// The uppermost row.
    pub y: u16,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

impl Area {
    fn contains(self, x: u16, y: u16) -> bool {
        let inside = |at: u16, from: u16, length: u16| at.checked_sub(from).is_some_and(|at| at < length);
        inside(x, self.x, self.width) && inside(y, self.y, self.height)
    }
}

/// Something that can be pointed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The room list, beside its rooms.
    RoomList,
    /// A room in it.
    Room(RoomId),
    /// The timeline, beside its items.
    Timeline,
    /// The item of it at this index.
    TimelineItem(usize),
    /// What is being written.
    Composer,
    /// A field or a button of the login screen.
    LoginField(LoginField),
    /// The uppermost screen, beside its items.
    Screen,
    /// The item of it at this index.
    ScreenItem(usize),
    /// Whatever is below the uppermost screen.
    Covered,
    /// A key hint: the command of this name.
    Command(&'static str),
}

/// What stands where. What was drawn later stands above.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HitAreas(Vec<(Area, Target)>);

impl HitAreas {
    /// This stands here, above all that was added before.
    pub fn push(&mut self, area: Area, target: Target) {
        if area.width > 0 && area.height > 0 {
            self.0.push((area, target));
        }
    }

    /// What stands at this cell.
    pub fn at(&self, x: u16, y: u16) -> Option<&Target> {
        self.0.iter().rev().find(|(area, _)| area.contains(x, y)).map(|(_, target)| target)
    }

    /// All of them, the lowest first.
    pub fn iter(&self) -> impl Iterator<Item = &(Area, Target)> {
        self.0.iter()
    }
}
