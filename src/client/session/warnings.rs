//! What is wrong with a session although it works, said on the screen: sooner or later it would
//! cost something.

use std::time::Duration;

use matrix_sdk::Client;
use matrix_sdk_base::StateStoreDataKey;
use tokio::{sync::mpsc::UnboundedSender, time::sleep};

use super::Session;
use crate::{client::backoff::Backoff, client::update::Update, model::SafeText};

/// Between attempts to write the tokens.
const PAUSE: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_mins(1));
/// A sentence is soon gone from the screen: this one comes again.
const AGAIN: Duration = Duration::from_mins(10);

/// Says when new tokens cannot be written, and writes them when it can be done again.
pub(in crate::client) fn keep_tokens(
    session: &mut Session,
    events: UnboundedSender<Update>,
) -> impl Future<Output = ()> + Send + use<> {
    let (client, keeper, troubles) = (session.client.clone(), session.keeper.clone(), session.troubles.take());
    async move {
        let Some(mut troubles) = troubles else { return };
        while let Some(mut error) = troubles.recv().await {
            let mut pause = PAUSE;
            loop {
                let sentence =
                    format!("This session could not be kept; after a restart you may have to log in. {error}");
                let _ = events.send(Update::Warning(SafeText::line(&sentence)));
                sleep(pause.next_delay()).await;
                match keeper.keep(&client) {
                    Ok(()) => break,
                    Err(again) => error = again,
                }
            }
            let _ = events.send(Update::Notice(SafeText::line("This session is kept again.")));
        }
    }
}

/// Says when the homeserver has other one-time keys of this device than this machine: some other
/// copy of the profile has made them. Whoever is given one of those cannot be understood here.
pub(in crate::client) fn watch_one_time_keys(
    client: &Client,
    events: UnboundedSender<Update>,
) -> impl Future<Output = ()> + Send + use<> {
    let (client, mut duplicates) = (client.clone(), client.subscribe_to_duplicate_key_upload_errors());
    async move {
        // It may have been said before anybody listened.
        let said = client.state_store().get_kv_data(StateStoreDataKey::OneTimeKeyAlreadyUploaded).await;
        if !matches!(said, Ok(Some(_))) && duplicates.recv().await.is_err() {
            return;
        }
        loop {
            // The way out comes first: the line may be cut.
            let sentence = "Run 'kvitto logout --keep' and log in again: this is an old copy of the profile. The homeserver \
                            refuses its new keys; messages and keys stay.";
            let _ = events.send(Update::Warning(SafeText::line(sentence)));
            sleep(AGAIN).await;
        }
    }
}
