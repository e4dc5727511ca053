//! Rooms that are left, and rooms that have ended: what is asked before one goes, the way on from
//! an upgraded one, and what becomes of the texts in it.
//!
//! Nothing is sent into a room that has ended, and what is typed there stays in its composer. All
//! that never left it, the draft and the messages that wait or have failed, can be taken along: it
//! is put below what is typed in the room that is opened next. It stays where it was too, until the
//! row is put away.

use super::{
    App, Focus, command::Refusal, effect::Effect, invites::short, rooms::is_invite, screens::Question, status::Status,
};
use crate::{
    client::request::RoomsRequest,
    model::{Membership, RoomId, RoomSummary, SafeText, SendState, TimelineItemKind, Timestamp},
};

/// Texts on their way to another room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Where they were written.
    pub from: RoomId,
    /// All of them, one below the other.
    pub text: String,
}

impl App {
    /// The row that an answer is about: the selected one where the room list has the focus, else
    /// the open room if it has ended, else the only invite that there is.
    fn row_meant(&self) -> Result<&RoomSummary, Refusal> {
        let waits = |room: &&RoomSummary| is_invite(room) || room.ending.is_some();
        let meant = self.room_meant().filter(waits);
        let row = if self.focus == Focus::Rooms {
            meant
        } else {
            let mut invites = self.rooms.all().iter().filter(|room| is_invite(room));
            meant.or_else(|| invites.next().filter(|_| invites.next().is_none()))
        };
        row.ok_or_else(|| "Select an invite in the room list first.".to_owned())
    }

    /// Asks whether to accept the invite, or whether to go on in the room that follows an upgraded
    /// one.
    pub(super) fn accept(&mut self, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let row = self.row_meant()?;
        let id = row.id.clone();
        if is_invite(row) {
            self.ask_to_accept(id);
            return Ok(());
        }
        let name = short(&row.name);
        let (successor, _) = row.successor().ok_or_else(|| format!("No room is known in which {name} goes on."))?;
        let successor = successor.clone();
        if self.timelines.shown().is_some_and(|open| open.id.room_id == id) {
            let before = self.taken.take().filter(|taken| taken.from != id);
            self.taken = self.unsent().or(before);
        }
        match self.rooms.get(&successor).map(|room| &room.membership) {
            Some(Membership::Joined) => self.open_room(&successor, out),
            Some(Membership::Invited { .. }) => self.ask_to_accept(successor),
            Some(Membership::Left) | None => {
                let question = format!(
                    "Join the room in which {name} goes on? Its members see that you joined, and what you read there."
                );
                self.screens.push(Question::new(&question, Effect::from(RoomsRequest::Follow(id))));
            }
        }
        Ok(())
    }

    /// Asks whether to decline the invite, or to put the room away.
    pub(super) fn decline(&mut self) -> Result<(), Refusal> {
        let row = self.row_meant()?;
        if !is_invite(row) {
            let row = row.clone();
            self.ask_about_leaving(&row);
            return Ok(());
        }
        let by = match &row.membership {
            Membership::Invited { by: Some(by) } => format!(" by {by}"),
            _ => String::new(),
        };
        let question = format!("Decline the invite{by} to {}? Only a new one lets you in.", short(&row.name));
        let on_yes = Effect::from(RoomsRequest::Decline(row.id.clone()));
        self.screens.push(Question::new(&question, on_yes));
        Ok(())
    }

    /// Asks whether to leave the room that is meant, or to put it away.
    pub(super) fn ask_to_leave(&mut self) -> Result<(), Refusal> {
        let room = self.room_meant().filter(|room| !is_invite(room)).cloned();
        let room = room.ok_or("Open a room that you are in first.")?;
        self.ask_about_leaving(&room);
        Ok(())
    }

    fn ask_about_leaving(&mut self, room: &RoomSummary) {
        let name = short(&room.name);
        let question = if room.membership == Membership::Left {
            format!("Take {name} off the list? What you wrote there and did not send goes with it.")
        } else {
            let older: Vec<String> = room.older.iter().map(|(_, name)| short(name)).collect();
            let older = match &older[..] {
                [] => String::new(),
                [one] => format!(" The older version of it goes too: {one}."),
                more => format!(" {} older versions of it go too: {}.", more.len(), more.join(", ")),
            };
            let back = if room.public == Some(true) { "" } else { " Only a new invite brings you back." };
            format!("Leave {name}?{older}{back}")
        };
        let older = room.older.iter().map(|(id, _)| id.clone()).collect();
        let on_yes = Effect::from(RoomsRequest::Leave { room_id: room.id.clone(), older });
        self.screens.push(Question::new(&question, on_yes));
    }

    /// Says why nothing can be written into a room, if so.
    pub(super) fn may_write(&self, room: &RoomId) -> Result<(), Refusal> {
        match self.rooms.get(room).filter(|room| !room.is_open()) {
            None => Ok(()),
            Some(room) if room.membership == Membership::Joined => {
                Err("This room was upgraded: go on in the other one. What is typed comes along.".to_owned())
            }
            Some(_) => Err("Nothing can be sent here any more. What is typed can be taken along.".to_owned()),
        }
    }

    /// Takes along what was not sent in the open room.
    pub(super) fn take_texts(&mut self, now: Timestamp) -> Result<(), Refusal> {
        let taken = self.unsent().ok_or("Nothing is left here that was not sent.")?;
        self.taken = Some(taken);
        let text = "What was not sent here is taken along: open the room that it goes to.";
        self.status = Some(Status::info(SafeText::line(text), now));
        Ok(())
    }

    /// What was not sent in the open room: the messages that wait or have failed, then what is
    /// typed.
    fn unsent(&self) -> Option<Taken> {
        let open = self.timelines.shown()?;
        let messages = open.items.iter().filter_map(|item| match &item.kind {
            TimelineItemKind::Message(message) if message.send_state != SendState::Sent => message.source.as_deref(),
            _ => None,
        });
        let typed = open.writing.text();
        let texts: Vec<&str> = messages.chain(Some(typed.trim())).filter(|text| !text.is_empty()).collect();
        (!texts.is_empty()).then(|| Taken { from: open.id.room_id.clone(), text: texts.join("\n") })
    }
}
