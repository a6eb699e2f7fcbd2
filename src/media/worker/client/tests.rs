//! The life of a worker, with a shell for the executable.

use std::io::Write;
use std::path::Path;

use super::*;
use crate::media::worker::frame;
use crate::media::worker::protocol::{Confinement, Reply, VERSION};

/// A worker that is a shell script: greets, then does `body` for every request. `$1` is `--memory-mib`.
fn fake(dir: &Path, version: u16, body: &str) -> PathBuf {
    let hello = Hello { version, package: "test".into(), libavcodec: "0".into(), confinement: Confinement::default() };
    std::fs::write(dir.join("hello"), framed(&Reply::Hello(hello), &[])).unwrap();
    let done = Reply::Done { id: 1, outcome: Outcome::Confined(Vec::new()) };
    let parts = [framed(&Reply::Part { id: 1 }, b"Hello "), framed(&Reply::Part { id: 1 }, b"world"), framed(&done, &[])];
    std::fs::write(dir.join("done"), parts.concat()).unwrap();
    std::fs::write(dir.join("failed"), framed(&Reply::Failed { id: 1, reason: "no such thing".into() }, &[])).unwrap();
    let program = dir.join("worker.sh");
    let script = format!(
        "#!/bin/sh\necho started >>{0}/log\ncd {0}; /bin/cat hello; /usr/bin/head -c 12 >/dev/null; {body}\n",
        dir.display()
    );
    // Written by another process: a descriptor of ours, inherited by a neighbour's child, would make it "busy".
    let mut writer = std::process::Command::new("/bin/sh")
        .args(["-c", "/bin/cat >\"$0\" && chmod 755 \"$0\""])
        .arg(&program)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    writer.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success());
    program
}

fn framed(reply: &Reply, payload: &[u8]) -> Vec<u8> {
    let mut bytes = frame::encode(reply, payload.len()).unwrap();
    bytes.extend_from_slice(payload);
    bytes
}

fn client(program: PathBuf) -> WorkerClient {
    WorkerClient::new(Settings { program: Some(program), ..Settings::default() })
}

async fn ask(client: &WorkerClient) -> (Result<Outcome, WorkerError>, Vec<u8>) {
    let mut output = Vec::new();
    let result = client.run(Job::Confined, &[], &mut output).await;
    (result, output)
}

fn starts(dir: &Path) -> usize {
    std::fs::read_to_string(dir.join("log")).unwrap_or_default().lines().count()
}

#[tokio::test]
async fn parts_are_passed_on_and_the_worker_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(fake(dir.path(), VERSION, "/bin/cat done; /bin/sleep 60"));
    let (result, output) = ask(&client).await;
    assert_eq!((result.unwrap(), output), (Outcome::Confined(Vec::new()), b"Hello world".to_vec()));
    assert!(client.pid().await.is_some());
    client.stop().await;
    assert!(client.pid().await.is_none());
}

#[tokio::test]
async fn a_refused_job_is_no_crash() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(fake(dir.path(), VERSION, "/bin/cat failed; /bin/sleep 60"));
    let (result, _) = ask(&client).await;
    assert!(matches!(result, Err(WorkerError::Job { reason }) if reason == "no such thing"));
    assert!(client.pid().await.is_some());
}

#[rstest::rstest]
#[case("exit 3", "exit status: 3")]
#[case("kill -9 $$", "signal: 9")]
#[case("echo a line that some library prints", "nonsense")]
#[case("/usr/bin/head -c 40 done; exit 4", "exit status: 4")]
#[tokio::test]
async fn a_crash_or_garbage_is_an_error_and_the_next_request_starts_a_fresh_one(#[case] body: &str, #[case] says: &str) {
    let dir = tempfile::tempdir().unwrap();
    let once = format!("if [ ! -e crashed ]; then : >crashed; {body}; /bin/sleep 60; else /bin/cat done; /bin/sleep 60; fi");
    let client = client(fake(dir.path(), VERSION, &once));
    let error = ask(&client).await.0.unwrap_err().to_string();
    assert!(error.contains(says), "{error}");
    let (result, output) = ask(&client).await;
    assert_eq!((result.unwrap(), output.as_slice()), (Outcome::Confined(Vec::new()), b"Hello world".as_slice()));
    assert_eq!(starts(dir.path()), 2);
}

#[tokio::test]
async fn repeated_crashes_are_given_a_rest() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(fake(dir.path(), VERSION, "exit 3"));
    for _ in 0..2 {
        assert!(matches!(ask(&client).await.0, Err(WorkerError::Died { .. })));
    }
    assert!(matches!(ask(&client).await.0, Err(WorkerError::Resting(_))));
    assert_eq!(starts(dir.path()), 2);
}

#[tokio::test]
async fn a_worker_that_says_nothing_is_ended_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let program = fake(dir.path(), VERSION, "/bin/sleep 60");
    let settings = Settings { program: Some(program), request_timeout: Duration::from_millis(300), ..Settings::default() };
    let client = WorkerClient::new(settings);
    assert!(matches!(ask(&client).await.0, Err(WorkerError::TimedOut(_))));
    assert!(client.pid().await.is_none());
}

#[tokio::test]
async fn an_idle_worker_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let program = fake(dir.path(), VERSION, "/bin/cat done; read line");
    let settings = Settings { program: Some(program), idle_timeout: Duration::from_millis(100), ..Settings::default() };
    let client = WorkerClient::new(settings);
    ask(&client).await.0.unwrap();
    clock::timeout(Duration::from_secs(10), async {
        while client.pid().await.is_some() {
            clock::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_worker_of_another_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(fake(dir.path(), VERSION + 1, "/bin/sleep 60"));
    let error = ask(&client).await.0.unwrap_err();
    assert!(matches!(error, WorkerError::Version { theirs, ours } if theirs == VERSION + 1 && ours == VERSION));
}

#[tokio::test]
async fn an_abandoned_request_ends_its_worker_and_not_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let slow_once = "if [ ! -e tried ]; then : >tried; /bin/sleep 60; else /bin/cat done; /bin/sleep 60; fi";
    let client = client(fake(dir.path(), VERSION, slow_once));
    assert!(clock::timeout(Duration::from_millis(500), ask(&client)).await.is_err());
    assert!(ask(&client).await.0.is_ok());
}
