//! One stream, many readers. Whoever sends never waits: a reader that is slow loses what is oldest, and is told.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::source::{ByteStream, Chunk};

/// Pieces that a reader may lie behind. A piece is what came in a few milliseconds.
const BEHIND: usize = 512;

/// Where a stream is put in. The readers' streams end when it is dropped.
#[derive(Debug)]
pub struct Tee(Mutex<broadcast::Sender<Chunk>>);

impl Tee {
    /// One without readers.
    pub fn new() -> Self {
        Self(Mutex::new(broadcast::Sender::new(BEHIND)))
    }

    fn sender(&self) -> MutexGuard<'_, broadcast::Sender<Chunk>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the streams of all readers there are.
    pub fn end(&self) {
        *self.sender() = broadcast::Sender::new(BEHIND);
    }

    /// Gives a piece to all readers there are.
    pub fn send(&self, piece: Bytes) {
        // Nobody reads: then it is gone, as with everything that is live.
        let _ = self.sender().send(Chunk::Bytes(piece));
    }

    /// Tells readers that another beginning follows.
    pub fn begin_anew(&self) {
        let _ = self.sender().send(Chunk::Discontinuity { broken_off: true });
    }

    /// How many read.
    pub fn readers(&self) -> usize {
        self.sender().receiver_count()
    }

    /// What comes from now on.
    pub fn read(&self) -> ByteStream {
        let next = |mut receiver: broadcast::Receiver<Chunk>| async move {
            let chunk = match receiver.recv().await {
                Ok(chunk) => chunk,
                Err(RecvError::Lagged(_)) => Chunk::Discontinuity { broken_off: true },
                Err(RecvError::Closed) => return None,
            };
            Some((Ok(chunk), receiver))
        };
        Box::pin(stream::unfold(self.sender().subscribe(), next))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_slow_reader_loses_the_oldest_and_is_told() {
        let tee = Tee::new();
        tee.send(Bytes::from_static(b"before"));
        let (mut slow, mut quick) = (tee.read(), tee.read());
        assert_eq!(tee.readers(), 2);
        for n in 0..=BEHIND {
            tee.send(Bytes::from(n.to_string()));
            assert_eq!(quick.next().await.unwrap().unwrap(), Chunk::Bytes(Bytes::from(n.to_string())));
        }
        tee.end();
        tee.send(Bytes::from_static(b"after"));
        assert!(quick.next().await.is_none());
        assert_eq!(slow.next().await.unwrap().unwrap(), Chunk::Discontinuity { broken_off: true });
        assert_eq!(slow.next().await.unwrap().unwrap(), Chunk::Bytes(Bytes::from_static(b"1")));
        assert_eq!(slow.count().await, BEHIND - 1);
    }
}
