//! `/sync`.
//!
//! What there is to tell is everything with a later position than the token's, so nothing is remembered between two
//! requests. The token also proves what has arrived: with it go the to-device messages and delivery receipts that came
//! before.
//!
//! Of filters it knows the timeline's limit, lazily loaded members, which rooms, whether left rooms, and the types of
//! what is ephemeral, with our own summary of delivery receipts (PROTOCOL §7). Presence there is none.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::response::Response as HttpResponse;
use ruma::{
    OwnedRoomId, RoomId,
    api::{
        IncomingRequest, Metadata,
        client::{
            filter::FilterDefinition,
            sync::sync_events::v3::{self, InviteState, JoinedRoom, LeftRoom, Request, Response, State},
        },
        path_builder::PathBuilder,
    },
    events::room::member::MembershipState,
};
use serde_json::Value;

use self::{
    news::{Timeline, count, shown},
    token::SyncToken,
    wait::{Look, wait},
};
use super::{
    error::{Answer, bad_json, invalid, unknown_token},
    http::{Plain, Routes, Shared, malformed, raw, respond},
    keys,
    receipts::delivery,
    world::{
        Caller, World,
        room::{Event, Room, Token},
    },
};
use crate::{model, server::bundle};

pub mod news;
pub mod token;
pub mod wait;

/// So many events a room, where the client does not say.
const USUAL_LIMIT: usize = 10;
/// More events than this nobody gets at once.
const LARGEST_LIMIT: usize = 1000;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    Request::PATH_BUILDER.all_paths().fold(routes, |routes, path| routes.plain(Request::METHOD, path, sync))
}

async fn sync(shared: Arc<Shared>, request: Plain) -> Answer<HttpResponse> {
    let (caller, asked) = shared.with(|world| {
        let caller = request.caller(world)?;
        let asked = Asked::read(world, &caller, request)?;
        Answer::Ok((caller, asked))
    })?;
    respond(wait(&shared, asked.timeout, |world, over| look(world, &caller, &asked, over)).await?)
}

/// What a client asks for.
struct Asked {
    since: Option<SyncToken>,
    timeout: Duration,
    full_state: bool,
    filter: FilterDefinition,
    deliveries: bundle::Options,
}

impl Asked {
    fn read(world: &World, caller: &Caller, request: Plain) -> Answer<Self> {
        let query = url::form_urlencoded::parse(request.http.uri().query().unwrap_or_default().as_bytes());
        let filter = query.into_iter().find(|(name, _)| name == "filter").map(|(_, filter)| filter.into_owned());
        let request = Request::try_from_http_request(request.http, &request.path).map_err(malformed)?;
        // As it was written: it says more than ruma knows.
        let filter = match filter {
            None => Value::Null,
            Some(inline) if inline.starts_with('{') => serde_json::from_str(&inline).map_err(bad_json)?,
            Some(id) => {
                let kept = world.user(&caller.user).zip(id.parse().ok());
                let kept = kept.and_then(|(user, id): (_, usize)| user.filters.get(id));
                kept.cloned().ok_or_else(|| invalid("There is no such filter"))?
            }
        };
        Ok(Self {
            since: SyncToken::given(request.since.as_deref(), world.position)?,
            timeout: request.timeout.unwrap_or_default(),
            full_state: request.full_state,
            deliveries: bundle::Options::from_filter(&filter),
            filter: if filter.is_null() {
                FilterDefinition::default()
            } else {
                serde_json::from_value(filter).map_err(bad_json)?
            },
        })
    }

    fn since(&self) -> u64 {
        self.since.unwrap_or_default().position
    }

    fn wants_room(&self, room: &RoomId) -> bool {
        let filter = &self.filter.room;
        filter.rooms.as_ref().is_none_or(|rooms| rooms.iter().any(|wanted| wanted == room))
            && !filter.not_rooms.iter().any(|unwanted| unwanted == room)
    }

    fn wants_typing(&self) -> bool {
        let among = |types: &Vec<String>| types.iter().any(|kind| matches!(kind.as_str(), "m.typing" | "m.*" | "*"));
        let filter = &self.filter.room.ephemeral;
        filter.types.as_ref().is_none_or(among) && !among(&filter.not_types)
    }

    fn limit(&self) -> usize {
        let limit =
            self.filter.room.timeline.limit.map_or(USUAL_LIMIT, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        limit.clamp(1, LARGEST_LIMIT)
    }

    /// Some clients say it where the specification has it, for the state, some for the timeline.
    fn loads_members_lazily(&self) -> bool {
        let filter = &self.filter.room;
        [&filter.state, &filter.timeline].iter().any(|filter| !filter.lazy_load_options.is_disabled())
    }
}

fn look(world: &mut World, caller: &Caller, asked: &Asked, over: bool) -> Answer<Look<Response>> {
    let since = asked.since();
    world.session(caller)?.inbox.retain(|(position, _)| *position > since);
    delivery::acknowledge(world, caller, asked.since.map(|token| token.bundle));
    let bundle = delivery::bundle(world, caller, &asked.deliveries);
    let again = delivery::ready_at(world, caller, &asked.deliveries);

    let token = SyncToken { position: world.position, bundle: bundle.number };
    let mut response = Response::new(token.to_string());
    for (id, room) in world.rooms.iter().filter(|(id, _)| asked.wants_room(id)) {
        add_room(&mut response, world, caller, asked, id, room, &bundle)?;
    }
    response.account_data.events = news::account_data(world, &caller.user, since)?;
    (response.to_device.events, _) = news::to_device(world, caller, since, usize::MAX)?;
    response.device_lists = news::device_lists(world, &caller.user, asked.since.map(|token| token.position));
    let nothing = bundle.rooms.is_empty()
        && response.rooms.is_empty()
        && response.account_data.is_empty()
        && response.to_device.is_empty()
        && response.device_lists.is_empty();
    if nothing && asked.since.is_some() && !over {
        return Ok(Look::Nothing(again));
    }
    let device = world.device(caller).ok_or_else(unknown_token)?;
    response.device_one_time_keys_count = keys::one_time_key_counts(device);
    response.device_unused_fallback_key_types = Some(keys::unused_fallback_key_types(device));
    Ok(Look::Answer(response))
}

/// Adds what is new about a room, by what the user is to it.
fn add_room(
    response: &mut Response,
    world: &World,
    caller: &Caller,
    asked: &Asked,
    id: &OwnedRoomId,
    room: &Room,
    bundle: &bundle::Bundle,
) -> Answer<()> {
    let Some(own) = room.state("m.room.member", caller.user.as_str()) else { return Ok(()) };
    let changed = own.position > asked.since();
    match own.membership() {
        MembershipState::Join => {
            let deliveries = bundle.rooms.get(&model::RoomId::new(id));
            if let Some(joined) = joined_room(world, caller, asked, room, deliveries)? {
                response.rooms.join.insert(id.clone(), joined);
            }
        }
        MembershipState::Invite if changed => {
            let state = room.stripped_state(&caller.user).iter().map(raw).collect::<Answer<Vec<_>>>()?;
            response.rooms.invite.insert(id.clone(), InviteState::from(state).into());
        }
        MembershipState::Leave | MembershipState::Ban
            if changed
                && !room.forgotten.contains(&caller.user)
                && (asked.since.is_some() || asked.filter.room.include_leave) =>
        {
            response.rooms.leave.insert(id.clone(), left_room(caller, asked, room, own)?);
        }
        _ => {}
    }
    Ok(())
}

fn joined_room(
    world: &World,
    caller: &Caller,
    asked: &Asked,
    room: &Room,
    deliveries: Option<&Value>,
) -> Answer<Option<JoinedRoom>> {
    let is_new = news::joined_at(room, &caller.user).is_some_and(|joined| joined > asked.since());
    let since = if is_new { 0 } else { asked.since() };
    let user = &caller.user;

    let mut joined = JoinedRoom::new();
    let (timeline, state) = excerpt(caller, asked, room, since)?;
    (joined.timeline, joined.state) = (timeline, state);
    let receipts = asked.deliveries.wanted.then(|| news::receipts(room, user, since, deliveries)).flatten();
    let typing = asked.wants_typing().then(|| news::typing(room, since)).flatten();
    joined.ephemeral.events = receipts.iter().chain(&typing).map(raw).collect::<Answer<_>>()?;
    joined.account_data.events = news::room_account_data(world, user, room, since)?;
    if joined.timeline.events.is_empty()
        && joined.state.is_empty()
        && joined.ephemeral.is_empty()
        && joined.account_data.is_empty()
    {
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

/// A room that was left, up to the leaving. Who never was in it learns of it only that they are not.
fn left_room(caller: &Caller, asked: &Asked, room: &Room, own: &Event) -> Answer<LeftRoom> {
    let mut left = LeftRoom::new();
    if room.seen_until(&caller.user).is_some() {
        (left.timeline, left.state) = excerpt(caller, asked, room, asked.since())?;
    } else {
        left.state = State::Before(shown(room, caller, [own])?.into());
    }
    Ok(left)
}

/// The end of the timeline, and of the state before it what the client cannot know: all of it when it does not know the
/// room, else what changed in the gap, if there is one. Members who are loaded lazily come when they are needed.
fn excerpt(caller: &Caller, asked: &Asked, room: &Room, since: u64) -> Answer<(v3::Timeline, State)> {
    let timeline = Timeline::after(room, &caller.user, since, asked.limit());
    let whole = since == 0 || asked.full_state;
    let heroes = if whole { room.summary(&caller.user).heroes } else { Vec::new() };
    let lazily = asked.loads_members_lazily();
    let mut needed: BTreeSet<_> = timeline.members().collect();
    if whole {
        needed.extend(heroes.iter().chain([&caller.user]).map(|user| user.as_str()));
    }
    let wanted = |event: &&Event| {
        let member = event.state_key.as_deref().filter(|_| event.kind == "m.room.member");
        let needed = lazily && member.is_some_and(|member| needed.contains(member));
        let unknown = if whole { !lazily || member.is_none() } else { timeline.limited && event.position > since };
        needed || unknown
    };
    let before = room.state_at(timeline.before().min(room.seen_until(&caller.user).unwrap_or_default()));
    let state = State::Before(shown(room, caller, before.into_values().filter(wanted))?.into());
    let mut told = v3::Timeline::new();
    told.limited = timeline.limited;
    told.prev_batch = Some(Token(timeline.start).to_string());
    told.events = shown(room, caller, timeline.events)?;
    Ok((told, state))
}

#[cfg(test)]
mod tests;
