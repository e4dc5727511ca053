//! How far this device has come in what it is told: per room, and with `/sync` as a whole. It is
//! kept after what came has been dealt with, so that whatever a kill cut off is looked at again
//! (P2: missed is new, not scrollback).

use rusqlite::params;

use super::{Result, Store, read_room};
use crate::{
    delivery::incognito::Incognito,
    model::{DeviceId, EventId, RoomId, Timestamp},
};

/// Up to where a room is known to be complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The time of its newest event.
    pub at: Timestamp,
    /// The newest event.
    pub newest: EventId,
}

impl Store {
    /// Up to where everything in this room has been gone through.
    pub fn seen(&self, room: &RoomId) -> Result<Option<Seen>> {
        let row = read_room(&self.disk.read(), room)?;
        Ok(row.seen.map(|(at, newest)| Seen { at, newest: EventId::new(newest) }))
    }

    /// Everything in this room up to here has been gone through.
    pub fn set_seen(&mut self, room: &RoomId, at: Timestamp, newest: &EventId) -> Result<()> {
        self.change_room(room, |row| row.seen = Some((at, newest.as_str().to_owned())))
    }

    /// Where there is or was incognito (P12).
    pub fn incognito(&self) -> Result<Incognito> {
        let disk = self.disk.read();
        let row: Option<Vec<(Option<String>, Timestamp)>> =
            disk.one("SELECT value FROM rooms WHERE key = ?1", [disk.key("incognito", &[])])?;
        let entries = row.unwrap_or_default().into_iter();
        Ok(Incognito::new(entries.map(|(room, until)| (room.map(RoomId::new), until))))
    }

    /// There is or was incognito there (P12). One row for all rooms, since it is read as a whole.
    pub fn set_incognito(&mut self, incognito: &Incognito) -> Result<()> {
        let entries: Vec<_> = incognito.entries().map(|(room, until)| (room.map(RoomId::as_str), until)).collect();
        self.disk.write(|tx| {
            let row = params![tx.key("incognito", &[]), tx.seal(&entries)?];
            tx.run("INSERT OR REPLACE INTO rooms (key, value) VALUES (?1, ?2)", row)?;
            Ok(())
        })
    }

    /// Something may be missing in this room; it is being fetched.
    pub fn begin_backfill(&mut self, room: &RoomId) -> Result<()> {
        self.disk.write(|tx| {
            let row = params![tx.key("room", &[room.as_str()]), tx.seal(&room.as_str())?];
            tx.run("INSERT OR REPLACE INTO walks (key, value) VALUES (?1, ?2)", row)?;
            Ok(())
        })
    }

    /// What was missing in this room has been fetched.
    pub fn end_backfill(&mut self, room: &RoomId) -> Result<()> {
        self.disk.write(|tx| {
            tx.run("DELETE FROM walks WHERE key = ?1", [tx.key("room", &[room.as_str()])])?;
            Ok(())
        })
    }

    /// The rooms in which something may be missing.
    pub fn backfills(&self) -> Result<Vec<RoomId>> {
        let rooms: Vec<String> = self.disk.read().all("SELECT value FROM walks", [])?;
        Ok(rooms.into_iter().map(RoomId::new).collect())
    }

    /// The `next_batch` of the last `/sync` that this device has gone through.
    pub fn sync_token(&self, device: &DeviceId) -> Result<Option<String>> {
        let row: Option<(String, String)> = self.disk.read().one("SELECT value FROM sync_token", [])?;
        Ok(row.filter(|(of, _)| of == device.as_str()).map(|(_, token)| token))
    }

    /// This device has gone through everything that came with the `/sync` that gave this
    /// `next_batch`.
    pub fn set_sync_token(&mut self, device: &DeviceId, token: &str) -> Result<()> {
        self.disk.write(|tx| {
            tx.run("DELETE FROM sync_token", [])?;
            tx.run("INSERT INTO sync_token (value) VALUES (?1)", [tx.seal(&(device.as_str(), token))?])?;
            Ok(())
        })
    }
}
