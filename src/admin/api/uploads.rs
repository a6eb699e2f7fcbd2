//! `/api/v1/playlists/upload` and `/api/v1/playlists/{id}/file`: playlists as the bodies of requests, of any size.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::Deserialize;

use super::body::{Asked, asked};
use super::playlists::{Id, created, playlist, shown, started};
use super::problem::Problem;
use super::tag::Expected;
use crate::admin::AdminState;
use crate::admin::feeds::upload::Upload;
use crate::base::clock;

/// For each piece of a body; a whole one may take as long as the line needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is said of a file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct About {
    name: Option<String>,
}

/// `POST /playlists/upload?name=…`, with the file as the body: makes a playlist of it, and begins to read it.
pub async fn add(State(state): State<AdminState>, about: Asked<About>, request: Request) -> Result<Response<Body>, Problem> {
    let about = asked(about)?;
    let upload = take(state.feeds.begin_upload().await?, request).await?;
    created(&state.feeds.add_uploaded(None, upload, about.name).await?)
}

/// `PUT /playlists/{id}/file`: another file in the place of the one that was uploaded before; 202 with the number of the job.
pub async fn replace(State(state): State<AdminState>, id: Id, request: Request) -> Result<Response<Body>, Problem> {
    let id = playlist(id)?;
    let expected = Expected::of(request.headers());
    let upload = take(state.feeds.begin_upload().await?, request).await?;
    let _turn = expected.turn(&state, shown(&state, id)).await?;
    Ok(started(state.feeds.replace_uploaded(id, upload).await?))
}

async fn take(mut upload: Upload, request: Request) -> Result<Upload, Problem> {
    let mut body = request.into_body();
    let late = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "The file did not come in time.");
    let broken = |_| Problem::new(StatusCode::BAD_REQUEST, "The file broke off before its end.");
    while let Some(frame) = clock::timeout(PATIENCE, body.frame()).await.map_err(late)? {
        if let Ok(bytes) = frame.map_err(broken)?.into_data() {
            upload.push(&bytes).await?;
        }
    }
    Ok(upload)
}
