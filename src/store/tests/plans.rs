//! Queries that run often must find their rows by an index.

use rusqlite::Connection;

use super::open;
use crate::store::{FILE, load};

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let values = vec!["1"; statement.parameter_count()];
    let rows = statement.query_map(rusqlite::params_from_iter(values), |row| row.get(3)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn hot_queries_use_their_indexes() {
    let (dir, store) = open();
    drop(store);
    let connection = Connection::open(dir.path().join(FILE)).unwrap();
    // Per item of an import, per fact, per mark: none of them may read a whole table.
    let by_index = [
        "SELECT id FROM channels WHERE key = ?1",
        "SELECT EXISTS (SELECT 1 FROM sources JOIN providers ON providers.id = sources.provider_id
         WHERE channel_id = ?1 AND sources.active AND providers.active AND position < ?2 AND providers.key <> ?3)",
        "UPDATE channels SET favorite = ?2 WHERE number = ?1 AND removed_ms IS NULL",
        "UPDATE channels SET info = ?2 WHERE id = ?1",
        "UPDATE sources SET active = 0 WHERE id = ?1",
        "SELECT sources.id, channels.key FROM sources JOIN channels ON channels.id = sources.channel_id WHERE provider_id = ?1",
        "SELECT value FROM settings WHERE key = ?1",
        "UPDATE session_history SET record = '{}' WHERE opened_ms = ?1 AND session = ?2",
        "DELETE FROM session_history WHERE opened_ms < ?1",
        "SELECT EXISTS (SELECT 1 FROM sources WHERE id = ?1)",
        "DELETE FROM source_health WHERE source_id = ?1",
    ];
    for sql in by_index {
        let plan = plan(&connection, sql);
        assert!(!plan.iter().any(|step| step.starts_with("SCAN") && step != "SCAN CONSTANT ROW"), "{sql}\n{plan:#?}");
    }
    // The catalog reads channels and sources once each, and everything else by index.
    for (sql, scans) in [(load::CHANNELS, 1), (load::SOURCES, 1)] {
        let plan = plan(&connection, sql);
        assert_eq!(plan.iter().filter(|step| step.starts_with("SCAN")).count(), scans, "{sql}\n{plan:#?}");
        assert!(!plan.iter().any(|step| step.contains("AUTOMATIC")), "{sql}\n{plan:#?}");
    }
}
