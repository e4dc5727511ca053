//! A store on a real file, whose program is killed after so many writes.

use super::super::*;
use super::world::room;
use crate::{
    delivery::store::Store,
    model::{LogEntry, Trace},
};

/// It was killed.
#[derive(Debug)]
pub struct Killed;

type Result<T> = std::result::Result<T, Killed>;

/// See the module.
pub struct Mortal {
    store: Store,
    /// After so many more writes it is killed.
    writes: Option<u32>,
    /// What was withheld for good.
    pub withheld: Vec<(RoomId, EventId, Reason)>,
}

impl Mortal {
    pub fn new(store: Store) -> Self {
        Self { store, writes: None, withheld: Vec::new() }
    }

    pub fn kill_after(&mut self, writes: u32) {
        self.writes = Some(writes);
    }

    pub fn log(&self) -> Result<Vec<LogEntry>> {
        Ok(self.living()?.log().unwrap())
    }

    pub fn traces(&self) -> Vec<Trace> {
        self.store.traces(&room(0)).unwrap()
    }

    fn living(&self) -> Result<&Store> {
        if self.writes == Some(0) { Err(Killed) } else { Ok(&self.store) }
    }

    fn writing(&mut self) -> Result<&mut Store> {
        self.living()?;
        self.writes = self.writes.map(|writes| writes - 1);
        if self.writes == Some(0) { Err(Killed) } else { Ok(&mut self.store) }
    }
}

impl Journal for Mortal {
    type Error = Killed;

    fn stage(&self, room: &RoomId, event: &EventId) -> Result<Option<Stage>> {
        Ok(self.living()?.stage(room, event).unwrap())
    }

    fn owed(&self) -> Result<Vec<Owed>> {
        Ok(self.living()?.owed().unwrap())
    }

    fn awaiting(&self) -> Result<Vec<Awaited>> {
        Ok(self.living()?.awaiting().unwrap())
    }

    fn record(&mut self, entries: &[Entry], now: Timestamp) -> Result<()> {
        let mut withheld = Vec::new();
        for Entry { room_id: room, event_id: event, step, .. } in entries {
            if let Step::Withhold(reason) = step
                && self.stage(room, event)? < Some(Stage::Withheld)
            {
                withheld.push((room.clone(), event.clone(), *reason));
            }
        }
        self.writing()?.record(entries, now).unwrap();
        self.withheld.extend(withheld);
        Ok(())
    }

    fn incognito(&self) -> Result<Incognito> {
        Ok(self.living()?.incognito().unwrap())
    }

    fn set_incognito(&mut self, incognito: &Incognito) -> Result<()> {
        self.writing()?.set_incognito(incognito).unwrap();
        Ok(())
    }

    fn withheld(&self, person: &UserId, room: &RoomId) -> Result<Option<Timestamp>> {
        Ok(self.living()?.withheld(person, room).unwrap())
    }

    fn told_in_vain(&self, person: &UserId) -> Result<Option<Timestamp>> {
        Ok(self.living()?.told_in_vain(person).unwrap())
    }

    fn asking_devices(&self, user: &UserId, room: &RoomId, now: Timestamp) -> Result<Vec<DeviceId>> {
        Ok(self.living()?.asking_devices(user, room, now).unwrap())
    }

    fn remember_request(&mut self, user: &UserId, device: &DeviceId, room: &RoomId, expires: Timestamp) -> Result<()> {
        self.writing()?.remember_request(user, device, room, expires).unwrap();
        Ok(())
    }
}
