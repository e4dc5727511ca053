//! What bridges say about own messages (PROTOCOL §4), out of the events of a room.
//!
//! A status is an event like any other: it comes with a sync, with what a backfill fetches, or when its key has come. It names
//! a message, and only that tells whether it is about an own one (L1). The message stands before it in the room, so it is
//! among the same events or in the event cache; the cache may lag behind the sync a little, which is waited for beside the
//! actor, for a minute and for a few statuses at a time.

use std::time::Duration;

use matrix_sdk::{
    Room,
    deserialized_responses::TimelineEvent,
    event_cache::RoomEventCache,
    ruma::{OwnedRoomId, OwnedUserId},
};
use tokio::time::timeout;

use super::{Actor, Input, backfill::until_cached, ids, members, observe};
use crate::{
    delivery::{
        ledger::{BridgeReport, Refusal, Refused, is_bridge},
        policy::{EventFacts, EventKind},
        receipt::BridgeStatus,
    },
    model::{EventId, Ms, UserId},
};

/// How long a message is waited for that something is held about (L1).
const HELD_FOR: Duration = Duration::from_mins(1);
/// So many are held at once (L7).
pub(super) const HELD_MOST: usize = 100;

/// A status as it came.
#[derive(Debug)]
pub(super) struct Said {
    pub sender: UserId,
    pub at: Ms,
    pub status: BridgeStatus,
}

impl Actor {
    /// Takes in what bridges say in these events of a room.
    pub(super) async fn bridges_said(&mut self, room: &Room, events: &[TimelineEvent]) {
        let said: Vec<Said> = events.iter().filter_map(observe::said_by_bridge).collect();
        if said.is_empty() {
            return;
        }
        // L2, with the power that the senders have now. Somebody who was given that power is a member, known or not.
        let power = room.power_levels_or_default().await;
        let claimants = match members::claimants(room, said.iter().map(|said| &said.sender)).await {
            Ok(claimants) => claimants,
            Err(error) => return tracing::error!(%error, "who may be a bridge cannot be looked up"),
        };
        let allowed = |said: &Said| {
            let may_redact = |user: OwnedUserId| power.user_can_redact_event_of_other(&user);
            let claimant = claimants.get(&said.sender);
            let claimant = claimant
                .map_or(Err(Refusal::NotJoined), |claimant| if claimant.doubtful { Ok(()) } else { claimant.allowed });
            is_bridge(claimant, ids::sdk_user(&said.sender).is_some_and(may_redact))
        };
        let allowed: Vec<_> = said.iter().map(allowed).collect();
        for (said, allowed) in said.into_iter().zip(allowed) {
            if let Err(refusal) = allowed {
                self.refuse(Refused::of(refusal, 1));
                continue;
            }
            let about =
                |event: &TimelineEvent| observe::facts(event).filter(|facts| facts.event_id == said.status.event_id);
            match events.iter().find_map(about) {
                Some(facts) => self.bridged(room, facts, said).await,
                None => self.when_it_is_known(room, said).await,
            }
        }
    }

    /// Looks for the message in the event cache, and waits for it there when it is missing.
    async fn when_it_is_known(&mut self, room: &Room, said: Said) {
        if let Some(facts) = self.find(room, &said.status.event_id).await {
            return self.bridged(room, facts, said).await;
        }
        let Ok(place) = self.waiting_for_messages.clone().try_acquire_owned() else {
            return self.refuse(Refused::of(Refusal::TooMany, 1));
        };
        let (room, inputs) = (room.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let input = match timeout(HELD_FOR, appears(&room, &said.status.event_id)).await {
                Ok(Some(facts)) => Input::Bridged(room.room_id().to_owned(), facts, said),
                Ok(None) | Err(_) => Input::Refused(Refused::of(Refusal::Unknown, 1)),
            };
            let _ = inputs.send(input);
            drop(place);
        });
    }

    /// The message that was waited for is there.
    pub(super) async fn bridged_late(&mut self, room: OwnedRoomId, message: EventFacts, said: Said) {
        if let Some(room) = self.client.get_room(&room) {
            self.bridged(&room, message, said).await;
        }
    }

    /// L1: only about own messages; everybody in the room sees what is said about others', which is no lie. One that nobody
    /// was asked about is recorded now, as with any other claim.
    async fn bridged(&mut self, room: &Room, message: EventFacts, Said { sender, at, status }: Said) {
        if message.sender.as_str() != room.own_user_id() || message.kind != EventKind::Message {
            return;
        }
        let reported = self.store.report(&message.event_id, &BridgeReport::new(sender, at, status));
        if self.stored(reported) != Some(true) {
            return;
        }
        let facts = self.room_facts(room).await;
        let (own, large) = (self.store.own_event(&message.event_id), self.store.large_event(&message.event_id));
        match (self.stored(own).flatten(), self.stored(large).flatten()) {
            (None, None) => self.own_event(room, &facts, &message).await,
            (own, large) => self.tell_all(&facts.room_id, own.as_slice(), large.as_slice()).await,
        }
    }
}

/// Waits until the event cache has an event.
async fn appears(room: &Room, event: &EventId) -> Option<EventFacts> {
    let id = ids::sdk_event(event)?;
    let (cache, _keep) = room.event_cache().await.ok()?;
    let find = |cache: RoomEventCache| {
        let id = &id;
        async move { Ok(cache.find_event(id).await.ok().flatten()) }
    };
    let event = until_cached(room, &cache, find).await.ok()??;
    observe::facts(&event)
}
