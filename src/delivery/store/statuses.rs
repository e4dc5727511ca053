//! What was done about others' messages: one row per message, which climbs [`Stage`] by stage and
//! never steps back, whoever writes in whatever order. So a receipt that was sent is not owed
//! again, and one that was withheld is not made up for later (P8, P12).

use rusqlite::params;

use super::{
    Result, STATUS_DAYS, STATUS_TIME, Store, StoreError, disk::Access, keys::status_key, log::LogBatch, rows::FateRow,
    traces,
};
use crate::{
    delivery::{
        incognito::Incognito,
        outbox::Owed,
        policy::Reason,
        receipt_queue::{Awaited, Entry, Journal, Stage, Step},
    },
    model::{DeviceId, EventId, ReceiptStatus, RoomId, Timestamp, UserId},
};

impl Store {
    /// What was done about a message; `None` when nothing is recorded.
    pub fn status(&self, room: &RoomId, event: &EventId) -> Result<Option<ReceiptStatus>> {
        read(&self.disk.read(), room, event)?.as_ref().map(FateRow::to_status).transpose()
    }

    fn at_stage(&self, stage: Stage) -> Result<Vec<FateRow>> {
        self.disk.read().all("SELECT value FROM fates WHERE stage < 3 AND stage = ?1", [stage as u8])
    }
}

impl Journal for Store {
    type Error = StoreError;

    fn stage(&self, room: &RoomId, event: &EventId) -> Result<Option<Stage>> {
        Ok(read(&self.disk.read(), room, event)?.as_ref().map(FateRow::stage))
    }

    fn owed(&self) -> Result<Vec<Owed>> {
        self.at_stage(Stage::Owed)?.iter().filter_map(|row| row.to_owed().transpose()).collect()
    }

    fn awaiting(&self) -> Result<Vec<Awaited>> {
        let rows = [self.at_stage(Stage::AwaitingKey)?, self.at_stage(Stage::ToldUndecryptable)?];
        Ok(rows.iter().flatten().filter_map(FateRow::to_awaited).collect())
    }

    fn record(&mut self, entries: &[Entry], now: Timestamp) -> Result<()> {
        self.disk.write(|tx| {
            let mut log = LogBatch::new(tx, now);
            for entry in entries {
                if matches!(entry.step, Step::Withhold(Reason::NotAMessage))
                    && let Some(told) = read(tx, &entry.room_id, &entry.event_id)?.and_then(|row| row.told())
                {
                    traces::leave(tx, entry, told, now)?;
                }
                let climbs = FateRow::of(entry).map(|row| climb(tx, entry, &row)).transpose()?;
                note_silence(tx, entry, climbs, now)?;
                // Whoever is told once more is told; but nothing is withheld twice.
                if climbs != Some(false) || matches!(entry.step, Step::Sent { .. } | Step::TellUndecryptable(_)) {
                    log.add(entry);
                }
            }
            log.write()
        })
    }

    fn incognito(&self) -> Result<Incognito> {
        Self::incognito(self)
    }

    fn set_incognito(&mut self, incognito: &Incognito) -> Result<()> {
        Self::set_incognito(self, incognito)
    }

    fn withheld(&self, person: &UserId, room: &RoomId) -> Result<Option<Timestamp>> {
        let disk = self.disk.read();
        disk.one("SELECT value FROM quiet WHERE key = ?1", [disk.key("person", &[person.as_str(), room.as_str()])])
    }

    fn told_in_vain(&self, person: &UserId) -> Result<Option<Timestamp>> {
        traces::last(&self.disk.read(), person)
    }

    fn asking_devices(&self, user: &UserId, room: &RoomId, now: Timestamp) -> Result<Vec<DeviceId>> {
        Self::asking_devices(self, user, room, now)
    }

    fn remember_request(&mut self, user: &UserId, device: &DeviceId, room: &RoomId, expires: Timestamp) -> Result<()> {
        Self::remember_request(self, user, device, room, expires)
    }
}

fn read(disk: &Access<'_>, room: &RoomId, event: &EventId) -> Result<Option<FateRow>> {
    disk.one("SELECT value FROM fates WHERE key = ?1", [status_key(disk, room.as_str(), event.as_str())])
}

/// Keeps when the latest message was sent whose receipt was withheld from a person in a room, until
/// that is said (§3). Of what was acknowledged long ago nothing is known any more, so that of old
/// messages is not kept.
fn note_silence(tx: &Access<'_>, entry: &Entry, climbs: Option<bool>, now: Timestamp) -> Result<()> {
    let key = || tx.key("person", &[entry.sender.as_str(), entry.room_id.as_str()]);
    let is_news = match entry.step {
        Step::Withhold(reason) | Step::Refuse(reason) => reason.is_silence() && climbs != Some(false),
        Step::Sent { quiet, .. } => quiet,
        _ => false,
    };
    if !is_news || now - entry.sent >= STATUS_TIME {
        return Ok(());
    }
    let before: Option<Timestamp> = tx.one("SELECT value FROM quiet WHERE key = ?1", [key()])?;
    match entry.step {
        Step::Sent { .. } if before.is_some_and(|withheld| withheld < entry.sent) => {
            tx.run("DELETE FROM quiet WHERE key = ?1", [key()])?;
        }
        Step::Sent { .. } => {}
        _ => {
            let latest = before.map_or(entry.sent, |before| before.max(entry.sent));
            let row = params![key(), now.day() + STATUS_DAYS, tx.seal(&latest)?];
            tx.run("INSERT OR REPLACE INTO quiet (key, day, value) VALUES (?1, ?2, ?3)", row)?;
        }
    }
    Ok(())
}

/// Writes a row if it is further than what stands there, and says whether it is.
fn climb(tx: &Access<'_>, entry: &Entry, row: &FateRow) -> Result<bool> {
    let written = tx.run(
        "INSERT INTO fates (key, stage, value) VALUES (?1, ?2, ?3) ON CONFLICT (key)
         DO UPDATE SET stage = excluded.stage, value = excluded.value WHERE excluded.stage > stage",
        params![status_key(tx, entry.room_id.as_str(), entry.event_id.as_str()), row.stage() as u8, tx.seal(row)?],
    )?;
    Ok(written > 0)
}

#[cfg(test)]
mod tests;
