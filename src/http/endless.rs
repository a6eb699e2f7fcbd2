//! Writes an answer whose end is the end of the connection: the head, then the bytes as they come, chunk by chunk, uncopied.
//!
//! Here, and not in hyper, which has no such answers in HTTP/1.1. It is also the shortest way for what is most of the traffic: one
//! write for each chunk, nothing in between.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;

use axum::body::{Body, HttpBody};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use axum::http::{Response, Version};
use bytes::Bytes;
use tokio::io::AsyncWrite;

use super::deadline::Deadline;
use super::link::Link;
use crate::base::clock;

/// Writes all of `response` to `io`, then FIN. Ends early when the client of `link` leaves or takes nothing; the body is dropped
/// then, and the link knows why.
pub(super) async fn write(response: Response<Body>, mut io: Deadline, link: &Link) {
    let head = head(&response);
    let mut body = response.into_body();
    let Ok(()) = write_all(&head, &mut io, link).await else { return };
    while let Some(bytes) = next(&mut body, link).await {
        let Ok(()) = write_all(&bytes, &mut io, link).await else { return };
    }
    let _ = poll_fn(|cx| Pin::new(&mut io).poll_shutdown(cx)).await;
}

/// Status line and header fields (RFC 9112, 4 and 5). What would contradict the form of the body is left out.
fn head(response: &Response<Body>) -> Vec<u8> {
    let mut head = Vec::with_capacity(512);
    head.extend_from_slice(if response.version() == Version::HTTP_10 { b"HTTP/1.0 " } else { b"HTTP/1.1 " });
    head.extend_from_slice(response.status().as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(response.status().canonical_reason().unwrap_or("-").as_bytes());
    let mut field = |name: &[u8], value: &[u8]| {
        for part in [b"\r\n", name, b": ", value] {
            head.extend_from_slice(part);
        }
    };
    for (name, value) in response.headers() {
        if ![CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, DATE].contains(name) {
            field(name.as_str().as_bytes(), value.as_bytes());
        }
    }
    field(b"connection", b"close");
    if let Some(date) = date() {
        field(b"date", date.as_bytes());
    }
    head.extend_from_slice(b"\r\n\r\n");
    head
}

fn date() -> Option<String> {
    let now = jiff::Timestamp::try_from(clock::wall()).ok()?;
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now).ok()
}

/// The next bytes of the body, or `None` at its end or when the client has left.
async fn next(body: &mut Body, link: &Link) -> Option<Bytes> {
    loop {
        let frame = poll_fn(|cx| match link.poll_gone(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => Pin::new(&mut *body).poll_frame(cx),
        });
        match frame.await?.ok()?.into_data() {
            Ok(bytes) if !bytes.is_empty() => return Some(bytes),
            _ => {}
        }
    }
}

async fn write_all(mut bytes: &[u8], io: &mut Deadline, link: &Link) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = poll_fn(|cx| {
            let written = Pin::new(&mut *io).poll_write(cx, bytes);
            if written.is_pending() && link.poll_gone(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            written
        });
        match written.await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => bytes = bytes.get(written..).unwrap_or_default(),
        }
    }
    Ok(())
}
