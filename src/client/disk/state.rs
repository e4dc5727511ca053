//! Rooms, members, receipts, drafts and what waits to be sent.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use matrix_sdk::{
    SqliteStateStore,
    ruma::{
        EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedTransactionId, OwnedUserId, RoomId,
        TransactionId, UserId,
        events::{
            AnyGlobalAccountDataEvent, AnyRoomAccountDataEvent, GlobalAccountDataEventType, RoomAccountDataEventType,
            StateEventType,
            presence::PresenceEvent,
            receipt::{Receipt, ReceiptThread, ReceiptType},
        },
        serde::Raw,
    },
};
use matrix_sdk_base::{
    MinimalRoomMemberEvent, RoomInfo, RoomMemberships, StateChanges, StateStore, StateStoreDataKey,
    StateStoreDataValue,
    deserialized_responses::{DisplayName, RawAnySyncOrStrippedState},
    store::{
        ChildTransactionId, DependentQueuedRequest, DependentQueuedRequestKind, QueueWedgeError, QueuedRequest,
        QueuedRequestKind, RoomLoadSettings, SentRequestKey, StoredThreadSubscription,
    },
};

use super::steady::hand_on;

hand_on!(StateStore for SqliteStateStore {
    get_kv_data(key: StateStoreDataKey<'_>) -> Option<StateStoreDataValue>;
    save_changes(changes: &StateChanges) -> ();
    get_presence_event(user_id: &UserId) -> Option<Raw<PresenceEvent>>;
    get_presence_events(user_ids: &[OwnedUserId]) -> Vec<Raw<PresenceEvent>>;
    get_state_event(room_id: &RoomId, event_type: StateEventType, state_key: &str) -> Option<RawAnySyncOrStrippedState>;
    get_state_events(room_id: &RoomId, event_type: StateEventType) -> Vec<RawAnySyncOrStrippedState>;
    get_state_events_for_keys(
        room_id: &RoomId, event_type: StateEventType, state_keys: &[&str]
    ) -> Vec<RawAnySyncOrStrippedState>;
    get_profile(room_id: &RoomId, user_id: &UserId) -> Option<MinimalRoomMemberEvent>;
    get_user_ids(room_id: &RoomId, memberships: RoomMemberships) -> Vec<OwnedUserId>;
    get_room_infos(room_load_settings: &RoomLoadSettings) -> Vec<RoomInfo>;
    get_users_with_display_name(room_id: &RoomId, display_name: &DisplayName) -> BTreeSet<OwnedUserId>;
    get_account_data_event(event_type: GlobalAccountDataEventType) -> Option<Raw<AnyGlobalAccountDataEvent>>;
    get_room_account_data_event(
        room_id: &RoomId, event_type: RoomAccountDataEventType
    ) -> Option<Raw<AnyRoomAccountDataEvent>>;
    get_user_room_receipt_event(
        room_id: &RoomId, receipt_type: ReceiptType, thread: ReceiptThread, user_id: &UserId
    ) -> Option<(OwnedEventId, Receipt)>;
    get_event_room_receipt_events(
        room_id: &RoomId, receipt_type: ReceiptType, thread: ReceiptThread, event_id: &EventId
    ) -> Vec<(OwnedUserId, Receipt)>;
    get_custom_value(key: &[u8]) -> Option<Vec<u8>>;
    set_custom_value(key: &[u8], value: Vec<u8>) -> Option<Vec<u8>>;
    set_custom_value_no_read(key: &[u8], value: Vec<u8>) -> ();
    remove_custom_value(key: &[u8]) -> Option<Vec<u8>>;
    remove_room(room_id: &RoomId) -> ();
    update_send_queue_request(room_id: &RoomId, transaction_id: &TransactionId, content: QueuedRequestKind) -> bool;
    remove_send_queue_request(room_id: &RoomId, transaction_id: &TransactionId) -> bool;
    load_send_queue_requests(room_id: &RoomId) -> Vec<QueuedRequest>;
    update_send_queue_request_status(
        room_id: &RoomId, transaction_id: &TransactionId, error: Option<QueueWedgeError>
    ) -> ();
    load_rooms_with_unsent_requests() -> Vec<OwnedRoomId>;
    save_dependent_queued_request(
        room_id: &RoomId, parent_txn_id: &TransactionId, own_txn_id: ChildTransactionId,
        created_at: MilliSecondsSinceUnixEpoch, content: DependentQueuedRequestKind
    ) -> ();
    mark_dependent_queued_requests_as_ready(
        room_id: &RoomId, parent_txn_id: &TransactionId, sent_parent_key: SentRequestKey
    ) -> usize;
    update_dependent_queued_request(
        room_id: &RoomId, own_transaction_id: &ChildTransactionId, new_content: DependentQueuedRequestKind
    ) -> bool;
    remove_dependent_queued_request(room: &RoomId, own_txn_id: &ChildTransactionId) -> bool;
    load_dependent_queued_requests(room: &RoomId) -> Vec<DependentQueuedRequest>;
    upsert_thread_subscriptions(updates: Vec<(&RoomId, &EventId, StoredThreadSubscription)>) -> ();
    remove_thread_subscription(room: &RoomId, thread_id: &EventId) -> ();
    load_thread_subscription(room: &RoomId, thread_id: &EventId) -> Option<StoredThreadSubscription>;
    close() -> ();
    reopen() -> ();
    optimize() -> ();
    get_size() -> Option<usize>;
} and by hand {
    /// What the user has sent is not left waiting for the disk, but goes back to the composer. One
    /// attempt waits for five seconds.
    async fn save_send_queue_request(
        &self,
        room_id: &RoomId,
        transaction_id: OwnedTransactionId,
        created_at: MilliSecondsSinceUnixEpoch,
        request: QueuedRequestKind,
        priority: usize,
    ) -> Result<(), Self::Error> {
        self.inner.save_send_queue_request(room_id, transaction_id, created_at, request, priority).await
    }

    async fn set_kv_data(&self, key: StateStoreDataKey<'_>, value: StateStoreDataValue) -> Result<(), Self::Error> {
        match key {
            // What is being written stays in the composer.
            StateStoreDataKey::ComposerDraft(..) => self.inner.set_kv_data(key, value).await,
            _ => self.until_kept(|| self.inner.set_kv_data(key, value.clone())).await,
        }
    }

    async fn remove_kv_data(&self, key: StateStoreDataKey<'_>) -> Result<(), Self::Error> {
        match key {
            StateStoreDataKey::ComposerDraft(..) => self.inner.remove_kv_data(key).await,
            _ => self.until_kept(|| self.inner.remove_kv_data(key)).await,
        }
    }

    async fn get_profiles<'a>(
        &self,
        room_id: &RoomId,
        user_ids: &'a [OwnedUserId],
    ) -> Result<BTreeMap<&'a UserId, MinimalRoomMemberEvent>, Self::Error> {
        self.until_kept(|| self.inner.get_profiles(room_id, user_ids)).await
    }

    async fn get_users_with_display_names<'a>(
        &self,
        room_id: &RoomId,
        display_names: &'a [DisplayName],
    ) -> Result<HashMap<&'a DisplayName, BTreeSet<OwnedUserId>>, Self::Error> {
        self.until_kept(|| self.inner.get_users_with_display_names(room_id, display_names)).await
    }
});
