//! One connection: from its first byte to its end.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::header::{CONNECTION, HeaderValue};
use axum::http::{Method, Request, Response, StatusCode};
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::TcpKeepalive;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tower::ServiceExt;

use super::admission::Seat;
use super::body::{CloseDelimited, Watched};
use super::deadline::Deadline;
use super::endless;
use super::link::{End, Link};
use super::server::{Limits, Peer};
use crate::base::clock;
use crate::base::tasks::CancellationToken;

/// Most bytes of a request's head, and of answers that wait in a connection besides the chunk being written.
const BUFFER_BYTES: usize = 64 * 1024;

/// Unsent bytes that the kernel may hold for one client. Enough to keep a link busy; a client that is too slow is then noticed
/// after seconds and not after the megabytes that the kernel would else put by for it.
const UNSENT_BYTES: u32 = 256 * 1024;

/// Of a path, in the log.
const MOST_SHOWN_CHARS: usize = 128;

/// What all connections of a listener share.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) router: axum::Router,
    pub(super) limits: Limits,
    /// Begin to end.
    pub(super) shutdown: CancellationToken,
    /// End now.
    pub(super) kill: CancellationToken,
}

/// Serves one connection to its end.
pub(super) async fn run(socket: TcpStream, peer: Peer, seat: Seat, context: Context) {
    set_options(&socket, &context.limits);
    let evicted = seat.evicted().clone();
    let link = Link::new(socket, context.shutdown.clone());
    tokio::select! {
        () = evicted.cancelled() => {}
        () = context.kill.cancelled() => link.ended(End::Shutdown),
        () = converse(link.clone(), peer, seat, &context) => {}
    }
}

async fn converse(link: Link, peer: Peer, seat: Seat, context: &Context) {
    let limits = &context.limits;
    let began = clock::now();
    // A connection that says nothing costs a socket and a task; buffers are made once it speaks. What is left for the rest of the
    // head keeps the sum within `header_timeout`.
    tokio::select! {
        () = context.shutdown.cancelled() => return,
        spoke = clock::timeout(limits.header_timeout * 4 / 5, link.socket().readable()) => {
            if spoke.is_err() {
                return;
            }
        }
    }
    let left = limits.header_timeout.saturating_sub(clock::now() - began).max(Duration::from_millis(100));
    let io = TokioIo::new(Deadline::new(link.clone(), limits.write_timeout));
    let seat = Arc::new(seat);
    let (take_over, mut taken) = mpsc::channel(1);
    let answering = Answering { router: context.router.clone(), peer, link: link.clone(), seat: seat.clone(), take_over };
    let service = hyper::service::service_fn(move |request| answer(request, answering.clone()));
    // Dropped as soon as an endless answer is to be written.
    let mut connection = Box::pin(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(left)
            .max_buf_size(BUFFER_BYTES)
            .half_close(true)
            .serve_connection(io, service),
    );
    let mut closing = false;
    let ended = loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => break ended,
            Some(endless) = taken.recv() => {
                // hyper has nothing left to write: what it was asked before has been answered.
                drop(connection);
                endless::write(endless, Deadline::new(link.clone(), limits.write_timeout), &link).await;
                return;
            }
            () = context.shutdown.cancelled(), if !closing => {
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        tracing::trace!(client.addr = %peer.remote, error = %error, "connection ended");
    }
}

fn set_options(socket: &TcpStream, limits: &Limits) {
    let socket = socket2::SockRef::from(socket);
    // A client that vanishes while nothing is sent to it is noticed by keepalive, in about `user_timeout` too.
    let keepalive = TcpKeepalive::new().with_time(limits.user_timeout).with_interval(limits.user_timeout / 3);
    let options = [
        socket.set_tcp_nodelay(true),
        socket.set_tcp_keepalive(&keepalive),
        socket.set_tcp_user_timeout(Some(limits.user_timeout)),
        socket.set_tcp_notsent_lowat(UNSENT_BYTES),
    ];
    for error in options.into_iter().filter_map(Result::err) {
        tracing::trace!(error = %error, "socket option not set");
    }
}

/// What the requests of one connection are answered with.
#[derive(Clone)]
struct Answering {
    router: axum::Router,
    peer: Peer,
    link: Link,
    seat: Arc<Seat>,
    take_over: mpsc::Sender<Response<Body>>,
}

/// For the log: without the query, which may hold what nobody but the client should know, and not at any length.
fn shown_path(request: &Request<Incoming>) -> String {
    request.uri().path().chars().take(MOST_SHOWN_CHARS).collect()
}

async fn answer(request: Request<Incoming>, with: Answering) -> Result<Response<Watched>, Infallible> {
    with.seat.busy();
    let (is_head, version) = (request.method() == Method::HEAD, request.version());
    let (asked, method, path) = (clock::now(), request.method().clone(), shown_path(&request));
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(with.peer);
    request.extensions_mut().insert(with.link.clone());
    // A panic is one answer's trouble; the panic hook has logged it.
    let mut response = match AssertUnwindSafe(with.router.oneshot(request)).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    };
    tracing::debug!(
        client.addr = %with.peer.remote, http.method = %method, http.path = %path, http.status = response.status().as_u16(),
        duration_ms = clock::now().duration_since(asked).as_millis(), "request answered"
    );
    if response.extensions().get::<CloseDelimited>().is_some() && !is_head {
        *response.version_mut() = version;
        let _ = with.take_over.send(response).await;
        // This future is dropped with hyper's part of the connection.
        return std::future::pending().await;
    }
    let (mut parts, body) = response.into_parts();
    let body = if body.size_hint().exact().is_some() {
        with.seat.idle();
        Watched::known(body)
    } else {
        // What the client sends during an endless answer is thrown away, so that its FIN is seen: no second request here.
        parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        Watched::endless(body, with.link)
    };
    Ok(Response::from_parts(parts, body))
}
