//! What people do about each other: users, passwords, tokens of the API. Checked here, kept by the store; the API and the page are two
//! ways of asking for the same.

use std::net::IpAddr;

use super::access::{Asker, password};
use super::feeds::valid_name;
use super::{AdminState, FeedsError};
use crate::base::clock;
use crate::base::secret::Secret;
use crate::model::person::{Person, Role};

/// A name must fit beside others.
const LONGEST_NAME: usize = 64;

/// Makes a user.
///
/// # Errors
/// When the name is taken, or name or password will not do.
pub async fn add_user(state: &AdminState, name: &str, role: Role, typed: String) -> Result<i64, FeedsError> {
    let name = short_name(name)?;
    let hashed = hash(state, typed).await?;
    let user = state.feeds.store.add_user(&name, role, hashed, false).await?;
    tracing::info!(user.name = %name, user.role = role.word(), "a user was added");
    Ok(user)
}

/// Takes a user away, with all its logins.
///
/// # Errors
/// When there is none, or nobody could change anything any more.
pub async fn remove_user(state: &AdminState, user: i64) -> Result<(), FeedsError> {
    state.feeds.store.remove_user(user).await?;
    tracing::info!(user.id = user, "a user was taken away");
    Ok(())
}

/// Gives whoever asks another password, which takes the old one. Other browsers are logged out.
///
/// # Errors
/// When the old one is wrong, or the new one will not do. Guessing is slowed down as at the login.
pub async fn change_password(
    state: &AdminState,
    person: &Person,
    from: IpAddr,
    old: String,
    new: String,
) -> Result<(), FeedsError> {
    password::check(&new).map_err(|error| FeedsError::invalid("new", error.to_string()))?;
    let now = clock::now();
    let throttle = || state.logins.throttle.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let wait = throttle().wait(from, now);
    if let Some(wait) = wait {
        let text = format!("Too many wrong passwords from this address. Try again in {} seconds.", wait.as_secs() + 1);
        return Err(FeedsError::Conflict(text));
    }
    throttle().tried(from, now);
    let users = state.feeds.store.users().await?;
    let known = users.into_iter().find(|user| user.id == person.user).map(|user| user.password);
    if !state.logins.verify(old, known).await {
        return Err(FeedsError::invalid("old", "The old password is wrong."));
    }
    throttle().succeeded(from);
    let hashed = hash(state, new).await?;
    state.feeds.store.set_password(person.user, hashed, Some(person.login)).await?;
    tracing::info!(user.id = person.user, "a password was changed");
    Ok(())
}

/// Makes a token, and gives it, this once. It goes with whoever made it, also where that was by another token.
///
/// # Errors
/// When its name will not do.
pub async fn add_token(state: &AdminState, name: &str, scope: Role, by: &Asker) -> Result<Secret<String>, FeedsError> {
    let name = short_name(name)?;
    let owner = match (&by.person, &by.token) {
        (Some(person), _) => Some(person.user),
        (None, Some(token)) => state.feeds.store.token_owner(token.expose()).await?,
        (None, None) => None,
    };
    let token = state.feeds.store.create_token_for(&name, scope, owner).await?;
    tracing::info!(token.name = %name, token.scope = scope.word(), "a token was made");
    Ok(token)
}

/// Makes a token worthless.
///
/// # Errors
/// When there is none of this number.
pub async fn revoke_token(state: &AdminState, id: i64) -> Result<(), FeedsError> {
    state.feeds.store.revoke_token(id).await?;
    tracing::info!(token.id = id, "a token was revoked");
    Ok(())
}

/// A role from its word.
///
/// # Errors
/// When there is no such role.
pub fn role(field: &'static str, word: &str) -> Result<Role, FeedsError> {
    Role::from_word(word).ok_or_else(|| FeedsError::invalid(field, "Say `admin` or `viewer`."))
}

fn short_name(name: &str) -> Result<String, FeedsError> {
    let name = valid_name("name", name)?;
    if name.chars().count() > LONGEST_NAME {
        return Err(FeedsError::invalid("name", format!("A name has {LONGEST_NAME} characters at most.")));
    }
    Ok(name)
}

async fn hash(state: &AdminState, typed: String) -> Result<String, FeedsError> {
    state.logins.hash(typed).await.map_err(|error| FeedsError::invalid("password", error.to_string()))
}
