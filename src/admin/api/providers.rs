//! `/api/v1/providers`: the accounts, and how many of their connections are in use. Addresses without credentials.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body;
use super::problem::Problem;
use crate::admin::AdminState;
use crate::base::secret::SafeUrl;
use crate::http::reply;
use crate::model::{Provider as ModelProvider, ProviderId};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Providers")]
pub(super) struct List<'a> {
    providers: Vec<Provider<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProviderView")]
pub(super) struct Provider<'a> {
    #[serde(flatten)]
    provider: &'a ModelProvider,
    /// Where its playlist comes from.
    location: String,
    connections_in_use: u32,
    sources: usize,
}

/// What may be changed about an account.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    max_connections: Option<u32>,
}

/// `GET /providers`.
pub async fn list(State(state): State<AdminState>) -> Response<Body> {
    let catalog = state.backend.catalog();
    reply::json(&List { providers: catalog.providers.iter().map(|provider| shown(&state, provider)).collect() })
}

/// `PATCH /providers/{id}` (RFC 7396): how many connections the account allows at a time. Those that are open stay so.
pub async fn change(
    State(state): State<AdminState>,
    id: Result<Path<i64>, PathRejection>,
    request: Request,
) -> Result<Response<Body>, Problem> {
    let none = || Problem::new(StatusCode::NOT_FOUND, "There is no provider with this id.");
    let id = id.map(|Path(id)| ProviderId(id)).map_err(|_| none())?;
    let wanted: Wanted = body::read_json(request).await?;
    if let Some(most) = wanted.max_connections {
        if !(1..=1000).contains(&most) {
            return Err(Problem::field("max_connections", "An account allows 1 to 1000 connections."));
        }
        state.backend.set_connections(id, most).await?;
    }
    let catalog = state.backend.catalog();
    let provider = catalog.providers.iter().find(|provider| provider.id == id).ok_or_else(none)?;
    Ok(reply::json(&shown(&state, provider)))
}

fn shown<'a>(state: &AdminState, provider: &'a ModelProvider) -> Provider<'a> {
    let pool = state.manager.pool().providers();
    let catalog = state.backend.catalog();
    Provider {
        provider,
        location: SafeUrl(&provider.location).to_string(),
        connections_in_use: pool.iter().find(|view| view.id == provider.id).map_or(0, |view| view.in_use),
        sources: catalog.sources.values().flatten().filter(|source| source.provider == provider.id).count(),
    }
}
