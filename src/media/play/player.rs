//! The server's side of one player: feeds its worker, and reads what that says. No task of its own: it moves when it is polled,
//! hence only while the one who looks takes what is made. Dropping it kills the process.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::words::{Refusal, Said};
use crate::base::{clock, tasks};
use crate::media::worker::frame::{self, FrameError, HEAD_BYTES, Head};
use crate::media::worker::{WorkerClient, WorkerError};

/// Without a first fragment by then it is given up.
const FIRST_WITHIN: Duration = Duration::from_secs(20);
/// Chunks that are passed on in one turn.
const CHUNKS_A_TURN: usize = 32;
/// Bytes that are read in one go.
const READ_BYTES: usize = 16 * 1024;

/// Why nothing is played.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PlayError {
    /// No browser can show it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The worker failed, or could not be started.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// It ended before there was anything to see.
    #[error("the player ended before there was a picture: {0}")]
    Ended(String),
    /// Nothing came.
    #[error("no picture and no sound within {0:?}")]
    Nothing(Duration),
}

/// A worker that plays. As a stream: the initialisation section and the fragments, in order; it ends when the worker does.
#[derive(Debug)]
pub struct Player<S> {
    /// The transport stream.
    input: S,
    /// What of it is next.
    pending: Bytes,
    /// `None` at the end of the input.
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    read: BytesMut,
    /// What was looked at already.
    first: Option<Bytes>,
    /// The last word, if it was said.
    over: Option<Said>,
    _child: Child,
    _stderr: tasks::Task<()>,
}

impl Player<()> {
    /// Starts a worker that waits for its input.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(worker: &WorkerClient) -> Result<Self, WorkerError> {
        let pipes = worker.start_player().await?;
        Ok(Self {
            input: (),
            pending: Bytes::new(),
            stdin: Some(pipes.stdin),
            read: BytesMut::from(pipes.stdout.buffer()),
            stdout: pipes.stdout.into_inner(),
            first: None,
            over: None,
            _child: pipes.child,
            _stderr: pipes.stderr,
        })
    }

    /// Gives it its input, and waits for the initialisation section. Says what it is, as a browser is asked whether it can decode it.
    ///
    /// # Errors
    /// When nothing can be played.
    ///
    /// # Cancel safety
    /// Dropping the future ends the player.
    pub async fn play<S>(self, input: S) -> Result<(Player<S>, String), PlayError>
    where
        S: Stream<Item = Bytes> + Unpin,
    {
        let mut player = Player {
            input,
            pending: self.pending,
            stdin: self.stdin,
            stdout: self.stdout,
            read: self.read,
            first: None,
            over: None,
            _child: self._child,
            _stderr: self._stderr,
        };
        let said = clock::timeout(FIRST_WITHIN, std::future::poll_fn(|cx| player.poll_said(cx))).await;
        match said.map_err(|_| PlayError::Nothing(FIRST_WITHIN))?? {
            Some((Said::Begins { content_type }, init)) => {
                player.first = Some(init);
                Ok((player, content_type))
            }
            Some((Said::Refused(refusal), _)) => Err(refusal.into()),
            Some((Said::Ended { reason }, _)) => Err(PlayError::Ended(reason)),
            Some((Said::Fragment, _)) => Err(WorkerError::Garbage { reason: "a fragment before its beginning".into() }.into()),
            None => Err(WorkerError::Died { how: "end of file".into() }.into()),
        }
    }
}

impl<S> Player<S> {
    /// The transport stream it is given.
    pub fn input(&mut self) -> &mut S {
        &mut self.input
    }
}

impl<S: Stream<Item = Bytes> + Unpin> Player<S> {
    /// Passes on what the input has, as long as the worker takes it.
    fn feed(&mut self, cx: &mut Context<'_>) {
        for _ in 0..CHUNKS_A_TURN {
            let Some(stdin) = &mut self.stdin else { return };
            if self.pending.is_empty() {
                match Pin::new(&mut self.input).poll_next(cx) {
                    Poll::Ready(Some(bytes)) => self.pending = bytes,
                    // End of file makes the worker give the rest, and end.
                    Poll::Ready(None) => self.stdin = None,
                    Poll::Pending => return,
                }
                continue;
            }
            match Pin::new(stdin).poll_write(cx, &self.pending) {
                Poll::Ready(Ok(written)) => self.pending.advance(written),
                // It has ended, and its last words say why.
                Poll::Ready(Err(_)) => self.stdin = None,
                Poll::Pending => return,
            }
        }
        cx.waker().wake_by_ref();
    }

    /// The next word, or `None` when the worker has ended.
    fn poll_said(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<(Said, Bytes)>, WorkerError>> {
        self.feed(cx);
        loop {
            let taken = take_frame(&mut self.read).map_err(|error| WorkerError::Garbage { reason: error.to_string() })?;
            if taken.is_some() {
                return Poll::Ready(Ok(taken));
            }
            let mut room = [0u8; READ_BYTES];
            let mut buffer = ReadBuf::new(&mut room);
            match ready!(Pin::new(&mut self.stdout).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => self.read.extend_from_slice(buffer.filled()),
                _ => return Poll::Ready(Ok(None)),
            }
        }
    }
}

impl<S: Stream<Item = Bytes> + Unpin> Stream for Player<S> {
    type Item = Bytes;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(first));
        }
        if this.over.is_some() {
            return Poll::Ready(None);
        }
        let said = match ready!(this.poll_said(cx)) {
            Ok(Some((Said::Begins { .. } | Said::Fragment, bytes))) => return Poll::Ready(Some(bytes)),
            Ok(Some((said, _))) => {
                tracing::debug!(player.said = ?said, "a player has ended");
                said
            }
            Ok(None) => {
                tracing::warn!("the worker of a player died; the page begins anew");
                Said::Ended { reason: "the worker died".to_owned() }
            }
            Err(error) => {
                tracing::warn!(%error, "the worker of a player failed; the page begins anew");
                Said::Ended { reason: error.to_string() }
            }
        };
        this.over = Some(said);
        Poll::Ready(None)
    }
}

/// Takes a whole frame out of what was read, if there is one.
fn take_frame(read: &mut BytesMut) -> Result<Option<(Said, Bytes)>, FrameError> {
    let Some(head) = read.first_chunk::<HEAD_BYTES>() else { return Ok(None) };
    let head = Head::parse(head)?;
    let length = HEAD_BYTES + head.header_len + head.payload_len;
    if read.len() < length {
        read.reserve(length - read.len());
        return Ok(None);
    }
    let mut frame = read.split_to(length).freeze();
    frame.advance(HEAD_BYTES);
    let header = frame.split_to(head.header_len);
    Ok(Some((frame::decode(&header)?, frame)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_whole_and_in_order() {
        let mut bytes = Vec::new();
        let begins = Said::Begins { content_type: "video/mp4".into() };
        for (said, payload) in [(&begins, &b"init"[..]), (&Said::Fragment, b"f"), (&Said::Refused(Refusal::Nothing), b"")] {
            bytes.extend(frame::encode(said, payload.len()).unwrap());
            bytes.extend_from_slice(payload);
        }
        let (mut read, mut taken) = (BytesMut::new(), Vec::new());
        for byte in bytes {
            read.extend_from_slice(&[byte]);
            taken.extend(take_frame(&mut read).unwrap());
        }
        let expected = [(begins, "init"), (Said::Fragment, "f"), (Said::Refused(Refusal::Nothing), "")]
            .map(|(said, text)| (said, Bytes::from(text)));
        assert_eq!(taken, expected);
        assert!(read.is_empty());
        assert!(take_frame(&mut BytesMut::from(&b"HTTP/1.1 200"[..])).is_err());
    }
}
