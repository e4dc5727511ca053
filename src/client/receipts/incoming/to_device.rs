//! Delivery messages that come to this device, encrypted (PROTOCOL §3): from the inbox on disk to a
//! message whose sender is proven (L2).

use std::{sync::Arc, time::Duration};

use matrix_sdk::{
    Client,
    deserialized_responses::{AlgorithmInfo, EncryptionInfo},
    ruma::{OwnedUserId, UserId as SdkUserId, events::AnyToDeviceEvent, serde::Raw},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, broadcast::error::RecvError, mpsc::UnboundedSender},
    task::spawn_blocking,
    time::{sleep, timeout},
};

use super::{Incoming, IncomingInput};
use crate::{
    client::{
        backoff::Backoff,
        ids,
        receipts::{Context, Input},
        tasks,
    },
    clock::now,
    delivery::{
        ledger::{Refusal, Refused},
        receipt::{ANSWER_TYPE, Answer, REQUEST_TYPE, Request},
        store::{self, Inbox},
    },
    model::{DeviceId, RoomId, UserId},
};

/// A to-device message of ours, and the device that the Olm channel proves to have sent it.
#[derive(Debug)]
pub(in crate::client::receipts) struct Received {
    pub user_id: UserId,
    pub device_id: DeviceId,
    pub message: Message,
    /// Gone when it has been dealt with.
    pub permit: OwnedSemaphorePermit,
}

/// What it says.
#[derive(Debug)]
pub(in crate::client::receipts) enum Message {
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

/// L7: so many messages are in hand at once, of at most a thousand receipts each. A sync that
/// brings more waits for the actor.
const IN_HAND: u32 = 64;
/// How long the end of a session waits for them.
const SETTLED_WITHIN: Duration = Duration::from_secs(2);
/// How long it may take to find out whose device has sent one.
const PROVEN_WITHIN: Duration = Duration::from_mins(1);
/// Pauses between attempts to do so.
const PAUSE: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));
/// So many more wait for their room: the sync does not wait for these.
const ROOMLESS: usize = 64;
/// How long it may take until a room is known: with sliding sync an account of thousands of rooms
/// comes in many parts.
const ROOM_WITHIN: Duration = Duration::from_mins(10);

/// Puts every message of our two types that came encrypted into the inbox, and hands it to the
/// actor.
pub(in crate::client::receipts) fn listen(
    client: &Client,
    inbox: Inbox,
    inputs: UnboundedSender<Input>,
) -> Arc<InHand> {
    let in_hand = Arc::new(InHand::default());
    let (inbox, listening) = (Arc::new(inbox), in_hand.clone());
    client.add_event_handler(move |raw: Raw<AnyToDeviceEvent>, info: Option<EncryptionInfo>| {
        let (inbox, inputs, in_hand) = (inbox.clone(), inputs.clone(), listening.clone());
        async move {
            let Ok(Envelope { kind, sender, content }) = raw.deserialize_as_unchecked() else { return };
            let Some(message) = read(&kind, &content) else { return };
            let Some(key) = olm_key(&sender, info) else {
                let _ = inputs.send(refused(Refusal::Unproven, &message));
                return;
            };
            let incoming = store::Incoming { sender: sender.into(), key, kind, content };
            let kept = spawn_blocking({
                let incoming = incoming.clone();
                move || inbox.keep(&incoming, now())
            });
            if let Ok(Err(error)) = kept.await {
                tracing::error!(%error, "a delivery message that came is not on disk");
            }
            // Now the sync may wait: what came is safe.
            let Ok(permit) = in_hand.permits.clone().acquire_owned().await else { return };
            let _ = inputs.send(IncomingInput::Message(incoming, permit).into());
        }
    });
    in_hand
}

fn refused(refusal: Refusal, message: &Message) -> Input {
    tracing::info!(%refusal, kind = message.kind(), "a delivery message was ignored");
    IncomingInput::Refused(Refused::of(refusal, message.claims())).into()
}

impl Incoming {
    /// Goes on with the messages that a former run had not dealt with.
    pub(super) fn go_on_with_inbox(&self, context: &Context) {
        let inbox = context.store.inbox();
        for incoming in context.stored(inbox).unwrap_or_default() {
            self.prove(context, incoming, None);
        }
    }

    /// Finds out whose device has sent a message, beside the actor.
    pub(super) fn prove(&self, context: &Context, incoming: store::Incoming, permit: Option<OwnedSemaphorePermit>) {
        let (client, inputs, in_hand) = (context.client.clone(), context.inputs.clone(), self.in_hand.clone());
        tasks::spawn(async move {
            let ends = inputs.clone();
            let dealt_with = async {
                if let Some(outcome) = in_hand.prove(&client, &incoming, permit).await {
                    let _ = inputs.send(outcome);
                }
                let _ = inputs.send(IncomingInput::MessageDealtWith(incoming).into());
            };
            tokio::select! {
                () = dealt_with => {}
                () = ends.closed() => {}
            }
        });
    }
}

/// Bounds how many messages are dealt with at once.
pub(in crate::client::receipts) struct InHand {
    permits: Arc<Semaphore>,
    /// For messages that wait for their room.
    roomless: Semaphore,
}

impl Default for InHand {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(IN_HAND as usize)), roomless: Semaphore::new(ROOMLESS) }
    }
}

impl InHand {
    /// What becomes of a message when it is known whose device has sent it, or that nobody can say.
    async fn prove(
        &self,
        client: &Client,
        incoming: &store::Incoming,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Option<Input> {
        let sender = <&SdkUserId>::try_from(incoming.sender.as_str()).ok()?;
        let (key, message) = (&incoming.key, read(&incoming.kind, &incoming.content)?);
        let permit = match permit {
            Some(permit) => permit,
            None => self.permits.clone().acquire_owned().await.ok()?,
        };
        let room = message.room();
        let room_is_known = ids::find_room(client, room).is_some();
        let proven = match proven_device(client, sender, key, room).await {
            Err(_) if !room_is_known => {
                drop(permit);
                self.proven_later(client, sender, key, room).await
            }
            proven => proven.map(|device| (device, permit)),
        };
        Some(match proven {
            Ok((device, permit)) => {
                Input::ToDevice(Received { user_id: ids::user(sender), device_id: device, message, permit })
            }
            Err(refusal) => refused(refusal, &message),
        })
    }

    /// Waits a moment for what is in hand: the homeserver does not send it again.
    pub async fn settled(&self) {
        let _ = timeout(SETTLED_WITHIN, self.permits.acquire_many(IN_HAND)).await;
    }

    /// Whose device has sent something about a room that was not known here, once it is: a device
    /// that has just logged in may be asked for receipts before it has heard of the room.
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
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| Refusal::TooMany)?;
        Ok((proven_device(client, sender, key, room).await?, permit))
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

/// The first message of a new acquaintance comes before their device list: then the server is asked
/// for it, if the message is about a room that is known here.
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

#[cfg(test)]
mod tests {
    use matrix_sdk::config::SyncSettings;
    use serde_json::json;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::client::{
        receipts::testing::client,
        session::loopback::{homeserver, reply},
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
        while let Ok(Input::Incoming(IncomingInput::Refused(refused))) = came.try_recv() {
            counted.add(refused);
        }
        assert_eq!(counted, Refused::of(Refusal::Unproven, 2), "a request claims nothing");
        assert!(came.is_empty());
    }
}
