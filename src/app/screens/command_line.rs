//! The command line, in the last row of the screen.

use super::{Act, Behaviour, Flow, Hint, Scope};
use crate::{
    app::{
        App,
        command::{Command, Refusal},
        composer::Composer,
        effect::Effect,
    },
    input::Context,
    model::Timestamp,
};

pub(super) const COMMANDS: &[Command] = &[];

/// The command line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommandLine {
    /// What is typed, without the colon.
    pub field: Composer,
}

impl CommandLine {
    /// With this typed already.
    pub(in crate::app) fn with(line: &str) -> Self {
        Self { field: Composer::with(line) }
    }
}

impl Behaviour for CommandLine {
    fn scope(&self) -> Scope {
        Scope::Account
    }

    fn contexts(&self, app: &App) -> &'static [Context] {
        if app.can_complete() {
            &[Context::CommandName, Context::CommandLine, Context::Edit, Context::Global]
        } else {
            &[Context::CommandLine, Context::Edit, Context::Global]
        }
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![("run-command", "run"), ("complete", "complete"), ("close-command-line", "close")]
    }

    fn act(&mut self, act: Act, app: &mut App, now: Timestamp, out: &mut Vec<Effect>) -> Result<Flow, Refusal> {
        match act {
            Act::Choose => {
                app.status = None;
                if !self.field.text().trim().is_empty() {
                    app.run_line(self.field.text(), now, out)?;
                }
                Ok(Flow::Close)
            }
            Act::Close => Ok(Flow::Close),
            Act::Up | Act::Down | Act::PageUp | Act::PageDown | Act::Previous | Act::Next => Ok(Flow::Stay),
        }
    }

    fn field(&mut self) -> Option<&mut Composer> {
        Some(&mut self.field)
    }

    fn covers(&self) -> bool {
        false
    }
}
