//! The route `direct`: encrypted to-device messages between kvitto devices (PROTOCOL §3).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

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
use serde_json::{Value, json};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, broadcast::error::RecvError, mpsc::UnboundedSender},
    task::spawn_blocking,
    time::{sleep, timeout},
};

use super::{Actor, Input};
use crate::{
    client::{backoff::Backoff, errors, ids},
    clock::now,
    delivery::{
        ledger::{ExpectedDevice, Refusal, Refused},
        receipt::{ANSWER_TYPE, Answer, REQUEST_TYPE, Request, padded},
        store::{Inbox, Incoming},
    },
    model::{DeviceId, Ms, RoomId, SafeText, UserId},
};

/// A to-device message of ours, from the device that the Olm channel proves.
#[derive(Debug)]
pub(super) struct Received {
    pub user_id: UserId,
    pub device_id: DeviceId,
    pub message: Message,
    /// Gone when it has been dealt with.
    pub in_hand: OwnedSemaphorePermit,
}

/// What it says.
#[derive(Debug)]
pub(super) enum Message {
    Request(Request),
    Answer(Answer),
}

impl Message {
    /// The room that it is about.
    fn room(&self) -> &RoomId {
        match self {
            Self::Request(request) => &request.room_id,
            Self::Answer(answer) => &answer.room_id,
        }
    }

    /// How many claims it makes.
    fn claims(&self) -> usize {
        match self {
            Self::Request(_) => 0,
            Self::Answer(answer) => answer.receipts.len(),
        }
    }

    /// Its type on the wire.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Request(_) => REQUEST_TYPE,
            Self::Answer(_) => ANSWER_TYPE,
        }
    }
}

/// L7: so many messages are in hand at once, of at most a thousand receipts each. A sync that brings more waits for the
/// actor.
const IN_HAND: u32 = 64;
/// How long the end of a session waits for them.
const SETTLED_WITHIN: Duration = Duration::from_secs(2);
/// How long it may take to find out whose device has sent one.
const PROVEN_WITHIN: Duration = Duration::from_mins(1);
/// Pauses between attempts to do so.
const PAUSE: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));
/// So many more wait for their room: the sync does not wait for these.
const ROOMLESS: usize = 64;
/// How long it may take until a room is known: with sliding sync an account of thousands of rooms comes in many parts.
const ROOM_WITHIN: Duration = Duration::from_mins(10);

/// Puts every message of our two types that came encrypted into the inbox, and hands it to the actor.
pub(super) fn listen(client: &Client, inbox: Inbox, inputs: UnboundedSender<Input>) -> Arc<Places> {
    let places = Arc::new(Places::default());
    let (inbox, listening) = (Arc::new(inbox), places.clone());
    client.add_event_handler(move |raw: Raw<AnyToDeviceEvent>, info: Option<EncryptionInfo>| {
        let (inbox, inputs, places) = (inbox.clone(), inputs.clone(), listening.clone());
        async move {
            let Ok(Envelope { kind, sender, content }) = raw.deserialize_as_unchecked() else { return };
            let Some(message) = read(&kind, &content) else { return };
            let Some(key) = olm_key(&sender, info) else {
                let _ = inputs.send(refused(Refusal::Unproven, &message));
                return;
            };
            let incoming = Incoming { sender: sender.into(), key, kind, content };
            let kept = spawn_blocking({
                let incoming = incoming.clone();
                move || inbox.keep(&incoming, now())
            });
            if let Ok(Err(error)) = kept.await {
                tracing::error!(%error, "a delivery message that came is not on disk");
            }
            // Now the sync may wait: what came is safe.
            let Ok(in_hand) = places.in_hand.clone().acquire_owned().await else { return };
            let _ = inputs.send(Input::Incoming(incoming, in_hand));
        }
    });
    places
}

fn refused(refusal: Refusal, message: &Message) -> Input {
    tracing::info!(%refusal, kind = message.kind(), "a delivery message was ignored");
    Input::Refused(Refused::of(refusal, message.claims()))
}

impl Actor {
    /// Goes on with what a former run had not dealt with.
    pub(super) fn go_on_with_inbox(&mut self) {
        let inbox = self.store.inbox();
        for incoming in self.stored(inbox).unwrap_or_default() {
            self.prove(incoming, None);
        }
    }

    /// What this says is in the store, or refused.
    pub(super) fn dealt_with(&mut self, incoming: &Incoming) {
        let forgotten = self.store.dealt_with(incoming);
        self.stored(forgotten);
    }

    /// Finds out whose device has sent a message, beside the actor.
    pub(super) fn prove(&self, incoming: Incoming, in_hand: Option<OwnedSemaphorePermit>) {
        let (client, inputs, places) = (self.client.clone(), self.inputs.clone(), self.in_hand.clone());
        tokio::spawn(async move {
            let ends = inputs.clone();
            let dealt_with = async {
                if let Some(outcome) = places.prove(&client, &incoming, in_hand).await {
                    let _ = inputs.send(outcome);
                }
                let _ = inputs.send(Input::DealtWithMessage(incoming));
            };
            tokio::select! {
                () = dealt_with => {}
                () = ends.closed() => {}
            }
        });
    }
}

/// Places for messages that are being dealt with.
pub(super) struct Places {
    in_hand: Arc<Semaphore>,
    roomless: Semaphore,
}

impl Default for Places {
    fn default() -> Self {
        let in_hand = Arc::new(Semaphore::new(IN_HAND as usize));
        Self { in_hand, roomless: Semaphore::new(ROOMLESS) }
    }
}

impl Places {
    /// What becomes of a message when it is known whose device has sent it, or that nobody can say.
    async fn prove(
        &self,
        client: &Client,
        incoming: &Incoming,
        in_hand: Option<OwnedSemaphorePermit>,
    ) -> Option<Input> {
        let sender = <&SdkUserId>::try_from(incoming.sender.as_str()).ok()?;
        let (key, message) = (&incoming.key, read(&incoming.kind, &incoming.content)?);
        let in_hand = match in_hand {
            Some(in_hand) => in_hand,
            None => self.in_hand.clone().acquire_owned().await.ok()?,
        };
        let room = message.room();
        let room_is_known = ids::find_room(client, room).is_some();
        let proven = match proven_device(client, sender, key, room).await {
            Err(_) if !room_is_known => {
                drop(in_hand);
                self.proven_later(client, sender, key, room).await
            }
            proven => proven.map(|device| (device, in_hand)),
        };
        Some(match proven {
            Ok((device, in_hand)) => {
                Input::Received(Received { user_id: ids::user(sender), device_id: device, message, in_hand })
            }
            Err(refusal) => refused(refusal, &message),
        })
    }

    /// Waits a moment for what is in hand: the homeserver does not send it again.
    pub(super) async fn settled(&self) {
        let _ = timeout(SETTLED_WITHIN, self.in_hand.acquire_many(IN_HAND)).await;
    }

    /// Whose device has sent something about a room that was not known here, once it is: a device that has just logged in
    /// may be asked for receipts before it has heard of the room.
    async fn proven_later(
        &self,
        client: &Client,
        sender: &SdkUserId,
        key: &str,
        room: &RoomId,
    ) -> Result<(DeviceId, OwnedSemaphorePermit), Refusal> {
        let mut updates = client.subscribe_to_all_room_updates();
        let _waiting = self.roomless.try_acquire().map_err(|_| Refusal::TooMany)?;
        let known = async {
            while ids::find_room(client, room).is_none() && !matches!(updates.recv().await, Err(RecvError::Closed)) {}
        };
        timeout(ROOM_WITHIN, known).await.map_err(|_| Refusal::Unknown)?;
        let in_hand = self.in_hand.clone().acquire_owned().await.map_err(|_| Refusal::TooMany)?;
        Ok((proven_device(client, sender, key, room).await?, in_hand))
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    sender: OwnedUserId,
    content: Value,
}

/// Reads a to-device message; `None` when it is none of ours.
fn read(kind: &str, content: &Value) -> Option<Message> {
    match kind {
        REQUEST_TYPE => Some(Message::Request(Request::parse(content)?)),
        ANSWER_TYPE => Some(Message::Answer(Answer::parse(content)?)),
        _ => None,
    }
}

/// The key of the Olm channel by which a message came, if it came by one.
fn olm_key(sender: &SdkUserId, info: Option<EncryptionInfo>) -> Option<String> {
    let info = info.filter(|info| info.sender == sender)?;
    match info.algorithm_info {
        AlgorithmInfo::OlmV1Curve25519AesSha2 { curve25519_public_key_base64 } => Some(curve25519_public_key_base64),
        AlgorithmInfo::MegolmV1AesSha2 { .. } => None,
    }
}

/// L2: the sender's device that has this key, if that can be found out soon.
async fn proven_device(client: &Client, sender: &SdkUserId, key: &str, room: &RoomId) -> Result<DeviceId, Refusal> {
    let device = timeout(PROVEN_WITHIN, device_with_key(client, sender, key, room)).await;
    device.ok().flatten().ok_or(Refusal::Unproven)
}

/// The first message of a new acquaintance comes before their device list: then the server is asked for it, if the message
/// is about a room that is known here.
async fn device_with_key(client: &Client, sender: &SdkUserId, key: &str, room: &RoomId) -> Option<DeviceId> {
    let device = known_device(client, sender, key).await;
    if device.is_some() || ids::find_room(client, room).is_none() {
        return device;
    }
    // The message comes only once.
    let mut pause = PAUSE;
    while let Err(error) = client.encryption().request_user_identity(sender).await {
        tracing::info!(%error, "whose device has sent a delivery message is not known yet");
        sleep(pause.next_delay()).await;
    }
    known_device(client, sender, key).await
}

/// The device with this key, if it is known here.
async fn known_device(client: &Client, sender: &SdkUserId, key: &str) -> Option<DeviceId> {
    let devices = client.encryption().get_user_devices(sender).await.ok()?;
    let mut devices = devices.devices();
    let device = devices.find(|device| device.curve25519_key().is_some_and(|known| known.to_base64() == key));
    device.map(|device| ids::device(device.device_id()))
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

/// The devices that a person has now, as far as the server has told this machine.
pub(super) async fn devices_now(client: &Client, user: &SdkUserId) -> matrix_sdk::Result<BTreeSet<DeviceId>> {
    let known = devices_of(client, user).await?;
    Ok(known.keys().map(ids::device).collect())
}

/// The devices of a person as the room key goes to them now, with the reason for each that is left out. The key goes to
/// verified and unverified devices alike (the SDK's `CollectStrategy::AllDevices`).
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

/// The devices that nothing can be encrypted to, because no Olm session with them can be begun. The SDK tells such a device
/// `m.no_olm` and remembers that it did, for ever; whether it is still so, only trying shows, with the message that the
/// specification has for beginning a session.
async fn unreachable(client: &Client, devices: &[Device]) -> Vec<OwnedDeviceId> {
    let told: Vec<Device> = devices.iter().filter(|device| device.was_withheld_code_sent()).cloned().collect();
    match send(client, &told, "m.dummy", &json!({})).await {
        Ok(failed) => failed.into_iter().map(|(_, device)| device).collect(),
        Err(_) => told.iter().map(|device| device.device_id().to_owned()).collect(),
    }
}

/// A server that says to wait longer has its clock or its numbers wrong.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// Why something could not be sent.
#[derive(Debug)]
pub(in crate::client) struct NotSent {
    /// The server asked to wait so long.
    pub retry_after: Option<Ms>,
}

/// Sends an answer to these devices of one user. Succeeds when at least one of them got it: a device that cannot be
/// reached any more must not keep the others from being told.
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

/// The same, but what has not left after so long does not leave any more. By itself the SDK tries for a quarter of an hour
/// to get the keys that it needs, and meanwhile there may be a reason to withhold it (P3, P5, P8).
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

/// Asks these people's devices for receipts, but for this one and those that `asked` says were asked already. Returns the
/// ones that got the request.
pub(super) async fn send_request(
    client: &Client,
    room: &SdkRoomId,
    people: &[OwnedUserId],
    asked: impl Fn(&UserId, &DeviceId) -> bool,
    (expires, again): (Ms, bool),
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
            errors::retry_after(error).map(|wait| u64::try_from(wait.min(LONGEST_WAIT).as_millis()).unwrap_or(Ms::MAX));
        Self { retry_after }
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::config::SyncSettings;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::client::{
        receipts::native::tests::client,
        session::loopback::{homeserver, refuse, reply},
    };

    #[tokio::test]
    async fn l2_what_comes_without_encryption_is_counted_claim_by_claim() {
        let says =
            |kind: &str, content: Value| json!({ "type": kind, "sender": "@bob:example.org", "content": content });
        let claims = json!({ "room_id": "!room:example.org", "receipts": { "$1": {}, "$2": {}, "none": {} } });
        let asks = json!({ "room_id": "!room:example.org", "expires_ts": 5 });
        let events = [says(ANSWER_TYPE, claims), says(REQUEST_TYPE, asks), says(ANSWER_TYPE, json!({}))];
        let sync = json!({ "next_batch": "s1", "to_device": { "events": events } });
        let server =
            homeserver(move |_, request| (request.line == "GET /_matrix/client/v3/sync").then(|| reply(200, &sync)))
                .await;
        let client = client(&server).await;
        let (inputs, mut came) = unbounded_channel();
        let folder = tempfile::tempdir().unwrap();
        listen(&client, Inbox::open(folder.path(), &[7; 32], None).unwrap(), inputs);
        client.sync_once(SyncSettings::new()).await.unwrap();
        let mut counted = Refused::default();
        while let Ok(Input::Refused(refused)) = came.try_recv() {
            counted.add(refused);
        }
        assert_eq!(counted, Refused::of(Refusal::Unproven, 2), "a request claims nothing");
        assert!(came.is_empty());
    }

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
