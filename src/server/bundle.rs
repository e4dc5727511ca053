//! What waits for one user's devices, and what of it goes into which sync (PROTOCOL §7,
//! 'Bundling').
//!
//! An event in a large room can bring its sender 50,000 receipts, times devices, and a response may
//! be lost at any time. So receipts are gathered, and each device is told everything at least once,
//! whatever happens to its connection.
//!
//! A user's [`Mailbox`] is one log of receipts, numbered in the order in which they came, and for
//! each device the number up to which that device has proved to know them. A response hands out
//! what comes after that number, and says up to which number it goes; the server puts that into the
//! `next_batch` or `pos` that it gives out. When it comes back as `since` or `pos`, the response
//! has arrived. When an older one comes back, the response was lost, and what it had is handed out
//! again: nothing is kept about it. What every device has is dropped from the log.
//!
//! A response can speak of some rooms only: of those that its connection has been told of, that its
//! filter lets through, that the user is still in. What comes for other rooms must not hold up the
//! rest, and must not be lost when the number goes past it. So it is put aside for that device, and
//! put at the end of the log again, for that device alone, as soon as a response can speak of its
//! room. A sync goes:
//!
//! 1. [`Mailbox::acknowledge`] with the number in its token, once, when it comes in;
//! 2. wait until [`Mailbox::ready_at`], or for something else; look anew when [`Mailbox::deliver`]
//!    says that there is news;
//! 3. [`Mailbox::respond`], and [`Bundle::number`] into the new token, also when the bundle is
//!    empty.
//!
//! Receipts of one moment shall wake a device once, so there is a second between two bundles
//! ([`GAP`]). A sync that waits while nothing went out for a second is answered at once.
//!
//! An event's receipts look as MSC4089 has them, under the name under which they were posted, with
//! the devices that want to be named:
//!
//! ```json
//! { "$event": { "m.delivery": { "@ada:host": { "ts": 1, "dev.kvitto.devices": { "PHONE": { "ts": 1 } } } } } }
//! ```
//!
//! `ts` is the earliest of that user's known receipts for the event. When another device of theirs
//! follows later, an entry comes with that device alone and the same `ts`: a reader merges, and
//! need not be told again what it was told. To a client that asks for it
//! ([`Options::summary_above`]) an event with many receipts comes as a summary, which stands where
//! the users would:
//!
//! ```json
//! { "$event": { "m.delivery": { "dev.kvitto.delivery_summary": { "users": 2, "devices": 3, "latest_ts": 9 } } } }
//! ```
//!
//! It counts all receipts that are known for the event, also those that were handed out before; an
//! anonymous receipt counts as one device. A reader that knows an older summary replaces it.
//!
//! `now` is the time by a clock that does not go back.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use serde_json::Value;

use self::{content::Contents, known::KnownReceipts};
use super::routing::Receipt;
use crate::model::{DeviceId, RoomId, Timestamp};

mod content;
mod known;
mod options;

pub use options::{Options, matches_type};

/// So many entries go into one response: receipts, and summaries.
pub const ENTRIES: usize = 1000;
/// So long after one bundle the next one goes out.
pub const GAP: Duration = Duration::from_secs(1);
/// So many receipts wait for a user at most; then the oldest are dropped. That is an event in a
/// room of 50,000 people with three devices each, and something beside it.
pub const WAITING: usize = 200_000;

/// What waits for one user.
#[derive(Debug)]
pub struct Mailbox {
    /// What some device may not have yet, in the order in which it came.
    log: VecDeque<Entry>,
    /// The number of what was dropped from the log last; the first in the log has the next.
    dropped: u64,
    devices: HashMap<DeviceId, Reader>,
    known: KnownReceipts,
}

#[derive(Debug)]
struct Entry {
    receipt: Receipt,
    /// The device that had left it aside; a new one is for all.
    only: Option<DeviceId>,
}

impl Entry {
    fn is_for(&self, device: &DeviceId) -> bool {
        self.only.as_ref().is_none_or(|only| only == device)
    }
}

/// How far one device is.
#[derive(Debug)]
struct Reader {
    /// Up to here it has proved to have everything, but for what is aside.
    acknowledged: u64,
    /// Up to here it was ever handed something.
    handed: u64,
    /// When that was the last time.
    last: Option<Timestamp>,
    /// What its responses could not speak of, by number.
    aside: BTreeMap<u64, Receipt>,
}

impl Reader {
    fn after(number: u64) -> Self {
        Self { acknowledged: number, handed: number, last: None, aside: BTreeMap::new() }
    }

    fn ready_at(&self) -> Timestamp {
        self.last.map_or(Timestamp::EPOCH, |last| last + GAP)
    }
}

/// What goes into one response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// To be put into the response's token, and given to [`Mailbox::acknowledge`] when it comes
    /// back.
    pub number: u64,
    /// Per room the content of one `m.receipt`; often none.
    pub rooms: BTreeMap<RoomId, Value>,
}

/// A room's content as a response has it, as far as there is any: summaries, which stand where a
/// reader expects users and may cost that reader all else in their `m.receipt`, and the receipts
/// that go into one `m.receipt` with all others of the room. That one comes last: some clients keep
/// only the last one that a response has for a room.
pub fn apart(content: Value) -> (Option<Value>, Option<Value>) {
    content::apart(content)
}

impl Mailbox {
    /// An empty mailbox, whose first number comes after `start`. A server that keeps it in memory
    /// gives its own start in milliseconds: then a token from an earlier life, with the numbers of
    /// a mailbox that is gone, acknowledges nothing.
    pub fn new(start: u64) -> Self {
        Self { log: VecDeque::new(), dropped: start, devices: HashMap::new(), known: KnownReceipts::default() }
    }

    /// Everything from now on is kept until this device has it, also if it does not sync for a
    /// while. It gets as well what still waits for others. To be called when a device logs in; a
    /// device that is not known when it syncs is added then.
    pub fn add_device(&mut self, device: &DeviceId) {
        self.reader(device);
    }

    /// Nothing waits for this device any more.
    pub fn remove_device(&mut self, device: &DeviceId) {
        self.devices.remove(device);
        self.drop_what_all_have();
    }

    /// Takes a receipt for each of the user's devices. `false` when this device's receipt for this
    /// event is known already, under whichever name: then nothing changes but that an earlier `ts`
    /// is kept, and nobody is to be woken.
    pub fn deliver(&mut self, receipt: Receipt) -> bool {
        let new = self.known.note(&receipt);
        if new {
            self.append([Entry { receipt, only: None }]);
        }
        new
    }

    /// This device's next request is here, with the number in its token: what was handed out up to
    /// there has arrived. An initial sync has none, and acknowledges nothing; a number that was
    /// never handed out does not either.
    pub fn acknowledge(&mut self, device: &DeviceId, number: Option<u64>) {
        let reader = self.reader(device);
        if let Some(number) = number.filter(|number| *number <= reader.handed) {
            reader.acknowledged = reader.acknowledged.max(number);
            self.drop_what_all_have();
        }
    }

    /// When a waiting sync of this device is to be answered: `None` when nothing waits that it
    /// wants, a moment in the past when it is to be answered at once. `speaks` says of which rooms
    /// the response can speak.
    pub fn ready_at(
        &self,
        device: &DeviceId,
        options: &Options,
        speaks: impl Fn(&RoomId) -> bool,
    ) -> Option<Timestamp> {
        let reader = self.devices.get(device);
        let start = reader.map_or(0, |reader| self.waiting(reader));
        let new = self.log.range(start..).filter(|entry| entry.is_for(device)).map(|entry| &entry.receipt);
        let aside = reader.into_iter().flat_map(|reader| reader.aside.range(..=reader.acknowledged));
        let some =
            options.wanted && new.chain(aside.map(|(_, receipt)| receipt)).any(|receipt| speaks(&receipt.room_id));
        some.then(|| reader.map_or(Timestamp::EPOCH, Reader::ready_at))
    }

    /// What goes into this device's response, about the rooms that it `speaks` of: nothing before
    /// [`Self::ready_at`].
    pub fn respond(
        &mut self,
        device: &DeviceId,
        options: &Options,
        speaks: impl Fn(&RoomId) -> bool,
        now: Timestamp,
    ) -> Bundle {
        if self.ready_at(device, options, &speaks).is_none_or(|at| at > now) {
            return Bundle { number: self.reader(device).acknowledged, rooms: BTreeMap::new() };
        }
        self.take_up_again(device, &speaks);
        let start = self.devices.get(device).map_or(0, |reader| self.waiting(reader));
        let reader = self.devices.entry(device.clone()).or_insert(Reader::after(self.dropped));
        let mut contents = Contents::new(&self.known, options.summary_above);
        let mut number = self.dropped + start as u64;
        for entry in self.log.range(start..) {
            if entry.is_for(device) {
                if !speaks(&entry.receipt.room_id) {
                    reader.aside.insert(number + 1, entry.receipt.clone());
                } else if !contents.add(&entry.receipt) {
                    break;
                }
            }
            number += 1;
        }
        while reader.aside.len() > WAITING {
            reader.aside.pop_first();
        }
        reader.handed = reader.handed.max(number);
        reader.last = Some(now);
        Bundle { number, rooms: contents.into_rooms() }
    }

    /// Puts into the log again what was aside and can be spoken of now. What is not acknowledged
    /// yet is still there: if the response that left it aside was lost, the next one meets it anew.
    fn take_up_again(&mut self, device: &DeviceId, speaks: impl Fn(&RoomId) -> bool) {
        let reader = self.reader(device);
        let fitting = reader.aside.extract_if(..=reader.acknowledged, |_, receipt| speaks(&receipt.room_id));
        let entries: Vec<_> = fitting.map(|(_, receipt)| Entry { receipt, only: Some(device.clone()) }).collect();
        self.append(entries);
    }

    fn append(&mut self, entries: impl IntoIterator<Item = Entry>) {
        self.log.extend(entries);
        self.drop_first(self.log.len().saturating_sub(WAITING));
    }

    fn reader(&mut self, device: &DeviceId) -> &mut Reader {
        self.devices.entry(device.clone()).or_insert(Reader::after(self.dropped))
    }

    /// Where in the log that begins which waits for this reader.
    fn waiting(&self, reader: &Reader) -> usize {
        usize::try_from(reader.acknowledged.saturating_sub(self.dropped)).unwrap_or(usize::MAX)
    }

    fn drop_what_all_have(&mut self) {
        let numbered = (self.dropped + 1..).zip(&self.log);
        let had = numbered.take_while(|(number, entry)| {
            let mut its = self.devices.iter().filter(|(device, _)| entry.is_for(device));
            its.all(|(_, reader)| reader.acknowledged >= *number)
        });
        let count = had.count();
        if !self.devices.is_empty() {
            self.drop_first(count);
        }
    }

    fn drop_first(&mut self, count: usize) {
        self.log.drain(..count);
        self.dropped += count as u64;
    }
}

#[cfg(test)]
mod tests;
