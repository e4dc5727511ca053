//! Folders and files that only the user can read, and files that are replaced in one step.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

/// Makes the folder and those above it where they are missing, 0700.
pub fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens the file to write, and makes it, 0600, where it is missing; what is in it is dropped.
pub fn file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Takes from everybody else what they may do with the file.
pub fn close(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o600))
}

/// Puts these bytes where the file is, 0600, whoever could read the former one. Readers see the old
/// file or the new one, also after a crash, and a failure leaves the old one: the bytes are written
/// beside it and synced, and take its place by a rename. A link is replaced, not followed.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = tempfile::Builder::new()
        .prefix(".kvitto-")
        .suffix(".new")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder_of(path))?;
    new.write_all(bytes)?;
    new.as_file().sync_all()?;
    new.persist(path).map(drop).map_err(|failed| failed.error)
}

/// Waits until the disk knows which files are in the file's folder: only then a rename is sure to
/// outlive a crash.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// The folder that a file is in, also where it is named without one.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = entries.collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_is_the_users_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"the first, which is longer").unwrap();
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let opened_before = File::open(&path).unwrap();
        replace(&path, b"the second").unwrap();
        sync_folder_of(&path).unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"the second".to_vec(), 0o600));
        assert_eq!(io::read_to_string(opened_before).unwrap(), "the first, which is longer");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn what_cannot_be_replaced_stays_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("folder");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"no file").is_err());
        assert!(replace(&folder.path().join("missing/file"), b"nowhere").is_err());
        assert!(sync_folder_of(&folder.path().join("missing/file")).is_err());
        assert_eq!(names(folder.path()), ["folder"]);
    }

    #[test]
    fn what_is_made_is_the_users_alone() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("new/folder");
        folder(&path).unwrap();
        file(&path.join("file")).unwrap().write_all(b"text").unwrap();
        assert_eq!((mode(&path), mode(&parent.path().join("new")), mode(&path.join("file"))), (0o700, 0o700, 0o600));
        fs::set_permissions(path.join("file"), Permissions::from_mode(0o666)).unwrap();
        close(&path.join("file")).unwrap();
        assert_eq!((fs::read(path.join("file")).unwrap(), mode(&path.join("file"))), (b"text".to_vec(), 0o600));
    }
}
