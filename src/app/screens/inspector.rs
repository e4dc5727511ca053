//! Everything that is known about the delivery of one message.

use super::{Act, Behaviour, Flow, Hint, Scope, Scroll};
use crate::{
    app::{
        App,
        command::{Command, Refusal},
        effect::Effect,
    },
    client::{reply::Reply, request::ReceiptsRequest, update::Update},
    input::Context,
    model::{EventId, ItemKey, Message, PeopleFilter, ReceiptStatus, Timestamp},
};

mod people;

pub use people::People;

pub(super) const COMMANDS: &[Command] = &[];

/// Who received the selected message; on somebody else's, what this client did about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspector {
    /// The message.
    pub item: ItemKey,
    /// The answer for somebody else's message, once it is there.
    pub status: Option<ReceiptStatus>,
    /// On an own message to many: who they are.
    pub people: People,
    /// Rows scrolled away.
    pub scroll: Scroll,
}

impl Inspector {
    fn of(item: ItemKey) -> Self {
        Self { item, status: None, people: People::default(), scroll: Scroll::default() }
    }

    /// The message, and its index in the open timeline.
    pub fn message<'a>(&self, app: &'a App) -> Option<(usize, &'a Message)> {
        let open = app.timelines.shown()?;
        let selected = open.selection.as_ref().filter(|position| position.key == self.item)?;
        Some((selected.index, open.message(selected.index)?))
    }

    /// The message whose people can be listed: an own one that went to many, unless nobody can say
    /// who has it.
    pub fn of_many<'a>(&self, app: &'a App) -> Option<&'a EventId> {
        let (_, message) = self.message(app).filter(|(_, message)| message.own)?;
        let delivery = app.timelines.shown()?.deliveries.get(message.event_id.as_ref()?)?;
        delivery.tally.filter(|tally| !tally.anonymous).map(|_| &delivery.event_id)
    }
}

impl Behaviour for Inspector {
    fn scope(&self) -> Scope {
        Scope::Room
    }

    fn contexts(&self, app: &App) -> &'static [Context] {
        if self.of_many(app).is_some() {
            &[Context::List, Context::Popup, Context::Global]
        } else {
            &[Context::Popup, Context::Global]
        }
    }

    fn hints(&self, app: &App) -> Vec<Hint> {
        let (people, of_many) = (&self.people, self.of_many(app).is_some());
        let (down, up) = if of_many { ("list-down", "list-up") } else { ("popup-down", "popup-up") };
        let mut hints = Vec::new();
        if of_many {
            let others = match people.filter {
                PeopleFilter::Missing => "everybody",
                PeopleFilter::Everybody => "who lacks it",
            };
            hints.push(("list-choose", others));
            hints.extend((people.number() < people.pages()).then_some(("list-next", "next page")));
            hints.extend((people.number() > 1).then_some(("list-previous", "page before")));
        }
        hints.extend([("popup-close", "close"), (down, "down"), (up, "up")]);
        hints
    }

    fn act(&mut self, act: Act, _app: &mut App, _now: Timestamp, _out: &mut Vec<Effect>) -> Result<Flow, Refusal> {
        let wanted = match act {
            Act::Close => return Ok(Flow::Close),
            Act::Next => self.people.next(),
            Act::Previous => self.people.previous(),
            Act::Choose => Some(self.people.switched()),
            Act::Up | Act::Down | Act::PageUp | Act::PageDown => {
                self.scroll.act(act);
                None
            }
        };
        if let Some(wanted) = wanted {
            self.people = wanted;
            self.scroll.reset();
        }
        Ok(Flow::Stay)
    }

    fn on(&mut self, update: &Update, app: &App) {
        match update {
            Update::Done { outcome: Ok(Reply::ReceiptStatus { event_id, status }), .. } => {
                let asked = self.message(app).is_some_and(|(_, message)| message.event_id.as_ref() == Some(event_id));
                if asked {
                    self.status = Some(status.clone());
                }
            }
            Update::Done { outcome: Ok(Reply::People(page)), .. } => {
                let wanted = (self.people.filter, self.people.before.last()) == (page.filter, page.after.as_ref());
                if wanted && self.of_many(app) == Some(&page.event_id) {
                    self.people.page = Some(page.clone());
                }
            }
            _ => {}
        }
    }

    fn settle(&mut self, app: &App, out: &mut Vec<Effect>) -> Flow {
        if self.message(app).is_none() {
            return Flow::Close;
        }
        if let Some(event_id) = self.of_many(app)
            && !std::mem::replace(&mut self.people.asked, true)
        {
            let (filter, after) = (self.people.filter, self.people.before.last().cloned());
            out.push(Effect::from(ReceiptsRequest::AskPeople { event_id: event_id.clone(), filter, after }));
        }
        Flow::Stay
    }

    fn scroll(&mut self) -> Option<&mut Scroll> {
        Some(&mut self.scroll)
    }
}

impl App {
    /// Opens the inspector on the selected message, or on the newest one if none is selected.
    pub(in crate::app) fn inspect(&mut self, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        self.select_something();
        let selected = self.timelines.shown().and_then(|open| Some((open, open.selected()?)));
        let (open, (key, message)) = selected.ok_or("Select a message first.")?;
        if let (false, Some(event_id)) = (message.own, &message.event_id) {
            out.push(Effect::from(ReceiptsRequest::AskReceiptStatus {
                room_id: open.id.room_id.clone(),
                event_id: event_id.clone(),
            }));
        }
        self.screens.push(Inspector::of(key.clone()));
        Ok(())
    }
}
