//! All keys and commands.

use super::{Behaviour, Scope, Scroll};
use crate::app::command::Command;

pub(super) const COMMANDS: &[Command] = &[];

/// The help.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Help {
    /// How far it is scrolled.
    pub scroll: Scroll,
}

impl Behaviour for Help {
    fn scope(&self) -> Scope {
        Scope::Program
    }

    fn scroll(&mut self) -> Option<&mut Scroll> {
        Some(&mut self.scroll)
    }
}
