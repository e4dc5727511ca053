//! What can stand over the screen: the help, the inspector, a question.

use super::effect::Effect;
use crate::model::{ItemKey, ReceiptFate, SafeText};

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
        fate: Option<ReceiptFate>,
        /// Rows scrolled away.
        scroll: usize,
    },
    /// A question before something that cannot be undone.
    Confirm {
        /// The question.
        question: SafeText,
        /// What is done if the answer is yes.
        on_yes: Effect,
    },
}

impl Popup {
    /// Scrolls by rows, up when negative, as far as there is something to see.
    pub(super) fn scroll_by(&mut self, rows: isize, max: usize) {
        if let Self::Help { scroll } | Self::Inspector { scroll, .. } = self {
            *scroll = scroll.saturating_add_signed(rows).min(max);
        }
    }
}
