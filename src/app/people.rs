//! The people of an own message that went to many, in the inspector.
//!
//! They may be thousands, so they stand on disk, and one page of them is here. 'Who lacks it?' is what people want to know,
//! so that is what is shown first. A page is asked for when the inspector shows a message that has one; it stays as it was then,
//! whatever news come in, so that nothing jumps while it is read.

use super::{App, effect::Effect, inspector::Popup};
use crate::{
    input::Action,
    model::{EventId, PeopleFilter, PeoplePage, UserId},
};

/// Which of them are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    /// Whom of them.
    pub filter: PeopleFilter,
    /// The last person of each page before this one.
    before: Vec<UserId>,
    asked: bool,
    /// Those on this page; `None` until they are there.
    pub page: Option<PeoplePage>,
}

impl People {
    /// The others, from the first page on.
    fn switched(&self) -> Self {
        let filter = match self.filter {
            PeopleFilter::Missing => PeopleFilter::Everybody,
            PeopleFilter::Everybody => PeopleFilter::Missing,
        };
        Self { filter, ..Self::default() }
    }

    /// The next page, if there is one.
    fn next(&self) -> Option<Self> {
        let last = self.page.as_ref().filter(|page| page.more)?.people.last()?.user_id.clone();
        let before = self.before.iter().cloned().chain([last]).collect();
        Some(Self { filter: self.filter, before, ..Self::default() })
    }

    /// The page before, if there is one.
    fn previous(&self) -> Option<Self> {
        let (_, before) = self.before.split_last()?;
        Some(Self { filter: self.filter, before: before.to_vec(), ..Self::default() })
    }

    /// The number of this page, from 1 on.
    pub fn number(&self) -> usize {
        self.before.len() + 1
    }

    /// How many pages there are, as far as that is known: people come and go between two pages.
    pub fn pages(&self) -> usize {
        let Some(page) = &self.page else { return self.number() };
        page.all.div_ceil(PeoplePage::MOST).max(self.number() + usize::from(page.more))
    }
}

impl App {
    /// The message that the inspector shows the people of: an own one that went to many, unless nobody can say who has it.
    pub fn of_many(&self) -> Option<&EventId> {
        let (_, message) = self.inspected().filter(|(_, message)| message.own)?;
        let delivery = self.open.as_ref()?.deliveries.get(message.event_id.as_ref()?)?;
        delivery.tally.filter(|tally| !tally.anonymous).map(|_| &delivery.event_id)
    }

    /// Asks for the page that is to be shown.
    pub(super) fn ask_for_people(&mut self, out: &mut Vec<Effect>) {
        let Some(event) = self.of_many().cloned() else { return };
        if let Some(Popup::Inspector { people, .. }) = &mut self.popup
            && !std::mem::replace(&mut people.asked, true)
        {
            out.push(Effect::AskPeople {
                event_id: event,
                filter: people.filter,
                after: people.before.last().cloned(),
            });
        }
    }

    /// A page is there; it may not be wanted any more.
    pub(super) fn on_people(&mut self, page: PeoplePage) {
        let same_message = self.of_many() == Some(&page.event_id);
        if let Some(Popup::Inspector { people, .. }) = &mut self.popup
            && same_message
            && (people.filter, people.before.last()) == (page.filter, page.after.as_ref())
        {
            people.page = Some(page);
        }
    }

    /// A key that goes to another page, or to other people.
    pub(super) fn among_people(&mut self, action: Action) {
        let Some(Popup::Inspector { people, scroll, .. }) = &mut self.popup else { return };
        let wanted = match action {
            Action::ListNext => people.next(),
            Action::ListPrevious => people.previous(),
            _ => Some(people.switched()),
        };
        if let Some(wanted) = wanted {
            (*people, *scroll) = (wanted, 0);
        }
    }
}
