//! Keys.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, atomic::Ordering},
};

use matrix_sdk::{
    SqliteCryptoStore,
    ruma::{DeviceId, OwnedDeviceId, OwnedUserId, RoomId, TransactionId, UserId, events::secret::request::SecretName},
};
use matrix_sdk_base::deserialized_responses::WithheldCode;
use matrix_sdk_base::{
    cross_process_lock::CrossProcessLockGeneration,
    crypto::{
        DeviceData, GossipRequest, SecretInfo, TrackedUser, UserIdentityData,
        olm::{
            Account, Curve25519PublicKey, InboundGroupSession, OlmMessageHash, OutboundGroupSession,
            PrivateCrossSigningIdentity, SenderDataType, Session, ShareInfo,
        },
        store::{
            CryptoStore,
            types::{
                BackupKeys, Changes, DehydratedDeviceKey, PendingChanges, RoomKeyCounts, RoomKeyWithheldEntry,
                RoomPendingKeyBundleDetails, RoomSettings, StoredRoomKeyBundleData,
            },
        },
    },
};
use zeroize::Zeroizing;

use super::{Steady, steady::hand_on};

/// To which devices this one gave a room key, and to which it did not, with a sentence that says
/// why.
pub(in crate::client) type Given = BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, Option<&'static str>>>;

/// The keys on disk.
#[derive(Clone, Debug)]
pub(in crate::client) struct Keys(pub(super) Arc<Steady<SqliteCryptoStore>>);

impl Keys {
    /// Whom a room key was given to, if it is the one with which this device encrypts now.
    pub(in crate::client) async fn given(&self, room: &RoomId, session_id: &str) -> Option<Given> {
        let session = self.0.get_outbound_group_session(room).await;
        let session = session.inspect_err(|error| tracing::warn!(%error, "whom a key was given to cannot be read"));
        let session = session.ok().flatten().filter(|session| session.session_id() == session_id)?;
        let why = |share: ShareInfo| match share {
            ShareInfo::Shared(_) => None,
            ShareInfo::Withheld(code) => Some(withheld(&code)),
        };
        let devices =
            |devices: BTreeMap<_, _>| devices.into_iter().map(|(device, share)| (device, why(share))).collect();
        let shared = session.pickle().await.shared_with_set;
        Some(shared.into_iter().map(|(user, shared)| (user, devices(shared))).collect())
    }
}

fn withheld(code: &WithheldCode) -> &'static str {
    match code {
        WithheldCode::Blacklisted => "you had blocked this device",
        WithheldCode::Unverified => "it was not verified",
        WithheldCode::NoOlm => "it had no one-time key left to begin with",
        _ => "it was not given the key",
    }
}

hand_on!(CryptoStore for SqliteCryptoStore {
    load_account() -> Option<Account>;
    load_identity() -> Option<PrivateCrossSigningIdentity>;
    save_inbound_group_sessions(sessions: Vec<InboundGroupSession>, backed_up_to_version: Option<&str>) -> ();
    get_sessions(sender_key: &str) -> Option<Vec<Session>>;
    get_inbound_group_session(room_id: &RoomId, session_id: &str) -> Option<InboundGroupSession>;
    get_withheld_info(room_id: &RoomId, session_id: &str) -> Option<RoomKeyWithheldEntry>;
    get_withheld_sessions_by_room_id(room_id: &RoomId) -> Vec<RoomKeyWithheldEntry>;
    get_inbound_group_sessions() -> Vec<InboundGroupSession>;
    inbound_group_session_counts(backup_version: Option<&str>) -> RoomKeyCounts;
    get_inbound_group_sessions_by_room_id(room_id: &RoomId) -> Vec<InboundGroupSession>;
    get_inbound_group_sessions_for_device_batch(
        curve_key: Curve25519PublicKey, sender_data_type: SenderDataType, after_session_id: Option<String>, limit: usize
    ) -> Vec<InboundGroupSession>;
    inbound_group_sessions_for_backup(backup_version: &str, limit: usize) -> Vec<InboundGroupSession>;
    mark_inbound_group_sessions_as_backed_up(backup_version: &str, room_and_session_ids: &[(&RoomId, &str)]) -> ();
    reset_backup_state() -> ();
    load_backup_keys() -> BackupKeys;
    load_dehydrated_device_pickle_key() -> Option<DehydratedDeviceKey>;
    delete_dehydrated_device_pickle_key() -> ();
    get_outbound_group_session(room_id: &RoomId) -> Option<OutboundGroupSession>;
    load_tracked_users() -> Vec<TrackedUser>;
    save_tracked_users(users: &[(&UserId, bool)]) -> ();
    get_device(user_id: &UserId, device_id: &DeviceId) -> Option<DeviceData>;
    get_user_devices(user_id: &UserId) -> HashMap<OwnedDeviceId, DeviceData>;
    get_own_device() -> DeviceData;
    get_user_identity(user_id: &UserId) -> Option<UserIdentityData>;
    is_message_known(message_hash: &OlmMessageHash) -> bool;
    get_outgoing_secret_requests(request_id: &TransactionId) -> Option<GossipRequest>;
    get_secret_request_by_info(secret_info: &SecretInfo) -> Option<GossipRequest>;
    get_unsent_secret_requests() -> Vec<GossipRequest>;
    delete_outgoing_secret_requests(request_id: &TransactionId) -> ();
    get_secrets_from_inbox(secret_name: &SecretName) -> Vec<Zeroizing<String>>;
    delete_secrets_from_inbox(secret_name: &SecretName) -> ();
    get_room_settings(room_id: &RoomId) -> Option<RoomSettings>;
    get_received_room_key_bundle_data(room_id: &RoomId, user_id: &UserId) -> Option<StoredRoomKeyBundleData>;
    get_pending_key_bundle_details_for_room(room_id: &RoomId) -> Option<RoomPendingKeyBundleDetails>;
    get_all_rooms_pending_key_bundles() -> Vec<RoomPendingKeyBundleDetails>;
    has_downloaded_all_room_keys(room_id: &RoomId) -> bool;
    get_custom_value(key: &str) -> Option<Vec<u8>>;
    set_custom_value(key: &str, value: Vec<u8>) -> ();
    remove_custom_value(key: &str) -> ();
    try_take_leased_lock(lease_duration_ms: u32, key: &str, holder: &str) -> Option<CrossProcessLockGeneration>;
    next_batch_token() -> Option<String>;
    close() -> ();
    reopen() -> ();
    get_size() -> Option<usize>;
} and by hand {
    async fn save_changes(&self, changes: Changes) -> Result<(), Self::Error> {
        let mut changes = changes;
        if self.disk.by_plain_sync.load(Ordering::Relaxed) {
            changes.next_batch_token = None;
        }
        self.until_kept(|| self.inner.save_changes(copy(&changes))).await
    }

    async fn save_pending_changes(&self, changes: PendingChanges) -> Result<(), Self::Error> {
        self.until_kept(|| async {
            let account = changes.account.as_ref().map(|account| Account::from_pickle(account.pickle()));
            self.inner.save_pending_changes(PendingChanges { account: account.transpose()? }).await
        })
        .await
    }
});

/// The SDK hands them over once.
fn copy(changes: &Changes) -> Changes {
    let Changes {
        private_identity,
        backup_version,
        backup_decryption_key,
        dehydrated_device_pickle_key,
        sessions,
        message_hashes,
        inbound_group_sessions,
        outbound_group_sessions,
        key_requests,
        identities,
        devices,
        withheld_session_info,
        room_settings,
        secrets,
        next_batch_token,
        received_room_key_bundles,
        room_key_backups_fully_downloaded,
        rooms_pending_key_bundle,
    } = changes;
    Changes {
        private_identity: private_identity.clone(),
        backup_version: backup_version.clone(),
        backup_decryption_key: backup_decryption_key.clone(),
        dehydrated_device_pickle_key: dehydrated_device_pickle_key.clone(),
        sessions: sessions.clone(),
        message_hashes: message_hashes.clone(),
        inbound_group_sessions: inbound_group_sessions.clone(),
        outbound_group_sessions: outbound_group_sessions.clone(),
        key_requests: key_requests.clone(),
        identities: identities.clone(),
        devices: devices.clone(),
        withheld_session_info: withheld_session_info.clone(),
        room_settings: room_settings.clone(),
        secrets: secrets.clone(),
        next_batch_token: next_batch_token.clone(),
        received_room_key_bundles: received_room_key_bundles.clone(),
        room_key_backups_fully_downloaded: room_key_backups_fully_downloaded.clone(),
        rooms_pending_key_bundle: rooms_pending_key_bundle.clone(),
    }
}
