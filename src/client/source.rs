//! The source of an event: as it is understood here, and as the homeserver has it.

use matrix_sdk::{
    Room,
    ruma::{OwnedEventId, api::client::room::get_room_event::v3::Request as GetEvent},
};
use serde_json::Value;

use super::{
    errors, ids,
    reply::{Failure, FailureKind, Outcome, Reply},
};
use crate::model::{EventId, EventSource, SafeText};

/// Looks an event up: here, and at the homeserver where it is not, or was encrypted. The SDK keeps
/// a decrypted event in the place of the one that came.
pub(super) async fn of(room: &Room, event_id: EventId) -> Outcome {
    let unknown = || Failure::new(FailureKind::NotFound, "There is no such event.");
    let id = ids::sdk_event(&event_id).ok_or_else(unknown)?;
    let event = room.load_or_fetch_event(&id, None).await.map_err(|error| errors::failure(&error))?;
    let encrypted = if event.encryption_info().is_some() { Some(from_server(room, id).await) } else { None };
    Ok(Reply::Source(EventSource { event_id, json: lines(event.raw().json().get()), encrypted }))
}

async fn from_server(room: &Room, id: OwnedEventId) -> Result<Vec<SafeText>, SafeText> {
    let answer = room.client().send(GetEvent::new(room.room_id().to_owned(), id)).await;
    answer.map(|answer| lines(answer.event.json().get())).map_err(|error| errors::http_sentence(&error))
}

/// Indented JSON, line by line.
fn lines(json: &str) -> Vec<SafeText> {
    let indented = serde_json::from_str::<Value>(json).and_then(|value| serde_json::to_string_pretty(&value));
    SafeText::lines(&indented.unwrap_or_else(|_| json.to_owned()))
}
