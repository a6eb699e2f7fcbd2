//! Clips without a worker. With one: `tests/it`.

use super::*;
use crate::media::worker;

fn clips(dir: &std::path::Path) -> Clips {
    let worker = worker::Settings { program: Some(dir.join("no-such-worker")), ..worker::Settings::default() };
    Clips::new(Settings::in_data_dir(dir), WorkerClient::new(worker))
}

#[tokio::test]
async fn without_the_worker_there_is_a_clear_error_every_time() {
    let dir = tempfile::tempdir().unwrap();
    let clips = clips(dir.path());
    for _ in 0..3 {
        let error = clips.get(&ClipSpec::default()).await.unwrap_err();
        assert!(matches!(error, ClipError::Worker(WorkerError::Missing { .. })), "{error:?}");
    }
    assert!(!dir.path().join("clips").exists(), "nothing is written before it can be made");
}

#[tokio::test]
async fn what_nobody_can_make_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let spec = ClipSpec { video: None, audio: None, ..ClipSpec::default() };
    assert!(matches!(clips(dir.path()).get(&spec).await, Err(ClipError::BadSpec(_))));
}

#[tokio::test]
async fn orders_that_failed_are_forgotten_and_of_the_others_few_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let clips = clips(dir.path());
    let named = |name: String| ClipSpec { name, ..ClipSpec::default() };
    for number in 0..100 {
        assert!(clips.get(&named(format!("never {number}"))).await.is_err());
    }
    assert_eq!(clips.orders().len(), 1);
    for number in 0..100 {
        let spec = named(format!("on disk {number}"));
        let (draft, key) = (clips.0.cache.draft(&Key::of(&spec)).unwrap(), Key::of(&spec));
        std::fs::write(draft.path(), [0x47; crate::ts::PACKET]).unwrap();
        clips.0.cache.keep(&key, draft, ClipInfo { length_90k: 3600, pictures: 1, audio_frames: 0 }).unwrap();
        assert_eq!(clips.get(&spec).await.unwrap().bytes, 188);
        assert!(clips.orders().len() <= MOST_ORDERS);
    }
}

#[test]
fn a_missing_worker_is_news_once_and_a_picture_is_to_blame_for_itself_only() {
    let dir = tempfile::tempdir().unwrap();
    let clips = clips(dir.path());
    let missing = ClipError::Worker(WorkerError::Missing { looked: Vec::new() });
    let resting = ClipError::Worker(WorkerError::Resting(std::time::Duration::from_secs(1)));
    assert!(clips.is_news(&resting) && clips.is_news(&missing) && clips.is_news(&resting));
    assert!(!clips.is_news(&missing) && !clips.clone().is_news(&missing));
    let picture = |sha256: &str| Backdrop { path: "/slate.png".into(), sha256: sha256.to_owned() };
    let (good, bad) = (picture("1"), picture("2"));
    assert!(!clips.failed_to_show(&good, &resting) && clips.can_show(&good), "the worker's fault");
    assert!(!clips.failed_to_show(&good, &ClipError::Disk { what: "cannot write".into(), reason: "disk full".into() }));
    let error = ClipError::Worker(WorkerError::Job { reason: "no picture".into() });
    assert!(clips.clone().failed_to_show(&bad, &error), "which is said");
    assert!(!clips.failed_to_show(&bad, &error) && !clips.can_show(&bad) && clips.can_show(&good));
}
