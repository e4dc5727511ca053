//! Replying to a message, and going from a reply to what it answers and back.
//!
//! What is answered belongs to the new message: it is kept with its draft, put aside with it while
//! another one is edited, and comes back with it when it could not be sent.

use super::{App, Focus, command::Refusal, editing::Replying, effect::Effect, timeline::OpenTimeline};
use crate::model::{Message, SafeText};

impl OpenTimeline {
    /// Goes back to the message from which a jump led away. False when there is none.
    pub(super) fn go_back(&mut self) -> bool {
        let Some(from) = self.came_from.pop() else { return false };
        self.seek(from, None);
        true
    }
}

impl App {
    /// What is written answers the selected message from now on.
    pub(super) fn begin_reply(&mut self, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let open = self.timelines.shown().ok_or("Open a room first.")?;
        let (_, message) = open.selected().ok_or("Select a message first.")?;
        let event_id = message.event_id.clone().ok_or("This message is not sent yet.")?;
        if open.writing.edited().is_some() {
            return Err("Save or stop the edit first.".to_owned());
        }
        let quote = Some(quote(message));
        let room_id = open.id.room_id.clone();
        self.may_write(&room_id)?;
        if let Some(open) = self.timelines.shown_mut() {
            open.writing.replying = Some(Replying { event_id, quote });
            open.selection = None;
        }
        self.focus = Focus::Composer;
        self.save_draft(out);
        Ok(())
    }

    /// What is written answers nothing any more.
    pub(super) fn stop_reply(&mut self, out: &mut Vec<Effect>) {
        if self.timelines.shown_mut().is_some_and(|open| open.writing.end_reply().is_some()) {
            self.save_draft(out);
        }
    }

    /// A message that is answered, and was not there when that was said, may be there now.
    pub(super) fn quote_answered(&mut self) {
        let Some(open) = self.timelines.shown_mut() else { return };
        let Some(Replying { event_id, quote: quoted @ None }) = &mut open.writing.replying else { return };
        let mut messages = open.items.iter().rev().filter_map(|item| item.message());
        *quoted = messages.find(|message| message.event_id.as_ref() == Some(event_id)).map(quote);
    }

    /// Selects the message that the selected one answers, as soon as it is loaded.
    pub(super) fn go_to_answered(&mut self) -> Result<(), Refusal> {
        let open = self.timelines.shown_mut().ok_or("Open a room first.")?;
        let (_, message) = open.selected().ok_or("Select a message first.")?;
        let answered = message.reply_to.as_ref().ok_or("This message is no reply.")?.event_id.clone();
        let from = message.event_id.clone();
        open.came_from.extend(from);
        open.seek(answered, None);
        Ok(())
    }
}

fn quote(message: &Message) -> SafeText {
    let whom = if message.own { "yourself" } else { message.sender_name.as_str() };
    SafeText::line(&format!("{whom}: {}", message.body.preview()))
}
