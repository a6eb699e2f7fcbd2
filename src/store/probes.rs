//! Verdicts of probes: the last one of each source.
//!
//! They are not in the catalog: one comes every few seconds for hours, and each time the whole of it would be copied.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::{Connection, named_params};

use super::{Store, StoreError, load};
use crate::model::{SourceId, StreamInfo, Verdict};

/// The verdicts in memory.
#[derive(Debug, Default)]
pub(super) struct Verdicts(RwLock<HashMap<SourceId, Arc<Verdict>>>);

impl Store {
    /// Keeps what a probe found out. Never waits; shown at once, written within a second or two.
    pub fn record_verdict(&self, source: SourceId, verdict: Verdict) {
        let verdict = Arc::new(verdict);
        let mut known = self.shared().verdicts.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(source, Arc::clone(&verdict));
        drop(known);
        self.fact(|facts| facts.verdict(source, verdict));
    }

    /// What the last probe of a source found out. Never waits for the database.
    pub fn verdict(&self, source: SourceId) -> Option<Arc<Verdict>> {
        self.shared().verdicts.0.read().unwrap_or_else(PoisonError::into_inner).get(&source).cloned()
    }

    /// When each source was probed last, in milliseconds since 1970; those that never were are not in it.
    pub fn probed_ms(&self) -> HashMap<SourceId, i64> {
        let known = self.shared().verdicts.0.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|(source, verdict)| (*source, verdict.at_ms)).collect()
    }
}

/// Reads all of them.
pub(super) fn load(connection: &Connection) -> Result<Verdicts, StoreError> {
    let sql = "SELECT source_id, probed_ms, proven, reason, first_byte_ms, keyframe_ms, info FROM source_probes";
    let rows = load::rows(connection, sql, |row| {
        let info: String = row.get(6)?;
        let verdict = Verdict {
            at_ms: row.get(1)?,
            proven: row.get(2)?,
            reason: row.get(3)?,
            first_byte_ms: row.get(4)?,
            keyframe_ms: row.get(5)?,
            // Written by another version, it may not be understood; the next probe sees it anew.
            info: serde_json::from_str::<StreamInfo>(&info).unwrap_or_default(),
        };
        Ok((SourceId(row.get(0)?), Arc::new(verdict)))
    })?;
    Ok(Verdicts(RwLock::new(rows.into_iter().collect())))
}

/// Writes some. Those of sources that are gone meanwhile fall away.
pub(super) fn write(connection: &Connection, verdicts: &HashMap<SourceId, Arc<Verdict>>) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO source_probes (source_id, probed_ms, proven, reason, first_byte_ms, keyframe_ms, info)
         SELECT id, :probed_ms, :proven, :reason, :first_byte_ms, :keyframe_ms, :info FROM sources WHERE id = :id
         ON CONFLICT (source_id) DO UPDATE SET probed_ms = excluded.probed_ms, proven = excluded.proven,
            reason = excluded.reason, first_byte_ms = excluded.first_byte_ms, keyframe_ms = excluded.keyframe_ms,
            info = excluded.info",
    )?;
    for (source, verdict) in verdicts {
        let info = serde_json::to_string(&verdict.info).map_err(|error| StoreError::Nonsense(error.to_string()))?;
        insert.execute(named_params! {
            ":id": source.0,
            ":probed_ms": verdict.at_ms,
            ":proven": verdict.proven,
            ":reason": verdict.reason,
            ":first_byte_ms": verdict.first_byte_ms,
            ":keyframe_ms": verdict.keyframe_ms,
            ":info": info,
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NewChannel, NewSource};
    use crate::store::{ImportItem, ProviderSpec};

    #[tokio::test]
    async fn the_last_verdict_of_a_source_survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let spec =
            ProviderSpec { key: "p".into(), name: "p".into(), location: "p".into(), max_connections: Some(2), position: 0 };
        let item = ImportItem {
            channel_key: "id:a".into(),
            url_key: "u".into(),
            channel: NewChannel { name: "A".into(), ..NewChannel::default() },
            source: NewSource { name: "A".into(), url: "u".into(), item_key: "a".into(), ..NewSource::default() },
            ..ImportItem::default()
        };
        store.import(spec, vec![item]).await.unwrap();
        let catalog = store.catalog();
        let source = catalog.sources_of(catalog.channels[0].id)[0].id;
        assert_eq!(store.verdict(source), None);
        let dead = Verdict { at_ms: 1, reason: Some("upstream answered 404".into()), ..Verdict::default() };
        let info = StreamInfo { bitrate_bps: Some(2_000_000), continuity_errors: 3, ..StreamInfo::default() };
        let alive =
            Verdict { at_ms: 2, proven: true, first_byte_ms: Some(40), keyframe_ms: Some(500), info, ..Verdict::default() };
        store.record_verdict(source, dead);
        store.close().await;
        store.record_verdict(source, alive.clone());
        store.record_verdict(SourceId(77), Verdict::default());
        store.close().await;
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.verdict(source).as_deref(), Some(&alive));
        assert_eq!(store.verdict(SourceId(77)), None, "there is no such source");
        assert_eq!(store.probed_ms(), [(source, 2)].into());
    }
}
