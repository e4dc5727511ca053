//! Who has a large message and who does not, a page at a time (L7).
//!
//! Nobody reads the names of thousands at once, so no more than a page of them is ever held. What
//! is on disk about one person is spread over all segments: whether they have the message
//! everywhere is not known before the last has been read. It is the aggregate that knows that, and
//! it has no names. So it is asked who belongs on the page, and the segments are read through for
//! the first of those after the page before.

use std::collections::BTreeMap;

use rusqlite::params;

use super::{ClaimsRow, ExpectedRow, Kind, Live, SEGMENTS, keep, person};
use crate::{
    delivery::{
        ledger::{ExpectedDevice, OwnEvent, Stamp},
        store::{Result, disk::Access, keys::event_key},
    },
    model::{DeviceId, PeopleFilter, UserId},
};

/// Some of the people of a large message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The message, as if it had been to these alone.
    pub own: OwnEvent,
    /// Whether there are others after them.
    pub more: bool,
    /// How many there are on all pages.
    pub all: usize,
}

impl Live {
    /// The first so many of those people after this one, by id.
    pub fn page(&self, disk: &Access<'_>, filter: PeopleFilter, after: Option<&UserId>, people: usize) -> Result<Page> {
        let (key, sent) = (event_key(disk, &self.large.event_id), self.large.sent);
        // One more, to know whether there is one.
        let mut found = First { after, most: people.saturating_add(1), people: BTreeMap::new() };
        disk.each(SEGMENTS, params![key, Kind::Expected as u8], |row: ExpectedRow| {
            for (user, devices) in row.into_entries() {
                let is_one =
                    || filter == PeopleFilter::Everybody || self.aggregate.is_one(&person(disk, &user), filter);
                if found.has_place(&user) && is_one() {
                    found.enter(user).expected = Some(devices);
                }
            }
            Ok(())
        })?;
        disk.each(SEGMENTS, params![key, Kind::Claims as u8], |row: ClaimsRow| {
            for (user, claims) in row.into_entries(sent)? {
                // Whoever lacks it was given the key, and has been found by now.
                let is_one = filter == PeopleFilter::Everybody || found.people.contains_key(&user);
                if found.has_place(&user) && is_one {
                    let found = found.enter(user);
                    for (device, stamp) in claims {
                        keep(&mut found.claims, device, stamp);
                    }
                }
            }
            Ok(())
        })?;
        let mut found = found.people;
        let more = found.len() > people && found.pop_last().is_some();
        let mut own = OwnEvent {
            room_id: self.large.room_id.clone(),
            event_id: self.large.event_id.clone(),
            sent,
            expected: BTreeMap::new(),
            claims: BTreeMap::new(),
        };
        for (user, found) in found {
            let claims = found.claims.into_iter().map(|(device, stamp)| ((user.clone(), device), stamp));
            own.claims.extend(claims);
            own.expected.extend(found.expected.map(|devices| (user, devices)));
        }
        Ok(Page { own, more, all: self.aggregate.number(filter) })
    }
}

/// The first of all people that are come across, in whatever order; never more than wanted.
struct First<'a> {
    after: Option<&'a UserId>,
    most: usize,
    people: BTreeMap<UserId, Found>,
}

#[derive(Default)]
struct Found {
    expected: Option<Vec<ExpectedDevice>>,
    claims: BTreeMap<Option<DeviceId>, Stamp>,
}

impl First<'_> {
    fn has_place(&self, user: &UserId) -> bool {
        let is_full = self.people.len() >= self.most;
        let is_beyond = is_full && self.people.last_key_value().is_none_or(|(last, _)| user > last);
        !is_beyond && self.after.is_none_or(|after| user > after)
    }

    /// Takes in somebody for whom there is a place, in place of the last one when all are taken.
    fn enter(&mut self, user: UserId) -> &mut Found {
        if self.people.len() >= self.most && !self.people.contains_key(&user) {
            self.people.pop_last();
        }
        self.people.entry(user).or_default()
    }
}
