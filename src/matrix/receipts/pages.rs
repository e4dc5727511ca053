//! Who has a large message and who does not, for whoever looks: a page of people from disk, called what they are called.
//!
//! Their habits are asked for too, as for a message to few. So of somebody who has never answered anything it is not said that
//! they are awaited (L5).

use super::Actor;
use crate::{
    app::event::Event,
    clock::now,
    delivery::{store::Page, summary},
    model::{EventId, PeoplePage, UserId, Whom},
};

/// Which page.
pub(super) struct Wanted {
    pub event: EventId,
    pub whom: Whom,
    /// Whom its people come after.
    pub after: Option<UserId>,
}

impl Actor {
    /// Tells who is on this page.
    pub(super) async fn tell_people(&self, Wanted { event, whom, after }: Wanted) {
        let page = self.store.page(&event, whom, after.as_ref(), PeoplePage::MOST);
        let Some(Page { own, more, all }) = self.stored(page).flatten() else { return };
        let habits = own.expected.keys().map(|user| (user.clone(), self.habits(user))).collect();
        let at = now();
        let mut delivery = summary::delivery(&own, &habits, at);
        self.name_people(&own.room, std::slice::from_mut(&mut delivery)).await;
        let page = PeoplePage { event, whom, after, people: delivery.people, more, all, at };
        let _ = self.events.send(Event::People(page));
    }
}
