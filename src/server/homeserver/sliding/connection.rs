//! What a connection has been told.

use std::{collections::BTreeMap, sync::Arc};

use ruma::{OwnedRoomId, UserId, events::room::member::MembershipState};

use super::{
    super::{
        error::{Answer, unknown_token},
        sync::news,
        world::{Caller, Room, World},
    },
    detail::Detail,
    windows::Shown,
};

/// The connections of all devices, by the names that the devices give them. A device is known by
/// the position at which it was added too, since another one may be called the same later.
#[derive(Default)]
pub struct Connections(BTreeMap<(Caller, u64), BTreeMap<String, Connection>>);

impl Connections {
    /// Those of this device. Those of devices that are gone are dropped.
    pub fn of(&mut self, world: &World, caller: &Caller) -> Answer<&mut BTreeMap<String, Connection>> {
        let added = |caller: &Caller| world.device(caller).map(|device| device.added);
        self.0.retain(|(known, at), _| added(known) == Some(*at));
        let at = added(caller).ok_or_else(unknown_token)?;
        Ok(self.0.entry((caller.clone(), at)).or_default())
    }
}

/// A client's own line of requests, one after the other.
#[derive(Default)]
pub struct Connection {
    last: u64,
    /// By the `pos` that was given out: the one that came back last, and what was given out in
    /// answer to it.
    told: BTreeMap<u64, Told>,
}

impl Connection {
    /// Continues from a `pos`. That it came back proves that the client has it, and so no older one
    /// is needed.
    pub fn resume(&mut self, pos: &str) -> Option<Told> {
        let pos = pos.parse().ok()?;
        let told = self.told.get(&pos)?.clone();
        self.told.retain(|known, _| *known >= pos);
        Some(told)
    }

    /// The `pos` under which the next request continues from here.
    pub fn give_out(&mut self, told: Told) -> String {
        // Between the one that came back and this one are those whose answers were lost.
        let came_back = self.told.keys().next().copied();
        self.told.retain(|pos, _| Some(*pos) == came_back);
        self.last += 1;
        self.told.insert(self.last, told);
        self.last.to_string()
    }

    /// How many it remembers.
    #[cfg(test)]
    pub fn known(&self) -> usize {
        self.told.len()
    }
}

/// What has been told up to some `pos`.
#[derive(Clone, Default)]
pub struct Told {
    /// Everything that is asked for in every request, up to this position. Nothing, when it is 0.
    pub position: u64,
    /// The number of the last bundle of delivery receipts.
    pub bundle: Option<u64>,
    pub rooms: BTreeMap<OwnedRoomId, ToldRoom>,
}

/// What has been told of a room.
#[derive(Clone)]
pub struct ToldRoom {
    /// Up to this position.
    pub position: u64,
    pub invited: bool,
    /// How much of it.
    pub detail: Arc<Detail>,
}

impl Told {
    /// The same, a response later: rooms that it does not show stay where they were.
    pub fn at(&self, position: u64, bundle: Option<u64>) -> Self {
        Self { position, bundle: bundle.or(self.bundle), rooms: self.rooms.clone() }
    }

    /// The room as this connection knows it, if it does: who was invited knows nothing of what they
    /// see when they join, nor does who has been away in between.
    pub fn room(&self, room: &Room, user: &UserId) -> Option<&ToldRoom> {
        let told = self.rooms.get(&room.id)?;
        let own = room.state("m.room.member", user.as_str())?;
        let stayed =
            own.position <= told.position || news::joined_at(room, user).is_some_and(|joined| joined <= told.position);
        (stayed && told.invited == (own.membership() == MembershipState::Invite)).then_some(told)
    }

    /// This room has been told up to here.
    pub fn tell(&mut self, room: &Room, user: &UserId, shown: &Shown) {
        let detail = match self.rooms.get(&room.id) {
            Some(told) if *told.detail != *shown.detail => Arc::new(told.detail.and(&shown.detail)),
            _ => Arc::clone(&shown.detail),
        };
        let invited = room.membership(user) == MembershipState::Invite;
        self.rooms.insert(room.id.clone(), ToldRoom { position: self.position, invited, detail });
    }
}
