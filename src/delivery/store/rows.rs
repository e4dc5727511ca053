//! What stands in the encrypted values. These shapes are on people's disks: fields may be added with a default, and
//! none may change its meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Result, StoreError};
use crate::{
    delivery::{
        ledger::{ExpectedDevice, OwnEvent, Stamp},
        outbox::Owed,
        policy::Reason,
        receipt::ClaimState,
    },
    model::{DeviceId, EventId, Ms, ReceiptFate, RoomId, Route, SafeText, UserId},
};

/// How far a receipt is; a row only ever climbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    AwaitingKey = 0,
    Owed = 1,
    Withheld = 2,
    Sent = 3,
}

/// What was done about somebody else's message.
#[derive(Serialize, Deserialize)]
pub struct FateRow {
    room: String,
    event: String,
    fate: Fate,
}

#[derive(Serialize, Deserialize)]
enum Fate {
    AwaitingKey { sender: String, sent: Ms },
    Owed { sender: String, sent: Ms, since: Ms, state: String },
    Withheld { code: String },
    Sent { at: Ms, route: String },
}

impl FateRow {
    pub fn awaiting(room: &RoomId, event: &EventId, sender: &UserId, sent: Ms) -> Self {
        Self::new(room, event, Fate::AwaitingKey { sender: sender.as_str().to_owned(), sent })
    }

    pub fn owed(owed: &Owed) -> Self {
        let fate = Fate::Owed {
            sender: owed.sender.as_str().to_owned(),
            sent: owed.sent,
            since: owed.since,
            state: owed.state.as_str().to_owned(),
        };
        Self::new(&owed.room, &owed.event, fate)
    }

    /// Only 'sent' and 'withheld' settle anything.
    pub fn settled(room: &RoomId, event: &EventId, fate: &ReceiptFate) -> Result<Self> {
        let fate = match fate {
            ReceiptFate::Sent { at, route } => Fate::Sent { at: *at, route: route_name(*route).to_owned() },
            ReceiptFate::Withheld { why, .. } => {
                let reason = Reason::from_sentence(why).ok_or(StoreError::Entry("no such reason"))?;
                Fate::Withheld { code: reason.code().to_owned() }
            }
            ReceiptFate::NotConsidered | ReceiptFate::AwaitingKey | ReceiptFate::Owed { .. } => {
                return Err(StoreError::Entry("settled is what was sent or withheld"));
            }
        };
        Ok(Self::new(room, event, fate))
    }

    fn new(room: &RoomId, event: &EventId, fate: Fate) -> Self {
        Self { room: room.as_str().to_owned(), event: event.as_str().to_owned(), fate }
    }

    pub fn stage(&self) -> Stage {
        match self.fate {
            Fate::AwaitingKey { .. } => Stage::AwaitingKey,
            Fate::Owed { .. } => Stage::Owed,
            Fate::Withheld { .. } => Stage::Withheld,
            Fate::Sent { .. } => Stage::Sent,
        }
    }

    pub fn ids(&self) -> (RoomId, EventId) {
        (RoomId::new(&self.room), EventId::new(&self.event))
    }

    pub fn to_fate(&self) -> Result<ReceiptFate> {
        Ok(match &self.fate {
            Fate::AwaitingKey { .. } => ReceiptFate::AwaitingKey,
            Fate::Owed { since, .. } => ReceiptFate::Owed { since: *since },
            Fate::Withheld { code } => Reason::from_code(code).ok_or(StoreError::Entry("no such reason"))?.fate(),
            Fate::Sent { at, route } => ReceiptFate::Sent { at: *at, route: route_of(route)? },
        })
    }

    /// The receipt, when this row is at that stage.
    pub fn to_owed(&self) -> Result<Option<Owed>> {
        let Fate::Owed { sender, sent, since, state } = &self.fate else { return Ok(None) };
        let (room, event) = self.ids();
        let (sender, state) = (UserId::new(sender), state_of(state)?);
        Ok(Some(Owed { room, event, sender, sent: *sent, since: *since, state }))
    }
}

/// A device that asks; the person and the room are in the keys.
#[derive(Serialize, Deserialize)]
pub struct RequestRow {
    pub device: String,
    pub expires: Ms,
}

/// A device that was asked.
#[derive(Serialize, Deserialize)]
pub struct AskedRow {
    user: String,
    device: String,
    pub expires: Ms,
}

impl AskedRow {
    pub fn new(user: &UserId, device: &DeviceId, expires: Ms) -> Self {
        Self { user: user.as_str().to_owned(), device: device.as_str().to_owned(), expires }
    }

    pub fn entry(&self) -> ((UserId, DeviceId), Ms) {
        ((UserId::new(&self.user), DeviceId::new(&self.device)), self.expires)
    }
}

/// An own message and the devices it was sent to; claims are rows of their own.
#[derive(Serialize, Deserialize)]
pub struct OwnEventRow {
    room: String,
    event: String,
    sent: Ms,
    expected: BTreeMap<String, Vec<DeviceRow>>,
}

#[derive(Serialize, Deserialize)]
pub struct DeviceRow {
    device: String,
    name: String,
    excluded: Option<String>,
    #[serde(default)]
    silent: Option<Ms>,
}

impl DeviceRow {
    pub fn new(known: &ExpectedDevice) -> Self {
        Self {
            device: known.device.as_str().to_owned(),
            name: known.name.as_str().to_owned(),
            excluded: known.excluded.clone(),
            silent: known.silent,
        }
    }

    pub fn into_known(self) -> ExpectedDevice {
        ExpectedDevice {
            device: DeviceId::new(&self.device),
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
            room: own.room.as_str().to_owned(),
            event: own.event.as_str().to_owned(),
            sent: own.sent,
            expected: own.expected.iter().map(|(user, known)| (user.as_str().to_owned(), devices(known))).collect(),
        }
    }

    pub fn into_own_event(self) -> OwnEvent {
        let devices = |rows: Vec<DeviceRow>| rows.into_iter().map(DeviceRow::into_known).collect();
        OwnEvent {
            room: RoomId::new(&self.room),
            event: EventId::new(&self.event),
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
    at: Option<Ms>,
    state: String,
    route: String,
    heard: Ms,
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
    pub seen: Option<(Ms, String)>,
    pub joined_since: Option<Ms>,
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

fn state_of(name: &str) -> Result<ClaimState> {
    ClaimState::from_name(name).ok_or(StoreError::Entry("no such state"))
}
