//! A client without a screen: one device of somebody whom the demo plays.
//!
//! What the user sees in the demo must be what they would see of other people, so the others are
//! real clients: each has its own keys and its own sync, encrypts and decrypts by itself, and
//! acknowledges over the wire. A peer keeps everything in memory and writes nothing down, since it
//! lives as long as the demo; and it has no event cache, timeline or send queue, since there are
//! fifty of them in one process. All share one connection pool.
//!
//! A peer decides nothing. It tells what it [`Heard`], and does what it is asked to.

use std::time::Duration;

use futures_util::StreamExt;
use matrix_sdk::{
    Client, Room, RoomState,
    config::SyncSettings,
    reqwest,
    ruma::{
        OwnedEventId,
        api::client::{
            account::register::v3::Request as Register,
            filter::FilterDefinition,
            receipt::create_receipt::v3::ReceiptType,
            room::{
                Visibility,
                create_room::v3::{Request as CreateRoom, RoomPreset},
            },
            uiaa::{AuthData, Dummy},
        },
        assign,
        events::{
            InitialStateEvent,
            reaction::ReactionEventContent,
            receipt::ReceiptThread,
            relation::Annotation,
            room::{
                encrypted::OriginalSyncRoomEncryptedEvent,
                encryption::RoomEncryptionEventContent,
                history_visibility::{HistoryVisibility, RoomHistoryVisibilityEventContent},
                member::{MembershipState, StrippedRoomMemberEvent, SyncRoomMemberEvent},
                message::{
                    OriginalSyncRoomMessageEvent, Relation, ReplacementMetadata, RoomMessageEventContent,
                    RoomMessageEventContentWithoutRelation,
                },
            },
        },
    },
};

use super::{
    errors, ids,
    receipts::{direct, outgoing::post},
    tasks,
};
use crate::{
    delivery::receipt::{Answer, Claim, ClaimState, NATIVE_TYPE_UNSTABLE, Native},
    model::{DeviceId, EventId, RoomId, SafeText, Timestamp, UserId},
};

/// How long the server may hold a sync open.
const POLL: Duration = Duration::from_secs(30);
/// How long a peer waits after a sync that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The homeserver of some peers, and the connections that they share.
#[derive(Clone)]
pub struct Host {
    url: String,
    http: reqwest::Client,
}

impl Host {
    /// The homeserver at this URL.
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), http: reqwest::Client::new() }
    }
}

/// What a peer has noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Somebody else's new message, which it can read.
    Message {
        /// The room.
        room_id: RoomId,
        /// The message.
        event_id: EventId,
        /// Whose it is.
        sender: UserId,
        /// What it says.
        text: String,
    },
    /// Something of somebody else's that it cannot decrypt.
    Undecryptable {
        /// The room.
        room_id: RoomId,
        /// The message.
        event_id: EventId,
        /// Whose it is.
        sender: UserId,
    },
    /// It is invited.
    Invited {
        /// The room.
        room_id: RoomId,
    },
    /// Somebody else has joined a room.
    Joined {
        /// The room.
        room_id: RoomId,
        /// Who.
        user_id: UserId,
    },
    /// It has the keys of a device that it did not know.
    Met {
        /// Whose.
        user_id: UserId,
        /// The device.
        device_id: DeviceId,
    },
}

/// A room that is to be made.
#[derive(Clone, Debug, Default)]
pub struct NewRoom<'a> {
    /// Its name; a direct chat has none.
    pub name: Option<&'a str>,
    /// What it is about.
    pub topic: Option<&'a str>,
    /// Its alias before the colon, for a room that everybody may join.
    pub public: Option<&'a str>,
    /// A chat of two.
    pub direct: bool,
    /// Encrypted; then new members see nothing of what was before them, since they could not read
    /// it.
    pub encrypted: bool,
    /// Who is invited.
    pub invite: &'a [UserId],
}

/// What was asked for, or a sentence that says why not.
pub type PeerResult<T> = Result<T, SafeText>;

/// One device of one user. Clones are the same device.
#[derive(Clone)]
pub struct Peer {
    client: Client,
}

impl Peer {
    /// Registers a user, and is their first device, of this id and name.
    pub async fn register(host: &Host, user: &str, password: &str, device: &str, name: &str) -> PeerResult<Self> {
        let client = client(host).await?;
        let request = assign!(Register::new(), {
            username: Some(user.to_owned()),
            password: Some(password.to_owned()),
            device_id: Some(device.into()),
            initial_device_display_name: Some(name.to_owned()),
            auth: Some(AuthData::Dummy(Dummy::new())),
        });
        client.matrix_auth().register(request).await.map_err(said)?;
        Ok(Self { client })
    }

    /// Logs in, as another device.
    pub async fn log_in(host: &Host, user: &str, password: &str, device: &str, name: &str) -> PeerResult<Self> {
        let client = client(host).await?;
        let login = client.matrix_auth().login_username(user, password).device_id(device);
        login.initial_device_display_name(name).send().await.map_err(said)?;
        Ok(Self { client })
    }

    /// Ends the device.
    pub async fn log_out(&self) -> PeerResult<()> {
        self.client.logout().await.map_err(said)
    }

    /// Whose device this is.
    pub fn user(&self) -> UserId {
        self.client.user_id().map_or_else(|| UserId::new(""), ids::user)
    }

    /// This device.
    pub fn device(&self) -> DeviceId {
        self.client.device_id().map_or_else(|| DeviceId::new(""), ids::device)
    }

    /// Syncs once, without waiting: the device's keys are on the server then, and what came is
    /// known.
    pub async fn catch_up(&self) -> PeerResult<()> {
        self.client.sync_once(settings(Duration::ZERO)).await.map_err(said)?;
        Ok(())
    }

    /// Syncs from now on, and tells what it hears. Ends with the tokio runtime, or when the device
    /// is logged out.
    pub fn listen(&self, tell: impl Fn(Heard) + Clone + Send + Sync + 'static) {
        self.listen_to_rooms(tell.clone());
        let client = self.client.clone();
        tasks::spawn(async move {
            tokio::join!(watch_devices(&client, tell), keep_syncing(&client));
        });
    }

    fn listen_to_rooms(&self, tell: impl Fn(Heard) + Clone + Send + Sync + 'static) {
        let own = self.user();
        let hear = tell.clone();
        self.client.add_event_handler(move |event: OriginalSyncRoomMessageEvent, room: Room| {
            let sender = ids::user(&event.sender);
            // An edit is no new message.
            let new = !matches!(event.content.relates_to, Some(Relation::Replacement(_)));
            if new && sender != own {
                let (room, text) = (ids::room(room.room_id()), event.content.body().to_owned());
                hear(Heard::Message { room_id: room, event_id: ids::event(&event.event_id), sender, text });
            }
            std::future::ready(())
        });
        let (own, hear) = (self.user(), tell.clone());
        self.client.add_event_handler(move |event: OriginalSyncRoomEncryptedEvent, room: Room| {
            let sender = ids::user(&event.sender);
            if sender != own {
                let room = ids::room(room.room_id());
                hear(Heard::Undecryptable { room_id: room, event_id: ids::event(&event.event_id), sender });
            }
            std::future::ready(())
        });
        let (own, hear) = (self.user(), tell.clone());
        self.client.add_event_handler(move |event: StrippedRoomMemberEvent, room: Room| {
            if event.content.membership == MembershipState::Invite && event.state_key == own.as_str() {
                hear(Heard::Invited { room_id: ids::room(room.room_id()) });
            }
            std::future::ready(())
        });
        let (own, hear) = (self.user(), tell);
        self.client.add_event_handler(move |event: SyncRoomMemberEvent, room: Room| {
            let user = ids::user(event.state_key());
            if *event.membership() == MembershipState::Join && user != own {
                hear(Heard::Joined { room_id: ids::room(room.room_id()), user_id: user });
            }
            std::future::ready(())
        });
    }

    /// Sets the name that others see.
    pub async fn call_itself(&self, name: &str) -> PeerResult<()> {
        self.client.account().set_display_name(Some(name)).await.map_err(said)
    }

    /// Makes a room.
    pub async fn create(&self, wanted: &NewRoom<'_>) -> PeerResult<RoomId> {
        let mut initial_state = Vec::new();
        if wanted.encrypted {
            let encryption = RoomEncryptionEventContent::with_recommended_defaults();
            let visibility = RoomHistoryVisibilityEventContent::new(HistoryVisibility::Joined);
            initial_state.push(InitialStateEvent::with_empty_state_key(encryption).to_raw_any());
            initial_state.push(InitialStateEvent::with_empty_state_key(visibility).to_raw_any());
        }
        let (preset, visibility) = match (wanted.public, wanted.direct) {
            (Some(_), _) => (RoomPreset::PublicChat, Visibility::Public),
            (None, true) => (RoomPreset::TrustedPrivateChat, Visibility::Private),
            (None, false) => (RoomPreset::PrivateChat, Visibility::Private),
        };
        let request = assign!(CreateRoom::new(), {
            name: wanted.name.map(ToOwned::to_owned),
            topic: wanted.topic.map(ToOwned::to_owned),
            room_alias_name: wanted.public.map(ToOwned::to_owned),
            invite: wanted.invite.iter().filter_map(ids::sdk_user).collect(),
            is_direct: wanted.direct,
            preset: Some(preset),
            visibility,
            initial_state,
        });
        let room = self.client.create_room(request).await.map_err(said)?;
        Ok(ids::room(room.room_id()))
    }

    /// Joins a room that it is invited to, or that is public. An invite to a direct chat makes it
    /// one.
    pub async fn join(&self, id: &RoomId) -> PeerResult<()> {
        match ids::find_room(&self.client, id) {
            Some(room) if room.state() == RoomState::Joined => Ok(()),
            Some(room) => room.join().await.map_err(said),
            None => {
                let id = ids::sdk_room(id).ok_or_else(no_such)?;
                self.client.join_room_by_id(&id).await.map_err(said)?;
                Ok(())
            }
        }
    }

    /// Invites somebody.
    pub async fn invite(&self, room: &RoomId, user: &UserId) -> PeerResult<()> {
        let user = ids::sdk_user(user).ok_or_else(no_such)?;
        self.room(room)?.invite_user_by_id(&user).await.map_err(said)
    }

    /// Says something, encrypted where the room is; markdown is allowed.
    pub async fn say(&self, room: &RoomId, text: &str) -> PeerResult<EventId> {
        let room = self.room(room)?;
        let sent = room.send(RoomMessageEventContent::text_markdown(text)).await.map_err(said)?;
        room.typing_notice(false).await.map_err(said)?;
        Ok(ids::event(&sent.response.event_id))
    }

    /// Changes what it said.
    pub async fn edit(&self, room: &RoomId, event: &EventId, text: &str) -> PeerResult<()> {
        let content = RoomMessageEventContentWithoutRelation::text_markdown(text)
            .make_replacement(ReplacementMetadata::new(event_id(event)?, None));
        self.room(room)?.send(content).await.map_err(said)?;
        Ok(())
    }

    /// Reacts to an event, be there one of this id or not.
    pub async fn react(&self, room: &RoomId, event: &EventId, with: &str) -> PeerResult<()> {
        let content = ReactionEventContent::new(Annotation::new(event_id(event)?, with.to_owned()));
        self.room(room)?.send(content).await.map_err(said)?;
        Ok(())
    }

    /// Shows the others that it types.
    pub async fn types(&self, room: &RoomId) -> PeerResult<()> {
        self.room(room)?.typing_notice(true).await.map_err(said)
    }

    /// Has read up to here.
    pub async fn read(&self, room: &RoomId, event: &EventId) -> PeerResult<()> {
        let (room, event) = (self.room(room)?, event_id(event)?);
        room.send_single_receipt(ReceiptType::Read, ReceiptThread::Unthreaded, event).await.map_err(said)
    }

    /// Acknowledges an event, through the homeserver and as this device (§2).
    pub async fn acknowledge(&self, room: &RoomId, event: &EventId) -> PeerResult<()> {
        let body = Native::body(true, false);
        let request = post::request(room, event, NATIVE_TYPE_UNSTABLE, body).ok_or_else(no_such)?;
        self.client.send(request).await.map_err(said)?;
        Ok(())
    }

    /// Tells the sender's devices that it has an event and cannot decrypt it: that has no place in
    /// MSC4089, so it goes to them directly (§3).
    pub async fn cannot_decrypt(
        &self,
        room: &RoomId,
        event: &EventId,
        sender: &UserId,
        at: Timestamp,
    ) -> PeerResult<()> {
        let user = ids::sdk_user(sender).ok_or_else(no_such)?;
        let devices = direct::expected_devices(&self.client, &user).await.map_err(said)?;
        let devices: Vec<_> = devices.into_iter().map(|known| known.device_id).collect();
        let claim = Claim { at: Some(at), state: ClaimState::Undecryptable };
        let answer = Answer { room_id: room.clone(), receipts: vec![(event.clone(), claim)], quiet: false };
        let sent = direct::send_answer(&self.client, &user, &devices, &answer).await;
        sent.map_err(|_| SafeText::line("None of the sender's devices could be told."))
    }

    fn room(&self, id: &RoomId) -> PeerResult<Room> {
        ids::find_room(&self.client, id).ok_or_else(no_such)
    }
}

async fn client(host: &Host) -> PeerResult<Client> {
    let builder = Client::builder().homeserver_url(&host.url).http_client(host.http.clone());
    builder.build().await.map_err(|error| SafeText::line(&error.to_string()))
}

fn settings(timeout: Duration) -> SyncSettings {
    SyncSettings::new().timeout(timeout).filter(FilterDefinition::with_lazy_loading().into())
}

async fn keep_syncing(client: &Client) {
    loop {
        match client.sync_once(settings(POLL)).await {
            Ok(_) => {}
            Err(error) if errors::is_unknown_token(&error) => return,
            Err(error) => {
                tracing::debug!(error = %errors::sentence(&error), "a peer's sync failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn watch_devices(client: &Client, tell: impl Fn(Heard)) {
    let Ok(updates) = client.encryption().devices_stream().await else { return };
    let mut updates = std::pin::pin!(updates);
    while let Some(update) = updates.next().await {
        for (user, devices) in update.new {
            for device in devices.into_keys() {
                tell(Heard::Met { user_id: ids::user(&user), device_id: ids::device(&device) });
            }
        }
    }
}

fn event_id(id: &EventId) -> PeerResult<OwnedEventId> {
    ids::sdk_event(id).ok_or_else(no_such)
}

fn no_such() -> SafeText {
    SafeText::line("There is no such room, user or event here.")
}

fn said(error: impl Into<matrix_sdk::Error>) -> SafeText {
    errors::sentence(&error.into())
}

#[cfg(test)]
mod tests;
