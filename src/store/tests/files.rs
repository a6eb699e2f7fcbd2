//! The files: locks, damage, other versions, backup and restore.

use std::path::Path;

use super::*;
use crate::base::chain::Chain;
use crate::store::{FILE, StoreError, restore};

fn said(error: &StoreError) -> String {
    Chain(error).to_string()
}

#[tokio::test]
async fn two_servers_cannot_share_a_directory() {
    let (dir, store) = open();
    let error = Store::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { pid: Some(pid), .. } if pid == std::process::id()), "{error:?}");
    assert!(said(&error).contains("in use by another rooftop"), "{error}");
    drop(store);
    Store::open(dir.path()).unwrap();
}

#[test]
fn a_newer_database_is_refused() {
    let (dir, store) = open();
    drop(store);
    let path = dir.path().join(FILE);
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 4711).unwrap();
    let error = Store::open(dir.path()).unwrap_err();
    let known = crate::store::schema::known();
    assert!(matches!(error, StoreError::Newer { found: 4711, known: said } if said == known), "{error:?}");
    assert!(said(&error).contains("4711") && said(&error).contains(&format!("up to {known}")), "{error}");
    assert!(matches!(restore(&path, &dir.path().join("new")), Err(StoreError::Newer { .. })));
}

#[test]
fn damage_is_said_with_what_to_do() {
    let (dir, store) = open();
    drop(store);
    let path = dir.path().join(FILE);
    let sound = std::fs::read(&path).unwrap();
    let mut header = sound.clone();
    header[..16].fill(0x55);
    let mut pages = sound.clone();
    pages[200..].fill(0x55);
    let short = sound[..sound.len() / 2].to_vec();
    for broken in [header, pages, short, b"<html>not a database at all</html>".repeat(100)] {
        std::fs::write(&path, broken).unwrap();
        let error = Store::open(dir.path()).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
        assert!(said(&error).contains("rooftop restore"), "{error}");
    }
    std::fs::write(&path, sound).unwrap();
    Store::open(dir.path()).unwrap();
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE cats (name TEXT)").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Foreign(_))));
    assert!(matches!(restore(&path, &dir.path().join("new")), Err(StoreError::Foreign(_))));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a-file");
    std::fs::write(&file, "x").unwrap();
    let error = Store::open(&file.join("below")).unwrap_err();
    assert!(said(&error).contains("a-file"), "{error}");
}

#[tokio::test]
async fn a_backup_holds_everything_and_overwrites_nothing() {
    let (dir, store) = open();
    store.import(spec("p", 0), vec![item("a", "1", "One", "u1")]).await.unwrap();
    let to = dir.path().join("backup.db");
    store.backup(&to).await.unwrap();
    assert!(matches!(store.backup(&to).await, Err(StoreError::Exists(_))));
    store.import(spec("p", 0), vec![item("b", "2", "Two", "u2")]).await.unwrap();
    assert!(matches!(restore(&to, dir.path()), Err(StoreError::Locked { .. })));
    assert!(store.backup(Path::new("/nonexistent/backup.db")).await.is_err());
    let (device, after) = (store.devices(), lineup(&store));
    drop(store);
    let files = |dir: &Path| std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    let mut names: Vec<String> = files(dir.path());
    names.sort();
    assert_eq!(names, ["backup.db", FILE, "rooftop.lock"], "no leftovers");

    let kept = restore(&to, dir.path()).unwrap().unwrap();
    assert!(kept.file_name().unwrap().to_str().unwrap().starts_with("rooftop.db.before-restore-"));
    let restored = Store::open(dir.path()).unwrap();
    assert_eq!((restored.devices(), lineup(&restored)[0].1.as_str()), (device, "One"));
    drop(restored);
    let second = restore(&kept, dir.path()).unwrap().unwrap();
    assert_ne!(second, kept);
    assert_eq!(lineup(&Store::open(dir.path()).unwrap()), after);

    let elsewhere = dir.path().join("new/data");
    assert_eq!(restore(&to, &elsewhere).unwrap(), None);
    assert_eq!(lineup(&Store::open(&elsewhere).unwrap())[0].1, "One");
}

#[tokio::test]
async fn what_is_no_backup_is_not_restored() {
    let (dir, store) = open();
    store.import(spec("p", 0), vec![item("a", "1", "One", "u1")]).await.unwrap();
    let good = dir.path().join("good.db");
    store.backup(&good).await.unwrap();
    drop(store);
    let before = std::fs::read(dir.path().join(FILE)).unwrap();
    let bad = dir.path().join("bad.db");
    let mut damaged = std::fs::read(&good).unwrap();
    let at = damaged.len() - 4096;
    damaged[at..].fill(0xAA);
    for content in [b"garbage".to_vec(), Vec::new(), damaged] {
        std::fs::write(&bad, content).unwrap();
        let error = restore(&bad, dir.path()).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_) | StoreError::Foreign(_)), "{error:?}");
    }
    assert!(matches!(restore(&dir.path().join("none.db"), dir.path()), Err(StoreError::Io { .. })));
    assert_eq!(std::fs::read(dir.path().join(FILE)).unwrap(), before);
}

/// Killed between the two renames of a restore, no empty database takes the place of the old one.
#[test]
fn an_interrupted_restore_is_noticed() {
    let (dir, store) = open();
    drop(store);
    std::fs::rename(dir.path().join(FILE), dir.path().join("rooftop.db.restoring")).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::RestoreInterrupted(_))));
}

#[test]
fn the_database_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, store) = open();
    drop(store);
    let mode = |name: &str| std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(FILE), 0o600);
}
