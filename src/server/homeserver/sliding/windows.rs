//! Which rooms a request shows, and how much of each.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ruma::{
    OwnedRoomId, UserId,
    api::client::sync::sync_events::v5::{
        Request,
        request::{ExtensionRoomConfig, ListFilters},
    },
    directory::RoomTypeFilter,
    events::room::member::MembershipState,
};

use super::{
    super::{
        sync::news,
        world::{Caller, Room, World},
    },
    detail::Detail,
};

/// What a request shows.
pub struct Windows<'a> {
    /// How many rooms there are in each list, shown or not.
    pub lists: BTreeMap<&'a String, usize>,
    pub rooms: BTreeMap<OwnedRoomId, Shown>,
}

/// How a room is shown.
#[derive(Default)]
pub struct Shown {
    pub detail: Arc<Detail>,
    /// The lists that show it.
    lists: BTreeSet<String>,
    subscribed: bool,
}

impl<'a> Windows<'a> {
    /// Evaluates the lists and subscriptions of a request. Rooms are there that the user is in or
    /// is invited to.
    pub fn of(world: &World, caller: &Caller, request: &'a Request) -> Self {
        let user = &caller.user_id;
        let is_there = |room: &&Room| matches!(room.membership(user), MembershipState::Join | MembershipState::Invite);
        let mut all: Vec<_> = world.rooms.values().filter(is_there).collect();
        all.sort_by_cached_key(|room| Reverse(bump_stamp(room, user)));

        let mut windows = Self { lists: BTreeMap::new(), rooms: BTreeMap::new() };
        for (name, list) in &request.lists {
            let filters = list.filters.clone().unwrap_or_default();
            let rooms: Vec<_> = all.iter().filter(|room| passes(world, user, room, &filters)).collect();
            let details = &list.room_details;
            let detail = Arc::new(Detail::asked(details.timeline_limit, &details.required_state));
            let is_shown =
                |place: &usize| list.ranges.iter().any(|(from, to)| (*from..=*to).contains(&news::count(*place)));
            for (_, room) in rooms.iter().enumerate().filter(|(place, _)| is_shown(place)) {
                windows.show(room, &detail).lists.insert(name.clone());
            }
            windows.lists.insert(name, rooms.len());
        }
        for (id, subscription) in &request.room_subscriptions {
            if let Some(room) = world.rooms.get(id).filter(is_there) {
                let detail = Detail::asked(subscription.timeline_limit, &subscription.required_state);
                windows.show(room, &Arc::new(detail)).subscribed = true;
            }
        }
        windows
    }

    fn show(&mut self, room: &Room, detail: &Arc<Detail>) -> &mut Shown {
        let shown = self.rooms.entry(room.id.clone()).or_default();
        if *shown.detail == Detail::default() {
            shown.detail = Arc::clone(detail);
        } else if *shown.detail != **detail {
            shown.detail = Arc::new(shown.detail.and(detail));
        }
        shown
    }
}

impl Shown {
    /// Whether an extension is to tell of this room: without a choice it tells of all that are
    /// shown.
    pub fn is_among(&self, lists: Option<&Vec<String>>, rooms: Option<&Vec<ExtensionRoomConfig>>, room: &Room) -> bool {
        let is_chosen =
            |list: &String| lists.is_none_or(|lists| lists.iter().any(|wanted| wanted == list || wanted == "*"));
        let by_list = self.lists.iter().any(is_chosen);
        let by_room = rooms.is_none_or(|rooms| {
            rooms.iter().any(|wanted| match wanted {
                ExtensionRoomConfig::Room(wanted) => *wanted == room.id,
                _ => true,
            })
        });
        by_list || self.subscribed && by_room
    }
}

/// By what a room is sorted: the last message, or that the user was invited or came.
pub fn bump_stamp(room: &Room, user: &UserId) -> u64 {
    let own = room.state("m.room.member", user.as_str()).filter(|own| own.membership() == MembershipState::Invite);
    let came = own.map(|invite| invite.position).or_else(|| news::joined_at(room, user)).unwrap_or_default();
    let last = room.events.iter().rev().find(|event| news::is_message_kind(&event.kind)).filter(|_| own.is_none());
    last.map_or(came, |last| last.position.max(came))
}

fn passes(world: &World, user: &UserId, room: &Room, filters: &ListFilters) -> bool {
    let is = |wanted: Option<bool>, fact: &dyn Fn() -> bool| wanted.is_none_or(|wanted| wanted == fact());
    let kind = room.state("m.room.create", "").and_then(|create| create.content["type"].as_str());
    let is_kind = |filter: &RoomTypeFilter| filter.as_str() == kind;
    is(filters.is_invite, &|| room.membership(user) == MembershipState::Invite)
        && is(filters.is_dm, &|| is_direct(world, user, room))
        && is(filters.is_encrypted, &|| room.state("m.room.encryption", "").is_some())
        && (filters.room_types.is_empty() || filters.room_types.iter().any(is_kind))
        && !filters.not_room_types.iter().any(is_kind)
}

/// Whether the user has called it a direct chat.
pub fn is_direct(world: &World, user: &UserId, room: &Room) -> bool {
    let direct = world.user(user).and_then(|user| user.account_data.get("m.direct"));
    let rooms = direct.and_then(|(_, content)| content.as_object()).into_iter().flat_map(|people| people.values());
    rooms.filter_map(|rooms| rooms.as_array()).flatten().any(|direct| *direct == room.id.as_str())
}
