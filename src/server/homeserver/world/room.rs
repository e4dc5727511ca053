//! A room: a list of events, and what follows from it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ruma::{
    EventId, OwnedDeviceId, OwnedEventId, OwnedRoomId, OwnedTransactionId, OwnedUserId, UserId,
    canonical_json::{redact_content_in_place, try_from_json_map},
    events::room::member::MembershipState,
    room_version_rules::RedactionRules,
};
use serde_json::Value;

use crate::model::Timestamp;

mod event_json;
mod token;
mod view;

pub use token::Token;

/// The device that sent an event, and what it called it.
pub type Transaction = (OwnedDeviceId, OwnedTransactionId);

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
    pub sent: Timestamp,
    /// When it was appended.
    pub position: u64,
    /// What a redaction redacts.
    pub redacts: Option<OwnedEventId>,
    /// The redaction that emptied this event.
    pub redacted_because: Option<OwnedEventId>,
    pub transaction: Option<Transaction>,
    /// The state that it took the place of.
    pub replaces: Option<OwnedEventId>,
}

/// A read receipt.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub event_id: OwnedEventId,
    pub at: Timestamp,
    pub position: u64,
}

/// A room.
pub struct Room {
    pub id: OwnedRoomId,
    /// In their order: there is nobody to disagree with.
    pub events: Vec<Event>,
    index: HashMap<OwnedEventId, usize>,
    /// What was sent under which name, as indexes.
    transactions: HashMap<Transaction, Vec<usize>>,
    /// The state of every type and key, as indexes; the last one is current.
    state: BTreeMap<(String, String), Vec<usize>>,
    /// What relates to an event, as indexes.
    relating: HashMap<OwnedEventId, Vec<usize>>,
    /// Who has left and does not want to see it any more.
    pub forgotten: BTreeSet<OwnedUserId>,
    /// Read receipts by user, type, and thread (empty for none).
    pub receipts: BTreeMap<(OwnedUserId, String, String), Receipt>,
    /// Who types, and until when.
    pub typing: BTreeMap<OwnedUserId, Timestamp>,
    /// When that last changed.
    pub typing_position: u64,
}

impl Room {
    pub fn new(id: OwnedRoomId) -> Self {
        Self {
            id,
            events: Vec::new(),
            index: HashMap::new(),
            transactions: HashMap::new(),
            state: BTreeMap::new(),
            relating: HashMap::new(),
            forgotten: BTreeSet::new(),
            receipts: BTreeMap::new(),
            typing: BTreeMap::new(),
            typing_position: 0,
        }
    }

    /// Appends an event that was found to be allowed, with everything that follows from it.
    pub fn append(&mut self, mut event: Event) {
        let index = self.events.len();
        if let Some(key) = &event.state_key {
            let places = self.state.entry((event.kind.clone(), key.clone())).or_default();
            event.replaces = places.last().map(|former| self.events[*former].id.clone());
            places.push(index);
            if event.kind == "m.room.member" && event.membership() != MembershipState::Leave {
                self.forgotten.retain(|user| user != key);
            }
        }
        if let Some((_, target)) = event.relation() {
            self.relating.entry(target).or_default().push(index);
        }
        if let Some(redacted) = event.redacts.as_ref().and_then(|redacted| self.index.get(redacted)) {
            self.events[*redacted].redact(&event.id);
        }
        if let Some(transaction) = &event.transaction {
            self.transactions.entry(transaction.clone()).or_default().push(index);
        }
        self.index.insert(event.id.clone(), index);
        self.events.push(event);
    }

    /// An event by its id.
    pub fn event(&self, id: &EventId) -> Option<&Event> {
        self.index.get(id).map(|index| &self.events[*index])
    }

    /// What a device has sent under this name; it may use one for several kinds of events.
    pub fn sent_as(&self, transaction: &Transaction) -> impl Iterator<Item = &Event> {
        self.transactions.get(transaction).into_iter().flatten().map(|index| &self.events[*index])
    }

    /// Its place in the order.
    pub fn place(&self, id: &EventId) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// The places of what relates to an event and is not redacted.
    pub fn relating(&self, id: &EventId) -> impl DoubleEndedIterator<Item = usize> {
        let places = self.relating.get(id).map_or(&[][..], Vec::as_slice).iter().copied();
        places.filter(|place| self.events[*place].redacted_because.is_none())
    }

    /// The replies in the thread that begins with this event, as far as somebody may see them,
    /// oldest first.
    pub fn thread(&self, root: &EventId, user: &UserId) -> impl DoubleEndedIterator<Item = &Event> {
        let replies = self.relating(root).filter(|place| self.visible(user, *place)).map(|place| &self.events[place]);
        replies.filter(|reply| reply.relation().is_some_and(|(how, _)| how == "m.thread"))
    }

    /// The current state of this type and key.
    pub fn state(&self, kind: &str, key: &str) -> Option<&Event> {
        self.state_before(self.events.len(), kind, key)
    }

    /// The state of this type and key as it was before the event at a place.
    pub fn state_before(&self, place: usize, kind: &str, key: &str) -> Option<&Event> {
        let places = self.places(kind, key);
        places[..places.partition_point(|known| *known < place)].last().map(|place| &self.events[*place])
    }

    /// All current state.
    pub fn whole_state(&self) -> impl Iterator<Item = &Event> {
        self.state.values().filter_map(|places| places.last()).map(|place| &self.events[*place])
    }

    /// The state as it was at a position: for who has left, and for what is new since.
    pub fn state_at(&self, position: u64) -> BTreeMap<(&str, &str), &Event> {
        let then = self.state.iter().filter_map(|((kind, key), places)| {
            let count = places.partition_point(|place| self.events[*place].position <= position);
            Some(((kind.as_str(), key.as_str()), &self.events[*places[..count].last()?]))
        });
        then.collect()
    }

    /// The position of what is before a token.
    pub fn position_before(&self, token: Token) -> u64 {
        self.events[..token.0.min(self.events.len())].last().map_or(0, |event| event.position)
    }

    /// Where the state of this type and key was set, oldest first.
    fn places(&self, kind: &str, key: &str) -> &[usize] {
        self.state.get(&(kind.to_owned(), key.to_owned())).map_or(&[], Vec::as_slice)
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
    pub fn member_events(&self, user: &UserId) -> impl DoubleEndedIterator<Item = &Event> {
        self.places("m.room.member", user.as_str()).iter().map(|place| &self.events[*place])
    }
}

impl Event {
    /// What a membership event says.
    pub fn membership(&self) -> MembershipState {
        self.content["membership"].as_str().map_or(MembershipState::Leave, MembershipState::from)
    }

    /// What this event relates to, and how.
    pub fn relation(&self) -> Option<(&str, OwnedEventId)> {
        let relation = &self.content["m.relates_to"];
        Some((relation["rel_type"].as_str()?, EventId::parse(relation["event_id"].as_str()?).ok()?))
    }

    /// Takes away what a redaction takes away, by the rules of room version 11.
    fn redact(&mut self, because: &EventId) {
        if let Some(mut content) = self.content.as_object().cloned().and_then(|content| try_from_json_map(content).ok())
        {
            redact_content_in_place(&mut content, &RedactionRules::V11, &self.kind);
            self.content = Value::Object(content.into_iter().map(|(key, value)| (key, value.into())).collect());
        }
        self.redacted_because.get_or_insert_with(|| because.to_owned());
    }
}
