//! Replying to a message, and going from a reply to what it answers and back.
//!
//! What is answered belongs to the new message: it is kept with its draft, put aside with it while
//! another one is edited, and comes back with it when it could not be sent.

use super::{
    App, Focus,
    command::Refusal,
    editing::{Replying, Writing},
    effect::Effect,
    timeline::OpenTimeline,
};
use crate::model::{Body, Message, SafeText, TimelineChange, TimelineItem};

impl App {
    /// What is written answers the selected message from now on.
    pub(super) fn begin_reply(&mut self, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let open = self.timelines.shown().ok_or("Open a room first.")?;
        let (_, message) = open.selected().ok_or("Select a message first.")?;
        let event_id = message.event_id.clone().ok_or("This message is not sent yet.")?;
        if message.body == Body::Redacted {
            return Err("This message has been removed.".to_owned());
        }
        if open.writing.edited().is_some() {
            return Err("Save or stop the edit first.".to_owned());
        }
        let quote = Some(quote(message));
        let room_id = open.id.room_id.clone();
        self.may_write(&room_id)?;
        if let Some(open) = self.timelines.shown_mut() {
            open.goes_elsewhere();
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

    /// Selects the message that the selected one answers, as soon as it is loaded.
    pub(super) fn go_to_answered(&mut self) -> Result<(), Refusal> {
        let open = self.timelines.shown_mut().ok_or("Open a room first.")?;
        let (_, message) = open.selected().ok_or("Select a message first.")?;
        let answered = message.reply_to.as_ref().ok_or("This message is no reply.")?;
        let sent = answered.at.ok_or("What this message replies to is not there, or not yet.")?;
        let (answered, from) = (answered.event_id.clone(), message.event_id.clone());
        open.seek(answered, sent, from);
        Ok(())
    }
}

impl OpenTimeline {
    /// Quotes what is answered, where it is loaded.
    pub(super) fn quote_answered(&mut self) {
        let Self { items, writing, .. } = self;
        writing.quote_answered(items.iter().rev());
    }
}

impl Writing {
    /// Quotes what is answered as it is among these items: it may have come, or be another now.
    pub(super) fn quote_answered<'a>(&mut self, items: impl IntoIterator<Item = &'a TimelineItem>) {
        let Some(Replying { event_id, quote: quoted }) = &mut self.replying else { return };
        let mut messages = items.into_iter().filter_map(TimelineItem::message);
        if let Some(message) = messages.find(|message| message.event_id.as_ref() == Some(event_id)) {
            *quoted = Some(quote(message));
        }
    }
}

/// The items that these changes bring.
pub(super) fn brought(changes: &[TimelineChange]) -> impl Iterator<Item = &TimelineItem> {
    changes.iter().flat_map(|change| match change {
        TimelineChange::Reset(items) | TimelineChange::Append(items) => &**items,
        TimelineChange::Insert(_, item) | TimelineChange::Set(_, item) => std::slice::from_ref(item),
        TimelineChange::Remove(_) | TimelineChange::Truncate(_) => &[],
    })
}

fn quote(message: &Message) -> SafeText {
    let whom = if message.own { "yourself" } else { message.sender_name.as_str() };
    SafeText::line(&format!("{whom}: {}", message.body.preview()))
}
