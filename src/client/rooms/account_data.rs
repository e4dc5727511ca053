//! What the user's account says about a room: its tags, and what notifies of it.
//!
//! The SDK (0.18) keeps in memory whether a room is a favourite or of low priority, and no more of
//! its tags, so they are read from the store. It keeps the notification mode with the room, but
//! with sliding sync only; so that comes from the push rules, which are in memory as long as
//! somebody has [`NotificationSettings`].

use matrix_sdk::{
    Room,
    notification_settings::{NotificationSettings, RoomNotificationMode},
    ruma::{
        RoomId,
        events::tag::{TagName as SdkTag, Tags},
    },
};

use crate::model::{NotificationMode, RoomTag, Tag, TagName};

/// The room's tags, as far as they are in memory.
pub(super) fn tags_at_a_glance(room: &Room) -> Vec<RoomTag> {
    let known = [(room.is_favourite(), Tag::Favourite), (room.is_low_priority(), Tag::LowPriority)];
    known.into_iter().filter(|(is_there, _)| *is_there).map(|(_, tag)| RoomTag { tag, order: None }).collect()
}

/// The room's tags, as they are on disk.
pub(super) async fn tags(room: &Room) -> Vec<RoomTag> {
    let found = room.tags().await.unwrap_or_else(|error| {
        tracing::info!(%error, "the tags of a room cannot be read");
        None
    });
    found.map(|found| translated(&found)).unwrap_or_default()
}

fn translated(tags: &Tags) -> Vec<RoomTag> {
    let tag = |name: &SdkTag| match name {
        SdkTag::Favorite => Tag::Favourite,
        SdkTag::LowPriority => Tag::LowPriority,
        SdkTag::ServerNotice => Tag::ServerNotice,
        other => Tag::Other(TagName::new(other)),
    };
    tags.iter().map(|(name, info)| RoomTag { tag: tag(name), order: info.order }).collect()
}

/// What the user has set for this room.
pub(super) async fn notifications(settings: &NotificationSettings, room: &RoomId) -> NotificationMode {
    match settings.get_user_defined_room_notification_mode(room).await {
        None => NotificationMode::Default,
        Some(RoomNotificationMode::AllMessages) => NotificationMode::All,
        Some(RoomNotificationMode::MentionsAndKeywordsOnly) => NotificationMode::Mentions,
        Some(RoomNotificationMode::Mute) => NotificationMode::Mute,
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::events::tag::TagEventContent;
    use serde_json::json;

    use super::*;

    #[test]
    fn tags_keep_their_names_and_order() {
        let content = json!({ "tags": {
            "m.favourite": { "order": 0.25, "org.example.more": [] },
            "m.lowpriority": {},
            "m.server_notice": { "order": -7 },
            "u.work": { "order": 1e300 },
            "u.\u{1B}[2J": {},
            "": {},
        } });
        let content: TagEventContent = serde_json::from_value(content).unwrap();
        let other = |name: &str, order| RoomTag { tag: Tag::Other(TagName::new(name)), order };
        let expected = [
            RoomTag { tag: Tag::Favourite, order: Some(0.25) },
            RoomTag { tag: Tag::LowPriority, order: None },
            RoomTag { tag: Tag::ServerNotice, order: Some(-7.0) },
            other("u.\u{1B}[2J", None),
            other("u.work", Some(1e300)),
            other("", None),
        ];
        assert_eq!(translated(&content.tags), expected);
        assert!(!TagName::new("u.\u{1B}[2J").to_string().contains('\u{1B}'));
    }
}
