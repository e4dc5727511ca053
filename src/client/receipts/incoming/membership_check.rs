//! Whether somebody who claims something is in the room (L2), where the list of its members is not
//! complete. What waits for it stands with what came early on disk (L8).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use matrix_sdk::{
    Room, RoomState,
    ruma::{OwnedRoomId, RoomId as SdkRoomId},
};

use super::{Incoming, IncomingInput, remember_early};
use crate::{
    client::{
        backoff::Backoff,
        ids,
        receipts::{Context, members},
        tasks,
    },
    clock::now,
    delivery::ledger::{PeerClaim, Refusal},
    model::{EventId, RoomId, Timestamp, UserId},
};

/// How many claims wait at most until it is known who is in a room (L7).
const WAITING: usize = 1_000;
/// How many of these may be of one person.
const WAITING_PER_USER: usize = 100;
/// How long a list of members is good for: meanwhile, whoever is not in it is refused at once.
const FETCHED_AGAIN: Duration = Duration::from_mins(1);

/// Pauses between attempts to find out who is in a room.
const PAUSE: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));

/// Claims of people who may not be in the room.
#[derive(Default)]
pub(super) struct MembershipCheck {
    /// Those that wait for the members of a room, by room.
    waiting: HashMap<OwnedRoomId, Vec<PeerClaim>>,
    /// When the members of a room were last fetched for such a claim.
    fetched: HashMap<OwnedRoomId, Timestamp>,
}

impl Incoming {
    /// Takes claims about a room's events into the ledger (L1, L2). Those of people of whom nobody
    /// knows whether they are in the room wait until that is known.
    pub(super) async fn on_claims(&mut self, context: &mut Context, room_id: &RoomId, claims: Vec<PeerClaim>) {
        let Some(room) = ids::find_room(&context.client, room_id) else {
            return self.refuse_early(context, &claims.into(), Refusal::Unknown);
        };
        let looked = self.membership.fetched.get(room.room_id());
        let may_wait = looked.is_none_or(|at| now() - *at > FETCHED_AGAIN);
        self.check_membership(context, &room, claims, may_wait).await;
    }

    /// Keeps claims until the members of the room are fetched, which is begun here.
    fn wait_for_members(&mut self, context: &mut Context, room: &Room, claims: Vec<PeerClaim>) {
        let (mut waiting, mut too_many) = (Vec::new(), Vec::new());
        let mut all: usize = self.membership.waiting.values().map(Vec::len).sum();
        let already = self.membership.waiting.get(room.room_id());
        for claim in claims {
            let known = already.into_iter().flatten().chain(&waiting);
            if all >= WAITING
                || known.filter(|other: &&PeerClaim| other.user_id == claim.user_id).count() >= WAITING_PER_USER
            {
                too_many.push(claim);
                continue;
            }
            all += 1;
            waiting.push(claim);
        }
        let is_looked_for = already.is_some();
        self.refuse_early(context, &too_many.into(), Refusal::TooMany);
        if waiting.is_empty() {
            return;
        }
        remember_early(context, &waiting.clone().into());
        self.membership.waiting.entry(room.room_id().to_owned()).or_default().extend(waiting);
        if is_looked_for {
            return;
        }
        let (room, inputs) = (room.clone(), context.inputs.clone());
        tasks::spawn(async move {
            let mut pause = PAUSE;
            while !inputs.is_closed() {
                let fetched = members::fetch(&room).await;
                if fetched.is_ok() || room.state() != RoomState::Joined {
                    let _ = inputs.send(IncomingInput::Members(room.room_id().to_owned()).into());
                    return;
                }
                tracing::info!(error = ?fetched.err(), "who is in a room is not known yet");
                tokio::time::sleep(pause.next_delay()).await;
            }
        });
    }

    /// The members of a room were fetched: whoever is not among them now has nothing to claim.
    pub(super) async fn on_members(&mut self, context: &mut Context, room_id: &SdkRoomId) {
        self.membership.fetched.insert(room_id.to_owned(), now());
        let claims = self.membership.waiting.remove(room_id).unwrap_or_default();
        if let Some(room) = context.client.get_room(room_id) {
            self.check_membership(context, &room, claims, false).await;
        }
    }

    async fn check_membership(&mut self, context: &mut Context, room: &Room, claims: Vec<PeerClaim>, may_wait: bool) {
        let claimants = match members::claimants(room, claims.iter().map(|claim| &claim.user_id)).await {
            Ok(claimants) => claimants,
            Err(error) => return tracing::error!(%error, "who may claim anything cannot be looked up"),
        };
        let claimants: Vec<_> = claims.iter().map(|claim| claimants.get(&claim.user_id).copied()).collect();
        let expected = expected_among(
            context,
            claims.iter().zip(&claimants).filter_map(|(claim, claimant)| {
                claimant.is_some_and(|claimant| claimant.membership_unknown && !claimant.left).then_some(claim)
            }),
        );
        let (mut believed, mut waiting) = (Vec::with_capacity(claims.len()), Vec::new());
        let mut refused: Vec<(PeerClaim, Refusal)> = Vec::new();
        for (claim, claimant) in claims.into_iter().zip(claimants) {
            let is_expected = || expected.contains(&(claim.event_id.clone(), claim.user_id.clone()));
            let allowed = match claimant {
                Some(claimant) if claimant.membership_unknown && is_expected() => Ok(()),
                Some(claimant) if claimant.membership_unknown && may_wait => {
                    waiting.push(claim);
                    continue;
                }
                Some(claimant) => claimant.allowed,
                None => Err(Refusal::NotJoined),
            };
            match allowed {
                Ok(()) => believed.push(claim),
                Err(refusal) => refused.push((claim, refusal)),
            }
        }
        for (claim, refusal) in refused {
            self.refuse_early(context, &vec![claim].into(), refusal);
        }
        self.wait_for_members(context, room, waiting);
        self.record_claims(context, room, &believed).await;
    }
}

/// The people of these claims who were in the room when the message was sent, since they were given
/// its key; and everybody who claims something about a message that is not recorded, since it is
/// decided when that is.
fn expected_among<'a>(context: &Context, claims: impl Iterator<Item = &'a PeerClaim>) -> HashSet<(EventId, UserId)> {
    let mut claimants: BTreeMap<&EventId, BTreeSet<&UserId>> = BTreeMap::new();
    for claim in claims {
        claimants.entry(&claim.event_id).or_default().insert(&claim.user_id);
    }
    let mut found = HashSet::new();
    for (event, users) in claimants {
        let expected = context.stored(context.store.expected_among(event, users.iter().copied())).flatten();
        found.extend(expected.unwrap_or(users).into_iter().map(|user| (event.clone(), user.clone())));
    }
    found
}
