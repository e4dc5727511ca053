//! The crypto store on disk: whose keys are in it, and what of it outlives the device.
//!
//! The keys of a device must never go on under another device's id, and a device's id never with
//! other keys: its old one-time keys would still be handed out, and whoever takes one could not be
//! understood. So before a login asks for a device, it looks at whose keys there are; what the
//! session file says is not enough, since files get lost apart.
//!
//! Room keys belong to the user, not to the device: without them, own history cannot be read. When
//! a device is given up, they stay. Everything else in the store goes in one transaction, so no
//! kill comes in between.

use std::{path::PathBuf, time::Duration};

use matrix_sdk::{
    SqliteCryptoStore,
    ruma::{OwnedDeviceId, OwnedUserId},
};
use matrix_sdk_base::crypto::store::CryptoStore as _;
use rusqlite::Connection;

use super::vault::Vault;
use crate::client::errors::SessionError;

/// The SDK keeps each store in a database of its own; this is the device's.
const DATABASE: &str = "matrix-sdk-crypto.sqlite3";
/// How long somebody else (a backup, a virus scanner) may be at it.
const BUSY: Duration = Duration::from_secs(10);

/// Whose keys there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub user_id: OwnedUserId,
    pub device_id: OwnedDeviceId,
}

fn database(vault: &Vault) -> PathBuf {
    vault.dir().join(DATABASE)
}

/// Whether there is a crypto store at all.
pub(super) fn are_there(vault: &Vault) -> bool {
    database(vault).exists()
}

/// Whose keys are in the folder.
pub(super) async fn owner(vault: &Vault) -> Result<Option<Owner>, SessionError> {
    if !are_there(vault) {
        return Ok(None);
    }
    let unusable = |error: &(dyn std::error::Error + 'static)| SessionError::opening(vault.dir(), error);
    let store = SqliteCryptoStore::open_with_key(vault.dir(), Some(vault.key())).await.map_err(|e| unusable(&e))?;
    let account = store.load_account().await.map_err(|error| unusable(&error))?;
    Ok(account
        .map(|account| Owner { user_id: account.user_id().to_owned(), device_id: account.device_id().to_owned() }))
}

/// Deletes what belongs to the device, and keeps the room keys.
pub(super) fn give_up_device(vault: &Vault) -> Result<(), SessionError> {
    let path = database(vault);
    if !path.exists() {
        return Ok(());
    }
    let give_up = || -> rusqlite::Result<()> {
        let mut database = Connection::open(&path)?;
        database.busy_timeout(BUSY)?;
        let transaction = database.transaction()?;
        let tables: Vec<String> = transaction
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for table in tables {
            match table.as_str() {
                "inbound_group_session" => {}
                // What the store itself is read with.
                "kv" => drop(transaction.execute("DELETE FROM kv WHERE key NOT IN ('version', 'cipher')", [])?),
                table => drop(transaction.execute(&format!("DELETE FROM \"{table}\""), [])?),
            }
        }
        transaction.commit()
    };
    give_up().map_err(|error| SessionError::opening(vault.dir(), &error))
}
