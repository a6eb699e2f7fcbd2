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
    assert_eq!(std::fs::read_dir(dir.path().join("clips")).unwrap().count(), 0, "no drafts are left");
}

#[tokio::test]
async fn what_nobody_can_make_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let spec = ClipSpec { video: None, audio: None, ..ClipSpec::default() };
    assert!(matches!(clips(dir.path()).get(&spec).await, Err(ClipError::BadSpec(_))));
}
