//! Why the disk does not take something now, though it may later.

use matrix_sdk::SqliteCryptoStore;
use matrix_sdk_base::crypto::store::CryptoStore;
use rusqlite::{Error, ErrorCode};

use super::chain;

/// What the SDK's stores fail with.
pub(in crate::client) type SqliteError = <SqliteCryptoStore as CryptoStore>::Error;

/// Why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// Another program holds the file.
    Locked,
    /// There is no space left.
    Full,
    /// The file, or all of the disk, cannot be written.
    ReadOnly,
    /// The disk fails, by these words.
    Broken(String),
}

impl Hindrance {
    /// What this failure of SQLite says about the disk; nothing when it is no fault of the disk.
    pub fn of(error: &Error) -> Option<Self> {
        Some(match error.sqlite_error_code()? {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => Self::Locked,
            ErrorCode::DiskFull => Self::Full,
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Self::ReadOnly,
            ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => {
                Self::Broken(error.to_string().trim_end_matches('.').to_owned())
            }
            _ => return None,
        })
    }

    /// The same for an error that has one of SQLite's somewhere below. The SDK's own passes its
    /// cause over in the chain.
    pub fn below(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let of_sqlite = |cause: &(dyn std::error::Error + 'static)| match cause.downcast_ref() {
            Some(SqliteError::Sqlite(error)) => Self::of(error),
            _ => Self::of(cause.downcast_ref()?),
        };
        chain::causes(error).find_map(of_sqlite)
    }

    /// In a few words, of this file.
    pub fn of_file(&self, file: &str) -> String {
        match self {
            Self::Locked => format!("{file} is locked by another program"),
            Self::Full => format!("the disk is full, at {file}"),
            Self::ReadOnly => format!("{file} is read-only"),
            Self::Broken(why) => format!("{file} cannot be used ({why})"),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Locked => "kvitto goes on as soon as a backup or a scan lets go of it.",
            Self::Full => "Free some space; kvitto goes on by itself.",
            Self::ReadOnly => "Make the profile's folder writable; kvitto goes on by itself.",
            Self::Broken(_) => "Check the disk; kvitto goes on by itself when it can.",
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn what_the_disk_does_not_take_now_is_told_apart_from_what_makes_no_sense() {
        let of = |code| Hindrance::of(&Error::SqliteFailure(ffi::Error::new(code), None));
        assert_eq!(of(ffi::SQLITE_BUSY), Some(Hindrance::Locked));
        assert_eq!(of(ffi::SQLITE_BUSY_SNAPSHOT), Some(Hindrance::Locked));
        assert_eq!(of(ffi::SQLITE_FULL), Some(Hindrance::Full));
        assert_eq!(of(ffi::SQLITE_READONLY), Some(Hindrance::ReadOnly));
        assert!(matches!(of(ffi::SQLITE_IOERR_WRITE), Some(Hindrance::Broken(_))));
        assert_eq!(of(ffi::SQLITE_CONSTRAINT), None);
        assert_eq!(of(ffi::SQLITE_CORRUPT), None);
        assert_eq!(Hindrance::of(&Error::QueryReturnedNoRows), None);
    }

    #[test]
    fn it_is_found_below_the_errors_of_the_sdk() {
        let busy = || SqliteError::Sqlite(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None));
        assert_eq!(Hindrance::below(&busy()), Some(Hindrance::Locked));
        assert_eq!(Hindrance::below(&std::io::Error::other(busy())), Some(Hindrance::Locked));
        assert_eq!(Hindrance::below(&SqliteError::StoreClosed), None);
    }
}
