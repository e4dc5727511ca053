//! The receipts screen: a room's, each person's and the global settings, what comes of them, and by which rule.
//!
//! What is shown is what is in force: a key asks for a [`Change`] to be written, and the row shows it when it was. A
//! change that could not be written leaves everything as it is. The rows are made anew from the settings whenever they
//! are wanted; all that the screen keeps is which one is selected.

use super::{
    App,
    command::{Refusal, user_id},
    effect::Effect,
    inspector::Popup,
};
use crate::{
    delivery::policy::{self, Change, Choice, Decision, JoinRule, RoomFacts, Send, Who},
    input::Action,
    model::{Membership, PersonEligibility, RoomId, RoomSummary, UserId},
};

mod rows;
#[cfg(test)]
mod tests;
mod words;

pub use rows::{Outcome, Row, Section};

/// The receipts screen.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiptsScreen {
    /// The room that it was opened in.
    pub room_id: Option<RoomId>,
    /// Everybody else in it, once that is there.
    pub people: Option<Vec<PersonEligibility>>,
    /// How many more there are than can be listed.
    pub more: usize,
    /// The row that is selected, see [`App::receipt_rows`].
    pub selected: usize,
}

impl App {
    /// Whether receipts are sent in this room, as far as the room itself decides it, and if not, why.
    pub fn room_eligibility(&self, room: &RoomSummary) -> Decision {
        policy::room_eligibility(&facts(room), &self.settings)
    }

    /// `/receipts`: opens the screen; or sets a room (P5) or a person (P7).
    pub(super) fn receipts(&mut self, argument: &str, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        if argument.is_empty() {
            let room = self.joined_room().ok().map(|room| room.id.clone());
            out.extend(room.clone().map(Effect::AskEligibility));
            self.popup = Some(Popup::Receipts(ReceiptsScreen { room_id: room, people: None, more: 0, selected: 0 }));
            return Ok(());
        }
        let change = if let Some((user, who)) = argument.split_once(char::is_whitespace) {
            let user = UserId::new(user_id(user)?);
            Change::PersonWho(user, own_who(who.trim())?)
        } else {
            let send = Send::named(argument)
                .ok_or_else(|| format!("/receipts takes auto, on, off, or a user id and who, not {argument}."))?;
            // `auto` is what a room has by itself, unless all rooms are set otherwise.
            let own = Some(send).filter(|send| (*send, self.settings.send) != (Send::Auto, Send::Auto));
            Change::RoomSend(self.joined_room()?.id.clone(), own)
        };
        out.push(Effect::SaveSetting(change));
        Ok(())
    }

    /// Everybody in a room is there.
    pub(super) fn on_eligibility(&mut self, room: &RoomId, people: Vec<PersonEligibility>, more: usize) {
        let above = self.rows_above_people();
        if let Some(Popup::Receipts(screen)) = &mut self.popup
            && screen.room_id.as_ref() == Some(room)
        {
            // What was selected below them stays selected.
            if screen.selected >= above {
                screen.selected += people.len();
                screen.selected -= screen.people.as_ref().map_or(0, Vec::len).min(screen.selected - above);
            }
            (screen.people, screen.more) = (Some(people), more);
        }
    }

    fn rows_above_people(&self) -> usize {
        let Some(Popup::Receipts(screen)) = &self.popup else { return 0 };
        self.receipt_rows(screen).iter().filter(|row| row.section == Section::Room).count()
    }

    /// A key in the receipts screen.
    pub(super) fn in_receipts(&mut self, action: Action, out: &mut Vec<Effect>) {
        match action {
            Action::ListUp => self.move_in_receipts(-1),
            Action::ListDown => self.move_in_receipts(1),
            _ => {
                let Some(Popup::Receipts(screen)) = &self.popup else { return };
                let mut rows = self.receipt_rows(screen).into_iter();
                let change = rows.nth(screen.selected).and_then(|row| match action {
                    Action::ListPrevious => row.before(),
                    Action::ListNext => row.after(),
                    _ => row.around(),
                });
                out.extend(change.map(Effect::SaveSetting));
            }
        }
    }

    /// Moves the selection by rows, up when negative; it stops at the ends.
    pub(super) fn move_in_receipts(&mut self, rows: isize) {
        let Some(Popup::Receipts(screen)) = &self.popup else { return };
        let last = self.receipt_rows(screen).len() - 1;
        if let Some(Popup::Receipts(screen)) = &mut self.popup {
            screen.selected = screen.selected.saturating_add_signed(rows).min(last);
        }
    }
}

/// What a person is set to by this word; `None`: as everyone.
fn own_who(word: &str) -> Result<Option<Who>, Refusal> {
    match (word, Who::named(word)) {
        ("default", _) => Ok(None),
        (_, Some(who)) => Ok(Some(who)),
        (_, None) => Err(format!("A person is set to everyone, known, verified, nobody or default, not {word}.")),
    }
}

impl App {
    /// Whether others are asked for receipts in this room.
    pub(super) fn asks_in(&self, room: &RoomSummary) -> bool {
        policy::asks(&facts(room), &self.settings)
    }
}

/// What the policy asks about a room, without what only a message would be measured by.
fn facts(room: &RoomSummary) -> RoomFacts {
    let join_rule = match room.public {
        Some(true) => JoinRule::Public,
        Some(false) => JoinRule::NotPublic,
        None => JoinRule::Unknown,
    };
    RoomFacts {
        room_id: room.id.clone(),
        encrypted: room.encrypted,
        join_rule,
        joined_members: room.joined_members,
        joined: room.membership == Membership::Joined,
        joined_since: None,
        incognito_until: 0,
    }
}
