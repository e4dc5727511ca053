//! Receipts through the homeserver (MSC4089, PROTOCOL §2).
//!
//! One request for each receipt ([`post`]), and no retries in here: what did not get through goes
//! back to the outbox, and a server answers 200 to what it has already. So a batch that a kill cuts
//! off anywhere is simply posted again.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Outgoing, OutgoingInput,
    post::{self, Posted},
};
use crate::{
    client::{
        receipts::{Context, direct::NotSent},
        tasks,
    },
    clock::now,
    delivery::{outbox::Batch, policy::Reason},
    model::Route,
};

/// How long it is good for that a batch may be sent (P3, P5, P8). What has not left by then is
/// decided anew: on a slow network fifty requests take minutes.
const DECISION_HOLDS: Duration = Duration::from_secs(5);

impl Outgoing {
    /// Posts as much of a batch as may be posted now; the rest follows.
    pub(super) fn post(&mut self, context: &Context, mut batch: Batch, name_device: bool) {
        let now = now();
        let allowed = self.pace.take(batch.owed.len(), now);
        let rest = batch.owed.split_off(allowed);
        if !rest.is_empty() {
            let next = self.pace.next(rest.len(), now);
            let mut later = batch.clone();
            later.owed = rest;
            self.queue.put_off(later, next);
        }
        if batch.owed.is_empty() {
            return;
        }
        let (client, inputs) = (context.client.clone(), context.inputs.clone());
        let (names, good_until) = (context.server.names.clone(), Instant::now() + DECISION_HOLDS);
        tasks::spawn(async move {
            let posted = post::post(&client, batch, names, name_device, good_until).await;
            let _ = inputs.send(OutgoingInput::Posted(posted).into());
        });
    }

    /// A batch was posted, as far as the server took it.
    pub(super) fn on_posted(&mut self, context: &mut Context, posted: Posted) {
        let Posted { accepted, refused, left, why, names } = posted;
        tracing::debug!(
            to = %left.sender, accepted = accepted.len(), refused = refused.len(), left = left.owed.len(), "posted"
        );
        context.server.names.learn(names);
        let kept = self.queue.sent(&mut context.store, &accepted, Route::Native, now());
        context.stored(kept);
        let kept = self.queue.withhold(&mut context.store, &refused, Reason::NotAccepted, now());
        context.stored(kept);
        if left.owed.is_empty() {
            return;
        }
        if let Some(NotSent { retry_after }) = why {
            if let Some(wait) = retry_after {
                self.pace.pause(now() + wait);
            }
            self.queue.failed(left, retry_after, now());
        } else {
            if context.server.names.best().is_none() {
                tracing::warn!("the server says that it has MSC4089, and takes none of its receipts");
            }
            self.queue.put_off(left, now());
        }
    }
}
