//! Tokens of the API. A token is shown once, when it is made; the database holds only its SHA-256.

use rusqlite::{Connection, OptionalExtension, named_params};
use sha2::{Digest, Sha256};

use super::writer::Stale;
use super::{Store, StoreError, load, random};
use crate::base::clock;
use crate::base::secret::Secret;
use crate::model::person::Role;

/// Its use is noted at most this often, in milliseconds.
const USE_EVERY_MS: i64 = 60_000;

/// A token, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Token {
    /// Its number.
    pub id: i64,
    /// What it is for.
    pub name: String,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// Milliseconds since 1970, to the minute.
    pub last_used_ms: Option<i64>,
    /// What it may do.
    pub scope: Role,
    /// Name of the user who made it, and with whom it goes; absent: it was made by a command.
    pub owner: Option<String>,
}

/// What is kept in memory to recognise one.
#[derive(Debug, Clone)]
pub(super) struct Known {
    id: i64,
    name: String,
    scope: Role,
    sha256: [u8; 32],
    last_used_ms: std::sync::Arc<std::sync::atomic::AtomicI64>,
}

impl Store {
    /// Makes a token and gives it, this once.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn create_token(&self, name: &str) -> Result<Secret<String>, StoreError> {
        self.create_token_for(name, Role::Admin, None).await
    }

    /// The same for a token that may do so much, and goes with the user who made it.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn create_token_for(&self, name: &str, scope: Role, owner: Option<i64>) -> Result<Secret<String>, StoreError> {
        let token = format!("rooftop_{}", random::url_safe::<43>()?);
        let (name, sha256) = (name.to_owned(), hash(&token));
        self.change(move |connection| {
            connection.execute(
                "INSERT INTO api_tokens (name, sha256, created_ms, scope, user_id) VALUES (:name, :sha256, :now, :scope, :owner)",
                named_params! {
                    ":name": name, ":sha256": sha256, ":now": clock::wall_ms(), ":scope": scope.word(), ":owner": owner,
                },
            )?;
            Ok((Stale::TOKENS, ()))
        })
        .await?;
        Ok(Secret::new(token))
    }

    /// Whether this is a token that was made and not revoked. From memory; takes the same time wherever a wrong one differs.
    /// One that another process made is known here a second later: see [`Store::accepts_token`].
    pub fn check_token(&self, token: &str) -> bool {
        self.known_token(token).is_some()
    }

    fn known_token(&self, token: &str) -> Option<(String, Role)> {
        let offered = hash(token);
        let tokens = self.shared().tokens.load();
        // All are compared, to the last byte.
        let found = tokens.iter().fold(None, |found, known| if same(&known.sha256, &offered) { Some(known) } else { found });
        if let Some(known) = found {
            self.note_use(known);
        }
        found.map(|known| (known.name.clone(), known.scope))
    }

    /// The same, but looks into the database for one that is not known in memory: `rooftop token`, run beside the server,
    /// makes tokens that work at once.
    pub async fn accepts_token(&self, token: &str) -> bool {
        self.token_role(token).await.is_some()
    }

    /// What a token is called and may do, if it is valid; as [`Store::accepts_token`].
    pub async fn token_role(&self, token: &str) -> Option<(String, Role)> {
        if let Some(known) = self.known_token(token) {
            return Some(known);
        }
        match self.read(load).await {
            Ok(tokens) => self.shared().tokens.store(std::sync::Arc::new(tokens)),
            Err(error) => tracing::warn!(%error, "tokens could not be read"),
        }
        self.known_token(token)
    }

    /// The user who made this token, or with whose token it was made.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn token_owner(&self, token: &str) -> Result<Option<i64>, StoreError> {
        let sha256 = hash(token);
        self.read(move |connection| {
            let sql = "SELECT user_id FROM api_tokens WHERE sha256 = ?1";
            Ok(connection.query_row(sql, [sha256], |row| row.get(0)).optional()?.flatten())
        })
        .await
    }

    /// Whether this token still is one; that is not noted as a use of it. From memory, as [`Store::check_token`].
    pub fn holds_token(&self, token: &str) -> bool {
        let offered = hash(token);
        self.shared().tokens.load().iter().fold(false, |found, known| found | same(&known.sha256, &offered))
    }

    /// All tokens.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT id, name, created_ms, last_used_ms, scope,
                              (SELECT users.name FROM users WHERE users.id = user_id)
                       FROM api_tokens ORDER BY id";
            load::rows(connection, sql, |row| {
                let (scope, owner) = (scope(row, 4)?, row.get(5)?);
                Ok(Token { id: row.get(0)?, name: row.get(1)?, created_ms: row.get(2)?, last_used_ms: row.get(3)?, scope, owner })
            })
        })
        .await
    }

    /// Makes a token worthless.
    ///
    /// # Errors
    /// When there is none of this number, or the change cannot be stored.
    pub async fn revoke_token(&self, id: i64) -> Result<(), StoreError> {
        self.change(move |connection| {
            let removed = connection.execute("DELETE FROM api_tokens WHERE id = ?1", [id])?;
            if removed == 0 { Err(StoreError::NoSuchToken(id)) } else { Ok((Stale::TOKENS, ())) }
        })
        .await
    }

    fn note_use(&self, known: &Known) {
        use std::sync::atomic::Ordering::Relaxed;
        let now = clock::wall_ms();
        if now.saturating_sub(known.last_used_ms.load(Relaxed)) >= USE_EVERY_MS {
            known.last_used_ms.store(now, Relaxed);
            self.fact(|facts| facts.token_used(known.id, now));
        }
    }
}

pub(super) fn load(connection: &Connection) -> Result<Vec<Known>, StoreError> {
    load::rows(connection, "SELECT id, sha256, coalesce(last_used_ms, 0), name, scope FROM api_tokens", |row| {
        let last_used_ms: i64 = row.get(2)?;
        let (name, scope) = (row.get(3)?, scope(row, 4)?);
        Ok(Known { id: row.get(0)?, name, scope, sha256: row.get(1)?, last_used_ms: std::sync::Arc::new(last_used_ms.into()) })
    })
}

fn scope(row: &rusqlite::Row<'_>, column: usize) -> Result<Role, StoreError> {
    let word: String = row.get(column)?;
    Ok(Role::from_word(&word).unwrap_or(Role::Viewer))
}

pub(super) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    std::hint::black_box(a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b))) == 0
}
