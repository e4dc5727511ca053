//! The open room's last own messages against devices.

use super::{Act, Behaviour, Flow, Hint, Scope, Scroll};
use crate::{
    app::{
        App,
        command::{Command, Refusal},
        effect::Effect,
        layout::ScreenFacts,
    },
    input::Context,
    model::Timestamp,
};

mod table;

pub use table::{Column, Table, TableRow};

pub(super) const COMMANDS: &[Command] = &[];

/// Messages against devices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceTable {
    /// Messages scrolled away.
    pub scroll: Scroll,
    /// Devices scrolled away, to the left.
    pub shift: usize,
    max_shift: usize,
}

impl DeviceTable {
    fn shift_by(&mut self, devices: isize) {
        self.shift = self.shift.saturating_add_signed(devices).min(self.max_shift);
    }
}

impl Behaviour for DeviceTable {
    fn scope(&self) -> Scope {
        Scope::Room
    }

    fn contexts(&self, _app: &App) -> &'static [Context] {
        &[Context::List, Context::Popup, Context::Global]
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![("popup-close", "close"), ("list-down", "down"), ("list-up", "up")]
    }

    fn act(&mut self, act: Act, _app: &mut App, _now: Timestamp, _out: &mut Vec<Effect>) -> Result<Flow, Refusal> {
        match act {
            Act::Previous => self.shift_by(-1),
            Act::Next => self.shift_by(1),
            // There is nothing more to see of a message.
            Act::Choose | Act::Close => return Ok(Flow::Close),
            Act::Up | Act::Down | Act::PageUp | Act::PageDown => self.scroll.act(act),
        }
        Ok(Flow::Stay)
    }

    fn scroll(&mut self) -> Option<&mut Scroll> {
        Some(&mut self.scroll)
    }

    fn on_drawn(&mut self, facts: ScreenFacts) {
        self.max_shift = facts.max_shift;
        self.shift_by(0);
        self.scroll.on_drawn(facts);
    }
}
