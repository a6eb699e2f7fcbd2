//! `/api/v1/inputs`: what is set for single streams that are pushed to us. What comes in is at `/streams`.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::body;
use super::problem::Problem;
use super::tag::{self, Expected, Shown};
use crate::admin::AdminState;
use crate::admin::feeds::FeedsError;
use crate::admin::feeds::inputs::InputRuleView;
use crate::http::reply;

type Id = Result<Path<String>, PathRejection>;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InputRules")]
pub(super) struct List {
    inputs: Vec<InputRuleView>,
}

fn named(id: Id) -> Result<String, Problem> {
    id.map(|Path(id)| id).map_err(|_| FeedsError::NotFound("The id of a stream is UTF-8.").into())
}

/// `GET /inputs`.
pub async fn list(State(state): State<AdminState>) -> Response<Body> {
    reply::json(&List { inputs: state.feeds.input_rules() })
}

/// `GET /inputs/{id}`.
pub async fn show(State(state): State<AdminState>, id: Id) -> Result<Response<Body>, Problem> {
    Ok(Shown::new(&state.feeds.input_rule(&named(id)?)?)?.answer())
}

/// `PATCH /inputs/{id}` (RFC 7396, JSON Merge Patch): members that are absent stay as they are. Whoever sends the stream by SRT is let
/// go, and comes again by what holds now.
pub async fn change(State(state): State<AdminState>, id: Id, request: Request) -> Result<Response<Body>, Problem> {
    let id = named(id)?;
    let expected = Expected::of(request.headers());
    let wanted = body::read_json(request).await?;
    let _turn = expected.turn(&state, async { Shown::new(&state.feeds.input_rule(&id)?) }).await?;
    let view = state.feeds.change_input_rule(&id, wanted).await?;
    state.inputs.call_anew(&id);
    tag::json(&view)
}

/// `DELETE /inputs/{id}`.
pub async fn remove(State(state): State<AdminState>, id: Id, headers: HeaderMap) -> Result<Response<Body>, Problem> {
    let id = named(id)?;
    let _turn = Expected::of(&headers).turn(&state, async { Shown::new(&state.feeds.input_rule(&id)?) }).await?;
    state.feeds.remove_input_rule(&id).await?;
    state.inputs.call_anew(&id);
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
