//! Who has a large message and who does not, for whoever looks: a page of people from disk, called what they are called.
//!
//! Their responsiveness are asked for too, as for a message to few. So of somebody who has never answered anything it is not said that
//! they are awaited (L5).

use super::Actor;
use crate::{
    app::event::Event,
    clock::now,
    delivery::{store::Page, summary},
    model::{EventId, PeopleFilter, PeoplePage, UserId},
};

/// Which page.
pub(super) struct Wanted {
    pub event_id: EventId,
    pub filter: PeopleFilter,
    /// Whom its people come after.
    pub after: Option<UserId>,
}

impl Actor {
    /// Tells who is on this page.
    pub(super) async fn tell_people(&self, Wanted { event_id: event, filter, after }: Wanted) {
        let page = self.store.page(&event, filter, after.as_ref(), PeoplePage::MOST);
        let Some(Page { own, more, all }) = self.stored(page).flatten() else { return };
        let responsiveness = own.expected.keys().map(|user| (user.clone(), self.responsiveness(user))).collect();
        let at = now();
        let mut delivery = summary::delivery(&own, &responsiveness, at);
        self.name_people(&own.room_id, std::slice::from_mut(&mut delivery)).await;
        let page = PeoplePage { event_id: event, filter, after, people: delivery.people, more, all, at };
        let _ = self.events.send(Event::People(page));
    }
}
