//! What can stand over the screen: the help, the inspector, what is known about delivery in all rooms, a question.

use super::{effect::Effect, people::People, receipts::ReceiptsScreen};
use crate::model::{ItemKey, Ms, ReceiptLog, ReceiptStatus, SafeText, Undelivered};

/// Something over the screen. It takes all keys until it is closed.
#[derive(Clone, Debug, PartialEq)]
pub enum Popup {
    /// All keys and commands.
    Help {
        /// Rows scrolled away.
        scroll: usize,
    },
    /// Who received the selected message; on somebody else's, what this client did about it.
    Inspector {
        /// The message, see [`super::App::inspected`].
        item: ItemKey,
        /// The answer for somebody else's message, once it is there.
        status: Option<ReceiptStatus>,
        /// On an own message to many: who they are.
        people: People,
        /// Rows scrolled away.
        scroll: usize,
    },
    /// The open room's last own messages against devices.
    DeviceTable {
        /// Messages scrolled away.
        scroll: usize,
        /// Devices scrolled away, to the left.
        shift: usize,
    },
    /// Own messages of all rooms that not every device has.
    Undelivered {
        /// The latest first; `None` until they are there.
        rows: Option<Vec<Undelivered>>,
        /// The row that is selected.
        selected: usize,
        /// When it was opened: their ages are counted up to then.
        at: Ms,
    },
    /// What the user's receipts told, what was withheld, and what of others' is not believed.
    Log {
        /// `None` until it is there.
        log: Option<ReceiptLog>,
        /// Entries scrolled away.
        scroll: usize,
    },
    /// Who is sent receipts, here and everywhere, and by which setting.
    Receipts(ReceiptsScreen),
    /// A question before something that cannot be undone.
    Confirm {
        /// The question.
        question: SafeText,
        /// What is done if the answer is yes.
        on_yes: Effect,
    },
}

impl Popup {
    /// Scrolls by rows or items, up when negative, as far as there is something to see; in a list, the selection moves.
    pub(super) fn scroll_by(&mut self, rows: isize, max: usize) {
        match self {
            Self::Help { scroll }
            | Self::Inspector { scroll, .. }
            | Self::DeviceTable { scroll, .. }
            | Self::Log { scroll, .. } => *scroll = scroll.saturating_add_signed(rows).min(max),
            Self::Undelivered { rows: found, selected, .. } => {
                let last = found.as_ref().map_or(0, |found| found.len().saturating_sub(1));
                *selected = selected.saturating_add_signed(rows).min(last);
            }
            Self::Receipts(_) | Self::Confirm { .. } => {}
        }
    }

    /// Scrolls the matrix by devices, to the left when negative.
    pub(super) fn shift_by(&mut self, devices: isize, max: usize) {
        if let Self::DeviceTable { shift, .. } = self {
            *shift = shift.saturating_add_signed(devices).min(max);
        }
    }
}
