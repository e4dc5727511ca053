//! What must be known of a room before anything is sent into it.
//!
//! **Once encrypted, always encrypted.** `m.room.encryption` is state that a moderator can
//! overwrite, with nothing or with an algorithm that nobody knows. The SDK (0.18) passes over
//! contents without an algorithm: a room that it has known as encrypted stays so, also on disk, but
//! one that it gets to know with such a content looks as if it had never been encrypted, and what
//! is sent goes out in the clear. Any algorithm with a name it takes for Megolm. So whatever the
//! SDK knows of a room's encryption is looked at: where there is such an event, and not an
//! algorithm that is understood, its room info gets 'encrypted, nobody knows how'. With that the
//! SDK refuses to send, and only a good `m.room.encryption` ends it. It is done when a sync brings
//! such an event, and again before anything is sent: a kill can come in between.
//!
//! **Who gets the key.** What a sync has not told yet, the homeserver is asked: whether the room is
//! encrypted, who is in it, and which devices they have. The SDK asks for the keys of people whose
//! devices have changed, when the sync has said so; here those are found by comparing.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use matrix_sdk::{
    Client, Room, RoomMemberships, RoomState,
    config::RequestConfig,
    deserialized_responses::RawAnySyncOrStrippedState,
    ruma::{
        EventEncryptionAlgorithm, OwnedDeviceId, OwnedUserId, UserId as SdkUserId,
        api::{
            client::{keys::get_keys, state::get_state_event_for_key},
            error::ErrorKind,
        },
        events::{
            StateEventType, SyncStateEvent,
            room::encryption::{PossiblyRedactedRoomEncryptionEventContent as Content, RoomEncryptionEventContent},
        },
        serde::Raw,
    },
};
use matrix_sdk_base::RoomInfoNotableUpdateReasons;

use crate::client::receipts::fetch_members;

/// People whose devices are asked for in one request; as the SDK has it.
const AT_ONCE: usize = 250;
/// So many people of whom no device is known are asked for one by one.
const FIRST: usize = 50;
/// Requests under way at once.
const REQUESTS: usize = 16;

/// Looks at every `m.room.encryption` that a sync brings, whatever is in it, before the sync goes
/// on.
pub(super) fn watch(client: &Client) {
    client.add_event_handler(|_: Raw<SyncStateEvent<RoomEncryptionEventContent>>, room: Room| async move {
        if let Err(error) = settle(&room).await {
            tracing::warn!(%error, room = %room.room_id(), "a room's encryption could not be looked at");
        }
    });
}

/// Makes sure that the SDK refuses to send where the room's encryption is not understood, by what
/// this machine knows.
pub(super) async fn settle(room: &Room) -> matrix_sdk::Result<()> {
    let known = room.encryption_settings();
    if known.as_ref().is_some_and(is_understood) {
        return Ok(());
    }
    // The SDK passes over a good event where the one before it was none.
    let newest = match room.get_state_event(StateEventType::RoomEncryption, "").await? {
        Some(RawAnySyncOrStrippedState::Sync(event)) => Some(content(&event)),
        Some(RawAnySyncOrStrippedState::Stripped(event)) => Some(content(&event)),
        None => None,
    };
    match newest.or(known.as_ref().map(|_| None)) {
        Some(Some(content)) => keep(room, content).await,
        Some(None) if known.is_none_or(|known| known.algorithm.is_some()) => keep(room, not_understood()?).await,
        _ => Ok(()),
    }
}

/// What an event says, if it is understood.
fn content<T>(event: &Raw<T>) -> Option<Content> {
    event.get_field("content").ok().flatten().filter(is_understood)
}

/// Makes sure that what is known of a room is what holds now: asked of the homeserver, where no
/// sync has told it.
pub(super) async fn make_sure(room: &Room, told_by_sync: bool) -> matrix_sdk::Result<()> {
    // Into others nothing can be sent, and the SDK says so.
    if room.state() != RoomState::Joined {
        return Ok(());
    }
    if room.encryption_settings().is_none() && (!told_by_sync || room.encryption_state().is_unknown()) {
        learn(room).await?;
    }
    settle(room).await?;
    if !told_by_sync && room.encryption_settings().is_some_and(|content| is_understood(&content)) {
        room.mark_members_missing();
        fetch_members(room).await?;
        look_for_devices(room).await?;
    }
    Ok(())
}

fn is_understood(content: &Content) -> bool {
    content.algorithm == Some(EventEncryptionAlgorithm::MegolmV1AesSha2)
}

/// Encrypted, and nobody knows how.
fn not_understood() -> matrix_sdk::Result<Content> {
    Ok(serde_json::from_value(serde_json::json!({}))?)
}

/// Asks whether a room is encrypted that is not known as such.
async fn learn(room: &Room) -> matrix_sdk::Result<()> {
    let request = get_state_event_for_key::v3::Request::new(
        room.room_id().to_owned(),
        StateEventType::RoomEncryption,
        String::new(),
    );
    match room.client().send(request).with_request_config(RequestConfig::short_retry()).await {
        Ok(response) => {
            let content = response.into_content().deserialize_as_unchecked::<Content>().ok();
            keep(room, content.filter(is_understood).map_or_else(not_understood, Ok)?).await
        }
        Err(error) if error.client_api_error_kind() == Some(&ErrorKind::NotFound) => {
            if !room.encryption_state().is_unknown() {
                return Ok(());
            }
            let not_encrypted = room.update_and_save_room_info(|mut info| {
                info.mark_encryption_state_synced();
                (info, RoomInfoNotableUpdateReasons::empty())
            });
            Ok(not_encrypted.await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn keep(room: &Room, content: Content) -> matrix_sdk::Result<()> {
    if !is_understood(&content) {
        tracing::warn!(room = %room.room_id(), "a room's encryption is not understood; nothing is sent there");
    }
    let kept = room.update_and_save_room_info(|mut info| {
        info.mark_encryption_state_synced();
        info.set_encryption_event(Some(content));
        (info, RoomInfoNotableUpdateReasons::empty())
    });
    Ok(kept.await?)
}

/// Fetches the keys of everybody in the room who has other devices than are known here.
async fn look_for_devices(room: &Room) -> matrix_sdk::Result<()> {
    let client = room.client();
    let members = client.state_store().get_user_ids(room.room_id(), RoomMemberships::ACTIVE).await?;
    let (mut changed, mut first) = (Vec::new(), Vec::new());
    for members in members.chunks(AT_ONCE) {
        let mut query = get_keys::v3::Request::new();
        query.device_keys = members.iter().map(|user| (user.clone(), Vec::new())).collect();
        let answer = client.send(query).with_request_config(RequestConfig::short_retry()).await?;
        for user in members {
            let devices: BTreeSet<_> =
                answer.device_keys.get(user).into_iter().flat_map(BTreeMap::keys).cloned().collect();
            let known = known_devices(&client, user).await?;
            if devices != known && !answer.failures.contains_key(user.server_name().as_str()) {
                if known.is_empty() { &mut first } else { &mut changed }.push(user.clone());
            }
        }
    }
    // So many have no device here since they are new here, and the SDK asks for them itself.
    changed.extend(first.into_iter().take(FIRST));
    tracing::debug!(room = %room.room_id(), users = changed.len(), "devices have changed");
    let encryption = client.encryption();
    let fetch = |user: OwnedUserId| {
        let encryption = &encryption;
        async move { encryption.request_user_identity(&user).await.map(drop) }
    };
    stream::iter(changed).map(fetch).buffer_unordered(REQUESTS).try_collect::<()>().await
}

async fn known_devices(client: &Client, user: &SdkUserId) -> matrix_sdk::Result<BTreeSet<OwnedDeviceId>> {
    let devices = client.encryption().get_user_devices(user).await?;
    Ok(devices.devices().map(|device| device.device_id().to_owned()).collect())
}
