//! Everything that a key or a typed line can do: one table of commands, and what each of them does.
//!
//! A [`Command`] is one row: its name, what it does in a sentence, its default keys, the arguments
//! that it takes when it is typed, what must be so before it makes sense, and the function that
//! does it. Nothing else in the program names a key or a command: the keymap, the help, hints,
//! completion and the README's tables are made from the rows, so they cannot disagree. Rows stand
//! with their subject, below this module or with the screen that they open.
//!
//! A command is typed as `/name` where a message is written, and as `:name` elsewhere. One that
//! cannot be carried out gives a sentence and changes nothing, so that what was typed can be
//! corrected. Keys that are bound to a command which needs an argument open the command line with
//! its name typed.

use std::borrow::Cow;

use super::{
    App, Focus, Phase,
    command::{Argument, Command, Entered, Needs, Refusal, entered},
    composer::Composer,
    effect::Effect,
    screens::{self, CommandLine, Screen},
    status::Status,
};
use crate::{
    input::Keymap,
    model::{Membership, RoomSummary, SafeText, Timestamp},
};

mod login;
mod program;
mod room_list;
mod scrolling;
mod timeline;
mod typed;
mod typing;

/// Every command there is, in the order of the help.
pub fn all() -> impl Iterator<Item = &'static Command> {
    let tables: [&[Command]; 7] = [
        program::COMMANDS,
        room_list::COMMANDS,
        timeline::COMMANDS,
        typing::COMMANDS,
        login::COMMANDS,
        scrolling::COMMANDS,
        typed::COMMANDS,
    ];
    tables.into_iter().chain(screens::COMMANDS.iter().copied()).flatten()
}

/// The command of this name.
pub fn named(name: &str) -> Option<&'static Command> {
    all().find(|command| command.name == name)
}

/// The default keys of all commands.
pub fn default_keymap() -> Keymap {
    let rows = all().flat_map(|command| command.keys.iter().map(move |(context, keys)| (command.name, context, keys)));
    let bindings = rows.flat_map(|(name, context, keys)| {
        keys.iter().filter_map(move |keys| Some((*context, keys.parse().ok()?, name)))
    });
    // A test sees to it that every default can be read and that no two clash.
    Keymap::new(bindings).unwrap_or_default()
}

/// The commands to be typed whose name begins like this: those that no key stands for first.
pub fn beginning_with(start: &str) -> impl Iterator<Item = &'static Command> {
    let found = move |command: &&Command| command.typed.is_some() && command.name.starts_with(start);
    let without_keys = all().filter(|command| command.keys.is_empty());
    without_keys.chain(all().filter(|command| !command.keys.is_empty())).filter(found)
}

/// A word that can be completed.
struct Completion<'a> {
    /// What stands before it.
    before: &'a str,
    /// Its beginning, as it is typed.
    start: &'a str,
    /// What it may be, and whether something comes behind it.
    words: Vec<(Cow<'static, str>, bool)>,
}

impl App {
    /// Carries out a command that a key stands for, or says in the status line why not.
    pub(super) fn perform(&mut self, name: &str, now: Timestamp, out: &mut Vec<Effect>) {
        let Some(command) = named(name) else { return };
        let done = if command.typed.is_some_and(Argument::is_required) {
            self.screens.push(CommandLine::with(&format!("{name} ")));
            Ok(())
        } else {
            self.run(command, "", now, out)
        };
        if let Err(refusal) = done {
            self.status = Some(Status::error(SafeText::line(&refusal), now));
        }
    }

    fn run(&mut self, command: &Command, argument: &str, now: Timestamp, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        match command.needs {
            Needs::Nothing => {}
            Needs::OpenRoom => self.timelines.shown().map(drop).ok_or("Open a room first.")?,
            Needs::JoinedRoom => self.joined_room().map(drop)?,
        }
        (command.run)(self, argument, now, out)
    }

    /// Carries out a line that was typed, without its slash or colon.
    pub(super) fn run_line(&mut self, line: &str, now: Timestamp, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let line = line.trim();
        let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let argument = argument.trim();
        let found = named(name).and_then(|command| Some((command, command.typed?)));
        let (command, takes) =
            found.ok_or_else(|| format!("There is no command /{name}. To begin a message with a slash, type two."))?;
        takes.check(name, argument)?;
        if self.phase != Phase::Main {
            return Err("Log in first.".to_owned());
        }
        self.run(command, argument, now, out)
    }

    /// The command that is being typed, without its slash or colon: its name, and whether the name
    /// has ended.
    pub fn command_typed(&self) -> Option<(&str, bool)> {
        let line = self.command_line_typed()?;
        let name = line.split(char::is_whitespace).next().unwrap_or_default();
        Some((name, name.len() < line.len()))
    }

    /// What can be said about the argument that is being typed: what it may be, each with what it
    /// means.
    pub fn argument_described(&self) -> Vec<(String, String)> {
        let line = self.command_line_typed().and_then(|line| line.split_once(char::is_whitespace));
        let found = line.and_then(|(name, argument)| Some((named(name)?.typed?, argument.trim_start())));
        found.map(|(takes, argument)| takes.described(argument)).unwrap_or_default()
    }

    /// The line of a command that is being typed, without its slash or colon.
    fn command_line_typed(&self) -> Option<&str> {
        match (self.screens.top(), self.timelines.shown()) {
            (Some(Screen::CommandLine(line)), _) => Some(line.field.text()),
            // An edited message is a message, whatever it begins with.
            (None, Some(open)) if self.focus == Focus::Composer && open.writing.edited().is_none() => {
                match entered(open.writing.composer.text()) {
                    Entered::Command(line) => Some(line),
                    Entered::Message(_) => None,
                }
            }
            (Some(_) | None, _) => None,
        }
    }

    /// Whether there is something that can be completed: a command's name, or one of the words that
    /// it takes.
    pub(super) fn can_complete(&self) -> bool {
        self.completion().is_some()
    }

    fn completion(&self) -> Option<Completion<'_>> {
        let line = self.command_line_typed()?;
        let Some(end) = line.find(char::is_whitespace) else {
            let names = beginning_with(line).map(|command| {
                (command.name.into(), command.typed.is_some_and(|argument| !argument.usage().is_empty()))
            });
            return Some(Completion { before: "", start: line, words: names.collect() });
        };
        let (before, start) = line.split_at(end + line[end..].chars().next().map_or(0, char::len_utf8));
        let words = named(line.get(..end)?)?.typed?.beginning_with(start);
        (!words.is_empty()).then_some(Completion { before, start, words })
    }

    /// Completes the name as far as all commands that begin like it agree, and ends it when there
    /// is only one; or else one of the words that the command takes.
    pub(super) fn complete_command(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        let Some(Completion { before, start, words: found }) = self.completion() else { return };
        let Some((first, takes_more)) = found.first() else { return };
        let agreed = |end: &usize| found.iter().all(|(word, _)| word.get(..*end) == first.get(..*end));
        let end = (start.len()..=first.len()).rev().find(agreed).unwrap_or(start.len());
        let space = if found.len() == 1 && *takes_more { " " } else { "" };
        let line = format!("{before}{}{space}", &first[..end]);
        if let Some(field) = self.screens.top_mut().and_then(|screen| screen.behaviour_mut().field()) {
            *field = Composer::with(&line);
        } else if let Some(open) = self.timelines.shown_mut() {
            open.writing.composer = Composer::with(&format!("/{line}"));
            self.on_typed(now, out);
        }
    }

    /// What is typed behind the slash of the filter, if it is a command and not what a room is
    /// called.
    pub fn filtered_command(&self) -> Option<String> {
        let line = self.rooms.filter.as_ref()?.text().trim();
        let name = line.split(char::is_whitespace).next()?;
        let is_command = named(name).is_some_and(|command| command.typed.is_some());
        (is_command && self.rooms.visible().is_empty()).then(|| line.to_owned())
    }

    /// The room that a command is about: the selected one where the room list has the focus, else
    /// the open one.
    pub(super) fn room_meant(&self) -> Option<&RoomSummary> {
        match (self.focus, self.timelines.shown()) {
            (Focus::Rooms, _) => self.rooms.selected(),
            (_, Some(open)) => self.rooms.get(&open.id.room_id),
            (_, None) => None,
        }
    }

    pub(super) fn joined_room(&self) -> Result<&RoomSummary, Refusal> {
        let room = self.room_meant().filter(|room| room.membership == Membership::Joined);
        room.ok_or_else(|| "Open a room that you are in first.".to_owned())
    }
}

/// The keys of a command where it has some first, as they are written; none for a name that no
/// command has.
pub fn first_keys(name: &str) -> &'static [&'static str] {
    named(name).and_then(|command| command.keys.first()).map_or(&[], |(_, keys)| keys)
}

#[cfg(test)]
mod tests;
