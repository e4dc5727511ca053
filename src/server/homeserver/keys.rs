//! Encryption: device keys, one-time keys, and who is told that somebody's keys have changed.
//!
//! To a homeserver keys are JSON to hand on. It looks at whose they are and not at their
//! signatures: a client that let the server check those would trust the very party that encryption
//! is there to shut out.
//!
//! Who has to hear of a change is written down nowhere: [`changes`] finds it out for each sync.

use std::collections::BTreeMap;

use ruma::{
    OneTimeKeyAlgorithm, OwnedOneTimeKeyId, UInt, UserId,
    api::client::keys::{claim_keys, get_keys, upload_keys},
    encryption::{CrossSigningKey, DeviceKeys, OneTimeKey},
    serde::{JsonObject, Raw},
    uint,
};
use serde_json::{Value, json};

use super::{
    error::{Answer, invalid},
    http::{Routes, raw, read},
    world::{Caller, Device, FallbackKey, World},
};

pub mod changes;
mod cross_signing;
#[cfg(test)]
mod tests;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    cross_signing::routes(routes.on(upload).on(query).on(claim))
}

fn upload(world: &mut World, caller: Caller, request: upload_keys::v3::Request) -> Answer<upload_keys::v3::Response> {
    let device_keys = request.device_keys.map(|keys| keys_of(&caller, &keys)).transpose()?;
    let one_time_keys = read_all(&request.one_time_keys)?;
    let fallback_keys = read_all(&request.fallback_keys)?;

    let position = world.moved();
    let device = world.session(&caller)?;
    for (id, key) in &one_time_keys {
        if let Some((_, known)) = device.one_time_keys.get(id).filter(|(_, known)| known != key) {
            return Err(invalid(format!("One time key {id} already exists. Old key: {known}; new key: {key}")));
        }
    }
    for (id, key) in one_time_keys {
        device.one_time_keys.entry(id).or_insert((position, key));
    }
    for (id, key) in fallback_keys {
        device.fallback_keys.insert(id.algorithm(), FallbackKey { id, key, used: false });
    }
    let counts = one_time_key_counts(device);
    if device_keys.is_some() && device_keys != device.keys {
        device.keys = device_keys;
        world.keys_changed(&caller.user_id);
    }
    Ok(upload_keys::v3::Response::new(counts))
}

/// Device keys, if they are this device's.
fn keys_of(caller: &Caller, keys: &Raw<DeviceKeys>) -> Answer<JsonObject> {
    let DeviceKeys { user_id, device_id, .. } = read(keys)?;
    if user_id != caller.user_id || device_id != caller.device_id {
        return Err(invalid("These are another device's keys"));
    }
    read(keys)
}

fn read_all(keys: &BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>) -> Answer<Vec<(OwnedOneTimeKeyId, Value)>> {
    let read_one = |(id, key): (&OwnedOneTimeKeyId, &Raw<OneTimeKey>)| {
        read::<OneTimeKey, _>(key)?;
        Ok((id.clone(), read(key)?))
    };
    keys.iter().map(read_one).collect()
}

/// How many one-time keys are left. Zero is said too: a client that is told nothing makes no new
/// ones.
pub fn one_time_key_counts(device: &Device) -> BTreeMap<OneTimeKeyAlgorithm, UInt> {
    let mut counts = BTreeMap::from([(OneTimeKeyAlgorithm::SignedCurve25519, uint!(0))]);
    for id in device.one_time_keys.keys() {
        *counts.entry(id.algorithm()).or_default() += uint!(1);
    }
    counts
}

/// The algorithms that have a fallback key which nobody has claimed.
pub fn unused_fallback_key_types(device: &Device) -> Vec<OneTimeKeyAlgorithm> {
    let unused = device.fallback_keys.iter().filter(|(_, fallback)| !fallback.used);
    unused.map(|(algorithm, _)| algorithm.clone()).collect()
}

fn query(world: &mut World, caller: Caller, request: get_keys::v3::Request) -> Answer<get_keys::v3::Response> {
    let mut response = get_keys::v3::Response::new();
    for (id, wanted) in request.device_keys {
        let Some(user) = world.user(&id) else {
            if id.server_name() != world.options.server_name {
                response.failures.insert(id.server_name().to_string(), json!({}));
            }
            continue;
        };
        let mut devices = BTreeMap::new();
        for (device_id, device) in &user.devices {
            if (wanted.is_empty() || wanted.contains(device_id))
                && let Some(keys) = named(device)
            {
                devices.insert(device_id.clone(), raw(&keys)?);
            }
        }
        response.device_keys.insert(id.clone(), devices);

        let keys = &user.cross_signing;
        if let Some(key) = &keys.master {
            response.master_keys.insert(id.clone(), shown_to(&caller.user_id, &id, key)?);
        }
        if let Some(key) = &keys.self_signing {
            response.self_signing_keys.insert(id.clone(), shown_to(&caller.user_id, &id, key)?);
        }
        if let Some(key) = keys.user_signing.as_ref().filter(|_| caller.user_id == id) {
            response.user_signing_keys.insert(id.clone(), shown_to(&caller.user_id, &id, key)?);
        }
    }
    Ok(response)
}

/// A device's keys, with the name that its user gave it.
fn named(device: &Device) -> Option<JsonObject> {
    let mut keys = device.keys.clone()?;
    let unsigned = device.name.as_ref().map_or_else(|| json!({}), |name| json!({ "device_display_name": name }));
    keys.insert("unsigned".to_owned(), unsigned);
    Some(keys)
}

/// A cross-signing key with the signatures that concern who asks: whom somebody else has verified
/// is not for them.
fn shown_to(asker: &UserId, owner: &UserId, key: &JsonObject) -> Answer<Raw<CrossSigningKey>> {
    let mut key = key.clone();
    if let Some(signatures) = key.get_mut("signatures").and_then(Value::as_object_mut) {
        signatures.retain(|signer, _| signer == asker.as_str() || signer == owner.as_str());
    }
    raw(&key)
}

fn claim(world: &mut World, _: Caller, request: claim_keys::v3::Request) -> Answer<claim_keys::v3::Response> {
    let mut claimed = BTreeMap::<_, claim_keys::v3::OneTimeKeys>::new();
    for (user, wanted) in request.one_time_keys {
        for (device_id, algorithm) in wanted {
            let device = world.users.get_mut(&user).and_then(|user| user.devices.get_mut(&device_id));
            if let Some((id, key)) = device.and_then(|device| take_key(device, &algorithm)) {
                let keys = BTreeMap::from([(id, raw(&key)?)]);
                claimed.entry(user.clone()).or_default().insert(device_id, keys);
            }
        }
    }
    Ok(claim_keys::v3::Response::new(claimed))
}

/// The oldest one-time key, which is then gone; or else the fallback key, which stays and is then
/// used.
fn take_key(device: &mut Device, algorithm: &OneTimeKeyAlgorithm) -> Option<(OwnedOneTimeKeyId, Value)> {
    let fitting = device.one_time_keys.iter().filter(|(id, _)| id.algorithm() == *algorithm);
    let oldest = fitting.min_by_key(|(_, (position, _))| *position).map(|(id, _)| id.clone());
    if let Some(id) = oldest {
        let (_, key) = device.one_time_keys.remove(&id)?;
        return Some((id, key));
    }
    let fallback = device.fallback_keys.get_mut(algorithm)?;
    fallback.used = true;
    Some((fallback.id.clone(), fallback.key.clone()))
}
