//! What must survive a restart, a crash or a kill at any instant (L8): one SQLite file,
//! `delivery.sqlite3`.
//!
//! - What was done about others' messages ([`statuses`]), and the [`log`] of it for the user.
//! - Who has asked for receipts, and whom this client has asked (PROTOCOL §3).
//! - The [`ledger`]: own messages with their recorded devices, and what was claimed about them,
//!   also by bridges; beside it the [`responsiveness`] of devices, and what own devices said; and
//!   what came [`early`].
//! - Who is known (P7), and from when on this account reads a room (P2).
//!
//! Each writing method is one transaction. The file tells who talks to whom and when, so values are
//! encrypted and what is looked up is hashed with a key, by the SDK's `StoreCipher`. In the clear
//! stand only how many rows there are, which belong together, how far each receipt is, and the day
//! on which a row may be deleted.
//!
//! The methods block for as long as SQLite takes, well under a millisecond each but for
//! [`large`] messages; they take no clock.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::params;

use self::{
    disk::{Access, Disk},
    large::Aggregates,
    rows::{AskedRow, RequestRow, RoomRow},
};
use crate::{
    delivery::asked::Asked,
    model::{DeviceId, RoomId, Timestamp, UserId},
};

mod answers;
mod bridges;
mod claimed;
mod disk;
mod early;
mod inbox;
mod keys;
mod large;
mod ledger;
mod log;
mod progress;
mod responsiveness;
mod rows;
mod statuses;
mod traces;

pub use claimed::{Claimed, Summed};
pub use disk::Keeper;
pub use inbox::{Inbox, Incoming};
pub use large::Page;
pub use log::LOG_ROWS;
pub use progress::Seen;

/// So many rooms one device may ask about; what it asked first is forgotten first.
pub const ROOMS_PER_DEVICE: u32 = 500;
/// What was done about a message is forgotten after so many days. P9 no longer lets it be
/// acknowledged then.
const STATUS_DAYS: u64 = 30;
/// The same as a span.
const STATUS_TIME: Duration = Duration::from_hours(24 * STATUS_DAYS);

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refuses.
    #[error("the receipt store {path} cannot be opened: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It was made with another key.
    #[error(
        "the receipt store {0} belongs to another key; put the profile's own key file back, or move the store away"
    )]
    OtherKey(PathBuf),
    /// It is not a store, or was one.
    #[error("the receipt store {0} is damaged; move it away to start with an empty one")]
    Damaged(PathBuf),
    /// It was written by a later version.
    #[error("the receipt store {0} was written by a newer kvitto")]
    Newer(PathBuf),
    /// One entry makes no sense.
    #[error("an entry of the receipt store cannot be read: {0}")]
    Entry(&'static str),
    /// One entry is not JSON.
    #[error("an entry of the receipt store cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// One entry cannot be decrypted, or not be encrypted.
    #[error("an entry of the receipt store cannot be decrypted: {0}")]
    Cipher(#[from] matrix_sdk_store_encryption::Error),
    /// SQLite fails: the disk is full, or the file locked or broken.
    #[error("the receipt store failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

type Result<T> = std::result::Result<T, StoreError>;

/// The open store.
pub struct Store {
    disk: Disk,
    /// What is in memory beside it, of large messages whose receipts come in.
    aggregates: Aggregates,
    /// What stands on disk because it came early.
    early: early::Keys,
}

impl Store {
    /// Opens or makes `delivery.sqlite3` in a folder that exists; the file is readable by its owner
    /// only.
    pub fn open(dir: &Path, key: &[u8; 32]) -> Result<Self> {
        let disk = Disk::open(&dir.join("delivery.sqlite3"), key)?;
        let early = early::keys(&disk.read())?;
        Ok(Self { disk, aggregates: Aggregates::default(), early })
    }

    /// From now on a write is done by this, which can try it again when the disk does not take it.
    pub fn wait_for_disk(&mut self, keeper: Keeper) {
        self.disk.wait_for_disk(keeper);
    }

    /// This device uses the file from now on. Whom another one of this account has asked, it has
    /// asked for itself (§3), and what another one withheld says nothing about the silence of this
    /// one: so that is forgotten. What others have asked of this account holds on, and what is owed
    /// is decided anew (P2).
    pub fn begin_as(&mut self, device: &DeviceId) -> Result<()> {
        self.disk.write(|tx| {
            let before: Option<String> = tx.one("SELECT value FROM device", [])?;
            if before.as_deref() == Some(device.as_str()) {
                return Ok(());
            }
            for statement in ["DELETE FROM asked", "DELETE FROM quiet", "DELETE FROM device"] {
                tx.run(statement, [])?;
            }
            tx.run("INSERT INTO device (value) VALUES (?1)", [tx.seal(&device.as_str())?])?;
            Ok(())
        })
    }

    /// A session begins. Whether the one before was killed.
    pub fn begin_run(&mut self) -> Result<bool> {
        self.disk.write(|tx| {
            let was_killed = tx.exists("SELECT 1 FROM running", [])?;
            if !was_killed {
                tx.run("INSERT INTO running (one) VALUES (1)", [])?;
            }
            Ok(was_killed)
        })
    }

    /// It ends, and everything that it was told is on disk.
    pub fn end_run(&mut self) -> Result<()> {
        self.disk.write(|tx| {
            tx.run("DELETE FROM running", [])?;
            Ok(())
        })
    }

    // ── requests (§3) ──

    /// This device of somebody else's asks for receipts in this room.
    pub fn remember_request(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        room: &RoomId,
        expires: Timestamp,
    ) -> Result<()> {
        let (user, device, room) = (user.as_str(), device.as_str(), room.as_str());
        self.disk.write(|tx| {
            let device_key = tx.key("device", &[user, device]);
            tx.run(
                "INSERT OR REPLACE INTO requests (key, person, device, day, value) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    tx.key("request", &[user, device, room]),
                    tx.key("person", &[user, room]),
                    device_key,
                    expires.day(),
                    tx.seal(&RequestRow { device: device.to_owned(), expires })?
                ],
            )?;
            tx.run(
                "DELETE FROM requests WHERE rowid IN
                 (SELECT rowid FROM requests WHERE device = ?1 ORDER BY rowid DESC LIMIT -1 OFFSET ?2)",
                params![device_key, ROOMS_PER_DEVICE],
            )?;
            Ok(())
        })
    }

    /// This person's devices that ask for receipts in this room, by id.
    pub fn asking_devices(&self, user: &UserId, room: &RoomId, now: Timestamp) -> Result<Vec<DeviceId>> {
        let disk = self.disk.read();
        let key = disk.key("person", &[user.as_str(), room.as_str()]);
        let rows: Vec<RequestRow> = disk.all("SELECT value FROM requests WHERE person = ?1", [key])?;
        let asking = rows.iter().filter(|row| row.expires > now);
        let mut devices: Vec<DeviceId> = asking.map(|row| DeviceId::new(&row.device)).collect();
        devices.sort();
        Ok(devices)
    }

    /// This client has asked these devices for receipts in this room.
    pub fn remember_asked(&mut self, room: &RoomId, devices: &[(UserId, DeviceId)], expires: Timestamp) -> Result<()> {
        self.disk.write(|tx| {
            for (user, device) in devices {
                let key = || tx.key("asked", &[room.as_str(), user.as_str(), device.as_str()]);
                let before: Option<AskedRow> = tx.one("SELECT value FROM asked WHERE key = ?1", [key()])?;
                let asked = Asked::until(expires, before.map(|row| row.asked()));
                tx.run(
                    "INSERT OR REPLACE INTO asked (key, room, day, value) VALUES (?1, ?2, ?3, ?4)",
                    params![
                        key(),
                        tx.key("room", &[room.as_str()]),
                        expires.day(),
                        tx.seal(&AskedRow::new(user, device, asked))?
                    ],
                )?;
            }
            Ok(())
        })
    }

    /// The devices that this client has asked in this room, as far as that still holds.
    pub fn asked(&self, room: &RoomId, now: Timestamp) -> Result<HashMap<(UserId, DeviceId), Asked>> {
        let disk = self.disk.read();
        let rows: Vec<AskedRow> =
            disk.all("SELECT value FROM asked WHERE room = ?1", [disk.key("room", &[room.as_str()])])?;
        Ok(rows.iter().filter(|row| row.expires > now).map(AskedRow::entry).collect())
    }

    // ── people and rooms ──

    /// These people are known to this user (P7).
    pub fn remember_known(&mut self, users: &[UserId]) -> Result<()> {
        self.disk.write(|tx| {
            for user in users {
                tx.run("INSERT OR IGNORE INTO known (key) VALUES (?1)", [tx.key("user", &[user.as_str()])])?;
            }
            Ok(())
        })
    }

    /// Whether this person is known to this user (P7).
    pub fn is_known(&self, user: &UserId) -> Result<bool> {
        let disk = self.disk.read();
        disk.exists("SELECT 1 FROM known WHERE key = ?1", [disk.key("user", &[user.as_str()])])
    }

    /// Since when this account is in the room, as far as recorded (P2).
    pub fn joined_since(&self, room: &RoomId) -> Result<Option<Timestamp>> {
        Ok(read_room(&self.disk.read(), room)?.joined_since)
    }

    /// This account is in the room since then; `None` when it has left (P2).
    pub fn set_joined_since(&mut self, room: &RoomId, since: Option<Timestamp>) -> Result<()> {
        self.change_room(room, |row| row.joined_since = since)
    }

    fn change_room(&mut self, room: &RoomId, change: impl Fn(&mut RoomRow)) -> Result<()> {
        self.disk.write(|tx| {
            let mut row = read_room(tx, room)?;
            change(&mut row);
            tx.run(
                "INSERT OR REPLACE INTO rooms (key, value) VALUES (?1, ?2)",
                params![tx.key("room", &[room.as_str()]), tx.seal(&row)?],
            )?;
            Ok(())
        })
    }

    /// Deletes what has no use any more: statuses 30 days after the first pruning that saw them,
    /// rows of the log after as many, requests that are over, and what came early and nobody
    /// decided about. To be called about once a day.
    pub fn prune(&mut self, now: Timestamp) -> Result<()> {
        let today = now.day();
        self.disk.write(|tx| {
            tx.run("UPDATE fates SET day = ?1 WHERE day IS NULL", [today + STATUS_DAYS])?;
            tx.run("DELETE FROM fates WHERE day < ?1", [today])?;
            tx.run("DELETE FROM log WHERE day < ?1", [today])?;
            tx.run("DELETE FROM requests WHERE day < ?1", [today])?;
            tx.run("DELETE FROM asked WHERE day < ?1", [today])?;
            tx.run("DELETE FROM early WHERE day < ?1", [today])?;
            tx.run("DELETE FROM inbox WHERE day < ?1", [today])?;
            tx.run("DELETE FROM quiet WHERE day < ?1", [today])?;
            tx.run("DELETE FROM traces WHERE day < ?1", [today])?;
            Ok(())
        })
    }
}

fn read_room(disk: &Access<'_>, room: &RoomId) -> Result<RoomRow> {
    let row = disk.one("SELECT value FROM rooms WHERE key = ?1", [disk.key("room", &[room.as_str()])])?;
    Ok(row.unwrap_or_default())
}

#[cfg(test)]
mod tests;
