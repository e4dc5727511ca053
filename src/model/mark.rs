//! What is known about the delivery of one own message, ready to be drawn.

use super::{DeviceId, EventId, SafeText, Timestamp, UserId};

/// How a receipt travelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// By the homeserver's receipt endpoint (MSC4089).
    Native,
    /// By an Olm-encrypted to-device message (`dev.kvitto.delivery`).
    Direct,
}

/// What one device of a peer did with one own message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// It has the room key and has not answered yet, and this person's devices do answer.
    Pending,
    /// It received and could read the message. The time is missing when the claimed one is
    /// impossible (L4).
    Delivered {
        /// When, by the claimant's clock.
        at: Option<Timestamp>,
    },
    /// It received the message and could not decrypt it.
    Undecryptable {
        /// When it said so.
        at: Option<Timestamp>,
    },
    /// Nothing can be said (L5): no device of this person ever sent a receipt, or none that says
    /// which device it is.
    Unknown,
    /// It usually answers, has answered a later message, and has not answered this one.
    Missed {
        /// When it answered the later one, as this client heard it.
        later: Timestamp,
    },
    /// Nothing can be said (L5): it did not answer, and said later that this means nothing.
    Quiet,
    /// It was given the room key, and is no device of this person's any more; it has not answered
    /// and is not counted.
    Gone,
    /// It was given the room key, and no device of this name has answered anything for weeks; it is
    /// not counted.
    Silent {
        /// When it was last heard, or first expected when it never was.
        since: Timestamp,
    },
    /// It was not given the room key when the message was sent; it is not counted.
    Excluded {
        /// Why it was left out, as a sentence.
        why: SafeText,
    },
}

/// One device and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceDelivery {
    /// The device; missing for a receipt that names a user only, and for a person who counts as
    /// one.
    pub device_id: Option<DeviceId>,
    /// Its public display name, or empty.
    pub name: SafeText,
    /// What it did.
    pub state: DeviceState,
    /// How its receipt came.
    pub route: Option<Route>,
    /// Whether it counts. A device does that was given the key; a person whose receipts never name
    /// a device counts as one, and none of their devices does.
    pub expected: bool,
}

/// One person and all their devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonDelivery {
    /// Who.
    pub user_id: UserId,
    /// Their display name in the room, or empty.
    pub name: SafeText,
    /// Devices in a stable order: expected ones first, by id.
    pub devices: Vec<DeviceDelivery>,
}

impl PersonDelivery {
    /// Whether this person counts as one, because their receipts never name a device.
    pub fn counts_as_one(&self) -> bool {
        self.devices.iter().any(|device| device.expected && device.device_id.is_none())
    }
}

/// Everything known about the delivery of one own message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The message.
    pub event_id: EventId,
    /// When it was sent, by the server's clock.
    pub sent: Timestamp,
    /// People in a stable order, by id. Empty when nobody else was in the room. Where there is a
    /// tally, only the few who answered last.
    pub people: Vec<PersonDelivery>,
    /// The counts, where there are too many people to be listed (L7).
    pub tally: Option<Tally>,
    /// This user's own other devices. They are not counted.
    pub own_devices: Vec<DeviceDelivery>,
    /// What a bridge says about it (PROTOCOL §4).
    pub bridge: Option<Bridge>,
}

impl Delivery {
    /// Of these people, and nothing else is known.
    pub fn new(event: EventId, sent: Timestamp, people: Vec<PersonDelivery>) -> Self {
        Self { event_id: event, sent, people, tally: None, own_devices: Vec::new(), bridge: None }
    }
}

/// The receipts for one message, counted (L7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// People of whom a device has it.
    pub users: u64,
    /// Devices that have it; a person whose receipts name no device counts as one.
    pub delivered: u64,
    /// Devices that could not decrypt it.
    pub undecryptable: u64,
    /// Devices that were given the key; 0 when that was not recorded.
    pub expected: u64,
    /// The latest time that was claimed.
    pub latest: Option<Timestamp>,
    /// The homeserver has counted more than it has named: whose these are, nobody can say.
    pub anonymous: bool,
}

/// What a bridge did with a message (`com.beeper.message_send_status`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// The bridge's bot, which says so.
    pub bot: UserId,
    /// What became of it.
    pub state: BridgeState,
    /// Why it failed, in the bridge's words; else empty.
    pub why: SafeText,
    /// Who has it on the other network; `None` when the bridge will never know.
    pub delivered_to: Option<Vec<UserId>>,
}

impl Bridge {
    /// Whether the bridge could not pass it on, at least not yet.
    pub fn has_failed(&self) -> bool {
        matches!(self.state, BridgeState::Retriable | BridgeState::Failed)
    }
}

/// How far a bridge is with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BridgeState {
    /// It is still being sent.
    Pending,
    /// It could not be sent, and may be tried again.
    Retriable,
    /// It cannot be sent.
    Failed,
    /// It is on the other network.
    Sent,
}

/// The mark at the end of an own message, before glyphs are chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Waiting to be sent.
    Waiting,
    /// Could not be sent.
    Failed,
    /// On the server; nothing is known or expected beyond that.
    Sent,
    /// On the server, and nobody else was in the room or invited: nobody can get it.
    Nobody,
    /// On the server, and a bridge could not pass it on to the other network.
    NotBridged,
    /// On the server, and these devices are expected, few enough to be shown one by one.
    Devices {
        /// Per person, one state per expected device.
        people: Vec<Vec<DeviceState>>,
        /// Everyone has read it. This says nothing about the devices (L5).
        read: bool,
    },
    /// Too many devices to show one by one.
    Count {
        /// Devices that have it.
        delivered: usize,
        /// Devices that were given the key.
        expected: usize,
        /// Devices that could not decrypt it.
        undecryptable: usize,
        /// Devices that usually answer, and have not this time.
        missed: usize,
    },
    /// Every expected device has it.
    Delivered,
    /// Every expected device has it and everyone has read it.
    Read,
}

impl Mark {
    /// The same mark for a style that has no device row, or for too many devices: a row becomes a
    /// count, or `Delivered` or `Read` once every device has it. All other marks stay as they are.
    #[must_use]
    pub fn counted(self) -> Self {
        let Self::Devices { people, read } = self else { return self };
        let count = |is: fn(&DeviceState) -> bool| people.iter().flatten().filter(|state| is(state)).count();
        let delivered = count(|state| matches!(state, DeviceState::Delivered { .. }));
        let undecryptable = count(|state| matches!(state, DeviceState::Undecryptable { .. }));
        let missed = count(|state| matches!(state, DeviceState::Missed { .. }));
        match people.iter().flatten().count() {
            expected if delivered < expected => Self::Count { delivered, expected, undecryptable, missed },
            0 => Self::Sent,
            _ if read => Self::Read,
            _ => Self::Delivered,
        }
    }
}

/// What this client did about somebody else's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiptStatus {
    /// Nothing is recorded: it was never considered (for instance scrollback).
    NotConsidered,
    /// The message cannot be read yet; a receipt is decided when its key comes (P1).
    AwaitingKey,
    /// The message cannot be read yet, and its sender was told so.
    ToldUndecryptable {
        /// When.
        at: Timestamp,
    },
    /// A receipt is owed and will be sent.
    Owed {
        /// Since when.
        since: Timestamp,
    },
    /// A receipt was sent.
    Sent {
        /// When.
        at: Timestamp,
        /// How.
        route: Route,
    },
    /// No receipt was sent, and none will be.
    Withheld {
        /// The rule of PROTOCOL, such as "P7".
        rule: &'static str,
        /// The rule in one sentence.
        why: &'static str,
    },
}
