//! Which own messages of all rooms not every device has.
//!
//! What makes a message undelivered is in the ledger, in the responsiveness, and in how long it has been, so there is no index of
//! it: the messages of a week are gone through. That takes longer than anything else that the actor does, so it is done
//! [`SLICE`] by slice, and what comes in meanwhile is dealt with in between. What they say is asked of the event cache at
//! the end, by a task of its own. Large messages stand apart from the others in the ledger, and their counts say it all.
//!
//! What a device has *missed* is seen by looking once more at the room that is open, a while after answers came in.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

use matrix_sdk::{
    Client, Room,
    deserialized_responses::TimelineEvent,
    ruma::events::{AnySyncMessageLikeEvent, AnySyncTimelineEvent},
};

use super::{Actor, Input, ids, observe};
use crate::{
    app::event::Event,
    client::content,
    clock::now,
    delivery::{
        ledger::{OwnEvent, aggregate::Large},
        responsiveness::GRACE,
        summary,
    },
    model::{Delivery, EventId, Ms, RoomId, SafeText, Undelivered},
};

/// How far back is looked.
const AGE: Ms = 7 * 24 * 60 * 60 * 1000;
/// So many are told.
const MOST: usize = 200;
/// So many messages are looked at in one go.
const SLICE: usize = 50;

/// How far a search has come.
#[derive(Default)]
pub(super) struct Search {
    looked_at: usize,
    large_looked_at: usize,
    found: BTreeMap<EventId, (RoomId, Delivery)>,
}

impl Actor {
    /// That a device has answered one message says, after a while, that it has missed another, in whatever room.
    pub(super) fn look_again_later(&mut self) {
        if self.opened.is_none() || self.looking_again {
            return;
        }
        self.looking_again = true;
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(GRACE)).await;
            let _ = inputs.send(Input::LookAgain);
        });
    }

    /// It is time for that.
    pub(super) async fn look_again(&mut self) {
        self.looking_again = false;
        if let Some(room) = &self.opened {
            self.tell_room(room).await;
        }
    }

    /// Looks at the next messages, from the latest on; tells what was found when these were the last.
    pub(super) async fn go_on_searching(&mut self, mut search: Search) {
        let slice = self.store.latest_own_events(search.looked_at, SLICE);
        let slice = self.stored(slice).unwrap_or_default();
        let large = self.store.latest_large_events(search.large_looked_at, SLICE);
        let large = self.stored(large).unwrap_or_default();
        let oldest = now().saturating_sub(AGE);
        let is_over = |sent: &[Ms]| sent.len() < SLICE || sent.iter().all(|sent| *sent < oldest);
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
            let mut deliveries = self.deliveries(&own_events, &large);
            deliveries.retain(summary::is_undelivered);
            self.name_people(&room, &mut deliveries).await;
            for delivery in deliveries {
                // One that came in meanwhile moves the others on: they are seen twice.
                if let Entry::Vacant(place) = search.found.entry(delivery.event_id.clone()) {
                    place.insert((room.clone(), delivery));
                }
            }
        }
        if is_last || search.found.len() >= MOST {
            let (client, events) = (self.client.clone(), self.events.clone());
            tokio::spawn(async move {
                let _ = events.send(Event::Undelivered(rows(&client, search).await));
            });
        } else {
            let _ = self.inputs.send(Input::Undelivered(search));
        }
    }
}

/// What was found, with what it says, the latest first.
async fn rows(client: &Client, search: Search) -> Vec<Undelivered> {
    let mut found: Vec<_> = search.found.into_values().collect();
    found.sort_by_key(|(_, delivery)| Reverse(delivery.sent));
    let mut rows = Vec::new();
    for (room, delivery) in found.into_iter().take(MOST) {
        let Some(sdk_room) = ids::find_room(client, &room) else { continue };
        let event = match (sdk_room.event_cache().await, ids::sdk_event(&delivery.event_id)) {
            (Ok((cache, _keep)), Some(event)) => cache.find_event(&event).await.ok().flatten(),
            _ => None,
        };
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

/// What a room is called, as far as this machine knows.
pub(super) fn room_name(room: &Room) -> SafeText {
    SafeText::line(&room.cached_display_name().map(|name| name.to_string()).unwrap_or_default())
}

/// One line of what an event says.
fn line(event: &TimelineEvent) -> SafeText {
    let Ok(AnySyncTimelineEvent::MessageLike(event)) = event.raw().deserialize() else { return SafeText::default() };
    match event {
        AnySyncMessageLikeEvent::RoomMessage(message) => message
            .as_original()
            .map(|message| content::preview(&content::message_body(&message.content.msgtype)))
            .unwrap_or_default(),
        AnySyncMessageLikeEvent::Sticker(sticker) => {
            sticker.as_original().map(|sticker| SafeText::line(&sticker.content.body)).unwrap_or_default()
        }
        other => content::preview(&content::unsupported(&other.event_type().to_string())),
    }
}
