//! Identifiers, from the SDK's types to ours and back.

use matrix_sdk::{
    Client, Room,
    ruma::{
        DeviceId as SdkDeviceId, EventId as SdkEventId, OwnedDeviceId, OwnedEventId, OwnedRoomId, OwnedUserId,
        RoomId as SdkRoomId, UserId as SdkUserId,
    },
};

use crate::model::{DeviceId, EventId, RoomId, UserId};

pub(super) fn room(id: &SdkRoomId) -> RoomId {
    RoomId::new(id)
}

pub(super) fn event(id: &SdkEventId) -> EventId {
    EventId::new(id)
}

pub(super) fn user(id: &SdkUserId) -> UserId {
    UserId::new(id)
}

pub(super) fn device(id: &SdkDeviceId) -> DeviceId {
    DeviceId::new(id)
}

/// `None` when it is not of the form of a room id.
pub(super) fn sdk_room(id: &RoomId) -> Option<OwnedRoomId> {
    OwnedRoomId::try_from(id.as_str()).ok()
}

/// The room of this id, if this user has anything to do with it.
pub(super) fn find_room(client: &Client, id: &RoomId) -> Option<Room> {
    client.get_room(&sdk_room(id)?)
}

/// `None` when it is not of the form of an event id.
pub(super) fn sdk_event(id: &EventId) -> Option<OwnedEventId> {
    OwnedEventId::try_from(id.as_str()).ok()
}

/// `None` when it is not of the form of a user id.
pub(super) fn sdk_user(id: &UserId) -> Option<OwnedUserId> {
    OwnedUserId::try_from(id.as_str()).ok()
}

/// Any string is a device id.
pub(super) fn sdk_device(id: &DeviceId) -> OwnedDeviceId {
    OwnedDeviceId::from(id.as_str())
}
