//! Whether an event is well-formed: as far as the server itself has to understand it.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use ruma::{
    EventId, RoomId, UserId,
    api::error::ErrorKind,
    canonical_json::try_from_json_map,
    events::room::{
        canonical_alias::RoomCanonicalAliasEventContent,
        member::{MembershipState, RoomMemberEventContent},
    },
};
use serde::Deserialize;
use serde_json::Value;

use super::Draft;
use crate::server::homeserver::{
    error::{Answer, bad_json, error, senseless, too_large},
    world::{Room, World},
};

/// No content may have more bytes as JSON.
const LARGEST_CONTENT: usize = 64 << 10;
/// No type, state key or id may have more bytes.
pub const LONGEST_NAME: usize = 255;

/// Single levels in `m.room.power_levels`.
const LEVELS: [&str; 7] = ["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"];
/// Levels by name in `m.room.power_levels`.
const LEVELS_BY_NAME: [&str; 3] = ["users", "events", "notifications"];

/// Refuses what is too large, is not canonical JSON, or would leave the room without sense.
pub fn check(draft: &Draft) -> Answer<()> {
    let Value::Object(content) = &draft.content else { return Err(senseless("An event's content is an object")) };
    if draft.content.to_string().len() > LARGEST_CONTENT {
        return Err(too_large(format!("An event's content may have {LARGEST_CONTENT} bytes")));
    }
    if draft.kind.len().max(draft.state_key.as_ref().map_or(0, String::len)) > LONGEST_NAME {
        return Err(too_large(format!("A type or state key may have {LONGEST_NAME} bytes")));
    }
    try_from_json_map(content.clone()).map_err(|why| senseless(why.to_string()))?;
    match (draft.kind.as_str(), &draft.state_key) {
        ("m.room.member", Some(user)) => {
            let member = parsed::<RoomMemberEventContent>(&draft.content)?;
            let known = [
                MembershipState::Join,
                MembershipState::Invite,
                MembershipState::Leave,
                MembershipState::Ban,
                MembershipState::Knock,
            ];
            require(known.contains(&member.membership), "There is no such membership")?;
            require(UserId::parse(user).is_ok(), "A membership's state key is a user's id")
        }
        ("m.room.power_levels", Some(_)) => levels(&draft.content).map(drop),
        ("m.room.join_rules", Some(_)) => require(draft.content["join_rule"].is_string(), "This needs a join_rule"),
        ("m.room.history_visibility", Some(_)) => {
            require(draft.content["history_visibility"].is_string(), "This needs a history_visibility")
        }
        ("m.room.redaction", None) => require(draft.redacts().is_some(), "This needs the id of what it redacts"),
        _ => Ok(()),
    }
}

/// Every level that `m.room.power_levels` sets, by the list it stands in (or none) and its name.
pub fn levels(content: &Value) -> Answer<BTreeMap<(&str, &str), i64>> {
    let mut found = Vec::new();
    for name in LEVELS {
        found.extend(content.get(name).map(|level| (("", name), level)));
    }
    for list in LEVELS_BY_NAME {
        let Some(entries) = content.get(list) else { continue };
        let entries = entries.as_object().ok_or_else(|| senseless(format!("{list} is an object")))?;
        found.extend(entries.iter().map(|(name, level)| ((list, name.as_str()), level)));
    }
    let are_users = found.iter().all(|((list, name), _)| *list != "users" || UserId::parse(*name).is_ok());
    require(are_users, "Only users have levels of their own")?;
    let found = found.into_iter().map(|(key, level)| Some((key, level.as_i64()?)));
    found.collect::<Option<_>>().ok_or_else(|| senseless("A power level is a whole number"))
}

/// Refuses the same reaction twice.
pub fn check_relation(room: &Room, sender: &UserId, draft: &Draft) -> Answer<()> {
    let relation = &draft.content["m.relates_to"];
    let target = relation["event_id"].as_str().and_then(|target| EventId::parse(target).ok());
    let Some(target) = target.filter(|_| relation["rel_type"] == "m.annotation") else { return Ok(()) };
    let same = room.relating(&target).map(|place| &room.events[place]).any(|event| {
        event.sender == sender && event.kind == draft.kind && event.content["m.relates_to"]["key"] == relation["key"]
    });
    if same {
        return Err(error(StatusCode::BAD_REQUEST, ErrorKind::DuplicateAnnotation, "You have said so already"));
    }
    Ok(())
}

/// Refuses to call a room by an alias of another one.
pub fn check_aliases(world: &World, room: &RoomId, draft: &Draft) -> Answer<()> {
    if draft.kind != "m.room.canonical_alias" || draft.state_key.is_none() {
        return Ok(());
    }
    let named = parsed::<RoomCanonicalAliasEventContent>(&draft.content)?;
    if named.alias.iter().chain(&named.alt_aliases).any(|alias| world.aliases.get(alias).is_none_or(|of| of != room)) {
        return Err(error(StatusCode::BAD_REQUEST, ErrorKind::BadAlias, "This is no alias of this room"));
    }
    Ok(())
}

fn parsed<'a, T: Deserialize<'a>>(content: &'a Value) -> Answer<T> {
    T::deserialize(content).map_err(bad_json)
}

fn require(is_so: bool, otherwise: &str) -> Answer<()> {
    if is_so { Ok(()) } else { Err(senseless(otherwise)) }
}
