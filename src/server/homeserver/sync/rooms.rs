//! What a response has of one room, by what the user is to it.

use std::collections::BTreeSet;

use ruma::{
    api::client::sync::sync_events::v3::{self, InviteState, JoinedRoom, LeftRoom, Response, State},
    events::room::member::MembershipState,
};
use serde_json::{Value, json};

use super::{
    super::{
        error::Answer,
        http::raw,
        world::{
            Caller, World,
            room::{Event, Room, Token},
        },
    },
    asked::Asked,
    news::{self, Timeline, count, shown},
};
use crate::server::bundle;

/// Tells somebody what they ask for.
pub struct Teller<'a> {
    pub world: &'a World,
    pub caller: &'a Caller,
    pub asked: &'a Asked,
}

impl Teller<'_> {
    /// Adds what is new about a room, with the delivery receipts that go out about it.
    pub fn add(&self, response: &mut Response, room: &Room, deliveries: Option<&Value>) -> Answer<()> {
        let user = &self.caller.user_id;
        let Some(own) = room.state("m.room.member", user.as_str()) else { return Ok(()) };
        let changed = own.position > self.asked.since();
        match own.membership() {
            MembershipState::Join => {
                if let Some(joined) = self.joined(room, deliveries)? {
                    response.rooms.join.insert(room.id.clone(), joined);
                }
            }
            MembershipState::Invite if changed => {
                let state = room.stripped_state(user).iter().map(raw).collect::<Answer<Vec<_>>>()?;
                response.rooms.invite.insert(room.id.clone(), InviteState::from(state).into());
            }
            MembershipState::Leave | MembershipState::Ban if changed && self.wants_left(room) => {
                response.rooms.leave.insert(room.id.clone(), self.left(room, own)?);
            }
            _ => {}
        }
        Ok(())
    }

    fn wants_left(&self, room: &Room) -> bool {
        let begins = self.asked.since.is_none();
        !room.forgotten.contains(&self.caller.user_id) && (!begins || self.asked.filter.room.include_leave)
    }

    fn joined(&self, room: &Room, deliveries: Option<&Value>) -> Answer<Option<JoinedRoom>> {
        let (user, asked) = (&self.caller.user_id, self.asked);
        let is_new = news::joined_at(room, user).is_some_and(|joined| joined > asked.since());
        let since = if is_new { 0 } else { asked.since() };

        let mut joined = JoinedRoom::new();
        (joined.timeline, joined.state) = self.excerpt(room, since)?;
        let (summaries, together) = deliveries.cloned().map(bundle::apart).unwrap_or_default();
        let summaries = summaries.map(|content| json!({ "type": "m.receipt", "content": content }));
        let receipts = asked.deliveries.wanted.then(|| news::receipts(room, user, since, together.as_ref())).flatten();
        let typing = asked.wants_typing().then(|| news::typing(room, since)).flatten();
        let ephemeral = summaries.iter().chain(&receipts).chain(&typing);
        joined.ephemeral.events = ephemeral.map(raw).collect::<Answer<_>>()?;
        joined.account_data.events = news::room_account_data(self.world, user, room, since)?;
        let nothing = joined.timeline.events.is_empty()
            && joined.state.is_empty()
            && joined.ephemeral.is_empty()
            && joined.account_data.is_empty();
        if nothing {
            return Ok(None);
        }
        if is_new || asked.full_state || news::members_changed(room, since) {
            let summary = room.summary(user);
            joined.summary.heroes = summary.heroes;
            joined.summary.joined_member_count = Some(count(summary.joined));
            joined.summary.invited_member_count = Some(count(summary.invited));
        }
        joined.unread_notifications = news::unread(room, user);
        Ok(Some(joined))
    }

    /// A room that was left, up to the leaving. Who never was in it learns of it only that they are
    /// not.
    fn left(&self, room: &Room, own: &Event) -> Answer<LeftRoom> {
        let mut left = LeftRoom::new();
        if room.seen_until(&self.caller.user_id).is_none() {
            left.state = State::Before(shown(room, self.caller, [own])?.into());
            return Ok(left);
        }
        let mut former = room.member_events(&self.caller.user_id).rev();
        let former = former.find(|event| event.position <= self.asked.since());
        let knows = former.is_some_and(|event| event.membership() == MembershipState::Join);
        (left.timeline, left.state) = self.excerpt(room, if knows { self.asked.since() } else { 0 })?;
        Ok(left)
    }

    /// The end of the timeline, and of the state before it what the client cannot know: all of it
    /// when it does not know the room, else what changed in the gap, if there is one. Members who
    /// are loaded lazily come when they are needed.
    fn excerpt(&self, room: &Room, since: u64) -> Answer<(v3::Timeline, State)> {
        let user = &self.caller.user_id;
        let timeline = Timeline::after(room, user, since, self.asked.limit());
        let whole = since == 0 || self.asked.full_state;
        let heroes = if whole { room.summary(user).heroes } else { Vec::new() };
        let lazily = self.asked.loads_members_lazily();
        let mut needed: BTreeSet<_> = timeline.members().collect();
        if whole {
            needed.extend(heroes.iter().chain([user]).map(|user| user.as_str()));
        }
        let is_wanted = |event: &&Event| {
            let member = event.state_key.as_deref().filter(|_| event.kind == "m.room.member");
            let is_needed = lazily && member.is_some_and(|member| needed.contains(member));
            let is_unknown =
                if whole { !lazily || member.is_none() } else { timeline.limited && event.position > since };
            is_needed || is_unknown
        };
        let before = room.state_at(timeline.before().min(room.seen_until(user).unwrap_or_default()));
        let state = State::Before(shown(room, self.caller, before.into_values().filter(is_wanted))?.into());
        let mut told = v3::Timeline::new();
        told.limited = timeline.limited;
        told.prev_batch = Some(Token(timeline.start).to_string());
        told.events = shown(room, self.caller, timeline.events)?;
        Ok((told, state))
    }
}
