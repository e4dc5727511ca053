//! Which events have a line of their own.
//!
//! The SDK's (0.18) own choice leaves out messages of a type that it does not know, which say in
//! plain text what they are; and it gives a line to an edit that it cannot read. An edit without
//! valid new content is nothing (spec, 'Event replacements').

use std::sync::Arc;

use matrix_sdk::ruma::{
    events::{
        AnySyncMessageLikeEvent, AnySyncTimelineEvent,
        room::message::{MessageType, OriginalSyncRoomMessageEvent, Relation},
    },
    room_version_rules::RoomVersionRules,
    serde::Raw,
};
use matrix_sdk_ui::timeline::{EventTimelineItem, default_event_filter};
use serde_json::Value;

use crate::client::{content, vouched::Nothings};

/// The filter of the SDK's timeline. It is not asked about what cannot be read: see [`is_edit`].
pub(super) fn filter(
    nothings: Arc<Nothings>,
) -> impl Fn(&AnySyncTimelineEvent, &RoomVersionRules) -> bool + Send + Sync + 'static {
    move |event, rules| {
        let has_line = is_of_unknown_type(event) || default_event_filter(event, rules);
        has_line && !nothings.contains(event.event_id()) && !shows_nothing(event)
    }
}

/// The message that this event is, unless it is redacted.
fn message(event: &AnySyncTimelineEvent) -> Option<&OriginalSyncRoomMessageEvent> {
    let AnySyncTimelineEvent::MessageLike(AnySyncMessageLikeEvent::RoomMessage(message)) = event else { return None };
    message.as_original()
}

fn is_of_unknown_type(event: &AnySyncTimelineEvent) -> bool {
    message(event).is_some_and(|message| {
        matches!(message.content.msgtype, MessageType::_Custom(_))
            && !matches!(message.content.relates_to, Some(Relation::Replacement(_)))
    })
}

/// P4: a message of which nobody sees anything is none, and has no line, as long as it has not been
/// edited.
fn shows_nothing(event: &AnySyncTimelineEvent) -> bool {
    message(event).is_some_and(|message| {
        message.unsigned.relations.replace.is_none() && content::shows_nothing(&message.content.msgtype)
    })
}

/// Whether an event that could not be read is an edit.
pub(super) fn is_edit(event: &EventTimelineItem) -> bool {
    event.original_json().is_some_and(replaces)
}

fn replaces<T>(event: &Raw<T>) -> bool {
    let content: Option<Value> = event.get_field("content").ok().flatten();
    content.is_some_and(|content| content::relation(&content) == Some("m.replace"))
}
