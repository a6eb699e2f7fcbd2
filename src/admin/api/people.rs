//! `/api/v1/users`, `/api/v1/tokens`, `/api/v1/audit`: who may do what, and who did what.

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body;
use super::problem::Problem;
use crate::admin::access::Asker;
use crate::admin::{AdminState, FeedsError, people};
use crate::http::reply;
use crate::model::person::Role;
use crate::store::Token;
use crate::store::people::Deed;

/// Most deeds of one answer.
const MOST: u32 = 10_000;
const USUAL: u32 = 200;

/// All users.
#[derive(Serialize, JsonSchema)]
pub(super) struct Users {
    users: Vec<User>,
}

/// A user, without its password.
#[derive(Serialize, JsonSchema)]
pub(super) struct User {
    id: i64,
    name: String,
    role: Role,
    created_ms: i64,
    seen_ms: Option<i64>,
}

/// A user to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    name: String,
    /// `admin` or `viewer`.
    role: String,
    password: String,
}

/// A user that was made.
#[derive(Serialize, JsonSchema)]
pub(super) struct MadeUser {
    id: i64,
    name: String,
    role: Role,
}

/// All tokens.
#[derive(Serialize, JsonSchema)]
pub(super) struct Tokens {
    tokens: Vec<Token>,
}

/// A token to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    name: String,
    /// `admin` or `viewer`.
    scope: String,
}

/// A token that was made; it is not shown again.
#[derive(Serialize, JsonSchema)]
pub(super) struct MadeToken {
    name: String,
    scope: Role,
    token: String,
}

/// What was done.
#[derive(Serialize, JsonSchema)]
pub(super) struct Deeds {
    deeds: Vec<Deed>,
}

/// `GET /users`.
pub async fn users(State(state): State<AdminState>) -> Result<Response<Body>, Problem> {
    let users = state.feeds.store.users().await.map_err(FeedsError::from)?.into_iter().map(|user| User {
        id: user.id,
        name: user.name,
        role: user.role,
        created_ms: user.created_ms,
        seen_ms: user.seen_ms,
    });
    Ok(reply::json(&Users { users: users.collect() }))
}

/// `POST /users` `{"name": …, "role": "viewer", "password": …}`.
pub async fn add_user(State(state): State<AdminState>, request: Request) -> Result<Response<Body>, Problem> {
    let NewUser { name, role, password } = body::read_json(request).await?;
    let role = people::role("role", &role)?;
    let id = people::add_user(&state, &name, role, password).await?;
    Ok(created(&MadeUser { id, name: name.trim().to_owned(), role }))
}

/// `DELETE /users/{id}`.
pub async fn remove_user(
    State(state): State<AdminState>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<Response<Body>, Problem> {
    let Path(id) = id.map_err(|_| Problem::new(StatusCode::NOT_FOUND, "There is no user with this number."))?;
    people::remove_user(&state, id).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `GET /tokens`: what is kept of them, which is not the tokens.
pub async fn tokens(State(state): State<AdminState>) -> Result<Response<Body>, Problem> {
    let tokens = state.feeds.store.tokens().await.map_err(FeedsError::from)?;
    Ok(reply::json(&Tokens { tokens }))
}

/// `POST /tokens` `{"name": …, "scope": "viewer"}`: the answer has the token, this once.
pub async fn add_token(State(state): State<AdminState>, asker: Asker, request: Request) -> Result<Response<Body>, Problem> {
    let NewToken { name, scope } = body::read_json(request).await?;
    let scope = people::role("scope", &scope)?;
    let token = people::add_token(&state, &name, scope, &asker).await?;
    Ok(created(&MadeToken { name: name.trim().to_owned(), scope, token: token.expose().clone() }))
}

/// `DELETE /tokens/{id}`.
pub async fn revoke_token(
    State(state): State<AdminState>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<Response<Body>, Problem> {
    let Path(id) = id.map_err(|_| Problem::new(StatusCode::NOT_FOUND, "There is no token with this number."))?;
    people::revoke_token(&state, id).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// How many deeds.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Last {
    /// At most so many.
    #[schemars(range(min = 1, max = MOST))]
    limit: Option<u32>,
}

/// `GET /audit?limit=`: who changed what, the newest first.
pub async fn audit(
    State(state): State<AdminState>,
    last: Result<Query<Last>, QueryRejection>,
) -> Result<Response<Body>, Problem> {
    let Query(Last { limit }) = last.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
    let limit = limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::field("limit", format!("`limit` is 1 to {MOST}.")));
    }
    let deeds = state.feeds.store.deeds(limit).await.map_err(FeedsError::from)?;
    Ok(reply::json(&Deeds { deeds }))
}

fn created(value: &impl Serialize) -> Response<Body> {
    let mut response = reply::json(value);
    *response.status_mut() = StatusCode::CREATED;
    response
}
