//! A viewer that keeps nothing: for as many and as long as one likes.

use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::http::Request;
use super::netns::Netns;

/// A client whose stream has begun. It leaves when dropped.
pub struct Watcher {
    bytes: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    leaving: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Opens `path` on port 5004; fails the test unless the status is 200.
    pub fn open(netns: &Netns, path: &str) -> Self {
        let response = Request::get(path).send(netns, super::app::STREAM).unwrap();
        assert_eq!(response.status, 200, "{path}: {:?}", response.headers);
        let mut reader = response.into_stream();
        reader.get_ref().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let (bytes, ended, leaving) = <(Arc<AtomicU64>, Arc<AtomicBool>, Arc<AtomicBool>)>::default();
        let thread = std::thread::spawn({
            let (bytes, ended, leaving) = (Arc::clone(&bytes), Arc::clone(&ended), Arc::clone(&leaving));
            move || {
                let mut buffer = vec![0; 64 * 1024];
                while !leaving.load(Ordering::Relaxed) {
                    match reader.read(&mut buffer) {
                        Ok(length) if length > 0 => _ = bytes.fetch_add(length as u64, Ordering::Relaxed),
                        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                        _ => break,
                    }
                }
                ended.store(true, Ordering::Relaxed);
            }
        });
        Self { bytes, ended, leaving, thread: Some(thread) }
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the server has ended the stream.
    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.leaving.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
