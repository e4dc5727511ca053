//! Where receipts are sent and asked for, as far as the room itself decides it.

use super::App;
use crate::{
    delivery::{
        policy::{self, Decision, JoinRule, RoomFacts},
        summary,
    },
    model::{Delivery, Mark, Membership, RoomSummary, SendState, Timestamp},
};

/// The mark of a message that is on the server, whoever has read it.
pub fn mark(delivery: &Delivery) -> Mark {
    summary::mark(&SendState::Sent, Some(delivery), &[])
}

impl App {
    /// Whether receipts are sent in this room, as far as the room itself decides it, and if not,
    /// why.
    pub fn room_eligibility(&self, room: &RoomSummary) -> Decision {
        policy::room_eligibility(&facts(room), &self.settings.delivery)
    }

    /// Whether others are asked for receipts in this room.
    pub(super) fn asks_in(&self, room: &RoomSummary) -> bool {
        policy::asks(&facts(room), &self.settings.delivery)
    }
}

/// What the policy asks about a room, without what only a message would be measured by.
pub(super) fn facts(room: &RoomSummary) -> RoomFacts {
    let join_rule = match room.public {
        Some(true) => JoinRule::Public,
        Some(false) => JoinRule::NotPublic,
        None => JoinRule::Unknown,
    };
    RoomFacts {
        room_id: room.id.clone(),
        encrypted: room.encrypted,
        join_rule,
        joined_members: room.joined_members,
        joined: room.membership == Membership::Joined,
        joined_since: None,
        incognito_until: Timestamp::EPOCH,
    }
}
