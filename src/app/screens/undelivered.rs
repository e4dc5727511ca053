//! Own messages of all rooms that not every device has.

use super::{Act, Behaviour, Flow, Hint, Scope, Scroll};
use crate::{
    app::{
        App, Focus,
        command::{Command, Refusal},
        effect::Effect,
    },
    client::{reply::Reply, update::Update},
    input::Context,
    model::{self, Membership, Timestamp},
};

pub(super) const COMMANDS: &[Command] = &[];

/// What is not delivered everywhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Undelivered {
    /// The latest first; `None` until they are there.
    pub rows: Option<Vec<model::Undelivered>>,
    /// The row that is selected.
    pub selected: usize,
    /// When it was opened: their ages are counted up to then.
    pub at: Timestamp,
    drawn: Scroll,
}

impl Undelivered {
    /// Opened at that time, and on its way.
    pub(in crate::app) fn opened(at: Timestamp) -> Self {
        Self { at, ..Self::default() }
    }

    fn select(&mut self, selected: usize) {
        let last = self.rows.as_ref().map_or(0, |rows| rows.len().saturating_sub(1));
        self.selected = selected.min(last);
    }

    /// Goes to the selected message; where none can be selected, there is nothing more to see.
    fn choose(&self, app: &mut App, out: &mut Vec<Effect>) -> Result<Flow, Refusal> {
        let chosen = self.rows.as_ref().and_then(|rows| rows.get(self.selected));
        let Some(model::Undelivered { room_id, delivery, .. }) = chosen else { return Ok(Flow::Close) };
        let joined = app.rooms.get(room_id).is_some_and(|room| room.membership == Membership::Joined);
        if !joined {
            return Err("You are not in that room any more.".to_owned());
        }
        app.open_room(room_id, out);
        app.focus = Focus::Timeline;
        if let Some(open) = app.timelines.shown_mut() {
            open.seek(delivery.event_id.clone(), delivery.sent, None);
        }
        Ok(Flow::Close)
    }
}

impl Behaviour for Undelivered {
    fn scope(&self) -> Scope {
        Scope::Account
    }

    fn contexts(&self, _app: &App) -> &'static [Context] {
        &[Context::List, Context::Popup, Context::Global]
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![("list-choose", "go there"), ("list-down", "down"), ("list-up", "up"), ("popup-close", "close")]
    }

    fn act(&mut self, act: Act, app: &mut App, _now: Timestamp, out: &mut Vec<Effect>) -> Result<Flow, Refusal> {
        match act {
            Act::Choose => return self.choose(app, out),
            Act::Close => return Ok(Flow::Close),
            Act::Up | Act::Down | Act::PageUp | Act::PageDown | Act::Previous | Act::Next => {
                self.select(self.selected.saturating_add_signed(self.drawn.rows(act)));
            }
        }
        Ok(Flow::Stay)
    }

    fn on(&mut self, update: &Update, _app: &App) {
        match update {
            Update::Done { outcome: Ok(Reply::Undelivered(found)), .. } => {
                self.rows = Some(found.clone());
                self.select(self.selected);
            }
            // A row that is complete by now stays where it is, as long as the list is open.
            Update::Deliveries { deliveries, .. } => {
                for row in self.rows.iter_mut().flatten() {
                    if let Some(news) = deliveries.iter().find(|news| news.event_id == row.delivery.event_id) {
                        row.delivery = news.clone();
                    }
                }
            }
            _ => {}
        }
    }

    fn scroll(&mut self) -> Option<&mut Scroll> {
        Some(&mut self.drawn)
    }
}
