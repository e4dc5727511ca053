//! Who has a large message and who does not: a page of people from disk, with the names that they
//! have in the room.
//!
//! Their responsiveness is looked up too, as for a message to few. So of somebody who has never
//! answered anything it is not said that they are awaited (L5).

use crate::{
    client::{
        receipts::{Context, context::stored},
        reply::{Failure, Outcome, Reply},
    },
    clock::now,
    delivery::{store::Page, summary},
    model::{EventId, PeopleFilter, PeoplePage, UserId},
};

/// The page of a message's people that begins after this person; at the first one if `None`.
pub(in crate::client::receipts) async fn page(
    context: &Context,
    event_id: EventId,
    filter: PeopleFilter,
    after: Option<UserId>,
) -> Outcome {
    let page = stored(context.store.page(&event_id, filter, after.as_ref(), PeoplePage::MOST))?;
    // Whoever asked has seen something that is not so any more.
    let Page { own, more, all } = page.ok_or_else(Failure::cancelled)?;
    let responsiveness = own.expected.keys().map(|user| (user.clone(), context.responsiveness(user))).collect();
    let at = now();
    let mut delivery = summary::delivery(&own, &responsiveness, at);
    context.name_people(&own.room_id, std::slice::from_mut(&mut delivery)).await;
    Ok(Reply::People(PeoplePage { event_id, filter, after, people: delivery.people, more, all, at }))
}
