//! Edits of messages: what is sent, and what becomes of those that are refused.
//!
//! An edit goes through the send queue as a message does: in order, kept on disk, sent again after
//! a kill. A message that the server refuses stays in the timeline until it is tried again or
//! thrown away; a refused edit would stand nowhere. So it is taken out of the queue, and its text
//! goes back to where it was written. So is one that waits while its message is removed: the server
//! would take it, and nobody would see it.
//!
//! Who removes a message means its text, and that stands in its edits too, which the server goes on
//! giving to everybody. So they are removed with it, and first: what fails can be asked for again
//! as long as the message is there.

use std::collections::BTreeSet;

use matrix_sdk::{
    Client, Error, HttpError, Room,
    config::RequestConfig,
    deserialized_responses::TimelineEvent,
    room::{IncludeRelations, RelationsOptions},
    ruma::{
        EventId as SdkEventId, OwnedEventId,
        api::error::ErrorKind,
        events::{
            AnyMessageLikeEventContent, Mentions, MessageLikeEventContent as _,
            relation::RelationType,
            room::message::{
                Relation, ReplacementMetadata, RoomMessageEventContent, RoomMessageEventContentWithoutRelation,
            },
        },
        uint,
    },
    send_queue::{LocalEcho, LocalEchoContent},
    store::SerializableEventContent,
};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::{cached, errors, ids, typed, vouched};
use crate::{
    client::update::Update,
    model::{EventId, RoomId, SafeText},
};

/// A message of which more edits are known than are on so many pages keeps the rest.
const MOST_PAGES: usize = 50;

/// 'This is the text of that message from now on' (`m.replace`). It mentions whom the message
/// mentioned, and nobody anew.
pub(super) async fn content(room: &Room, event: OwnedEventId, text: &str) -> RoomMessageEventContent {
    let mentioned = mentions(room, &event).await;
    let mut new = RoomMessageEventContentWithoutRelation::new(typed::text(text));
    new.mentions.clone_from(&mentioned);
    new.make_replacement(ReplacementMetadata::new(event, mentioned))
}

async fn mentions(room: &Room, event: &SdkEventId) -> Option<Mentions> {
    let event = cached::event(room, event).await?;
    let content: Value = event.raw().get_field("content").ok()??;
    serde_json::from_value(content.get("m.mentions")?.clone()).ok()
}

/// Gives back every edit that was refused. It stays in the queue until its text is kept elsewhere:
/// see [`forget`]. What is no message and has no text, such as a reaction, would be shown as if it
/// were there: it is taken out, and said to be refused.
pub(super) async fn give_back(client: &Client, events: &UnboundedSender<Update>) {
    for (room, echoes) in client.send_queue().local_echoes().await.unwrap_or_default() {
        for echo in &echoes {
            let update = match refused(ids::room(&room), echo) {
                Some(edit) => Some(edit),
                None => take_out(echo).await,
            };
            let _ = update.map(|update| events.send(update));
        }
    }
}

/// Takes something that was refused and is no message out of the queue. Gives what is to be said.
async fn take_out(echo: &LocalEcho) -> Option<Update> {
    let LocalEchoContent::Event { serialized_event, send_handle, send_error: Some(error) } = &echo.content else {
        return None;
    };
    let what = match serialized_event.deserialize() {
        Ok(AnyMessageLikeEventContent::RoomMessage(_)) | Err(_) => return None,
        Ok(AnyMessageLikeEventContent::Reaction(reaction)) => format!("Your reaction {}", reaction.relates_to.key),
        Ok(other) => format!("What you did ({})", other.event_type()),
    };
    let why = errors::wedge_sentence(error);
    if let Err(error) = send_handle.abort().await {
        tracing::warn!(%error, "what was refused stays in the queue");
        return None;
    }
    Some(Update::Warning(SafeText::line(&format!("{what} was not sent. {why}"))))
}

/// Gives back every edit of this room that waits for its turn and whose message is removed, by what
/// the server says now. Returns whether there was one. It stays in the queue until its text is kept
/// elsewhere: see [`forget`]. Fails when the server cannot be asked.
pub(super) async fn give_back_removed(room: &Room, events: &UnboundedSender<Update>) -> matrix_sdk::Result<bool> {
    let mut found = false;
    for echo in queued(room).await {
        let Some((event, text)) = waiting(&echo) else { continue };
        match room.event(&event, Some(RequestConfig::short_retry())).await {
            Ok(event) if !has_no_content(&event) => {}
            Ok(_) => {
                let _ = events.send(removed(ids::room(room.room_id()), ids::event(&event), text));
                found = true;
            }
            Err(Error::Http(error)) if matches!(*error, HttpError::Reqwest(_)) => return Err(Error::Http(error)),
            // Whatever is wrong with it, the edit itself will say.
            Err(_) => {}
        }
    }
    Ok(found)
}

/// What is said of an edit whose message is removed.
pub(super) const REMOVED: &str = "The message that you edited was removed. What you typed is kept as a new one.";

/// 'The message of this edit is removed.'
fn removed(room: RoomId, event: EventId, text: String) -> Update {
    let why = SafeText::line(REMOVED);
    Update::EditFailed { room_id: room, event_id: event, text, removed: true, why }
}

/// Whether a message is removed, as far as it is known here.
pub(super) async fn is_removed(room: &Room, event: &SdkEventId) -> bool {
    let Some(event) = cached::event(room, event).await else { return false };
    let by = vouched::redaction_of(&event);
    if let Some(by) = by
        && let Some(redaction) = cached::event(room, &by).await
        && vouched::is_nothing(&redaction)
    {
        return false;
    }
    has_no_content(&event)
}

/// A redacted event keeps its type, and has lost its content.
fn has_no_content(event: &TimelineEvent) -> bool {
    let content: Option<Value> = event.raw().get_field("content").ok().flatten();
    content.is_none_or(|content| content.get("body").is_none() && content.get("ciphertext").is_none())
}

/// The edits of a message by whoever sent it, that are not removed: those that the server has, and
/// those that are here.
pub(super) async fn of(room: &Room, event: &SdkEventId) -> matrix_sdk::Result<BTreeSet<OwnedEventId>> {
    let original = room.load_or_fetch_event(event, None).await?;
    let sender = |event: &TimelineEvent| event.raw().get_field::<String>("sender").ok().flatten();
    let mut found = Vec::new();
    let mut from: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let include_relations = IncludeRelations::RelationsOfType(RelationType::Replacement);
        let options =
            RelationsOptions { from: from.clone(), limit: Some(uint!(100)), include_relations, ..Default::default() };
        match room.relations(event.to_owned(), options).await {
            Ok(page) => {
                found.extend(page.chunk);
                // One that stands still leads nowhere.
                from = page.next_batch_token.filter(|next| from.as_ref() != Some(next));
            }
            // Homeservers of old have no such endpoint.
            Err(error)
                if matches!(error.client_api_error_kind(), Some(ErrorKind::NotFound | ErrorKind::Unrecognized)) =>
            {
                break;
            }
            Err(error) => return Err(error),
        }
        if from.is_none() {
            break;
        }
    }
    if let Ok((cache, _keep)) = room.event_cache().await {
        let here = cache.find_event_relations(event, Some(vec![RelationType::Replacement])).await;
        found.extend(here.unwrap_or_default());
    }
    let found = found.iter().filter(|edit| sender(edit) == sender(&original) && !has_no_content(edit));
    Ok(found.filter_map(TimelineEvent::event_id).collect())
}

/// Takes the edits of a message out of the queue that were refused, and when it is `removed` all.
pub(super) async fn forget(client: &Client, id: &RoomId, edited: &EventId, removed: bool) {
    let Some(room) = ids::find_room(client, id) else { return };
    for echo in queued(&room).await {
        let is_refused =
            matches!(refused(id.clone(), &echo), Some(Update::EditFailed { event_id: event, .. }) if event == *edited);
        let is_in_vain = removed && waiting(&echo).is_some_and(|(event, _)| ids::event(&event) == *edited);
        if let (true, LocalEchoContent::Event { send_handle, .. }) = (is_refused || is_in_vain, &echo.content)
            && let Err(error) = send_handle.abort().await
        {
            tracing::warn!(%error, "a refused edit stays in the queue");
        }
    }
}

/// What is in the room's queue.
async fn queued(room: &Room) -> Vec<LocalEcho> {
    room.send_queue().subscribe().await.map(|(echoes, _)| echoes).unwrap_or_default()
}

/// The edit in this echo: of which message, and its text.
fn edit(content: &SerializableEventContent) -> Option<(OwnedEventId, String)> {
    let AnyMessageLikeEventContent::RoomMessage(content) = content.deserialize().ok()? else { return None };
    let Some(Relation::Replacement(edit)) = content.relates_to else { return None };
    Some((edit.event_id, edit.new_content.msgtype.body().to_owned()))
}

/// The edit in this echo, if it is one that waits.
fn waiting(echo: &LocalEcho) -> Option<(OwnedEventId, String)> {
    let LocalEchoContent::Event { serialized_event, send_error: None, .. } = &echo.content else { return None };
    edit(serialized_event)
}

/// The edit in this echo, if it is one that was refused.
fn refused(room: RoomId, echo: &LocalEcho) -> Option<Update> {
    let LocalEchoContent::Event { serialized_event, send_error: Some(error), .. } = &echo.content else { return None };
    let (event, text) = edit(serialized_event)?;
    Some(Update::EditFailed {
        room_id: room,
        event_id: ids::event(&event),
        text,
        removed: false,
        why: errors::line(&format!("The edit was not saved. {}", errors::wedge_sentence(error))),
    })
}
