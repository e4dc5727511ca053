//! Receipts that the homeserver passes on (MSC4089, PROTOCOL §2).
//!
//! `m.receipt` comes with the sync, is dropped by the server when the next sync shows that it
//! arrived, and is given to event handlers in between. So a handler waits until the actor has put
//! the receipts on disk (L8), also those about an event that has not come yet (L1). The actor has
//! them from the room's update, which comes before: there no event that makes no sense stands in
//! their way (L6), and only those of a few syncs can wait (L7).

use std::{sync::Arc, time::Duration};

use matrix_sdk::{
    Client,
    ruma::{events::AnySyncEphemeralRoomEvent, serde::Raw},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    sync::{mpsc::UnboundedSender, oneshot},
    time::timeout,
};

use super::Incoming;
use crate::{
    client::{
        disk::Disk,
        receipts::{Context, Input, SyncInput},
    },
    clock::now,
    delivery::{
        ledger::PeerClaim,
        receipt::{Native, Summary},
    },
    model::{EventId, RoomId},
};

/// How long a sync waits for its receipts to be on disk: they are there in milliseconds, or the
/// disk is the trouble, and is waited for; it may take some seconds until that is known.
const KEPT_WITHIN: Duration = Duration::from_secs(10);

/// Lets a sync that brings delivery receipts wait for the actor.
pub(in crate::client::receipts) fn listen(client: &Client, disk: &Arc<Disk>, inputs: UnboundedSender<Input>) {
    let disk = Arc::clone(disk);
    client.add_event_handler(move |raw: Raw<AnySyncEphemeralRoomEvent>| {
        let (disk, inputs) = (disk.clone(), inputs.clone());
        async move {
            if read(&raw).is_none() {
                return;
            }
            let (kept, mut on_disk) = oneshot::channel();
            let _ = inputs.send(SyncInput::Receipts(kept).into());
            while timeout(KEPT_WITHIN, &mut on_disk).await.is_err() {
                if disk.trouble().is_none() {
                    tracing::warn!("receipts that came are not on disk yet");
                    break;
                }
                disk.well().await;
            }
        }
    });
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    content: Value,
}

/// What an ephemeral event says about delivery.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::client::receipts) struct Said {
    pub receipts: Vec<Native>,
    pub summaries: Vec<(EventId, Summary)>,
}

pub(in crate::client::receipts) fn read(raw: &Raw<AnySyncEphemeralRoomEvent>) -> Option<Said> {
    let envelope = raw.deserialize_as_unchecked::<Envelope>().ok().filter(|event| event.kind == "m.receipt")?;
    let said = Said { receipts: Native::parse(&envelope.content), summaries: Summary::parse(&envelope.content) };
    (!said.receipts.is_empty() || !said.summaries.is_empty()).then_some(said)
}

impl Incoming {
    /// Receipts came with a sync; the homeserver vouches for whose they are (L2).
    pub async fn on_native_receipts(&mut self, context: &mut Context, room_id: &RoomId, receipts: Vec<Native>) {
        let heard = now();
        tracing::debug!(room = %room_id, receipts = receipts.len(), "delivery receipts came");
        let claims = receipts.into_iter().map(|receipt| PeerClaim::native(room_id.clone(), receipt, heard));
        self.on_claims(context, room_id, claims.collect()).await;
    }
}

#[cfg(test)]
mod tests;
