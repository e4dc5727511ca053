//! What is kept beside the ledger: how people's devices answer, and what this user's own other
//! devices said.
//!
//! Changes of [`Responsiveness`] are written in the transaction in which the ledger does, so that
//! no message is counted twice or not at all (L8). There is one row for each person. Which of their
//! devices are gone stands there too.
//!
//! What own devices said is a ledger of its own. In it, too, an own message has devices that were
//! given the key, and claims of theirs (§3); but the claimant is this account, which L2 lets nobody
//! be in the ledger of others. So the two can never be mixed up.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{
    Claimed, Result, Store,
    disk::Access,
    early::forget_claims,
    keys::event_key,
    rows::{ClaimRow, OwnEventRow},
};
use crate::{
    delivery::{
        ledger::{Answers, Merged, OwnEvent, PeerClaim, Refused, Who},
        responsiveness::{Days, DeviceResponsiveness, Responsiveness},
    },
    model::{DeviceId, EventId, Timestamp, UserId},
};

/// How one device answers; the person is in the key.
#[derive(Serialize, Deserialize)]
struct HabitRow {
    device: Option<String>,
    first: Timestamp,
    began: Option<Timestamp>,
    heard: Option<Timestamp>,
    days: (u64, u64),
    recent: Vec<(Timestamp, u16, Option<Timestamp>)>,
    #[serde(default)]
    quiet: BTreeMap<u16, Timestamp>,
    #[serde(default)]
    gone: bool,
}

impl HabitRow {
    fn new((device, known): (&Option<DeviceId>, &DeviceResponsiveness)) -> Self {
        Self {
            device: device.as_ref().map(|device| device.as_str().to_owned()),
            first: known.first,
            began: known.began,
            heard: known.heard,
            days: (known.days.newest, known.days.bits),
            recent: known.recent.iter().map(|((sent, room), heard)| (*sent, *room, *heard)).collect(),
            quiet: known.quiet.clone(),
            gone: known.gone,
        }
    }

    fn into_entry(self) -> (Option<DeviceId>, DeviceResponsiveness) {
        let Self { device, first, began, heard, days: (newest, bits), recent, quiet, gone } = self;
        let recent = recent.into_iter().map(|(sent, room, heard)| ((sent, room), heard)).collect();
        (
            device.map(DeviceId::new),
            DeviceResponsiveness { first, began, heard, days: Days { newest, bits }, recent, quiet, gone },
        )
    }
}

/// An own message, and what the own devices said about it.
#[derive(Serialize, Deserialize)]
struct OwnDevicesRow {
    own: OwnEventRow,
    claims: Vec<ClaimRow>,
}

impl Store {
    /// How this person answers.
    pub fn responsiveness(&self, user: &UserId) -> Result<Responsiveness> {
        let responsiveness = read(&self.disk.read(), user)?;
        Ok(Responsiveness { answers: responsiveness.answers.max(self.answers(user)?), ..responsiveness })
    }

    /// This person has these devices now. Whether one that is waited for has gone, or come back.
    pub fn on_devices(&mut self, user: &UserId, devices: &BTreeSet<DeviceId>) -> Result<bool> {
        if !read(&self.disk.read(), user)?.exist(devices) {
            return Ok(false);
        }
        self.disk.write(|tx| {
            change(tx, user, |responsiveness| {
                responsiveness.exist(devices);
            })
        })?;
        Ok(true)
    }

    /// Records an own message with the own other devices that it was sent to, if there are any. The
    /// first record holds.
    pub fn record_own_devices(&mut self, own: &OwnEvent) -> Result<()> {
        self.disk.write(|tx| {
            let is_alone = own.expected.values().all(Vec::is_empty);
            if is_alone || read_own_devices(tx, &own.event_id)?.is_some() {
                return Ok(());
            }
            expect(tx, own)?;
            write_own_devices(tx, own)
        })
    }

    /// An own message and everything that the own other devices said about it.
    pub fn own_devices(&self, event: &EventId) -> Result<Option<OwnEvent>> {
        read_own_devices(&self.disk.read(), event)
    }

    /// Takes in what own devices say.
    pub fn claim_own_devices(&mut self, claims: &[PeerClaim], now: Timestamp) -> Result<Claimed> {
        let early = &mut self.early;
        self.disk.write(|tx| {
            let mut known: BTreeMap<&EventId, (OwnEvent, bool)> = BTreeMap::new();
            let (mut unknown, mut refused) = (Vec::new(), Refused::default());
            for claim in claims {
                if !known.contains_key(&claim.event_id) {
                    known.extend(read_own_devices(tx, &claim.event_id)?.map(|own| (&claim.event_id, (own, false))));
                }
                let Some((own, changed)) = known.get_mut(&claim.event_id) else {
                    unknown.push(claim.clone());
                    continue;
                };
                forget_claims(tx, early, [claim])?;
                let answered = own.claims.len();
                let merged = refused.believed(own.merge(claim.clone(), now));
                *changed |= merged.is_some_and(|merged| merged != Merged::Same);
                if own.claims.len() > answered {
                    answer(tx, own, &(claim.user_id.clone(), claim.device_id.clone()), claim.heard)?;
                }
                if claim.quiet && merged.is_some() {
                    quiet(tx, own, claim)?;
                }
            }
            let changed: Vec<OwnEvent> =
                known.into_values().filter_map(|(own, changed)| changed.then_some(own)).collect();
            changed.iter().try_for_each(|own| write_own_devices(tx, own))?;
            Ok(Claimed { changed, unknown, refused, ..Claimed::default() })
        })
    }
}

/// An own message was recorded: its devices are expected to answer.
pub(super) fn expect(tx: &Access<'_>, own: &OwnEvent) -> Result<()> {
    own.expected.iter().try_for_each(|(user, devices)| {
        let given = devices.iter().filter(|device| device.excluded.is_none()).map(|device| &device.device_id);
        change(tx, user, |responsiveness| responsiveness.expect(&own.room_id, own.sent, given))
    })
}

/// A device answered an own message for the first time.
pub(super) fn answer(tx: &Access<'_>, own: &OwnEvent, (user, device): &Who, heard: Timestamp) -> Result<()> {
    change(tx, user, |responsiveness| responsiveness.answer(&own.room_id, own.sent, device.as_ref(), heard))
}

/// With its answer a device said that its silence before means nothing (§3). Whether it names one.
pub(super) fn quiet(tx: &Access<'_>, own: &OwnEvent, claim: &PeerClaim) -> Result<bool> {
    let Some(device) = &claim.device_id else { return Ok(false) };
    change(tx, &claim.user_id, |responsiveness| responsiveness.quiet(&own.room_id, own.sent, device))?;
    Ok(true)
}

fn read(disk: &Access<'_>, user: &UserId) -> Result<Responsiveness> {
    let rows: Option<Vec<HabitRow>> =
        disk.one("SELECT value FROM habits WHERE key = ?1", [disk.key("user", &[user.as_str()])])?;
    let devices: BTreeMap<_, _> = rows.unwrap_or_default().into_iter().map(HabitRow::into_entry).collect();
    let heard = devices.iter().filter(|(_, known)| known.heard.is_some());
    let answers = heard.map(|(device, _)| Answers::of(device.as_ref())).max().unwrap_or_default();
    Ok(Responsiveness { answers, devices })
}

fn change(tx: &Access<'_>, user: &UserId, change: impl FnOnce(&mut Responsiveness)) -> Result<()> {
    let mut responsiveness = read(tx, user)?;
    change(&mut responsiveness);
    let rows: Vec<HabitRow> = responsiveness.devices.iter().map(HabitRow::new).collect();
    let row = params![tx.key("user", &[user.as_str()]), tx.seal(&rows)?];
    tx.run("INSERT OR REPLACE INTO habits (key, value) VALUES (?1, ?2)", row)?;
    Ok(())
}

fn read_own_devices(disk: &Access<'_>, event: &EventId) -> Result<Option<OwnEvent>> {
    let key = event_key(disk, event);
    let row: Option<OwnDevicesRow> = disk.one("SELECT value FROM fleet WHERE key = ?1", [key])?;
    row.map(|OwnDevicesRow { own, claims }| {
        let claims = claims.iter().map(ClaimRow::entry).collect::<Result<_>>()?;
        Ok(OwnEvent { claims, ..own.into_own_event() })
    })
    .transpose()
}

fn write_own_devices(tx: &Access<'_>, own: &OwnEvent) -> Result<()> {
    let claims = own.claims.iter().map(|(who, stamp)| ClaimRow::new(who, stamp)).collect();
    let row = OwnDevicesRow { own: OwnEventRow::new(own), claims };
    let row = params![event_key(tx, &own.event_id), tx.seal(&row)?];
    tx.run("INSERT OR REPLACE INTO fleet (key, value) VALUES (?1, ?2)", row)?;
    Ok(())
}

#[cfg(test)]
mod tests;
