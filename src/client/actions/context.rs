//! What all of these actions work with, and how they end: with a sentence, or in a room.

use matrix_sdk::{Client, Room, ruma::RoomId as SdkRoomId};

use crate::{
    client::update::Update,
    client::{direct_chats::DirectChats, endings::Endings, errors, ids, receipts::Receipts, rooms},
    model::{RoomId, SafeText},
};

/// What these effects work with.
pub(in crate::client) struct Context {
    pub client: Client,
    pub receipts: Receipts,
    pub chats: DirectChats,
    pub endings: Endings,
}

pub(in crate::client) type Outcome = Result<Vec<Update>, SafeText>;

pub(in crate::client) fn failed(what: &str, error: &matrix_sdk::Error) -> SafeText {
    SafeText::line(&format!("{what}: {}", errors::sentence(error)))
}

pub(in crate::client) fn done(text: &str) -> Update {
    Update::Done(SafeText::line(text))
}

/// Shows a room that is there now: its row first, so that there is something to go to.
pub(in crate::client) async fn go_to(context: &Context, room: &Room) -> Vec<Update> {
    let row = rooms::summary(&context.client, &context.endings, room).await;
    vec![Update::Rooms(row.into_iter().collect()), Update::GoTo(ids::room(room.room_id()))]
}

pub(in crate::client) fn room_of(client: &Client, id: &RoomId) -> Result<Room, SafeText> {
    ids::find_room(client, id).ok_or_else(|| SafeText::line("This room is not known here any more."))
}

pub(in crate::client) async fn accept(context: &Context, room: &Room) -> Outcome {
    context.chats.accept(room).await.map_err(|error| failed("The invite was not accepted", &error))?;
    go_to_joined(context, room.room_id()).await
}

pub(in crate::client) async fn go_to_joined(context: &Context, room: &SdkRoomId) -> Outcome {
    match context.chats.brought(room).await {
        Some(room) => Ok(go_to(context, &room).await),
        None => Ok(vec![done("You are in the room. It is shown as soon as the homeserver sends it.")]),
    }
}
