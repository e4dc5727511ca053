//! What one user is shown of a room.

use std::collections::BTreeMap;

use ruma::{OwnedUserId, UserId, events::room::member::MembershipState};
use serde_json::{Value, json};

use super::{Event, Room};

/// So many people stand for a room that has no name.
const HEROES: usize = 5;

/// What is told of a room's people besides its events.
#[derive(Debug, PartialEq, Eq)]
pub struct Summary {
    /// Who the room is called after when it has no name: the first five others.
    pub heroes: Vec<OwnedUserId>,
    pub joined: usize,
    pub invited: usize,
}

impl Room {
    /// Whether somebody may read the event at this place.
    ///
    /// What counts is how things stood when it was sent, by the rules that the specification gives
    /// for `m.room.history_visibility`; only 'shared' asks for more, that one has been in the room
    /// at some time since. An event that itself changes how things stand is seen by whoever may see
    /// it before or after.
    pub fn visible(&self, user: &UserId, place: usize) -> bool {
        let Some(event) = self.events.get(place) else { return false };
        let changes = match (event.kind.as_str(), event.state_key.as_deref()) {
            ("m.room.member", Some(member)) => member == user,
            ("m.room.history_visibility", Some("")) => true,
            _ => false,
        };
        self.readable_at(user, place) || changes && self.readable_at(user, place + 1)
    }

    /// Whether somebody may read what was sent in the state before this place.
    fn readable_at(&self, user: &UserId, place: usize) -> bool {
        let membership = self.state_before(place, "m.room.member", user.as_str()).map(Event::membership);
        if membership == Some(MembershipState::Join) {
            return true;
        }
        match history_visibility(self.state_before(place, "m.room.history_visibility", "")) {
            "world_readable" => true,
            "invited" => membership == Some(MembershipState::Invite),
            "joined" => false,
            _ => {
                let since =
                    self.places("m.room.member", user.as_str()).iter().rev().take_while(|since| **since >= place);
                since.map(|since| &self.events[*since]).any(|event| event.membership() == MembershipState::Join)
            }
        }
    }

    /// The state that somebody may see: as it is now for who is in the room, as it was at leaving
    /// for who was, and nothing for anybody else, unless the whole world may read the room.
    pub fn state_for(&self, user: &UserId) -> Option<BTreeMap<(&str, &str), &Event>> {
        self.seen_until(user).map(|position| self.state_at(position))
    }

    /// Up to which position somebody has seen what goes on in this room, if ever.
    pub fn seen_until(&self, user: &UserId) -> Option<u64> {
        let world_readable = || history_visibility(self.state("m.room.history_visibility", "")) == "world_readable";
        if self.has(user) || world_readable() {
            return Some(u64::MAX);
        }
        if self.forgotten.contains(user) {
            return None;
        }
        let mut ended = None;
        for event in self.member_events(user).rev() {
            if event.membership() == MembershipState::Join {
                return ended;
            }
            ended = Some(event.position);
        }
        None
    }

    /// Who is in the room, for the user's list of rooms.
    pub fn summary(&self, user: &UserId) -> Summary {
        let of = |wanted: &[MembershipState]| {
            let members = self.whole_state().filter(|event| event.kind == "m.room.member");
            let mut members: Vec<_> = members.filter(|event| wanted.contains(&event.membership())).collect();
            members.sort_by_key(|event| event.position);
            members
        };
        let here = of(&[MembershipState::Join, MembershipState::Invite]);
        let others = |members: &[&Event]| {
            let others = members.iter().filter_map(|event| UserId::parse(event.state_key.as_deref()?).ok());
            others.filter(|other| other != user).take(HEROES).collect::<Vec<_>>()
        };
        let mut heroes = others(&here);
        if heroes.is_empty() {
            heroes = others(&of(&[MembershipState::Leave, MembershipState::Ban]));
        }
        let joined = here.iter().filter(|event| event.membership() == MembershipState::Join).count();
        Summary { heroes, joined, invited: here.len() - joined }
    }

    /// What somebody who is invited is told of the room: enough to show it, and who invites.
    pub fn stripped_state(&self, user: &UserId) -> Vec<Value> {
        const TOLD: [&str; 8] = [
            "m.room.create",
            "m.room.name",
            "m.room.avatar",
            "m.room.topic",
            "m.room.join_rules",
            "m.room.canonical_alias",
            "m.room.encryption",
            "m.room.history_visibility",
        ];
        let invite = self.state("m.room.member", user.as_str());
        let inviter = invite.and_then(|invite| self.state("m.room.member", invite.sender.as_str()));
        let told = TOLD.iter().filter_map(|kind| self.state(kind, "")).chain(inviter).chain(invite);
        let strip = |event: &Event| {
            json!({
                "type": event.kind,
                "state_key": event.state_key,
                "sender": event.sender,
                "content": event.content,
            })
        };
        told.map(strip).collect()
    }
}

/// What this event says about who may read the room; the default when there is none.
fn history_visibility(event: Option<&Event>) -> &str {
    event.and_then(|event| event.content["history_visibility"].as_str()).unwrap_or("shared")
}

#[cfg(test)]
mod tests;
