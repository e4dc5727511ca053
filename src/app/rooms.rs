//! The room list: sorted, filtered, and with one room selected.
//!
//! Invites stand first, since they wait for an answer; then the room with the newest activity. The
//! selection is a room and not a row, so it stays on the room when news from another one changes
//! the order.
//!
//! Names that look alike (UTS #39, whatever the case) do not tell who is behind a room, so those
//! rooms show it.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
};

use unicode_security::skeleton;

use super::composer::Composer;
use crate::model::{Membership, RoomId, RoomSummary, SafeText, UserId};

/// The room list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rooms {
    /// All rooms, in the order in which they are shown.
    list: Vec<RoomSummary>,
    selected: Option<RoomId>,
    /// Those whose name looks like another one's.
    alike: HashSet<RoomId>,
    /// Only rooms whose name contains this are shown, whatever the case.
    pub filter: Option<Composer>,
    /// The list was complete once.
    pub complete: bool,
}

impl Rooms {
    /// All rooms, filtered or not, in order.
    pub fn all(&self) -> &[RoomSummary] {
        &self.list
    }

    /// The rooms that the filter lets through, in order.
    pub fn visible(&self) -> Vec<&RoomSummary> {
        let wanted = self.filter.as_ref().map(|filter| filter.text().to_lowercase()).unwrap_or_default();
        self.list.iter().filter(|room| wanted.is_empty() || room.name.to_lowercase().contains(&wanted)).collect()
    }

    /// What a room is called: here, else as it was told, else by its id.
    pub fn called(&self, room: &RoomId, told: &SafeText) -> String {
        let known = self.get(room).map(|room| &room.name);
        let name = known.into_iter().chain([told]).find(|name| !name.is_empty());
        name.map_or_else(|| room.to_string(), ToString::to_string)
    }

    /// Whom the room is with, or who invites to it, where its name alone does not tell it from
    /// another one.
    pub fn told_apart_by<'a>(&self, room: &'a RoomSummary) -> Option<&'a UserId> {
        let inviter = match &room.membership {
            Membership::Invited { by } => by.as_ref(),
            _ => None,
        };
        inviter.or(room.with.as_ref()).filter(|_| self.alike.contains(&room.id))
    }

    fn compare_names(&mut self) {
        let looks = |name: &str| skeleton(name).collect::<String>().to_lowercase();
        let mut names: HashMap<String, Vec<&RoomId>> = HashMap::new();
        for room in &self.list {
            for name in HashSet::from([room.name.to_lowercase(), looks(&room.name)]) {
                names.entry(name).or_default().push(&room.id);
            }
        }
        self.alike = names.into_values().filter(|rooms| rooms.len() > 1).flatten().cloned().collect();
    }

    /// One room.
    pub fn get(&self, id: &RoomId) -> Option<&RoomSummary> {
        self.list.iter().find(|room| room.id == *id)
    }

    /// The selected room: the first one shown, if nothing else was selected.
    pub fn selected(&self) -> Option<&RoomSummary> {
        let visible = self.visible();
        let chosen = self.selected.as_ref().and_then(|id| visible.iter().find(|room| room.id == *id));
        chosen.or_else(|| visible.first()).copied()
    }

    /// Messages not read yet, and those of them that mention this user, over all rooms.
    pub fn unread(&self) -> (u64, u64) {
        self.list.iter().fold((0, 0), |(unread, mentions), room| {
            (unread.saturating_add(room.unread), mentions.saturating_add(room.mentions))
        })
    }

    /// The room after the given one that has something unread, going around.
    pub fn next_unread(&self, after: Option<&RoomId>) -> Option<&RoomSummary> {
        let start = self.list.iter().position(|room| Some(&room.id) == after).map_or(0, |index| index + 1);
        let (before, behind) = self.list.split_at(start);
        let mut others = behind.iter().chain(before).filter(|room| Some(&room.id) != after);
        others.find(|room| room.membership == Membership::Joined && (room.unread > 0 || room.marked_unread))
    }

    /// The room below the given one, or above it, that can be opened; the first one, if none is
    /// given.
    pub fn neighbour(&self, of: Option<&RoomId>, down: bool) -> Option<&RoomSummary> {
        let rooms: Vec<_> = self.list.iter().filter(|room| !is_invite(room)).collect();
        let index = match rooms.iter().position(|room| Some(&room.id) == of) {
            Some(index) if down => index + 1,
            Some(index) => index.checked_sub(1)?,
            None => 0,
        };
        rooms.get(index).copied()
    }

    /// Takes over new and changed rooms.
    pub(super) fn update(&mut self, rooms: Vec<RoomSummary>) {
        let mut fresh: HashMap<RoomId, RoomSummary> = rooms.into_iter().map(|room| (room.id.clone(), room)).collect();
        for room in &mut self.list {
            if let Some(new) = fresh.remove(&room.id) {
                *room = new;
            }
        }
        self.list.extend(fresh.into_values());
        self.list.sort_by(|a, b| order(a).cmp(&order(b)));
        self.compare_names();
    }

    /// Forgets rooms.
    pub(super) fn remove(&mut self, gone: &[RoomId]) {
        self.list.retain(|room| !gone.contains(&room.id));
        self.compare_names();
    }

    /// Selects a room.
    pub(super) fn select(&mut self, id: &RoomId) {
        self.selected = Some(id.clone());
    }

    /// Moves the selection by rows, up when negative; it stops at the ends.
    pub(super) fn move_selection(&mut self, rows: isize) {
        let visible = self.visible();
        let index = self.selected().and_then(|room| visible.iter().position(|other| other.id == room.id));
        let target = index.unwrap_or(0).saturating_add_signed(rows).min(visible.len().saturating_sub(1));
        self.selected = visible.get(target).map(|room| room.id.clone());
    }
}

/// Whether the room waits for an answer.
pub(super) fn is_invite(room: &RoomSummary) -> bool {
    matches!(room.membership, Membership::Invited { .. })
}

/// Invites, then newest activity; then by name and id, so that the order never depends on how rooms
/// came in.
fn order(room: &RoomSummary) -> impl Ord {
    (!is_invite(room), Reverse(room.recency), room.name.clone(), room.id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::{invite, room_id, summary};

    #[test]
    fn names_that_look_alike_are_told_apart_by_the_person() {
        let with = |name: &str, shown: &str, user: &str| RoomSummary {
            name: SafeText::line(shown),
            with: Some(UserId::new(user)),
            ..summary(name, 0)
        };
        let mut rooms = Rooms::default();
        // The second one's first letter is Cyrillic, and the third one's last is a digit.
        let invited = RoomSummary { name: SafeText::line("\u{421}arol"), ..invite("three") };
        rooms.update(vec![with("one", "Carol", "@carol:x"), with("two", "dave", "@dave:x"), invited]);
        rooms.update(vec![with("four", "CAR0L", "@c:y"), with("six", "DAVE", "@d:y"), summary("five", 0)]);
        let apart = |rooms: &Rooms, name: &str| {
            rooms.get(&room_id(name)).and_then(|room| rooms.told_apart_by(room)).map(ToString::to_string)
        };
        let alike = [("one", "@carol:x"), ("two", "@dave:x"), ("three", "@ada:x"), ("four", "@c:y"), ("six", "@d:y")];
        let alike = alike.map(|(name, user)| (name, Some(user)));
        for (name, user) in alike.into_iter().chain([("five", None)]) {
            assert_eq!(apart(&rooms, name).as_deref(), user, "{name}");
        }
        rooms.remove(&[room_id("three"), room_id("four")]);
        assert_eq!(apart(&rooms, "one"), None, "there is nobody else");
    }
}
