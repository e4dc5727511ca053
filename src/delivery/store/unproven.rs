//! To-device messages of ours (§3) from a device that is not known yet. The homeserver is asked whose it is (L2), which can
//! take a while, and the message does not come again; so it stands here until that is known (L8).

use rusqlite::params;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DAY, Result, Store, disk::Access};
use crate::model::Ms;

/// L7: so many are kept; the oldest are given up first.
const KEPT: u32 = 200;
/// After so many days nobody sends a receipt any more (P9).
const DAYS: Ms = 8;

/// Such a message, as it was decrypted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unproven {
    /// The user who says to have sent it.
    pub sender: String,
    /// The Curve25519 key of the Olm channel by which it came, in base64.
    pub key: String,
    /// Its type.
    pub kind: String,
    /// Its content.
    pub content: Value,
}

impl Store {
    /// This came.
    pub fn remember_unproven(&mut self, message: &Unproven, now: Ms) -> Result<()> {
        self.disk.write(|tx| {
            tx.run(
                "INSERT OR REPLACE INTO unproven (key, day, value) VALUES (?1, ?2, ?3)",
                params![key(tx, message), now / DAY + DAYS, tx.seal(message)?],
            )?;
            tx.run(
                "DELETE FROM unproven WHERE rowid IN (SELECT rowid FROM unproven ORDER BY rowid DESC LIMIT -1 OFFSET ?1)",
                [KEPT],
            )?;
            Ok(())
        })
    }

    /// It was dealt with.
    pub fn forget_unproven(&mut self, message: &Unproven) -> Result<()> {
        self.disk.write(|tx| {
            tx.run("DELETE FROM unproven WHERE key = ?1", [key(tx, message)])?;
            Ok(())
        })
    }

    /// What was not dealt with yet, in the order in which it came.
    pub fn unproven(&self) -> Result<Vec<Unproven>> {
        self.disk.read().all("SELECT value FROM unproven ORDER BY rowid", [])
    }
}

fn key(disk: &Access<'_>, Unproven { sender, key, kind, content }: &Unproven) -> super::disk::Key {
    disk.key("unproven", &[sender, key, kind, &content.to_string()])
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;

    fn message(n: u32) -> Unproven {
        let [sender, key, kind] = ["@bob:x", "curve", "dev.kvitto.delivery"].map(ToOwned::to_owned);
        Unproven { sender, key, kind, content: json!({ "room_id": format!("!{n}") }) }
    }

    #[test]
    fn l8_it_is_there_until_it_is_dealt_with() {
        let dir = TempDir::new().unwrap();
        let open = || Store::open(dir.path(), &[7; 32]).unwrap();
        for n in [1, 2, 1] {
            open().remember_unproven(&message(n), 0).unwrap();
        }
        assert_eq!(open().unproven().unwrap(), [message(2), message(1)]);
        open().forget_unproven(&message(2)).unwrap();
        assert_eq!(open().unproven().unwrap(), [message(1)]);
        let mut store = open();
        store.prune(DAYS * DAY).unwrap();
        assert_eq!(store.unproven().unwrap().len(), 1);
        store.prune((DAYS + 1) * DAY).unwrap();
        assert!(store.unproven().unwrap().is_empty());
    }

    #[test]
    fn l7_the_oldest_are_given_up() {
        let dir = TempDir::new().unwrap();
        let mut store = Store::open(dir.path(), &[7; 32]).unwrap();
        for n in 0..KEPT + 3 {
            store.remember_unproven(&message(n), 0).unwrap();
        }
        let kept = store.unproven().unwrap();
        assert_eq!((kept.len(), &kept[0]), (KEPT as usize, &message(3)));
    }
}
