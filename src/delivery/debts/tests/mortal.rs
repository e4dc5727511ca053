//! A store on a real file, whose program is killed after so many writes.

use super::super::*;
use crate::delivery::store::{Store, StoreError};

/// Why nothing comes of it.
#[derive(Debug)]
pub enum Gone {
    /// The program was killed.
    Killed,
    /// The store is broken, which no schedule may bring about.
    Store(StoreError),
}

impl From<StoreError> for Gone {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

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

    pub fn log(&self) -> Result<Vec<crate::model::LogEntry>, Gone> {
        Ok(self.living()?.log()?)
    }

    fn living(&self) -> Result<&Store, Gone> {
        if self.writes == Some(0) { Err(Gone::Killed) } else { Ok(&self.store) }
    }

    fn writing(&mut self) -> Result<&mut Store, Gone> {
        self.living()?;
        self.writes = self.writes.map(|writes| writes - 1);
        if self.writes == Some(0) { Err(Gone::Killed) } else { Ok(&mut self.store) }
    }
}

impl Book for Mortal {
    type Error = Gone;

    fn stage(&self, room: &RoomId, event: &EventId) -> Result<Option<Stage>, Gone> {
        Ok(self.living()?.stage(room, event)?)
    }

    fn owed(&self) -> Result<Vec<Owed>, Gone> {
        Ok(self.living()?.owed()?)
    }

    fn awaiting(&self) -> Result<Vec<Awaited>, Gone> {
        Ok(self.living()?.awaiting()?)
    }

    fn record(&mut self, entries: &[Entry], now: Ms) -> Result<(), Gone> {
        let mut withheld = Vec::new();
        for Entry { room, event, step, .. } in entries {
            if let Step::Withhold(reason) = step
                && self.stage(room, event)? < Some(Stage::Withheld)
            {
                withheld.push((room.clone(), event.clone(), *reason));
            }
        }
        self.writing()?.record(entries, now)?;
        self.withheld.extend(withheld);
        Ok(())
    }

    fn incognito(&self) -> Result<Incognito, Gone> {
        Ok(self.living()?.incognito()?)
    }

    fn set_incognito(&mut self, incognito: &Incognito) -> Result<(), Gone> {
        Ok(self.writing()?.set_incognito(incognito)?)
    }

    fn asking_devices(&self, user: &UserId, room: &RoomId, now: Ms) -> Result<Vec<DeviceId>, Gone> {
        Ok(self.living()?.asking_devices(user, room, now)?)
    }

    fn remember_request(&mut self, user: &UserId, device: &DeviceId, room: &RoomId, expires: Ms) -> Result<(), Gone> {
        Ok(self.writing()?.remember_request(user, device, room, expires)?)
    }
}
