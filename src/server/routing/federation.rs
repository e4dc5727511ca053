//! Receipts between servers, and what must not come out of them (PROTOCOL §7, 'Federation').
//!
//! A receipt for a sender on another server goes there as an EDU `m.receipt`; [`outgoing`] makes
//! its content. EDUs know users, not devices, and they carry one event each, since a delivery
//! receipt is never 'up to'.
//!
//! What comes in is one server's word. [`incoming`] takes it apart into [`Entry`]s and keeps what
//! that server may speak about at all, its own users; then [`Entry::check`] wants the facts about
//! the room and the event. A bad entry is skipped, and the transaction never fails for it: the
//! other server could do nothing but send it again.
//!
//! A homeserver that does not know the type shows such receipts to the whole room, as Synapse does
//! today. Whoever stands in front of one must [`strip`] them from everything that passes.

use serde_json::{Value, json};

use super::{EventFacts, Receipt, ReceiptName, addressee};
use crate::{
    delivery::receipt::RECEIPTS_READ,
    model::{EventId, RoomId, Timestamp, UserId},
};

/// The content of the EDU `m.receipt` that tells the sender's server.
pub fn outgoing(receipt: &Receipt) -> Value {
    let entry = json!({ "event_ids": [receipt.event_id.as_str()], "data": { "ts": receipt.ts } });
    json!({ receipt.room_id.as_str(): { receipt.name.as_str(): { receipt.claimant.as_str(): entry } } })
}

/// Whether a user is of this server.
pub fn is_of(user: &UserId, server: &str) -> bool {
    user.as_str().split_once(':').is_some_and(|(_, of)| of == server)
}

/// A well-formed receipt that another server sent about one of its own users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The room.
    pub room_id: RoomId,
    /// The event.
    pub event_id: EventId,
    /// Who received it.
    pub claimant: UserId,
    /// When, as that server says.
    pub ts: Timestamp,
    /// Under which name it came.
    pub name: ReceiptName,
}

/// What a server must know to take an [`Entry`].
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Whether the room's ACL lets the origin in.
    pub allowed: bool,
    /// Whether any user of the origin is joined.
    pub origin_joined: bool,
    /// Whether the claimant is joined.
    pub claimant_joined: bool,
    /// The event, where it is known and the claimant may see it.
    pub event: Option<&'a EventFacts>,
}

/// Why an entry was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Skipped {
    /// It is not what the specification says.
    #[error("malformed")]
    Malformed,
    /// A delivery receipt is for exactly one event.
    #[error("not exactly one event")]
    NotOneEvent,
    /// It is about a user of yet another server.
    #[error("the claimant is not of the origin")]
    NotOfOrigin,
    /// The room's ACL denies the origin.
    #[error("the origin is denied by the room's ACL")]
    Denied,
    /// Nobody of the origin is in the room.
    #[error("the origin is not in the room")]
    OriginNotInRoom,
    /// The claimant is not in the room.
    #[error("the claimant is not in the room")]
    ClaimantNotInRoom,
    /// The event is unknown, invisible, in another room or from before the claimant's join.
    #[error("no such event in the room")]
    NoSuchEvent,
    /// The event was sent by a user of another server.
    #[error("the event's sender is not of this server")]
    SenderNotLocal,
    /// The event is redacted, or a state event.
    #[error("an event that nobody is told about")]
    NothingToSay,
}

/// Takes apart the content of an EDU `m.receipt` from `origin`, whose signature was checked. Other
/// receipts than those of delivery are not looked at, nor is what comes after [`RECEIPTS_READ`]
/// entries.
pub fn incoming(content: &Value, origin: &str) -> Vec<Result<Entry, Skipped>> {
    let mut entries = Vec::new();
    for (room, types) in content.as_object().into_iter().flatten() {
        for name in ReceiptName::ALL {
            match types.get(name.as_str()).map(Value::as_object) {
                Some(Some(users)) => {
                    let read = users.iter().take(RECEIPTS_READ - entries.len());
                    entries.extend(read.map(|(user, entry)| Entry::parse(room, name, user, entry, origin)));
                }
                Some(None) if entries.len() < RECEIPTS_READ => entries.push(Err(Skipped::Malformed)),
                _ => {}
            }
        }
    }
    entries
}

impl Entry {
    fn parse(room: &str, name: ReceiptName, user: &str, entry: &Value, origin: &str) -> Result<Self, Skipped> {
        let claimant = UserId::new(user);
        if !room.starts_with('!') || !user.starts_with('@') {
            return Err(Skipped::Malformed);
        }
        if !is_of(&claimant, origin) {
            return Err(Skipped::NotOfOrigin);
        }
        let events = entry.get("event_ids").and_then(Value::as_array).ok_or(Skipped::Malformed)?;
        let [event] = events.as_slice() else { return Err(Skipped::NotOneEvent) };
        let event = event.as_str().filter(|id| id.starts_with('$')).ok_or(Skipped::Malformed)?;
        let ts = entry.pointer("/data/ts").and_then(Value::as_u64).ok_or(Skipped::Malformed)?;
        let ts = Timestamp::from_millis(ts);
        Ok(Self { room_id: RoomId::new(room), event_id: EventId::new(event), claimant, ts, name })
    }

    /// The receipt for the event's sender, who must be of the `local` server.
    pub fn check(self, local: &str, facts: &Facts<'_>) -> Result<Receipt, Skipped> {
        if !facts.allowed {
            return Err(Skipped::Denied);
        }
        if !facts.origin_joined {
            return Err(Skipped::OriginNotInRoom);
        }
        if !facts.claimant_joined {
            return Err(Skipped::ClaimantNotInRoom);
        }
        let to = addressee(facts.event, &self.room_id, &self.claimant).map_err(|_| Skipped::NoSuchEvent)?;
        let to = to.ok_or(Skipped::NothingToSay)?;
        if !is_of(&to, local) {
            return Err(Skipped::SenderNotLocal);
        }
        let Self { room_id: room, event_id: event, claimant, ts, name } = self;
        Ok(Receipt { room_id: room, event_id: event, to, claimant, device_id: None, ts, name, quiet: false })
    }
}

/// Takes both names out of the content of an `m.receipt`, and events that nothing else is said
/// about. The EDU between servers has rooms where a sync has events, and is stripped likewise.
pub fn strip(content: &mut Value) {
    let Some(content) = content.as_object_mut() else { return };
    content.retain(|_, types| {
        let Some(types) = types.as_object_mut() else { return true };
        let stripped = ReceiptName::ALL.into_iter().filter(|name| types.remove(name.as_str()).is_some()).count();
        stripped == 0 || !types.is_empty()
    });
}

#[cfg(test)]
mod tests;
