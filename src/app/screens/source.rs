//! The source of the selected message.

use super::{Behaviour, Scope, Scroll};
use crate::{
    app::{
        App,
        command::{Argument, Command, Refusal},
        effect::Effect,
    },
    client::{
        reply::Reply,
        request::{Request, TimelineRequest},
        update::Update,
    },
    input::Context,
    model::{EventId, EventSource, SafeText},
};

pub(super) const COMMANDS: &[Command] = &[Command::new(
    "source",
    "Show the selected message's source, as it came and as it is understood",
    |app, _, _, out| app.source(out),
)
.keys(&[(Context::Timeline, &["s"])])
.typed(Argument::Nothing)
.in_open_room()];

/// An event's source.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The event.
    pub event_id: EventId,
    /// What it is, or why that is not known; `None` until it is there.
    pub source: Option<Result<EventSource, SafeText>>,
    /// Rows scrolled away.
    pub scroll: Scroll,
}

impl Behaviour for Source {
    fn scope(&self) -> Scope {
        Scope::Room
    }

    fn on(&mut self, update: &Update, _app: &App) {
        let Update::Done { request, outcome, .. } = update else { return };
        match (&**request, outcome) {
            (_, Ok(Reply::Source(source))) if source.event_id == self.event_id => {
                self.source = Some(Ok(source.clone()));
            }
            (Request::Timeline(TimelineRequest::AskSource { event_id, .. }), Err(failure))
                if *event_id == self.event_id =>
            {
                self.source = Some(Err(failure.sentence.clone()));
            }
            _ => {}
        }
    }

    fn scroll(&mut self) -> Option<&mut Scroll> {
        Some(&mut self.scroll)
    }
}

impl App {
    fn source(&mut self, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let selected = self.timelines.shown().and_then(|open| Some((open, open.selected()?.1)));
        let (open, message) = selected.ok_or("Select a message first.")?;
        let event_id = message.event_id.clone().ok_or("This message is not sent yet.")?;
        let room_id = open.id.room_id.clone();
        out.push(Effect::from(TimelineRequest::AskSource { room_id, event_id: event_id.clone() }));
        self.screens.push(Source { event_id, source: None, scroll: Scroll::default() });
        Ok(())
    }
}
