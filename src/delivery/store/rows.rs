//! What stands in the encrypted values. These shapes are on people's disks: fields may be added
//! with a default, and none may change its meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Result, StoreError};
use crate::{
    delivery::{
        asked::Asked,
        ledger::{ExpectedDevice, OwnEvent, Stamp},
        outbox::Owed,
        policy::Reason,
        receipt::ClaimState,
        receipt_queue::{Awaited, Entry, Stage, Step},
    },
    model::{DeviceId, EventId, LogEntry, Logged, ReceiptStatus, RoomId, Route, SafeText, Timestamp, UserId},
};

/// What was done about somebody else's message.
#[derive(Serialize, Deserialize)]
pub struct FateRow {
    room: String,
    event: String,
    /// Its name on disk is older than the one here.
    #[serde(rename = "fate")]
    status: StatusRow,
}

#[derive(Serialize, Deserialize)]
enum StatusRow {
    AwaitingKey { sender: String, sent: Timestamp },
    Told { sender: String, sent: Timestamp, at: Option<Timestamp> },
    Owed { sender: String, sent: Timestamp, since: Timestamp, state: String },
    Withheld { code: String },
    Sent { at: Timestamp, route: String },
}

impl FateRow {
    /// The row for a step; `None` for what is not remembered.
    pub fn of(entry: &Entry) -> Option<Self> {
        let (sender, sent) = (entry.sender.as_str().to_owned(), entry.sent);
        let status = match entry.step {
            Step::AwaitKey => StatusRow::AwaitingKey { sender, sent },
            Step::TellUndecryptable(at) => StatusRow::Told { sender, sent, at },
            Step::Owe(since) => {
                StatusRow::Owed { sender, sent, since, state: ClaimState::Delivered.as_str().to_owned() }
            }
            Step::Sent { at, route, .. } => StatusRow::Sent { at, route: route_name(route).to_owned() },
            Step::Withhold(reason) => StatusRow::Withheld { code: reason.code().to_owned() },
            Step::Refuse(_) => return None,
        };
        Some(Self { room: entry.room_id.as_str().to_owned(), event: entry.event_id.as_str().to_owned(), status })
    }

    pub fn stage(&self) -> Stage {
        match self.status {
            StatusRow::AwaitingKey { .. } => Stage::AwaitingKey,
            StatusRow::Told { .. } => Stage::ToldUndecryptable,
            StatusRow::Owed { .. } => Stage::Owed,
            StatusRow::Withheld { .. } => Stage::Withheld,
            StatusRow::Sent { .. } => Stage::Sent,
        }
    }

    pub fn to_status(&self) -> Result<ReceiptStatus> {
        Ok(match &self.status {
            StatusRow::AwaitingKey { .. } | StatusRow::Told { at: None, .. } => ReceiptStatus::AwaitingKey,
            StatusRow::Told { at: Some(at), .. } => ReceiptStatus::ToldUndecryptable { at: *at },
            StatusRow::Owed { since, .. } => ReceiptStatus::Owed { since: *since },
            StatusRow::Withheld { code } => reason_of(code)?.status(),
            StatusRow::Sent { at, route } => ReceiptStatus::Sent { at: *at, route: route_of(route)? },
        })
    }

    /// When the sender was told that it cannot be read, if that is how far it is.
    pub fn told(&self) -> Option<Timestamp> {
        match self.status {
            StatusRow::Told { at, .. } => at,
            _ => None,
        }
    }

    /// The message, when this row is at that stage.
    pub fn to_awaited(&self) -> Option<Awaited> {
        let (sender, sent, told) = match &self.status {
            StatusRow::AwaitingKey { sender, sent } => (sender, *sent, false),
            StatusRow::Told { sender, sent, .. } => (sender, *sent, true),
            _ => return None,
        };
        let (room, event) = (RoomId::new(&self.room), EventId::new(&self.event));
        Some(Awaited { room_id: room, event_id: event, sender: UserId::new(sender), sent, sender_told: told })
    }

    /// The receipt, when this row is at that stage.
    pub fn to_owed(&self) -> Result<Option<Owed>> {
        let StatusRow::Owed { sender, sent, since, state } = &self.status else { return Ok(None) };
        let (room, event) = (RoomId::new(&self.room), EventId::new(&self.event));
        let (sender, state) = (UserId::new(sender), state_of(state)?);
        Ok(Some(Owed { room_id: room, event_id: event, sender, sent: *sent, since: *since, state, quiet: false }))
    }
}

/// What was told to somebody, or withheld from them: one row, or several alike in one.
#[derive(Serialize, Deserialize)]
pub struct LogRow {
    at: Timestamp,
    first: Timestamp,
    count: u64,
    room: String,
    person: String,
    event: String,
    what: What,
}

#[derive(Serialize, Deserialize)]
enum What {
    Delivered { route: String },
    Undecryptable { route: String },
    Withheld { code: String },
}

impl LogRow {
    /// The row for a step, if it is one that belongs into the log.
    pub fn of(entry: &Entry, now: Timestamp) -> Option<Self> {
        let (at, what) = match entry.step {
            Step::Sent { at, route, .. } => (at, What::Delivered { route: route_name(route).to_owned() }),
            Step::TellUndecryptable(Some(at)) => {
                (at, What::Undecryptable { route: route_name(Route::Direct).to_owned() })
            }
            Step::Withhold(reason) | Step::Refuse(reason) if reason.is_logged() => {
                (now, What::Withheld { code: reason.code().to_owned() })
            }
            _ => return None,
        };
        let [room, person, event] =
            [entry.room_id.as_str(), entry.sender.as_str(), entry.event_id.as_str()].map(ToOwned::to_owned);
        Some(Self { at, first: at, count: 1, room, person, event, what })
    }

    /// By what rows are one row: those that withhold something from a person in a room for one
    /// reason.
    pub fn alike(&self) -> Option<[&str; 3]> {
        let What::Withheld { code } = &self.what else { return None };
        Some([&self.room, &self.person, code])
    }

    /// This one and the ones before it as one.
    pub fn after(self, before: &Self) -> Self {
        Self { first: before.first.min(self.first), count: self.count.saturating_add(before.count), ..self }
    }

    /// What the user sees; the room's name is not known here.
    pub fn to_entry(&self) -> Result<LogEntry> {
        let what = match &self.what {
            What::Delivered { route } => Logged::Delivered { route: route_of(route)? },
            What::Undecryptable { route } => Logged::Undecryptable { route: route_of(route)? },
            What::Withheld { code } => {
                let reason = reason_of(code)?;
                Logged::Withheld { rule: reason.rule(), why: reason.sentence() }
            }
        };
        let (at, first, count, room_name) = (self.at, self.first, self.count, SafeText::default());
        let (room, person, event) = (RoomId::new(&self.room), UserId::new(&self.person), EventId::new(&self.event));
        Ok(LogEntry { at, first, count, room_id: room, room_name, person, event_id: event, what })
    }
}

/// A device that asks; the person and the room are in the keys.
#[derive(Serialize, Deserialize)]
pub struct RequestRow {
    pub device: String,
    pub expires: Timestamp,
}

/// A device that was asked.
#[derive(Serialize, Deserialize)]
pub struct AskedRow {
    user: String,
    device: String,
    pub expires: Timestamp,
    #[serde(default)]
    repeats: usize,
}

impl AskedRow {
    pub fn new(user: &UserId, device: &DeviceId, Asked { expires, repeats }: Asked) -> Self {
        Self { user: user.as_str().to_owned(), device: device.as_str().to_owned(), expires, repeats }
    }

    pub fn asked(&self) -> Asked {
        Asked { expires: self.expires, repeats: self.repeats }
    }

    pub fn entry(&self) -> ((UserId, DeviceId), Asked) {
        ((UserId::new(&self.user), DeviceId::new(&self.device)), self.asked())
    }
}

/// An own message and the devices it was sent to; claims are rows of their own.
#[derive(Serialize, Deserialize)]
pub struct OwnEventRow {
    room: String,
    event: String,
    sent: Timestamp,
    expected: BTreeMap<String, Vec<DeviceRow>>,
}

#[derive(Serialize, Deserialize)]
pub struct DeviceRow {
    device: String,
    name: String,
    excluded: Option<String>,
    #[serde(default)]
    silent: Option<Timestamp>,
}

impl DeviceRow {
    pub fn new(known: &ExpectedDevice) -> Self {
        Self {
            device: known.device_id.as_str().to_owned(),
            name: known.name.as_str().to_owned(),
            excluded: known.excluded.clone(),
            silent: known.silent,
        }
    }

    pub fn into_known(self) -> ExpectedDevice {
        ExpectedDevice {
            device_id: DeviceId::new(&self.device),
            name: SafeText::line(&self.name),
            excluded: self.excluded,
            silent: self.silent,
        }
    }
}

impl OwnEventRow {
    pub fn new(own: &OwnEvent) -> Self {
        let devices = |devices: &Vec<ExpectedDevice>| devices.iter().map(DeviceRow::new).collect();
        Self {
            room: own.room_id.as_str().to_owned(),
            event: own.event_id.as_str().to_owned(),
            sent: own.sent,
            expected: own.expected.iter().map(|(user, known)| (user.as_str().to_owned(), devices(known))).collect(),
        }
    }

    pub fn into_own_event(self) -> OwnEvent {
        let devices = |rows: Vec<DeviceRow>| rows.into_iter().map(DeviceRow::into_known).collect();
        OwnEvent {
            room_id: RoomId::new(&self.room),
            event_id: EventId::new(&self.event),
            sent: self.sent,
            expected: self.expected.into_iter().map(|(user, rows)| (UserId::new(&user), devices(rows))).collect(),
            claims: BTreeMap::new(),
        }
    }
}

/// What one device is believed to have done; the event is in the key.
#[derive(Serialize, Deserialize)]
pub struct ClaimRow {
    user: String,
    device: Option<String>,
    at: Option<Timestamp>,
    state: String,
    route: String,
    heard: Timestamp,
}

impl ClaimRow {
    pub fn new((user, device): &(UserId, Option<DeviceId>), stamp: &Stamp) -> Self {
        Self {
            user: user.as_str().to_owned(),
            device: device.as_ref().map(|device| device.as_str().to_owned()),
            at: stamp.at,
            state: stamp.state.as_str().to_owned(),
            route: route_name(stamp.route).to_owned(),
            heard: stamp.heard,
        }
    }

    pub fn entry(&self) -> Result<((UserId, Option<DeviceId>), Stamp)> {
        let who = (UserId::new(&self.user), self.device.as_ref().map(DeviceId::new));
        let (state, route) = (state_of(&self.state)?, route_of(&self.route)?);
        Ok((who, Stamp { at: self.at, state, route, heard: self.heard }))
    }
}

/// What is kept of a room.
#[derive(Default, Serialize, Deserialize)]
pub struct RoomRow {
    pub seen: Option<(Timestamp, String)>,
    pub joined_since: Option<Timestamp>,
}

fn route_name(route: Route) -> &'static str {
    match route {
        Route::Native => "native",
        Route::Direct => "direct",
    }
}

fn route_of(name: &str) -> Result<Route> {
    let route = [Route::Native, Route::Direct].into_iter().find(|route| route_name(*route) == name);
    route.ok_or(StoreError::Entry("no such route"))
}

fn reason_of(code: &str) -> Result<Reason> {
    Reason::from_code(code).ok_or(StoreError::Entry("no such reason"))
}

fn state_of(name: &str) -> Result<ClaimState> {
    ClaimState::from_name(name).ok_or(StoreError::Entry("no such state"))
}
