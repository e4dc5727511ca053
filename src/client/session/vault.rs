//! The profile's folder: who is logged in, sealed with a key that lies beside it.
//!
//! The access token is all that it takes to be the user, and the databases hold every message in
//! plain. So the folder is 0700, each file 0600, and both the session file and the SDK's databases
//! are encrypted with the 32 random bytes in `key`. (This protects a copy that lacks the key, such
//! as a backup that leaves it out, and makes 'delete' final as soon as the key is gone. It cannot
//! protect from someone who reads the whole folder.) The key is used as it is, not as a passphrase:
//! deriving one would cost every start of the program a noticeable part of a second.
//!
//! The session file is replaced in one step (temporary file, fsync, rename), so that a crash leaves
//! either the old or the new one. What cannot be read is reported and left alone; nothing is
//! deleted but by [`Vault::clear`] and [`Vault::forget_databases`].
//!
//! A session that the server has ended stays in it with its tokens, since the server may be wrong.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use matrix_sdk::{
    AuthSession, SessionMeta, SessionTokens,
    authentication::{
        matrix::MatrixSession,
        oauth::{ClientId, OAuthSession, UserSession},
    },
    ruma::{OwnedDeviceId, OwnedUserId},
};
use matrix_sdk_store_encryption::{EncryptedValue, StoreCipher};
use serde::{Deserialize, Serialize};

use crate::{
    client::errors::{SessionError, shown},
    files,
    model::Timestamp,
};

/// What all of the SDK's databases' names begin with.
const DATABASES: &str = "matrix-sdk-";

/// Held while a session file is read, changed and written. Another process never has the same
/// profile.
static CHANGES: Mutex<()> = Mutex::new(());

/// What the session file says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// The homeserver's URL as it was found.
    pub homeserver: String,
    /// Whether it has simplified sliding sync, so that a start need not ask.
    pub sliding_sync: bool,
    /// Whose folder this is, also when nobody is logged in.
    #[serde(rename = "user")]
    pub user_id: OwnedUserId,
    /// When this device logged in (P2).
    pub logged_in_at: Timestamp,
    /// How far the session is alive.
    pub state: State,
}

/// How far a session is alive.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum State {
    /// Logged in.
    Active(Granted),
    /// The server says that it has ended. The tokens are tried again, in case it was wrong.
    Ended(Granted),
    /// It was ended to log in again as the same device.
    SoftLoggedOut {
        /// The device.
        #[serde(rename = "device")]
        device_id: OwnedDeviceId,
    },
    /// The device is given up; its keys are not here any more, or are being put away.
    HardLoggedOut,
}

/// What the server gave at the login, and since.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Granted {
    /// The device.
    #[serde(rename = "device")]
    pub device_id: OwnedDeviceId,
    /// Its tokens.
    pub tokens: Tokens,
    /// Set when the session was made by OAuth.
    pub client_id: Option<String>,
}

/// Tokens, never shown by `Debug`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Tokens(pub SessionTokens);

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(…)")
    }
}

impl Granted {
    /// Of a live session.
    pub fn of(session: &AuthSession) -> Self {
        let tokens = SessionTokens {
            access_token: session.access_token().to_owned(),
            refresh_token: session.get_refresh_token().map(ToOwned::to_owned),
        };
        let client_id = match session {
            AuthSession::OAuth(session) => Some(session.client_id.as_str().to_owned()),
            _ => None,
        };
        Self { device_id: session.meta().device_id.clone(), tokens: Tokens(tokens), client_id }
    }
}

impl State {
    /// What the server gave, when it may still hold.
    pub fn granted(&self) -> Option<&Granted> {
        match self {
            Self::Active(granted) | Self::Ended(granted) => Some(granted),
            Self::SoftLoggedOut { .. } | Self::HardLoggedOut => None,
        }
    }

    /// The device that the session was, if it is not given up.
    pub fn device(&self) -> Option<&OwnedDeviceId> {
        match self {
            Self::Active(granted) | Self::Ended(granted) => Some(&granted.device_id),
            Self::SoftLoggedOut { device_id: device } => Some(device),
            Self::HardLoggedOut => None,
        }
    }

    /// The same device with new tokens, neither more nor less alive.
    #[must_use]
    pub fn with(self, new: Granted) -> Self {
        match self {
            Self::Active(old) if old.device_id == new.device_id => Self::Active(new),
            Self::Ended(old) if old.device_id == new.device_id => Self::Ended(new),
            state => state,
        }
    }

    /// The server says that it has ended.
    #[must_use]
    pub fn ended(self) -> Self {
        if let Self::Active(granted) = self { Self::Ended(granted) } else { self }
    }

    /// The server was wrong.
    #[must_use]
    pub fn revived(self) -> Self {
        if let Self::Ended(granted) = self { Self::Active(granted) } else { self }
    }
}

impl Record {
    /// The session in the SDK's form, when the server may still know it.
    pub fn session(&self) -> Option<AuthSession> {
        let Granted { device_id: device, tokens, client_id } = self.state.granted()?;
        let meta = SessionMeta { user_id: self.user_id.clone(), device_id: device.clone() };
        let tokens = tokens.0.clone();
        Some(match client_id {
            None => AuthSession::Matrix(MatrixSession { meta, tokens }),
            Some(id) => AuthSession::OAuth(Box::new(OAuthSession {
                client_id: ClientId::new(id.clone()),
                user: UserSession { meta, tokens },
            })),
        })
    }
}

/// The session file as it lies on the disk.
#[derive(Serialize, Deserialize)]
struct Sealed {
    /// Of this format.
    version: u8,
    /// The cipher, encrypted with the key.
    cipher: Vec<u8>,
    /// The record, encrypted with the cipher.
    record: EncryptedValue,
}

const VERSION: u8 = 1;

/// A profile's folder and its key.
#[derive(Clone)]
pub(super) struct Vault {
    dir: PathBuf,
    key: [u8; 32],
}

impl Vault {
    /// Opens what is there; `None` when nobody ever logged in here.
    pub fn open(dir: &Path) -> Result<Option<(Self, Record)>, SessionError> {
        let path = dir.join("session.json");
        let Some(sealed) = read_if_there(&path)? else { return Ok(None) };
        let vault = Self { dir: dir.to_owned(), key: read_key(dir)? };
        let record = vault.unseal(&sealed)?;
        Ok(Some((vault, record)))
    }

    /// Opens a folder whose session file may be missing; `None` when it has no key either.
    pub fn open_by_key(dir: &Path) -> Result<Option<Self>, SessionError> {
        let key = read_if_there(&dir.join("key"))?.and_then(|key| key.try_into().ok());
        Ok(key.map(|key| Self { dir: dir.to_owned(), key }))
    }

    /// Makes the folder and the key where they are missing.
    pub fn create(dir: &Path) -> Result<Self, SessionError> {
        make_private_folder(dir).map_err(|error| SessionError::disk(dir, &error))?;
        let path = dir.join("key");
        if read_if_there(&path)?.is_none() {
            replace(&path, &rand::random::<[u8; 32]>())?;
        }
        Ok(Self { dir: dir.to_owned(), key: read_key(dir)? })
    }

    /// The key that everything in the folder is encrypted with.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the session file says now.
    pub fn read(&self) -> Result<Option<Record>, SessionError> {
        let sealed = read_if_there(&self.dir.join("session.json"))?;
        sealed.map(|sealed| self.unseal(&sealed)).transpose()
    }

    /// Replaces the session file.
    pub fn write(&self, record: &Record) -> Result<(), SessionError> {
        let path = self.dir.join("session.json");
        let seal = || -> Result<Vec<u8>, matrix_sdk_store_encryption::Error> {
            let cipher = StoreCipher::new()?;
            let record = cipher.encrypt_value_data(serde_json::to_vec(record)?)?;
            Ok(serde_json::to_vec(&Sealed { version: VERSION, cipher: cipher.export_with_key(&self.key)?, record })?)
        };
        let sealed = seal().map_err(|error| SessionError::disk(&path, &io::Error::other(error)))?;
        replace(&path, &sealed)
    }

    fn unseal(&self, sealed: &[u8]) -> Result<Record, SessionError> {
        let path = self.dir.join("session.json");
        let damaged = || SessionError::Damaged(shown(&path));
        let sealed: Sealed = serde_json::from_slice(sealed).map_err(|_| damaged())?;
        if sealed.version != VERSION {
            return Err(damaged());
        }
        let cipher = StoreCipher::import_with_key(&self.key, &sealed.cipher)
            .map_err(|_| SessionError::Key(shown(&self.dir.join("key"))))?;
        let record = cipher.decrypt_value_data(sealed.record).map_err(|_| damaged())?;
        serde_json::from_slice(&record).map_err(|_| damaged())
    }

    /// Makes every file in the folder the owner's alone: SQLite creates its files by the umask.
    pub fn make_files_private(&self) -> Result<(), SessionError> {
        for file in files_in(&self.dir)? {
            ignore_missing(files::close(&file)).map_err(|error| SessionError::disk(&file, &error))?;
        }
        Ok(())
    }

    /// Changes the session file, if there is one. Tokens are renewed at any moment, also while the
    /// session is put away or taken up again: of two changes, neither undoes the other.
    pub fn change(&self, change: impl FnOnce(State) -> State) -> Result<(), SessionError> {
        let _one_at_a_time = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut record) = self.read()? else { return Ok(()) };
        record.state = change(record.state);
        self.write(&record)
    }

    /// Deletes databases that no session file speaks of and that hold nobody's keys: a first login
    /// that was cut off leaves them.
    pub fn forget_databases(&self) -> Result<(), SessionError> {
        self.delete(|name| name.starts_with(DATABASES))
    }

    /// Deletes everything in the folder. The key goes first: what a crash leaves is unreadable.
    pub fn clear(dir: &Path) -> Result<(), SessionError> {
        let remove = |path: &Path| {
            let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            ignore_missing(removed).map_err(|error| SessionError::disk(path, &error))
        };
        for first in ["session.json", "key"] {
            remove(&dir.join(first))?;
        }
        entries(dir)?.iter().try_for_each(|path| remove(path))
    }

    fn delete(&self, doomed: impl Fn(&str) -> bool) -> Result<(), SessionError> {
        for file in files_in(&self.dir)? {
            if file.file_name().and_then(|name| name.to_str()).is_some_and(&doomed) {
                ignore_missing(fs::remove_file(&file)).map_err(|error| SessionError::disk(&file, &error))?;
            }
        }
        Ok(())
    }
}

fn make_private_folder(dir: &Path) -> io::Result<()> {
    files::folder(dir)?;
    // A folder that was there before may be open to others.
    fs::set_permissions(dir, Permissions::from_mode(0o700))
}

fn read_key(dir: &Path) -> Result<[u8; 32], SessionError> {
    let path = dir.join("key");
    let key = read_if_there(&path)?.and_then(|key| key.try_into().ok());
    key.ok_or_else(|| SessionError::Key(shown(&path)))
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, SessionError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SessionError::disk(path, &error)),
    }
}

/// Replaces a file in one step; it is on the disk when this returns.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), SessionError> {
    let replaced = files::replace(path, bytes).and_then(|()| files::sync_folder_of(path));
    replaced.map_err(|error| SessionError::disk(path, &error))
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, SessionError> {
    let read = || fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|error| SessionError::disk(dir, &error)),
    }
}

fn files_in(dir: &Path) -> Result<Vec<PathBuf>, SessionError> {
    Ok(entries(dir)?.into_iter().filter(|path| path.is_file()).collect())
}

/// SQLite removes its own `-wal` and `-shm` files whenever the last connection closes.
fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests;
