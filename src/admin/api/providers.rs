//! `GET /api/v1/providers`: the accounts, and how many of their connections are in use. Addresses without credentials.

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use serde::Serialize;

use crate::admin::AdminState;
use crate::base::secret::SafeUrl;
use crate::http::reply;
use crate::model::Provider as ModelProvider;

#[derive(Serialize)]
struct List<'a> {
    providers: Vec<Provider<'a>>,
}

#[derive(Serialize)]
struct Provider<'a> {
    #[serde(flatten)]
    provider: &'a ModelProvider,
    /// Where its playlist comes from.
    location: String,
    connections_in_use: u32,
    sources: usize,
}

/// `GET /providers`.
pub async fn list(State(state): State<AdminState>) -> Response<Body> {
    let catalog = state.backend.catalog();
    let pool = state.manager.pool().providers();
    let providers = catalog.providers.iter().map(|provider| Provider {
        provider,
        location: SafeUrl(&provider.location).to_string(),
        connections_in_use: pool.iter().find(|view| view.id == provider.id).map_or(0, |view| view.in_use),
        sources: catalog.sources.values().flatten().filter(|source| source.provider == provider.id).count(),
    });
    reply::json(&List { providers: providers.collect() })
}
