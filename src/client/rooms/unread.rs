//! How many messages of a room are unread.
//!
//! The SDK (0.18) counts what it has seen after the newest receipt for the room as a whole. Where
//! it has not seen the message of that receipt, the homeserver may know of more; it counts by push
//! rules, if at all. What shows nothing is no message (P4), and neither of them can know that. And
//! a receipt for a thread, by another of the user's clients, the SDK does not look at.

use std::collections::HashMap;

use matrix_sdk::{
    Room,
    deserialized_responses::TimelineEvent,
    ruma::{
        OwnedEventId, OwnedRoomId, OwnedUserId, UserId,
        events::receipt::{ReceiptThread, ReceiptType},
        push::Action,
        serde::Raw,
    },
    sync::RoomUpdates,
};
use serde::Deserialize;
use serde_json::Value;

use crate::client::content;

/// Messages, and those of them that name the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unread {
    pub messages: u64,
    pub mentions: u64,
}

impl Unread {
    fn add(&mut self, event: &TimelineEvent) {
        self.messages += 1;
        let names = event.push_actions().is_some_and(|actions| actions.iter().any(Action::is_highlight));
        self.mentions += u64::from(names);
    }

    fn or_more(self, other: Self) -> Self {
        Self { messages: self.messages.max(other.messages), mentions: self.mentions.max(other.mentions) }
    }

    fn less(self, other: Self) -> Self {
        Self {
            messages: self.messages.saturating_sub(other.messages),
            mentions: self.mentions.saturating_sub(other.mentions),
        }
    }
}

fn counted(room: &Room) -> (Unread, Unread) {
    let server = room.unread_notification_counts();
    let server = Unread { messages: server.notification_count, mentions: server.highlight_count };
    (Unread { messages: room.num_unread_messages(), mentions: room.num_unread_mentions() }, server)
}

/// Not less than there are, without a look at the messages.
pub(super) fn at_a_glance(room: &Room) -> Unread {
    let (sdk, server) = counted(room);
    sdk.or_more(server)
}

/// See the module.
pub(super) async fn of(room: &Room) -> Unread {
    let (sdk, server) = counted(room);
    let vain = in_vain(room).await.unwrap_or_default();
    let sdk = sdk.less(vain.blank).less(vain.read);
    if vain.all_seen { sdk } else { sdk.or_more(server.less(vain.blank)) }
}

/// What the SDK counts in vain.
#[derive(Default)]
struct Vain {
    /// It shows nothing.
    blank: Unread,
    /// It was read in its thread.
    read: Unread,
    /// The SDK has seen all that is unread.
    all_seen: bool,
}

async fn in_vain(room: &Room) -> matrix_sdk::Result<Vain> {
    let (cache, _keep) = room.event_cache().await?;
    let events = cache.events().await?;
    let places: HashMap<_, _> =
        events.iter().enumerate().filter_map(|(place, event)| Some((event.event_id()?, place))).collect();
    let read = room.read_receipts().latest_active.and_then(|read| places.get(&read.event_id).copied());
    let mut threads = HashMap::new();
    let mut vain = Vain { all_seen: read.is_some(), ..Vain::default() };
    for (place, event) in events.iter().enumerate().skip(read.map_or(0, |read| read + 1)) {
        let Some(counted) = Counted::of(event, room) else { continue };
        if counted.shows_nothing() {
            vain.blank.add(event);
        } else if let Some(root) = content::thread_root(&counted.content) {
            let read = match threads.get(&root) {
                Some(read) => *read,
                None => *threads.entry(root.clone()).or_insert(read_of(room, &root, &places).await?),
            };
            if read.is_some_and(|read| place <= read) {
                vain.read.add(event);
            }
        }
    }
    Ok(vain)
}

/// How far the user has read a thread, as a place among the events.
async fn read_of(
    room: &Room,
    thread: &OwnedEventId,
    places: &HashMap<OwnedEventId, usize>,
) -> matrix_sdk::Result<Option<usize>> {
    let mut newest = None;
    for kind in [ReceiptType::Read, ReceiptType::ReadPrivate] {
        let receipt = room.load_user_receipt(kind, ReceiptThread::Thread(thread.clone()), room.own_user_id()).await?;
        newest = newest.max(receipt.and_then(|(event, _)| places.get(&event).copied()));
    }
    Ok(newest)
}

/// A message that the SDK counts.
#[derive(Deserialize)]
struct Counted {
    sender: OwnedUserId,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    content: Value,
}

impl Counted {
    fn of(event: &TimelineEvent, room: &Room) -> Option<Self> {
        let counted: Self = event.raw().deserialize_as_unchecked().ok()?;
        let is_edit = content::relation(&counted.content) == Some("m.replace");
        let is_message = ["m.room.message", "m.room.encrypted", "m.sticker"].contains(&&*counted.kind)
            || counted.kind.contains("poll.");
        let is_redacted = counted.content.as_object().is_none_or(serde_json::Map::is_empty);
        (is_message && !is_edit && !is_redacted && counted.sender != *room.own_user_id()).then_some(counted)
    }

    fn shows_nothing(&self) -> bool {
        content::event_shows_nothing(&self.kind, &self.content)
    }
}

/// The rooms in which this sync may have brought receipts of this user for threads.
pub(super) fn with_receipts_for_threads(came: &RoomUpdates, own: &UserId) -> Vec<OwnedRoomId> {
    let is_one = |event: &Raw<_>| ["thread_id", own.as_str()].iter().all(|part| event.json().get().contains(part));
    let rooms = came.joined.iter().filter(|(_, room)| room.ephemeral.iter().any(is_one));
    rooms.map(|(room, _)| room.clone()).collect()
}
