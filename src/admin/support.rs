//! The support bundle: everything that helps somebody else to see what is wrong, in one file, without anything secret.
//!
//! What goes in is chosen here piece by piece: addresses pass [`SafeUrl`], people and tokens are only counted, and what the provider says of
//! an account stays out.

use serde_json::{Value, json};

use super::feeds::guides::GuideView;
use super::feeds::playlists::PlaylistView;
use super::page::Look;
use super::{AdminState, FeedsError};
use crate::base::clock;
use crate::base::secret::SafeUrl;
use crate::base::telemetry::recent::{KEPT, Record};
use crate::model::{Moment, SessionHistory};

/// Sessions that go in.
const SESSIONS: usize = 50;

/// Puts it together.
///
/// # Errors
/// When something cannot be read.
pub async fn bundle(state: &AdminState) -> Result<Value, FeedsError> {
    let facts = Look::at(state).facts;
    let (process, store, catalog) = (&state.process, &state.feeds.store, &facts.catalog);
    let devices = catalog.devices.iter().map(|device| {
        json!({
            "id": device.id, "tuners": device.tuner_count, "listen": device.listen,
            "channels": catalog.channels.iter().filter(|channel| catalog.has(device.row, channel.id)).count(),
        })
    });
    let providers = state.manager.pool().providers().into_iter();
    let connections: Vec<Value> =
        providers.map(|one| json!({ "provider": one.id, "in_use": one.in_use, "limit": one.limit })).collect();
    let running = facts.sessions().into_iter().map(|session| {
        let stats = session.stats;
        json!({
            "id": stats.id, "channel": stats.channel, "number": stats.number, "live": stats.live,
            "producer": stats.producer, "source": stats.source_url.as_deref().map(|url| SafeUrl(url).to_string()),
            "info": stats.info, "bitrate_bps": stats.bitrate_bps, "failovers": stats.failovers,
            "last_error": stats.last_error, "viewers": stats.subscribers.len(),
        })
    });
    let sessions = state.manager.journal().sessions();
    let logs = process.logs.find(tracing::Level::TRACE, "", KEPT);
    Ok(json!({
        "rooftop": env!("CARGO_PKG_VERSION"),
        "made_at": Moment(clock::wall_ms()),
        "uptime_s": clock::now().saturating_duration_since(process.started).as_secs(),
        "system": system(),
        "situation": *facts.situation,
        "warnings": facts.warnings(),
        "settings": process.settings,
        "database_bytes": store.bytes(),
        "counts": {
            "channels": catalog.channels.len(),
            "sources": catalog.sources.values().map(Vec::len).sum::<usize>(),
            "devices": catalog.devices.len(),
            "users": store.users().await?.len(),
            "tokens": store.tokens().await?.len(),
        },
        "devices": devices.collect::<Vec<_>>(),
        "connections": connections,
        "playlists": state.feeds.playlists().await?.iter().map(playlist).collect::<Vec<_>>(),
        "guides": state.feeds.guides().await?.iter().map(guide).collect::<Vec<_>>(),
        "jobs": state.feeds.jobs.list(),
        "running": running.collect::<Vec<_>>(),
        "sessions": sessions.into_iter().take(SESSIONS).map(safe).collect::<Vec<_>>(),
        "logs": logs.iter().map(AsRef::as_ref).collect::<Vec<&Record>>(),
    }))
}

fn playlist(view: &PlaylistView) -> Value {
    json!({
        "id": view.id, "name": view.name, "kind": view.kind, "location": SafeUrl(&view.location).to_string(),
        "active": view.active, "max_connections": view.max_connections, "refresh_h": view.refresh_h,
        "proxy": view.access.proxy.is_some(), "headers": view.access.headers, "any_certificate": view.access.any_certificate,
        "imported_ms": view.imported_ms, "checked_ms": view.checked_ms, "last_error": view.last_error, "sources": view.sources,
        "current": view.current, "held": view.held, "warnings": view.warnings,
    })
}

fn guide(view: &GuideView) -> Value {
    json!({
        "id": view.id, "name": view.name, "location": SafeUrl(&view.location).to_string(), "active": view.active,
        "refresh_h": view.refresh_h, "proxy": view.access.proxy.is_some(), "headers": view.access.headers,
        "imported_ms": view.imported_ms, "checked_ms": view.checked_ms, "last_error": view.last_error,
        "current": view.current, "held": view.held,
    })
}

/// The history keeps addresses without credentials; they are shown so once more.
fn safe(mut session: SessionHistory) -> SessionHistory {
    for source in &mut session.sources {
        source.stream_url = SafeUrl(&source.stream_url).to_string();
    }
    session
}

fn system() -> Value {
    let kernel = rustix::system::uname();
    json!({
        "os": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
        "kernel": kernel.release().to_string_lossy(),
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
    })
}
