//! `/people`: one's own password for everybody; users, tokens of the API and who changed what for admins.

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Form, Path, Query, State};
use axum::http::Response;
use serde::Deserialize;

use super::Shell;
use super::parts::{Asked, ago, date, done, led, not_done, show as rendered};
use crate::admin::access::Asker;
use crate::admin::{AdminState, FeedsError, people};
use crate::base::clock;
use crate::http::Peer;
use crate::model::person::Role;
use crate::store::people::Deed;

const HERE: &str = "/people";
/// Deeds that are shown.
pub const DEEDS: u32 = 200;

#[derive(Template)]
#[template(path = "people.html")]
struct Page {
    shell: Shell,
    /// Whoever holds a token has no password.
    has_password: bool,
    users: Vec<User>,
    tokens: Vec<Token>,
    deeds: Vec<Row>,
}

/// Somebody who may log in.
struct User {
    id: i64,
    name: String,
    role: &'static str,
    me: bool,
    stays: bool,
    made: String,
    seen: String,
}

/// A token of the API.
struct Token {
    id: i64,
    name: String,
    scope: &'static str,
    owner: String,
    made: String,
    used: String,
}

/// Something that somebody did.
struct Row {
    at: String,
    deed: Deed,
}

#[derive(Template)]
#[template(path = "token.html")]
struct Shown<'a> {
    shell: Shell,
    name: &'a str,
    token: &'a str,
}

/// `GET /people`.
pub async fn show(State(state): State<AdminState>, asker: Asker, Query(asked): Query<Asked>) -> Response<Body> {
    let shell = Shell::new(&asker, HERE, "People").noting(asked.note.as_deref());
    let me = asker.person.as_ref().map(|person| person.user);
    let mut page = Page { shell, has_password: me.is_some(), users: Vec::new(), tokens: Vec::new(), deeds: Vec::new() };
    if asker.role >= Role::Admin
        && let Err(error) = fill(&state, me, &mut page).await
    {
        return not_done(&error);
    }
    rendered(&page)
}

async fn fill(state: &AdminState, me: Option<i64>, page: &mut Page) -> Result<(), FeedsError> {
    let (store, now_ms) = (&state.feeds.store, clock::wall_ms());
    let users = store.users().await?;
    let admins = users.iter().filter(|user| user.role == Role::Admin).count();
    let user = |user: &crate::store::people::User| User {
        id: user.id,
        name: user.name.clone(),
        role: words_of(user.role),
        me: me == Some(user.id),
        stays: user.role == Role::Admin && admins == 1,
        made: date(user.created_ms),
        seen: ago(user.seen_ms, now_ms),
    };
    page.users = users.iter().map(user).collect();
    let token = |token: crate::store::Token| Token {
        id: token.id,
        name: token.name,
        scope: words_of(token.scope),
        owner: token.owner.unwrap_or_else(|| "a command".to_owned()),
        made: date(token.created_ms),
        used: ago(token.last_used_ms, now_ms),
    };
    page.tokens = store.tokens().await?.into_iter().map(token).collect();
    page.deeds = store.deeds(DEEDS).await?.into_iter().map(|deed| Row { at: date(deed.at_ms), deed }).collect();
    Ok(())
}

fn words_of(role: Role) -> &'static str {
    match role {
        Role::Viewer => "may look",
        Role::Admin => "may change everything",
    }
}

/// A password as it is typed in.
#[derive(Deserialize)]
pub struct Passwords {
    #[serde(default)]
    old: String,
    #[serde(default)]
    new: String,
    #[serde(default)]
    again: String,
}

/// `POST /people/password`: one's own.
pub async fn password(
    State(state): State<AdminState>,
    Extension(peer): Extension<Peer>,
    asker: Asker,
    Form(typed): Form<Passwords>,
) -> Response<Body> {
    let changed = async {
        let nobody = || FeedsError::Conflict("Whoever holds a token has no password.".to_owned());
        let person = asker.person.as_ref().ok_or_else(nobody)?;
        if typed.new != typed.again {
            return Err(FeedsError::invalid("again", "The two new passwords are not the same."));
        }
        people::change_password(&state, person, peer.remote.ip(), typed.old, typed.new).await
    };
    done(changed.await, HERE, "password")
}

/// Somebody, or a token, as it is typed in.
#[derive(Deserialize)]
pub struct Typed {
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    password: String,
}

/// `POST /people/users`.
pub async fn add_user(State(state): State<AdminState>, Form(typed): Form<Typed>) -> Response<Body> {
    let added = async { people::add_user(&state, &typed.name, people::role("role", &typed.role)?, typed.password).await };
    done(added.await, "/people#h-users", "added")
}

/// `POST /people/users/{id}/remove`.
pub async fn remove_user(State(state): State<AdminState>, Path(id): Path<i64>) -> Response<Body> {
    done(people::remove_user(&state, id).await, "/people#h-users", "removed")
}

/// `POST /people/tokens`: the page that answers shows the token, this once.
pub async fn add_token(State(state): State<AdminState>, asker: Asker, Form(typed): Form<Typed>) -> Response<Body> {
    let made = async { people::add_token(&state, &typed.name, people::role("role", &typed.role)?, &asker).await };
    match made.await {
        Ok(token) => rendered(&Shown {
            shell: Shell::new(&asker, HERE, "A token"),
            name: typed.name.trim(),
            token: token.expose().as_str(),
        }),
        Err(error) => not_done(&error),
    }
}

/// `POST /people/tokens/{id}/revoke`.
pub async fn revoke_token(State(state): State<AdminState>, Path(id): Path<i64>) -> Response<Body> {
    match people::revoke_token(&state, id).await {
        Ok(()) => led("/people#h-tokens", "revoked"),
        Err(error) => not_done(&error),
    }
}
