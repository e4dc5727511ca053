//! The ledger on disk: own messages, who was given their keys, and what was claimed about them
//! (PROTOCOL §6).
//!
//! A message to few has a row, and one for each receipt; all of it is read when a receipt for it
//! comes. A message to many is [`large`]. One becomes large when more than [`LARGE`]
//! people claim something about it, or when the homeserver begins to sum it up (§7), and stays so.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use rusqlite::params;

use super::{
    Result, Store,
    answers::note_answer,
    claimed::{Claimed, Summed},
    disk::Access,
    early::{Keys, forget_claims, forget_counts},
    keys::{event_key, room_key},
    large::{self, Aggregates, Live, Page},
    responsiveness,
    rows::{ClaimRow, OwnEventRow},
};
use crate::{
    delivery::{
        ledger::{
            Answers, Merged, OwnEvent, PeerClaim, Refusal, Stamp, Who,
            aggregate::{LARGE, Large},
        },
        receipt::Summary,
    },
    model::{DeviceId, EventId, PeopleFilter, RoomId, Timestamp, UserId},
};

impl Store {
    /// Records an own message with the devices it was sent to. The first record holds; a second
    /// changes nothing.
    pub fn record_recipients(&mut self, own: &OwnEvent) -> Result<()> {
        self.write_ledger(|tx, aggregates, _| {
            if is_own_event(tx, &own.event_id)? {
                return Ok(());
            }
            for (user, device) in own.claims.keys() {
                note_answer(tx, user, Answers::of(device.as_ref()))?;
            }
            if own.people() > LARGE {
                aggregates.put(&own.event_id, Live::new(tx, own)?);
                return Ok(());
            }
            tx.run(
                "INSERT INTO own_events (key, room, value) VALUES (?1, ?2, ?3)",
                params![event_key(tx, &own.event_id), room_key(tx, &own.room_id), tx.seal(&OwnEventRow::new(own))?],
            )?;
            own.claims.iter().try_for_each(|(who, stamp)| write_claim(tx, &own.event_id, who, stamp))?;
            responsiveness::expect(tx, own)
        })
    }

    /// Whether this own message is recorded.
    pub fn is_own_event(&self, event: &EventId) -> Result<bool> {
        is_own_event(&self.disk.read(), event)
    }

    /// An own message and everything claimed about it, unless it is large.
    pub fn own_event(&self, event: &EventId) -> Result<Option<OwnEvent>> {
        read_own_event(&self.disk.read(), event)
    }

    /// The own messages of a room that were recorded last, newest first, but for the large ones.
    pub fn own_events(&self, room: &RoomId, limit: usize) -> Result<Vec<OwnEvent>> {
        let disk = self.disk.read();
        let rows: Vec<OwnEventRow> = disk.all(
            "SELECT value FROM own_events WHERE room = ?1 ORDER BY rowid DESC LIMIT ?2",
            params![room_key(&disk, room), i64::try_from(limit).unwrap_or(i64::MAX)],
        )?;
        let mut events = rows.into_iter().map(|row| with_claims(&disk, row)).collect::<Result<Vec<_>>>()?;
        events.sort_by_key(|own| Reverse(own.sent));
        Ok(events)
    }

    /// The own messages of all rooms in the order in which they were recorded, the latest first,
    /// without the first few and without the large ones.
    pub fn latest_own_events(&self, without: usize, limit: usize) -> Result<Vec<OwnEvent>> {
        let disk = self.disk.read();
        let rows: Vec<OwnEventRow> =
            disk.all("SELECT value FROM own_events ORDER BY rowid DESC LIMIT ?2 OFFSET ?1", params![without, limit])?;
        rows.into_iter().map(|row| with_claims(&disk, row)).collect()
    }

    /// An own message that is large.
    pub fn large_event(&self, event: &EventId) -> Result<Option<Large>> {
        large::read(&self.disk.read(), event)
    }

    /// The large own messages of a room that were recorded last, newest first.
    pub fn large_events(&self, room: &RoomId, limit: usize) -> Result<Vec<Large>> {
        let mut events = large::of_room(&self.disk.read(), room, limit)?;
        events.sort_by_key(|large| Reverse(large.sent));
        Ok(events)
    }

    /// The large own messages of all rooms in the order in which they were recorded, the latest
    /// first, without the first few.
    pub fn latest_large_events(&self, without: usize, limit: usize) -> Result<Vec<Large>> {
        large::latest(&self.disk.read(), without, limit)
    }

    /// Some of the people of a large own message: the first so many after this one, by id. `None`
    /// when there is no such message, or it is not large.
    pub fn page(
        &self,
        event: &EventId,
        filter: PeopleFilter,
        after: Option<&UserId>,
        people: usize,
    ) -> Result<Option<Page>> {
        let disk = self.disk.read();
        self.aggregates.look(&disk, event, |live| live.page(&disk, filter, after, people))
    }

    /// Who of these an own message was sent to; `None` when it is not recorded.
    pub fn expected_among<'a>(
        &self,
        event: &EventId,
        users: impl IntoIterator<Item = &'a UserId>,
    ) -> Result<Option<BTreeSet<&'a UserId>>> {
        let users: BTreeSet<&UserId> = users.into_iter().collect();
        let disk = self.disk.read();
        let of_many = |live: &Live| Ok(users.iter().copied().filter(|user| live.expects(&disk, user)).collect());
        if let Some(expected) = self.aggregates.look(&disk, event, of_many)? {
            return Ok(Some(expected));
        }
        let own = read_own_event(&disk, event)?;
        Ok(own.map(|own| users.into_iter().filter(|user| own.expected.contains_key(*user)).collect()))
    }

    /// Takes in claims (L1, L3, L4).
    pub fn claim(&mut self, claims: &[PeerClaim], now: Timestamp) -> Result<Claimed> {
        let mut sorted: Vec<&PeerClaim> = claims.iter().collect();
        sorted.sort_by(|a, b| a.event_id.cmp(&b.event_id));
        self.write_ledger(|tx, aggregates, early| {
            aggregates.forget_unused(now);
            let mut claimed = Claimed::default();
            for about_one in sorted.chunk_by(|a, b| a.event_id == b.event_id) {
                let unknown = claimed.unknown.len();
                take_in(tx, aggregates, about_one, now, &mut claimed)?;
                if claimed.unknown.len() == unknown {
                    forget_claims(tx, early, about_one.iter().copied())?;
                }
            }
            Ok(claimed)
        })
    }

    /// Takes in what the homeserver has counted, in a room of so many members (§7).
    pub fn sum_up(
        &mut self,
        room: &RoomId,
        summaries: &[(EventId, Summary)],
        members: usize,
        now: Timestamp,
    ) -> Result<Summed> {
        self.write_ledger(|tx, aggregates, early| {
            let mut summed = Summed::default();
            for (event, summary) in summaries {
                let mut live = if let Some(live) = aggregates.take(tx, event)? {
                    live
                } else if let Some(own) = read_own_event(tx, event)? {
                    if own.room_id != *room {
                        summed.refused.count(Refusal::OtherRoom, 1);
                        continue;
                    }
                    grow(tx, &own)?
                } else {
                    summed.unknown.push((event.clone(), *summary));
                    continue;
                };
                forget_counts(tx, early, event)?;
                if live.large.room_id != *room {
                    summed.refused.count(Refusal::OtherRoom, 1);
                } else if live.sum_up(tx, *summary, members, now)? {
                    summed.tallied.push(live.large.clone());
                }
                aggregates.put(event, live);
            }
            Ok(summed)
        })
    }

    /// A write that failed has not changed the disk, but perhaps what is in memory beside it: that
    /// is made anew.
    fn write_ledger<T>(
        &mut self,
        mut work: impl FnMut(&Access<'_>, &mut Aggregates, &mut Keys) -> Result<T>,
    ) -> Result<T> {
        let mut again = false;
        let done = self.disk.write(|tx| {
            if std::mem::replace(&mut again, true) {
                self.aggregates = Aggregates::default();
            }
            work(tx, &mut self.aggregates, &mut self.early)
        });
        if done.is_err() {
            self.aggregates = Aggregates::default();
        }
        done
    }
}

/// Takes in claims about one message.
fn take_in(
    tx: &Access<'_>,
    aggregates: &mut Aggregates,
    claims: &[&PeerClaim],
    now: Timestamp,
    claimed: &mut Claimed,
) -> Result<()> {
    let Some(event) = claims.first().map(|claim| &claim.event_id) else { return Ok(()) };
    if let Some(mut live) = aggregates.take(tx, event)? {
        let (here, elsewhere): (Vec<_>, Vec<_>) = claims.iter().partition(|claim| claim.room_id == live.large.room_id);
        claimed.refused.count(Refusal::OtherRoom, elsewhere.len());
        let taken = live.take_in(tx, &here, now)?;
        claimed.refused.add(taken.refused);
        claimed.answers_changed |= taken.answers_changed;
        claimed.tallied.extend(taken.changed.then(|| live.large.clone()));
        aggregates.put(event, live);
    } else if let Some(own) = read_own_event(tx, event)? {
        few(tx, aggregates, own, claims, now, claimed)?;
    } else {
        claimed.unknown.extend(claims.iter().copied().cloned());
    }
    Ok(())
}

/// Takes in claims about one message to few.
fn few(
    tx: &Access<'_>,
    aggregates: &mut Aggregates,
    mut own: OwnEvent,
    claims: &[&PeerClaim],
    now: Timestamp,
    claimed: &mut Claimed,
) -> Result<()> {
    let before = own.claims.clone();
    let (mut changed, mut quiet) = (false, Vec::new());
    for claim in claims {
        let merged = claimed.refused.believed(own.merge(PeerClaim::clone(claim), now));
        changed |= merged.is_some_and(|merged| merged != Merged::Same);
        quiet.extend(merged.is_some_and(|_| claim.quiet).then_some(claim));
    }
    let fresh: Vec<_> = own.claims.iter().filter(|(who, stamp)| before.get(who) != Some(stamp)).collect();
    for ((user, device), _) in &fresh {
        claimed.answers_changed |= note_answer(tx, user, Answers::of(device.as_ref()))?;
    }
    if own.people() > LARGE {
        let live = grow(tx, &own)?;
        claimed.tallied.push(live.large.clone());
        aggregates.put(&own.event_id, live);
        return Ok(());
    }
    for (who, stamp) in fresh {
        write_claim(tx, &own.event_id, who, stamp)?;
        if !before.contains_key(who) {
            responsiveness::answer(tx, &own, who, stamp.heard)?;
        }
    }
    for claim in quiet {
        claimed.answers_changed |= responsiveness::quiet(tx, &own, claim)?;
    }
    claimed.changed.extend(changed.then_some(own));
    Ok(())
}

/// A message that has become large moves over.
fn grow(tx: &Access<'_>, own: &OwnEvent) -> Result<Live> {
    let key = event_key(tx, &own.event_id);
    tx.run("DELETE FROM own_events WHERE key = ?1", [key])?;
    tx.run("DELETE FROM claims WHERE event = ?1", [key])?;
    Live::new(tx, own)
}

fn is_own_event(disk: &Access<'_>, event: &EventId) -> Result<bool> {
    let key = event_key(disk, event);
    Ok(disk.exists("SELECT 1 FROM own_events WHERE key = ?1", [key])?
        || disk.exists("SELECT 1 FROM large WHERE key = ?1", [key])?)
}

fn read_own_event(disk: &Access<'_>, event: &EventId) -> Result<Option<OwnEvent>> {
    let row: Option<OwnEventRow> = disk.one("SELECT value FROM own_events WHERE key = ?1", [event_key(disk, event)])?;
    row.map(|row| with_claims(disk, row)).transpose()
}

fn with_claims(disk: &Access<'_>, row: OwnEventRow) -> Result<OwnEvent> {
    let mut own = row.into_own_event();
    let rows: Vec<ClaimRow> =
        disk.all("SELECT value FROM claims WHERE event = ?1", [event_key(disk, &own.event_id)])?;
    own.claims = rows.iter().map(ClaimRow::entry).collect::<Result<BTreeMap<_, _>>>()?;
    Ok(own)
}

fn write_claim(tx: &Access<'_>, event: &EventId, who @ (user, device): &Who, stamp: &Stamp) -> Result<()> {
    let names = [event.as_str(), user.as_str()].into_iter().chain(device.as_ref().map(DeviceId::as_str));
    tx.run(
        "INSERT OR REPLACE INTO claims (key, event, value) VALUES (?1, ?2, ?3)",
        params![
            tx.key("claim", &names.collect::<Vec<_>>()),
            event_key(tx, event),
            tx.seal(&ClaimRow::new(who, stamp))?
        ],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests;
