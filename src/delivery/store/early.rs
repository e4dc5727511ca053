//! Claims that are in nobody's ledger yet, because the message that they are about is not known
//! (L1), or not who is in its room (L2). What they claim is said once: a receipt that the server
//! has handed out, or a device has sent, does not come again. So they stand here until they are
//! decided about (L8), and after a restart that begins anew.
//!
//! How many there are is bounded by who [holds](crate::delivery::ledger::Held) them. What nobody
//! decided about for [`DAYS`] days is deleted.

use std::collections::HashSet;

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{
    Result, Store,
    disk::{Access, RowKey},
    rows::ClaimRow,
};
use crate::{
    delivery::{
        ledger::{Counted, Early, PeerClaim, Stamp},
        receipt::Summary,
    },
    model::{EventId, RoomId, Timestamp},
};

/// After so many days nobody sends a receipt any more (P9).
const DAYS: u64 = 8;

/// The keys of all rows.
pub type Keys = HashSet<RowKey>;

#[derive(Serialize, Deserialize)]
struct EarlyRow {
    room: String,
    event: String,
    said: Said,
}

#[derive(Serialize, Deserialize)]
enum Said {
    Claim { claim: ClaimRow, quiet: bool },
    Counted { users: usize, devices: usize, latest: Option<Timestamp> },
}

impl EarlyRow {
    fn of_claim(claim: &PeerClaim) -> Self {
        let PeerClaim {
            room_id: room,
            event_id: event,
            user_id: user,
            device_id: device,
            at,
            state,
            route,
            heard,
            quiet,
        } = claim.clone();
        let claim = ClaimRow::new(&(user, device), &Stamp { at, state, route, heard });
        Self::new(&room, &event, Said::Claim { claim, quiet })
    }

    fn of_counts(Counted { room_id: room, event_id: event, summary }: &Counted) -> Self {
        let Summary { users, devices, latest } = *summary;
        Self::new(room, event, Said::Counted { users, devices, latest })
    }

    fn new(room: &RoomId, event: &EventId, said: Said) -> Self {
        Self { room: room.as_str().to_owned(), event: event.as_str().to_owned(), said }
    }

    fn add_to(self, early: &mut Early) -> Result<()> {
        let (room, event) = (RoomId::new(self.room), EventId::new(self.event));
        match self.said {
            Said::Claim { claim, quiet } => {
                let ((user, device), Stamp { at, state, route, heard }) = claim.entry()?;
                early.claims.push(PeerClaim {
                    room_id: room,
                    event_id: event,
                    user_id: user,
                    device_id: device,
                    at,
                    state,
                    route,
                    heard,
                    quiet,
                });
            }
            Said::Counted { users, devices, latest } => {
                early.summaries.push(Counted {
                    room_id: room,
                    event_id: event,
                    summary: Summary { users, devices, latest },
                });
            }
        }
        Ok(())
    }
}

impl Store {
    /// This came early.
    pub fn remember_early(&mut self, early: &Early, now: Timestamp) -> Result<()> {
        let rows = early.claims.iter().map(|claim| (Ok(claim), EarlyRow::of_claim(claim)));
        let counts = early.summaries.iter().map(|counted| (Err(counted), EarlyRow::of_counts(counted)));
        let rows: Vec<_> = rows.chain(counts).collect();
        let keys = self.disk.write(|tx| {
            rows.iter()
                .map(|(of, row)| {
                    let key =
                        of.map_or_else(|counted| key_of_counts(tx, &counted.event_id), |claim| key_of_claim(tx, claim));
                    tx.run(
                        "INSERT OR REPLACE INTO early (key, day, value) VALUES (?1, ?2, ?3)",
                        params![key, now.day() + DAYS, tx.seal(row)?],
                    )?;
                    Ok(key)
                })
                .collect::<Result<Vec<_>>>()
        })?;
        self.early.extend(keys);
        Ok(())
    }

    /// All that came early and was not decided about, in the order in which it came.
    pub fn early(&self) -> Result<Early> {
        let mut early = Early::default();
        self.disk.read().each("SELECT value FROM early ORDER BY rowid", [], |row: EarlyRow| row.add_to(&mut early))?;
        Ok(early)
    }

    /// It was decided about this: it is not believed, or there is nowhere to keep it.
    pub fn forget_early(&mut self, early: &Early) -> Result<()> {
        let keys = &mut self.early;
        if keys.is_empty() {
            return Ok(());
        }
        self.disk.write(|tx| {
            forget_claims(tx, keys, early.claims.iter())?;
            early.summaries.iter().try_for_each(|counted| forget_counts(tx, keys, &counted.event_id))
        })
    }
}

/// These claims are in the ledger now, or refused by it.
pub(super) fn forget_claims<'a>(
    tx: &Access<'_>,
    keys: &mut Keys,
    claims: impl IntoIterator<Item = &'a PeerClaim>,
) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    claims.into_iter().try_for_each(|claim| forget(tx, keys, key_of_claim(tx, claim)))
}

/// The counts for this event are.
pub(super) fn forget_counts(tx: &Access<'_>, keys: &mut Keys, event: &EventId) -> Result<()> {
    if keys.is_empty() { Ok(()) } else { forget(tx, keys, key_of_counts(tx, event)) }
}

/// A key that is gone here and not on disk, because the transaction failed, costs that the row is
/// looked at again after a restart.
fn forget(tx: &Access<'_>, keys: &mut Keys, key: RowKey) -> Result<()> {
    if keys.remove(&key) {
        tx.run("DELETE FROM early WHERE key = ?1", [key])?;
    }
    Ok(())
}

fn key_of_claim(disk: &Access<'_>, claim: &PeerClaim) -> RowKey {
    let device = claim.device_id.as_ref().map_or("", |device| device.as_str());
    let at = claim.at.map(|at| at.as_millis().to_string()).unwrap_or_default();
    let quiet = if claim.quiet { "quiet" } else { "" };
    let names = [
        claim.room_id.as_str(),
        claim.event_id.as_str(),
        claim.user_id.as_str(),
        device,
        claim.state.as_str(),
        &at,
        quiet,
    ];
    disk.key("early", &names)
}

fn key_of_counts(disk: &Access<'_>, event: &EventId) -> RowKey {
    disk.key("early counts", &[event.as_str()])
}

/// The keys of all rows, as they stand.
pub(super) fn keys(disk: &Access<'_>) -> Result<Keys> {
    disk.keys("SELECT key FROM early")
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::{
        delivery::{ledger::OwnEvent, receipt::ClaimState},
        model::{DeviceId, Route, UserId},
    };

    const fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn claim(n: usize, device: Option<&str>, quiet: bool) -> PeerClaim {
        let (room, event, user) = (RoomId::new("!r"), EventId::new(format!("${n}")), UserId::new("@bob:x"));
        let device = device.map(DeviceId::new);
        PeerClaim {
            room_id: room,
            event_id: event,
            user_id: user,
            device_id: device,
            at: Some(at(5)),
            state: ClaimState::Delivered,
            route: Route::Direct,
            heard: at(6),
            quiet,
        }
    }

    fn counted(n: usize) -> Counted {
        let summary = Summary { users: 1, devices: 2, latest: None };
        Counted { room_id: RoomId::new("!r"), event_id: EventId::new(format!("${n}")), summary }
    }

    fn own(n: usize) -> OwnEvent {
        let (room, event) = (RoomId::new("!r"), EventId::new(format!("${n}")));
        OwnEvent { room_id: room, event_id: event, sent: at(1), expected: [].into(), claims: [].into() }
    }

    #[test]
    fn l8_what_came_early_is_there_until_it_is_decided_about() {
        let dir = TempDir::new().unwrap();
        let open = || Store::open(dir.path(), &[7; 32]).unwrap();
        let claims = vec![claim(1, Some("PHONE"), true), claim(1, None, false), claim(2, Some("PHONE"), false)];
        let early = Early { claims: claims.clone(), summaries: vec![counted(1), counted(3)] };
        for _ in 0..2 {
            open().remember_early(&early, at(0)).unwrap();
            assert_eq!(open().early().unwrap(), early);
        }

        let mut store = open();
        assert_eq!(store.claim(&claims, at(9)).unwrap().unknown.len(), 3);
        assert_eq!(store.early().unwrap(), early, "no message is known");
        store.record_recipients(&own(1)).unwrap();
        store.claim(&claims, at(9)).unwrap();
        assert_eq!(open().early().unwrap().claims, claims[2..]);
        store.sum_up(&RoomId::new("!r"), &[(EventId::new("$1"), counted(1).summary)], 5, at(9)).unwrap();
        assert_eq!(open().early().unwrap().summaries, [counted(3)]);
        store.forget_early(&Early { claims: claims[2..].to_vec(), summaries: vec![counted(3)] }).unwrap();
        assert!(open().early().unwrap().is_empty());
    }

    #[test]
    fn l7_what_nobody_decides_about_is_deleted() {
        let dir = TempDir::new().unwrap();
        let mut store = Store::open(dir.path(), &[7; 32]).unwrap();
        store.remember_early(&vec![claim(1, None, false)].into(), at(0)).unwrap();
        store.prune(super::super::tests::day(DAYS)).unwrap();
        assert_eq!(store.early().unwrap().claims.len(), 1);
        store.prune(super::super::tests::day(DAYS + 1)).unwrap();
        assert!(store.early().unwrap().is_empty());
    }
}
