//! Accounts and their devices: what the server has, registering, logging in and out.

use std::sync::Arc;

use axum::{
    http::{Method, StatusCode},
    response::Response,
};
use rand::distr::{Alphanumeric, SampleString};
use ruma::{
    OwnedDeviceId, OwnedUserId, RoomVersionId, UserId,
    api::{
        IncomingRequest,
        client::{
            account::{register, whoami},
            discovery::{
                get_capabilities::{
                    self,
                    v3::{Capabilities, RoomVersionStability, RoomVersionsCapability},
                },
                get_supported_versions,
            },
            session::{get_login_types, login, logout, logout_all, refresh_token},
            uiaa::{AuthData, AuthFlow, AuthType, UiaaInfo, UiaaResponse, UserIdentifier},
        },
        error::{ErrorKind, StandardErrorBody},
    },
    serde::JsonObject,
};

use super::{
    error::{Answer, bad_json, error, forbidden, senseless, unknown_token},
    http::{Plain, Routes, Shared, malformed, respond},
    receipts::delivery,
    world::{Caller, Device, Renewal, User, World},
};
use crate::delivery::receipt::{NATIVE_DEVICES_FEATURE, NATIVE_FEATURE};

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes
        .on(versions)
        .on(capabilities)
        .on(register)
        .on(login_types)
        .plain(Method::POST, "/_matrix/client/v3/login", log_in_plainly)
        .on(refresh)
        .on(log_out)
        .on(log_out_everywhere)
        .on(who_am_i)
}

fn versions(
    world: &mut World,
    _: Option<Caller>,
    _: get_supported_versions::Request,
) -> Answer<get_supported_versions::Response> {
    let mut response = get_supported_versions::Response::new(vec!["v1.1".to_owned(), "v1.11".to_owned()]);
    let delivery = world.options.delivery;
    response.unstable_features = [
        ("org.matrix.simplified_msc3575", world.options.sliding_sync),
        (NATIVE_FEATURE, delivery.is_some()),
        (NATIVE_DEVICES_FEATURE, delivery.is_some_and(|delivery| delivery.devices)),
    ]
    .map(|(name, has)| (name.to_owned(), has))
    .into();
    Ok(response)
}

fn capabilities(_: &mut World, _: Caller, _: get_capabilities::v3::Request) -> Answer<get_capabilities::v3::Response> {
    let mut capabilities = Capabilities::new();
    let versions = [(RoomVersionId::V11, RoomVersionStability::Stable)].into();
    capabilities.room_versions = RoomVersionsCapability::new(RoomVersionId::V11, versions);
    Ok(get_capabilities::v3::Response::new(capabilities))
}

fn register(world: &mut World, (): (), request: register::v3::Request) -> Answer<register::v3::Response> {
    let name = request.username.unwrap_or_else(|| secret(8).to_lowercase());
    let user = UserId::parse_with_server_name(name.to_lowercase(), &world.options.server_name)
        .ok()
        .filter(|user| user.validate_strict().is_ok())
        .ok_or_else(|| error(StatusCode::BAD_REQUEST, ErrorKind::InvalidUsername, "No user can have this name"))?;
    if world.users.contains_key(&user) {
        return Err(error(StatusCode::BAD_REQUEST, ErrorKind::UserInUse, "Somebody else has this name"));
    }
    if !matches!(request.auth, Some(AuthData::Dummy(_))) {
        let mut flows = UiaaInfo::new(vec![AuthFlow::new(vec![AuthType::Dummy])]);
        flows.session = Some(secret(16));
        return Err(UiaaResponse::AuthResponse(flows));
    }
    let password = request.password.unwrap_or_default();
    let position = world.moved();
    world.users.insert(user.clone(), User::new(&user, password, position));
    let mut response = register::v3::Response::new(user.clone());
    if !request.inhibit_login {
        let (device, token) = add_device(world, &user, request.device_id, request.initial_device_display_name);
        response.device_id = Some(device);
        response.access_token = Some(token);
    }
    Ok(response)
}

fn login_types(_: &mut World, (): (), _: get_login_types::v3::Request) -> Answer<get_login_types::v3::Response> {
    let password = get_login_types::v3::LoginType::Password(get_login_types::v3::PasswordLoginType::new());
    Ok(get_login_types::v3::Response::new(vec![password]))
}

/// ruma's request panics where JSON has no type, so that is looked for before.
async fn log_in_plainly(shared: Arc<Shared>, plain: Plain) -> Answer<Response> {
    let said: JsonObject = serde_json::from_slice(plain.http.body()).map_err(bad_json)?;
    if !said.contains_key("type") {
        return Err(senseless("A login has a type"));
    }
    let request = login::v3::Request::try_from_http_request(plain.http, &plain.path).map_err(malformed)?;
    respond(shared.with(|world| log_in(world, request))?)
}

fn log_in(world: &mut World, request: login::v3::Request) -> Answer<login::v3::Response> {
    let login::v3::LoginInfo::Password(password) = request.login_info else {
        return Err(error(StatusCode::BAD_REQUEST, ErrorKind::Unknown, "There are only passwords here"));
    };
    let user = match &password.identifier {
        Some(UserIdentifier::Matrix(id)) => {
            UserId::parse_with_server_name(id.user.to_lowercase(), &world.options.server_name).ok()
        }
        _ => None,
    };
    let wrong = || forbidden("Wrong user name or password");
    let user = user.filter(|user| world.user(user).is_some_and(|known| known.password == password.password));
    let user = user.ok_or_else(wrong)?;
    let (device, token) = add_device(world, &user, request.device_id, request.initial_device_display_name);
    let refresh_token = request.refresh_token.then(|| renewable(world, token.clone()));
    let mut response = login::v3::Response::new(user, token, device);
    response.refresh_token = refresh_token;
    Ok(response)
}

/// A refresh token for the session of this access token.
fn renewable(world: &mut World, access: String) -> String {
    let token = secret(32);
    world.renewals.insert(token.clone(), Renewal { access, next: None });
    token
}

/// The former tokens hold until the new ones are used. Exchanged once more until then, the pair
/// that was not used is dead: its answer may have been lost.
fn refresh(world: &mut World, (): (), request: refresh_token::v3::Request) -> Answer<refresh_token::v3::Response> {
    let renewal = world.renewals.get_mut(&request.refresh_token).ok_or_else(unknown_token)?;
    let (former, next) = (renewal.access.clone(), renewal.next.take());
    if let Some((access, token)) = next {
        if !world.unused.contains_key(&access) {
            return Err(forbidden("This refresh token was used"));
        }
        world.tokens.remove(&access);
        world.unused.remove(&access);
        world.renewals.remove(&token);
    }
    let caller = world.tokens.get(&former).cloned().ok_or_else(unknown_token)?;
    let access = secret(32);
    world.tokens.insert(access.clone(), caller);
    world.unused.insert(access.clone(), former);
    let token = renewable(world, access.clone());
    if let Some(renewal) = world.renewals.get_mut(&request.refresh_token) {
        renewal.next = Some((access.clone(), token.clone()));
    }
    let mut response = refresh_token::v3::Response::new(access);
    response.refresh_token = Some(token);
    Ok(response)
}

/// A device of this id, new or as it was, under a new token.
fn add_device(
    world: &mut World,
    user: &OwnedUserId,
    id: Option<OwnedDeviceId>,
    name: Option<String>,
) -> (OwnedDeviceId, String) {
    let id = id.unwrap_or_else(|| secret(10).to_uppercase().into());
    let token = secret(32);
    let caller = Caller { user_id: user.clone(), device_id: id.clone() };
    world.tokens.retain(|_, known| *known != caller);
    world.tokens.insert(token.clone(), caller);
    world.keys_changed(user);
    let (now, added) = (world.now, world.position);
    if let Some(user) = world.users.get_mut(user) {
        let device = user.devices.entry(id.clone()).or_insert_with(|| Device { added, name, ..Device::default() });
        device.last_seen = now;
    }
    (id, token)
}

fn log_out(world: &mut World, caller: Caller, _: logout::v3::Request) -> Answer<logout::v3::Response> {
    remove_device(world, &caller);
    Ok(logout::v3::Response::new())
}

fn log_out_everywhere(
    world: &mut World,
    caller: Caller,
    _: logout_all::v3::Request,
) -> Answer<logout_all::v3::Response> {
    let devices: Vec<_> = world.account(&caller)?.devices.keys().cloned().collect();
    for device in devices {
        remove_device(world, &Caller { user_id: caller.user_id.clone(), device_id: device });
    }
    Ok(logout_all::v3::Response::new())
}

/// Ends a device's session, with everything that waits for it.
pub fn remove_device(world: &mut World, caller: &Caller) {
    world.tokens.retain(|_, known| known != caller);
    if let Some(user) = world.users.get_mut(&caller.user_id) {
        user.devices.remove(&caller.device_id);
    }
    delivery::forget_device(world, caller);
    world.keys_changed(&caller.user_id);
}

fn who_am_i(_: &mut World, caller: Caller, _: whoami::v3::Request) -> Answer<whoami::v3::Response> {
    let mut response = whoami::v3::Response::new(caller.user_id, false);
    response.device_id = Some(caller.device_id);
    Ok(response)
}

/// Lets through who proves by their password that it is them at the device, and asks everybody else
/// for it.
///
/// There is one stage, so there is nothing to be remembered between the question and its answer.
pub fn prove(world: &World, caller: &Caller, auth: Option<&AuthData>) -> Answer<()> {
    let mut question = UiaaInfo::new(vec![AuthFlow::new(vec![AuthType::Password])]);
    question.session = Some(secret(16));
    if let Some(AuthData::Password(proof)) = auth {
        let names_them = match &proof.identifier {
            UserIdentifier::Matrix(id) => id.user == caller.user_id.as_str() || id.user == caller.user_id.localpart(),
            _ => false,
        };
        if names_them && world.user(&caller.user_id).is_some_and(|user| user.password == proof.password) {
            return Ok(());
        }
        let wrong = StandardErrorBody::new(ErrorKind::Forbidden, "Wrong password".to_owned());
        question.auth_error = Some(wrong);
    }
    Err(UiaaResponse::AuthResponse(question))
}

/// Something that nobody can guess.
pub fn secret(length: usize) -> String {
    Alphanumeric.sample_string(&mut rand::rng(), length)
}
