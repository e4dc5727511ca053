//! The room list.
//!
//! The SDK has a room list service for sliding sync and none for `/sync`. To have one way for both,
//! and a list that is there before the first answer of the server, a room's row is made from the
//! SDK's room info (which both kinds of sync keep up to date, and which is on disk), and made anew
//! when the SDK says that something notable about the room changed. Changes that come together are
//! gathered, so that a first sync of thousands of rooms is a few events.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use matrix_sdk::{
    Client, Room, RoomDisplayName, RoomState,
    notification_settings::NotificationSettings,
    ruma::{OwnedRoomId, events::direct::OwnedDirectUserIdentifier, room::RoomType as SdkType},
    sliding_sync::Version,
};
use tokio::sync::{
    broadcast::error::RecvError,
    mpsc::{UnboundedReceiver, UnboundedSender},
};

use self::unread::Unread;
use super::{endings::Endings, ids};
use crate::{
    client::update::Update,
    model::{Membership, NotificationMode, RoomId, RoomSummary, RoomType, SafeText},
};

mod account_data;
mod unread;
mod versions;

/// How long changes are gathered before they are told.
const GATHER: Duration = Duration::from_millis(30);

/// The rooms that are known, by what is in memory: what is told first.
pub(super) async fn at_a_glance(client: &Client, endings: &Endings) -> (Rows, Vec<Update>) {
    let mut rows = Rows::new(client, endings).await;
    let told = rows.of(&client.rooms(), Look::AtAGlance).await;
    (rows, told)
}

/// Tells what [`at_a_glance`] did not see of the rooms, then every change, until the client is
/// dropped. Of rooms that come by `learnt`, [`Endings`] has learnt how they ended.
pub(super) async fn watch(mut rows: Rows, mut learnt: UnboundedReceiver<OwnedRoomId>, events: UnboundedSender<Update>) {
    let client = rows.client.clone();
    let mut updates = client.room_info_notable_update_receiver();
    let mut came = client.subscribe_to_all_room_updates();
    let mut ignored = client.subscribe_to_ignore_user_list_changes();
    let mut push_rules = rows.settings.subscribe_to_changes();
    let mut rooms = client.rooms();
    let unread: Vec<_> = rooms.extract_if(.., |room| unread::at_a_glance(room).messages > 0).collect();
    rows.tell(&unread, &events).await;
    let mut tagged = Vec::new();
    for room in rooms {
        if account_data::tags(&room).await != account_data::tags_at_a_glance(&room) {
            tagged.push(room);
        }
    }
    rows.tell(&tagged, &events).await;
    loop {
        let mut changed = BTreeSet::new();
        let mut all = false;
        tokio::select! {
            update = updates.recv() => match update {
                Ok(update) => drop(changed.insert(update.room_id)),
                Err(RecvError::Lagged(_)) => all = true,
                Err(RecvError::Closed) => return,
            },
            came = came.recv() => match came {
                Ok(came) => {
                    let own = client.user_id();
                    changed.extend(own.iter().flat_map(|own| unread::with_receipts_for_threads(&came, own)));
                }
                Err(RecvError::Lagged(_)) => all = true,
                Err(RecvError::Closed) => return,
            },
            Some(room_id) = learnt.recv() => drop(changed.insert(room_id)),
            // Whoever is ignored has invited nobody.
            Some(_) = ignored.next() => all = true,
            rules = push_rules.recv() => match rules {
                Ok(()) | Err(RecvError::Lagged(_)) => changed.extend(rows.that_notify_otherwise().await),
                Err(RecvError::Closed) => return,
            },
        }
        if changed.is_empty() && !all {
            continue;
        }
        tokio::time::sleep(GATHER).await;
        while let Ok(update) = updates.try_recv() {
            changed.insert(update.room_id);
        }
        while let Ok(room_id) = learnt.try_recv() {
            changed.insert(room_id);
        }
        let rooms: Vec<_> =
            if all { client.rooms() } else { changed.iter().filter_map(|room_id| client.get_room(room_id)).collect() };
        rows.tell(&rooms, &events).await;
        let forgotten: Vec<RoomId> =
            changed.iter().filter(|id| client.get_room(id).is_none()).map(|id| ids::room(id)).collect();
        if !forgotten.is_empty() {
            let _ = events.send(Update::RoomsGone(forgotten));
        }
    }
}

/// How a room is looked at.
#[derive(Clone, Copy)]
enum Look {
    /// By what is in memory, so that the list is there at once.
    AtAGlance,
    /// By the messages that may be unread, and the tags on disk.
    Exact,
}

/// What rows are made from.
pub(super) struct Rows {
    client: Client,
    endings: Endings,
    settings: NotificationSettings,
    /// What notifies in which room, as it was told last.
    notifications: HashMap<OwnedRoomId, NotificationMode>,
}

/// A room's row; `None` when the list does not show it.
pub(super) async fn summary(client: &Client, endings: &Endings, room: &Room) -> Option<RoomSummary> {
    Rows::new(client, endings).await.exact(room).await
}

impl Rows {
    async fn new(client: &Client, endings: &Endings) -> Self {
        Self {
            client: client.clone(),
            endings: endings.clone(),
            settings: client.notification_settings().await,
            notifications: HashMap::new(),
        }
    }

    /// The rooms of which something else notifies than was told.
    async fn that_notify_otherwise(&self) -> Vec<OwnedRoomId> {
        let mut changed = Vec::new();
        for (room, told) in &self.notifications {
            if account_data::notifications(&self.settings, room).await != *told {
                changed.push(room.clone());
            }
        }
        changed
    }

    /// Tells how these rooms are, looked at exactly.
    async fn tell(&mut self, rooms: &[Room], events: &UnboundedSender<Update>) {
        for update in self.of(rooms, Look::Exact).await {
            let _ = events.send(update);
        }
        self.endings.save().await;
    }

    /// Sorts rooms into those that belong into the list and those that do not (any more), to tell
    /// both.
    async fn of(&mut self, rooms: &[Room], look: Look) -> Vec<Update> {
        let mut shown = Vec::new();
        let mut gone = Vec::new();
        for room in rooms {
            let row = match look {
                Look::AtAGlance => self.at_a_glance(room).await,
                Look::Exact => self.exact(room).await,
            };
            match row {
                Some(row) => shown.push(row),
                None => gone.push(ids::room(room.room_id())),
            }
        }
        let shown = (!shown.is_empty()).then_some(Update::Rooms(shown));
        shown.into_iter().chain((!gone.is_empty()).then_some(Update::RoomsGone(gone))).collect()
    }

    async fn exact(&mut self, room: &Room) -> Option<RoomSummary> {
        let mut row = self.at_a_glance(room).await?;
        row.tags = account_data::tags(room).await;
        if row.unread > 0 {
            let unread = unread::of(room).await;
            (row.unread, row.mentions) = (unread.messages, unread.mentions);
        }
        Some(row)
    }

    /// The same from what the SDK has in memory.
    async fn at_a_glance(&mut self, room: &Room) -> Option<RoomSummary> {
        let client = &self.client;
        let ending = self.endings.of(room).await?;
        let membership = match room.state() {
            RoomState::Joined => Membership::Joined,
            RoomState::Invited => {
                let by = room.invite_details().await.ok().map(|invite| invite.inviter_id);
                if let Some(by) = &by
                    && client.is_user_ignored(by).await
                {
                    return None;
                }
                Membership::Invited { by: by.map(|by| ids::user(&by)) }
            }
            _ => Membership::Left,
        };
        let mut older = Vec::new();
        for room in versions::older(client, room) {
            older.push((ids::room(room.room_id()), name(&room).await));
        }
        let with = room.direct_targets().into_iter().filter_map(OwnedDirectUserIdentifier::into_user_id);
        let with: Vec<_> = with.take(2).collect();
        let is_there = membership != Membership::Left;
        let unread = if is_there { unread::at_a_glance(room) } else { Unread::default() };
        let notifications = account_data::notifications(&self.settings, room.room_id()).await;
        self.notifications.insert(room.room_id().to_owned(), notifications);
        Some(RoomSummary {
            id: ids::room(room.room_id()),
            name: name(room).await,
            topic: SafeText::line(&room.topic().unwrap_or_default()),
            room_type: room.room_type().map(|kind| room_type(&kind)),
            tags: account_data::tags_at_a_glance(room),
            notifications,
            direct: room.direct_targets_length() > 0
                || (room.state() == RoomState::Invited && room.is_direct().await.unwrap_or_default()),
            with: if let [with] = &*with { Some(ids::user(with)) } else { None },
            encrypted: room.encryption_state().is_encrypted(),
            public: room.is_public(),
            joined_members: room.joined_members_count(),
            unread: unread.messages,
            mentions: unread.mentions,
            marked_unread: is_there && room.is_marked_unread(),
            recency: recency(client, room),
            membership,
            ending,
            older,
        })
    }
}

fn room_type(kind: &SdkType) -> RoomType {
    match kind {
        SdkType::Space => RoomType::Space,
        other => RoomType::Other(SafeText::line(other.as_str())),
    }
}

/// The room's name; an empty or invisible one is replaced by its id, so that every room can be told
/// from others.
async fn name(room: &Room) -> SafeText {
    let name = match room.cached_display_name() {
        Some(name) => name,
        None => room.display_name().await.unwrap_or(RoomDisplayName::Empty),
    };
    let name = SafeText::line(&name.to_string());
    if name.trim().is_empty() { SafeText::line(room.room_id().as_str()) } else { name }
}

/// What rooms are sorted by: the server's own order with sliding sync (`bump_stamp`, which is no
/// time), else the time of the newest event.
fn recency(client: &Client, room: &Room) -> u64 {
    if matches!(client.sliding_sync_version(), Version::Native)
        && let Some(stamp) = room.recency_stamp()
    {
        return stamp.into();
    }
    room.latest_event_timestamp().map_or(0, |at| at.get().into())
}
