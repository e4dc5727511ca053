//! How the devices of a person usually answer, over all rooms.
//!
//! That a device has not acknowledged a message means nothing by itself (L5). It means something
//! beside what the device does otherwise: one that acknowledges nearly everything, and has
//! acknowledged what came later, has *missed* this one; one that has acknowledged nothing for weeks
//! is *silent*, and is not waited for any more. The ledger of one message cannot tell that, and to
//! go through all of them for each tick would cost too much.
//!
//! So a [`DeviceResponsiveness`] is kept per person and device: the last few messages at which it
//! was expected with the time of its answer to each, on which days there were such messages, and
//! when it was heard last. All of these are maxima, minima and sets of which the newest are kept.
//! So it is the ledger's law again (L3): being told the same twice changes nothing, and the order
//! does not matter. There is one exception, which is for liars: of a person with more than
//! [`DEVICES`] devices some are forgotten, and which ones depends on the order.
//!
//! What is said of a device here is not certain. A person may go incognito for an hour, or not want
//! receipts in some rooms. An alarm that is wrong once is not believed again, so
//! [`Responsiveness::missed`] is said only of devices that answer nearly always, that have answered
//! a later message in that room, and that had time; nothing else depends on it. And one that
//! withheld something says so with what it answers next there (§3): then its silence about all that
//! was sent before in that room [means nothing](Responsiveness::means_nothing).
//!
//! A device that is [gone](Responsiveness::is_gone) will never answer. That is no claim but what
//! the homeserver says of the person's devices now, so the last look holds; one that comes back is
//! there again.
//!
//! A [large](super::ledger::aggregate) message says nothing about responsiveness (L7).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::ledger::{Answers, ExpectedDevice, OwnEvent, RECEIPTS_PER_PERSON};
use crate::model::{DeviceId, RoomId, Timestamp};

mod days;

pub use days::Days;

/// L7: so many devices of a person have responsiveness.
pub const DEVICES: usize = RECEIPTS_PER_PERSON;
/// How many messages are looked back at.
pub const RECENT: usize = 16;
/// So many messages show how a device answers.
const ENOUGH: usize = 5;
/// A device that answers nothing for so many days is silent.
const SILENT_DAYS: u64 = 21;
/// So long after the answer to a later message one to this may still come: P11 holds it back for 45
/// s at most, a key is waited for 60 s before that is told, and a device that was away answers the
/// newest first.
pub const GRACE: Duration = Duration::from_mins(2);

/// A message, as far as responsiveness cares: when it was sent, and a few bits of its room. Two own
/// messages of the same millisecond in the same room count as one.
pub type Sent = (Timestamp, u16);

/// How a person answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Responsiveness {
    /// How their devices do, of all that this user ever sent (L5).
    pub answers: Answers,
    /// How each of them does; without a device stands what names the person only.
    pub(super) devices: BTreeMap<Option<DeviceId>, DeviceResponsiveness>,
}

/// How one device answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceResponsiveness {
    /// The first message at which it was expected.
    pub(super) first: Timestamp,
    /// The first message that it answered.
    pub(super) began: Option<Timestamp>,
    /// When it was heard last, by this clock.
    pub(super) heard: Option<Timestamp>,
    /// The days on which it was expected.
    pub(super) days: Days,
    /// The newest messages at which it was expected, and when its answer was heard.
    pub(super) recent: BTreeMap<Sent, Option<Timestamp>>,
    /// By a few bits of the room: before this its silence means nothing there.
    pub(super) quiet: BTreeMap<u16, Timestamp>,
    /// It was not among the person's devices when these were looked at last.
    pub(super) gone: bool,
}

impl Responsiveness {
    /// These devices of the person were given the key of a message.
    pub fn expect<'a>(&mut self, room: &RoomId, sent: Timestamp, devices: impl IntoIterator<Item = &'a DeviceId>) {
        let devices: Vec<_> = devices.into_iter().cloned().map(Some).collect();
        // Where receipts name no device, the person counts as one.
        let person = (!devices.is_empty()).then_some(None);
        for device in devices.into_iter().chain(person) {
            self.note(device, (sent, bits(room)), None);
        }
    }

    /// A device of theirs, or just they, said something about a message.
    pub fn answer(&mut self, room: &RoomId, sent: Timestamp, device: Option<&DeviceId>, heard: Timestamp) {
        self.answers = self.answers.max(Answers::of(device));
        self.note(device.cloned(), (sent, bits(room)), Some(heard));
    }

    /// With its answer to a message a device said that its silence before means nothing in that
    /// room (§3).
    pub fn quiet(&mut self, room: &RoomId, sent: Timestamp, device: &DeviceId) {
        let known = self.devices.entry(Some(device.clone())).or_insert_with(|| DeviceResponsiveness::new(sent));
        let until = known.quiet.entry(bits(room)).or_default();
        *until = sent.max(*until);
    }

    /// The person has these devices now. Whether one that is waited for has gone, or come back.
    pub fn exist(&mut self, devices: &BTreeSet<DeviceId>) -> bool {
        let mut changed = false;
        for (device, known) in &mut self.devices {
            let gone = device.as_ref().is_some_and(|device| !devices.contains(device));
            changed |= std::mem::replace(&mut known.gone, gone) != gone;
        }
        changed
    }

    fn note(&mut self, device: Option<DeviceId>, message: Sent, heard: Option<Timestamp>) {
        self.devices.entry(device).or_insert_with(|| DeviceResponsiveness::new(message.0)).note(message, heard);
        if self.devices.len() > DEVICES {
            let newest =
                |known: &DeviceResponsiveness| (known.heard, known.recent.last_key_value().map(|(sent, _)| *sent));
            let least = self.devices.iter().min_by_key(|(_, known)| newest(known)).map(|(device, _)| device.clone());
            least.and_then(|device| self.devices.remove(&device));
        }
    }

    /// Since when a device was silent at that moment: expected at several messages over three
    /// weeks, and heard neither in that time nor since. Of somebody who never answered, nothing can
    /// be said (L5).
    pub fn silent_since(&self, device: &DeviceId, at: Timestamp) -> Option<Timestamp> {
        let known = match self.answers {
            Answers::Never => None,
            Answers::Unnamed => self.devices.get(&None),
            Answers::Named => self.of(Some(device)),
        };
        known?.silent_since(at)
    }

    /// Whether a device has missed a message that it has not answered: it usually answers, and has
    /// answered a later one in that room. Says when it did that. A receipt that names no device
    /// cannot say that something was withheld, so this is not said of a person who counts as one.
    pub fn missed(&self, own: &OwnEvent, device: &DeviceId, now: Timestamp) -> Option<Timestamp> {
        self.of(Some(device))?.missed((own.sent, bits(&own.room_id)), now)
    }

    /// Whether a device has said that its silence about a message means nothing.
    pub fn means_nothing(&self, own: &OwnEvent, device: &DeviceId) -> bool {
        self.of(Some(device)).is_some_and(|known| known.means_nothing((own.sent, bits(&own.room_id))))
    }

    /// Whether the person does not have this device any more.
    pub fn is_gone(&self, device: &DeviceId) -> bool {
        self.of(Some(device)).is_some_and(|known| known.gone)
    }

    /// Whether this device was ever heard.
    pub fn is_heard(&self, device: &DeviceId) -> bool {
        self.of(Some(device)).is_some_and(|known| known.heard.is_some())
    }

    fn of(&self, device: Option<&DeviceId>) -> Option<&DeviceResponsiveness> {
        self.devices.get(&device.cloned())
    }

    /// Writes down which devices are silent at the moment of sending. It holds for good, as the
    /// rest of what is snapshot: a device that comes back counts for what is sent from then on.
    pub fn fold(&self, expected: &mut [ExpectedDevice], sent: Timestamp) {
        for device in expected {
            device.silent = self.silent_since(&device.device_id, sent);
        }
    }
}

impl DeviceResponsiveness {
    fn new(first: Timestamp) -> Self {
        let (days, recent, quiet) = (Days::default(), BTreeMap::new(), BTreeMap::new());
        Self { first, began: None, heard: None, days, recent, quiet, gone: false }
    }

    fn note(&mut self, message @ (sent, _): Sent, heard: Option<Timestamp>) {
        self.first = self.first.min(sent);
        self.days.add(sent.day());
        self.heard = self.heard.max(heard);
        self.began = earliest(self.began, heard.map(|_| sent));
        let answered = self.recent.entry(message).or_default();
        *answered = earliest(*answered, heard);
        if self.recent.len() > RECENT {
            self.recent.pop_first();
        }
    }

    fn silent_since(&self, at: Timestamp) -> Option<Timestamp> {
        let waited_since = match self.heard {
            None => Some(self.first.day()),
            Some(heard) => self.days.first_after(heard.day()),
        };
        let since = self.heard.unwrap_or(self.first);
        let unanswered = self.recent.keys().filter(|(sent, _)| (since..at).contains(sent)).count();
        let is_silent = waited_since? + SILENT_DAYS <= at.day() && unanswered >= ENOUGH;
        is_silent.then_some(since)
    }

    fn means_nothing(&self, (sent, room): Sent) -> bool {
        self.quiet.get(&room).is_some_and(|until| sent < *until)
    }

    fn missed(&self, message: Sent, now: Timestamp) -> Option<Timestamp> {
        let is_later = |sent: &Sent| sent.0 > message.0 && sent.1 == message.1;
        let answers = || self.recent.iter().filter_map(|(sent, heard)| Some((sent, (*heard)?)));
        let later = answers().filter(|(sent, _)| is_later(sent)).map(|(_, heard)| heard).min()?;
        // What came after its last answer is still open, for each of the messages; so is this one.
        // What it was silent about on purpose says nothing about what it usually does.
        let newest = answers().next_back().map(|(sent, _)| *sent)?;
        let open = |(sent, heard): &(&Sent, &Option<Timestamp>)| heard.is_some() || !self.means_nothing(**sent);
        let judged = self.recent.range(..=newest).filter(|(sent, _)| **sent != message).filter(open);
        let (answered, all) =
            judged.fold((0, 0), |(answered, all), (_, heard)| (answered + usize::from(heard.is_some()), all + 1));
        let usually = all >= ENOUGH && answered * 5 >= all * 4;
        let has_begun = self.began.is_some_and(|began| began < message.0);
        let is_over = later + GRACE <= now;
        (usually && has_begun && is_over && !self.means_nothing(message)).then_some(later)
    }
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}

/// A few bits of a room's id. Two rooms that share them are taken for one.
fn bits(room: &RoomId) -> u16 {
    room.as_str().bytes().fold(0, |bits: u16, byte| bits.wrapping_mul(31).wrapping_add(byte.into()))
}

#[cfg(test)]
mod tests;
