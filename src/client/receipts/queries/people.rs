//! Who has a large message and who does not: a page of people from disk, with the names that they
//! have in the room.
//!
//! Their responsiveness is looked up too, as for a message to few. So of somebody who has never
//! answered anything it is not said that they are awaited (L5).

use crate::{
    client::receipts::Context,
    client::update::Update,
    clock::now,
    delivery::{store::Page, summary},
    model::{EventId, PeopleFilter, PeoplePage, UserId},
};

/// Which page.
pub(in crate::client::receipts) struct Wanted {
    pub event_id: EventId,
    pub filter: PeopleFilter,
    /// The page begins after this person; at the first one if `None`.
    pub after: Option<UserId>,
}

/// Tells who is on this page.
pub(in crate::client::receipts) async fn tell(context: &Context, Wanted { event_id: event, filter, after }: Wanted) {
    let page = context.store.page(&event, filter, after.as_ref(), PeoplePage::MOST);
    let Some(Page { own, more, all }) = context.stored(page).flatten() else { return };
    let responsiveness = own.expected.keys().map(|user| (user.clone(), context.responsiveness(user))).collect();
    let at = now();
    let mut delivery = summary::delivery(&own, &responsiveness, at);
    context.name_people(&own.room_id, std::slice::from_mut(&mut delivery)).await;
    let page = PeoplePage { event_id: event, filter, after, people: delivery.people, more, all, at };
    context.tell_view(Update::People(page));
}
