//! Large own messages on disk (L7, L8): a tally that is read, told and drawn, and *segments* with
//! everything else.
//!
//! 150,000 receipts as rows would be as many entries of two indexes, written at random places. So
//! what a sync brings is appended as one sealed segment, and the tally beside it is written anew,
//! in one transaction: a kill at any instant leaves a tally that is the sum of its segments. A
//! segment never changes. A better receipt is simply in a later one, since merging does not care
//! for order (L3).
//!
//! Receipts that come one by one would make as many segments. So a new one takes in those before it
//! that are not larger; what one receipt is written again is the logarithm of [`SEGMENT`]. And when
//! most of what is there was bettered later (a liar can better theirs as long as they like), all
//! are made anew.
//!
//! Who was given the key is in segments of its own kind. Of both kinds together a [`Aggregate`] is
//! made when receipts come in; it stays in memory as long as they keep coming. Whoever wants to
//! know who they are reads a [`Page`] of them.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use rusqlite::params;
use serde::Serialize;

use self::rows::{ClaimsRow, ExpectedRow, LargeRow};
use super::{
    Result,
    answers::note_answer,
    disk::Access,
    keys::{event_key, room_key},
};
use crate::{
    delivery::{
        ledger::{
            Answers, Merged, OwnEvent, PeerClaim, Refused, Stamp, Who,
            aggregate::{Aggregate, Large, NEWEST, Newest, PersonKey},
        },
        receipt::Summary,
    },
    model::{EventId, RoomId, Timestamp, UserId},
};

mod page;
mod rows;

pub use page::Page;

/// So many receipts are in a segment at most.
const SEGMENT: usize = 1000;
/// So long after its last receipt an aggregate is forgotten.
const KEPT: Duration = Duration::from_mins(10);
/// How many messages have their aggregate in memory at once.
const IN_MEMORY: usize = 4;

/// What a segment has.
#[derive(Clone, Copy)]
enum Kind {
    Claims = 0,
    Expected = 1,
}

/// The aggregates of those messages whose receipts come in, in memory.
#[derive(Default)]
pub struct Aggregates(HashMap<EventId, (Option<Timestamp>, Live)>);

impl Aggregates {
    /// Takes out a large message, from here or from disk.
    pub fn take(&mut self, disk: &Access<'_>, event: &EventId) -> Result<Option<Live>> {
        match self.0.remove(event) {
            Some((_, live)) => Ok(Some(live)),
            None => read(disk, event)?.map(|large| Live::of(disk, large)).transpose(),
        }
    }

    /// Looks at a large message, from here or from disk; it stays where it is.
    pub fn look<T>(
        &self,
        disk: &Access<'_>,
        event: &EventId,
        look: impl FnOnce(&Live) -> Result<T>,
    ) -> Result<Option<T>> {
        match self.0.get(event) {
            Some((_, live)) => look(live).map(Some),
            None => read(disk, event)?.map(|large| look(&Live::of(disk, large)?)).transpose(),
        }
    }

    /// Keeps it for what comes next.
    pub fn put(&mut self, event: &EventId, live: Live) {
        self.0.insert(event.clone(), (None, live));
        if self.0.len() > IN_MEMORY
            && let Some(oldest) =
                self.0.iter().min_by_key(|(_, (used, _))| used.unwrap_or(Timestamp::MAX)).map(|(id, _)| id)
        {
            let oldest = oldest.clone();
            self.0.remove(&oldest);
        }
    }

    /// Forgets those that nothing has come for in a while.
    pub fn forget_unused(&mut self, now: Timestamp) {
        self.0.retain(|_, (used, _)| now - *used.get_or_insert(now) < KEPT);
    }
}

/// A large message whose receipts come in.
pub struct Live {
    pub large: Large,
    aggregate: Aggregate,
}

/// What claims have changed.
#[derive(Default)]
pub struct Taken {
    pub changed: bool,
    pub answers_changed: bool,
    pub refused: Refused,
}

impl Live {
    /// Writes a message that is large from now on.
    pub fn new(tx: &Access<'_>, own: &OwnEvent) -> Result<Self> {
        let mut aggregate = Aggregate::new(own.sent);
        for (user, devices) in &own.expected {
            aggregate.expect(person(tx, user), devices);
        }
        for ((user, device), stamp) in &own.claims {
            aggregate.recall(person(tx, user), device.as_ref(), *stamp);
        }
        let large = Large {
            room_id: own.room_id.clone(),
            event_id: own.event_id.clone(),
            sent: own.sent,
            counted: aggregate.tally(),
            summary: Summary::default(),
            newest: Vec::new(),
        };
        let mut claims: Vec<(Who, Stamp)> = own.claims.iter().map(|(who, stamp)| (who.clone(), *stamp)).collect();
        write_expected(tx, own)?;
        write_claims(tx, &large, &claims)?;
        claims.sort_by_key(|(_, stamp)| stamp.heard);
        let mut live = Self { large, aggregate };
        live.came(tx, &claims);
        live.write(tx)?;
        Ok(live)
    }

    fn of(disk: &Access<'_>, large: Large) -> Result<Self> {
        let mut aggregate = Aggregate::new(large.sent);
        disk.each(SEGMENTS, params![event_key(disk, &large.event_id), Kind::Expected as u8], |row: ExpectedRow| {
            for (user, devices) in row.into_entries() {
                aggregate.expect(person(disk, &user), &devices);
            }
            Ok(())
        })?;
        disk.each(SEGMENTS, params![event_key(disk, &large.event_id), Kind::Claims as u8], |row: ClaimsRow| {
            for (user, claims) in row.into_entries(large.sent)? {
                let person = person(disk, &user);
                for (device, stamp) in claims {
                    aggregate.recall(person, device.as_ref(), stamp);
                }
            }
            Ok(())
        })?;
        Ok(Self { large, aggregate })
    }

    /// Whether this person was given the key.
    pub fn expects(&self, disk: &Access<'_>, user: &UserId) -> bool {
        self.aggregate.expects(&person(disk, user))
    }

    /// Takes in claims (L3, L4).
    pub fn take_in(&mut self, tx: &Access<'_>, claims: &[&PeerClaim], now: Timestamp) -> Result<Taken> {
        let (mut fresh, mut seen, mut taken) = (Vec::new(), Vec::new(), Taken::default());
        for of_one in claims.chunk_by(|a, b| a.user_id == b.user_id) {
            let Some(PeerClaim { user_id: user, .. }) = of_one.first() else { continue };
            let person = person(tx, user);
            for claim in of_one {
                let before = self.aggregate.answers(&person);
                let merged = taken.refused.believed(self.aggregate.merge(person, claim, now));
                let Some((stamp, merged)) = merged.flatten() else { continue };
                let answers = Answers::of(claim.device_id.as_ref());
                if answers > before {
                    taken.answers_changed |= note_answer(tx, user, answers)?;
                }
                let receipt = ((user.clone(), claim.device_id.clone()), stamp);
                if merged != Merged::Same {
                    taken.changed = true;
                    seen.push(receipt.clone());
                }
                fresh.push(receipt);
            }
        }
        if !fresh.is_empty() {
            self.append(tx, &fresh)?;
            self.large.counted = self.aggregate.tally();
            self.came(tx, &seen);
            self.write(tx)?;
        }
        Ok(taken)
    }

    /// Takes in what the homeserver has counted; whether that is new.
    pub fn sum_up(&mut self, tx: &Access<'_>, summary: Summary, members: usize, now: Timestamp) -> Result<bool> {
        let new = self.large.sum_up(summary, members, now);
        if new {
            self.write(tx)?;
        }
        Ok(new)
    }

    fn came(&mut self, disk: &Access<'_>, receipts: &[(Who, Stamp)]) {
        let newest =
            receipts.iter().skip(receipts.len().saturating_sub(NEWEST)).map(|(who @ (user, device), stamp)| {
                let counts = self.aggregate.counts(&person(disk, user), device.as_ref());
                Newest { who: who.clone(), stamp: *stamp, counts }
            });
        self.large.came(newest);
    }

    fn write(&self, tx: &Access<'_>) -> Result<()> {
        tx.run(
            "INSERT INTO large (key, room, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            params![
                event_key(tx, &self.large.event_id),
                room_key(tx, &self.large.room_id),
                tx.seal(&LargeRow::new(&self.large))?
            ],
        )?;
        Ok(())
    }

    /// Appends what came, with the segments before it that are not larger.
    fn append(&self, tx: &Access<'_>, fresh: &[(Who, Stamp)]) -> Result<()> {
        let key = event_key(tx, &self.large.event_id);
        let mut entries = fresh.to_vec();
        loop {
            let most = entries.len().min(SEGMENT.saturating_sub(entries.len()));
            let Some(last) = tx.one::<ClaimsRow>(TAKE_LAST, params![key, most])? else { break };
            let mut best = BTreeMap::new();
            keep_all(&mut best, last, self.large.sent)?;
            for (who, stamp) in entries {
                keep(&mut best, who, stamp);
            }
            entries = best.into_iter().collect();
        }
        write_claims(tx, &self.large, &entries)?;
        let there = tx.number("SELECT coalesce(sum(entries), 0) FROM segments WHERE event = ?1 AND kind = 0", [key])?;
        if there > 2 * self.aggregate.receipts() + SEGMENT { self.compact(tx) } else { Ok(()) }
    }

    /// Makes the segments anew, without what was bettered.
    fn compact(&self, tx: &Access<'_>) -> Result<()> {
        let mut best = BTreeMap::new();
        let of_event = params![event_key(tx, &self.large.event_id), Kind::Claims as u8];
        tx.each(SEGMENTS, of_event, |row| keep_all(&mut best, row, self.large.sent))?;
        tx.run("DELETE FROM segments WHERE event = ?1 AND kind = ?2", of_event)?;
        write_claims(tx, &self.large, &best.into_iter().collect::<Vec<_>>())
    }
}

const SEGMENTS: &str = "SELECT value FROM segments WHERE event = ?1 AND kind = ?2";
/// Takes the last segment of receipts out when it has no more than so many.
const TAKE_LAST: &str = "DELETE FROM segments WHERE entries <= ?2
    AND rowid = (SELECT max(rowid) FROM segments WHERE event = ?1 AND kind = 0) RETURNING value";

/// What somebody is found by in an aggregate. Half of the hash is plenty.
fn person(disk: &Access<'_>, user: &UserId) -> PersonKey {
    let key = disk.key("user in a crowd", &[user.as_str()]);
    key.first_chunk().copied().unwrap_or_default()
}

/// A large message, as it is told.
pub fn read(disk: &Access<'_>, event: &EventId) -> Result<Option<Large>> {
    let row: Option<LargeRow> = disk.one("SELECT value FROM large WHERE key = ?1", [event_key(disk, event)])?;
    row.map(LargeRow::into_large).transpose()
}

/// The large messages of all rooms that were recorded last, without the first few.
pub fn latest(disk: &Access<'_>, without: usize, limit: usize) -> Result<Vec<Large>> {
    let rows: Vec<LargeRow> =
        disk.all("SELECT value FROM large ORDER BY rowid DESC LIMIT ?2 OFFSET ?1", params![without, limit])?;
    rows.into_iter().map(LargeRow::into_large).collect()
}

/// The large messages of a room that were recorded last.
pub fn of_room(disk: &Access<'_>, room: &RoomId, limit: usize) -> Result<Vec<Large>> {
    let rows: Vec<LargeRow> = disk.all(
        "SELECT value FROM large WHERE room = ?1 ORDER BY rowid DESC LIMIT ?2",
        params![room_key(disk, room), i64::try_from(limit).unwrap_or(i64::MAX)],
    )?;
    rows.into_iter().map(LargeRow::into_large).collect()
}

fn keep_all(best: &mut BTreeMap<Who, Stamp>, row: ClaimsRow, sent: Timestamp) -> Result<()> {
    for (user, claims) in row.into_entries(sent)? {
        for (device, stamp) in claims {
            keep(best, (user.clone(), device), stamp);
        }
    }
    Ok(())
}

/// Keeps the best stamp under this name.
fn keep<K: Ord>(best: &mut BTreeMap<K, Stamp>, key: K, stamp: Stamp) {
    best.entry(key).and_modify(|known| _ = known.merge(stamp)).or_insert(stamp);
}

fn write_expected(tx: &Access<'_>, own: &OwnEvent) -> Result<()> {
    let people: Vec<_> = own.expected.iter().collect();
    people.chunks(SEGMENT / 2).try_for_each(|people| {
        let devices = people.iter().map(|(_, devices)| devices.len()).sum();
        write(tx, &own.event_id, Kind::Expected, devices, &ExpectedRow::new(people))
    })
}

fn write_claims(tx: &Access<'_>, large: &Large, claims: &[(Who, Stamp)]) -> Result<()> {
    claims.chunks(SEGMENT).try_for_each(|claims| {
        write(tx, &large.event_id, Kind::Claims, claims.len(), &ClaimsRow::new(claims, large.sent))
    })
}

fn write(tx: &Access<'_>, event: &EventId, kind: Kind, entries: usize, row: &impl Serialize) -> Result<()> {
    tx.run(
        "INSERT INTO segments (event, kind, entries, value) VALUES (?1, ?2, ?3, ?4)",
        params![event_key(tx, event), kind as u8, entries, tx.seal(row)?],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests;
