//! Bodies that go on until somebody has had enough, and bodies of requests, which may not.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, Limited};

use super::link::{End, Link};
use crate::base::clock::{self, Timer};

/// Marks an answer, among its extensions, as one whose end is the end of the connection. The server writes it itself: hyper would
/// cut it into chunks, which not every client of HDHomeRuns has learnt to undo.
#[derive(Debug, Clone, Copy)]
pub(super) struct CloseDelimited;

/// An endless stream as the body of an answer.
///
/// It is polled only when the connection has room for more, and ends when the stream does, when its time is up, or when the
/// server ends; it is dropped, and the stream with it, as soon as the client has sent FIN or RST or takes nothing for the write
/// timeout. `on_end` is then called once with the stream and how it ended.
pub struct StreamBody<S, F: FnOnce(&mut S, End) = fn(&mut S, End)> {
    stream: S,
    on_end: Option<F>,
    link: Link,
    closing: Pin<Box<dyn Future<Output = ()> + Send>>,
    time_up: Option<Timer>,
    end: Option<End>,
}

impl<S, F> StreamBody<S, F>
where
    S: Stream<Item = Bytes> + Unpin + Send + 'static,
    F: FnOnce(&mut S, End) + Unpin + Send + 'static,
{
    /// An answer with this body: status 200, no length, no chunks.
    pub fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::new(self));
        response.extensions_mut().insert(CloseDelimited);
        response
    }
}

impl<S: Stream<Item = Bytes> + Unpin, F: FnOnce(&mut S, End)> StreamBody<S, F> {
    /// The body for an answer on the connection of `link`, for at most `duration`.
    pub fn new(stream: S, link: Link, duration: Option<Duration>, on_end: F) -> Self {
        let closing = Box::pin(link.closing().clone().cancelled_owned());
        let time_up = duration.map(|duration| Timer::new(clock::now() + duration));
        Self { stream, on_end: Some(on_end), link, closing, time_up, end: None }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if self.closing.as_mut().poll(cx).is_ready() {
            return Poll::Ready(End::Shutdown);
        }
        match &mut self.time_up {
            Some(timer) => timer.poll(cx).map(|()| End::TimeUp),
            None => Poll::Pending,
        }
    }
}

impl<S, F> HttpBody for StreamBody<S, F>
where
    S: Stream<Item = Bytes> + Unpin,
    F: FnOnce(&mut S, End) + Unpin,
{
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if this.end.is_some() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(end) = this.poll_end(cx) {
            this.end = Some(end);
            return Poll::Ready(None);
        }
        match ready!(Pin::new(&mut this.stream).poll_next(cx)) {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => {
                this.end = Some(End::Finished);
                Poll::Ready(None)
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl<S, F: FnOnce(&mut S, End)> Drop for StreamBody<S, F> {
    fn drop(&mut self) {
        // Dropped before its end: by the connection, which notes why. No note means that it ended from within, as at a panic.
        let end = self.end.or(self.link.end()).unwrap_or(End::ClientLeft);
        if let Some(on_end) = self.on_end.take() {
            on_end(&mut self.stream, end);
        }
    }
}

impl<S, F: FnOnce(&mut S, End)> fmt::Debug for StreamBody<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamBody").field("end", &self.end).finish_non_exhaustive()
    }
}

/// Why the body of a request is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// It is larger than the limit.
    #[error("request body is too large")]
    TooLarge,
    /// It did not come in time.
    #[error("request body did not come in time")]
    TooSlow,
    /// It broke off.
    #[error("request body is incomplete")]
    Broken,
}

/// Reads the whole body of a request, of at most `limit` bytes, within `time`.
///
/// # Errors
/// As [`Unread`] says.
///
/// # Cancel safety
/// What was read is lost when the future is dropped.
pub async fn read(body: Body, limit: usize, time: Duration) -> Result<Bytes, Unread> {
    match clock::timeout(time, Limited::new(body, limit).collect()).await {
        Err(_) => Err(Unread::TooSlow),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(_)) => Err(Unread::Broken),
    }
}

/// The body of an answer as the connection sends it: an endless one is dropped as soon as its client has left.
#[derive(Debug)]
pub(super) struct Watched {
    body: Body,
    link: Option<Link>,
}

impl Watched {
    /// A body whose length is known is sent as it is.
    pub(super) fn known(body: Body) -> Self {
        Self { body, link: None }
    }

    /// One that is endless, or may be.
    pub(super) fn endless(body: Body, link: Link) -> Self {
        Self { body, link: Some(link) }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if let Some(link) = &this.link
            && link.poll_gone(cx).is_ready()
        {
            return Poll::Ready(Some(Err(axum::Error::new(std::io::Error::from(std::io::ErrorKind::ConnectionAborted)))));
        }
        Pin::new(&mut this.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
