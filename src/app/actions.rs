//! What keys and text do: to the command that they mean, or into the field where text is typed; and
//! what many commands have in common: sending, drafts, which room is open.

use super::{
    App, Focus, Phase, Pressed,
    command::{Entered, Refusal, entered},
    composer::{Composer, Edit},
    effect::Effect,
    screens::{Act, Question, Scope, Screen},
    timeline::{OpenTimeline, TypingNotice},
};
use crate::{
    client::request::TimelineRequest,
    input::{Context, Key, Lookup},
    model::{Membership, RoomId, SendState, TimelineId, Timestamp},
};

impl Pressed {
    /// The keys, if the user is still where they were pressed.
    fn keys_in(self, contexts: &'static [Context]) -> Vec<Key> {
        if self.contexts == contexts { self.keys } else { Vec::new() }
    }
}

impl App {
    /// A key was pressed: with those before it, it is a command; or it types a character; or it
    /// means nothing here.
    pub(super) fn press(&mut self, key: Key, now: Timestamp, out: &mut Vec<Effect>) {
        let contexts = self.contexts();
        let mut keys = std::mem::take(&mut self.pressed).keys_in(contexts);
        keys.push(key);
        match self.keymap.lookup(contexts, &keys) {
            Lookup::Begun => self.pressed = Pressed { contexts, keys },
            Lookup::Command(name) => self.perform(name, now, out),
            Lookup::Nothing if keys.len() > 1 => {
                // What was begun comes to nothing, and the last key is one by itself.
                keys.pop();
                for key in keys {
                    self.type_key(key, now, out);
                }
                self.press(key, now, out);
            }
            Lookup::Nothing => self.type_key(key, now, out),
        }
    }

    /// A key that is no command is a character where text is typed.
    fn type_key(&mut self, key: Key, now: Timestamp, out: &mut Vec<Effect>) {
        if let Some(c) = key.typed() {
            self.insert(c.encode_utf8(&mut [0; 4]), now, out);
        }
    }

    /// Whether text is typed now: letters are no commands.
    pub fn takes_text(&self) -> bool {
        self.contexts().contains(&Context::Edit)
    }

    /// Puts typed or pasted text where text is typed now, if anywhere. Only the composer has
    /// several lines.
    pub(super) fn insert(&mut self, text: &str, now: Timestamp, out: &mut Vec<Effect>) {
        if !self.takes_text() {
            return;
        }
        if self.edit_field(|field| field.insert_line(text)) {
            return;
        }
        if let Phase::Login(login) = &mut self.phase {
            login.insert(text, out);
        } else if let Some(open) = self.timelines.shown_mut() {
            open.writing.composer.insert(text);
            self.on_typed(now, out);
        }
    }

    /// An editing key, where text is typed now.
    pub(super) fn edit(&mut self, edit: Edit, now: Timestamp, out: &mut Vec<Effect>) {
        let closes = edit == Edit::DeleteBack
            && matches!(self.screens.top(), Some(Screen::CommandLine(line)) if line.field.is_empty());
        if closes {
            // An error is about what is typed, and nothing is.
            let _ = self.on_screen(Act::Close, now, out);
            return;
        }
        if self.edit_field(|field| field.edit(edit)) {
            return;
        }
        if let Phase::Login(login) = &mut self.phase {
            login.edit(edit, out);
        } else if let Some(open) = self.timelines.shown_mut() {
            let composer = &mut open.writing.composer;
            let before = composer.text().len();
            composer.edit(edit);
            if composer.text().len() != before {
                self.on_typed(now, out);
            }
        }
    }

    /// Changes the field of one line in which text is typed now: a screen's, or the filter. False
    /// where there is none.
    fn edit_field(&mut self, edit: impl FnOnce(&mut Composer)) -> bool {
        let filter = self.rooms.filter.as_mut().filter(|_| self.phase == Phase::Main && self.focus == Focus::Rooms);
        let field = match self.screens.top_mut() {
            Some(screen) => screen.behaviour_mut().field(),
            None => filter,
        };
        field.map(edit).is_some()
    }

    /// The composer's text was changed by the user: it is to be kept, and the others may know.
    pub(super) fn on_typed(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        let Some(open) = self.timelines.shown_mut() else { return };
        open.writing.touch(now);
        let composer = &open.writing.composer;
        let command = open.writing.edited().is_none() && matches!(entered(composer.text()), Entered::Command(_));
        let closed = self.rooms.get(&open.id.room_id).is_some_and(|room| !room.is_open());
        if composer.is_empty() || command || closed {
            return self.stop_typing(out);
        }
        let told = open.typing_notice.map(|notice| notice.told);
        let again = told.is_none_or(|told| now >= told + TypingNotice::REPEAT);
        let told = told.filter(|_| !again).unwrap_or(now);
        open.typing_notice = Some(TypingNotice { told, until: now + TypingNotice::LENGTH });
        if again {
            out.push(Effect::from(TimelineRequest::Typing { room_id: open.id.room_id.clone(), typing: true }));
        }
    }

    /// Tells the others that typing ended, if they were told that it began.
    pub(super) fn stop_typing(&mut self, out: &mut Vec<Effect>) {
        let Some(open) = self.timelines.shown_mut() else { return };
        if open.typing_notice.take().is_some() {
            out.push(Effect::from(TimelineRequest::Typing { room_id: open.id.room_id.clone(), typing: false }));
        }
    }

    /// Writes the open room's draft, if it differs from what is on disk.
    pub(super) fn save_draft(&mut self, out: &mut Vec<Effect>) {
        let Some(open) = self.timelines.shown_mut() else { return };
        out.extend(open.writing.save(&open.id));
    }

    /// Enter in the composer: sends the message or runs the command. A command that is refused
    /// comes back.
    pub(super) fn submit(&mut self, now: Timestamp, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        if self.save_edit(out)? {
            return Ok(());
        }
        let Some(open) = self.timelines.shown_mut().filter(|open| !open.writing.composer.text().trim().is_empty())
        else {
            return Ok(());
        };
        if let Entered::Message(_) = entered(open.writing.composer.text()) {
            let room = open.id.room_id.clone();
            self.may_write(&room)?;
        }
        let Some(open) = self.timelines.shown_mut() else { return Ok(()) };
        open.follow_newest();
        let (room, typed) = (open.id.room_id.clone(), std::mem::take(&mut open.writing.composer));
        match entered(typed.text()) {
            Entered::Message(text) => {
                let reply_to = open.writing.end_reply();
                out.push(Effect::from(TimelineRequest::Send { room_id: room, text: text.to_owned(), reply_to }));
            }
            Entered::Command(line) => {
                if let Err(refusal) = self.run_line(line, now, out) {
                    self.in_timeline(|open| open.writing.composer = typed);
                    return Err(refusal);
                }
            }
        }
        self.save_draft(out);
        self.stop_typing(out);
        Ok(())
    }

    /// Opens a room and goes to its composer.
    pub(super) fn open_room(&mut self, room: &RoomId, out: &mut Vec<Effect>) {
        self.rooms.filter = None;
        self.rooms.select(room);
        let id = TimelineId::live(room.clone());
        if self.timelines.shown().is_none_or(|open| open.id != id) {
            self.put_away(out);
            let mut writing = self.drafts.remove(&id).unwrap_or_default();
            if let Some(taken) = self.taken.take_if(|taken| taken.from != *room) {
                writing.message().put_below(&taken.text);
                out.extend(writing.save(&id));
            }
            self.timelines.open(OpenTimeline::new(id.clone(), writing));
            self.timelines.show(id.clone());
            out.push(Effect::from(TimelineRequest::Open(id)));
        }
        self.focus = Focus::Composer;
    }

    /// Closes the open room and keeps what is typed in it.
    pub(super) fn put_away(&mut self, out: &mut Vec<Effect>) {
        self.stop_typing(out);
        self.save_draft(out);
        if let Some(id) = self.timelines.shown().map(|open| open.id.clone()) {
            self.close(&id, out);
        }
        self.screens.close_about(Scope::Room);
    }

    /// Closes a timeline; what was written there is kept.
    pub(super) fn close(&mut self, id: &TimelineId, out: &mut Vec<Effect>) {
        if let Some(open) = self.timelines.close(id) {
            out.push(Effect::from(TimelineRequest::Close(open.id.clone())));
            self.drafts.insert(open.id, open.writing);
        }
    }

    pub(super) fn open_neighbour(&mut self, down: bool, out: &mut Vec<Effect>) {
        let neighbour = self.rooms.neighbour(self.timelines.shown().map(|open| &open.id.room_id), down);
        if let Some(room) = neighbour.map(|room| room.id.clone()) {
            self.open_room(&room, out);
        }
    }

    /// Enter in the room list: opens the room, or asks whether to accept the invite.
    pub(super) fn open_selected(&mut self, out: &mut Vec<Effect>) {
        let Some(room) = self.rooms.selected() else { return };
        let id = room.id.clone();
        match &room.membership {
            Membership::Joined | Membership::Left => self.open_room(&id, out),
            Membership::Invited { .. } => self.ask_to_accept(id),
        }
    }

    /// Moves the focus on, around the three panes; without an open room there is only one.
    pub(super) fn move_focus(&mut self, steps: usize) {
        let panes = [Focus::Rooms, Focus::Timeline, Focus::Composer];
        let at = panes.iter().position(|pane| *pane == self.focus).unwrap_or(0);
        if self.timelines.shown().is_some() {
            self.focus = panes.into_iter().cycle().nth(at + steps).unwrap_or(self.focus);
        }
    }

    pub(super) fn in_timeline(&mut self, act: impl FnOnce(&mut OpenTimeline)) {
        if let Some(open) = self.timelines.shown_mut() {
            open.goes_elsewhere();
            act(open);
        }
    }

    /// Selects the newest message where none is selected.
    pub(super) fn select_something(&mut self) {
        self.in_timeline(OpenTimeline::select_something);
    }

    pub(super) fn retry(&mut self, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let selected = self.timelines.shown().and_then(|open| Some((open, open.selected()?)));
        match selected {
            Some((open, (key, message))) if matches!(message.send_state, SendState::Failed(_)) => {
                out.push(Effect::from(TimelineRequest::Retry { timeline_id: open.id.clone(), key: key.clone() }));
                Ok(())
            }
            _ => Err("Select a message that could not be sent first.".to_owned()),
        }
    }

    /// Asks before an unsent message is thrown away: its text is nowhere else.
    pub(super) fn discard(&mut self) -> Result<(), Refusal> {
        let selected = self.timelines.shown().and_then(|open| Some((open, open.selected()?)));
        match selected {
            Some((open, (key, message))) if message.send_state != SendState::Sent => {
                let on_yes = Effect::from(TimelineRequest::Discard { timeline_id: open.id.clone(), key: key.clone() });
                self.screens.push(Question::new("Throw this unsent message away?", on_yes));
                Ok(())
            }
            _ => Err("Select a message that is not sent yet first.".to_owned()),
        }
    }
}
