//! That the user types, told in the order in which it happened, to whoever is to know it (P15).

use matrix_sdk::Client;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{ids, receipts::Receipts};
use crate::model::RoomId;

/// Tells what comes, until no more can come.
pub(super) async fn tell(client: Client, receipts: Receipts, mut notices: UnboundedReceiver<(RoomId, bool)>) {
    while let Some((room, typing)) = notices.recv().await {
        let Some(room) = ids::find_room(&client, &room) else { continue };
        let typing = typing && receipts.attention(&room).await.shown.typing;
        // Without a notice before, the SDK says nothing of an end.
        if let Err(error) = room.typing_notice(typing).await {
            tracing::debug!(%error, "a typing notice was not sent");
        }
    }
}
