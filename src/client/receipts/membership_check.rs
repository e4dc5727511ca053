//! Whether somebody who claims something is in the room (L2), where the list of its members is not complete. What waits for
//! it stands with what came early on disk (L8).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use matrix_sdk::{Room, RoomState, ruma::RoomId as SdkRoomId};

use super::{Actor, Input, claims::PAUSE, ids, members};
use crate::{
    clock::now,
    delivery::ledger::{PeerClaim, Refusal},
    model::{EventId, Ms, RoomId, UserId},
};

/// So many claims wait until it is known who is in a room (L7).
const DOUBTED: usize = 1_000;
/// So many of them of one person.
const DOUBTED_PER_USER: usize = 100;
/// So long nobody looks again who is in a room.
const LOOKED_FOR: Ms = 60 * 1_000;

impl Actor {
    /// Takes claims about a room's events into the ledger (L1, L2). Those of people of whom nobody knows whether they are in
    /// the room wait until that is known.
    pub(super) async fn believe(&mut self, room_id: &RoomId, claims: Vec<PeerClaim>) {
        let Some(room) = ids::find_room(&self.client, room_id) else {
            return self.refuse_early(&claims.into(), Refusal::Unknown);
        };
        let looked = self.looked_for_members.get(room.room_id());
        let may_wait = looked.is_none_or(|at| now().saturating_sub(*at) > LOOKED_FOR);
        self.believe_members(&room, claims, may_wait).await;
    }

    /// The people of these claims who were in the room when the message was sent, since they were given its key; and
    /// everybody who claims something about a message that is not recorded, since it is decided when that is.
    fn expected_among<'a>(&self, claims: impl Iterator<Item = &'a PeerClaim>) -> HashSet<(EventId, UserId)> {
        let mut claimants: BTreeMap<&EventId, BTreeSet<&UserId>> = BTreeMap::new();
        for claim in claims {
            claimants.entry(&claim.event_id).or_default().insert(&claim.user_id);
        }
        let mut found = HashSet::new();
        for (event, users) in claimants {
            let expected = self.stored(self.store.expected_among(event, users.iter().copied())).flatten();
            found.extend(expected.unwrap_or(users).into_iter().map(|user| (event.clone(), user.clone())));
        }
        found
    }

    /// Lets claims wait until everybody in the room is known.
    fn doubt(&mut self, room: &Room, claims: Vec<PeerClaim>) {
        let (mut waiting, mut too_many) = (Vec::new(), Vec::new());
        let mut all: usize = self.doubted.values().map(Vec::len).sum();
        let already = self.doubted.get(room.room_id());
        for claim in claims {
            let known = already.into_iter().flatten().chain(&waiting);
            if all >= DOUBTED
                || known.filter(|other: &&PeerClaim| other.user_id == claim.user_id).count() >= DOUBTED_PER_USER
            {
                too_many.push(claim);
                continue;
            }
            all += 1;
            waiting.push(claim);
        }
        let is_looked_for = already.is_some();
        self.refuse_early(&too_many.into(), Refusal::TooMany);
        if waiting.is_empty() {
            return;
        }
        self.remember_early(&waiting.clone().into());
        self.doubted.entry(room.room_id().to_owned()).or_default().extend(waiting);
        if is_looked_for {
            return;
        }
        let (room, inputs) = (room.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let mut pause = PAUSE;
            while !inputs.is_closed() {
                let fetched = members::fetch(&room).await;
                if fetched.is_ok() || room.state() != RoomState::Joined {
                    let _ = inputs.send(Input::Members(room.room_id().to_owned()));
                    return;
                }
                tracing::info!(error = ?fetched.err(), "who is in a room is not known yet");
                tokio::time::sleep(pause.next_delay()).await;
            }
        });
    }

    /// The members of a room were fetched: whoever is not among them now has nothing to claim.
    pub(super) async fn members_known(&mut self, room: &SdkRoomId) {
        self.looked_for_members.insert(room.to_owned(), now());
        let claims = self.doubted.remove(room).unwrap_or_default();
        if let Some(room) = self.client.get_room(room) {
            self.believe_members(&room, claims, false).await;
        }
    }

    async fn believe_members(&mut self, room: &Room, claims: Vec<PeerClaim>, may_wait: bool) {
        let claimants = match members::claimants(room, claims.iter().map(|claim| &claim.user_id)).await {
            Ok(claimants) => claimants,
            Err(error) => return tracing::error!(%error, "who may claim anything cannot be looked up"),
        };
        let claimants: Vec<_> = claims.iter().map(|claim| claimants.get(&claim.user_id).copied()).collect();
        let expected = self.expected_among(claims.iter().zip(&claimants).filter_map(|(claim, claimant)| {
            claimant.is_some_and(|claimant| claimant.doubtful && !claimant.left).then_some(claim)
        }));
        let (mut believed, mut doubted) = (Vec::with_capacity(claims.len()), Vec::new());
        let mut refused: Vec<(PeerClaim, Refusal)> = Vec::new();
        for (claim, claimant) in claims.into_iter().zip(claimants) {
            let is_expected = || expected.contains(&(claim.event_id.clone(), claim.user_id.clone()));
            let allowed = match claimant {
                Some(claimant) if claimant.doubtful && is_expected() => Ok(()),
                Some(claimant) if claimant.doubtful && may_wait => {
                    doubted.push(claim);
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
            self.refuse_early(&vec![claim].into(), refusal);
        }
        self.doubt(room, doubted);
        self.take(room, &believed).await;
    }
}
