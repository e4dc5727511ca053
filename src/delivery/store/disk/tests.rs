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
