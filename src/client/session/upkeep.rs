//! What the homeserver has to have of this device for others to reach it: the device's keys, and
//! the cross-signing keys of whoever made them here.
//!
//! The SDK uploads each once, and takes it for done from then on: the device's keys when the server
//! has once accepted them, the cross-signing keys as soon as they are made. A connection that
//! breaks in between, or a server that has deleted the device and let it in again, leaves a device
//! that nobody can encrypt for. So at every start the server is asked what it has, and what is
//! missing is made up for.

use std::time::Duration;

use matrix_sdk::{
    Client, Error,
    ruma::api::client::{
        keys::{get_keys, upload_keys},
        uiaa::{AuthData, Password},
    },
};
use tokio::time::sleep;
use tracing::{info, warn};

use crate::client::{backoff::Backoff, errors};

/// So long the SDK has to upload the keys of a device by itself.
const FIRST: Duration = Duration::from_secs(15);
/// Between attempts.
const PAUSE: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_mins(5));

/// Looks after it until the homeserver has everything, or refuses it. Homeservers of old want the
/// password for the cross-signing keys (before MSC3967). Whoever has `returned` has logged in again
/// as a device whose keys the SDK takes for uploaded.
pub(super) async fn look_after(client: Client, password: Option<Password>, returned: bool) {
    // The SDK makes an attempt of its own.
    client.encryption().wait_for_e2ee_initialization_tasks().await;
    let mut pause = PAUSE;
    let mut late = returned;
    loop {
        let error = match make_up(&client, password.as_ref(), late).await {
            Ok(true) => return,
            Ok(false) => {
                // Device keys without one-time keys are of no use to others: those of a new device
                // come together.
                sleep(FIRST).await;
                late = true;
                continue;
            }
            Err(error) => error,
        };
        if error.as_uiaa_response().is_some() {
            warn!("the homeserver wants a proof for the cross-signing keys; they are made at the next login");
            return;
        }
        if is_refused(&error) {
            warn!(error = %errors::sentence(&error), "what others need to reach this device is not taken");
            return;
        }
        warn!(error = %errors::sentence(&error), "what others need to reach this device may be missing; trying again");
        sleep(pause.next_delay()).await;
    }
}

/// Whether asking again would be of no use.
fn is_refused(error: &Error) -> bool {
    let status = error.as_client_api_error().map(|error| error.status_code);
    status.is_some_and(|status| status.is_client_error() && !matches!(status.as_u16(), 401 | 429))
}

/// Makes up for what is missing, the device's keys only when they are `late`; false when they are
/// still to come.
async fn make_up(client: &Client, password: Option<&Password>, late: bool) -> Result<bool, Error> {
    let (Some(user), Some(device)) = (client.user_id(), client.device_id()) else { return Ok(true) };
    let encryption = client.encryption();
    let mut request = get_keys::v3::Request::new();
    request.device_keys.insert(user.to_owned(), Vec::new());
    let known = client.send(request).await?;

    let Some(status) = encryption.cross_signing_status().await else { return Ok(true) };
    let is_there = known.device_keys.get(user).is_some_and(|devices| devices.contains_key(device));
    if !is_there
        && late
        && let Some(own) = encryption.get_own_device().await?
    {
        info!("the homeserver does not have this device's keys; uploading them");
        let mut request = upload_keys::v3::Request::new();
        request.device_keys = Some(own.as_device_keys().to_raw());
        client.send(request).await?;
        if status.has_self_signing
            && known.master_keys.contains_key(user)
            && let Err(error) = own.verify().await
        {
            warn!(%error, "this device is not signed; it has to be verified");
        }
    }
    if !known.master_keys.contains_key(user) {
        let auth = password.cloned().map(AuthData::Password);
        if status.is_complete() {
            info!("the homeserver does not have the cross-signing keys; uploading them");
            encryption.bootstrap_cross_signing(auth).await?;
        } else {
            encryption.bootstrap_cross_signing_if_needed(auth).await?;
        }
    }
    Ok(is_there || late)
}
