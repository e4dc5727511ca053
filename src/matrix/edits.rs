//! Edits of messages: what is sent, and what becomes of those that are refused.
//!
//! An edit goes through the send queue as a message does: in order, kept on disk, sent again after a kill. A message that
//! the server refuses stays in the timeline until it is tried again or thrown away; a refused edit would stand nowhere. So it
//! is taken out of the queue, and its text goes back to where it was written.

use matrix_sdk::{
    Client,
    ruma::{
        OwnedEventId,
        events::{
            AnyMessageLikeEventContent,
            room::message::{
                Relation, ReplacementMetadata, RoomMessageEventContent, RoomMessageEventContentWithoutRelation,
            },
        },
    },
    send_queue::{LocalEcho, LocalEchoContent},
};
use tokio::sync::mpsc::UnboundedSender;

use super::{errors, ids, typed};
use crate::{
    app::event::Event,
    model::{EventId, RoomId},
};

/// 'This is the text of that message from now on' (`m.replace`).
pub(super) fn content(event: OwnedEventId, text: &str) -> RoomMessageEventContent {
    let new = RoomMessageEventContentWithoutRelation::new(typed::text(text));
    new.make_replacement(ReplacementMetadata::new(event, None))
}

/// Gives back every edit that was refused. It stays in the queue until its text is kept elsewhere: see [`forget`].
pub(super) async fn give_back(client: &Client, events: &UnboundedSender<Event>) {
    for (room, echoes) in client.send_queue().local_echoes().await.unwrap_or_default() {
        for event in echoes.iter().filter_map(|echo| refused(ids::room(&room), echo)) {
            let _ = events.send(event);
        }
    }
}

/// Takes the refused edits of a message out of the queue.
pub(super) async fn forget(client: &Client, id: &RoomId, edited: &EventId) {
    let mut queued = client.send_queue().local_echoes().await.unwrap_or_default();
    let echoes = ids::sdk_room(id).and_then(|room| queued.remove(&room)).unwrap_or_default();
    for echo in echoes {
        let is_it = matches!(refused(id.clone(), &echo), Some(Event::EditFailed { event, .. }) if event == *edited);
        if let (true, LocalEchoContent::Event { send_handle, .. }) = (is_it, &echo.content)
            && let Err(error) = send_handle.abort().await
        {
            tracing::warn!(%error, "a refused edit stays in the queue");
        }
    }
}

/// The edit in this echo, if it is one that was refused.
fn refused(room: RoomId, echo: &LocalEcho) -> Option<Event> {
    let LocalEchoContent::Event { serialized_event, send_error: Some(error), .. } = &echo.content else { return None };
    let AnyMessageLikeEventContent::RoomMessage(content) = serialized_event.deserialize().ok()? else { return None };
    let Some(Relation::Replacement(edit)) = content.relates_to else { return None };
    Some(Event::EditFailed {
        room,
        event: ids::event(&edit.event_id),
        text: edit.new_content.msgtype.body().to_owned(),
        why: errors::line(&format!("The edit was not saved. {}", errors::wedge_sentence(error))),
    })
}
