//! What the homeserver can do with receipts (PROTOCOL §2).
//!
//! It stands in `/versions`, which is asked for at the start, every hour, and when the connection
//! is back after a loss, since a server may be upgraded. Only receipts whose route depends on it
//! wait for the answer.

use std::{sync::Arc, time::Duration};

use matrix_sdk::{Client, config::RequestConfig};
use tokio::{
    sync::{Notify, mpsc::UnboundedSender},
    time::timeout,
};

use super::Input;
use crate::{
    client::{backoff::Backoff, errors},
    delivery::{
        policy::ReceiptType,
        route::{Names, ServerFacts},
    },
};

/// How long a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the server's word about what it can do is good for.
const ASKED_AGAIN: Duration = Duration::from_hours(1);
/// Pauses between attempts to ask it.
const PAUSE: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));

/// For requests that are not tried again by the SDK: whoever makes them does that.
pub(super) fn once() -> RequestConfig {
    RequestConfig::new().disable_retry().timeout(REQUEST_TIMEOUT)
}

/// What the homeserver has said that it can do, and the names under which it takes receipts.
pub(super) struct Server {
    /// `None` until it has said so.
    pub facts: Option<ServerFacts>,
    pub names: Names,
}

impl Server {
    pub fn new(receipt_type: ReceiptType) -> Self {
        Self { facts: None, names: Names::new(receipt_type) }
    }

    /// What it can do, as far as it has said so. One that took no name for a receipt has no native
    /// route (§2).
    pub fn can_do(&self) -> Option<ServerFacts> {
        if self.names.best().is_none() { Some(ServerFacts::default()) } else { self.facts }
    }

    /// Its names are tried again, beginning with that of this type.
    pub fn set_receipt_type(&mut self, receipt_type: ReceiptType) {
        self.names = Names::new(receipt_type);
    }

    /// It has said what it can do. Returns whether that is new; then the names are tried again.
    pub fn set_facts(&mut self, facts: ServerFacts, receipt_type: ReceiptType) -> bool {
        let is_new = self.facts != Some(facts);
        if is_new {
            *self = Self { facts: Some(facts), names: Names::new(receipt_type) };
        }
        is_new
    }
}

/// Asks the server what it can do, for as long as the session lasts: now, every hour, and when told
/// to.
pub(super) async fn watch(client: Client, inputs: UnboundedSender<Input>, again: Arc<Notify>) {
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::client::{
        receipts::testing::client,
        session::loopback::{homeserver, refuse, reply},
    };

    /// How long anything may take, on a busy machine.
    const DEADLINE: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn the_server_is_asked_what_it_can_do_at_the_start_and_whenever_told_to() {
        let features = Arc::new(Mutex::new(None));
        let (asked, mut was_asked) = unbounded_channel();
        let answers = features.clone();
        let server = homeserver(move |_, request| {
            (request.line == "GET /_matrix/client/versions").then(|| {
                asked.send(()).unwrap();
                match &*answers.lock().unwrap() {
                    Some(features) => reply(200, &json!({ "versions": ["v1.11"], "unstable_features": features })),
                    None => refuse(500, "M_UNKNOWN"),
                }
            })
        })
        .await;
        let client = client(&server).await;
        let (inputs, mut told) = unbounded_channel();
        let again = Arc::new(Notify::new());
        let task = tokio::spawn(watch(client, inputs, again.clone()));

        // A server that does not answer is asked again after a pause, or sooner when the connection
        // is back.
        was_asked.recv().await.unwrap();
        assert!(told.is_empty());
        for (now, expected) in [
            (json!({ "org.matrix.msc4089": false }), ServerFacts::default()),
            (
                json!({ "org.matrix.msc4089": true, "dev.kvitto.delivery_devices": true }),
                ServerFacts { native: true, devices: true, federated: false },
            ),
        ] {
            *features.lock().unwrap() = Some(now);
            again.notify_one();
            let said = async { while !matches!(told.recv().await, Some(Input::Server(facts)) if facts == expected) {} };
            timeout(DEADLINE, said).await.expect("the server is asked again");
        }
        task.abort();
    }
}
