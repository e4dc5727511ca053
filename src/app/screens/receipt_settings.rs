//! Who is sent receipts: a room's, each person's and the global settings, what comes of them, and
//! by which rule.
//!
//! What is shown is what is in force: a key asks for a [`Change`] to be written, and the row shows
//! it when it was. A change that could not be written leaves everything as it is. The rows are made
//! anew from the settings whenever they are wanted; all that the screen keeps is which one is
//! selected.

use super::{Act, Behaviour, Flow, Hint, Scope, Scroll};
use crate::{
    app::{
        App,
        command::{Command, Refusal, user_id},
        effect::Effect,
    },
    client::{reply::Reply, request::ReceiptsRequest, update::Update},
    delivery::policy::{Choice, Send, Who},
    input::Context,
    model::{PersonEligibility, RoomId, Timestamp},
    settings::{Change, Value},
};

mod rows;
mod sentences;
#[cfg(test)]
mod tests;

pub use rows::{InForce, Section, SettingRow};

pub(super) const COMMANDS: &[Command] = &[];

/// The receipt settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReceiptSettings {
    /// The room that it was opened in.
    pub room_id: Option<RoomId>,
    /// Everybody else in it, once that is there.
    pub people: Option<Vec<PersonEligibility>>,
    /// How many more there are than can be listed.
    pub more: usize,
    /// The row that is selected, see [`ReceiptSettings::rows`].
    pub selected: usize,
    drawn: Scroll,
}

impl ReceiptSettings {
    /// Everybody in the room is there. What was selected below them stays selected.
    fn set_people(&mut self, people: Vec<PersonEligibility>, more: usize, app: &App) {
        let above = self.rows(app).iter().filter(|row| row.section == Section::Room).count();
        if self.selected >= above {
            self.selected += people.len();
            self.selected -= self.people.as_ref().map_or(0, Vec::len).min(self.selected - above);
        }
        (self.people, self.more) = (Some(people), more);
    }
}

impl Behaviour for ReceiptSettings {
    fn scope(&self) -> Scope {
        Scope::Account
    }

    fn contexts(&self, _app: &App) -> &'static [Context] {
        &[Context::List, Context::Popup, Context::Global]
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![
            ("list-previous", "value before"),
            ("list-next", "next value"),
            ("popup-close", "close"),
            ("list-down", "down"),
            ("list-up", "up"),
        ]
    }

    fn act(&mut self, act: Act, app: &mut App, _now: Timestamp, out: &mut Vec<Effect>) -> Result<Flow, Refusal> {
        let rows = self.rows(app);
        let row = rows.get(self.selected);
        let change = match act {
            Act::Close => return Ok(Flow::Close),
            Act::Previous => row.and_then(SettingRow::before),
            Act::Next => row.and_then(SettingRow::after),
            Act::Choose => row.and_then(SettingRow::around),
            Act::Up | Act::Down | Act::PageUp | Act::PageDown => None,
        };
        out.extend(change.map(Effect::SaveSetting));
        self.selected = self.selected.saturating_add_signed(self.drawn.rows(act)).min(rows.len() - 1);
        Ok(Flow::Stay)
    }

    fn on(&mut self, update: &Update, app: &App) {
        if let Update::Done { outcome: Ok(Reply::Eligibility { room_id, people, more }), .. } = update
            && self.room_id.as_ref() == Some(room_id)
        {
            self.set_people(people.clone(), *more, app);
        }
    }

    fn scroll(&mut self) -> Option<&mut Scroll> {
        Some(&mut self.drawn)
    }
}

impl App {
    /// `/receipts`: opens the screen; or sets a room (P5) or a person (P7).
    pub(in crate::app) fn receipts(&mut self, argument: &str, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        if argument.is_empty() {
            let room_id = self.joined_room().ok().map(|room| room.id.clone());
            out.extend(room_id.clone().map(|room_id| Effect::from(ReceiptsRequest::AskEligibility(room_id))));
            self.screens.push(ReceiptSettings { room_id, ..ReceiptSettings::default() });
            return Ok(());
        }
        let change = if let Some((user, who)) = argument.split_once(char::is_whitespace) {
            let (id, own) = (user_id(user)?, own_who(who.trim())?);
            Change { key: "delivery.people.*.who", id, value: own.map(Value::from) }
        } else {
            let send = Send::named(argument)
                .ok_or_else(|| format!("/receipts takes auto, on, off, or a user id and who, not {argument}."))?;
            // `auto` is what a room has by itself, unless all rooms are set otherwise.
            let own = Some(send).filter(|send| (*send, self.settings.delivery.send) != (Send::Auto, Send::Auto));
            let id = self.joined_room()?.id.as_str().to_owned();
            Change { key: "delivery.rooms.*.send", id, value: own.map(Value::from) }
        };
        out.push(Effect::SaveSetting(change));
        Ok(())
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
