//! What bridges say about own messages (PROTOCOL §4), out of the events of a room.
//!
//! A status is an event like any other: it comes with a sync, with what a backfill fetches, or when
//! its key has come. It names a message, and only that tells whether it is about an own one (L1).
//! The message stands before it in the room, so it is among the same events or in the event cache;
//! the cache may lag behind the sync a little, which is waited for beside the actor, for a minute
//! and for a few statuses at a time.

use std::{sync::Arc, time::Duration};

use matrix_sdk::{Room, deserialized_responses::TimelineEvent, event_cache::RoomEventCache, ruma::OwnedUserId};
use tokio::{sync::Semaphore, time::timeout};

use super::{Incoming, IncomingInput};
use crate::{
    client::{
        ids,
        receipts::{
            Context,
            event_cache::{self, until_found},
            members,
            observe::{self, StatusEvent},
        },
        tasks,
    },
    delivery::{
        ledger::{BridgeReport, Refusal, Refused, is_bridge},
        policy::{EventFacts, EventKind},
    },
    model::EventId,
};

/// How long a status waits for its message (L1).
const HELD_FOR: Duration = Duration::from_mins(1);
/// How many statuses wait at once (L7).
pub(in crate::client::receipts) const HELD_MOST: usize = 100;

/// Statuses whose message is not known yet.
pub(in crate::client::receipts) struct Bridges {
    /// One permit for each that may still wait.
    pub waiting: Arc<Semaphore>,
}

impl Default for Bridges {
    fn default() -> Self {
        Self { waiting: Arc::new(Semaphore::new(HELD_MOST)) }
    }
}

impl Incoming {
    /// Takes in what bridges say in these events of a room.
    pub async fn on_bridge_events(&mut self, context: &mut Context, room: &Room, events: &[TimelineEvent]) {
        let said: Vec<StatusEvent> = events.iter().filter_map(observe::bridge_status).collect();
        if said.is_empty() {
            return;
        }
        // L2, with the power that the senders have now. Somebody who was given that power is a
        // member, known or not.
        let power = room.power_levels_or_default().await;
        let claimants = match members::claimants(room, said.iter().map(|said| &said.sender)).await {
            Ok(claimants) => claimants,
            Err(error) => return tracing::error!(%error, "who may be a bridge cannot be looked up"),
        };
        let allowed = |said: &StatusEvent| {
            let may_redact = |user: OwnedUserId| power.user_can_redact_event_of_other(&user);
            let claimant = claimants.get(&said.sender);
            let claimant = claimant.map_or(Err(Refusal::NotJoined), |claimant| {
                if claimant.membership_unknown { Ok(()) } else { claimant.allowed }
            });
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
                Some(facts) => self.on_bridge_status(context, room, facts, said).await,
                None => self.wait_for_message(context, room, said).await,
            }
        }
    }

    /// Looks for the message in the event cache, and waits for it there when it is missing.
    async fn wait_for_message(&mut self, context: &mut Context, room: &Room, said: StatusEvent) {
        if let Some(facts) = event_cache::find_facts(room, &said.status.event_id).await {
            return self.on_bridge_status(context, room, facts, said).await;
        }
        let Ok(permit) = self.bridges.waiting.clone().try_acquire_owned() else {
            return self.refuse(Refused::of(Refusal::TooMany, 1));
        };
        let (room, inputs) = (room.clone(), context.inputs.clone());
        tasks::spawn(async move {
            let input = match timeout(HELD_FOR, appears(&room, &said.status.event_id)).await {
                Ok(Some(facts)) => IncomingInput::BridgeStatus(room.room_id().to_owned(), facts, said),
                Ok(None) | Err(_) => IncomingInput::Refused(Refused::of(Refusal::Unknown, 1)),
            };
            let _ = inputs.send(input.into());
            drop(permit);
        });
    }

    /// Takes in a status of a message. L1: only about own messages; everybody in the room sees what
    /// is said about others', which is no lie. One that nobody was asked about is recorded now, as
    /// with any other claim.
    pub(super) async fn on_bridge_status(
        &mut self,
        context: &mut Context,
        room: &Room,
        message: EventFacts,
        StatusEvent { sender, at, status }: StatusEvent,
    ) {
        if message.sender.as_str() != room.own_user_id() || message.kind != EventKind::Message {
            return;
        }
        let reported = context.store.report(&message.event_id, &BridgeReport::new(sender, at, status));
        if context.stored(reported) != Some(true) {
            return;
        }
        let facts = context.room_facts(room).await;
        let (own, large) = (context.store.own_event(&message.event_id), context.store.large_event(&message.event_id));
        match (context.stored(own).flatten(), context.stored(large).flatten()) {
            (None, None) => self.on_own_event(context, room, &facts, &message).await,
            (own, large) => context.tell_events(&facts.room_id, own.as_slice(), large.as_slice()).await,
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
    let event = until_found(room, &cache, find).await.ok()??;
    observe::facts(&event)
}
