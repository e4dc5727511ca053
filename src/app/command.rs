//! Commands: `/name` at the start of the composer, `:name` outside of it.
//!
//! Which there are, and whether they take an argument, stands in [`crate::input::ACTIONS`]. A command that cannot be
//! carried out gives a sentence and changes nothing, so that what was typed can be corrected.

use super::{App, Focus, Screen, composer::Composer, effect::Effect, inspector::Popup};
use crate::{
    delivery::policy::Change,
    input::{ACTIONS, Action, ActionInfo},
    model::{Membership, Ms, RoomSummary, SafeText},
};

/// Why something could not be done: a sentence for the status line.
pub(super) type Refusal = String;

/// What was typed into the composer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entered<'a> {
    /// A message.
    Message(&'a str),
    /// A command, without its slash.
    Command(&'a str),
}

/// Tells a message from a command. `//` at the start stands for a message that begins with a slash.
pub(super) fn entered(text: &str) -> Entered<'_> {
    match text.strip_prefix('/') {
        Some(rest) if rest.starts_with('/') => Entered::Message(rest),
        Some(rest) => Entered::Command(rest),
        None => Entered::Message(text),
    }
}

/// The message as it has to be typed, so that it is not taken for a command.
pub(super) fn escaped(message: &str) -> String {
    if message.starts_with('/') { format!("/{message}") } else { message.to_owned() }
}

/// The commands whose name begins like this: those that no key stands for first.
pub fn commands(start: &str) -> impl Iterator<Item = &'static ActionInfo> {
    let found = move |info: &&ActionInfo| info.command.is_some() && info.name.starts_with(start);
    let (only, also) =
        (ACTIONS.iter().filter(|info| info.keys.is_empty()), ACTIONS.iter().filter(|info| !info.keys.is_empty()));
    only.chain(also).filter(found)
}

impl App {
    /// The command that is being typed, without its slash or colon: its name, and whether the name has ended.
    pub fn command_typed(&self) -> Option<(&str, bool)> {
        let line = match (&self.command_line, &self.open) {
            (Some(line), _) => line.text(),
            // An edited message is a message, whatever it begins with.
            (None, Some(open)) if open.writing.edited().is_some() => return None,
            (None, Some(open)) if self.focus == Focus::Composer => match entered(open.writing.composer.text()) {
                Entered::Command(line) => line,
                Entered::Message(_) => return None,
            },
            (None, _) => return None,
        };
        let name = line.split(char::is_whitespace).next().unwrap_or_default();
        Some((name, name.len() < line.len()))
    }

    /// The start of a command's name that is being typed.
    pub(super) fn command_name(&self) -> Option<&str> {
        self.command_typed().filter(|(_, ended)| !ended).map(|(name, _)| name)
    }

    /// Completes the name as far as all commands that begin like it agree, and ends it when there is only one.
    pub(super) fn complete_command(&mut self, now: Ms, out: &mut Vec<Effect>) {
        let Some(start) = self.command_name() else { return };
        let found: Vec<_> = commands(start).collect();
        let Some(first) = found.first() else { return };
        let agreed = |end: &usize| found.iter().all(|info| info.name.get(..*end) == first.name.get(..*end));
        let end = (start.len()..=first.name.len()).rev().find(agreed).unwrap_or(start.len());
        let ends = found.len() == 1 && first.command.is_some_and(|argument| !argument.is_empty());
        let name = format!("{}{}", &first.name[..end], if ends { " " } else { "" });
        if let Some(field) = self.line_field() {
            *field = Composer::with(&name);
        } else if let Some(open) = &mut self.open {
            open.writing.composer = Composer::with(&format!("/{name}"));
            self.typed(now, out);
        }
    }

    /// What is typed behind the slash of the filter, if it is a command and not what a room is called.
    pub fn filtered_command(&self) -> Option<String> {
        let line = self.rooms.filter.as_ref()?.text().trim();
        let name = line.split(char::is_whitespace).next()?;
        (Action::from_command(name).is_some() && self.rooms.visible().is_empty()).then(|| line.to_owned())
    }

    /// Carries out a command line, without its slash or colon.
    pub(super) fn run_command(&mut self, line: &str, now: Ms, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let line = line.trim();
        let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let argument = argument.trim();
        let info = Action::from_command(name)
            .and_then(Action::info)
            .ok_or_else(|| format!("There is no command /{name}. To begin a message with a slash, type two."))?;
        match info.command {
            Some("") | None if !argument.is_empty() => return Err(format!("/{name} takes nothing after its name.")),
            Some(hint) if argument.is_empty() && !hint.is_empty() && !hint.starts_with('[') => {
                return Err(format!("Something is missing: /{name} {hint}"));
            }
            _ => {}
        }
        if !matches!(self.screen, Screen::Main) {
            return Err("Log in first.".to_owned());
        }
        match info.action {
            Action::DirectChat => out.push(Effect::DirectChat(user_id(argument)?)),
            Action::Create => out.push(Effect::CreateRoom(argument.to_owned())),
            Action::Join => out.push(Effect::Join(room_address(argument)?)),
            Action::Leave => self.ask_to_leave()?,
            Action::Invite => {
                out.push(Effect::Invite { room_id: self.joined_room()?.id.clone(), user: user_id(argument)? });
            }
            Action::Log => self.command_log(argument, out)?,
            Action::Rekey => out.push(Effect::Rekey(self.joined_room()?.id.clone())),
            Action::Receipts => self.receipts(argument, out)?,
            Action::Incognito if argument == "room" => {
                let room = self.joined_room()?.id.clone();
                let on = !self.settings.incognito_rooms.contains(&room);
                out.push(Effect::SaveSetting(Change::RoomIncognito(room, on)));
            }
            Action::Incognito if !argument.is_empty() => {
                return Err(format!("/incognito takes room or nothing, not {argument}."));
            }
            Action::Me => {
                let room = self.open.as_ref().ok_or("Open a room first.")?.id.clone();
                self.may_write(&room)?;
                out.push(Effect::SendEmote { room_id: room, text: argument.to_owned() });
            }
            Action::Logout => {
                let question = SafeText::line("Log out? Keys and unsent messages on this machine are deleted.");
                self.popup = Some(Popup::Confirm { question, on_yes: Effect::Logout });
            }
            action => self.perform(action, now, out)?,
        }
        Ok(())
    }

    /// The room that a command is about: the selected one where the room list has the focus, else the open one.
    pub(super) fn room_meant(&self) -> Option<&RoomSummary> {
        match (self.focus, &self.open) {
            (Focus::Rooms, _) => self.rooms.selected(),
            (_, Some(open)) => self.rooms.get(&open.id),
            (_, None) => None,
        }
    }

    pub(super) fn joined_room(&self) -> Result<&RoomSummary, Refusal> {
        let room = self.room_meant().filter(|room| room.membership == Membership::Joined);
        room.ok_or_else(|| "Open a room that you are in first.".to_owned())
    }
}

pub(super) fn user_id(typed: &str) -> Result<String, Refusal> {
    let parts = typed.strip_prefix('@').and_then(|id| id.split_once(':'));
    match parts {
        Some((name, server)) if !name.is_empty() && !server.is_empty() && !typed.contains(char::is_whitespace) => {
            Ok(typed.to_owned())
        }
        _ => Err(format!("{typed} is no user id; one looks like @ada:example.org.")),
    }
}

fn room_address(typed: &str) -> Result<String, Refusal> {
    let is_one = ["#", "!", "matrix:", "https://matrix.to/"].iter().any(|start| typed.starts_with(start));
    if typed.len() > 1 && is_one {
        Ok(typed.to_owned())
    } else {
        Err(format!("{typed} is no room; one looks like #room:example.org or !id:example.org."))
    }
}
