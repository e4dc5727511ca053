//! Whether an event is allowed: the authorization rules of room version 11, for events that are
//! made here.
//!
//! What the rules say about signatures, other servers, third-party invites and knocking has no
//! counterpart: there are none. A restricted room is as open as one that asks for invites.

use ruma::{UserId, events::room::member::MembershipState};
use serde_json::Value;

use super::{Draft, content::levels};
use crate::server::homeserver::{
    error::{Answer, forbidden, not_found},
    world::Room,
};

/// Refuses what the state of the room does not allow the sender.
pub fn authorize(room: &Room, sender: &UserId, draft: &Draft) -> Answer<()> {
    if draft.kind == "m.room.create" {
        let is_first = room.events.is_empty() && draft.state_key.as_deref() == Some("");
        return allow(is_first, "A room is created once");
    }
    if draft.kind == "m.room.member" {
        let target = draft.state_key.as_deref().and_then(|target| <&UserId>::try_from(target).ok());
        let target = target.ok_or_else(|| forbidden("A membership is somebody's"))?;
        return authorize_membership(room, sender, target, &draft.content);
    }
    allow(room.has(sender), "You are not in this room")?;
    let powers = Powers::of(room);
    let own = powers.user(sender);
    allow(own >= powers.event(&draft.kind, draft.state_key.is_some()), "Your power level does not allow this")?;
    if let Some(key) = &draft.state_key {
        allow(!key.starts_with('@') || key == sender, "This state is somebody else's")?;
    }
    if draft.kind == "m.room.power_levels" && draft.state_key.as_deref() == Some("") {
        return authorize_levels(powers.content, &draft.content, sender, own);
    }
    if let Some(target) = draft.redacts() {
        let target = room.event(&target).ok_or_else(|| not_found("There is nothing to redact"))?;
        let may = target.sender == sender || own >= powers.level("redact", 50);
        return allow(may, "Your power level does not allow to redact what others sent");
    }
    Ok(())
}

fn authorize_membership(room: &Room, sender: &UserId, target: &UserId, content: &Value) -> Answer<()> {
    use MembershipState::{Ban, Invite, Join, Leave};
    let powers = Powers::of(room);
    let (own, others) = (powers.user(sender), powers.user(target));
    let now = room.membership(target);
    match MembershipState::from(content["membership"].as_str().unwrap_or_default()) {
        Join => {
            allow(sender == target, "Nobody joins for somebody else")?;
            allow(now != Ban, "You are banned from this room")?;
            let rule = room.state("m.room.join_rules", "").and_then(|rules| rules.content["join_rule"].as_str());
            let creates = room.events.len() == 1 && room.events[0].sender == sender;
            let may = creates || rule == Some("public") || matches!(now, Invite | Join);
            allow(may, "This room is for those who are invited")
        }
        Invite => {
            allow(room.has(sender), "You are not in this room")?;
            allow(now != Join, "They are in this room already")?;
            allow(now != Ban, "They are banned from this room")?;
            allow(own >= powers.level("invite", 0), "Your power level does not allow to invite")
        }
        Leave if sender == target => allow(matches!(now, Invite | Join), "You are not in this room"),
        Leave => {
            allow(room.has(sender), "You are not in this room")?;
            allow(now != Ban || own >= powers.level("ban", 50), "Your power level does not allow to unban")?;
            allow(own >= powers.level("kick", 50) && own > others, "Your power level does not allow to remove them")
        }
        Ban => {
            allow(room.has(sender), "You are not in this room")?;
            allow(own >= powers.level("ban", 50) && own > others, "Your power level does not allow to ban them")
        }
        _ => Err(forbidden("Nobody knocks here")),
    }
}

/// Nobody gives, takes or changes a level above their own, nor takes anything from who is as
/// powerful as themselves.
fn authorize_levels(old: Option<&Value>, new: &Value, sender: &UserId, own: i64) -> Answer<()> {
    let Some(old) = old else { return Ok(()) };
    let (old, new) = (levels(old)?, levels(new)?);
    for key in old.keys().chain(new.keys()) {
        let (was, is) = (old.get(key), new.get(key));
        let of_another = key.0 == "users" && key.1 != sender;
        let above = was.max(is) > Some(&own) || of_another && was >= Some(&own);
        allow(was == is || !above, "This is above your own power level")?;
    }
    Ok(())
}

/// Who has what power in a room, and what takes which.
struct Powers<'a> {
    /// Before there are levels, the creator may do everything.
    content: Option<&'a Value>,
    creator: Option<&'a UserId>,
}

impl<'a> Powers<'a> {
    fn of(room: &'a Room) -> Self {
        let creator = room.state("m.room.create", "").map(|create| &*create.sender);
        Self { content: room.state("m.room.power_levels", "").map(|levels| &levels.content), creator }
    }

    fn user(&self, user: &UserId) -> i64 {
        match self.content {
            Some(content) => content["users"][user.as_str()].as_i64().unwrap_or_else(|| self.level("users_default", 0)),
            None if self.creator == Some(user) => 100,
            None => 0,
        }
    }

    fn event(&self, kind: &str, is_state: bool) -> i64 {
        let named = self.content.and_then(|content| content["events"][kind].as_i64());
        named.unwrap_or_else(|| match (is_state, self.content) {
            (true, Some(_)) => self.level("state_default", 50),
            (true, None) => 0,
            (false, _) => self.level("events_default", 0),
        })
    }

    fn level(&self, name: &str, default: i64) -> i64 {
        self.content.and_then(|content| content[name].as_i64()).unwrap_or(default)
    }
}

fn allow(is_so: bool, otherwise: &str) -> Answer<()> {
    if is_so { Ok(()) } else { Err(forbidden(otherwise)) }
}

#[cfg(test)]
mod tests;
