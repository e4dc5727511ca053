//! Rooms, and the one way into them for every event: [`send`].
//!
//! - [`creation`]: how a room comes to be.
//! - [`membership`]: joining, inviting, leaving, kicking, banning, forgetting.
//! - [`sending`]: messages, redactions, state.
//! - [`content`] and [`authorization`]: which events are well-formed, and which are allowed.

use ruma::{
    EventId, OwnedDeviceId, OwnedEventId, OwnedTransactionId, RoomId, UserId, api::client::uiaa::UiaaResponse,
    events::room::member::MembershipState,
};
use serde_json::{Value, json};

use self::authorization::authorize;
pub use self::membership::introduce_anew;
use super::{
    accounts::secret,
    error::{Answer, failed, forbidden},
    http::Routes,
    world::{Room, World, room::Event},
};

mod authorization;
mod content;
mod creation;
mod membership;
mod sending;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    let subjects = [creation::routes, membership::routes, sending::routes];
    subjects.into_iter().fold(routes, |routes, subject| subject(routes))
}

/// An event that somebody wants to send.
#[derive(Clone, Debug)]
pub struct Draft {
    pub kind: String,
    /// Only state has one.
    pub state_key: Option<String>,
    pub content: Value,
    /// The device that sends it, and what it calls it: the same thing twice is sent once.
    pub transaction: Option<(OwnedDeviceId, OwnedTransactionId)>,
}

impl Draft {
    pub fn message(kind: impl Into<String>, content: Value) -> Self {
        Self { kind: kind.into(), state_key: None, content, transaction: None }
    }

    pub fn state(kind: impl Into<String>, key: impl Into<String>, content: Value) -> Self {
        Self { kind: kind.into(), state_key: Some(key.into()), content, transaction: None }
    }

    /// Somebody's membership; who comes is introduced by their profile.
    pub fn member(world: &World, user: &UserId, membership: &MembershipState, reason: Option<String>) -> Self {
        let mut content = json!({ "membership": membership });
        if let Some(profile) = world.user(user)
            && matches!(membership, MembershipState::Join | MembershipState::Invite)
        {
            if let Some(name) = &profile.name {
                content["displayname"] = name.as_str().into();
            }
            if let Some(avatar) = &profile.avatar {
                content["avatar_url"] = avatar.as_str().into();
            }
        }
        if let Some(reason) = reason {
            content["reason"] = reason.into();
        }
        Self::state("m.room.member", user.as_str(), content)
    }

    /// What a redaction redacts; since room version 11 it stands in the content.
    pub fn redacts(&self) -> Option<OwnedEventId> {
        let target = (self.kind == "m.room.redaction").then(|| self.content["redacts"].as_str())??;
        EventId::parse(target).ok()
    }
}

/// Sends an event into a room, if it is well-formed and allowed.
///
/// What a device has sent already, and state that is already so, is found again and not sent twice.
pub fn send(world: &mut World, room_id: &RoomId, sender: &UserId, draft: Draft) -> Answer<OwnedEventId> {
    let room = world.rooms.get(room_id).ok_or_else(not_in_room)?;
    if let Some(sent) = sent_before(room, sender, &draft) {
        return Ok(sent.id.clone());
    }
    content::check(&draft)?;
    authorize(room, sender, &draft)?;
    if let Some(state) = draft.state_key.as_ref().and_then(|key| room.state(&draft.kind, key))
        && state.content == draft.content
    {
        return Ok(state.id.clone());
    }
    content::check_relation(room, sender, &draft)?;
    content::check_aliases(world, room_id, &draft)?;
    let id = new_event_id()?;
    let event = Event {
        id: id.clone(),
        sender: sender.to_owned(),
        redacts: draft.redacts(),
        kind: draft.kind,
        state_key: draft.state_key,
        content: draft.content,
        sent: world.now,
        position: world.moved(),
        redacted_because: None,
        transaction: draft.transaction,
        replaces: None,
    };
    if let Some(room) = world.rooms.get_mut(room_id) {
        room.append(event);
    }
    Ok(id)
}

/// A room that somebody may read: they are in it, or have been.
pub fn readable<'a>(world: &'a World, room: &RoomId, user: &UserId) -> Answer<&'a Room> {
    world.rooms.get(room).filter(|room| room.seen_until(user).is_some()).ok_or_else(not_in_room)
}

/// A room that somebody is in now.
pub fn joined<'a>(world: &'a World, room: &RoomId, user: &UserId) -> Answer<&'a Room> {
    world.rooms.get(room).filter(|room| room.has(user)).ok_or_else(not_in_room)
}

/// The answer for a room that does not exist is the same: who is not in it cannot know.
pub fn not_in_room() -> UiaaResponse {
    forbidden("You are not in this room")
}

fn sent_before<'a>(room: &'a Room, sender: &UserId, draft: &Draft) -> Option<&'a Event> {
    let redacts = draft.redacts();
    let mut sent = room.sent_as(draft.transaction.as_ref()?);
    sent.find(|event| event.sender == sender && event.kind == draft.kind && event.redacts == redacts)
}

/// Room version 11 derives an event's id from its signed form; nothing is signed here.
fn new_event_id() -> Answer<OwnedEventId> {
    EventId::parse(format!("${}", secret(43))).map_err(failed)
}

#[cfg(test)]
mod tests;
