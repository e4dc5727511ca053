//! Which own messages of all rooms not every device has.
//!
//! What makes a message undelivered is in the ledger, in how people answer, and in how long it has
//! been, so there is no index of it: the messages of a week are gone through. That takes longer
//! than anything else that the actor does, so it is done [`SLICE`] by slice, and what comes in
//! meanwhile is dealt with in between. What they say is asked of the event cache at the end, by a
//! task of its own. Large messages stand apart from the others in the ledger, and their counts say
//! it all.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

use matrix_sdk::{
    Client,
    deserialized_responses::TimelineEvent,
    ruma::events::{AnySyncMessageLikeEvent, AnySyncTimelineEvent},
};

use super::{Queries, Query, room_name};
use crate::{
    client::{
        content, ids,
        receipts::{Context, event_cache, observe},
        reply::Reply,
        responder::Responder,
        tasks,
    },
    clock::now,
    delivery::{
        ledger::{OwnEvent, aggregate::Large},
        summary,
    },
    model::{Delivery, EventId, RoomId, SafeText, Timestamp, Undelivered},
};

/// How old a message may be that is looked at.
const AGE: Duration = Duration::from_hours(7 * 24);
/// How many are told at most.
const MOST: usize = 200;
/// How many messages are looked at in one go.
const SLICE: usize = 50;

/// How far a search has come.
pub(super) struct Search {
    /// Who asked.
    responder: Responder,
    looked_at: usize,
    large_looked_at: usize,
    found: BTreeMap<EventId, (RoomId, Delivery)>,
}

impl Queries {
    /// Begins to look for undelivered messages.
    pub async fn search(&mut self, context: &Context, responder: Responder) {
        let search = Search { responder, looked_at: 0, large_looked_at: 0, found: BTreeMap::new() };
        self.go_on_with(context, search).await;
    }

    /// Goes on with the search that waits longest.
    pub async fn search_on(&mut self, context: &Context) {
        if let Some(search) = self.searches.pop_front() {
            self.go_on_with(context, search).await;
        }
    }

    /// Looks at the next messages, from the latest on; answers what was found when these were the
    /// last.
    async fn go_on_with(&mut self, context: &Context, mut search: Search) {
        let slice = context.store.latest_own_events(search.looked_at, SLICE);
        let slice = context.stored(slice).unwrap_or_default();
        let large = context.store.latest_large_events(search.large_looked_at, SLICE);
        let large = context.stored(large).unwrap_or_default();
        let oldest = now() - AGE;
        let is_over = |sent: &[Timestamp]| sent.len() < SLICE || sent.iter().all(|sent| *sent < oldest);
        let is_last = is_over(&slice.iter().map(|own| own.sent).collect::<Vec<_>>())
            && is_over(&large.iter().map(|large| large.sent).collect::<Vec<_>>());
        search.looked_at += slice.len();
        search.large_looked_at += large.len();
        let mut rooms: BTreeMap<RoomId, (Vec<OwnEvent>, Vec<Large>)> = BTreeMap::new();
        for own in slice.into_iter().filter(|own| own.sent >= oldest) {
            rooms.entry(own.room_id.clone()).or_default().0.push(own);
        }
        for large in large.into_iter().filter(|large| large.sent >= oldest) {
            rooms.entry(large.room_id.clone()).or_default().1.push(large);
        }
        for (room, (own_events, large)) in rooms {
            let mut deliveries = context.deliveries(&own_events, &large);
            deliveries.retain(summary::is_undelivered);
            context.name_people(&room, &mut deliveries).await;
            for delivery in deliveries {
                // One that came in meanwhile moves the others on: they are seen twice.
                if let Entry::Vacant(entry) = search.found.entry(delivery.event_id.clone()) {
                    entry.insert((room.clone(), delivery));
                }
            }
        }
        if is_last || search.found.len() >= MOST {
            let (client, Search { responder, found, .. }) = (context.client.clone(), search);
            tasks::spawn(async move {
                responder.respond(Ok(Reply::Undelivered(rows(&client, found).await)));
            });
        } else {
            self.searches.push_back(search);
            let _ = context.inputs.send(Query::SearchOn.into());
        }
    }
}

/// What was found, with what it says, the latest first.
async fn rows(client: &Client, found: BTreeMap<EventId, (RoomId, Delivery)>) -> Vec<Undelivered> {
    let mut found: Vec<_> = found.into_values().collect();
    found.sort_by_key(|(_, delivery)| Reverse(delivery.sent));
    let mut rows = Vec::new();
    for (room, delivery) in found.into_iter().take(MOST) {
        let Some(sdk_room) = ids::find_room(client, &room) else { continue };
        let event = event_cache::find(&sdk_room, &delivery.event_id).await;
        // What was taken back need not arrive any more.
        if let Some(event) = &event
            && observe::facts_in(&sdk_room, event).await.is_some_and(|facts| facts.redacted)
        {
            continue;
        }
        let text = event.as_ref().map(line).unwrap_or_default();
        rows.push(Undelivered { room_id: room, room_name: room_name(&sdk_room), text, delivery });
    }
    rows
}

/// One line of what an event says.
fn line(event: &TimelineEvent) -> SafeText {
    let Ok(AnySyncTimelineEvent::MessageLike(event)) = event.raw().deserialize() else { return SafeText::default() };
    match event {
        AnySyncMessageLikeEvent::RoomMessage(message) => message
            .as_original()
            .map(|message| content::message_body(&message.content.msgtype).preview())
            .unwrap_or_default(),
        AnySyncMessageLikeEvent::Sticker(sticker) => {
            sticker.as_original().map(|sticker| SafeText::line(&sticker.content.body)).unwrap_or_default()
        }
        other => content::unsupported(&other.event_type().to_string()).preview(),
    }
}
