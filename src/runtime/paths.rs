//! Where kvitto keeps things on this machine, and that only one kvitto is at them.
//!
//! ```text
//! config.toml              the settings: the user's file
//! DATA/profiles/NAME/      everything of one account, and nothing else: a logout empties it
//! DATA/log/NAME/           the log
//! DATA/lock/NAME           locked while a kvitto runs with this profile
//! ```

use std::{
    env, fmt,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{self, Path, PathBuf},
    process,
    str::FromStr,
};

use directories::ProjectDirs;

use crate::files;

/// The name of a profile: it becomes the name of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileName(String);

impl FromStr for ProfileName {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if (1..=64).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with(['.', '-']) {
            Ok(Self(name.to_owned()))
        } else {
            Err("use 1 to 64 letters, digits, '-', '_' and '.', with a letter, a digit or '_' first")
        }
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a place cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// The system does not tell.
    #[error("cannot find your home folder: set HOME, or name the places with --config and --data-dir")]
    NoHome,
    /// A folder cannot be made or used.
    #[error("cannot use {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another kvitto is at it.
    #[error("profile \"{0}\" is in use by another kvitto: quit that one, or choose another with --profile")]
    InUse(ProfileName),
}

/// Where things are, for one profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// `config.toml`.
    pub config: PathBuf,
    /// The folder of everything else.
    pub data: PathBuf,
    /// The profile.
    pub profile: ProfileName,
}

impl Paths {
    /// The places as given, else as the system has them.
    pub fn find(config: Option<PathBuf>, data: Option<PathBuf>, profile: ProfileName) -> Result<Self, PlacesError> {
        let system = || ProjectDirs::from("", "", "kvitto").ok_or(PlacesError::NoHome);
        let config = match config {
            Some(config) => absolute(config)?,
            None => system()?.config_dir().join("config.toml"),
        };
        let data = match data {
            Some(data) => absolute(data)?,
            None => system()?.data_dir().to_owned(),
        };
        Ok(Self { config, data, profile })
    }

    /// The account's folder.
    pub fn account(&self) -> PathBuf {
        self.data.join("profiles").join(&self.profile.0)
    }

    /// The log's folder.
    pub fn log(&self) -> PathBuf {
        self.data.join("log").join(&self.profile.0)
    }

    /// Keeps every other kvitto from this profile until the lock is dropped, also by a crash.
    pub fn lock(&self) -> Result<Lock, PlacesError> {
        let folder = self.data.join("lock");
        make(&self.data)?;
        make(&folder)?;
        let path = folder.join(&self.profile.0);
        let file = files::file(&path).map_err(|source| PlacesError::Folder { path: path.clone(), source })?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(fs::TryLockError::WouldBlock) => Err(PlacesError::InUse(self.profile.clone())),
            Err(fs::TryLockError::Error(source)) => Err(PlacesError::Folder { path, source }),
        }
    }
}

/// A folder that goes, with everything in it, when this is dropped; a kill (SIGKILL) leaves it
/// behind.
pub struct Temporary(PathBuf);

impl Temporary {
    /// Makes one in the system's folder for such, open to the user only.
    pub fn make() -> Result<Self, PlacesError> {
        let folder = env::temp_dir();
        loop {
            let path = folder.join(format!("kvitto-{}-{:08x}", process::id(), rand::random::<u32>()));
            // Never one that is there already: somebody else may have put it there.
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(PlacesError::Folder { path, source }),
            }
        }
    }

    /// The places in it.
    pub fn places(&self) -> Paths {
        Paths {
            config: self.0.join("config.toml"),
            data: self.0.join("data"),
            profile: ProfileName("temporary".to_owned()),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "the temporary folder is still there");
        }
    }
}

/// The profile is this process's alone, as long as this lives.
pub struct Lock {
    _file: fs::File,
}

fn absolute(path: PathBuf) -> Result<PathBuf, PlacesError> {
    path::absolute(&path).map_err(|source| PlacesError::Folder { path, source })
}

/// Makes the folder, open to the user only.
pub(super) fn make(path: &Path) -> Result<(), PlacesError> {
    files::folder(path).map_err(|source| PlacesError::Folder { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(data: &Path, profile: &str) -> Paths {
        Paths::find(Some("config.toml".into()), Some(data.into()), profile.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_profile_is_named_like_a_folder_and_stays_in_its_place() {
        for name in ["default", "work.2", "_", "A-b"] {
            assert_eq!(name.parse::<ProfileName>().map(|name| name.to_string()), Ok(name.into()));
        }
        for name in ["", ".", "..", ".hidden", "-x", "a/b", "a\\b", "a b", "ä", "a\n", &"x".repeat(65)] {
            assert!(name.parse::<ProfileName>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn the_places_of_two_profiles_do_not_overlap() {
        let (one, two) = (places(Path::new("/data"), "one"), places(Path::new("/data"), "two"));
        assert_eq!(one.account(), Path::new("/data/profiles/one"));
        assert_eq!(one.log(), Path::new("/data/log/one"));
        assert!(!two.account().starts_with(one.account()) && !one.log().starts_with(one.account()));
        assert!(one.config.is_absolute());
    }

    #[test]
    fn one_profile_is_locked_once_and_another_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (places(folder.path(), "one"), places(folder.path(), "two"));
        let held = one.lock().unwrap();
        assert!(matches!(one.lock(), Err(PlacesError::InUse(name)) if name == one.profile));
        let _other = two.lock().unwrap();
        drop(held);
        let _again = one.lock().unwrap();
    }

    #[test]
    fn a_temporary_folder_goes_with_what_is_in_it() {
        use std::os::unix::fs::PermissionsExt;
        let (one, other) = (Temporary::make().unwrap(), Temporary::make().unwrap());
        let path = one.0.clone();
        assert_ne!(path, other.0);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        let places = one.places();
        let _lock = places.lock().unwrap();
        fs::write(&places.config, "").unwrap();
        drop(one);
        assert!(!path.exists() && other.0.exists());
    }

    #[test]
    fn new_folders_are_the_users_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let places = places(&folder.path().join("new/data"), "one");
        let _lock = places.lock().unwrap();
        for path in [&places.data, &places.data.join("lock")] {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700, "{}", path.display());
        }
    }
}
