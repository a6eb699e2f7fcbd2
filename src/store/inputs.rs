//! What people say of streams that are pushed to us.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, named_params};

use super::writer::Stale;
use super::{Store, StoreError, load};
use crate::base::clock;
use crate::base::secret::Secret;
use crate::model::InputRule;

impl Store {
    /// Sets what holds for a stream, in place of what held before.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn set_input_rule(&self, stream: &str, rule: InputRule) -> Result<(), StoreError> {
        let stream = stream.to_owned();
        self.change(move |connection| {
            connection.execute(
                "INSERT INTO input_rules (stream, passphrase, latency_ms, user, password, sdp, changed_ms)
                 VALUES (:stream, :passphrase, :latency, :user, :password, :sdp, :now)
                 ON CONFLICT (stream) DO UPDATE SET passphrase = excluded.passphrase, latency_ms = excluded.latency_ms,
                     user = excluded.user, password = excluded.password, sdp = excluded.sdp, changed_ms = excluded.changed_ms",
                named_params! {
                    ":stream": stream,
                    ":passphrase": rule.passphrase.as_ref().map(Secret::expose),
                    ":latency": rule.latency.map(|latency| i64::try_from(latency.as_millis()).unwrap_or(i64::MAX)),
                    ":user": rule.login.as_ref().map(|(user, _)| user),
                    ":password": rule.login.as_ref().map(|(_, password)| password.expose()),
                    ":sdp": rule.sdp,
                    ":now": clock::wall_ms(),
                },
            )?;
            Ok((Stale::CATALOG, ()))
        })
        .await
    }

    /// Forgets what holds for a stream. `false`: nothing did.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn remove_input_rule(&self, stream: &str) -> Result<bool, StoreError> {
        let stream = stream.to_owned();
        self.change(move |connection| {
            let removed = connection.execute("DELETE FROM input_rules WHERE stream = ?1", [stream])?;
            Ok((Stale::CATALOG, removed > 0))
        })
        .await
    }
}

/// All there are.
pub(super) fn load(connection: &Connection) -> Result<BTreeMap<String, InputRule>, StoreError> {
    let sql = "SELECT stream, passphrase, latency_ms, user, password, sdp FROM input_rules";
    let rules = load::rows(connection, sql, |row| {
        let (user, password): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
        let rule = InputRule {
            passphrase: row.get::<_, Option<String>>(1)?.map(Secret::new),
            latency: row.get::<_, Option<u32>>(2)?.map(|ms| Duration::from_millis(ms.into())),
            login: user.zip(password.map(Secret::new)),
            sdp: row.get(5)?,
        };
        Ok((row.get(0)?, rule))
    })?;
    Ok(rules.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(secret: &str, latency: Option<u64>, login: Option<(&str, &str)>) -> InputRule {
        InputRule {
            passphrase: Some(Secret::new(secret.to_owned())),
            latency: latency.map(Duration::from_millis),
            login: login.map(|(user, password)| (user.to_owned(), Secret::new(password.to_owned()))),
            sdp: latency.map(|latency| format!("v=0\r\ns={latency}\r\n")),
        }
    }

    #[tokio::test]
    async fn rules_are_kept_replaced_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.set_input_rule("studio", rule("a passphrase", Some(300), None)).await.unwrap();
        store.set_input_rule("studio", rule("another passphrase", None, Some(("me", "pw")))).await.unwrap();
        store.set_input_rule("Küche/1", InputRule::default()).await.unwrap();
        drop(store);
        let store = Store::open(folder.path()).unwrap();
        let rules = store.catalog().input_rules.clone();
        assert_eq!(rules["studio"], rule("another passphrase", None, Some(("me", "pw"))));
        assert_eq!(rules["Küche/1"], InputRule::default());
        assert!(store.remove_input_rule("studio").await.unwrap());
        assert!(!store.remove_input_rule("studio").await.unwrap());
        assert_eq!(store.catalog().input_rules.len(), 1);
    }
}
