//! What the SDK tells beside the sync, for as long as the session lasts.

use futures_util::StreamExt;
use matrix_sdk::{Client, event_cache::RedecryptorReport};
use tokio::sync::mpsc::UnboundedSender;

use super::{EventsInput, IncomingInput, Input};

/// Keys that came late.
pub(super) async fn late_keys(client: Client, inputs: UnboundedSender<Input>) {
    let mut reports = std::pin::pin!(client.event_cache().subscribe_to_decryption_reports());
    while let Some(report) = reports.next().await {
        let input = match report {
            Ok(RedecryptorReport::ResolvedUtds { room_id, events }) => EventsInput::Decrypted(room_id, events),
            Ok(RedecryptorReport::Lagging) | Err(_) => EventsInput::LookForKeys,
            Ok(RedecryptorReport::BackupAvailable) => continue,
        };
        if inputs.send(input.into()).is_err() {
            return;
        }
    }
}

/// Users who have new devices, or others than before. Of devices that were deleted the SDK does not
/// say whose they were.
pub(super) async fn devices(client: Client, inputs: UnboundedSender<Input>) {
    let Ok(updates) = client.encryption().devices_stream().await else { return };
    let mut updates = std::pin::pin!(updates);
    while let Some(update) = updates.next().await {
        let changed = update.new.keys().chain(update.changed.keys()).cloned().collect();
        let _ = inputs.send(IncomingInput::DevicesChanged(changed).into());
        if inputs.send(Input::NewDevices(update.new.into_keys().collect())).is_err() {
            return;
        }
    }
}
