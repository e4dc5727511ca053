//! To-device messages of ours (§3) that came, until they are dealt with.
//!
//! Such a message can be decrypted once, and the homeserver does not send it again. Whose device
//! has sent it may have to be asked for (L2), and there may be a crowd of them, of which each
//! takes its time. So all are put here first, through a connection of their own that waits for
//! nobody else, and go on from here, also after a kill (L8).

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use rusqlite::params;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Keeper, Result, Store,
    disk::{Access, Disk, RowKey},
};
use crate::model::Timestamp;

/// L7: so many are kept; the oldest are given up first.
const KEPT: u32 = 1_000;
/// After so many days nobody sends a receipt any more (P9).
const DAYS: u64 = 8;

/// Such a message, as it was decrypted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incoming {
    /// The user who says to have sent it.
    pub sender: String,
    /// The Curve25519 key of the Olm channel by which it came, in base64.
    pub key: String,
    /// Its type.
    pub kind: String,
    /// Its content.
    pub content: Value,
}

/// The way in.
pub struct Inbox(Mutex<Disk>);

impl Inbox {
    /// Opens it beside the [`Store`] in the same folder, after that.
    pub fn open(dir: &Path, key: &[u8; 32], keeper: Option<Keeper>) -> Result<Self> {
        let mut disk = Disk::open(&dir.join("delivery.sqlite3"), key)?;
        if let Some(keeper) = keeper {
            disk.wait_for_disk(keeper);
        }
        Ok(Self(Mutex::new(disk)))
    }

    /// This came.
    pub fn keep(&self, message: &Incoming, now: Timestamp) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(|tx| {
            tx.run(
                "INSERT OR REPLACE INTO inbox (key, day, value) VALUES (?1, ?2, ?3)",
                params![key(tx, message), now.day() + DAYS, tx.seal(message)?],
            )?;
            tx.run(
                "DELETE FROM inbox WHERE rowid IN (SELECT rowid FROM inbox ORDER BY rowid DESC LIMIT -1 OFFSET ?1)",
                [KEPT],
            )?;
            Ok(())
        })
    }
}

impl Store {
    /// It was dealt with.
    pub fn dealt_with(&mut self, message: &Incoming) -> Result<()> {
        self.disk.write(|tx| {
            tx.run("DELETE FROM inbox WHERE key = ?1", [key(tx, message)])?;
            Ok(())
        })
    }

    /// What was not dealt with yet, in the order in which it came.
    pub fn inbox(&self) -> Result<Vec<Incoming>> {
        self.disk.read().all("SELECT value FROM inbox ORDER BY rowid", [])
    }
}

fn key(disk: &Access<'_>, Incoming { sender, key, kind, content }: &Incoming) -> RowKey {
    disk.key("incoming", &[sender, key, kind, &content.to_string()])
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;

    const fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    const KEY: [u8; 32] = [7; 32];

    fn message(n: u32) -> Incoming {
        let [sender, key, kind] = ["@bob:x", "curve", "dev.kvitto.delivery"].map(ToOwned::to_owned);
        Incoming { sender, key, kind, content: json!({ "room_id": format!("!{n}") }) }
    }

    #[test]
    fn l8_it_is_there_until_it_is_dealt_with() {
        let dir = TempDir::new().unwrap();
        let open = || Store::open(dir.path(), &KEY).unwrap();
        let mut store = open();
        let inbox = Inbox::open(dir.path(), &KEY, None).unwrap();
        for n in [1, 2, 1] {
            inbox.keep(&message(n), at(0)).unwrap();
        }
        assert_eq!(open().inbox().unwrap(), [message(2), message(1)]);
        store.dealt_with(&message(2)).unwrap();
        assert_eq!(open().inbox().unwrap(), [message(1)]);
        store.prune(super::super::tests::day(DAYS)).unwrap();
        assert_eq!(store.inbox().unwrap().len(), 1);
        store.prune(super::super::tests::day(DAYS + 1)).unwrap();
        assert!(store.inbox().unwrap().is_empty());
    }

    #[test]
    fn l7_the_oldest_are_given_up() {
        let dir = TempDir::new().unwrap();
        let store = Store::open(dir.path(), &KEY).unwrap();
        let inbox = Inbox::open(dir.path(), &KEY, None).unwrap();
        for n in 0..KEPT + 3 {
            inbox.keep(&message(n), at(0)).unwrap();
        }
        let kept = store.inbox().unwrap();
        assert_eq!((kept.len(), &kept[0]), (KEPT as usize, &message(3)));
    }
}
