//! How far others have read, by what they say themselves.
//!
//! **Problem.** Only `m.read` says that somebody has read something. The SDK's timeline (0.18)
//! makes a receipt of its own for whoever sends an event, also by joining, leaving or inviting;
//! that one takes the place of what they have said, and a real one that comes later and stands
//! above it is dropped.
//!
//! **Why this way.** What each of them has said last is in the SDK's store before the timeline
//! hears of it, and says of itself at which event it stands. So it is looked up there for whoever
//! the timeline has a receipt of, and heard as it comes, since the timeline may keep silent about
//! it.
//!
//! **How.** A receipt of the timeline's counts where its time is that of the one in the store: then
//! it stands at this item, or at an event below it that has no item. The others count at the item
//! of the event that they name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use matrix_sdk::{
    Room,
    ruma::{
        EventId as SdkEventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedUserId, UserId as SdkUserId,
        events::{
            AnySyncEphemeralRoomEvent,
            receipt::{ReceiptThread, ReceiptType},
        },
        serde::Raw,
    },
};
use matrix_sdk_ui::timeline::{EventTimelineItem, TimelineItem};
use serde_json::Value;

use crate::{
    client::timestamp::timestamp,
    model::{ReadBy, UserId},
};

type Time = Option<MilliSecondsSinceUnixEpoch>;

/// See the module.
pub(super) struct Readers {
    room: Room,
    /// The last receipt of each of the others, as far as it was looked up or heard.
    said: HashMap<OwnedUserId, (OwnedEventId, Time)>,
    /// The same, by event.
    at: HashMap<OwnedEventId, BTreeSet<OwnedUserId>>,
    /// For which of the timeline's receipts it was looked up last.
    looked_up: HashMap<OwnedUserId, Time>,
}

impl Readers {
    /// Nobody so far.
    pub fn new(room: &Room) -> Self {
        Self { room: room.clone(), said: HashMap::new(), at: HashMap::new(), looked_up: HashMap::new() }
    }

    /// Whose receipt stands at this item.
    pub fn at(&self, item: &EventTimelineItem) -> Vec<ReadBy> {
        let here = item.event_id().and_then(|event| self.at.get(event)).into_iter().flatten();
        let below = item
            .read_receipts()
            .iter()
            .filter(|(user, receipt)| self.said.get(*user).is_some_and(|(_, time)| *time == receipt.ts));
        let users: BTreeSet<_> = here.chain(below.map(|(user, _)| user)).collect();
        let read_by = |user: &OwnedUserId| {
            let (_, time) = self.said.get(user)?;
            Some(ReadBy { user_id: UserId::new(user), at: time.map(timestamp) })
        };
        users.into_iter().filter_map(read_by).collect()
    }

    /// Looks up what those have said whose receipts the timeline has at this item. Returns at which
    /// events one stands now.
    pub async fn look_up(&mut self, item: &TimelineItem) -> BTreeSet<OwnedEventId> {
        let mut changed = BTreeSet::new();
        for (user, receipt) in item.as_event().into_iter().flat_map(EventTimelineItem::read_receipts) {
            let is_known = self.said.get(user).is_some_and(|(_, time)| *time == receipt.ts)
                || self.looked_up.get(user) == Some(&receipt.ts);
            if is_known || user == self.room.own_user_id() {
                continue;
            }
            self.looked_up.insert(user.clone(), receipt.ts);
            if let Some((event, time)) = self.last_of(user, receipt.ts).await {
                changed.extend(self.has_said(user, event, time));
            }
        }
        changed
    }

    /// The receipt of theirs that is for the whole room; where there are two kinds of it, the later
    /// one. The timeline's is the last one, if it is theirs.
    async fn last_of(&self, user: &SdkUserId, in_timeline: Time) -> Option<(OwnedEventId, Time)> {
        let mut last: Option<(OwnedEventId, Time)> = None;
        for thread in [ReceiptThread::Unthreaded, ReceiptThread::Main] {
            let found = self.room.load_user_receipt(ReceiptType::Read, thread, user).await;
            let found = found.inspect_err(|error| tracing::warn!(%error, "a read receipt cannot be looked up"));
            if let Some((event, receipt)) = found.ok().flatten()
                && last.as_ref().is_none_or(|(_, time)| *time < receipt.ts)
            {
                last = Some((event, receipt.ts));
            }
            if last.as_ref().is_some_and(|(_, time)| *time == in_timeline) {
                break;
            }
        }
        last
    }

    /// Takes in an ephemeral event as it comes. Returns at which events a receipt stands now.
    pub fn hear(&mut self, event: &Raw<AnySyncEphemeralRoomEvent>) -> BTreeSet<OwnedEventId> {
        let mut changed = BTreeSet::new();
        for (event, user, time) in read(event) {
            if user != self.room.own_user_id() {
                changed.extend(self.has_said(&user, event, time));
            }
        }
        changed
    }

    fn has_said(&mut self, user: &SdkUserId, event: OwnedEventId, time: Time) -> Option<OwnedEventId> {
        let said = (event.clone(), time);
        let former = self.said.insert(user.to_owned(), said.clone());
        if former.as_ref() == Some(&said) {
            return None;
        }
        if let Some((former, _)) = former
            && let Some(readers) = self.at.get_mut(&former)
        {
            readers.remove(user);
            if readers.is_empty() {
                self.at.remove(&former);
            }
        }
        self.at.entry(event.clone()).or_default().insert(user.to_owned());
        Some(event)
    }
}

/// The read receipts for the whole room in an ephemeral event. A malformed one costs itself only
/// (L6).
fn read(event: &Raw<AnySyncEphemeralRoomEvent>) -> Vec<(OwnedEventId, OwnedUserId, Time)> {
    let Ok(Some("m.receipt")) = event.get_field::<&str>("type") else { return Vec::new() };
    let content: BTreeMap<String, Value> = event.get_field("content").ok().flatten().unwrap_or_default();
    let mut found = Vec::new();
    for (event, kinds) in &content {
        let Ok(event) = SdkEventId::parse(event) else { continue };
        for (user, receipt) in kinds.get("m.read").and_then(Value::as_object).into_iter().flatten() {
            let is_for_all =
                matches!(receipt.get("thread_id"), None | Some(Value::Null)) || receipt["thread_id"] == "main";
            if let Ok(user) = SdkUserId::parse(user)
                && receipt.is_object()
                && is_for_all
            {
                let time = receipt["ts"].as_u64().and_then(|time| time.try_into().ok());
                found.push((event.clone(), user, time.map(MilliSecondsSinceUnixEpoch)));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn l6_read_is_m_read_for_the_whole_room_and_nothing_else() {
        let read = |content: Value| {
            let event = Raw::new(&json!({ "type": "m.receipt", "content": content })).unwrap().cast_unchecked();
            let found = super::read(&event).into_iter();
            found
                .map(|(event, user, time)| format!("{event} {user} {:?}", time.map(|time| u64::from(time.get()))))
                .collect::<Vec<_>>()
        };
        let all = json!({
            "$a": {
                "m.read": {
                    "@ada:x": { "ts": 5 }, "@bob:x": { "ts": 6, "thread_id": "main" }, "@cleo:x": { "ts": 7, "thread_id": "$t" },
                    "@dan:x": {}, "nobody": { "ts": 8 }, "@eve:x": 9, "@fay:x": { "ts": "then" },
                },
                "m.read.private": { "@gus:x": { "ts": 10 } },
                "m.delivery": { "@hal:x": { "ts": 11 } },
            },
            "$b": [], "nothing": { "m.read": { "@ada:x": { "ts": 5 } } },
        });
        let expected = ["$a @ada:x Some(5)", "$a @bob:x Some(6)", "$a @dan:x None", "$a @fay:x None"];
        assert_eq!(read(all), expected);
        assert_eq!(read(json!([])), [""; 0]);
    }
}
