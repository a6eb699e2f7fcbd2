//! Facts that nobody waits for: health, verdicts of probes, what was seen in streams, use of tokens. Only the newest of each is kept until the
//! writer takes them all at once, so there are never more of them than there are sources, channels and tokens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, named_params};

use super::{Shared, StoreError, probes};
use crate::model::{ChannelId, Health, SourceId, StreamInfo, Verdict};

/// Facts not yet written.
#[derive(Debug, Default)]
pub(super) struct Facts {
    health: HashMap<SourceId, Health>,
    info: HashMap<ChannelId, StreamInfo>,
    verdicts: HashMap<SourceId, Arc<Verdict>>,
    token_used_ms: HashMap<i64, i64>,
}

/// Where they gather.
#[derive(Debug, Default)]
pub(super) struct Gathering(Mutex<Facts>);

impl Gathering {
    /// Adds facts; `true` if there were none before, so that the writer must be told.
    pub(super) fn add(&self, add: impl FnOnce(&mut Facts)) -> bool {
        let mut facts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = facts.is_empty();
        add(&mut facts);
        first
    }

    pub(super) fn take(&self) -> Facts {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Facts {
    pub(super) fn is_empty(&self) -> bool {
        self.health.is_empty() && self.info.is_empty() && self.verdicts.is_empty() && self.token_used_ms.is_empty()
    }

    pub(super) fn health(&mut self, source: SourceId, health: Health) {
        self.health.insert(source, health);
    }

    pub(super) fn info(&mut self, channel: ChannelId, info: StreamInfo) {
        self.info.insert(channel, info);
    }

    pub(super) fn verdict(&mut self, source: SourceId, verdict: Arc<Verdict>) {
        self.verdicts.insert(source, verdict);
    }

    pub(super) fn token_used(&mut self, token: i64, now_ms: i64) {
        self.token_used_ms.insert(token, now_ms);
    }

    /// Writes them. Those about rows that are gone meanwhile fall away.
    pub(super) fn write(&self, connection: &Connection) -> Result<(), StoreError> {
        let mut health = connection.prepare_cached(
            "INSERT INTO source_health (source_id, failures, last_failure_ms, last_reason, last_success_ms, cool_until_ms)
             SELECT id, :failures, :last_failure_ms, :last_reason, :last_success_ms, :cool_until_ms FROM sources WHERE id = :id
             ON CONFLICT (source_id) DO UPDATE SET failures = excluded.failures, last_failure_ms = excluded.last_failure_ms,
                last_reason = excluded.last_reason, last_success_ms = excluded.last_success_ms,
                cool_until_ms = excluded.cool_until_ms",
        )?;
        for (source, now) in &self.health {
            health.execute(named_params! {
                ":id": source.0,
                ":failures": now.failures,
                ":last_failure_ms": now.last_failure_ms,
                ":last_reason": now.last_reason,
                ":last_success_ms": now.last_success_ms,
                ":cool_until_ms": now.cool_until_ms,
            })?;
        }
        let mut info = connection.prepare_cached("UPDATE channels SET info = :info WHERE id = :id")?;
        for (channel, seen) in &self.info {
            let text = serde_json::to_string(seen).map_err(|error| StoreError::Nonsense(error.to_string()))?;
            info.execute(named_params! { ":id": channel.0, ":info": text })?;
        }
        probes::write(connection, &self.verdicts)?;
        let mut used = connection.prepare_cached("UPDATE api_tokens SET last_used_ms = :ms WHERE id = :id")?;
        for (token, ms) in &self.token_used_ms {
            used.execute(named_params! { ":id": token, ":ms": ms })?;
        }
        Ok(())
    }

    /// Puts them into the catalog, without reading it anew.
    pub(super) fn show(self, shared: &Shared) {
        if self.health.is_empty() && self.info.is_empty() {
            return;
        }
        let mut catalog = (*shared.catalog.load_full()).clone();
        for source in catalog.sources.values_mut().flatten() {
            if let Some(health) = self.health.get(&source.id) {
                source.health = health.clone();
            }
        }
        for channel in &mut catalog.channels {
            if let Some(info) = self.info.get(&channel.id) {
                channel.info = Some(info.clone());
            }
        }
        shared.catalog.store(Arc::new(catalog));
    }
}
