//! What each action does, from whatever key it came.

use super::{
    App, Focus, Screen,
    command::{Entered, Refusal, entered},
    composer::Composer,
    effect::Effect,
    event::Connection,
    inspector::Popup,
    people::People,
    status::Status,
    timeline::{OpenRoom, TypingNotice},
};
use crate::{
    delivery::policy::Change,
    input::{Action, Context, Key},
    model::{Membership, Ms, RoomId, SafeText, SendState},
};

/// 'As far as it goes', in rows.
const TO_THE_END: isize = isize::MAX;

impl App {
    /// A key was pressed: it is an action, or it types a character, or it means nothing here.
    pub(super) fn press(&mut self, key: Key, now: Ms, out: &mut Vec<Effect>) {
        let contexts = self.contexts();
        if let Some(action) = self.keymap.action(contexts, key) {
            if let Err(refusal) = self.perform(action, now, out) {
                self.status = Some(Status::error(SafeText::line(&refusal), now));
            }
        } else if let (true, Some(c)) = (contexts.contains(&Context::Edit), key.typed()) {
            self.insert(c.encode_utf8(&mut [0; 4]), now, out);
        }
    }

    /// Does it, or says in a sentence why not.
    pub(super) fn perform(&mut self, action: Action, now: Ms, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        match action {
            Action::Quit => {
                self.save_draft(out);
                self.stop_typing(out);
                out.push(Effect::Quit);
            }
            Action::Suspend => out.push(Effect::Suspend),
            Action::Redraw => out.push(Effect::Redraw),
            Action::TryDemo => out.push(Effect::TryDemo),
            Action::Help => self.popup = Some(Popup::Help { scroll: 0 }),
            Action::FocusNext => self.move_focus(1),
            Action::FocusPrevious => self.move_focus(2),
            Action::PreviousRoom => self.open_neighbour(false, out),
            Action::NextRoom => self.open_neighbour(true, out),
            Action::NextUnread => {
                let unread = self.rooms.next_unread(self.open.as_ref().map(|open| &open.id));
                let room = unread.ok_or("There is nothing unread in another room.")?.id.clone();
                self.open_room(&room, out);
            }
            Action::Undelivered => self.show_undelivered(now, out),
            Action::Incognito => out.push(Effect::SaveSetting(Change::Incognito(!self.settings.incognito))),
            Action::CommandLine => self.command_line = Some(Composer::default()),
            Action::Reconnect => match self.connection {
                Connection::Offline(_) => out.push(Effect::Reconnect),
                Connection::Connecting | Connection::Online => return Err("kvitto is not offline.".to_owned()),
            },
            Action::RoomUp => self.rooms.move_selection(-1),
            Action::RoomDown => self.rooms.move_selection(1),
            Action::RoomFirst => self.rooms.move_selection(-TO_THE_END),
            Action::RoomLast => self.rooms.move_selection(TO_THE_END),
            Action::RoomOpen => match self.filtered_command() {
                Some(line) => {
                    self.run_command(&line, now, out)?;
                    self.rooms.filter = None;
                }
                None => self.open_selected(out),
            },
            Action::Complete => self.complete_command(now, out),
            Action::Filter => self.rooms.filter = Some(Composer::default()),
            Action::FilterClear => self.rooms.filter = None,
            Action::Accept => self.accept(out)?,
            Action::Decline => self.decline()?,
            Action::Take => self.take_texts(now)?,
            Action::SelectUp => self.in_timeline(OpenRoom::select_up),
            Action::SelectDown => self.in_timeline(OpenRoom::select_down),
            Action::PageUp => self.in_timeline(OpenRoom::page_up),
            Action::PageDown => self.in_timeline(OpenRoom::page_down),
            Action::Oldest => self.in_timeline(OpenRoom::select_oldest),
            Action::Newest => self.in_timeline(OpenRoom::follow_newest),
            Action::Inspect => self.inspect(out)?,
            Action::Devices => self.show_devices()?,
            Action::Retry => self.retry(out)?,
            Action::Discard => self.discard()?,
            Action::Edit => self.begin_edit(out)?,
            Action::Redact => self.redact()?,
            Action::Compose => {
                self.in_timeline(|open| open.selection = None);
                self.focus = Focus::Composer;
            }
            Action::LeaveTimeline => {
                if self.open.as_ref().is_some_and(OpenRoom::follows_newest) {
                    self.focus = Focus::Rooms;
                }
                self.in_timeline(OpenRoom::follow_newest);
            }
            Action::Send => {
                self.status = None;
                self.submit(now, out)?;
            }
            Action::LeaveComposer => {
                self.stop_edit(out);
                self.focus = Focus::Timeline;
            }
            Action::RunCommand => {
                self.status = None;
                let line = self.command_line.as_ref().map(|line| line.text().to_owned()).unwrap_or_default();
                if !line.trim().is_empty() {
                    self.run_command(&line, now, out)?;
                }
                self.command_line = None;
            }
            Action::CloseCommandLine => self.command_line = None,
            Action::DeleteBack if self.command_line.as_ref().is_some_and(Composer::is_empty) => {
                self.command_line = None;
            }
            Action::PopupUp => self.scroll_popup(-1),
            Action::PopupDown => self.scroll_popup(1),
            Action::PopupPageUp => self.scroll_popup(-self.popup_drawn.rows.cast_signed()),
            Action::PopupPageDown => self.scroll_popup(self.popup_drawn.rows.cast_signed()),
            Action::PopupClose => self.popup = None,
            Action::No => {
                if let Some(Popup::Confirm { on_yes: Effect::ReplaceAccount, .. }) = self.popup.take() {
                    out.push(Effect::CancelLogin);
                }
            }
            Action::ListUp | Action::ListDown | Action::ListPrevious | Action::ListNext | Action::ListChoose => {
                match &self.popup {
                    Some(Popup::Receipts(_)) => self.in_receipts(action, out),
                    _ => self.in_list(action, out)?,
                }
            }
            Action::Yes => {
                if let Some(Popup::Confirm { on_yes, .. }) = self.popup.take() {
                    if on_yes == Effect::EmptyReceiptLog {
                        self.show_log();
                    }
                    if on_yes == Effect::ReplaceAccount {
                        self.on_login(|login| login.state = super::login::LoginState::LoggingIn);
                    }
                    out.push(on_yes);
                }
            }
            // Commands that no key stands for go through `run_command`, which knows their argument.
            Action::DirectChat
            | Action::Create
            | Action::Join
            | Action::Leave
            | Action::Invite
            | Action::Receipts
            | Action::Log
            | Action::Rekey
            | Action::Me
            | Action::Logout => {}
            Action::FieldNext
            | Action::FieldPrevious
            | Action::LoginSubmit
            | Action::LoginCancel
            | Action::LoginCopy
            | Action::Newline
            | Action::CursorLeft
            | Action::CursorRight
            | Action::WordLeft
            | Action::WordRight
            | Action::LineStart
            | Action::LineEnd
            | Action::CursorUp
            | Action::CursorDown
            | Action::DeleteBack
            | Action::DeleteForward
            | Action::DeleteWord
            | Action::DeleteToLineStart
            | Action::DeleteToLineEnd => self.edit(action, now, out),
        }
        Ok(())
    }

    /// Whether text is typed now: letters are no commands.
    pub fn takes_text(&self) -> bool {
        self.contexts().contains(&Context::Edit)
    }

    /// Puts typed or pasted text where text is typed now, if anywhere. Only the composer has several lines.
    pub(super) fn insert(&mut self, text: &str, now: Ms, out: &mut Vec<Effect>) {
        if !self.takes_text() {
            return;
        }
        if let Screen::Login(login) = &mut self.screen {
            login.insert(text, out);
        } else if let Some(field) = self.line_field() {
            field.insert_line(text);
        } else if let Some(open) = &mut self.open {
            open.writing.composer.insert(text);
            self.typed(now, out);
        }
    }

    fn edit(&mut self, action: Action, now: Ms, out: &mut Vec<Effect>) {
        if let Screen::Login(login) = &mut self.screen {
            login.perform(action, out);
        } else if let Some(field) = self.line_field() {
            field.edit(action);
        } else if let Some(open) = &mut self.open {
            let composer = &mut open.writing.composer;
            let before = composer.text().len();
            composer.edit(action);
            if composer.text().len() != before {
                self.typed(now, out);
            }
        }
    }

    /// The field of one line in which text is typed now, if it is one.
    pub(super) fn line_field(&mut self) -> Option<&mut Composer> {
        let filter = self.rooms.filter.as_mut().filter(|_| self.focus == Focus::Rooms);
        self.command_line.as_mut().or(filter)
    }

    /// The composer's text was changed by the user: it is to be kept, and the others may know.
    pub(super) fn typed(&mut self, now: Ms, out: &mut Vec<Effect>) {
        let Some(open) = &mut self.open else { return };
        open.writing.touch(now);
        let composer = &open.writing.composer;
        let command = open.writing.edited().is_none() && matches!(entered(composer.text()), Entered::Command(_));
        let closed = self.rooms.get(&open.id).is_some_and(|room| !room.is_open());
        if composer.is_empty() || command || closed {
            return self.stop_typing(out);
        }
        let told = open.typing_notice.map(|notice| notice.told);
        let again = told.is_none_or(|told| now >= told.saturating_add(TypingNotice::REPEAT));
        let told = told.filter(|_| !again).unwrap_or(now);
        open.typing_notice = Some(TypingNotice { told, until: now.saturating_add(TypingNotice::LENGTH) });
        if again {
            out.push(Effect::Typing { room_id: open.id.clone(), typing: true });
        }
    }

    /// Tells the others that typing ended, if they were told that it began.
    pub(super) fn stop_typing(&mut self, out: &mut Vec<Effect>) {
        let Some(open) = &mut self.open else { return };
        if open.typing_notice.take().is_some() {
            out.push(Effect::Typing { room_id: open.id.clone(), typing: false });
        }
    }

    /// Writes the open room's draft, if it differs from what is on disk.
    pub(super) fn save_draft(&mut self, out: &mut Vec<Effect>) {
        let Some(open) = &mut self.open else { return };
        if let Some(text) = open.writing.save() {
            out.push(Effect::SaveDraft { room_id: open.id.clone(), text });
        }
    }

    /// Enter in the composer: sends the message or runs the command. A command that is refused comes back.
    fn submit(&mut self, now: Ms, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        if self.save_edit(out)? {
            return Ok(());
        }
        let Some(open) = self.open.as_mut().filter(|open| !open.writing.composer.text().trim().is_empty()) else {
            return Ok(());
        };
        if let Entered::Message(_) = entered(open.writing.composer.text()) {
            let room = open.id.clone();
            self.may_write(&room)?;
        }
        let Some(open) = self.open.as_mut() else { return Ok(()) };
        open.follow_newest();
        let (room, typed) = (open.id.clone(), std::mem::take(&mut open.writing.composer));
        match entered(typed.text()) {
            Entered::Message(text) => out.push(Effect::Send { room_id: room, text: text.to_owned() }),
            Entered::Command(line) => {
                if let Err(refusal) = self.run_command(line, now, out) {
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
        if self.open.as_ref().is_none_or(|open| open.id != *room) {
            self.put_away(out);
            let mut writing = self.drafts.remove(room).unwrap_or_default();
            if let Some(taken) = self.taken.take_if(|taken| taken.from != *room) {
                writing.message().put_below(&taken.text);
                if let Some(text) = writing.save() {
                    out.push(Effect::SaveDraft { room_id: room.clone(), text });
                }
            }
            self.open = Some(OpenRoom::new(room.clone(), writing));
            out.push(Effect::OpenRoom(room.clone()));
        }
        self.focus = Focus::Composer;
    }

    /// Closes the open room and keeps what is typed in it.
    pub(super) fn put_away(&mut self, out: &mut Vec<Effect>) {
        self.stop_typing(out);
        self.save_draft(out);
        if let Some(open) = self.open.take() {
            self.drafts.insert(open.id, open.writing);
        }
        self.popup.take_if(|popup| matches!(popup, Popup::Inspector { .. } | Popup::DeviceTable { .. }));
    }

    fn open_neighbour(&mut self, down: bool, out: &mut Vec<Effect>) {
        let neighbour = self.rooms.neighbour(self.open.as_ref().map(|open| &open.id), down);
        if let Some(room) = neighbour.map(|room| room.id.clone()) {
            self.open_room(&room, out);
        }
    }

    /// Enter in the room list: opens the room, or asks whether to accept the invite.
    fn open_selected(&mut self, out: &mut Vec<Effect>) {
        let Some(room) = self.rooms.selected() else { return };
        let id = room.id.clone();
        match &room.membership {
            Membership::Joined | Membership::Left => self.open_room(&id, out),
            Membership::Invited { .. } => self.ask_to_accept(id),
        }
    }

    /// Moves the focus on, around the three panes; without an open room there is only one.
    fn move_focus(&mut self, steps: usize) {
        let panes = [Focus::Rooms, Focus::Timeline, Focus::Composer];
        let at = panes.iter().position(|pane| *pane == self.focus).unwrap_or(0);
        if self.open.is_some() {
            self.focus = panes.into_iter().cycle().nth(at + steps).unwrap_or(self.focus);
        }
    }

    fn in_timeline(&mut self, act: impl FnOnce(&mut OpenRoom)) {
        if let Some(open) = &mut self.open {
            open.stop_seeking();
            act(open);
        }
    }

    pub(super) fn shift_popup(&mut self, devices: isize) {
        if let Some(popup) = &mut self.popup {
            popup.shift_by(devices, self.popup_drawn.max_shift);
        }
    }

    pub(super) fn scroll_popup(&mut self, rows: isize) {
        self.move_in_receipts(rows);
        if let Some(popup) = &mut self.popup {
            popup.scroll_by(rows, self.popup_drawn.max_scroll);
        }
    }

    /// Opens the inspector on the selected message, or on the newest one if none is selected.
    fn inspect(&mut self, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        self.in_timeline(OpenRoom::select_something);
        let selected = self.open.as_ref().and_then(|open| Some((open, open.selected()?)));
        let (open, (key, message)) = selected.ok_or("Select a message first.")?;
        if let (false, Some(event)) = (message.own, &message.event_id) {
            out.push(Effect::AskReceiptStatus { room_id: open.id.clone(), event_id: event.clone() });
        }
        self.popup = Some(Popup::Inspector { item: key.clone(), status: None, people: People::default(), scroll: 0 });
        Ok(())
    }

    fn retry(&mut self, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let selected = self.open.as_ref().and_then(|open| Some((open, open.selected()?)));
        match selected {
            Some((open, (key, message))) if matches!(message.send_state, SendState::Failed(_)) => {
                out.push(Effect::Retry { room_id: open.id.clone(), key: key.clone() });
                Ok(())
            }
            _ => Err("Select a message that could not be sent first.".to_owned()),
        }
    }

    /// Asks before an unsent message is thrown away: its text is nowhere else.
    fn discard(&mut self) -> Result<(), Refusal> {
        let selected = self.open.as_ref().and_then(|open| Some((open, open.selected()?)));
        match selected {
            Some((open, (key, message))) if message.send_state != SendState::Sent => {
                let on_yes = Effect::Discard { room_id: open.id.clone(), key: key.clone() };
                let question = SafeText::line("Throw this unsent message away?");
                self.popup = Some(Popup::Confirm { question, on_yes });
                Ok(())
            }
            _ => Err("Select a message that is not sent yet first.".to_owned()),
        }
    }
}
