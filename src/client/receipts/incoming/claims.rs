//! Claims about own messages: those that are believed go into the ledger, and those that come
//! before their message are held (L1).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use matrix_sdk::Room;
use tokio::time::timeout;

use super::{Incoming, IncomingInput, remember_early};
use crate::{
    client::{
        ids,
        receipts::{
            Context,
            event_cache::{self, until_found},
        },
        tasks,
    },
    clock::now,
    delivery::{
        ledger::{Counted, Early, PeerClaim, Refusal},
        policy::EventFacts,
        receipt::{Answer, Summary},
        store::{Claimed, Summed},
    },
    model::{DeviceId, EventId, RoomId, UserId},
};

/// How many events are waited for at once because a claim about them is held. Claims about others
/// are held without waiting (L7).
const LOOKED_UP: usize = 16;
/// How long to wait until the event cache has such an event from the server.
const LOOKED_UP_WITHIN: Duration = Duration::from_secs(10);

impl Incoming {
    /// A device of this person's, or another own one, says which messages it has.
    pub async fn on_answer(&mut self, context: &mut Context, (user_id, device_id): (UserId, DeviceId), answer: Answer) {
        let heard = now();
        let claim = |(event, claim)| {
            let (user, device) = (user_id.clone(), device_id.clone());
            let claim = PeerClaim::direct(answer.room_id.clone(), event, claim, user, device, heard);
            PeerClaim { quiet: answer.quiet, ..claim }
        };
        let claims = answer.receipts.into_iter().map(claim).collect();
        if context.is_own(&user_id) {
            self.on_own_device_claims(context, &answer.room_id, claims).await;
        } else {
            self.on_claims(context, &answer.room_id, claims).await;
        }
    }

    /// Takes up claims that a former run had kept because their message, or the members of its
    /// room, were not known yet (L8). A claim about a room that is still not known is refused.
    pub(super) async fn take_up_what_came_early(&mut self, context: &mut Context) {
        let early = context.store.early();
        let Early { claims, summaries } = context.stored(early).unwrap_or_default();
        let mut rooms: BTreeMap<RoomId, (Vec<PeerClaim>, Vec<PeerClaim>)> = BTreeMap::new();
        for claim in claims {
            let (own, others) = rooms.entry(claim.room_id.clone()).or_default();
            if context.is_own(&claim.user_id) { own.push(claim) } else { others.push(claim) }
        }
        for (room, (own, others)) in rooms {
            self.on_claims(context, &room, others).await;
            self.on_own_device_claims(context, &room, own).await;
        }
        for Counted { room_id: room, event_id: event, summary } in summaries {
            self.on_summaries(context, &room, vec![(event, summary)]).await;
        }
    }

    /// Takes claims of people who are in a room into the ledger (L1).
    pub(super) async fn record_claims(&mut self, context: &mut Context, room: &Room, claims: &[PeerClaim]) {
        let room_id = &ids::room(room.room_id());
        let claimed = context.store.claim(claims, now());
        let Some(claimed) = context.stored(claimed) else { return };
        let Claimed { changed, tallied, answers_changed, unknown, refused } = claimed;
        self.refuse(refused);
        // L5: how somebody answers says something about all messages that they were sent.
        if answers_changed {
            context.tell_room(room_id).await;
        } else {
            context.tell_events(room_id, &changed, &tallied).await;
        }
        self.hold(context, room, unknown).await;
        context.look_again_later();
    }

    /// The homeserver has counted the receipts of these events (§7).
    pub async fn on_summaries(&mut self, context: &mut Context, room_id: &RoomId, summaries: Vec<(EventId, Summary)>) {
        let counted =
            |(event, summary): (EventId, Summary)| Counted { room_id: room_id.clone(), event_id: event, summary };
        let Some(room) = ids::find_room(&context.client, room_id) else {
            let summaries = summaries.into_iter().map(counted).collect();
            return self.refuse_early(context, &Early { claims: Vec::new(), summaries }, Refusal::Unknown);
        };
        let members = usize::try_from(room.joined_members_count()).unwrap_or(usize::MAX);
        let summed = context.store.sum_up(room_id, &summaries, members, now());
        let Some(Summed { tallied, unknown, refused }) = context.stored(summed) else { return };
        self.refuse(refused);
        context.tell_events(room_id, &[], &tallied).await;
        for counted in unknown.into_iter().map(counted) {
            let early = Early::from(counted.clone());
            match self.held.hold_summary(counted) {
                Ok(()) => {
                    remember_early(context, &early);
                    for Counted { event_id: event, .. } in &early.summaries {
                        self.look_up(context, &room, event).await;
                    }
                }
                Err(refusal) => self.refuse_early(context, &early, refusal),
            }
        }
    }

    /// L1: claims about events that are not known as own ones wait for a while, unless they are
    /// somebody else's.
    pub(super) async fn hold(&mut self, context: &mut Context, room: &Room, claims: Vec<PeerClaim>) {
        if claims.is_empty() {
            return;
        }
        let (held, too_many): (Vec<_>, Vec<_>) =
            claims.into_iter().partition(|claim| self.held.hold(claim.clone()).is_ok());
        self.refuse_early(context, &too_many.into(), Refusal::TooMany);
        let events: BTreeSet<EventId> = held.iter().map(|claim| claim.event_id.clone()).collect();
        remember_early(context, &held.into());
        for event in events {
            self.look_up(context, room, &event).await;
        }
    }

    /// Finds out whether an event is an own one, because a claim about it is held. If the event
    /// cache does not have it from the server yet, it is looked at again when it does, or after a
    /// while.
    async fn look_up(&mut self, context: &mut Context, room: &Room, event: &EventId) {
        if let Some(facts) = event_cache::find_from_server(room, event).await {
            return self.decide_on_held(context, room, &facts).await;
        }
        if self.looking_up.len() >= LOOKED_UP || !self.looking_up.insert(event.clone()) {
            return;
        }
        let (room, event, inputs) = (room.clone(), event.clone(), context.inputs.clone());
        tasks::spawn(async move {
            let _ = timeout(LOOKED_UP_WITHIN, appears_from_server(&room, &event)).await;
            let _ = inputs.send(IncomingInput::Appeared(room.room_id().to_owned(), event).into());
        });
    }

    /// An event was waited for because a claim about it is held: it is in the event cache now, or
    /// the time for that is over.
    pub(super) async fn on_appeared(&mut self, context: &mut Context, room: &Room, event: &EventId) {
        self.looking_up.remove(event);
        if let Some(facts) = event_cache::find_facts(room, event).await {
            self.decide_on_held(context, room, &facts).await;
        }
    }

    async fn decide_on_held(&mut self, context: &mut Context, room: &Room, facts: &EventFacts) {
        if facts.sender.as_str() == room.own_user_id() {
            let room_facts = context.room_facts(room).await;
            self.on_own_event(context, room, &room_facts, facts).await;
        } else {
            self.on_event_of_others(context, &facts.event_id);
        }
    }
}

/// Waits until the event cache has an event from the server.
async fn appears_from_server(room: &Room, event: &EventId) {
    let Ok((cache, _keep)) = room.event_cache().await else { return };
    let find = |_| async move { Ok(event_cache::find_from_server(room, event).await) };
    let _ = until_found(room, &cache, find).await;
}
