//! Files of every version become one of now.

use tempfile::TempDir;

use super::*;

const KEY: [u8; 32] = [7; 32];

fn version(disk: &Disk) -> usize {
    disk.db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[test]
fn a_file_of_any_version_becomes_one_of_now_and_keeps_its_cipher() {
    for old in 1..=STEPS.len() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("delivery.sqlite3");
        let disk = Disk::open_at(old, &path, &KEY).unwrap();
        assert_eq!(version(&disk), old);
        let written = |disk: &Access<'_>| disk.run("INSERT INTO sync_token (value) VALUES (?1)", [disk.seal(&"s1")?]);
        written(&disk.read()).unwrap();
        drop(disk);
        for _ in 0..2 {
            let disk = Disk::open(&path, &KEY).unwrap();
            assert_eq!(version(&disk), STEPS.len());
            let read: Option<String> = disk.read().one("SELECT value FROM sync_token", []).unwrap();
            assert_eq!(read.as_deref(), Some("s1"), "from version {old}");
        }
    }
}

#[test]
fn a_file_of_a_later_version_is_refused_and_kept() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("delivery.sqlite3");
    drop(Disk::open(&path, &KEY).unwrap());
    let error = Disk::open_at(STEPS.len() - 1, &path, &KEY).err();
    assert!(matches!(error, Some(StoreError::Newer(_))), "{error:?}");
    assert_eq!(version(&Disk::open(&path, &KEY).unwrap()), STEPS.len());
}

/// Without them another program would take the file for one that nobody uses, and clear away beside
/// it what is not in it yet.
#[test]
#[cfg(target_os = "linux")]
fn a_second_connection_leaves_the_locks_of_the_first() {
    use std::os::unix::fs::MetadataExt as _;
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("delivery.sqlite3");
    let inode = |path: &Path| format!(":{} ", path.metadata().unwrap().ino());
    let locks = || {
        let all = std::fs::read_to_string("/proc/locks").unwrap();
        all.lines().filter(|line| line.contains("POSIX") && line.contains(&inode(&path))).count()
    };
    let first = Disk::open(&path, &KEY).unwrap();
    let _: Option<String> = first.read().one("SELECT value FROM sync_token", []).unwrap();
    assert_ne!(locks(), 0, "whoever has the file open holds a lock on it");
    let second = Disk::open(&path, &KEY).unwrap();
    assert_ne!(locks(), 0, "also while it is opened once more");
    drop(second);
    assert_ne!(locks(), 0, "and closed");
}
