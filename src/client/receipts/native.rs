//! The route `native`: receipts that the homeserver passes on (MSC4089, PROTOCOL §2).
//!
//! **Sending.** One request for each receipt ([`post`]), and no retries in here: what did not get through goes back to the
//! outbox, and a server answers 200 to what it has already. So a batch that a kill cuts off anywhere is simply posted
//! again.
//!
//! **Reading.** `m.receipt` comes with the sync, is dropped by the server when the next sync shows that it arrived, and
//! is given to event handlers in between. So a handler waits until the actor has put the receipts on disk (L8), also
//! those about an event that has not come yet (L1). The actor has them from the room's update, which comes before: there
//! no event that makes no sense stands in their way (L6), and only those of a few syncs can wait (L7).
//!
//! **What the server can do** stands in `/versions`. It is asked at the start, every hour, and when the connection is back
//! after a loss, since a server may be upgraded. Nothing waits for it but receipts whose way depends on it.

use std::{sync::Arc, time::Duration};

use matrix_sdk::{
    Client,
    config::RequestConfig,
    ruma::{events::AnySyncEphemeralRoomEvent, serde::Raw},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    sync::{Notify, mpsc::UnboundedSender, oneshot},
    time::{Instant, timeout},
};

use self::post::Posted;
use super::{Actor, Input, direct::NotSent};
use crate::{
    client::{backoff::Backoff, disk::Disk, errors, ids},
    clock::now,
    delivery::{
        ledger::PeerClaim,
        outbox::Batch,
        policy::Reason,
        receipt::{Native, Summary},
        route::{Names, ServerFacts},
    },
    model::{EventId, RoomId, Route, UserId},
};

pub(in crate::client) mod post;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it is good for that a batch may be sent (P3, P5, P8). What has not left by then is decided anew: on a slow
/// network fifty requests take minutes.
const DECISION_HOLDS: Duration = Duration::from_secs(5);
/// How long the server's word about what it can do is good for.
const ASKED_AGAIN: Duration = Duration::from_hours(1);
/// Pauses between attempts to ask it.
const PAUSE: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));
/// How long a sync waits for its receipts to be on disk: they are there in milliseconds, or the disk is the trouble, and is
/// waited for; it may take some seconds until that is known.
const KEPT_WITHIN: Duration = Duration::from_secs(10);

/// No retries: the outbox does that.
fn once() -> RequestConfig {
    RequestConfig::new().disable_retry().timeout(PATIENCE)
}

/// Lets a sync that brings delivery receipts wait for the actor.
pub(super) fn listen(client: &Client, disk: &Arc<Disk>, inputs: UnboundedSender<Input>) {
    let disk = Arc::clone(disk);
    client.add_event_handler(move |raw: Raw<AnySyncEphemeralRoomEvent>| {
        let (disk, inputs) = (disk.clone(), inputs.clone());
        async move {
            if read(&raw).is_none() {
                return;
            }
            let (kept, mut on_disk) = oneshot::channel();
            let _ = inputs.send(Input::Receipts(kept));
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
pub(super) struct Came {
    pub receipts: Vec<Native>,
    pub summaries: Vec<(EventId, Summary)>,
}

pub(super) fn read(raw: &Raw<AnySyncEphemeralRoomEvent>) -> Option<Came> {
    let envelope = raw.deserialize_as_unchecked::<Envelope>().ok().filter(|event| event.kind == "m.receipt")?;
    let came = Came { receipts: Native::parse(&envelope.content), summaries: Summary::parse(&envelope.content) };
    (!came.receipts.is_empty() || !came.summaries.is_empty()).then_some(came)
}

/// Asks the server what it can do, for as long as the session lasts: now, every hour, and when told to.
pub(super) async fn watch_server(client: Client, inputs: UnboundedSender<Input>, again: Arc<Notify>) {
    let mut pause = PAUSE;
    loop {
        let wait = match client.fetch_server_versions(Some(once())).await {
            Ok(versions) => {
                let facts = ServerFacts::new(|feature| versions.unstable_features.get(feature) == Some(&true));
                if inputs.send(Input::Server(facts)).is_err() {
                    return;
                }
                pause.reset();
                ASKED_AGAIN
            }
            Err(error) => {
                tracing::info!(error = %errors::http_sentence(&error), "what the server can do is not known");
                pause.next_delay()
            }
        };
        let _ = timeout(wait, again.notified()).await;
    }
}

impl Actor {
    /// What the server can do, as far as it has said so. One that took no name for a receipt has no native route (§2).
    pub(super) fn server(&self) -> Option<ServerFacts> {
        if self.names.best().is_none() { Some(ServerFacts::default()) } else { self.server }
    }

    /// The server has said what it can do.
    pub(super) async fn server_said(&mut self, facts: ServerFacts) {
        if self.server == Some(facts) {
            return;
        }
        tracing::info!(?facts, "what the server can do with receipts");
        self.server = Some(facts);
        self.names = Names::new(self.receipt_queue.settings().receipt_type);
        self.receipt_queue.routes_changed(now());
        if std::mem::take(&mut self.was_killed) {
            self.at_moment(Input::AskAgain);
        }
        for room in std::mem::take(&mut self.to_ask) {
            if let Some(room) = self.client.get_room(&room) {
                self.ask(&room).await;
            }
        }
    }

    /// Whether somebody's homeserver is this user's.
    pub(super) fn same_server(&self, user: &UserId) -> bool {
        let theirs = ids::sdk_user(user);
        self.client.user_id().zip(theirs).is_some_and(|(own, theirs)| own.server_name() == theirs.server_name())
    }

    /// Posts as much of a batch as may be posted now; the rest follows.
    pub(super) fn post(&mut self, mut batch: Batch, name_device: bool) {
        let now = now();
        let allowed = self.pace.take(batch.owed.len(), now);
        let rest = batch.owed.split_off(allowed);
        if !rest.is_empty() {
            let next = self.pace.next(rest.len(), now);
            let mut later = batch.clone();
            later.owed = rest;
            self.receipt_queue.put_off(later, next);
        }
        if batch.owed.is_empty() {
            return;
        }
        let (client, inputs, names) = (self.client.clone(), self.inputs.clone(), self.names.clone());
        let good_until = Instant::now() + DECISION_HOLDS;
        tokio::spawn(async move {
            let posted = post::post(&client, batch, names, name_device, good_until).await;
            let _ = inputs.send(Input::Posted(posted));
        });
    }

    /// A batch was posted, as far as the server took it.
    pub(super) fn posted(&mut self, posted: Posted) {
        let Posted { accepted, refused, left, why, names } = posted;
        tracing::debug!(
            to = %left.sender, accepted = accepted.len(), refused = refused.len(), left = left.owed.len(), "posted"
        );
        self.names.learn(names);
        let kept = self.receipt_queue.sent(&mut self.store, &accepted, Route::Native, now());
        self.stored(kept);
        let kept = self.receipt_queue.withhold(&mut self.store, &refused, Reason::NotAccepted, now());
        self.stored(kept);
        if left.owed.is_empty() {
            return;
        }
        if let Some(NotSent { retry_after }) = why {
            if let Some(wait) = retry_after {
                self.pace.pause(now().saturating_add(wait));
            }
            self.receipt_queue.failed(left, retry_after, now());
        } else {
            if self.names.best().is_none() {
                tracing::warn!("the server says that it has MSC4089, and takes none of its receipts");
            }
            self.receipt_queue.put_off(left, now());
        }
    }

    /// Receipts came with a sync; the homeserver vouches for whose they are (L2).
    pub(super) async fn receipts_came(&mut self, room: &RoomId, receipts: Vec<Native>) {
        let heard = now();
        tracing::debug!(%room, receipts = receipts.len(), "delivery receipts came");
        let claims = receipts.into_iter().map(|receipt| PeerClaim::native(room.clone(), receipt, heard));
        self.believe(room, claims.collect()).await;
    }
}

#[cfg(test)]
pub(super) mod tests;
