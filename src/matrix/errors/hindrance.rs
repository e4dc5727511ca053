//! Why the disk does not take something now, though it may later.

use rusqlite::{Error, ErrorCode};

use super::chain;

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

    /// What is below this error.
    pub fn below(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        chain::causes(error).find_map(|cause| cause.downcast_ref::<Error>()).and_then(Self::of)
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
}
