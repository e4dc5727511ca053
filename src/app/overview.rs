//! What is known about delivery beyond one message: `:matrix`, `:undelivered` and the receipt log.

use super::{App, command::Refusal, effect::Effect, inspector::Popup};
use crate::{
    input::Action,
    model::{LogEntry, Undelivered},
};

impl App {
    /// Shows the open room's last messages against devices.
    pub(super) fn show_matrix(&mut self) -> Result<(), Refusal> {
        self.open.as_ref().ok_or("Open a room first.")?;
        self.popup = Some(Popup::Matrix { scroll: 0 });
        Ok(())
    }

    /// Shows what is not delivered everywhere.
    pub(super) fn show_undelivered(&mut self, out: &mut Vec<Effect>) {
        self.popup = Some(Popup::Undelivered { rows: None, selected: 0 });
        out.push(Effect::AskUndelivered);
    }

    /// `/log receipts`: shows what was told to whom, or forgets it.
    pub(super) fn show_log(&mut self, argument: &str, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        match argument {
            "receipts" => {
                self.popup = Some(Popup::Log { entries: None, scroll: 0 });
                out.push(Effect::AskReceiptLog);
                Ok(())
            }
            "receipts clear" => {
                out.push(Effect::EmptyReceiptLog);
                Ok(())
            }
            other => Err(format!("/log takes receipts or receipts clear, not {other}.")),
        }
    }

    /// What is not delivered everywhere is there.
    pub(super) fn undelivered_are(&mut self, found: Vec<Undelivered>) {
        if let Some(Popup::Undelivered { rows, .. }) = &mut self.popup {
            *rows = Some(found);
        }
    }

    /// The log is there.
    pub(super) fn log_is(&mut self, found: Vec<LogEntry>) {
        if let Some(Popup::Log { entries, .. }) = &mut self.popup {
            *entries = Some(found);
        }
    }

    /// A key in the list of what is not delivered.
    pub(super) fn in_undelivered(&mut self, _action: Action, _out: &mut Vec<Effect>) {}
}
