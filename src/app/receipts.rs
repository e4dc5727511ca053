//! The receipts screen: a room's, each person's and the global setting, what comes of them, and by which rule.

use super::App;
use crate::{
    input::Action,
    model::{PersonStance, RoomId},
};

/// The receipts screen.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiptsScreen {
    /// The room that it was opened in.
    pub room: Option<RoomId>,
    /// Everybody else in it, once that is there.
    pub people: Option<Vec<PersonStance>>,
    /// The row that is selected.
    pub selected: usize,
}

impl App {
    /// Everybody in a room is there.
    pub(super) fn stances_are(&mut self, room: &RoomId, people: Vec<PersonStance>) {
        if let Some(super::inspector::Popup::Receipts(screen)) = &mut self.popup
            && screen.room.as_ref() == Some(room)
        {
            screen.people = Some(people);
        }
    }

    /// A key in the receipts screen.
    pub(super) fn in_receipts(&mut self, _action: Action) {}
}
