//! The socket under a request, as its handler and its answer may look at it: is the client still there, how did it end.
//!
//! hyper is told to allow half-closed connections, so that a document is still answered to a client that has sent its FIN with
//! its request. What it then no longer does is notice a client that leaves an endless answer; this does, at once, also while the
//! answer has nothing to say and whatever else the client has sent before.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::net::TcpStream;

use crate::base::tasks::CancellationToken;

/// Bytes that a client may send after a request whose answer is endless, before it counts as gone.
const MOST_STRAY_BYTES: usize = 1024 * 1024;

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was complete.
    Finished,
    /// The client sent FIN or RST.
    ClientLeft,
    /// A write made no progress for the write timeout.
    SlowClient,
    /// The time that was asked for is over.
    TimeUp,
    /// The server is ending.
    Shutdown,
}

impl End {
    /// In words, for the history.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Finished => "stream ended",
            Self::ClientLeft => "client left",
            Self::SlowClient => "slow client",
            Self::TimeUp => "requested duration over",
            Self::Shutdown => "shutting down",
        }
    }
}

#[derive(Debug)]
struct Inner {
    socket: TcpStream,
    end: AtomicU8,
    stray: AtomicUsize,
    closing: CancellationToken,
}

/// A handle of the connection that a request came on; an extension of every request.
#[derive(Debug, Clone)]
pub struct Link(Arc<Inner>);

impl Link {
    pub(super) fn new(socket: TcpStream, closing: CancellationToken) -> Self {
        Self(Arc::new(Inner { socket, end: AtomicU8::new(0), stray: AtomicUsize::new(0), closing }))
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.0.socket
    }

    /// Cancelled when the server begins to end: endless answers end then.
    pub fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }

    /// Waits until the client has sent FIN or RST. For handlers whose answer is endless, and only for those: what the client
    /// sends meanwhile is thrown away.
    ///
    /// Cancel-safe.
    pub async fn gone(&self) {
        std::future::poll_fn(|cx| self.poll_gone(cx)).await;
    }

    /// As [`Self::gone`]. The task is woken when the client leaves.
    pub fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0u8; 1024];
        // A bounded number of turns: a client that floods us must not hold the thread.
        for _ in 0..32 {
            if self.end().is_some() {
                return Poll::Ready(());
            }
            match self.0.socket.poll_read_ready(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => self.ended(End::ClientLeft),
                Poll::Ready(Ok(())) => match self.0.socket.try_read(&mut scratch) {
                    Ok(0) => self.ended(End::ClientLeft),
                    Ok(read) => {
                        if self.0.stray.fetch_add(read, Ordering::Relaxed) > MOST_STRAY_BYTES {
                            self.ended(End::ClientLeft);
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => self.ended(End::ClientLeft),
                },
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// How the connection ended, as far as it did not end well.
    pub fn end(&self) -> Option<End> {
        match self.0.end.load(Ordering::Relaxed) {
            1 => Some(End::ClientLeft),
            2 => Some(End::SlowClient),
            3 => Some(End::Shutdown),
            _ => None,
        }
    }

    /// Notes why the connection ends; the first reason stays.
    pub(super) fn ended(&self, end: End) {
        let code = match end {
            End::ClientLeft => 1,
            End::SlowClient => 2,
            End::Shutdown => 3,
            End::Finished | End::TimeUp => return,
        };
        let _ = self.0.end.compare_exchange(0, code, Ordering::Relaxed, Ordering::Relaxed);
    }
}
