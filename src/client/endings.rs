//! Rooms that ended: which of them the room list still shows, and what is said of them.
//!
//! **Problem.** To the SDK (0.18), a room that the user was removed from is one of the many that
//! they ever were in: nothing tells that it stood in the list a moment ago, with a draft in it. Of
//! a room that was left in another client while this one was offline, sliding sync never says a
//! word; and one that an administrator has purged comes once more, and looks joined.
//!
//! **How.** Each room of the list is kept on disk, as joined or as invited ([`EndingRecord`]). When
//! it is neither any more, its row stays and says who ended it, why and when, until the user puts
//! it away: what the sync has brought of the own membership tells that, else the server is asked.
//! Whenever a sliding connection is there, the server is asked which rooms the user is in, and
//! those that are missing are looked at one by one.
//!
//! **An upgraded room** stays in the list too. Its tombstone counts for nothing where joining the
//! room that it names was refused: whoever may close a room could otherwise end it for everybody,
//! with a name that leads nowhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use matrix_sdk::{
    Client, Room, RoomState,
    deserialized_responses::SyncOrStrippedState,
    ruma::{
        OwnedRoomId, OwnedServerName, RoomId, api::client::membership::joined_rooms,
        events::room::tombstone::RoomTombstoneEventContent,
    },
};
use matrix_sdk_base::RoomInfoNotableUpdateReasons;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use self::own::{Ended, Own};
use super::{ids, tasks, timestamp::timestamp};
use crate::model::{Ending, How, SafeText};

mod own;

/// Where the rows are kept.
const KEPT: &[u8] = b"room_list";

/// A room of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct EndingRecord {
    /// Only invited, and not in it, when that was known last.
    invited: bool,
    /// That it ended.
    ended: Option<Ended>,
    /// The room in which it is said to go on, and that this user was not let into.
    refused: Option<OwnedRoomId>,
}

/// See the module.
#[derive(Clone)]
pub(super) struct Endings(Arc<Shared>);

struct Shared {
    client: Client,
    /// The rooms of which it was found out how they ended, for the room list.
    learnt: UnboundedSender<OwnedRoomId>,
    state: Mutex<State>,
    saving: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    rows: BTreeMap<OwnedRoomId, EndingRecord>,
    changed: bool,
    /// Rooms that the user is leaving here.
    leaving: BTreeSet<OwnedRoomId>,
    /// Rooms that the user has left here: an answer that was under way then may bring them once
    /// more.
    left_here: BTreeSet<OwnedRoomId>,
    /// Rooms that the server is being asked about.
    asking: BTreeSet<OwnedRoomId>,
    connected: bool,
}

impl State {
    /// Changes a row, which is kept if that makes a difference.
    fn change(&mut self, room: &RoomId, change: impl FnOnce(&mut EndingRecord)) {
        let new = !self.rows.contains_key(room);
        let row = self.rows.entry(room.to_owned()).or_default();
        let before = row.clone();
        change(row);
        self.changed |= new || *row != before;
    }
}

impl Endings {
    /// Takes up which rooms stood in the list. By the other end of `learnt`, the list hears of
    /// rooms of which there is something else to say now.
    pub async fn start(client: &Client, learnt: UnboundedSender<OwnedRoomId>) -> Self {
        let kept = client.state_store().get_custom_value(KEPT).await.ok().flatten();
        let rows = kept.and_then(|kept| serde_json::from_slice(&kept).ok()).unwrap_or_default();
        let state = Mutex::new(State { rows, ..State::default() });
        Self(Arc::new(Shared { client: client.clone(), learnt, state, saving: tokio::sync::Mutex::default() }))
    }

    /// What the list says of a room: nothing at all (`None`), or whether and how it ended.
    pub async fn of(&self, room: &Room) -> Option<Option<Ending>> {
        if room.is_space() {
            return None;
        }
        match room.state() {
            state @ (RoomState::Joined | RoomState::Invited) => {
                let ending = self.tombstone(room).await;
                let was_invited = self.stands(room, state == RoomState::Invited, ending.as_ref())?;
                if was_invited && state == RoomState::Joined {
                    // A purged room looks like that too.
                    tasks::spawn(self.clone().look_for_left());
                }
                Some(ending)
            }
            RoomState::Left | RoomState::Banned => self.ended(room).await.map(Some),
            RoomState::Knocked => None,
        }
    }

    /// Keeps that a room stands in the list; tells whether it stood there as an invite. `None` for
    /// one that had been upgraded before this client knew it, where the user has moved on already.
    fn stands(&self, room: &Room, invited: bool, ending: Option<&Ending>) -> Option<bool> {
        let mut state = self.state();
        let known = state.rows.get(room.room_id());
        let was_invited = known.is_some_and(|row| row.invited && row.ended.is_none());
        if known.is_none() && ending.is_some() {
            let joined = |room: &Room| room.state() == RoomState::Joined;
            let successor = room.successor_room().and_then(|next| self.0.client.get_room(&next.room_id));
            if successor.as_ref().is_some_and(joined) {
                return None;
            }
        }
        if invited {
            state.left_here.remove(room.room_id());
        }
        state.change(room.room_id(), |row| (row.invited, row.ended) = (invited, None));
        Some(was_invited)
    }

    /// How a room ended that the user is not in any more, if it stood in the list.
    async fn ended(&self, room: &Room) -> Option<Ending> {
        let row = {
            let state = self.state();
            let row = state.rows.get(room.room_id()).filter(|_| !state.leaving.contains(room.room_id()));
            row?.clone()
        };
        let own = room.own_user_id();
        let stored = Own::stored(room).await.filter(Own::is_out);
        // Who leaves in one client knows it; but those whom an administrator takes out of a purged
        // room seem to leave it.
        let by_self = stored.as_ref().is_none_or(|stored| stored.is_by(own));
        if by_self && self.state().left_here.contains(room.room_id()) {
            let mut state = self.state();
            state.changed |= state.rows.remove(room.room_id()).is_some();
            return None;
        }
        match (row.ended, stored.map(|stored| stored.ended(own, row.invited))) {
            (Some(ended), _) if ended != Ended::GONE || by_self => Some(ended.shown()),
            (_, Some(ended)) if !by_self => {
                let shown = ended.shown();
                self.state().change(room.room_id(), |row| row.ended = Some(ended));
                Some(shown)
            }
            (_, provisional) => {
                if self.state().asking.insert(room.room_id().to_owned()) {
                    tasks::spawn(self.clone().ask(room.clone(), row.invited));
                }
                Some(provisional.map_or_else(unknown, |ended| ended.shown()))
            }
        }
    }

    /// Asks the server how a room ended, and has it told.
    async fn ask(self, room: Room, invited: bool) {
        let answer = Own::asked(&room).await;
        let stored = Own::stored(&room).await;
        let ended = match answer {
            Ok(Some(own)) => Some(own).filter(Own::is_out).map(|own| own.ended(room.own_user_id(), invited)),
            // Synapse keeps a ban from whom it is about, and others tell nothing to whoever has
            // declined. An invite to a room that was purged stays one.
            Ok(None) => match stored.filter(|own| own.is_out() && (invited || !own.is_by(room.own_user_id()))) {
                Some(own) => Some(own.ended(room.own_user_id(), invited)),
                None => Some(Ended::GONE),
            },
            Err(error) => {
                tracing::info!(%error, "how a room ended is not known yet");
                None
            }
        };
        {
            let mut state = self.state();
            state.asking.remove(room.room_id());
            if ended.is_none() || !state.rows.contains_key(room.room_id()) {
                return;
            }
            state.change(room.room_id(), |row| row.ended = ended);
        }
        // Nobody listens only while the session ends.
        let _ = self.0.learnt.send(room.room_id().to_owned());
        self.save().await;
    }

    /// What a room's tombstone says.
    async fn tombstone(&self, room: &Room) -> Option<Ending> {
        if !room.is_tombstoned() {
            return None;
        }
        let event = room.get_state_event_static::<RoomTombstoneEventContent>().await.ok().flatten();
        let event = event.and_then(|raw| raw.deserialize().ok());
        let (by, at) = match &event {
            Some(SyncOrStrippedState::Sync(event)) => (Some(event.sender()), Some(timestamp(event.origin_server_ts()))),
            Some(SyncOrStrippedState::Stripped(event)) => (Some(&*event.sender), None),
            None => (None, None),
        };
        let body = room.tombstone_content().and_then(|content| content.body).unwrap_or_default();
        let how = match room.successor_room().map(|successor| successor.room_id) {
            Some(successor) if successor != room.room_id() => {
                let refused = self.state().rows.get(room.room_id()).and_then(|row| row.refused.clone());
                How::Upgraded { refused: refused.as_ref() == Some(&successor), successor: ids::room(&successor) }
            }
            _ => How::Closed,
        };
        Some(Ending { how, by: by.map(ids::user), why: SafeText::line(&body), at })
    }

    /// The room in which another one goes on, and the server of whoever says so.
    pub async fn successor(&self, room: &Room) -> Option<(OwnedRoomId, Vec<OwnedServerName>)> {
        let ending = self.tombstone(room).await?;
        let server = ending.by.as_ref().and_then(ids::sdk_user).map(|user| user.server_name().to_owned());
        let How::Upgraded { successor, .. } = ending.how else { return None };
        Some((ids::sdk_room(&successor)?, server.into_iter().collect()))
    }

    /// The user was not let into the room in which this one is said to go on.
    pub async fn refused(&self, room: &RoomId, successor: OwnedRoomId) {
        self.state().change(room, |row| row.refused = Some(successor));
        self.save().await;
    }

    /// The user is leaving these rooms.
    pub fn leaving(&self, rooms: &[OwnedRoomId]) {
        self.state().leaving.extend(rooms.iter().cloned());
    }

    /// The user has left a room here, or put it away, or (not `left`) could not leave it.
    pub async fn is_left(&self, room: &RoomId, left: bool) {
        {
            let mut state = self.state();
            state.leaving.remove(room);
            if left {
                state.left_here.insert(room.to_owned());
                state.changed |= state.rows.remove(room).is_some();
            }
        }
        self.save().await;
    }

    /// Whether a sliding connection is there: whenever it comes, rooms are looked for that were
    /// left meanwhile.
    pub fn on_connection(&self, there: bool) {
        if !std::mem::replace(&mut self.state().connected, there) && there {
            tasks::spawn(self.clone().look_for_left());
        }
    }

    async fn look_for_left(self) {
        let client = &self.0.client;
        let known = client.joined_rooms();
        let joined = match client.send(joined_rooms::v3::Request::new()).await {
            Ok(answer) => answer.joined_rooms.into_iter().collect::<BTreeSet<_>>(),
            Err(error) => return tracing::info!(%error, "which rooms this user is in is not known"),
        };
        let missing = known.into_iter().filter(|room| !joined.contains(room.room_id()));
        for room in missing.chain(client.invited_rooms()) {
            let invited = room.state() == RoomState::Invited;
            let ended = match Own::asked(&room).await {
                Ok(Some(own)) if own.is_out() => own.ended(room.own_user_id(), invited),
                Ok(None) if !invited => Ended::GONE,
                // Whoever is invited is told nothing either.
                _ => continue,
            };
            {
                let mut state = self.state();
                if !state.rows.contains_key(room.room_id()) || state.leaving.contains(room.room_id()) {
                    continue;
                }
                state.change(room.room_id(), |row| row.ended = Some(ended));
            }
            mark_left(&room).await;
        }
        self.save().await;
    }

    /// Keeps the rows, if they have changed.
    pub async fn save(&self) {
        let _one_at_a_time = self.0.saving.lock().await;
        let rows = {
            let mut state = self.state();
            if !std::mem::take(&mut state.changed) {
                return;
            }
            serde_json::to_vec(&state.rows)
        };
        let Ok(rows) = rows else { return };
        if let Err(error) = self.0.client.state_store().set_custom_value_no_read(KEPT, rows).await {
            tracing::warn!(%error, "which rooms stand in the list is not kept");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown() -> Ending {
    Ending { how: How::Unknown, by: None, why: SafeText::default(), at: None }
}

/// Makes the SDK know that the user is not in a room any more.
pub(super) async fn mark_left(room: &Room) {
    let marked = room.update_and_save_room_info(|mut info| {
        info.mark_as_left();
        info.mark_state_partially_synced();
        info.mark_members_missing();
        (info, RoomInfoNotableUpdateReasons::MEMBERSHIP)
    });
    if let Err(error) = marked.await {
        tracing::warn!(%error, room = %room.room_id(), "a room that was left is kept as joined");
    }
}
