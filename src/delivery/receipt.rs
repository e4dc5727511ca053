//! The wire: every name that stands for a delivery receipt, the two messages of the direct route,
//! and [`Native`], what a homeserver says (PROTOCOL §2, §3); and [`BridgeStatus`], what bridges
//! send (§4).
//!
//! Names under `dev.kvitto.` are ours only until there is an MSC for them, and those of MSC4089
//! change when it is accepted, so all of them stand in this one file.
//!
//! What is read here was written by somebody else. [`Request::parse`] and [`Answer::parse`] take
//! any JSON and never fail in part: a message that has no room is no message, and inside an answer
//! a malformed entry costs that entry only (L6). How much is read is bounded.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::model::{EventId, RoomId, Timestamp};

mod bridge;
mod native;

pub use bridge::{BRIDGE_STATUS_TYPE, BridgeStatus, REACHED_KEPT};
pub use native::{NATIVE_READ, Native, SUMMARY_ABOVE, Summary};

/// The to-device event that asks for receipts (§3).
pub const REQUEST_TYPE: &str = "dev.kvitto.delivery.request";
/// The to-device event that carries receipts (§3).
pub const ANSWER_TYPE: &str = "dev.kvitto.delivery";

/// MSC4089's feature flag in `/versions`.
pub const NATIVE_FEATURE: &str = "org.matrix.msc4089";
/// The receipt's type before MSC4089 is accepted.
pub const NATIVE_TYPE_UNSTABLE: &str = "org.matrix.msc4089.delivery";
/// The receipt's type after MSC4089 is accepted; when received, both are one type.
pub const NATIVE_TYPE: &str = "m.delivery";
/// The feature flag of a server that tells devices apart.
pub const NATIVE_DEVICES_FEATURE: &str = "dev.kvitto.delivery_devices";
/// The feature flag of a server that passes receipts on to the event's sender on another server.
pub const NATIVE_FEDERATED_FEATURE: &str = "dev.kvitto.delivery_federated";
/// The key under which a native receipt tells devices apart.
pub const NATIVE_DEVICES: &str = "dev.kvitto.devices";
/// The key under which a native receipt says that its device's silence before it means nothing.
pub const NATIVE_QUIET: &str = "dev.kvitto.quiet";
/// The key, in a filter's `room.ephemeral`, of what a client asks about delivery receipts (§7).
pub const NATIVE_FILTER: &str = "dev.kvitto.delivery";
/// The key under which an event's receipts are summed up, in place of the users (§7).
pub const NATIVE_SUMMARY: &str = "dev.kvitto.delivery_summary";

/// How long a request holds at most (§3).
pub const REQUEST_LIFETIME: Duration = Duration::from_hours(7 * 24);
/// So many receipts go into one answer. To-device content may have 64 KiB and Olm adds a third: 150
/// receipts for events with the longest id that Matrix allows, 255 bytes, stay below that.
pub const RECEIPTS_SENT: usize = 150;
/// So many receipts are read from one answer; the rest is not looked at.
pub const RECEIPTS_READ: usize = 1000;

/// A homeserver sees of an encrypted message who gets it, when, and how long it is. So type and
/// content together are padded to one of these lengths, in bytes of JSON: requests and receipts
/// alike, and up to about 7, 67 and 150 receipts.
pub const SIZES: [usize; 3] = [1_024, 8_192, 47_104];

/// The content of an event of ours, of this type, with the padding that takes both to one of the
/// [`SIZES`].
pub fn padded(kind: &str, mut content: Value) -> Value {
    let empty = r#","pad":"""#.len();
    let length = kind.len() + content.to_string().len() + empty;
    if let Some(size) = SIZES.into_iter().find(|size| *size >= length) {
        content["pad"] = " ".repeat(size - length).into();
    }
    content
}

/// 'Send me delivery receipts for what I send in this room.'
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The room.
    pub room_id: RoomId,
    /// Until when, by the asking device's clock.
    pub expires: Timestamp,
    /// What was told in the last minutes may have been lost: tell it again.
    pub again: bool,
}

impl Request {
    /// The event's content.
    pub fn to_json(&self) -> Value {
        let mut content = json!({ "room_id": self.room_id.as_str(), "expires_ts": self.expires });
        if self.again {
            content["again"] = true.into();
        }
        content
    }

    /// Reads the event's content.
    pub fn parse(content: &Value) -> Option<Self> {
        let again = content.get("again") == Some(&Value::Bool(true));
        let expires = Timestamp::from_millis(content.get("expires_ts")?.as_u64()?);
        Some(Self { room_id: room_id(content)?, expires, again })
    }

    /// Until when it is to be honoured: never longer than [`REQUEST_LIFETIME`] from now, and `None`
    /// when it is over.
    pub fn holds_until(&self, now: Timestamp) -> Option<Timestamp> {
        (self.expires > now).then(|| self.expires.min(now + REQUEST_LIFETIME))
    }
}

/// 'This device received these events.'
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The room.
    pub room_id: RoomId,
    /// One claim per event.
    pub receipts: Vec<(EventId, Claim)>,
    /// That this device was silent about what was sent in that room before these events means
    /// nothing.
    pub quiet: bool,
}

/// What is claimed about one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// When, by the claimant's clock; `None` when it does not say.
    pub at: Option<Timestamp>,
    /// What happened.
    pub state: ClaimState,
}

/// What a device can say about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimState {
    /// It received it and could read it.
    Delivered,
    /// It received it and could not decrypt it.
    Undecryptable,
}

impl ClaimState {
    /// Its name on the wire and on disk.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Undecryptable => "undecryptable",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Delivered, Self::Undecryptable].into_iter().find(|state| state.as_str() == name)
    }
}

impl Answer {
    /// The event's content.
    pub fn to_json(&self) -> Value {
        let receipts: Map<String, Value> =
            self.receipts.iter().map(|(event, claim)| (event.as_str().to_owned(), claim.to_json())).collect();
        let mut content = json!({ "room_id": self.room_id.as_str(), "receipts": receipts });
        if self.quiet {
            content["quiet"] = true.into();
        }
        content
    }

    /// Reads the event's content; entries that make no sense are left out (L6).
    pub fn parse(content: &Value) -> Option<Self> {
        let receipts = content.get("receipts")?.as_object()?.iter().take(RECEIPTS_READ);
        let receipts = receipts.filter_map(|(event, claim)| {
            event.starts_with('$').then_some(())?;
            Some((EventId::new(event), Claim::parse(claim)?))
        });
        let quiet = content.get("quiet") == Some(&Value::Bool(true));
        Some(Self { room_id: room_id(content)?, receipts: receipts.collect(), quiet })
    }
}

impl Claim {
    fn to_json(self) -> Value {
        let mut entry = Map::new();
        if let Some(at) = self.at {
            entry.insert("ts".to_owned(), at.as_millis().into());
        }
        entry.insert("state".to_owned(), self.state.as_str().into());
        Value::Object(entry)
    }

    fn parse(entry: &Value) -> Option<Self> {
        let entry = entry.as_object()?;
        let at = time(entry).ok()?;
        let state = match entry.get("state") {
            Some(state) => ClaimState::from_name(state.as_str()?)?,
            None => ClaimState::Delivered,
        };
        Some(Self { at, state })
    }
}

/// Something that should be a time and is none.
struct Malformed;

/// An entry's `ts`, which it may leave out.
fn time(entry: &Map<String, Value>) -> Result<Option<Timestamp>, Malformed> {
    entry.get("ts").map(|ts| ts.as_u64().map(Timestamp::from_millis).ok_or(Malformed)).transpose()
}

fn room_id(content: &Value) -> Option<RoomId> {
    content.get("room_id")?.as_str().filter(|id| id.starts_with('!')).map(RoomId::new)
}

#[cfg(test)]
pub(crate) mod malformed;
#[cfg(test)]
mod tests;
