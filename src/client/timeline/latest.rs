//! What messages that were edited say now.
//!
//! **Problem.** The SDK's timeline (0.18) goes on showing an edit that was redacted, in quotes too,
//! until it is made anew; and of several edits it takes the one that came last, whenever and by
//! whatever way that was.
//!
//! **Why this way.** The event cache has the message and its edits as they are now. So which of
//! them holds is decided here, by the rules of the spec ('Event replacements'): of valid edits the
//! most recent by `origin_server_ts`, and of several of one time the one whose id is the greatest.
//! Only edits that are still in the send queue are left to the SDK.
//!
//! **How.** [`Latest::look_up`] is asked about each item that comes, and about all of them whenever
//! an edit or a redaction came ([`matters`]).

use std::collections::{BTreeSet, HashMap, HashSet};

use matrix_sdk::{
    Room,
    deserialized_responses::TimelineEvent,
    ruma::{
        EventId as SdkEventId, OwnedEventId,
        events::{Mentions, relation::RelationType, room::message::MessageType},
        html::{HtmlSanitizerMode, RemoveReplyFallback},
    },
};
use matrix_sdk_ui::timeline::{EventTimelineItem, MsgLikeKind, TimelineDetails, TimelineItem, TimelineItemContent};
use serde::Deserialize;
use serde_json::Value;

use crate::{client::content, model::Timestamp};

/// See the module.
pub(super) struct Latest {
    room: Room,
    messages: HashMap<OwnedEventId, Said>,
    /// What edits have said that are on the server.
    edits: HashMap<OwnedEventId, HashSet<String>>,
}

/// What a message says now.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    /// Its content.
    pub message: Value,
    /// By an edit.
    pub edited: bool,
}

impl Said {
    /// As the SDK gives what it shows.
    pub fn content(&self) -> Option<MessageType> {
        let mut content = MessageType::deserialize(&self.message).ok()?;
        let answers = self.message.pointer("/m.relates_to/m.in_reply_to").is_some();
        let fallback = if answers { RemoveReplyFallback::Yes } else { RemoveReplyFallback::No };
        content.sanitize(HtmlSanitizerMode::Compat, fallback);
        Some(content)
    }

    /// Whom it mentions.
    pub fn mentions(&self) -> Option<Mentions> {
        Mentions::deserialize(self.message.get("m.mentions")?).ok()
    }
}

impl Latest {
    /// Nothing so far.
    pub fn new(room: &Room) -> Self {
        Self { room: room.clone(), messages: HashMap::new(), edits: HashMap::new() }
    }

    /// What this message says, where it was ever edited; `content` is what the SDK has of it.
    pub fn of(&self, event: &SdkEventId, content: &TimelineItemContent) -> Option<&Said> {
        message(content).and_then(|_| self.messages.get(event))
    }

    /// Looks up the item, and what it answers. Returns what says something else than before.
    pub async fn look_up(&mut self, item: &TimelineItem) -> BTreeSet<OwnedEventId> {
        let mut changed = BTreeSet::new();
        let Some(item) = item.as_event() else { return changed };
        if let Some(event) = item.event_id()
            && (edited(item.content()).is_some() || self.of(event, item.content()).is_some())
        {
            let waits = item.latest_edit_json().is_none().then(|| edited(item.content())).flatten();
            changed.extend(self.look_at(event, waits).await);
        }
        let answered = item.content().in_reply_to();
        if let Some((event, TimelineDetails::Ready(embedded))) = answered.map(|to| (to.event_id, to.event))
            && (edited(&embedded.content).is_some() || self.of(&event, &embedded.content).is_some())
        {
            changed.extend(self.look_at(&event, None).await);
        }
        changed
    }

    /// `waits` is what the SDK shows without having it from the server: perhaps an edit that is
    /// still in the send queue.
    async fn look_at(&mut self, event: &SdkEventId, waits: Option<&MessageType>) -> Option<OwnedEventId> {
        let (cache, _keep) = self.room.event_cache().await.ok()?;
        let found = cache.find_event_with_relations(event, Some(vec![RelationType::Replacement])).await;
        let (original, related) = found.ok().flatten()?;
        let mut bundled = bundled(&original);
        if let Some(edit) = bundled.as_ref().and_then(TimelineEvent::event_id)
            && let Ok(Some(now)) = cache.find_event(&edit).await
        {
            bundled = Some(now);
        }
        let edits: Vec<_> = related.iter().chain(&bundled).filter_map(|edit| Edit::of(edit, &original)).collect();
        let known = self.edits.entry(event.to_owned()).or_default();
        known.extend(edits.iter().filter_map(|edit| body(&edit.content)));
        if waits.is_some_and(|message| !known.contains(message.body())) {
            return self.messages.remove(event).map(|_| event.to_owned());
        }
        let said = newest(edits).map(|edit| Said { message: edit.content, edited: true }).or_else(|| {
            let message = original.raw().get_field("content").ok().flatten()?;
            Some(Said { message, edited: false })
        })?;
        let before = self.messages.insert(event.to_owned(), said.clone());
        (before != Some(said)).then(|| event.to_owned())
    }
}

/// Whether an event can change what a message says.
pub(super) fn matters(event: &TimelineEvent) -> bool {
    let json = event.raw().json().get();
    json.contains("m.replace") || json.contains("m.room.redaction") || json.contains("redacted_because")
}

/// A message that is no redacted one.
fn message(content: &TimelineItemContent) -> Option<&matrix_sdk_ui::timeline::Message> {
    match &content.as_msglike()?.kind {
        MsgLikeKind::Message(message) => Some(message),
        _ => None,
    }
}

/// What a message says that was edited, as far as the SDK knows.
fn edited(content: &TimelineItemContent) -> Option<&MessageType> {
    message(content).filter(|message| message.is_edited()).map(matrix_sdk_ui::timeline::Message::msgtype)
}

fn body(content: &Value) -> Option<String> {
    Some(content.get("body")?.as_str()?.to_owned())
}

/// The edit that the server has put into the message itself.
fn bundled(original: &TimelineEvent) -> Option<TimelineEvent> {
    let unsigned: Value = original.raw().get_field("unsigned").ok().flatten()?;
    let edit = unsigned.pointer("/m.relations/m.replace").filter(|edit| edit.get("content").is_some())?;
    let edit = matrix_sdk::ruma::serde::Raw::new(edit).ok()?.cast_unchecked();
    let mut bundled = original.clone();
    bundled.replace_raw(edit);
    Some(bundled)
}

/// A valid edit.
#[derive(Debug)]
struct Edit {
    event: String,
    at: Timestamp,
    content: Value,
}

#[derive(Deserialize)]
struct Glance {
    event_id: String,
    sender: String,
    origin_server_ts: Timestamp,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    content: Value,
    state_key: Option<serde::de::IgnoredAny>,
}

impl Edit {
    /// The event as an edit of this message, if it is a valid one.
    fn of(event: &TimelineEvent, original: &TimelineEvent) -> Option<Self> {
        if original.encryption_info().is_some() && event.encryption_info().is_none() {
            return None;
        }
        let read = |event: &TimelineEvent| event.raw().deserialize_as_unchecked::<Glance>().ok();
        Self::new(read(event)?, &read(original)?)
    }

    fn new(edit: Glance, original: &Glance) -> Option<Self> {
        let relation = edit.content.get("m.relates_to")?;
        let replaces = relation["rel_type"] == "m.replace" && relation["event_id"] == original.event_id.as_str();
        let alike = edit.sender == original.sender && edit.kind == original.kind && edit.state_key.is_none();
        let content = edit.content.get("m.new_content")?.clone();
        // An edit of an edit is none.
        let first = content::relation(&original.content) != Some("m.replace");
        let valid = replaces && alike && first && MessageType::deserialize(&content).is_ok();
        valid.then_some(Self { event: edit.event_id, at: edit.origin_server_ts, content })
    }
}

/// The edit that holds.
fn newest(edits: Vec<Edit>) -> Option<Edit> {
    edits.into_iter().max_by(|a, b| (a.at, &a.event).cmp(&(b.at, &b.event)))
}

/// The items that show one of these messages, or quote it.
pub(super) fn shows(item: &EventTimelineItem, events: &BTreeSet<OwnedEventId>) -> bool {
    item.event_id().is_some_and(|event| events.contains(event))
        || item.content().in_reply_to().is_some_and(|answered| events.contains(&answered.event_id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(id: &str, at: u64, content: &Value) -> Value {
        json!({ "event_id": id, "sender": "@a:b", "origin_server_ts": at, "type": "m.room.message", "content": content })
    }

    fn edit(id: &str, at: u64, text: &str) -> Value {
        event(
            id,
            at,
            &json!({
                "msgtype": "m.text", "body": format!("* {text}"),
                "m.new_content": { "msgtype": "m.text", "body": text },
                "m.relates_to": { "rel_type": "m.replace", "event_id": "$original" },
            }),
        )
    }

    fn says(edits: &[Value]) -> Option<String> {
        let read = |event: &Value| Glance::deserialize(event).ok();
        let original = read(&event("$original", 5, &json!({ "msgtype": "m.text", "body": "first" })))?;
        let edits = edits.iter().filter_map(read).filter_map(|edit| Edit::new(edit, &original)).collect();
        newest(edits).and_then(|edit| body(&edit.content))
    }

    #[test]
    fn the_most_recent_edit_holds_and_of_one_time_the_one_of_the_greatest_id() {
        let table: &[(&[Value], Option<&str>)] = &[
            (&[], None),
            (&[edit("$a", 6, "a"), edit("$b", 7, "b")], Some("b")),
            (&[edit("$a", 7, "a"), edit("$b", 6, "b")], Some("a")),
            (&[edit("$a", 6, "a"), edit("$b", 6, "b")], Some("b")),
            (&[edit("$b", 6, "b"), edit("$a", 6, "a")], Some("b")),
            (&[edit("$B", 6, "B"), edit("$a", 6, "a")], Some("a")),
            (&[edit("$a", 1, "before the message")], Some("before the message")),
        ];
        for (edits, expected) in table {
            assert_eq!(says(edits).as_deref(), *expected, "{edits:?}");
        }
    }

    #[test]
    fn what_is_no_valid_edit_is_nothing() {
        let changed = |pointer: &str, value: Value| {
            let mut edit = edit("$z", 9, "z");
            *edit.pointer_mut(pointer).unwrap() = value;
            edit
        };
        for invalid in [
            changed("/content", json!({})),
            changed("/content/m.new_content", json!("z")),
            changed("/content/m.new_content", json!({ "body": "z" })),
            changed("/content/m.new_content", json!(null)),
            changed("/sender", json!("@mallory:b")),
            changed("/type", json!("m.sticker")),
            changed("/content/m.relates_to/event_id", json!("$other")),
            changed("/content/m.relates_to/rel_type", json!("m.reference")),
        ] {
            assert_eq!(says(&[edit("$a", 6, "a"), invalid.clone()]).as_deref(), Some("a"), "{invalid}");
        }
    }
}
