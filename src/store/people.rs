//! Users, their logins, and who changed what. Passwords come and go as their hashes only; of a login's secret its SHA-256 is kept.

use rusqlite::{Connection, OptionalExtension, params};

use super::tokens::hash;
use super::writer::Stale;
use super::{Store, StoreError, load, random};
use crate::base::clock;
use crate::base::secret::Secret;
use crate::model::person::{Person, Role};

/// A login that nobody used for so long is over: 30 days.
const IDLE_MS: i64 = 30 * 24 * 3_600_000;
/// Its use is noted at most this often.
const SEEN_EVERY_MS: i64 = 5 * 60_000;
/// Most logins of a user at a time; the one that was used least lately gives way.
const MOST_LOGINS: i64 = 50;
/// Rows of the audit that are kept.
const KEPT: i64 = 10_000;

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Number.
    pub id: i64,
    /// Name, told apart without case.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The password's hash, in the PHC string format.
    pub password: Secret<String>,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// When its browsers were last seen.
    pub seen_ms: Option<i64>,
}

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Deed {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// Who.
    pub who: String,
    /// What, in words.
    pub what: String,
    /// From which address.
    pub addr: String,
}

impl Store {
    /// Whether there is anybody who may log in.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn has_users(&self) -> Result<bool, StoreError> {
        self.read(|connection| Ok(connection.query_row("SELECT EXISTS (SELECT 1 FROM users)", [], |row| row.get(0))?)).await
    }

    /// All users, by name.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT id, name, role, password, created_ms, (SELECT max(seen_ms) FROM logins WHERE user_id = users.id)
                       FROM users ORDER BY name";
            load::rows(connection, sql, user)
        })
        .await
    }

    /// The user of this name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn user_of_name(&self, name: &str) -> Result<Option<User>, StoreError> {
        Ok(self.users().await?.into_iter().find(|user| user.name.eq_ignore_ascii_case(name)))
    }

    /// Makes a user. With `first`, only if there is none yet: two browsers may be at the first page at once.
    ///
    /// # Errors
    /// When the name is taken, there is somebody already, or it cannot be stored.
    pub async fn add_user(&self, name: &str, role: Role, password: String, first: bool) -> Result<i64, StoreError> {
        let name = name.to_owned();
        self.change(move |connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE ?2 OR name = ?1)";
            if connection.query_row(sql, params![name, first], |row| row.get(0))? {
                return Err(StoreError::UserTaken(name));
            }
            let sql = "INSERT INTO users (name, role, password, created_ms, changed_ms) VALUES (?1, ?2, ?3, ?4, ?4)";
            connection.execute(sql, params![name, role.word(), password, clock::wall_ms()])?;
            Ok((Stale::NOTHING, connection.last_insert_rowid()))
        })
        .await
    }

    /// Gives a user another password. All its browsers but `keep` are logged out.
    ///
    /// # Errors
    /// When there is no such user, or it cannot be stored.
    pub async fn set_password(&self, user: i64, password: String, keep: Option<i64>) -> Result<(), StoreError> {
        self.change(move |connection| {
            let sql = "UPDATE users SET password = ?2, changed_ms = ?3 WHERE id = ?1";
            if connection.execute(sql, params![user, password, clock::wall_ms()])? == 0 {
                return Err(StoreError::NoSuchUser);
            }
            connection.execute("DELETE FROM logins WHERE user_id = ?1 AND id IS NOT ?2", params![user, keep])?;
            Ok((Stale::NOTHING, ()))
        })
        .await
    }

    /// Takes a user away, with its logins and tokens. The last one who may change things stays.
    ///
    /// # Errors
    /// When there is no such user, it is the last admin, or it cannot be stored.
    pub async fn remove_user(&self, user: i64) -> Result<(), StoreError> {
        self.change(move |connection| {
            let sql = "SELECT role = 'admin' AND (SELECT count(*) FROM users WHERE role = 'admin') = 1 FROM users WHERE id = ?1";
            match connection.query_row(sql, [user], |row| row.get::<_, bool>(0)).optional()? {
                None => return Err(StoreError::NoSuchUser),
                Some(true) => return Err(StoreError::LastAdmin),
                Some(false) => {}
            }
            connection.execute("DELETE FROM users WHERE id = ?1", [user])?;
            // Its tokens go with it.
            Ok((Stale::TOKENS, ()))
        })
        .await
    }

    /// Logs a user in; gives the secret for the cookie, this once.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn log_in(&self, user: i64, addr: String, agent: &str) -> Result<Secret<String>, StoreError> {
        let secret = random::url_safe::<43>()?;
        let (sha256, agent) = (hash(&secret), agent.chars().take(200).collect::<String>());
        self.change(move |connection| {
            let now = clock::wall_ms();
            connection.execute("DELETE FROM logins WHERE seen_ms < ?1", [now - IDLE_MS])?;
            connection.execute(
                "DELETE FROM logins WHERE id IN
                 (SELECT id FROM logins WHERE user_id = ?1 ORDER BY seen_ms DESC, id DESC LIMIT -1 OFFSET ?2)",
                [user, MOST_LOGINS - 1],
            )?;
            let sql = "INSERT INTO logins (user_id, sha256, created_ms, seen_ms, addr, agent) VALUES (?1, ?2, ?3, ?3, ?4, ?5)";
            connection.execute(sql, params![user, sha256, now, addr, agent])?;
            Ok((Stale::NOTHING, ()))
        })
        .await?;
        Ok(Secret::new(secret))
    }

    /// Who holds this secret, and whether there is anybody at all who may log in.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn person(&self, secret: Option<&str>) -> Result<(Option<Person>, bool), StoreError> {
        let sha256 = secret.map(hash);
        let (found, any) = self
            .read(move |connection| {
                let found = sha256.map(|sha256| by_secret(connection, &sha256)).transpose()?.flatten();
                let any = match &found {
                    Some(_) => true,
                    None => connection.query_row("SELECT EXISTS (SELECT 1 FROM users)", [], |row| row.get(0))?,
                };
                Ok((found, any))
            })
            .await?;
        let Some((person, seen_ms)) = found else { return Ok((None, any)) };
        let (login, now) = (person.login, clock::wall_ms());
        if now.saturating_sub(seen_ms) >= SEEN_EVERY_MS {
            let noted = self.change(move |connection| {
                connection.execute("UPDATE logins SET seen_ms = ?2 WHERE id = ?1", params![login, now])?;
                Ok((Stale::NOTHING, ()))
            });
            // A full disk must not lock out whoever could make room.
            if let Err(error) = noted.await {
                tracing::warn!(%error, "that a login is used could not be noted");
            }
        }
        Ok((Some(person), any))
    }

    /// Whether this login is still one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn is_logged_in(&self, login: i64) -> Result<bool, StoreError> {
        let since = clock::wall_ms() - IDLE_MS;
        self.read(move |connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM logins WHERE id = ?1 AND seen_ms >= ?2)";
            Ok(connection.query_row(sql, [login, since], |row| row.get(0))?)
        })
        .await
    }

    /// Logs a browser out.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn log_out(&self, login: i64) -> Result<(), StoreError> {
        self.change(move |connection| {
            connection.execute("DELETE FROM logins WHERE id = ?1", [login])?;
            Ok((Stale::NOTHING, ()))
        })
        .await
    }

    /// Notes what somebody did.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn note_deed(&self, who: String, what: String, addr: String) -> Result<(), StoreError> {
        self.change(move |connection| {
            let sql = "INSERT INTO audit (at_ms, who, what, addr) VALUES (?1, ?2, ?3, ?4)";
            connection.execute(sql, params![clock::wall_ms(), who, what, addr])?;
            let last = connection.last_insert_rowid();
            connection.execute("DELETE FROM audit WHERE id <= ?1", [last - KEPT])?;
            Ok((Stale::NOTHING, ()))
        })
        .await
    }

    /// What was done, the newest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn deeds(&self, most: u32) -> Result<Vec<Deed>, StoreError> {
        self.read(move |connection| {
            let sql = format!("SELECT at_ms, who, what, addr FROM audit ORDER BY id DESC LIMIT {most}");
            load::rows(connection, &sql, |row| {
                Ok(Deed { at_ms: row.get(0)?, who: row.get(1)?, what: row.get(2)?, addr: row.get(3)? })
            })
        })
        .await
    }
}

fn user(row: &rusqlite::Row<'_>) -> Result<User, StoreError> {
    let role: String = row.get(2)?;
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
        role: Role::from_word(&role).unwrap_or(Role::Viewer),
        password: Secret::new(row.get(3)?),
        created_ms: row.get(4)?,
        seen_ms: row.get(5)?,
    })
}

fn by_secret(connection: &Connection, sha256: &[u8; 32]) -> Result<Option<(Person, i64)>, StoreError> {
    let mut find = connection.prepare_cached(
        "SELECT users.id, logins.id, name, role, seen_ms FROM logins JOIN users ON users.id = user_id
         WHERE sha256 = ?1 AND seen_ms >= ?2",
    )?;
    let found = find.query_row(params![sha256, clock::wall_ms() - IDLE_MS], |row| {
        let role: String = row.get(3)?;
        let role = Role::from_word(&role).unwrap_or(Role::Viewer);
        Ok((Person { user: row.get(0)?, login: row.get(1)?, name: row.get(2)?, role }, row.get(4)?))
    });
    Ok(found.optional()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        (dir, store)
    }

    #[tokio::test]
    async fn a_login_is_known_by_its_secret_until_it_ends() {
        let (_dir, store) = store();
        assert_eq!(store.person(Some("x")).await.unwrap(), (None, false));
        let user = store.add_user("Anna", Role::Admin, "hash".into(), true).await.unwrap();
        assert!(matches!(store.add_user("Bert", Role::Admin, "h".into(), true).await, Err(StoreError::UserTaken(_))));
        assert!(matches!(store.add_user("ANNA", Role::Viewer, "h".into(), false).await, Err(StoreError::UserTaken(_))));
        let first = store.log_in(user, "10.0.0.2".into(), "Firefox").await.unwrap();
        let second = store.log_in(user, "10.0.0.3".into(), "Safari").await.unwrap();
        let (person, any) = store.person(Some(first.expose())).await.unwrap();
        let person = person.unwrap();
        assert_eq!((person.name.as_str(), person.role, any), ("Anna", Role::Admin, true));
        assert_eq!(store.person(Some("wrong")).await.unwrap(), (None, true));
        store.set_password(user, "other".into(), Some(person.login)).await.unwrap();
        assert!(store.person(Some(first.expose())).await.unwrap().0.is_some());
        assert!(store.person(Some(second.expose())).await.unwrap().0.is_none(), "another password logs the others out");
        store.log_out(person.login).await.unwrap();
        assert!(store.person(Some(first.expose())).await.unwrap().0.is_none());
        for _ in 0..MOST_LOGINS + 3 {
            store.log_in(user, String::new(), "").await.unwrap();
        }
        let count =
            |connection: &Connection| Ok(connection.query_row("SELECT count(*) FROM logins", [], |row| row.get::<_, i64>(0))?);
        assert_eq!(store.read(count).await.unwrap(), MOST_LOGINS);
    }

    #[tokio::test]
    async fn the_last_admin_stays() {
        let (_dir, store) = store();
        let anna = store.add_user("Anna", Role::Admin, "h".into(), true).await.unwrap();
        let bert = store.add_user("Bert", Role::Viewer, "h".into(), false).await.unwrap();
        assert!(matches!(store.remove_user(anna).await, Err(StoreError::LastAdmin)));
        store.remove_user(bert).await.unwrap();
        assert!(matches!(store.remove_user(bert).await, Err(StoreError::NoSuchUser)));
        store.note_deed("Anna".into(), "did it".into(), "10.0.0.2".into()).await.unwrap();
        assert_eq!(store.deeds(9).await.unwrap()[0].what, "did it");
    }
}
