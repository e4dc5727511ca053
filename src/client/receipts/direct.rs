//! The route `direct`: encrypted to-device messages between kvitto devices (PROTOCOL §3), on their
//! way out, and the devices that they go to.

use std::{collections::BTreeSet, time::Duration};

use matrix_sdk::{
    Client,
    encryption::identities::{Device, UserDevices},
    ruma::{OwnedDeviceId, OwnedUserId, RoomId as SdkRoomId, UserId as SdkUserId, serde::Raw},
};
use matrix_sdk_base::crypto::CollectStrategy;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    client::{errors, ids},
    delivery::{
        ledger::ExpectedDevice,
        receipt::{ANSWER_TYPE, Answer, REQUEST_TYPE, Request, padded},
    },
    model::{DeviceId, SafeText, Timestamp, UserId},
};

/// A server that says to wait longer has its clock or its numbers wrong.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// A user's devices; asks the server when none are known (a new member's list can be empty for half
/// a minute).
async fn devices_of(client: &Client, user: &SdkUserId) -> matrix_sdk::Result<UserDevices> {
    let encryption = client.encryption();
    let devices = encryption.get_user_devices(user).await?;
    if devices.keys().next().is_some() {
        return Ok(devices);
    }
    encryption.request_user_identity(user).await?;
    encryption.get_user_devices(user).await
}

/// The devices that a person has now, as far as the server has told this machine.
pub(super) async fn devices_now(client: &Client, user: &SdkUserId) -> matrix_sdk::Result<BTreeSet<DeviceId>> {
    let known = devices_of(client, user).await?;
    Ok(known.keys().map(ids::device).collect())
}

/// The devices of a person as the room key goes to them now, with the reason for each that is left
/// out. The key goes to verified and unverified devices alike (the SDK's
/// `CollectStrategy::AllDevices`).
pub(in crate::client) async fn expected_devices(
    client: &Client,
    user: &SdkUserId,
) -> matrix_sdk::Result<Vec<ExpectedDevice>> {
    let known = devices_of(client, user).await?;
    let devices: Vec<Device> = known.devices().filter(|device| !device.is_dehydrated()).collect();
    let unreachable = unreachable(client, &devices).await;
    let expected = |device: &Device| ExpectedDevice {
        device_id: ids::device(device.device_id()),
        name: SafeText::line(device.display_name().unwrap_or_default()),
        excluded: excluded(device, &unreachable).map(ToOwned::to_owned),
        silent: None,
    };
    let mut expected: Vec<ExpectedDevice> = devices.iter().map(expected).collect();
    expected.sort_by(|a, b| a.device_id.cmp(&b.device_id));
    Ok(expected)
}

fn excluded(device: &Device, unreachable: &[OwnedDeviceId]) -> Option<&'static str> {
    if device.is_blacklisted() {
        Some("you blocked this device; unblock it, and it is given the key of what you send then")
    } else if device.curve25519_key().is_none() || !device.supports_olm() {
        Some("it has no key to encrypt to; its owner has to log in there anew")
    } else if unreachable.iter().any(|id| *id == device.device_id()) {
        Some("it has no one-time key left to begin with; it is given the key of what you send once it was online again")
    } else {
        None
    }
}

/// The devices that nothing can be encrypted to, because no Olm session with them can be begun. The
/// SDK tells such a device `m.no_olm` and remembers that it did, for ever; whether it is still so,
/// only trying shows, with the message that the specification has for beginning a session.
async fn unreachable(client: &Client, devices: &[Device]) -> Vec<OwnedDeviceId> {
    let withheld: Vec<Device> = devices.iter().filter(|device| device.was_withheld_code_sent()).cloned().collect();
    match send(client, &withheld, "m.dummy", &json!({})).await {
        Ok(failed) => failed.into_iter().map(|(_, device)| device).collect(),
        Err(_) => withheld.iter().map(|device| device.device_id().to_owned()).collect(),
    }
}

/// Why something could not be sent.
#[derive(Debug)]
pub(in crate::client) struct NotSent {
    /// The server asked to wait so long.
    pub retry_after: Option<Duration>,
}

/// Sends an answer to these devices of one user. Succeeds when at least one of them got it: a
/// device that cannot be reached any more must not keep the others from being told.
pub(in crate::client) async fn send_answer(
    client: &Client,
    user: &SdkUserId,
    devices: &[DeviceId],
    answer: &Answer,
) -> Result<(), NotSent> {
    let known = devices_of(client, user).await.map_err(|error| NotSent::from(&error))?;
    let devices: Vec<Device> = devices.iter().filter_map(|id| known.get(&ids::sdk_device(id))).collect();
    let unreached = send(client, &devices, ANSWER_TYPE, &padded(ANSWER_TYPE, answer.to_json())).await?;
    if unreached.len() < devices.len() { Ok(()) } else { Err(NotSent { retry_after: None }) }
}

/// The same, but what has not left after so long does not leave any more. By itself the SDK tries
/// for a quarter of an hour to get the keys that it needs, and meanwhile there may be a reason to
/// withhold it (P3, P5, P8).
pub(super) async fn send_answer_within(
    limit: Duration,
    client: &Client,
    user: &SdkUserId,
    devices: &[DeviceId],
    answer: &Answer,
) -> Result<(), NotSent> {
    let sending = send_answer(client, user, devices, answer);
    timeout(limit, sending).await.unwrap_or(Err(NotSent { retry_after: None }))
}

/// Asks these people's devices for receipts, but for this one and those that `asked` says were
/// asked already. Returns the ones that got the request; fails when there are some to be asked and
/// none of them got it.
pub(super) async fn send_request(
    client: &Client,
    room: &SdkRoomId,
    people: &[OwnedUserId],
    asked: impl Fn(&UserId, &DeviceId) -> bool,
    (expires, again): (Timestamp, bool),
) -> Result<Vec<(UserId, DeviceId)>, NotSent> {
    let is_this =
        |device: &Device| client.user_id() == Some(device.user_id()) && client.device_id() == Some(device.device_id());
    let mut devices = Vec::new();
    for user in people {
        let known = devices_of(client, user).await.map_err(|error| NotSent::from(&error))?;
        devices.extend(known.devices().filter(|device| {
            !device.is_dehydrated()
                && !is_this(device)
                && !asked(&ids::user(device.user_id()), &ids::device(device.device_id()))
        }));
    }
    let request = Request { room_id: ids::room(room), expires, again };
    let unreached = send(client, &devices, REQUEST_TYPE, &padded(REQUEST_TYPE, request.to_json())).await?;
    if !devices.is_empty() && unreached.len() >= devices.len() {
        return Err(NotSent { retry_after: None });
    }
    Ok(devices
        .iter()
        .map(|device| (device.user_id().to_owned(), device.device_id().to_owned()))
        .filter(|device| !unreached.contains(device))
        .map(|(user, device)| (ids::user(&user), ids::device(&device)))
        .collect())
}

/// Encrypts and sends; returns the devices that could not be encrypted to, or, where the request
/// failed, not be reached.
async fn send(
    client: &Client,
    devices: &[Device],
    kind: &str,
    content: &Value,
) -> Result<Vec<(OwnedUserId, OwnedDeviceId)>, NotSent> {
    if devices.is_empty() {
        return Ok(Vec::new());
    }
    let content = Raw::new(content).map_err(|_| NotSent { retry_after: None })?.cast_unchecked();
    client
        .encryption()
        .encrypt_and_send_raw_to_device(devices.iter().collect(), kind, content, CollectStrategy::AllDevices)
        .await
        .map_err(|error| NotSent::from(&error))
}

impl From<&matrix_sdk::Error> for NotSent {
    fn from(error: &matrix_sdk::Error) -> Self {
        tracing::debug!(error = %errors::sentence(error), "a delivery message was not sent");
        let retry_after = errors::retry_after(error).map(|wait| wait.min(LONGEST_WAIT));
        Self { retry_after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{
        receipts::testing::client,
        session::loopback::{homeserver, refuse},
    };

    #[tokio::test]
    async fn p8_what_does_not_get_away_in_time_is_not_sent() {
        // It knows no keys of Bob's, and fails whenever it is asked for them.
        let server = homeserver(|_, request| request.line.contains("/keys/").then(|| refuse(500, "M_UNKNOWN"))).await;
        let (client, bob) = (client(&server).await, SdkUserId::parse("@bob:example.org").unwrap());
        let answer = Answer::parse(&json!({ "room_id": "!room:example.org", "receipts": { "$1": {} } })).unwrap();
        let devices = [DeviceId::new("PHONE")];
        let sending = send_answer_within(Duration::from_millis(50), &client, &bob, &devices, &answer);
        let outcome = timeout(Duration::from_mins(1), sending).await.expect("it is given up");
        assert!(outcome.is_err());
    }
}
