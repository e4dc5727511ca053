//! Cross-signing: the keys of a user, and the signatures that are added to keys later.

use ruma::{
    UserId,
    api::client::keys::{
        upload_signatures::{self, v3::Failure},
        upload_signing_keys,
    },
    encryption::{CrossSigningKey, KeyUsage},
    serde::{JsonObject, Raw},
};
use serde_json::{Value, json, value::RawValue};

use super::super::{
    accounts,
    error::{Answer, bad_json, invalid},
    http::{Routes, read},
    world::{Caller, User, World},
};

#[cfg(test)]
mod tests;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes.on(upload_keys).on(upload_signatures)
}

/// The first keys of a user need no proof, nor do the same again (MSC3967); others would put a
/// thief in their place.
fn upload_keys(
    world: &mut World,
    caller: Caller,
    request: upload_signing_keys::v3::Request,
) -> Answer<upload_signing_keys::v3::Response> {
    let read_key = |key: Option<Raw<CrossSigningKey>>, usage| key.map(|key| key_of(&caller, &key, &usage)).transpose();
    let master = read_key(request.master_key, KeyUsage::Master)?;
    let self_signing = read_key(request.self_signing_key, KeyUsage::SelfSigning)?;
    let user_signing = read_key(request.user_signing_key, KeyUsage::UserSigning)?;

    let known = &mut world.account(&caller)?.cross_signing;
    if master.is_none() && known.master.is_none() {
        return Err(invalid("A master key comes first"));
    }
    let is_same = |new: &Option<JsonObject>, known: &Option<JsonObject>| {
        new.as_ref().is_none_or(|new| known.as_ref().is_some_and(|known| known.get("keys") == new.get("keys")))
    };
    let same = is_same(&master, &known.master)
        && is_same(&self_signing, &known.self_signing)
        && is_same(&user_signing, &known.user_signing);
    if same {
        return Ok(upload_signing_keys::v3::Response::new());
    }
    if known.master.is_some() {
        accounts::prove(world, &caller, request.auth.as_ref())?;
    }
    let known = &mut world.account(&caller)?.cross_signing;
    known.master = master.or(known.master.take());
    known.self_signing = self_signing.or(known.self_signing.take());
    known.user_signing = user_signing.or(known.user_signing.take());
    world.keys_changed(&caller.user_id);
    Ok(upload_signing_keys::v3::Response::new())
}

/// A cross-signing key, if it is this user's and for this use.
fn key_of(caller: &Caller, key: &Raw<CrossSigningKey>, usage: &KeyUsage) -> Answer<JsonObject> {
    let CrossSigningKey { user_id, usage: usages, keys, .. } = read(key)?;
    if user_id != caller.user_id || !usages.contains(usage) || keys.len() != 1 {
        return Err(invalid(format!("This is no {usage} key of {}", caller.user_id)));
    }
    read(key)
}

/// Each signature is taken or refused by itself.
fn upload_signatures(
    world: &mut World,
    caller: Caller,
    request: upload_signatures::v3::Request,
) -> Answer<upload_signatures::v3::Response> {
    let mut response = upload_signatures::v3::Response::new();
    for (owner, signed_keys) in request.signed_keys {
        let mut changed = false;
        for (id, signed) in &signed_keys {
            match add_signatures(world, &caller, &owner, id, signed) {
                Ok(()) => changed = true,
                Err(why) => {
                    let failures = response.failures.entry(owner.clone()).or_default();
                    failures.insert(id.to_owned(), failure(why)?);
                }
            }
        }
        if changed {
            world.keys_changed(&owner);
        }
    }
    Ok(response)
}

/// Adds the caller's signatures to the key that they were made for.
fn add_signatures(
    world: &mut World,
    caller: &Caller,
    owner: &UserId,
    id: &str,
    signed: &RawValue,
) -> Result<(), &'static str> {
    let mut signed: JsonObject = serde_json::from_str(signed.get()).map_err(|_| "This is no key")?;
    let signatures = signed.get("signatures").and_then(|signatures| signatures.get(caller.user_id.as_str()));
    let signatures = signatures.and_then(Value::as_object).ok_or("You have not signed this")?.clone();
    let user = world.users.get_mut(owner);
    let key =
        user.and_then(|user| signable(user, caller, owner, id)).ok_or("Nothing that you could sign has this id")?;

    let mut known = key.clone();
    for unsigned in ["signatures", "unsigned"] {
        known.remove(unsigned);
        signed.remove(unsigned);
    }
    if known != signed {
        return Err("The key that was signed is not the key that is known");
    }
    let all = key.entry("signatures").or_insert_with(|| json!({})).as_object_mut();
    let all = all.map(|all| all.entry(caller.user_id.as_str()).or_insert_with(|| json!({})));
    if let Some(all) = all.and_then(Value::as_object_mut) {
        all.extend(signatures);
    }
    Ok(())
}

/// One's own devices can be signed, and everybody's master key.
fn signable<'a>(user: &'a mut User, caller: &Caller, owner: &UserId, id: &str) -> Option<&'a mut JsonObject> {
    let is_named = |key: &JsonObject| {
        let keys = key.get("keys").and_then(Value::as_object);
        keys.is_some_and(|keys| keys.values().any(|key| key == id))
    };
    if user.cross_signing.master.as_ref().is_some_and(is_named) {
        return user.cross_signing.master.as_mut();
    }
    let own_device = user.devices.iter_mut().find(|(device, _)| caller.user_id == *owner && *device == id);
    own_device.and_then(|(_, device)| device.keys.as_mut())
}

/// ruma can read this, and has no other way of making it.
fn failure(why: &str) -> Answer<Failure> {
    serde_json::from_value(json!({ "errcode": "M_INVALID_SIGNATURE", "error": why })).map_err(bad_json)
}
