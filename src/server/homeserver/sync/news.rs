//! What is new to somebody since a position: what both kinds of sync tell, each in its own form.

use ruma::{
    UInt, UserId,
    api::client::sync::sync_events::{DeviceLists, UnreadNotificationsCount},
    events::room::member::MembershipState,
    serde::Raw,
};
use serde_json::{Value, json};

use super::super::{
    error::Answer,
    http::raw,
    keys::changes,
    world::{
        Caller, World,
        room::{Event, Room},
    },
};

/// What shows as a message, and so is counted while it is unread, and moves its room up.
const MESSAGES: [&str; 5] =
    ["m.room.message", "m.room.encrypted", "m.sticker", "m.poll.start", "org.matrix.msc3381.poll.start"];

/// The end of what somebody may read in a room.
pub struct Timeline<'a> {
    /// Oldest first.
    pub events: Vec<&'a Event>,
    /// Where it begins: the place of its first event, or the room's end when it has none.
    pub start: usize,
    /// Whether there is more that is new, before it.
    pub limited: bool,
}

impl<'a> Timeline<'a> {
    /// At most the last `limit` events that came after a position.
    pub fn after(room: &'a Room, user: &UserId, position: u64, limit: usize) -> Self {
        let first = room.events.partition_point(|event| event.position <= position);
        let mut visible = (first..room.events.len()).rev().filter(|place| room.visible(user, *place));
        let mut places: Vec<_> = visible.by_ref().take(limit).collect();
        let limited = visible.next().is_some();
        places.reverse();
        Self {
            start: places.first().copied().unwrap_or(room.events.len()),
            events: places.into_iter().map(|place| &room.events[place]).collect(),
            limited,
        }
    }

    /// The position just before it.
    pub fn before(&self) -> u64 {
        self.events.first().map_or(u64::MAX, |first| first.position - 1)
    }

    /// Whose memberships are needed to show it: of those who have sent something, and of those who
    /// came, went or were made to.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        self.events.iter().flat_map(|event| {
            let member = event.state_key.as_deref().filter(|_| event.kind == "m.room.member");
            member.into_iter().chain([event.sender.as_str()])
        })
    }
}

/// Events as this caller is shown them.
pub fn shown<'a, T>(room: &Room, caller: &Caller, events: impl IntoIterator<Item = &'a Event>) -> Answer<Vec<Raw<T>>> {
    events.into_iter().map(|event| raw(&event.to_json(room, caller, false))).collect()
}

/// When the user came into the room to stay until now: a change of profile does not count.
pub fn joined_at(room: &Room, user: &UserId) -> Option<u64> {
    let stay = room.member_events(user).rev().take_while(|event| event.membership() == MembershipState::Join);
    stay.last().map(|event| event.position)
}

/// Whether anybody has come, gone or changed their profile.
pub fn members_changed(room: &Room, since: u64) -> bool {
    room.events.iter().rev().take_while(|event| event.position > since).any(|event| event.kind == "m.room.member")
}

/// The one `m.receipt` of a room: read receipts since a position, and with them the delivery
/// receipts of this response.
///
/// There is one because matrix-sdk keeps only the last one that a response has for a room; so it
/// comes after the summaries.
pub fn receipts(room: &Room, user: &UserId, since: u64, deliveries: Option<&Value>) -> Option<Value> {
    let mut content = deliveries.cloned().unwrap_or_else(|| json!({}));
    // An event has one entry for each type and user. Who has one there for all threads and one for
    // some, the first counts.
    for ((reader, kind, thread), receipt) in room.receipts.iter().rev() {
        if receipt.position > since && (kind != "m.read.private" || reader == user) {
            let entry = &mut content[receipt.event_id.as_str()][kind][reader.as_str()];
            *entry = json!({ "ts": receipt.at });
            if !thread.is_empty() {
                entry["thread_id"] = thread.as_str().into();
            }
        }
    }
    let some = content.as_object().is_some_and(|content| !content.is_empty());
    some.then(|| json!({ "type": "m.receipt", "content": content }))
}

/// `m.typing`, if who types has changed since a position; for who does not know the room yet, if
/// anybody does.
pub fn typing(room: &Room, since: u64) -> Option<Value> {
    let changed = if since == 0 { !room.typing.is_empty() } else { room.typing_position > since };
    let users: Vec<_> = room.typing.keys().collect();
    changed.then(|| json!({ "type": "m.typing", "content": { "user_ids": users } }))
}

/// What the user has kept for all rooms, since a position.
pub fn account_data<T>(world: &World, user: &UserId, since: u64) -> Answer<Vec<Raw<T>>> {
    let kept = world.user(user).into_iter().flat_map(|user| &user.account_data);
    let new = kept.filter(|(_, (position, _))| *position > since);
    new.map(|(kind, (_, content))| raw(&json!({ "type": kind, "content": content }))).collect()
}

/// What the user has kept for one room, since a position.
pub fn room_account_data<T>(world: &World, user: &UserId, room: &Room, since: u64) -> Answer<Vec<Raw<T>>> {
    let kept = world.user(user).into_iter().flat_map(|user| &user.room_account_data);
    let new = kept.filter(|((id, _), (position, _))| *id == room.id && *position > since);
    new.map(|((_, kind), (_, content))| raw(&json!({ "type": kind, "content": content }))).collect()
}

/// To-device messages since a position, with the position of the last.
pub fn to_device<T>(world: &World, caller: &Caller, since: u64, limit: usize) -> Answer<(Vec<Raw<T>>, u64)> {
    let inbox = world.device(caller).into_iter().flat_map(|device| &device.inbox);
    let new: Vec<_> = inbox.filter(|(position, _)| *position > since).take(limit).collect();
    let last = new.last().map_or(since, |(position, _)| *position);
    Ok((new.into_iter().map(|(_, message)| raw(message)).collect::<Answer<_>>()?, last))
}

/// Whose keys are to be asked for anew. A client that begins, begins with asking for all that it
/// needs.
pub fn device_lists(world: &World, user: &UserId, since: Option<u64>) -> DeviceLists {
    let mut lists = DeviceLists::new();
    // Most changes are of neither kind, and every sync that waits looks at every change.
    let is_new = |since: &u64| {
        world.users.values().any(|user| user.keys_changed > *since)
            || world.rooms.values().any(|room| members_changed(room, *since))
    };
    if let Some(since) = since.filter(is_new) {
        (lists.changed, lists.left) = changes::device_lists(world, user, since);
    }
    lists
}

/// How many messages of others are unread, and how many of them mention the user: since their own
/// last receipt for the main timeline, or their own last message; and of those in a thread, since
/// their last receipt there.
pub fn unread(room: &Room, user: &UserId) -> UnreadNotificationsCount {
    let read_of = |thread: &str| {
        let keys = ["m.read", "m.read.private"].map(|kind| (user.to_owned(), kind.to_owned(), thread.to_owned()));
        keys.into_iter().filter_map(|key| room.place(&room.receipts.get(&key)?.event_id)).max()
    };
    let read = read_of("").max(read_of("main")).map_or(0, |place| place + 1);
    let joined = joined_at(room, user).unwrap_or(u64::MAX);
    let messages = room.events.iter().enumerate().skip(read).rev().filter(|(_, event)| is_message(event));
    let unread = messages.take_while(|(_, message)| message.sender != user && message.position > joined);
    let is_read_there = |place: usize, message: &Event| {
        let thread = message.relation().filter(|(how, _)| *how == "m.thread");
        thread.is_some_and(|(_, root)| read_of(root.as_str()) >= Some(place))
    };
    let unread: Vec<_> =
        unread.filter(|(place, message)| !is_read_there(*place, message)).map(|(_, message)| message).collect();
    let mut counts = UnreadNotificationsCount::new();
    counts.highlight_count = Some(count(unread.iter().filter(|message| mentions(message, user)).count()));
    counts.notification_count = Some(count(unread.len()));
    counts
}

/// Whether the user has read on since: then the counts are others.
pub fn has_read(room: &Room, user: &UserId, since: u64) -> bool {
    room.receipts.iter().any(|((reader, ..), receipt)| reader == user && receipt.position > since)
}

/// Whether events of this type are messages.
pub fn is_message_kind(kind: &str) -> bool {
    MESSAGES.contains(&kind)
}

/// An edit shows as part of what it edits, and a redacted message shows nothing.
fn is_message(event: &Event) -> bool {
    let is_edit = event.relation().is_some_and(|(how, _)| how == "m.replace");
    is_message_kind(&event.kind) && !is_edit && event.redacted_because.is_none()
}

fn mentions(message: &Event, user: &UserId) -> bool {
    let mentions = &message.content["m.mentions"];
    let by_id = mentions["user_ids"].as_array().is_some_and(|ids| ids.iter().any(|id| id == user.as_str()));
    by_id || mentions["room"] == true
}

/// More events than this nobody gets at once.
const MOST: usize = 1000;

/// How many events somebody gets who asks for so many; `usual` for who does not say.
pub fn limit(asked: Option<UInt>, usual: usize) -> usize {
    asked.map_or(usual, |asked| usize::try_from(asked).unwrap_or(MOST)).min(MOST)
}

/// A count as it goes out.
pub fn count(count: usize) -> UInt {
    UInt::try_from(count).unwrap_or(UInt::MAX)
}
