//! Profiles.

use ruma::{
    OwnedMxcUri, UserId,
    api::client::profile::{get_avatar_url, get_display_name, get_profile, set_avatar_url, set_display_name},
    profile::ProfileFieldValue,
};

use super::{
    error::{Answer, forbidden, invalid, not_found},
    http::Routes,
    rooms::introduce_anew,
    world::{Caller, User, World},
};

#[cfg(test)]
mod tests;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes.on(profile).on(name).on(avatar).on(set_name).on(set_avatar)
}

fn find<'a>(world: &'a World, user: &UserId) -> Answer<&'a User> {
    world.user(user).ok_or_else(|| not_found("There is nobody of this name"))
}

fn profile(world: &mut World, (): (), request: get_profile::v3::Request) -> Answer<get_profile::v3::Response> {
    let user = find(world, &request.user_id)?;
    let name = user.name.clone().map(ProfileFieldValue::DisplayName);
    let avatar = user.avatar.clone().map(ProfileFieldValue::AvatarUrl);
    Ok(name.into_iter().chain(avatar).collect())
}

fn name(world: &mut World, (): (), request: get_display_name::v3::Request) -> Answer<get_display_name::v3::Response> {
    let user = find(world, &request.user_id)?;
    Ok(get_display_name::v3::Response::new(user.name.clone()))
}

fn avatar(world: &mut World, (): (), request: get_avatar_url::v3::Request) -> Answer<get_avatar_url::v3::Response> {
    let user = find(world, &request.user_id)?;
    Ok(get_avatar_url::v3::Response::new(user.avatar.clone()))
}

fn set_name(
    world: &mut World,
    caller: Caller,
    request: set_display_name::v3::Request,
) -> Answer<set_display_name::v3::Response> {
    let name = request.displayname.filter(|name| !name.is_empty());
    check_length(name.as_deref().unwrap_or_default(), 256)?;
    change(world, &caller, &request.user_id, |user| user.name = name)?;
    Ok(set_display_name::v3::Response::new())
}

fn set_avatar(
    world: &mut World,
    caller: Caller,
    request: set_avatar_url::v3::Request,
) -> Answer<set_avatar_url::v3::Response> {
    let avatar = request.avatar_url.filter(|avatar: &OwnedMxcUri| !avatar.as_str().is_empty());
    check_length(avatar.as_ref().map_or("", |avatar| avatar.as_str()), 1000)?;
    change(world, &caller, &request.user_id, |user| user.avatar = avatar)?;
    Ok(set_avatar_url::v3::Response::new())
}

/// Changes a profile, which the rooms of its user are told.
fn change(world: &mut World, caller: &Caller, user: &UserId, change: impl FnOnce(&mut User)) -> Answer<()> {
    if caller.user_id != user {
        return Err(forbidden("This is somebody else's profile"));
    }
    change(world.account(caller)?);
    introduce_anew(world, user)
}

/// A profile is shown beside every message: it must not be long.
fn check_length(text: &str, most: usize) -> Answer<()> {
    if text.len() > most { Err(invalid(format!("This may have {most} bytes"))) } else { Ok(()) }
}
