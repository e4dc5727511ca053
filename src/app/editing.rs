//! What is written in a room: a new message, or the new text of one that is on the server.
//!
//! While a message is edited, the new message that was being typed is put aside, and comes back
//! when the edit is saved or stopped. A room can be left and opened again in the middle of it. On
//! disk there is one text for a room, and what the user wrote is not lost: while an edit is under
//! way, its text stands there below the message's, so after a kill both are in the composer.
//!
//! Whoever has decrypted the old text has it, whatever is sent after it. So before a message is
//! changed or removed, the user is told how many devices that are.

use super::{
    App, Focus,
    command::{Refusal, escaped},
    composer::Composer,
    draft::Draft,
    effect::Effect,
    screens::Question,
    status::Status,
};
use crate::{
    client::request::TimelineRequest,
    model::{
        Body, ComposerDraft, Delivery, DeviceState, EventId, Message, RoomId, SafeText, SendState, TimelineId,
        TimelineItem, Timestamp,
    },
};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Writing {
    /// What is typed now.
    pub composer: Composer,
    /// The message that is edited, if one is.
    pub(super) editing: Option<Editing>,
    /// The message that the new one answers, if it does.
    pub(super) replying: Option<Replying>,
    /// How much of all that is kept.
    pub(super) draft: Draft,
}

/// A message that is being edited.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Editing {
    /// Which.
    event_id: EventId,
    /// Its text as it was.
    old: String,
    /// The new message that is put aside.
    aside: Composer,
}

/// A message that is being answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replying {
    pub(super) event_id: EventId,
    /// Who says what in it; `None` as long as it is not loaded.
    pub(super) quote: Option<SafeText>,
}

impl Replying {
    /// Who is answered, and what they said.
    pub fn quote(&self) -> &str {
        self.quote.as_ref().map_or("an earlier message", |quote| quote)
    }
}

impl Writing {
    /// The message that is being edited.
    pub fn edited(&self) -> Option<&EventId> {
        self.editing.as_ref().map(|editing| &editing.event_id)
    }

    /// The new message, be it on screen or put aside.
    pub(super) fn message(&mut self) -> &mut Composer {
        match &mut self.editing {
            Some(editing) => &mut editing.aside,
            None => &mut self.composer,
        }
    }

    /// Puts a message's text into the composer, to be changed from `old`.
    fn edit(&mut self, event: EventId, old: &str, text: &str) {
        let aside = std::mem::replace(&mut self.composer, Composer::with(text));
        self.editing = Some(Editing { event_id: event, old: Composer::with(old).take(), aside });
    }

    /// Ends the edit: the new message is back. Gives what was edited and its text, if that is
    /// another one.
    fn end_edit(&mut self) -> Option<(EventId, Option<String>)> {
        let Editing { event_id: event, old, aside } = self.editing.take()?;
        let text = std::mem::replace(&mut self.composer, aside).take();
        Some((event, Some(text).filter(|text| *text != old)))
    }

    /// Puts a text below the new message; where there is none, it is that, and answers what it was
    /// to answer.
    pub(super) fn put_back(&mut self, ComposerDraft { text, reply_to }: ComposerDraft, emote: bool) {
        let message = self.message();
        let nothing_else = message.is_empty();
        let text = if emote {
            format!("/me {text}")
        } else if nothing_else {
            escaped(&text)
        } else {
            text
        };
        message.put_below(&text);
        if nothing_else {
            self.answers(reply_to);
        }
    }

    /// Whether this text is among what is typed, in lines of its own: it is told again until it is
    /// known to be kept.
    fn has_lines(&self, text: &str) -> bool {
        format!("\n{}\n", self.text()).contains(&format!("\n{text}\n"))
    }

    /// The message that is being answered, where a new one is written.
    pub fn replying(&self) -> Option<&Replying> {
        self.replying.as_ref().filter(|_| self.edited().is_none())
    }

    /// Ends the reply, as what is written is sent. Gives the message that it answers.
    pub(super) fn end_reply(&mut self) -> Option<EventId> {
        self.replying.take().map(|replying| replying.event_id)
    }

    /// The new message answers this.
    fn answers(&mut self, reply_to: Option<EventId>) {
        self.replying = reply_to.map(|event_id| Replying { event_id, quote: None });
    }

    /// Everything that must not be lost.
    pub(super) fn text(&self) -> String {
        let text = self.composer.text();
        match &self.editing {
            None => text.to_owned(),
            Some(editing) if text == editing.old => editing.aside.text().to_owned(),
            Some(editing) => {
                let mut both = editing.aside.clone();
                both.put_below(text);
                both.take()
            }
        }
    }

    /// All of that, and what the new message answers. One that has no text answers nothing.
    fn draft(&self) -> ComposerDraft {
        let message = self.editing.as_ref().map_or(&self.composer, |editing| &editing.aside);
        let replying = self.replying.as_ref().filter(|_| !message.is_empty());
        ComposerDraft { text: self.text(), reply_to: replying.map(|replying| replying.event_id.clone()) }
    }

    /// Takes over the draft of an earlier run, once.
    pub(super) fn load(&mut self, draft: &ComposerDraft) {
        let typed = self.text();
        if !self.draft.load(draft) || draft.text.is_empty() {
            return;
        }
        if !typed.contains(&draft.text) {
            self.message().put_above(&draft.text);
        }
        if typed.is_empty() || typed == draft.text {
            self.answers(draft.reply_to.clone());
        }
    }

    /// Writes it now as what is written in this timeline, if what is on disk differs.
    pub(super) fn save(&mut self, timeline_id: &TimelineId) -> Option<Effect> {
        let draft = self.draft.save(self.draft())?;
        Some(Effect::from(TimelineRequest::SaveDraft { timeline_id: timeline_id.clone(), draft }))
    }

    /// It changed: save it soon, if what is on disk differs.
    pub(super) fn touch(&mut self, now: Timestamp) {
        self.draft.touch(&self.draft(), now);
    }
}

impl App {
    /// Puts the selected message into the composer, to be changed; one that was refused is taken
    /// back.
    pub(super) fn begin_edit(&mut self, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let open = self.timelines.shown_mut().ok_or("Open a room first.")?;
        let Some((key, message)) = open.selected() else { return Err("Select a message of yours first.".to_owned()) };
        let (event, text) = match (&message.event_id, &message.source) {
            (Some(event), Some(text)) => (event.clone(), text.clone()),
            (None, Some(text)) if matches!(message.send_state, SendState::Failed(_)) => {
                if open.writing.edited().is_some() {
                    return Err("Save or stop the edit first.".to_owned());
                }
                let (id, key, text) = (open.id.clone(), key.clone(), text.to_string());
                let emote = matches!(message.body, Body::Emote(_));
                let reply_to = message.reply_to.as_ref().map(|answered| answered.event_id.clone());
                open.follow_newest();
                // First kept as a draft, then thrown away.
                self.not_queued(id.room_id.clone(), ComposerDraft { text, reply_to }, emote, out);
                out.push(Effect::from(TimelineRequest::Discard { timeline_id: id, key }));
                self.focus = Focus::Composer;
                return Ok(());
            }
            (None, Some(_)) => return Err("This message is not sent yet.".to_owned()),
            (_, None) if message.own => return Err("Only text can be edited.".to_owned()),
            (_, None) => return Err("Only your own messages can be edited.".to_owned()),
        };
        match open.writing.edited() {
            Some(edited) if *edited == event => {}
            Some(_) => return Err("Save or stop the other edit first.".to_owned()),
            None => open.writing.edit(event, &text, &text),
        }
        self.focus = Focus::Composer;
        Ok(())
    }

    /// Stops editing, and throws the new text away. False when nothing was edited.
    pub(super) fn stop_edit(&mut self, out: &mut Vec<Effect>) -> bool {
        let stopped = self.timelines.shown_mut().is_some_and(|open| open.writing.end_edit().is_some());
        if stopped {
            self.save_draft(out);
            self.stop_typing(out);
        }
        stopped
    }

    /// Enter while a message is edited: its text is the new one from now on. False when nothing is
    /// edited.
    pub(super) fn save_edit(&mut self, out: &mut Vec<Effect>) -> Result<bool, Refusal> {
        let Some(open) = self.timelines.shown_mut().filter(|open| open.writing.edited().is_some()) else {
            return Ok(false);
        };
        if open.writing.composer.text().trim().is_empty() {
            return Err("A message cannot be changed to nothing. Stop editing, and remove it.".to_owned());
        }
        if let Some((event, Some(text))) = open.writing.end_edit() {
            out.push(Effect::from(TimelineRequest::Edit { room_id: open.id.room_id.clone(), event_id: event, text }));
        }
        self.save_draft(out);
        self.stop_typing(out);
        Ok(true)
    }

    /// An edit was refused: its text goes back to be corrected, below the new message while
    /// something else is edited. Only when it is on disk as a draft, the queue forgets it.
    pub(super) fn edit_failed(
        &mut self,
        room: RoomId,
        event: EventId,
        (text, removed): (&str, bool),
        out: &mut Vec<Effect>,
    ) {
        let timeline_id = TimelineId::live(room.clone());
        let writing = self.writing_in(&timeline_id);
        match writing.edited() {
            _ if removed && !writing.has_lines(text) && !writing.has_lines(&escaped(text)) => {
                writing.put_back(text.into(), false);
            }
            _ if removed => {}
            None => writing.edit(event.clone(), "", text),
            Some(_) if writing.has_lines(text) => {}
            Some(_) => writing.message().put_below(text),
        }
        out.extend(writing.save(&timeline_id));
        out.push(Effect::from(TimelineRequest::ForgetEdit { room_id: room, event_id: event, removed }));
    }

    /// The message that is being edited may have been removed by somebody else: then there is
    /// nothing to be changed, and what was typed is a message of its own.
    pub(super) fn edited_may_be_removed(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        let Some(open) = self.timelines.shown_mut() else { return };
        let Some(edited) = open.writing.edited() else { return };
        let is_it = |message: &Message| message.event_id.as_ref() == Some(edited) && message.body == Body::Redacted;
        let removed = open.items.iter().rev().filter_map(TimelineItem::message).any(is_it);
        if !removed {
            return;
        }
        let kept = match open.writing.end_edit() {
            Some((_, Some(text))) if !text.trim().is_empty() => {
                open.writing.put_back((&*text).into(), false);
                " What you typed is kept as a new one."
            }
            _ => "",
        };
        let why = format!("The message that you were editing was removed.{kept}");
        self.status = Some(Status::error(SafeText::line(&why), now));
        self.save_draft(out);
        self.stop_typing(out);
    }

    /// Asks before a message is removed for everyone.
    pub(super) fn redact(&mut self) -> Result<(), Refusal> {
        let selected = self.timelines.shown().and_then(|open| Some((open, open.selected()?.1)));
        let (open, message) = selected.ok_or("Select a message first.")?;
        let event = message.event_id.clone().ok_or("This message is not sent yet: it can be thrown away.")?;
        if message.body == Body::Redacted {
            return Err("This message has been removed already.".to_owned());
        }
        let known = known_to(message, open.deliveries.get(&event));
        self.screens.push(Question::new(
            &format!("Remove this message for everyone? {known}"),
            Effect::from(TimelineRequest::Redact { room_id: open.id.room_id.clone(), event_id: event }),
        ));
        Ok(())
    }

    /// How many devices have the old text of the message that is edited; `None` when none is.
    pub fn edited_after(&self) -> Option<DecryptedBy> {
        let open = self.timelines.shown()?;
        let event = open.writing.edited()?;
        Some(DecryptedBy::of(open.deliveries.get(event)))
    }
}

/// What is known about who has decrypted a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecryptedBy {
    /// Nothing.
    Nothing,
    /// None has, as far as it is known.
    Nobody,
    /// So many devices.
    Devices(u64),
}

impl DecryptedBy {
    /// Of an own message.
    fn of(delivery: Option<&Delivery>) -> Self {
        let Some(delivery) = delivery else { return Self::Nothing };
        let mut devices = delivery.people.iter().flat_map(|person| &person.devices).peekable();
        let counted = delivery.tally.map(|tally| tally.delivered);
        let answers = devices.peek().is_some() || counted.is_some();
        let delivered = devices.filter(|device| matches!(device.state, DeviceState::Delivered { .. })).count();
        match counted.unwrap_or(delivered as u64) {
            0 if answers => Self::Nobody,
            0 => Self::Nothing,
            devices => Self::Devices(devices),
        }
    }

    /// As the end of a sentence about the message: '3 devices have already decrypted it.'
    pub fn sentence(self, it: &str) -> String {
        match self {
            Self::Nothing => format!("Who has already decrypted {it} is not known."),
            Self::Nobody => format!("No device is known to have decrypted {it} yet."),
            Self::Devices(1) => format!("1 device has already decrypted {it}."),
            Self::Devices(devices) => format!("{devices} devices have already decrypted {it}."),
        }
    }
}

fn known_to(message: &Message, delivery: Option<&Delivery>) -> String {
    if message.own {
        DecryptedBy::of(delivery).sentence("it")
    } else {
        "Who has already decrypted it is known to its sender alone.".to_owned()
    }
}
