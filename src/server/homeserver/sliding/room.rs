//! What is new about one room.

use std::collections::BTreeSet;

use ruma::{
    JsOption,
    api::client::sync::sync_events::v5::response::{Hero, Room as Response},
    events::room::member::MembershipState,
};

use super::{
    super::{
        error::Answer,
        http::raw,
        sync::news::{self, Timeline, count, shown},
        world::{
            Caller, World,
            room::{Event, Room, Token},
        },
    },
    connection::Told,
    detail::Detail,
    windows::{Shown, bump_stamp, is_direct},
};

/// What is new about a room that the user is in or is invited to: all of it when it is told for the
/// first time, else what came since, and what is asked for only now.
pub fn news(world: &World, caller: &Caller, room: &Room, told: &Told, wanted: &Shown) -> Answer<Option<Response>> {
    if room.membership(&caller.user_id) == MembershipState::Invite {
        return invite(caller, room, told);
    }
    let known = told.room(room, &caller.user_id);
    let since = known.map_or(0, |known| known.position);
    let detail = &*wanted.detail;
    // A client that asks for more of the timeline than before gets it from its end again.
    let more = known.is_some_and(|known| known.detail.limit < detail.limit);
    let timeline = Timeline::after(room, &caller.user_id, if more { 0 } else { since }, detail.limit);
    let former = known.map(|known| &*known.detail);
    let state = required(caller, room, since, &timeline, detail, former);
    let is_quiet = timeline.events.is_empty() && !timeline.limited && state.is_empty();
    if known.is_some() && is_quiet && !news::has_read(room, &caller.user_id, since) {
        return Ok(None);
    }
    let mut response = described(world, caller, room);
    put_timeline(&mut response, caller, room, told, timeline)?;
    response.required_state = shown(room, caller, state)?;
    response.initial = known.is_none().then_some(true);
    Ok(Some(response))
}

/// The timeline, with what is said of it.
fn put_timeline(
    response: &mut Response,
    caller: &Caller,
    room: &Room,
    told: &Told,
    timeline: Timeline<'_>,
) -> Answer<()> {
    let live = timeline.events.iter().filter(|event| told.position > 0 && event.position > told.position);
    response.num_live = Some(count(live.count()));
    response.limited = timeline.limited;
    response.prev_batch = (timeline.limited || !timeline.events.is_empty()).then(|| Token(timeline.start).to_string());
    response.timeline = shown(room, caller, timeline.events)?;
    Ok(())
}

/// What is said of a room beside its events.
fn described(world: &World, caller: &Caller, room: &Room) -> Response {
    let user = &caller.user_id;
    let mut response = Response::new();
    let content = |kind, key| room.state(kind, "").and_then(|state| state.content[key].as_str());
    response.name = content("m.room.name", "name").filter(|name| !name.is_empty()).map(ToOwned::to_owned);
    response.avatar = content("m.room.avatar", "url").map_or(JsOption::Null, |url| JsOption::Some(url.into()));
    response.is_dm = Some(is_direct(world, user, room));
    let summary = room.summary(user);
    response.joined_count = Some(count(summary.joined));
    response.invited_count = Some(count(summary.invited));
    if response.name.is_none() {
        let heroes = summary.heroes.into_iter().map(|hero| {
            let member = room.state("m.room.member", hero.as_str());
            let said = |key| member.and_then(|member| member.content[key].as_str());
            let (name, avatar) = (said("displayname").map(ToOwned::to_owned), said("avatar_url").map(Into::into));
            let mut hero = Hero::new(hero);
            (hero.name, hero.avatar) = (name, avatar);
            hero
        });
        response.heroes = Some(heroes.collect());
    }
    response.bump_stamp = bump_stamp(room, user).try_into().ok();
    response.unread_notifications = news::unread(room, user);
    response
}

/// The state that is asked for, as it is now: what is new, what is asked for only now, and the
/// members that the timeline needs.
fn required<'a>(
    caller: &Caller,
    room: &'a Room,
    since: u64,
    timeline: &Timeline<'_>,
    detail: &Detail,
    former: Option<&Detail>,
) -> Vec<&'a Event> {
    let needed: BTreeSet<_> = timeline.members().collect();
    let is_wanted = |event: &&Event| {
        let key = event.state_key.as_deref().unwrap_or_default();
        let is_needed = event.kind == "m.room.member" && needed.contains(key);
        let is_new = event.position > since
            || is_needed
            || former.is_none_or(|former| !former.has(&event.kind, key, &caller.user_id, false));
        is_new && detail.has(&event.kind, key, &caller.user_id, is_needed)
    };
    room.whole_state().filter(is_wanted).collect()
}

fn invite(caller: &Caller, room: &Room, told: &Told) -> Answer<Option<Response>> {
    let invite = room.state("m.room.member", caller.user_id.as_str());
    let known = told.room(room, &caller.user_id).map_or(0, |known| known.position);
    if invite.is_none_or(|invite| invite.position <= known) {
        return Ok(None);
    }
    let mut response = Response::new();
    response.initial = Some(true);
    response.bump_stamp = bump_stamp(room, &caller.user_id).try_into().ok();
    response.invite_state = Some(room.stripped_state(&caller.user_id).iter().map(raw).collect::<Answer<_>>()?);
    Ok(Some(response))
}

/// A room that the user is not in any more: that, and what they could still see if the connection
/// has been told of it.
pub fn left(caller: &Caller, room: &Room, own: &Event, told: &Told) -> Answer<Response> {
    let mut response = Response::new();
    let Some(known) = told.rooms.get(&room.id) else {
        response.required_state = shown(room, caller, [own])?;
        return Ok(response);
    };
    let seen_until = room.seen_until(&caller.user_id).unwrap_or_default();
    let timeline = Timeline::after(room, &caller.user_id, known.position, known.detail.limit);
    let state = required(caller, room, known.position, &timeline, &known.detail, Some(&known.detail));
    let others = state.into_iter().filter(|event| event.position <= seen_until && event.id != own.id);
    response.required_state = shown(room, caller, others.chain([own]))?;
    put_timeline(&mut response, caller, room, told, timeline)?;
    Ok(response)
}
