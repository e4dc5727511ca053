//! What stands in the encrypted values of large messages; see [`super::super::rows`] for what holds
//! for such shapes.

use serde::{Deserialize, Serialize};

use crate::{
    delivery::{
        ledger::{
            ExpectedDevice, Stamp, Who,
            aggregate::{Large, Newest, Tally},
        },
        receipt::{ClaimState, Summary},
        store::{
            Result, StoreError,
            rows::{ClaimRow, DeviceRow},
        },
    },
    model::{DeviceId, EventId, RoomId, Route, Timestamp, UserId},
};

/// A large message, as it is told.
#[derive(Serialize, Deserialize)]
pub struct LargeRow {
    room: String,
    event: String,
    sent: Timestamp,
    people: usize,
    expected: usize,
    delivered: usize,
    undecryptable: usize,
    users: usize,
    devices: usize,
    latest: Option<Timestamp>,
    /// What the homeserver has counted: people, devices, latest time.
    told: (usize, usize, Option<Timestamp>),
    /// What came last, and whether it counts.
    newest: Vec<(ClaimRow, bool)>,
}

impl LargeRow {
    pub fn new(large: &Large) -> Self {
        let Tally { people, expected, delivered, undecryptable, users, devices, latest } = large.counted;
        Self {
            room: large.room_id.as_str().to_owned(),
            event: large.event_id.as_str().to_owned(),
            sent: large.sent,
            people,
            expected,
            delivered,
            undecryptable,
            users,
            devices,
            latest,
            told: (large.summary.users, large.summary.devices, large.summary.latest),
            newest: large.newest.iter().map(|one| (ClaimRow::new(&one.who, &one.stamp), one.counts)).collect(),
        }
    }

    pub fn into_large(self) -> Result<Large> {
        let Self { people, expected, delivered, undecryptable, users, devices, latest, .. } = self;
        let newest = |(row, counts): &(ClaimRow, bool)| {
            let (who, stamp) = row.entry()?;
            Ok(Newest { who, stamp, counts: *counts })
        };
        Ok(Large {
            room_id: RoomId::new(self.room),
            event_id: EventId::new(self.event),
            sent: self.sent,
            counted: Tally { people, expected, delivered, undecryptable, users, devices, latest },
            summary: Summary { users: self.told.0, devices: self.told.1, latest: self.told.2 },
            newest: self.newest.iter().map(newest).collect::<Result<_>>()?,
        })
    }
}

/// A segment of those who were given the key.
#[derive(Serialize, Deserialize)]
pub struct ExpectedRow(Vec<(String, Vec<DeviceRow>)>);

impl ExpectedRow {
    pub fn new(people: &[(&UserId, &Vec<ExpectedDevice>)]) -> Self {
        let devices = |devices: &Vec<ExpectedDevice>| devices.iter().map(DeviceRow::new).collect();
        Self(people.iter().map(|(user, known)| (user.as_str().to_owned(), devices(known))).collect())
    }

    pub fn into_entries(self) -> impl Iterator<Item = (UserId, Vec<ExpectedDevice>)> {
        let devices = |devices: Vec<DeviceRow>| devices.into_iter().map(DeviceRow::into_known).collect();
        self.0.into_iter().map(move |(user, rows)| (UserId::new(user), devices(rows)))
    }
}

/// A segment of receipts, by person.
#[derive(Serialize, Deserialize)]
pub struct ClaimsRow(Vec<(String, Vec<EntryRow>)>);

/// The device; when it had the message and when that was heard, both in milliseconds after it was
/// sent; and its [`code`].
type EntryRow = (Option<String>, Option<u64>, i64, u8);

/// One person's receipts.
type OfOne = (UserId, Vec<(Option<DeviceId>, Stamp)>);

impl ClaimsRow {
    pub fn new(claims: &[(Who, Stamp)], sent: Timestamp) -> Self {
        let sent = sent.as_millis();
        let entry = |((_, device), stamp): &(Who, Stamp)| {
            let device = device.as_ref().map(|device| device.as_str().to_owned());
            let at = stamp.at.map(|at| at.as_millis().saturating_sub(sent));
            (device, at, stamp.heard.as_millis().wrapping_sub(sent).cast_signed(), code(stamp))
        };
        let people = claims.chunk_by(|((one, _), _), ((other, _), _)| one == other);
        let people = people.filter_map(|of_one| {
            let ((user, _), _) = of_one.first()?;
            Some((user.as_str().to_owned(), of_one.iter().map(entry).collect()))
        });
        Self(people.collect())
    }

    pub fn into_entries(self, sent: Timestamp) -> Result<Vec<OfOne>> {
        let sent = sent.as_millis();
        let entry = |(device, at, heard, code): EntryRow| {
            let (state, route) = decoded(code).ok_or(StoreError::Entry("no such claim"))?;
            let at = at.map(|at| Timestamp::from_millis(sent.saturating_add(at)));
            let stamp = Stamp { at, state, route, heard: Timestamp::from_millis(sent.wrapping_add_signed(heard)) };
            Ok((device.map(DeviceId::new), stamp))
        };
        let people = self.0.into_iter();
        people
            .map(|(user, rows)| Ok((UserId::new(user), rows.into_iter().map(entry).collect::<Result<_>>()?)))
            .collect()
    }
}

fn code(stamp: &Stamp) -> u8 {
    match (stamp.state, stamp.route) {
        (ClaimState::Delivered, Route::Native) => 0,
        (ClaimState::Delivered, Route::Direct) => 1,
        (ClaimState::Undecryptable, Route::Native) => 2,
        (ClaimState::Undecryptable, Route::Direct) => 3,
    }
}

fn decoded(code: u8) -> Option<(ClaimState, Route)> {
    Some(match code {
        0 => (ClaimState::Delivered, Route::Native),
        1 => (ClaimState::Delivered, Route::Direct),
        2 => (ClaimState::Undecryptable, Route::Native),
        3 => (ClaimState::Undecryptable, Route::Direct),
        _ => return None,
    })
}
