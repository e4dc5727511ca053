//! The SQLite file, and the cipher through which everything goes in and out.

use std::{collections::HashSet, fs::OpenOptions, io, path::Path};

use matrix_sdk_store_encryption::{EncryptedValueBase64, Error as CipherError, StoreCipher};
use rusqlite::{Connection, ErrorCode, Params, TransactionBehavior};
use serde::{Serialize, de::DeserializeOwned};

use super::{Result, StoreError};

/// What makes each version of the file out of the one before, beginning with an empty one. Files of
/// every version are on people's disks: a step that was ever released is not changed any more, and
/// a new one comes last.
///
/// Keys are hashed, values encrypted. `day` is the last day on which a row is of use, in days since
/// 1970; rowids keep the order of writing.
const STEPS: &[&str] = &[FIRST, LARGE, LOG, BRIDGED, RESPONSIVENESS, EARLY, TRACES];

const FIRST: &str = "
    CREATE TABLE cipher (value BLOB NOT NULL) STRICT;
    CREATE TABLE fates (key BLOB PRIMARY KEY, stage INTEGER NOT NULL, day INTEGER, value BLOB NOT NULL)
        STRICT, WITHOUT ROWID;
    CREATE INDEX fates_open ON fates (stage) WHERE stage < 2;
    CREATE TABLE requests (key BLOB PRIMARY KEY, person BLOB NOT NULL, device BLOB NOT NULL, day INTEGER NOT NULL,
        value BLOB NOT NULL) STRICT;
    CREATE INDEX requests_person ON requests (person);
    CREATE INDEX requests_device ON requests (device);
    CREATE TABLE asked (key BLOB PRIMARY KEY, room BLOB NOT NULL, day INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
    CREATE INDEX asked_room ON asked (room);
    CREATE TABLE own_events (key BLOB PRIMARY KEY, room BLOB NOT NULL, value BLOB NOT NULL) STRICT;
    CREATE INDEX own_events_room ON own_events (room);
    CREATE TABLE claims (key BLOB PRIMARY KEY, event BLOB NOT NULL, user BLOB NOT NULL, value BLOB NOT NULL)
        STRICT, WITHOUT ROWID;
    CREATE INDEX claims_event ON claims (event);
    CREATE INDEX claims_user ON claims (user);
    CREATE TABLE known (key BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE rooms (key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE walks (key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE sync_token (value BLOB NOT NULL) STRICT;
";

/// Large messages; and a row for how somebody answers, in place of an index of all that they ever
/// claimed.
const LARGE: &str = "
    CREATE TABLE large (key BLOB PRIMARY KEY, room BLOB NOT NULL, value BLOB NOT NULL) STRICT;
    CREATE INDEX large_room ON large (room);
    CREATE TABLE segments (event BLOB NOT NULL, kind INTEGER NOT NULL, entries INTEGER NOT NULL, value BLOB NOT NULL)
        STRICT;
    CREATE INDEX segments_event ON segments (event, kind, entries);
    CREATE TABLE answers (key BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
    INSERT INTO answers SELECT DISTINCT user FROM claims;
    DROP INDEX claims_user;
    ALTER TABLE claims DROP COLUMN user;
";

/// What is told to others is logged; and a message whose key is awaited can be one whose sender was
/// told.
const LOG: &str = "
    CREATE TABLE log (key BLOB UNIQUE, day INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
    UPDATE fates SET stage = stage + 1 WHERE stage > 0;
    DROP INDEX fates_open;
    CREATE INDEX fates_open ON fates (stage) WHERE stage < 3;
";
/// What bridges said.
const BRIDGED: &str = "CREATE TABLE bridged (key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;";

/// How devices answer, one row a person; and what own devices said about own messages.
const RESPONSIVENESS: &str = "
    CREATE TABLE habits (key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE fleet (key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
";

/// What came before its message, or is not dealt with; in whose messages what was withheld; which
/// device this is, and whether it runs.
const EARLY: &str = "
    CREATE TABLE early (key BLOB UNIQUE, day INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
    CREATE TABLE inbox (key BLOB UNIQUE, day INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
    CREATE TABLE quiet (key BLOB PRIMARY KEY, day INTEGER NOT NULL, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE device (value BLOB NOT NULL) STRICT;
    CREATE TABLE running (one INTEGER NOT NULL) STRICT;
";

/// What was told to be unreadable, and was no message.
const TRACES: &str = "
    CREATE TABLE traces (key BLOB PRIMARY KEY, room BLOB NOT NULL, person BLOB NOT NULL, day INTEGER NOT NULL,
        value BLOB NOT NULL) STRICT;
    CREATE INDEX traces_room ON traces (room);
    CREATE INDEX traces_person ON traces (person);
";

/// A hashed key.
pub type RowKey = [u8; 32];

/// Makes attempts at a write until one succeeds or fails for good, and says how the last one ended.
pub type Keeper = Box<dyn FnMut(&mut dyn FnMut() -> Result<()>) -> Result<()> + Send>;

/// The open file.
pub struct Disk {
    db: Connection,
    cipher: StoreCipher,
    keeper: Keeper,
}

impl Disk {
    /// Opens the file in the version of now; makes it when it is missing.
    pub fn open(path: &Path, key: &[u8; 32]) -> Result<Self> {
        Self::open_at(STEPS.len(), path, key)
    }

    /// Opens the file in a certain version; what it lacks to that is done in one transaction.
    pub fn open_at(version: usize, path: &Path, key: &[u8; 32]) -> Result<Self> {
        make_private(path).map_err(|source| StoreError::File { path: path.to_owned(), source })?;
        let damaged = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => StoreError::Damaged(path.to_owned()),
            _ => StoreError::Sqlite(error),
        };
        let mut db = Connection::open(path).map_err(damaged)?;
        db.pragma_update(None, "journal_mode", "WAL").map_err(damaged)?;
        db.pragma_update(None, "synchronous", "NORMAL").map_err(damaged)?;
        let found: usize = db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(damaged)?;
        let missing = STEPS.get(found..version).ok_or_else(|| StoreError::Newer(path.to_owned()))?;
        let cipher = if found == 0 {
            StoreCipher::new()?
        } else {
            let export: Vec<u8> = db.query_one("SELECT value FROM cipher", [], |row| row.get(0)).map_err(damaged)?;
            StoreCipher::import_with_key(key, &export).map_err(|error| match error {
                CipherError::Encryption(_) => StoreError::OtherKey(path.to_owned()),
                _ => StoreError::Damaged(path.to_owned()),
            })?
        };
        if !missing.is_empty() {
            let tx = db.transaction()?;
            missing.iter().try_for_each(|step| tx.execute_batch(step))?;
            if found == 0 {
                tx.execute("INSERT INTO cipher (value) VALUES (?1)", [cipher.export_with_key(key)?])?;
            }
            tx.pragma_update(None, "user_version", version)?;
            tx.commit()?;
        }
        Ok(Self { db, cipher, keeper: Box::new(|attempt| attempt()) })
    }

    /// From now on writes are done by this.
    pub fn wait_for_disk(&mut self, keeper: Keeper) {
        self.keeper = keeper;
    }

    /// To read.
    pub fn read(&self) -> Access<'_> {
        Access { db: &self.db, cipher: &self.cipher }
    }

    /// To read and write in one transaction: when `work` fails, nothing of it was done. It is
    /// called once for each attempt.
    pub fn write<T>(&mut self, mut work: impl FnMut(&Access<'_>) -> Result<T>) -> Result<T> {
        let Self { db, cipher, keeper } = self;
        let mut done = None;
        keeper(&mut || {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&Access { db: &tx, cipher })?;
            tx.commit()?;
            done = Some(value);
            Ok(())
        })?;
        done.ok_or(StoreError::Entry("nothing was written"))
    }
}

/// Makes the file when it is missing, for its owner only. SQLite gives the files beside it the same
/// mode. A file that is there is not opened: when any handle of a process is closed, POSIX takes
/// all locks on that file from the process, also those of connections that go on.
fn make_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => drop(made?),
    }
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(())
}

/// A look at the file, inside a transaction or not.
pub struct Access<'a> {
    db: &'a Connection,
    cipher: &'a StoreCipher,
}

impl Access<'_> {
    /// What these names are looked up by. `kind` keeps apart what is named alike.
    pub fn key(&self, kind: &str, names: &[&str]) -> RowKey {
        let with_lengths: Vec<String> = names.iter().map(|name| format!("{}:{name}", name.len())).collect();
        self.cipher.hash_key(kind, with_lengths.concat().as_bytes())
    }

    /// A value as it stands on disk.
    pub fn seal(&self, value: &impl Serialize) -> Result<Vec<u8>> {
        Ok(serde_json::to_vec(&self.cipher.encrypt_value_base64_data(serde_json::to_vec(value)?)?)?)
    }

    /// Goes through the values that a query finds, one after the other; its first column is the
    /// value.
    pub fn each<T: DeserializeOwned>(
        &self,
        sql: &str,
        params: impl Params,
        mut work: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.db.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            let sealed: EncryptedValueBase64 = serde_json::from_slice(&row.get::<_, Vec<u8>>(0)?)?;
            work(serde_json::from_slice(&self.cipher.decrypt_value_base64_data(sealed)?)?)?;
        }
        Ok(())
    }

    /// All values that a query finds.
    pub fn all<T: DeserializeOwned>(&self, sql: &str, params: impl Params) -> Result<Vec<T>> {
        let mut all = Vec::new();
        self.each(sql, params, |value| {
            all.push(value);
            Ok(())
        })?;
        Ok(all)
    }

    /// The value that a query finds.
    pub fn one<T: DeserializeOwned>(&self, sql: &str, params: impl Params) -> Result<Option<T>> {
        Ok(self.all(sql, params)?.pop())
    }

    /// The keys that a query finds.
    pub fn keys(&self, sql: &str) -> Result<HashSet<RowKey>> {
        let mut statement = self.db.prepare_cached(sql)?;
        let keys = statement.query_map([], |row| row.get(0))?;
        Ok(keys.collect::<std::result::Result<_, _>>()?)
    }

    /// The number that a query finds.
    pub fn number(&self, sql: &str, params: impl Params) -> Result<usize> {
        Ok(self.db.prepare_cached(sql)?.query_one(params, |row| row.get(0))?)
    }

    /// Whether a query finds anything.
    pub fn exists(&self, sql: &str, params: impl Params) -> Result<bool> {
        Ok(self.db.prepare_cached(sql)?.exists(params)?)
    }

    /// Runs a statement and returns how many rows it changed.
    pub fn run(&self, sql: &str, params: impl Params) -> Result<usize> {
        Ok(self.db.prepare_cached(sql)?.execute(params)?)
    }
}

#[cfg(test)]
mod tests;
