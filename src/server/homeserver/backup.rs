//! Key backups: what a user's devices keep of their room keys, encrypted for nobody but that user.

use std::{cmp::Reverse, collections::BTreeMap};

use axum::http::StatusCode;
use ruma::{
    OwnedRoomId, RoomId, UInt,
    api::{
        client::backup::{
            BackupAlgorithm, KeyBackupData, RoomKeyBackup, add_backup_keys, add_backup_keys_for_room,
            add_backup_keys_for_session, create_backup_version, delete_backup_keys, delete_backup_keys_for_room,
            delete_backup_keys_for_session, delete_backup_version, get_backup_info, get_backup_keys,
            get_backup_keys_for_room, get_backup_keys_for_session, get_latest_backup_info, update_backup_version,
        },
        error::{ErrorKind, WrongRoomKeysVersionErrorData},
    },
    serde::{JsonObject, Raw},
};

use super::{
    error::{Answer, error, invalid, not_found},
    http::{Routes, raw, read},
    sync::news::count,
    world::{Backup, Caller, World},
};

#[cfg(test)]
mod tests;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes
        .on(create)
        .on(latest)
        .on(info)
        .on(update)
        .on(delete)
        .on(put_all)
        .on(put_room)
        .on(put_session)
        .on(get_all)
        .on(get_room)
        .on(get_session)
        .on(delete_all)
        .on(delete_room)
        .on(delete_session)
}

// ── Versions ─────────────────────────────────────────────────────────────────────────────────────────────────────────

fn create(
    world: &mut World,
    caller: Caller,
    request: create_backup_version::v3::Request,
) -> Answer<create_backup_version::v3::Response> {
    let info = info_of(&request.algorithm)?;
    let backups = &mut world.account(&caller)?.backups;
    backups.push(Backup { info, deleted: false, etag: 0, keys: BTreeMap::new() });
    Ok(create_backup_version::v3::Response::new(backups.len().to_string()))
}

fn info_of(algorithm: &Raw<BackupAlgorithm>) -> Answer<JsonObject> {
    read::<BackupAlgorithm, _>(algorithm)?;
    read(algorithm)
}

fn latest(
    world: &mut World,
    caller: Caller,
    _: get_latest_backup_info::v3::Request,
) -> Answer<get_latest_backup_info::v3::Response> {
    let (version, backup) = current(world, &caller)?;
    let (etag, count) = state(backup);
    Ok(get_latest_backup_info::v3::Response::new(raw(&backup.info)?, count, etag, version))
}

fn info(
    world: &mut World,
    caller: Caller,
    request: get_backup_info::v3::Request,
) -> Answer<get_backup_info::v3::Response> {
    let backup = find(world, &caller, &request.version)?;
    let (etag, count) = state(backup);
    Ok(get_backup_info::v3::Response::new(raw(&backup.info)?, count, etag, request.version))
}

/// Signatures may be added; what the keys are encrypted with stays.
fn update(
    world: &mut World,
    caller: Caller,
    request: update_backup_version::v3::Request,
) -> Answer<update_backup_version::v3::Response> {
    let info = info_of(&request.algorithm)?;
    let backup = find(world, &caller, &request.version)?;
    if backup.info.get("algorithm") != info.get("algorithm") {
        return Err(invalid("A version of a backup keeps its algorithm"));
    }
    backup.info = info;
    Ok(update_backup_version::v3::Response::new())
}

fn delete(
    world: &mut World,
    caller: Caller,
    request: delete_backup_version::v3::Request,
) -> Answer<delete_backup_version::v3::Response> {
    let backup = find(world, &caller, &request.version)?;
    backup.deleted = true;
    backup.keys.clear();
    Ok(delete_backup_version::v3::Response::new())
}

/// A version, unless it was deleted.
fn find<'a>(world: &'a mut World, caller: &Caller, version: &str) -> Answer<&'a mut Backup> {
    let index = version.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let backups = &mut world.account(caller)?.backups;
    let backup = index.and_then(|index| backups.get_mut(index)).filter(|backup| !backup.deleted);
    backup.ok_or_else(|| not_found("There is no such version of a backup"))
}

/// The version that is written to.
fn current<'a>(world: &'a mut World, caller: &Caller) -> Answer<(String, &'a mut Backup)> {
    let mut backups = world.account(caller)?.backups.iter_mut().enumerate();
    let latest = backups.rfind(|(_, backup)| !backup.deleted);
    let (index, backup) = latest.ok_or_else(|| not_found("There is no backup"))?;
    Ok(((index + 1).to_string(), backup))
}

/// The etag and how many keys there are.
fn state(backup: &Backup) -> (String, UInt) {
    let sessions = backup.keys.values().map(BTreeMap::len).sum::<usize>();
    (backup.etag.to_string(), count(sessions))
}

// ── Keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

type Sessions = BTreeMap<String, Raw<KeyBackupData>>;

fn put_all(
    world: &mut World,
    caller: Caller,
    request: add_backup_keys::v3::Request,
) -> Answer<add_backup_keys::v3::Response> {
    let rooms = request.rooms.into_iter().map(|(room, backup)| (room, backup.sessions));
    let (etag, count) = put(world, &caller, &request.version, rooms)?;
    Ok(add_backup_keys::v3::Response::new(etag, count))
}

fn put_room(
    world: &mut World,
    caller: Caller,
    request: add_backup_keys_for_room::v3::Request,
) -> Answer<add_backup_keys_for_room::v3::Response> {
    let (etag, count) = put(world, &caller, &request.version, [(request.room_id, request.sessions)])?;
    Ok(add_backup_keys_for_room::v3::Response::new(etag, count))
}

fn put_session(
    world: &mut World,
    caller: Caller,
    request: add_backup_keys_for_session::v3::Request,
) -> Answer<add_backup_keys_for_session::v3::Response> {
    let sessions = BTreeMap::from([(request.session_id, request.session_data)]);
    let (etag, count) = put(world, &caller, &request.version, [(request.room_id, sessions)])?;
    Ok(add_backup_keys_for_session::v3::Response::new(etag, count))
}

/// Keeps each key that is better than the one that is there.
fn put(
    world: &mut World,
    caller: &Caller,
    version: &str,
    rooms: impl IntoIterator<Item = (OwnedRoomId, Sessions)>,
) -> Answer<(String, UInt)> {
    find(world, caller, version)?;
    let (current, backup) = current(world, caller)?;
    if current != version {
        let kind = ErrorKind::WrongRoomKeysVersion(WrongRoomKeysVersionErrorData::new(current));
        return Err(error(StatusCode::FORBIDDEN, kind, "There is a later version of the backup"));
    }
    let mut better = Vec::new();
    for (room, sessions) in rooms {
        for (session, key) in sessions {
            let new = worth(&key)?;
            let known = backup.keys.get(&room).and_then(|sessions| sessions.get(&session));
            if known.map(worth).transpose()?.is_none_or(|known| new > known) {
                better.push((room.clone(), session, key));
            }
        }
    }
    backup.etag += u64::from(!better.is_empty());
    for (room, session, key) in better {
        backup.keys.entry(room).or_default().insert(session, key);
    }
    Ok(state(backup))
}

/// Which of two keys of a session is kept: the verified one, or else the one that reads more of the
/// room, or else the one that went through fewer hands.
fn worth(key: &Raw<KeyBackupData>) -> Answer<(bool, Reverse<UInt>, Reverse<UInt>)> {
    let key: KeyBackupData = read(key)?;
    Ok((key.is_verified, Reverse(key.first_message_index), Reverse(key.forwarded_count)))
}

fn get_all(
    world: &mut World,
    caller: Caller,
    request: get_backup_keys::v3::Request,
) -> Answer<get_backup_keys::v3::Response> {
    let backup = find(world, &caller, &request.version)?;
    let rooms = backup.keys.iter().map(|(room, sessions)| (room.clone(), RoomKeyBackup::new(sessions.clone())));
    Ok(get_backup_keys::v3::Response::new(rooms.collect()))
}

fn get_room(
    world: &mut World,
    caller: Caller,
    request: get_backup_keys_for_room::v3::Request,
) -> Answer<get_backup_keys_for_room::v3::Response> {
    let backup = find(world, &caller, &request.version)?;
    let sessions = backup.keys.get(&request.room_id).cloned().unwrap_or_default();
    Ok(get_backup_keys_for_room::v3::Response::new(sessions))
}

fn get_session(
    world: &mut World,
    caller: Caller,
    request: get_backup_keys_for_session::v3::Request,
) -> Answer<get_backup_keys_for_session::v3::Response> {
    let backup = find(world, &caller, &request.version)?;
    let key = backup.keys.get(&request.room_id).and_then(|sessions| sessions.get(&request.session_id));
    let key = key.ok_or_else(|| not_found("The backup has no key of this session"))?;
    Ok(get_backup_keys_for_session::v3::Response::new(key.clone()))
}

fn delete_all(
    world: &mut World,
    caller: Caller,
    request: delete_backup_keys::v3::Request,
) -> Answer<delete_backup_keys::v3::Response> {
    let (etag, count) = remove(world, &caller, &request.version, |_, _| true)?;
    Ok(delete_backup_keys::v3::Response::new(etag, count))
}

fn delete_room(
    world: &mut World,
    caller: Caller,
    request: delete_backup_keys_for_room::v3::Request,
) -> Answer<delete_backup_keys_for_room::v3::Response> {
    let (etag, count) = remove(world, &caller, &request.version, |room, _| room == request.room_id)?;
    Ok(delete_backup_keys_for_room::v3::Response::new(etag, count))
}

fn delete_session(
    world: &mut World,
    caller: Caller,
    request: delete_backup_keys_for_session::v3::Request,
) -> Answer<delete_backup_keys_for_session::v3::Response> {
    let is_it = |room: &RoomId, session: &str| room == request.room_id && session == request.session_id;
    let (etag, count) = remove(world, &caller, &request.version, is_it)?;
    Ok(delete_backup_keys_for_session::v3::Response::new(etag, count))
}

fn remove(
    world: &mut World,
    caller: &Caller,
    version: &str,
    is_meant: impl Fn(&RoomId, &str) -> bool,
) -> Answer<(String, UInt)> {
    let backup = find(world, caller, version)?;
    let (_, before) = state(backup);
    for (room, sessions) in &mut backup.keys {
        sessions.retain(|session, _| !is_meant(room, session));
    }
    backup.keys.retain(|_, sessions| !sessions.is_empty());
    let (_, after) = state(backup);
    backup.etag += u64::from(before != after);
    Ok(state(backup))
}
