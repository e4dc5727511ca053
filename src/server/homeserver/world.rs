//! Everything that the homeserver knows.
//!
//! Every change takes the next [`World::position`] and leaves it with what was changed. A sync's
//! token is a position, so 'what is new' is one question everywhere: what has a later position than
//! that?

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use ruma::{
    OneTimeKeyAlgorithm, OwnedDeviceId, OwnedMxcUri, OwnedOneTimeKeyId, OwnedRoomAliasId, OwnedRoomId,
    OwnedTransactionId, OwnedUserId, UserId,
    api::client::backup::KeyBackupData,
    events::ToDeviceEventType,
    push::Ruleset,
    serde::{JsonObject, Raw},
};
use serde_json::{Value, json};

use super::{
    Options,
    error::{Answer, unknown_token},
};
use crate::{
    model::Timestamp,
    server::{bundle::Mailbox, routing::RateLimit},
};

pub mod room;

pub use room::Room;

/// Who asks: what an access token stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Caller {
    pub user_id: OwnedUserId,
    pub device_id: OwnedDeviceId,
}

/// What a refresh token stands for.
pub struct Renewal {
    /// The access token that it came with.
    pub access: String,
    /// The pair that it was exchanged for: access token and refresh token.
    pub next: Option<(String, String)>,
}

/// Everything there is.
pub struct World {
    pub options: Options,
    /// The time of the request at hand.
    pub now: Timestamp,
    /// The last change.
    pub position: u64,
    pub users: BTreeMap<OwnedUserId, User>,
    /// Access tokens.
    pub tokens: HashMap<String, Caller>,
    /// Refresh tokens.
    pub renewals: HashMap<String, Renewal>,
    /// Access tokens that came by a refresh and were not used yet, each with the one that it
    /// replaces.
    pub unused: HashMap<String, String>,
    pub rooms: BTreeMap<OwnedRoomId, Room>,
    pub aliases: BTreeMap<OwnedRoomAliasId, OwnedRoomId>,
    pub media: HashMap<String, Media>,
    /// Delivery receipts on their way, by the user who gets them.
    pub mailboxes: HashMap<OwnedUserId, Mailbox>,
    /// How many of them somebody may post.
    pub delivery_limit: RateLimit,
    /// Devices that no to-device message reaches, because it was told so.
    pub unreached: BTreeSet<Caller>,
}

/// An account.
pub struct User {
    /// As it was typed.
    pub password: String,
    pub name: Option<String>,
    pub avatar: Option<OwnedMxcUri>,
    pub devices: BTreeMap<OwnedDeviceId, Device>,
    /// Position and content by type.
    pub account_data: BTreeMap<String, (u64, Value)>,
    /// Position and content by room and type.
    pub room_account_data: BTreeMap<(OwnedRoomId, String), (u64, Value)>,
    /// Filters by id, which is the index; as they were posted, since they may say more than ruma
    /// knows.
    pub filters: Vec<Value>,
    /// When the devices or keys last changed: others are told in `device_lists`.
    pub keys_changed: u64,
    pub cross_signing: CrossSigning,
    pub backups: Vec<Backup>,
}

impl User {
    /// An account that is made at this position. It knows nobody, and is notified of what the
    /// specification says.
    pub fn new(id: &UserId, password: String, position: u64) -> Self {
        let push_rules = json!({ "global": Ruleset::server_default(id) });
        Self {
            password,
            name: Some(id.localpart().to_owned()),
            avatar: None,
            devices: BTreeMap::new(),
            account_data: [("m.push_rules".to_owned(), (position, push_rules))].into(),
            room_account_data: BTreeMap::new(),
            filters: Vec::new(),
            keys_changed: 0,
            cross_signing: CrossSigning::default(),
            backups: Vec::new(),
        }
    }
}

/// A user's cross-signing keys, with the signatures that were added.
#[derive(Default)]
pub struct CrossSigning {
    pub master: Option<JsonObject>,
    pub self_signing: Option<JsonObject>,
    pub user_signing: Option<JsonObject>,
}

/// A version of a key backup; its name is its index plus one.
pub struct Backup {
    pub info: JsonObject,
    pub deleted: bool,
    /// Counts changes.
    pub etag: u64,
    pub keys: BTreeMap<OwnedRoomId, BTreeMap<String, Raw<KeyBackupData>>>,
}

/// A device that is logged in.
#[derive(Default)]
pub struct Device {
    /// The position at which it was added.
    pub added: u64,
    pub name: Option<String>,
    pub last_seen: Timestamp,
    pub keys: Option<JsonObject>,
    /// Each with the position at which it came: the oldest is claimed first.
    pub one_time_keys: BTreeMap<OwnedOneTimeKeyId, (u64, Value)>,
    /// One per algorithm.
    pub fallback_keys: BTreeMap<OneTimeKeyAlgorithm, FallbackKey>,
    /// To-device messages by the position at which they came; kept until a sync proves that they
    /// arrived.
    pub inbox: VecDeque<(u64, Value)>,
    /// The type of the to-device messages that it sent last, and what it called them: the same
    /// again is not sent again.
    pub transactions: VecDeque<(ToDeviceEventType, OwnedTransactionId)>,
}

/// A key for those who come when there is no one-time key left.
pub struct FallbackKey {
    pub id: OwnedOneTimeKeyId,
    pub key: Value,
    /// Somebody has claimed it, so the device should replace it.
    pub used: bool,
}

/// Something that was uploaded.
pub struct Media {
    pub content: Vec<u8>,
    pub content_type: Option<String>,
    pub file_name: Option<String>,
}

impl World {
    pub fn new(options: Options) -> Self {
        Self {
            options,
            now: Timestamp::EPOCH,
            position: 0,
            users: BTreeMap::new(),
            tokens: HashMap::new(),
            renewals: HashMap::new(),
            unused: HashMap::new(),
            rooms: BTreeMap::new(),
            aliases: BTreeMap::new(),
            media: HashMap::new(),
            mailboxes: HashMap::new(),
            delivery_limit: RateLimit::default(),
            unreached: BTreeSet::new(),
        }
    }

    /// The position of a change that is being made.
    pub fn moved(&mut self) -> u64 {
        self.position += 1;
        self.position
    }

    /// Who has this token; notes that they were seen.
    pub fn caller(&mut self, token: &str) -> Option<Caller> {
        let caller = self.tokens.get(token)?.clone();
        if let Some(former) = self.unused.remove(token) {
            self.tokens.remove(&former);
        }
        let now = self.now;
        self.device_mut(&caller)?.last_seen = now;
        Some(caller)
    }

    pub fn user(&self, user: &UserId) -> Option<&User> {
        self.users.get(user)
    }

    pub fn device(&self, caller: &Caller) -> Option<&Device> {
        self.users.get(&caller.user_id)?.devices.get(&caller.device_id)
    }

    pub fn device_mut(&mut self, caller: &Caller) -> Option<&mut Device> {
        self.users.get_mut(&caller.user_id)?.devices.get_mut(&caller.device_id)
    }

    /// The account of who asks; it may have gone since they were let in.
    pub fn account(&mut self, caller: &Caller) -> Answer<&mut User> {
        self.users.get_mut(&caller.user_id).ok_or_else(unknown_token)
    }

    /// The device of who asks.
    pub fn session(&mut self, caller: &Caller) -> Answer<&mut Device> {
        self.device_mut(caller).ok_or_else(unknown_token)
    }

    /// Something about a user's devices or keys has changed: whoever shares a room with them is to
    /// be told.
    pub fn keys_changed(&mut self, user: &UserId) {
        let position = self.moved();
        if let Some(user) = self.users.get_mut(user) {
            user.keys_changed = position;
        }
    }
}
