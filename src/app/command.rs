//! What a command is: one row of the table in [`super::commands`], what it takes, and how it is
//! told from a message.

use std::borrow::Cow;

use super::{App, effect::Effect};
use crate::{input::Context, model::Timestamp};

mod ids;
mod setting;

pub(super) use ids::{room_address, user_id};
pub(super) use setting::{TypedSetting, Wanted, setting, values};

/// Why something could not be done: a sentence for the status line.
pub(super) type Refusal = String;

/// What a command does: it changes the app at that time, and asks for effects.
type Run = fn(&mut App, &str, Timestamp, &mut Vec<Effect>) -> Result<(), Refusal>;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Its name, also as it is typed.
    pub name: &'static str,
    /// What it does, as the help says it.
    pub doc: &'static str,
    /// Its default keys, as they are written.
    pub keys: &'static [(Context, &'static [&'static str])],
    /// Its argument when it is typed; `None` where it is done by keys only.
    pub typed: Option<Argument>,
    pub(super) needs: Needs,
    pub(super) run: Run,
}

/// What is typed behind a command's name.
#[derive(Clone, Copy, Debug)]
pub enum Argument {
    /// Nothing.
    Nothing,
    /// A full user id.
    Person,
    /// A room's alias, id, or `matrix.to` link.
    Room,
    /// A setting and its value, or the setting alone.
    Setting,
    /// Some text, called so in the help.
    Text(&'static str),
    /// One of these words, written so in the help; in brackets there: or nothing.
    OneOf(&'static str, &'static [&'static str]),
    /// What only the command itself can read, written so in the help; in brackets there: or
    /// nothing.
    Other(&'static str),
}

/// What must be so before a command makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    /// A room is open.
    OpenRoom,
    /// The room that is meant is one that the user is in.
    JoinedRoom,
}

impl Argument {
    /// How it is written in the help; empty where there is none.
    pub const fn usage(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Person => "@user:server",
            Self::Room => "#alias:server",
            Self::Setting => "KEY [VALUE]",
            Self::Text(usage) | Self::OneOf(usage, _) | Self::Other(usage) => usage,
        }
    }

    /// Whether the command cannot do without.
    pub fn is_required(self) -> bool {
        !self.usage().is_empty() && !self.usage().starts_with('[')
    }

    /// Why this cannot be the argument of this command.
    pub(super) fn check(self, name: &str, typed: &str) -> Result<(), Refusal> {
        if typed.is_empty() {
            let missing = format!("Something is missing: /{name} {}", self.usage());
            return if self.is_required() { Err(missing) } else { Ok(()) };
        }
        match self {
            Self::Nothing => Err(format!("/{name} takes nothing after its name.")),
            Self::Person => user_id(typed).map(drop),
            Self::Room => room_address(typed).map(drop),
            Self::Setting => setting(typed).map(drop),
            Self::OneOf(_, words) if !words.contains(&typed) => {
                let nothing = (!self.is_required()).then_some("nothing");
                let words: Vec<_> = words.iter().copied().chain(nothing).collect();
                Err(format!("/{name} takes {}, not {typed}.", words.join(" or ")))
            }
            Self::OneOf(..) | Self::Text(_) | Self::Other(_) => Ok(()),
        }
    }

    /// What this may go on as, as far as that can be listed, and whether something comes behind it.
    pub(super) fn beginning_with(self, typed: &str) -> Vec<(Cow<'static, str>, bool)> {
        let all: Vec<(Cow<'static, str>, bool)> = match self {
            Self::OneOf(_, words) => words.iter().map(|word| ((*word).into(), false)).collect(),
            Self::Setting => {
                setting::beginning_with(typed).into_iter().map(|(word, more)| (word.into(), more)).collect()
            }
            Self::Nothing | Self::Person | Self::Room | Self::Text(_) | Self::Other(_) => Vec::new(),
        };
        all.into_iter().filter(|(word, _)| word.len() > typed.len() && word.starts_with(typed)).collect()
    }

    /// What can be said about what is typed: what it may be, each with what it means.
    pub fn described(self, typed: &str) -> Vec<(String, String)> {
        match self {
            Self::Setting => setting::described(typed),
            Self::Nothing | Self::Person | Self::Room | Self::Text(_) | Self::OneOf(..) | Self::Other(_) => Vec::new(),
        }
    }
}

impl Command {
    /// A row without keys, which is not typed either: it is to get one of the two.
    pub(super) const fn new(name: &'static str, doc: &'static str, run: Run) -> Self {
        Self { name, doc, keys: &[], typed: None, needs: Needs::Nothing, run }
    }

    /// With these default keys.
    pub(super) const fn keys(self, keys: &'static [(Context, &'static [&'static str])]) -> Self {
        Self { keys, ..self }
    }

    /// It can be typed.
    pub(super) const fn typed(self, argument: Argument) -> Self {
        Self { typed: Some(argument), ..self }
    }

    /// It makes sense where a room is open.
    pub(super) const fn in_open_room(self) -> Self {
        Self { needs: Needs::OpenRoom, ..self }
    }

    /// It makes sense for a room that the user is in.
    pub(super) const fn in_joined_room(self) -> Self {
        Self { needs: Needs::JoinedRoom, ..self }
    }

    /// How it is typed, without a sign before it.
    pub fn usage(&self) -> String {
        let argument = self.typed.map_or("", Argument::usage);
        format!("{} {argument}", self.name).trim_end().to_owned()
    }
}

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
