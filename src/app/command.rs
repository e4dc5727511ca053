//! Commands: `/name` at the start of the composer, `:name` outside of it.
//!
//! Which there are, and whether they take an argument, stands in [`crate::input::ACTIONS`]. A command that cannot be
//! carried out gives a sentence and changes nothing, so that what was typed can be corrected.

use super::{App, Focus, Screen, effect::Effect, inspector::Popup, status::Status};
use crate::{
    delivery::policy::{Decision, Send},
    input::Action,
    model::{Membership, Ms, RoomId, RoomSummary, SafeText},
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

impl App {
    /// Carries out a command line, without its slash or colon.
    pub(super) fn run_command(&mut self, line: &str, now: Ms, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let line = line.trim();
        let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let argument = argument.trim();
        let info = Action::from_command(name).and_then(Action::info).ok_or_else(|| {
            format!("There is no command /{name}. /help lists them; a message that begins with / is typed with //.")
        })?;
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
            Action::Leave => {
                let room = self.joined_room()?;
                let question = SafeText::line(&format!("Leave {}?", room.name));
                self.popup = Some(Popup::Confirm { question, on_yes: Effect::Leave(room.id.clone()) });
            }
            Action::Invite => {
                out.push(Effect::Invite { room: self.joined_room()?.id.clone(), user: user_id(argument)? });
            }
            Action::Receipts => self.receipts(argument, now, out)?,
            Action::Me => {
                let room = self.open.as_ref().ok_or("Open a room first.")?.id.clone();
                out.push(Effect::SendEmote { room, text: argument.to_owned() });
            }
            Action::Logout => {
                let question = SafeText::line("Log out? Keys and unsent messages on this machine are deleted.");
                self.popup = Some(Popup::Confirm { question, on_yes: Effect::Logout });
            }
            action => self.perform(action, now, out)?,
        }
        Ok(())
    }

    /// `/receipts`: says how the room stands, or sets it (P5).
    fn receipts(&mut self, argument: &str, now: Ms, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let room = self.joined_room()?;
        let send = match argument {
            "" => {
                let sentence = match self.room_stance(room) {
                    Decision::Send => "Delivery receipts are sent in this room.".to_owned(),
                    Decision::Withhold(reason) => {
                        format!("No delivery receipts are sent here. {} ({})", reason.sentence(), reason.rule())
                    }
                };
                self.status = Some(Status::info(SafeText::line(&sentence), now));
                return Ok(());
            }
            "auto" => Send::Auto,
            "on" => Send::On,
            "off" => Send::Off,
            other => return Err(format!("/receipts takes auto, on or off, not {other}.")),
        };
        out.push(Effect::SaveRoomSend { room: room.id.clone(), send });
        Ok(())
    }

    /// The room that a command is about: the selected one where the room list has the focus, else the open one.
    fn room_meant(&self) -> Option<&RoomSummary> {
        match (self.focus, &self.open) {
            (Focus::Rooms, _) => self.rooms.selected(),
            (_, Some(open)) => self.rooms.get(&open.id),
            (_, None) => None,
        }
    }

    fn joined_room(&self) -> Result<&RoomSummary, Refusal> {
        let room = self.room_meant().filter(|room| room.membership == Membership::Joined);
        room.ok_or_else(|| "Open a room that you are in first.".to_owned())
    }

    /// The invite that is selected.
    pub(super) fn invite_meant(&self) -> Result<RoomId, Refusal> {
        let invite = self.room_meant().or_else(|| self.rooms.selected());
        let invite = invite.filter(|room| room.membership != Membership::Joined);
        Ok(invite.ok_or("Select an invite in the room list first.")?.id.clone())
    }
}

fn user_id(typed: &str) -> Result<String, Refusal> {
    let parts = typed.strip_prefix('@').and_then(|id| id.split_once(':'));
    match parts {
        Some((name, server)) if !name.is_empty() && !server.is_empty() && !typed.contains(char::is_whitespace) => {
            Ok(typed.to_owned())
        }
        _ => Err(format!("{typed} is no user id; one looks like @ada:example.org.")),
    }
}

fn room_address(typed: &str) -> Result<String, Refusal> {
    if typed.len() > 1 && typed.starts_with(['#', '!']) && !typed.contains(char::is_whitespace) {
        Ok(typed.to_owned())
    } else {
        Err(format!("{typed} is no room; one looks like #room:example.org or !id:example.org."))
    }
}
