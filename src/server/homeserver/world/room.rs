//! A room: a list of events, and what follows from it.

use std::collections::{BTreeMap, HashMap};

use ruma::{
    OwnedDeviceId, OwnedEventId, OwnedRoomId, OwnedTransactionId, OwnedUserId, UserId,
    events::room::member::MembershipState,
};
use serde_json::{Value, json};

use super::Caller;
use crate::model::Ms;

/// Something that was sent into a room.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: OwnedEventId,
    pub sender: OwnedUserId,
    pub kind: String,
    /// Only state has one.
    pub state_key: Option<String>,
    pub content: Value,
    /// `origin_server_ts`.
    pub sent: Ms,
    /// When it was appended.
    pub position: u64,
    /// What a redaction redacts.
    pub redacts: Option<OwnedEventId>,
    /// The redaction that emptied this event.
    pub redacted_because: Option<OwnedEventId>,
    /// The device that sent it, and what it called it.
    pub transaction: Option<(OwnedDeviceId, OwnedTransactionId)>,
    /// The state that it took the place of.
    pub replaces: Option<OwnedEventId>,
}

/// A read receipt.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub event: OwnedEventId,
    pub at: Ms,
    pub position: u64,
}

/// A room.
pub struct Room {
    pub id: OwnedRoomId,
    /// In their order: there is nobody to disagree with.
    pub events: Vec<Event>,
    index: HashMap<OwnedEventId, usize>,
    /// The current state: type and key → index.
    state: BTreeMap<(String, String), usize>,
    /// Read receipts by user, type, and thread (empty for none).
    pub receipts: BTreeMap<(OwnedUserId, String, String), Receipt>,
    /// Who types, and until when.
    pub typing: BTreeMap<OwnedUserId, Ms>,
    /// When that last changed.
    pub typing_position: u64,
}

impl Room {
    pub fn new(id: OwnedRoomId) -> Self {
        Self {
            id,
            events: Vec::new(),
            index: HashMap::new(),
            state: BTreeMap::new(),
            receipts: BTreeMap::new(),
            typing: BTreeMap::new(),
            typing_position: 0,
        }
    }

    /// Appends an event that was found to be allowed.
    pub fn append(&mut self, mut event: Event) {
        let index = self.events.len();
        if let Some(key) = &event.state_key {
            let former = self.state.insert((event.kind.clone(), key.clone()), index);
            event.replaces = former.map(|former| self.events[former].id.clone());
        }
        self.index.insert(event.id.clone(), index);
        self.events.push(event);
    }

    /// An event by its id.
    pub fn event(&self, id: &ruma::EventId) -> Option<&Event> {
        self.index.get(id).map(|index| &self.events[*index])
    }

    /// Its place in the order.
    pub fn place(&self, id: &ruma::EventId) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// The current state of this type and key.
    pub fn state(&self, kind: &str, key: &str) -> Option<&Event> {
        self.state.get(&(kind.to_owned(), key.to_owned())).map(|index| &self.events[*index])
    }

    /// All current state.
    pub fn whole_state(&self) -> impl Iterator<Item = &Event> {
        self.state.values().map(|index| &self.events[*index])
    }

    /// The state as it was at a position: for who has left, and for what is new since.
    pub fn state_at(&self, position: u64) -> BTreeMap<(&str, &str), &Event> {
        let then = self.events.iter().take_while(|event| event.position <= position);
        then.filter_map(|event| Some(((event.kind.as_str(), event.state_key.as_deref()?), event))).collect()
    }

    /// What somebody is to this room now; who was never there has left.
    pub fn membership(&self, user: &UserId) -> MembershipState {
        self.state("m.room.member", user.as_str()).map_or(MembershipState::Leave, Event::membership)
    }

    /// Whether somebody is in the room now.
    pub fn has(&self, user: &UserId) -> bool {
        self.membership(user) == MembershipState::Join
    }

    /// Everybody who is this to the room now.
    pub fn members(&self, what: &MembershipState) -> impl Iterator<Item = &str> {
        let members = self.whole_state().filter(|event| event.kind == "m.room.member");
        members.filter(move |event| event.membership() == *what).filter_map(|event| event.state_key.as_deref())
    }

    /// The membership events of one user, oldest first.
    pub fn member_events<'a>(&'a self, user: &'a UserId) -> impl DoubleEndedIterator<Item = &'a Event> {
        let is =
            move |event: &&Event| event.kind == "m.room.member" && event.state_key.as_deref() == Some(user.as_str());
        self.events.iter().filter(is)
    }
}

impl Event {
    /// What a membership event says.
    pub fn membership(&self) -> MembershipState {
        self.content["membership"].as_str().map_or(MembershipState::Leave, MembershipState::from)
    }

    /// The event as this caller is shown it; with the room's id where the answer does not say it otherwise.
    pub fn to_json(&self, room: &Room, caller: &Caller, with_room: bool) -> Value {
        let mut event = json!({
            "type": self.kind,
            "event_id": self.id,
            "sender": self.sender,
            "origin_server_ts": self.sent,
            "content": self.content,
        });
        let mut unsigned = json!({});
        if let Some(key) = &self.state_key {
            event["state_key"] = key.as_str().into();
        }
        if with_room {
            event["room_id"] = room.id.as_str().into();
        }
        if let Some(redacts) = &self.redacts {
            event["redacts"] = redacts.as_str().into();
        }
        if let Some(former) = self.replaces.as_ref().and_then(|former| room.event(former)) {
            unsigned["prev_content"] = former.content.clone();
            unsigned["replaces_state"] = former.id.as_str().into();
        }
        if let Some((device, transaction)) = &self.transaction
            && self.sender == caller.user
            && *device == caller.device
        {
            unsigned["transaction_id"] = transaction.as_str().into();
        }
        if let Some(redaction) = self.redacted_because.as_ref().and_then(|redaction| room.event(redaction)) {
            unsigned["redacted_because"] = redaction.to_json(room, caller, with_room);
        }
        if unsigned.as_object().is_some_and(|unsigned| !unsigned.is_empty()) {
            event["unsigned"] = unsigned;
        }
        event
    }
}
