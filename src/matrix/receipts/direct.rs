//! The route `direct`: encrypted to-device messages between kvitto devices (PROTOCOL §3).

use std::time::Duration;

use matrix_sdk::{
    Client,
    deserialized_responses::{AlgorithmInfo, EncryptionInfo},
    encryption::identities::{Device, UserDevices},
    ruma::{
        OwnedDeviceId, OwnedUserId, RoomId as SdkRoomId, UserId as SdkUserId, events::AnyToDeviceEvent, serde::Raw,
    },
};
use matrix_sdk_base::crypto::CollectStrategy;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::Input;
use crate::{
    delivery::{
        ledger::ExpectedDevice,
        receipt::{ANSWER_TYPE, Answer, REQUEST_TYPE, Request},
    },
    matrix::{errors, ids},
    model::{DeviceId, Ms, SafeText, UserId},
};

/// A to-device message of ours, from the device that the Olm channel proves.
#[derive(Debug)]
pub(super) struct Received {
    pub user: UserId,
    pub device: DeviceId,
    pub message: Message,
}

/// What it says.
#[derive(Debug)]
pub(super) enum Message {
    Request(Request),
    Answer(Answer),
}

/// Hands every proven message of our two types to the actor.
pub(super) fn listen(client: &Client, inputs: UnboundedSender<Input>) {
    client.add_event_handler(move |raw: Raw<AnyToDeviceEvent>, info: Option<EncryptionInfo>, client: Client| {
        let inputs = inputs.clone();
        async move {
            if let Some(received) = read(&client, &raw, info).await {
                let _ = inputs.send(Input::Received(received));
            }
        }
    });
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    sender: OwnedUserId,
    content: Value,
}

/// Reads one to-device message; `None` for other types, and for ours when nothing proves who sent it.
async fn read(client: &Client, raw: &Raw<AnyToDeviceEvent>, info: Option<EncryptionInfo>) -> Option<Received> {
    let kind: String = raw.get_field("type").ok()??;
    if kind != REQUEST_TYPE && kind != ANSWER_TYPE {
        return None;
    }
    let envelope: Envelope = raw.deserialize_as_unchecked().ok()?;
    let message = match envelope.kind.as_str() {
        REQUEST_TYPE => Message::Request(Request::parse(&envelope.content)?),
        _ => Message::Answer(Answer::parse(&envelope.content)?),
    };
    let Some(device) = proven_device(client, &envelope.sender, info).await else {
        tracing::info!(%kind, "a delivery message that no Olm channel proves was ignored");
        return None;
    };
    Some(Received { user: ids::user(&envelope.sender), device: ids::device(&device), message })
}

/// L2: the device whose Olm channel the message came by, and that belongs to the sender.
async fn proven_device(client: &Client, sender: &SdkUserId, info: Option<EncryptionInfo>) -> Option<OwnedDeviceId> {
    let info = info?;
    let AlgorithmInfo::OlmV1Curve25519AesSha2 { curve25519_public_key_base64: key } = &info.algorithm_info else {
        return None;
    };
    let claimed = info.sender_device?;
    let device = client.encryption().get_device(sender, &claimed).await.ok()??;
    (info.sender == sender && device.curve25519_key()?.to_base64() == *key).then_some(claimed)
}

/// A user's devices; asks the server when none are known (a new member's list can be empty for half a minute).
async fn devices_of(client: &Client, user: &SdkUserId) -> matrix_sdk::Result<UserDevices> {
    let encryption = client.encryption();
    let devices = encryption.get_user_devices(user).await?;
    if devices.keys().next().is_some() {
        return Ok(devices);
    }
    encryption.request_user_identity(user).await?;
    encryption.get_user_devices(user).await
}

/// The devices of a person as the room key goes to them now, with the reason for each that is left out.
pub(super) async fn expected_devices(client: &Client, user: &SdkUserId) -> matrix_sdk::Result<Vec<ExpectedDevice>> {
    let mut expected: Vec<ExpectedDevice> = devices_of(client, user)
        .await?
        .devices()
        .filter(|device| !device.is_dehydrated())
        .map(|device| ExpectedDevice {
            device: ids::device(device.device_id()),
            name: SafeText::line(device.display_name().unwrap_or_default()),
            excluded: excluded(&device).map(ToOwned::to_owned),
        })
        .collect();
    expected.sort_by(|a, b| a.device.cmp(&b.device));
    Ok(expected)
}

fn excluded(device: &Device) -> Option<&'static str> {
    if device.is_blacklisted() {
        Some("you blocked this device")
    } else if device.curve25519_key().is_none() {
        Some("it has no key to encrypt to")
    } else {
        None
    }
}

/// Why something could not be sent.
#[derive(Debug)]
pub(super) struct NotSent {
    /// The server asked to wait so long.
    pub retry_after: Option<Ms>,
}

/// Sends an answer to these devices of one user. Succeeds when at least one of them got it: a device that cannot be
/// reached any more must not keep the others from being told.
pub(super) async fn send_answer(
    client: &Client,
    user: &SdkUserId,
    devices: &[DeviceId],
    answer: &Answer,
) -> Result<(), NotSent> {
    let known = devices_of(client, user).await.map_err(|error| NotSent::from(&error))?;
    let devices: Vec<Device> = devices.iter().filter_map(|id| known.get(&ids::sdk_device(id))).collect();
    let unreached = send(client, &devices, ANSWER_TYPE, &answer.to_json()).await?;
    if unreached.len() < devices.len() { Ok(()) } else { Err(NotSent { retry_after: None }) }
}

/// Asks these people's devices for receipts, but for those that `asked` says were asked already. Returns the ones that
/// got the request.
pub(super) async fn send_request(
    client: &Client,
    room: &SdkRoomId,
    people: &[OwnedUserId],
    asked: impl Fn(&UserId, &DeviceId) -> bool,
    expires: Ms,
) -> Result<Vec<(UserId, DeviceId)>, NotSent> {
    let mut devices = Vec::new();
    for user in people {
        let known = devices_of(client, user).await.map_err(|error| NotSent::from(&error))?;
        devices.extend(known.devices().filter(|device| {
            !device.is_dehydrated() && !asked(&ids::user(device.user_id()), &ids::device(device.device_id()))
        }));
    }
    let request = Request { room: ids::room(room), expires };
    let unreached = send(client, &devices, REQUEST_TYPE, &request.to_json()).await?;
    Ok(devices
        .iter()
        .map(|device| (device.user_id().to_owned(), device.device_id().to_owned()))
        .filter(|device| !unreached.contains(device))
        .map(|(user, device)| (ids::user(&user), ids::device(&device)))
        .collect())
}

/// Encrypts and sends; returns the devices that could not be encrypted to.
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
        let retry_after =
            errors::retry_after(error).map(|wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(Ms::MAX));
        Self { retry_after }
    }
}
