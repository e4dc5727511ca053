//! What is known about delivery beyond one message: `:devices`, `:undelivered` and the receipt log.

pub mod table;

use super::{App, Focus, command::Refusal, effect::Effect, inspector::Popup};
use crate::{
    delivery::summary,
    input::Action,
    model::{Delivery, Mark, Membership, Ms, ReceiptLog, SafeText, SendState, Undelivered},
};

/// The mark of a message that is on the server, whoever has read it.
pub fn mark(delivery: &Delivery) -> Mark {
    summary::mark(&SendState::Sent, Some(delivery), &[])
}

impl App {
    /// Shows the open room's last messages against devices.
    pub(super) fn show_devices(&mut self) -> Result<(), Refusal> {
        self.open.as_ref().ok_or("Open a room first.")?;
        self.popup = Some(Popup::DeviceTable { scroll: 0, shift: 0 });
        Ok(())
    }

    /// Shows what is not delivered everywhere.
    pub(super) fn show_undelivered(&mut self, now: Ms, out: &mut Vec<Effect>) {
        self.popup = Some(Popup::Undelivered { rows: None, selected: 0, at: now });
        out.push(Effect::AskUndelivered);
    }

    /// `/log receipts`: shows what was told to whom, or asks whether to forget it.
    pub(super) fn command_log(&mut self, argument: &str, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        match argument {
            "receipts" => {
                self.show_log();
                out.push(Effect::AskReceiptLog);
                Ok(())
            }
            "receipts clear" => {
                let question = "Forget what your receipts told, and what was withheld? What was sent stays sent.";
                let question = SafeText::line(question);
                self.popup = Some(Popup::Confirm { question, on_yes: Effect::EmptyReceiptLog });
                Ok(())
            }
            other => Err(format!("/log takes receipts or receipts clear, not {other}.")),
        }
    }

    /// Opens the receipt log, which is on its way.
    pub(super) fn show_log(&mut self) {
        self.popup = Some(Popup::Log { log: None, scroll: 0 });
    }

    /// What is not delivered everywhere is there.
    pub(super) fn on_undelivered(&mut self, found: Vec<Undelivered>) {
        if let Some(Popup::Undelivered { rows, selected, .. }) = &mut self.popup {
            *selected = (*selected).min(found.len().saturating_sub(1));
            *rows = Some(found);
        }
    }

    /// News of some messages' delivery. A row that is complete by now stays where it is, as long as the list is open.
    pub(super) fn on_deliveries(&mut self, deliveries: &[Delivery]) {
        let Some(Popup::Undelivered { rows: Some(rows), .. }) = &mut self.popup else { return };
        for row in rows {
            if let Some(news) = deliveries.iter().find(|news| news.event_id == row.delivery.event_id) {
                row.delivery = news.clone();
            }
        }
    }

    /// The log is there.
    pub(super) fn on_receipt_log(&mut self, found: ReceiptLog) {
        if let Some(Popup::Log { log, .. }) = &mut self.popup {
            *log = Some(found);
        }
    }

    /// A key in the list of what is not delivered, in the matrix, or among many people.
    pub(super) fn in_list(&mut self, action: Action, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        match action {
            Action::ListUp => self.scroll_popup(-1),
            Action::ListDown => self.scroll_popup(1),
            Action::ListPrevious | Action::ListNext | Action::ListChoose if self.of_many().is_some() => {
                self.among_people(action);
            }
            Action::ListPrevious => self.shift_popup(-1),
            Action::ListNext => self.shift_popup(1),
            _ => return self.choose(out),
        }
        Ok(())
    }

    /// Enter: goes to the selected message; where none can be selected, there is nothing more to see.
    fn choose(&mut self, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let chosen = match &self.popup {
            Some(Popup::Undelivered { rows: Some(rows), selected, .. }) => rows.get(*selected).cloned(),
            _ => None,
        };
        let Some(Undelivered { room_id: room, delivery, .. }) = chosen else {
            self.popup = None;
            return Ok(());
        };
        let joined = self.rooms.get(&room).is_some_and(|room| room.membership == Membership::Joined);
        if !joined {
            return Err("You are not in that room any more.".to_owned());
        }
        self.popup = None;
        self.open_room(&room, out);
        self.focus = Focus::Timeline;
        if let Some(open) = &mut self.open {
            open.seek(delivery.event_id, delivery.sent);
        }
        Ok(())
    }
}
