//! A socket whose writes have a deadline: a write that makes no progress for the whole of it fails, and with it the connection.

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::link::{End, Link};
use crate::base::clock::{self, Timer};

/// The server's side of a connection.
#[derive(Debug)]
pub(super) struct Deadline {
    link: Link,
    limit: Duration,
    /// Made at the first write that had to wait.
    timer: Option<Timer>,
    waiting: bool,
}

impl Deadline {
    /// Writes to the socket of `link` fail with `TimedOut` when none succeeds for `limit`.
    pub(super) fn new(link: Link, limit: Duration) -> Self {
        Self { link, limit, timer: None, waiting: false }
    }

    fn poll_io(&mut self, cx: &mut Context<'_>, write: impl Fn(&Link) -> io::Result<usize>) -> Poll<io::Result<usize>> {
        loop {
            match self.link.socket().poll_write_ready(cx) {
                Poll::Ready(Ok(())) => match write(&self.link) {
                    Ok(written) => {
                        self.waiting = false;
                        return Poll::Ready(Ok(written));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return self.failed(error),
                },
                Poll::Ready(Err(error)) => return self.failed(error),
                Poll::Pending => return self.poll_deadline(cx),
            }
        }
    }

    fn failed(&self, error: io::Error) -> Poll<io::Result<usize>> {
        self.link.ended(End::ClientLeft);
        Poll::Ready(Err(error))
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if !self.waiting {
            let deadline = clock::now() + self.limit;
            match &mut self.timer {
                Some(timer) => timer.reset(deadline),
                None => self.timer = Some(Timer::new(deadline)),
            }
            self.waiting = true;
        }
        if let Some(timer) = &mut self.timer {
            ready!(timer.poll(cx));
        }
        self.link.ended(End::SlowClient);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
    }
}

impl AsyncRead for Deadline {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.link.socket().poll_read_ready(cx))?;
            match self.link.socket().try_read(buf.initialize_unfilled()) {
                Ok(read) => {
                    buf.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Deadline {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_io(cx, |link| link.socket().try_write(bytes))
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_io(cx, |link| link.socket().try_write_vectored(bytes))
    }

    fn is_write_vectored(&self) -> bool {
        // hyper then queues the chunks as they are instead of copying them into one buffer.
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(socket2::SockRef::from(self.link.socket()).shutdown(Shutdown::Write))
    }
}
