//! Datagrams on their way from a port to one of its connections. The port never waits: what does not fit is lost, as it could
//! be on the network, and is asked for again.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

/// Datagrams that may wait: a fifth of a second of 400 Mbit/s.
const MOST: usize = 8192;
/// Datagrams are copied into blocks of this size, so that none costs an allocation.
const BLOCK: usize = 64 * 1024;

/// See above.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    block: BytesMut,
    datagrams: VecDeque<Bytes>,
    lost: u64,
}

impl Inbox {
    /// Puts one in.
    pub(super) fn put(&self, datagram: &[u8]) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.datagrams.len() >= MOST {
            waiting.lost += 1;
            return;
        }
        if waiting.block.capacity() < datagram.len() {
            waiting.block = BytesMut::with_capacity(BLOCK.max(datagram.len()));
        }
        waiting.block.extend_from_slice(datagram);
        let copied = waiting.block.split().freeze();
        waiting.datagrams.push_back(copied);
        drop(waiting);
        self.news.notify_one();
    }

    /// Takes all there are, into an empty queue.
    pub(super) fn take(&self, into: &mut VecDeque<Bytes>) {
        std::mem::swap(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner).datagrams, into);
    }

    /// How many did not fit.
    pub(super) fn lost(&self) -> u64 {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).lost
    }

    /// Waits for one. Cancel-safe.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_is_lost_and_the_rest_keeps_its_order() {
        let inbox = Inbox::default();
        for n in 0..MOST + 10 {
            inbox.put(&n.to_be_bytes());
        }
        inbox.news().await;
        let mut taken = VecDeque::new();
        inbox.take(&mut taken);
        assert_eq!(taken.len(), MOST);
        assert!(taken.iter().enumerate().all(|(n, datagram)| datagram[..] == n.to_be_bytes()));
        assert_eq!(inbox.lost(), 10);
        inbox.put(b"next");
        taken.clear();
        inbox.take(&mut taken);
        assert_eq!(taken, [Bytes::from_static(b"next")]);
    }
}
