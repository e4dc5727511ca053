//! The SDK's stores on their files, each [`Steady`], the event cache's without what only the server
//! can vouch for ([`Cache`]). What is in the media store can be fetched again, so that one may
//! fail.

use std::{path::Path, sync::Arc};

use matrix_sdk::{
    SqliteCryptoStore, SqliteEventCacheStore, SqliteMediaStore, SqliteStateStore, SqliteStoreConfig,
    config::StoreConfig, cross_process_lock::CrossProcessLockConfig,
};

use super::{Disk, Keys, Steady, whole::Whole};
use crate::client::{
    errors::SessionError,
    vouched::{Cache, Nothings},
};

const STATE: &str = "matrix-sdk-state.sqlite3";
const CRYPTO: &str = "matrix-sdk-crypto.sqlite3";
const EVENT_CACHE: &str = "matrix-sdk-event-cache.sqlite3";

/// Opens the stores in a folder; the keys can be asked, too.
pub(in crate::client) async fn stores(
    folder: &Path,
    config: SqliteStoreConfig,
    disk: &Arc<Disk>,
    nothings: &Arc<Nothings>,
) -> Result<(StoreConfig, Keys), SessionError> {
    let opening = |error| SessionError::building(folder, &error);
    let state = SqliteStateStore::open_with_config(&config).await.map_err(opening)?;
    let cache = SqliteEventCacheStore::open_with_config(&config).await.map_err(opening)?;
    let media = SqliteMediaStore::open_with_config(&config).await.map_err(opening)?;
    let crypto = SqliteCryptoStore::open_with_config(&config).await.map_err(opening)?;
    let crypto = Arc::new(steady(crypto, CRYPTO, disk));
    let config = StoreConfig::new(CrossProcessLockConfig::SingleProcess)
        .state_store(steady(state, STATE, disk))
        .event_cache_store(Cache { disk: Whole::new(steady(cache, EVENT_CACHE, disk)), nothings: Arc::clone(nothings) })
        .media_store(media)
        .crypto_store(Arc::clone(&crypto));
    Ok((config, Keys(crypto)))
}

fn steady<Store>(inner: Store, file: &'static str, disk: &Arc<Disk>) -> Steady<Store> {
    Steady { inner, file, disk: Arc::clone(disk) }
}
