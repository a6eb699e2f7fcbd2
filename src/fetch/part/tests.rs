//! Parts on a real file system.

use std::os::unix::fs::PermissionsExt;

use rstest::rstest;

use super::*;
use crate::model::Validators;

fn mark(length: Option<u64>) -> Mark {
    let validators = Validators { etag: Some("\"a\"".to_owned()), last_modified: None };
    Mark {
        if_range: "\"a\"".to_owned(),
        served: "there".to_owned(),
        validators,
        length,
        encoding: None,
        media_type: Some("audio/x-mpegurl".to_owned()),
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn left(spool: &Spool, bytes: &[u8], length: Option<u64>) {
    let mut part = spool.begin(Some(mark(length))).await.unwrap();
    part.write(bytes.to_vec()).await.unwrap();
}

#[tokio::test]
async fn a_part_is_found_again_and_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::new(dir.path(), "list", "http://h/x");
    left(&spool, b"hello ", Some(11)).await;
    assert_eq!(names(dir.path()), ["list.part", "list.part.json"]);
    for name in names(dir.path()) {
        let mode = std::fs::metadata(dir.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let mut part = spool.find().await.unwrap().unwrap();
    assert_eq!((part.have().unwrap().bytes, part.have().unwrap().mark), (6, &mark(Some(11))));
    part.write(b"world".to_vec()).await.unwrap();
    assert_eq!(part.bytes, 11);
    drop(part);
    assert_eq!(std::fs::read(dir.path().join("list.part")).unwrap(), b"hello world");
    assert!(spool.find().await.unwrap().is_none(), "it was whole, which nobody goes on with");
    assert_eq!(names(dir.path()), [""; 0]);
}

#[rstest]
#[case::another_address(|_: &Path| (), "http://h/y")]
#[case::no_sidecar(|dir: &Path| std::fs::remove_file(dir.join("list.part.json")).unwrap(), "http://h/x")]
#[case::half_a_sidecar(|dir: &Path| std::fs::write(dir.join("list.part.json"), "{\"address\":").unwrap(), "http://h/x")]
#[case::nothing_yet(|dir: &Path| std::fs::write(dir.join("list.part"), "").unwrap(), "http://h/x")]
#[case::more_than_there_is(|dir: &Path| std::fs::write(dir.join("list.part"), "12345678901").unwrap(), "http://h/x")]
#[case::before_the_system_was_started(|dir: &Path| edit(dir, |sidecar| sidecar.boot = "another".to_owned()), "http://h/x")]
#[case::a_day_old(|dir: &Path| edit(dir, |sidecar| sidecar.begun_ms -= 86_400_000), "http://h/x")]
#[case::from_the_future(|dir: &Path| edit(dir, |sidecar| sidecar.begun_ms += 60_000), "http://h/x")]
#[tokio::test]
async fn a_part_that_means_nothing_is_taken_away(#[case] harm: fn(&Path), #[case] location: &str) {
    let dir = tempfile::tempdir().unwrap();
    left(&Spool::new(dir.path(), "list", "http://h/x"), b"hello ", Some(11)).await;
    harm(dir.path());
    assert!(Spool::new(dir.path(), "list", location).find().await.unwrap().is_none());
    assert_eq!(names(dir.path()), [""; 0]);
}

fn edit(dir: &Path, change: fn(&mut Sidecar)) {
    let path = dir.join("list.part.json");
    let mut sidecar: Sidecar = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut sidecar);
    std::fs::write(&path, serde_json::to_vec(&sidecar).unwrap()).unwrap();
}

#[tokio::test]
async fn two_with_one_key_do_not_write_to_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::new(dir.path(), "list", "http://h/x");
    let mut first = spool.begin(Some(mark(None))).await.unwrap();
    first.write(b"first".to_vec()).await.unwrap();
    assert!(spool.find().await.unwrap().is_none(), "somebody is at it");
    let mut second = spool.begin(Some(mark(None))).await.unwrap();
    assert!(second.have().is_none());
    second.write(b"second".to_vec()).await.unwrap();
    assert_eq!(std::fs::read(dir.path().join("list.part")).unwrap(), b"first");
    second.discard();
    assert_eq!(names(dir.path()), ["list.part", "list.part.json"], "only its own is taken away");
    first.discard();
    assert_eq!(names(dir.path()), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_gone_on_with_has_no_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut part = Spool::new(dir.path(), "list", "http://h/x").begin(None).await.unwrap();
    part.write(b"hello".to_vec()).await.unwrap();
    assert!(part.have().is_none());
    assert_eq!(names(dir.path()), [""; 0]);
}

#[tokio::test]
async fn a_link_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("precious"), "precious").unwrap();
    std::os::unix::fs::symlink(dir.path().join("precious"), dir.path().join("list.part")).unwrap();
    assert!(Spool::new(dir.path(), "list", "http://h/x").begin(Some(mark(None))).await.is_err());
    assert_eq!(std::fs::read(dir.path().join("precious")).unwrap(), b"precious");
}

#[rstest]
#[case("playlist-5", true)]
#[case("a.b_c", true)]
#[case("", false)]
#[case("..", false)]
#[case("../etc/passwd", false)]
#[case("a b", false)]
#[case("häuser", false)]
fn keys_stay_in_the_directory(#[case] key: &str, #[case] itself: bool) {
    let name = file_name(key);
    assert_eq!(name == key, itself);
    assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) && !name.starts_with('.'));
    assert!(file_name(&"x".repeat(101)).len() == 64);
}

#[test]
fn old_parts_are_swept_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let old = clock::wall() - FRESH;
    for (name, modified) in [("a.part", old), ("a.part.json", old), ("b.part", clock::wall()), ("data.db", old)] {
        let path = dir.path().join(name);
        std::fs::write(&path, name).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    }
    sweep(dir.path()).unwrap();
    assert_eq!(names(dir.path()), ["b.part", "data.db"]);
}

#[tokio::test]
async fn a_full_disk_is_told() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut part = Part { file: Arc::new(full), bytes: 0, named: None };
    let error = part.write(vec![0; 10]).await.unwrap_err();
    assert_eq!((error.kind(), part.bytes), (std::io::ErrorKind::StorageFull, 0));
}
