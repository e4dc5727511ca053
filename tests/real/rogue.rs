//! Somebody's device with which anything can be sent, and which counts every receipt that reaches
//! it.
//!
//! Attackers do not use kvitto. This is the SDK's client without a line of kvitto's: it has keys,
//! so it can ask for receipts and make claims over Olm as any device can. Everything else goes over
//! plain HTTP as it is written in the test, with the same access token and over one connection,
//! since attackers are in a hurry. It syncs only while it waits for something, and skips what
//! others say: whoever floods a room must not drown in it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use kvitto::model::{EventId, RoomId, Route};
use matrix_sdk::{
    Client,
    config::SyncSettings,
    deserialized_responses::EncryptionInfo,
    ruma::{
        RoomId as SdkRoomId, UserId as SdkUserId,
        api::client::filter::FilterDefinition,
        events::{AnySyncEphemeralRoomEvent, AnyToDeviceEvent},
        serde::Raw,
        uint,
    },
};
use matrix_sdk_base::crypto::{
    CollectStrategy,
    vodozemac::megolm::{GroupSession, SessionConfig},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{http::KeptOpen, server::Account};

/// What is waited for comes behind a flood, of which a client without optimisation takes in
/// hundreds of events a second.
const DEADLINE: Duration = Duration::from_mins(5);
/// How long the homeserver may hold a sync open.
const POLL: Duration = Duration::from_secs(30);

/// How often each event was acknowledged towards this device.
pub type Receipts = BTreeMap<EventId, usize>;

/// See the module.
pub struct Rogue {
    /// `@name:server`.
    pub user_id: String,
    client: Client,
    token: String,
    line: KeptOpen,
    requests: usize,
    received: Arc<Mutex<Received>>,
}

/// What has come.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// The receipts that came in Olm messages.
    pub direct: Receipts,
    /// The Olm messages that they came in.
    pub messages: usize,
    /// When these had left, as they say themselves.
    pub at: BTreeMap<EventId, u64>,
    /// The receipts that came through the homeserver.
    pub native: Receipts,
}

impl Received {
    /// The receipts that came by this route.
    pub fn by(&self, route: Route) -> &Receipts {
        match route {
            Route::Direct => &self.direct,
            Route::Native => &self.native,
        }
    }
}

impl Rogue {
    /// Logs in on a homeserver.
    pub async fn log_in(server: &str, account: &Account) -> Self {
        let client = Client::builder().homeserver_url(server).build().await.expect("the homeserver answers");
        let login = client.matrix_auth().login_username(&account.name, &account.password);
        login.send().await.expect("the account is there");
        let token = client.access_token().expect("logged in");
        let received = Arc::default();
        count_receipts(&client, &received);
        let user_id = account.user_id.clone();
        let rogue = Self { user_id, client, token, line: KeptOpen::new(server), requests: 0, received };
        // Its keys are on the server then.
        rogue.look().await;
        rogue
    }

    /// Takes in what is there.
    pub async fn look(&self) {
        self.sync(Duration::ZERO).await;
    }

    async fn sync(&self, wait: Duration) {
        let mut filter = FilterDefinition::with_lazy_loading();
        filter.room.timeline.limit = Some(uint!(1));
        let settings = SyncSettings::new().timeout(wait).filter(filter.into());
        self.client.sync_once(settings).await.expect("the homeserver answers");
    }

    /// One request: status and JSON.
    pub fn request(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let head = format!(
            "{method} /_matrix/client/v3/{path} HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {}\r\n",
            self.token
        );
        let answer = self.line.exchange(&head, body.to_string().as_bytes()).expect("the homeserver answers");
        (answer.status, answer.json())
    }

    /// Puts an event into a room as it is; `path` is what stands behind the room, but for a
    /// transaction's number. The error is the homeserver's status.
    pub fn put(&mut self, room: &RoomId, path: &str, content: &Value) -> Result<EventId, u16> {
        self.requests += 1;
        let number = if path.starts_with("state/") { String::new() } else { format!("/{}", self.requests) };
        let path = format!("rooms/{}/{path}{number}", room.as_str().replace('!', "%21"));
        let (status, answer) = self.request("PUT", &path, content);
        if status == 200 {
            Ok(EventId::new(answer["event_id"].as_str().expect("an event has an id")))
        } else {
            Err(status)
        }
    }

    /// Sends an event in the clear.
    pub fn send(&mut self, room: &RoomId, kind: &str, content: &Value) -> EventId {
        self.put(room, &format!("send/{kind}"), content).expect("the homeserver takes it")
    }

    /// Sends an event encrypted, as the members of the room can read it.
    pub async fn seal(&self, room: &RoomId, kind: &str, content: &Value) -> EventId {
        let id = SdkRoomId::parse(room.as_str()).expect("a room's id");
        let room = loop {
            match self.client.get_room(&id).filter(|room| room.encryption_state().is_encrypted()) {
                Some(room) => break room,
                None => self.look().await,
            }
        };
        let sent = room.send_raw(kind, content.clone()).await.expect("the homeserver takes it");
        EventId::new(sent.response.event_id.as_str())
    }

    /// Makes a key of its own for a room.
    pub fn new_key() -> GroupSession {
        GroupSession::new(SessionConfig::version_1())
    }

    /// Sends an encrypted event in which anything can stand, also what no client puts there.
    pub async fn seal_anything(&mut self, room: &RoomId, key: &mut GroupSession, payload: &Value) -> EventId {
        let mut payload = payload.clone();
        payload["room_id"] = room.as_str().into();
        let own_key = self.client.encryption().curve25519_key().await.expect("logged in");
        let content = json!({
            "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": key.encrypt(payload.to_string()).to_base64(),
            "session_id": key.session_id(), "sender_key": own_key.to_base64(), "device_id": self.device(),
        });
        self.send(room, "m.room.encrypted", &content)
    }

    /// Gives somebody such a key: what is encrypted with it from now on can be read.
    pub async fn give_key(&self, room: &RoomId, to: &str, key: &GroupSession) {
        let content = json!({
            "algorithm": "m.megolm.v1.aes-sha2", "room_id": room.as_str(), "session_id": key.session_id(),
            "session_key": key.session_key().to_base64(),
        });
        self.tell(to, "m.room_key", &content).await;
    }

    /// Makes a room.
    pub fn create_room(&mut self, request: &Value) -> RoomId {
        let (status, answer) = self.request("POST", "createRoom", request);
        assert_eq!(status, 200, "{answer}");
        RoomId::new(answer["room_id"].as_str().expect("a new room has an id"))
    }

    /// Waits for the invite and joins.
    pub async fn join_when_invited(&mut self, room: &RoomId) {
        let id = SdkRoomId::parse(room.as_str()).expect("a room's id");
        let invited = timeout(DEADLINE, async {
            while self.client.get_room(&id).is_none() {
                self.sync(POLL).await;
            }
        });
        invited.await.expect("the invite comes");
        self.join(room);
    }

    /// Joins a room.
    pub fn join(&mut self, room: &RoomId) {
        let (status, answer) = self.request("POST", &format!("join/{}", room.as_str().replace('!', "%21")), &json!({}));
        assert_eq!(status, 200, "{answer}");
    }

    /// This device's id.
    pub fn device(&self) -> String {
        self.client.device_id().expect("logged in").to_string()
    }

    /// Says that it received these events of a room, each with what is said of it (PROTOCOL §3).
    pub async fn claim(&self, room: &RoomId, to: &str, receipts: &Value) {
        self.tell(to, "dev.kvitto.delivery", &json!({ "room_id": room.as_str(), "receipts": receipts })).await;
    }

    /// Sends something to all devices of somebody, over Olm.
    pub async fn tell(&self, user: &str, kind: &str, content: &Value) {
        let user = SdkUserId::parse(user).expect("a user's id");
        let encryption = self.client.encryption();
        encryption.request_user_identity(&user).await.expect("the homeserver knows them");
        let devices = encryption.get_user_devices(&user).await.expect("their devices are known");
        let devices: Vec<_> = devices.devices().collect();
        let content = Raw::new(content).expect("JSON").cast_unchecked();
        let unreached = encryption
            .encrypt_and_send_raw_to_device(devices.iter().collect(), kind, content, CollectStrategy::AllDevices)
            .await
            .expect("the homeserver takes it");
        assert!(!devices.is_empty() && unreached.is_empty(), "{unreached:?} of {devices:?}");
    }

    /// Sends something to all devices of somebody, for everybody on the way to read.
    pub fn tell_openly(&mut self, user: &str, kind: &str, content: &Value) {
        self.requests += 1;
        let messages = json!({ "messages": { user: { "*": content } } });
        let (status, answer) = self.request("PUT", &format!("sendToDevice/{kind}/{}", self.requests), &messages);
        assert_eq!(status, 200, "{answer}");
    }

    /// Asks somebody's devices for receipts in a room (PROTOCOL §3).
    pub async fn ask(&self, room: &RoomId, user: &str) {
        let request = json!({ "room_id": room.as_str(), "expires_ts": u64::MAX / 2 });
        self.tell(user, "dev.kvitto.delivery.request", &request).await;
    }

    /// What has come so far.
    pub fn received(&self) -> Received {
        self.received.lock().expect("nobody panics with it in hand").clone()
    }

    /// Syncs until what has come is as wanted.
    pub async fn until(&self, what: &str, is_it: impl Fn(&Received) -> bool) {
        let waited = timeout(DEADLINE, async {
            while !is_it(&self.received()) {
                self.sync(POLL).await;
            }
        });
        waited.await.unwrap_or_else(|_elapsed| panic!("waited for {what}; {:#?}", self.received()));
    }
}

/// Reads receipts as JSON, since no client library knows them.
fn count_receipts(client: &Client, received: &Arc<Mutex<Received>>) {
    let counted = Arc::clone(received);
    client.add_event_handler(move |raw: Raw<AnyToDeviceEvent>, info: Option<EncryptionInfo>| {
        let event: Value = raw.deserialize_as_unchecked().expect("JSON");
        if event["type"] == "dev.kvitto.delivery" && info.is_some() {
            let mut received = counted.lock().expect("nobody panics with it in hand");
            received.messages += 1;
            for (event, claim) in event["content"]["receipts"].as_object().into_iter().flatten() {
                *received.direct.entry(EventId::new(event)).or_default() += 1;
                received.at.extend(claim["ts"].as_u64().map(|at| (EventId::new(event), at)));
            }
        }
        std::future::ready(())
    });
    let counted = Arc::clone(received);
    client.add_event_handler(move |raw: Raw<AnySyncEphemeralRoomEvent>| {
        let event: Value = raw.deserialize_as_unchecked().expect("JSON");
        for (id, kinds) in event["content"].as_object().into_iter().flatten() {
            let receipts = kinds.as_object().into_iter().flatten().filter(|(kind, _)| kind.contains("delivery"));
            let users: usize = receipts.filter_map(|(_, users)| users.as_object()).map(serde_json::Map::len).sum();
            if users > 0 {
                let mut received = counted.lock().expect("nobody panics with it in hand");
                *received.native.entry(EventId::new(id)).or_default() += users;
            }
        }
        std::future::ready(())
    });
}
