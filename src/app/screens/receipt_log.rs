//! What the user's receipts told, what was withheld, and what of others' is not believed.

use super::{Behaviour, Scope, Scroll};
use crate::{
    app::{App, command::Command},
    client::{reply::Reply, update::Update},
    model,
};

pub(super) const COMMANDS: &[Command] = &[];

/// The receipt log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReceiptLog {
    /// `None` until it is there.
    pub log: Option<model::ReceiptLog>,
    /// Entries scrolled away.
    pub scroll: Scroll,
}

impl Behaviour for ReceiptLog {
    fn scope(&self) -> Scope {
        Scope::Account
    }

    fn on(&mut self, update: &Update, _app: &App) {
        if let Update::Done { outcome: Ok(Reply::ReceiptLog(log)), .. } = update {
            self.log = Some(log.clone());
        }
    }

    fn scroll(&mut self) -> Option<&mut Scroll> {
        Some(&mut self.scroll)
    }
}
