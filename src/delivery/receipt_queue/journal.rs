//! What is written down about others' messages, and where: on disk by the
//! [`store`](crate::delivery::store), by a test wherever it likes.

use std::time::Duration;

use crate::{
    delivery::{incognito::Incognito, outbox::Owed, policy::Reason},
    model::{DeviceId, EventId, RoomId, Route, Timestamp, UserId},
};

/// P1: for so long somebody is not told again that a message cannot be read, after that turned out
/// to have been no message.
const IN_VAIN: Duration = Duration::from_hours(24);

/// How far a message's receipt is. It only ever climbs, whoever writes in whatever order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Its key is awaited (P1).
    AwaitingKey = 0,
    /// Its key is awaited still, and there is nothing more to be said about that: the sender was
    /// told, or could not be.
    ToldUndecryptable = 1,
    /// It is owed.
    Owed = 2,
    /// It was withheld for good.
    Withheld = 3,
    /// It was sent.
    Sent = 4,
}

/// A message that cannot be read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// Its room.
    pub room_id: RoomId,
    /// The message.
    pub event_id: EventId,
    /// Who sent it.
    pub sender: UserId,
    /// When they did (`origin_server_ts`).
    pub sent: Timestamp,
    /// The sender was told, or cannot be.
    pub sender_told: bool,
}

/// A step of one message's receipt, to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The message's room.
    pub room_id: RoomId,
    /// The message.
    pub event_id: EventId,
    /// Who sent it.
    pub sender: UserId,
    /// When they did (`origin_server_ts`).
    pub sent: Timestamp,
    /// What there is to be written down.
    pub step: Step,
}

/// What there is to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its key is awaited (P1).
    AwaitKey,
    /// The sender was told that it cannot be read: then, or never, because there was no route.
    TellUndecryptable(Option<Timestamp>),
    /// A receipt is owed since then.
    Owe(Timestamp),
    /// It was sent.
    Sent {
        /// When.
        at: Timestamp,
        /// How.
        route: Route,
        /// With the word that the silence before it means nothing (§3).
        quiet: bool,
    },
    /// It is withheld, for good.
    Withhold(Reason),
    /// It is withheld for a reason that says the same whenever it is asked
    /// ([`Reason::is_lasting`]): this only goes into the log.
    Refuse(Reason),
}

impl Entry {
    /// About a receipt that is owed.
    pub fn about(owed: &Owed, step: Step) -> Self {
        let Owed { room_id: room, event_id: event, sender, sent, .. } = owed.clone();
        Self { room_id: room, event_id: event, sender, sent, step }
    }

    /// The message: its room and its id.
    pub fn event_ref(&self) -> (RoomId, EventId) {
        (self.room_id.clone(), self.event_id.clone())
    }
}

/// Where it is written down. Each writing method is done as a whole or not at all, whenever the
/// program is killed.
pub trait Journal {
    /// Why it cannot be written or read.
    type Error;

    /// How far a message's receipt is; `None` when nothing is recorded.
    fn stage(&self, room: &RoomId, event: &EventId) -> Result<Option<Stage>, Self::Error>;

    /// All receipts that are owed, in no particular order.
    fn owed(&self) -> Result<Vec<Owed>, Self::Error>;

    /// All messages that await their key, in no particular order.
    fn awaiting(&self) -> Result<Vec<Awaited>, Self::Error>;

    /// Writes all of this down: what is further than what stands there, and the log's part of it.
    fn record(&mut self, entries: &[Entry], now: Timestamp) -> Result<(), Self::Error>;

    /// Where there is or was incognito (P12).
    fn incognito(&self) -> Result<Incognito, Self::Error>;

    /// There is or was incognito there (P12).
    fn set_incognito(&mut self, incognito: &Incognito) -> Result<(), Self::Error>;

    /// The latest message of this person's in this room whose receipt was withheld, while that was
    /// not said (§3): when it was sent.
    fn withheld(&self, person: &UserId, room: &RoomId) -> Result<Option<Timestamp>, Self::Error>;

    /// When this person was last told that something cannot be read which was no message when it
    /// could be (P1).
    fn told_in_vain(&self, person: &UserId) -> Result<Option<Timestamp>, Self::Error>;

    /// This person's devices that ask for receipts in this room (§3), by id.
    fn asking_devices(&self, user: &UserId, room: &RoomId, now: Timestamp) -> Result<Vec<DeviceId>, Self::Error>;

    /// This device asks for receipts in this room, until then.
    fn remember_request(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        room: &RoomId,
        expires: Timestamp,
    ) -> Result<(), Self::Error>;
}

/// P1: whether this person makes a device tell that it cannot read what is no message, and so is
/// not told anything of the kind for now.
pub(super) fn told_in_vain<B: Journal>(journal: &B, person: &UserId, now: Timestamp) -> Result<bool, B::Error> {
    Ok(journal.told_in_vain(person)?.is_some_and(|told| told + IN_VAIN > now))
}

pub(super) fn write<B: Journal>(journal: &mut B, entries: &[Entry], now: Timestamp) -> Result<(), B::Error> {
    if entries.is_empty() { Ok(()) } else { journal.record(entries, now) }
}
