//! `/backup`: everything in one file to take away, and such a file brought back.

use std::time::Duration;

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::http::Response;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use futures_util::stream;
use tokio::io::AsyncReadExt;

use super::Shell;
use super::parts::{Asked, bytes, date, done, led, not_done, show as rendered};
use crate::admin::access::Asker;
use crate::admin::backups::{self, Incoming, Outgoing};
use crate::admin::{AdminState, FeedsError};
use crate::base::clock;

const HERE: &str = "/backup";
/// The field of the form that has the file.
const FILE: &str = "file";
/// For each piece of a file; a whole one may take as long as the line needs.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Of a file that is sent.
const PIECE: usize = 64 * 1024;

#[derive(Template)]
#[template(path = "backup.html")]
struct Page {
    shell: Shell,
    size: String,
    staged: Option<Staged>,
    kept: Vec<Kept>,
}

/// A database that another one took the place of, or one that could not.
struct Kept {
    name: String,
    size: String,
    at: String,
}

/// A backup that waits.
struct Staged {
    size: String,
    at: String,
}

#[derive(Template)]
#[template(path = "restarting.html")]
struct Restarting {
    shell: Shell,
}

/// `GET /backup`.
pub async fn show(State(state): State<AdminState>, asker: Asker, Query(asked): Query<Asked>) -> Response<Body> {
    let store = &state.feeds.store;
    rendered(&Page {
        shell: Shell::new(&asker, HERE, "Backup").noting(asked.note.as_deref()),
        size: bytes(store.backup_bytes().await.unwrap_or_else(|_| store.bytes())),
        staged: store.staged().map(|staged| Staged { size: bytes(staged.bytes), at: date(staged.at_ms) }),
        kept: store
            .kept()
            .into_iter()
            .map(|kept| Kept { name: kept.name, size: bytes(kept.bytes), at: date(kept.at_ms) })
            .collect(),
    })
}

/// `POST /backup/download`: no GET, since it holds every credential there is, and is noted.
pub async fn download(State(state): State<AdminState>) -> Response<Body> {
    match backups::copy(&state.feeds.store).await {
        Ok(copy) => sent(copy),
        Err(error) => not_done(&error),
    }
}

/// A backup as an answer.
pub fn sent(copy: Outgoing) -> Response<Body> {
    let pieces = stream::try_unfold(copy.file, |mut file| async move {
        let mut piece = vec![0; PIECE];
        let count = file.read(&mut piece).await?;
        piece.truncate(count);
        Ok::<_, std::io::Error>((count > 0).then(|| (Bytes::from(piece), file)))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/vnd.sqlite3"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(copy.bytes));
    headers.insert(axum::http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(named) = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", copy.name)) {
        headers.insert(CONTENT_DISPOSITION, named);
    }
    response
}

/// `POST /backup/restore`: a form with the file.
pub async fn restore(State(state): State<AdminState>, request: Request) -> Response<Body> {
    let taken = async { received(&state, request).await?.stage(&state.feeds.store, false).await };
    done(taken.await, HERE, "restored")
}

/// The file of a form, whole. Nothing is known of it yet.
pub(super) async fn received(state: &AdminState, request: Request) -> Result<Incoming, FeedsError> {
    let broken = |_| FeedsError::invalid(FILE, "The file broke off before its end. Nothing was changed.");
    let late = |_| FeedsError::invalid(FILE, "The file did not come in time. Nothing was changed.");
    let said = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(said).map_err(|_| FeedsError::invalid(FILE, "Choose a file: nothing came."))?;
    let mut form = multer::Multipart::new(request.into_body().into_data_stream(), boundary);
    while let Some(mut field) = clock::timeout(PATIENCE, form.next_field()).await.map_err(late)?.map_err(broken)? {
        if field.name() != Some(FILE) {
            continue;
        }
        let mut incoming = Incoming::begin(&state.feeds.store).await?;
        while let Some(piece) = clock::timeout(PATIENCE, field.chunk()).await.map_err(late)?.map_err(broken)? {
            incoming.push(&piece).await?;
        }
        return Ok(incoming);
    }
    Err(FeedsError::invalid(FILE, "Choose a file: nothing came."))
}

/// `POST /backup/forget`.
pub async fn forget(State(state): State<AdminState>) -> Response<Body> {
    match backups::forget(&state.feeds.store).await {
        Ok(()) => led(HERE, "forgotten"),
        Err(error) => not_done(&error),
    }
}

/// `POST /backup/restart`: ends in good order; whoever started it starts it again.
pub async fn restart(State(state): State<AdminState>, asker: Asker) -> Response<Body> {
    tracing::info!(user.name = %asker.name, "a restart was asked for");
    restarting(&state, Shell::new(&asker, HERE, "Restarting"))
}

/// Begins the restart, and shows a page that waits for its end.
pub(super) fn restarting(state: &AdminState, shell: Shell) -> Response<Body> {
    state.process.restart.cancel();
    rendered(&Restarting { shell })
}
