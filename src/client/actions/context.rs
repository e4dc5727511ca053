//! What all of these actions work with, and how they end: with a sentence, or in a room.

use matrix_sdk::{Client, Room, ruma::RoomId as SdkRoomId};

use tokio::sync::mpsc::UnboundedSender;

use crate::{
    client::{
        direct_chats::DirectChats,
        endings::Endings,
        errors, ids,
        receipts::Receipts,
        reply::{Failure, FailureKind, Outcome, Reply, said},
        rooms,
        update::Update,
    },
    model::RoomId,
};

/// What these actions work with.
pub(in crate::client) struct Context {
    pub client: Client,
    pub receipts: Receipts,
    pub chats: DirectChats,
    pub endings: Endings,
    pub updates: UnboundedSender<Update>,
}

impl Context {
    /// Tells something that changes on the way.
    pub fn tell(&self, update: Update) {
        let _ = self.updates.send(update);
    }

    /// Shows a room's row as it is now.
    pub async fn tell_row(&self, room: &Room) {
        let row = rooms::summary(&self.client, &self.endings, room).await;
        self.tell(Update::Rooms(row.into_iter().collect()));
    }
}

pub(in crate::client) fn failed(what: &str, error: &matrix_sdk::Error) -> Failure {
    errors::failure(error).prefixed(&format!("{what}: "))
}

/// A room that is there now: its row first, so that there is something to go to.
pub(in crate::client) async fn go_to(context: &Context, room: &Room) -> Reply {
    context.tell_row(room).await;
    Reply::Room { room_id: ids::room(room.room_id()), said: None }
}

pub(in crate::client) fn room_of(client: &Client, id: &RoomId) -> Result<Room, Failure> {
    let unknown = || Failure::new(FailureKind::NotFound, "This room is not known here any more.");
    ids::find_room(client, id).ok_or_else(unknown)
}

pub(in crate::client) async fn accept(context: &Context, room: &Room) -> Outcome {
    context.chats.accept(room).await.map_err(|error| failed("The invite was not accepted", &error))?;
    Ok(go_to_joined(context, room.room_id()).await)
}

pub(in crate::client) async fn go_to_joined(context: &Context, room: &SdkRoomId) -> Reply {
    match context.chats.brought(room).await {
        Some(room) => go_to(context, &room).await,
        None => said("You are in the room. It is shown as soon as the homeserver sends it."),
    }
}
