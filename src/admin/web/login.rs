//! The first password, or a backup with those of before; login and logout.

use std::net::IpAddr;
use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Form, Query, Request, State};
use axum::http::header::{HeaderValue, SET_COOKIE, USER_AGENT};
use axum::http::{HeaderMap, Response, StatusCode};
use serde::Deserialize;

use super::{Shell, backup, html, parts, redirect, refusal};
use crate::admin::access::{Asker, cookie, password};
use crate::admin::fragments::render;
use crate::admin::{AdminState, FeedsError};
use crate::base::chain::Chain;
use crate::base::clock;
use crate::http::Peer;
use crate::http::access::home_networks;
use crate::model::person::Role;
use crate::store::StoreError;

/// The name of the first user, where nobody says another.
const ADMIN: &str = "admin";

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    shell: Shell,
    to: &'a str,
    name: &'a str,
    error: &'a str,
}

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage<'a> {
    shell: Shell,
    /// Why the password will not do.
    error: &'a str,
    /// Why the backup will not.
    no_backup: &'a str,
}

fn setup_page(error: &str, no_backup: &str) -> Response<Body> {
    html(render(&SetupPage { shell: Shell::of_nobody("Welcome"), error, no_backup }))
}

/// Where to go after the login.
#[derive(Debug, Default, Deserialize)]
pub struct To {
    #[serde(default)]
    to: String,
}

/// What is typed in.
#[derive(Deserialize)]
pub struct Typed {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
    #[serde(default)]
    to: String,
}

/// A path of ours; nothing else is led to.
fn own_path(to: &str) -> &str {
    if cookie::is_own_path(to) { to } else { "/" }
}

/// `GET /setup`: the first run, until there is a password.
pub async fn setup(State(state): State<AdminState>, Extension(peer): Extension<Peer>) -> Response<Body> {
    match state.feeds.store.has_users().await {
        Ok(false) if is_home(peer) => setup_page("", ""),
        Ok(false) => refusal(StatusCode::FORBIDDEN, NOT_HOME),
        Ok(true) => redirect("/"),
        Err(error) => failed(&error),
    }
}

/// For a backup of whoever is not logged in.
const LONGEST_UPLOAD: Duration = Duration::from_secs(15 * 60);

const NOT_HOME: &str = "The first password can be set from the home network only.";

fn is_home(peer: Peer) -> bool {
    let addr = peer.remote.ip().to_canonical();
    home_networks().iter().any(|network| network.contains(&addr))
}

/// `POST /setup`: sets the first password, and logs in.
pub async fn set_up(
    State(state): State<AdminState>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Response<Body> {
    if !is_home(peer) {
        return refusal(StatusCode::FORBIDDEN, NOT_HOME);
    }
    let wrong = |error: &str| {
        let mut response = setup_page(error, "");
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        response
    };
    match state.feeds.store.has_users().await {
        Ok(false) => {}
        Ok(true) => return redirect("/login"),
        Err(error) => return failed(&error),
    }
    if let Err(error) = password::check(&typed.password) {
        return wrong(&error.to_string());
    }
    if typed.password != typed.again {
        return wrong("The two passwords are not the same.");
    }
    let hashed = match hashed(&state, typed.password).await {
        Ok(hashed) => hashed,
        Err(response) => return *response,
    };
    match state.feeds.store.add_user(ADMIN, Role::Admin, hashed, true).await {
        Ok(user) => {
            tracing::info!(client.addr = %peer.remote.ip(), "the first password was set");
            enter(&state, (user, ADMIN, "the first password"), peer.remote.ip(), &headers, "/welcome").await
        }
        Err(StoreError::UserTaken(_)) => redirect("/login"),
        Err(error) => failed(&error),
    }
}

/// `POST /setup/restore`: a form with a backup, in the place of a first password: those of the backup count after the restart.
pub async fn bring_back(State(state): State<AdminState>, Extension(peer): Extension<Peer>, request: Request) -> Response<Body> {
    if !is_home(peer) {
        return refusal(StatusCode::FORBIDDEN, NOT_HOME);
    }
    // Whoever is not logged in may fill neither the card nor the hours.
    let Ok(_place) = state.first_restore.clone().try_acquire_owned() else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "A backup is coming already. Wait for it, or try again in a moment.");
    };
    let late = |_| FeedsError::invalid("file", "The file did not come in time. Nothing was changed.");
    let received = clock::timeout(LONGEST_UPLOAD, backup::received(&state, request)).await.map_err(late).flatten();
    // While the file came, somebody may have set a password: then it is the admin who decides.
    match state.feeds.store.has_users().await {
        Ok(false) => {}
        Ok(true) => return redirect("/login"),
        Err(error) => return failed(&error),
    }
    let staged = async { received?.stage(&state.feeds.store, true).await };
    if let Err(error) = staged.await {
        let mut response = setup_page("", &parts::sentence(&error));
        *response.status_mut() = parts::status(&error);
        return response;
    }
    tracing::info!(client.addr = %peer.remote.ip(), "a backup was brought in the first run; Rooftop restarts with it");
    backup::restarting(&state, Shell::of_nobody("Restarting"))
}

/// Hashes off the event loop, a few at a time.
async fn hashed(state: &AdminState, typed: String) -> Result<String, Box<Response<Body>>> {
    let hashed = state.logins.hash(typed).await;
    hashed.map_err(|error| Box::new(refusal(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string())))
}

/// `GET /login`.
pub async fn show(State(state): State<AdminState>, asker: Option<Asker>, Query(To { to }): Query<To>) -> Response<Body> {
    if asker.is_some() {
        return redirect(own_path(&to));
    }
    match state.feeds.store.has_users().await {
        Ok(true) => html(login_page(&to, ADMIN, "")),
        Ok(false) => redirect("/setup"),
        Err(error) => failed(&error),
    }
}

fn login_page(to: &str, name: &str, error: &str) -> String {
    render(&LoginPage { shell: Shell::of_nobody("Log in"), to: own_path(to), name, error })
}

/// `POST /login`.
pub async fn log_in(
    State(state): State<AdminState>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Response<Body> {
    let (addr, now) = (peer.remote.ip(), clock::now());
    let throttle = || state.logins.throttle.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let wait = throttle().wait(addr, now);
    if let Some(wait) = wait {
        let text = format!("Too many wrong passwords from this address. Try again in {} seconds.", wait.as_secs() + 1);
        let mut response = html(login_page(&typed.to, &typed.name, &text));
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        if let Ok(value) = HeaderValue::from_str(&(wait.as_secs() + 1).to_string()) {
            response.headers_mut().insert("retry-after", value);
        }
        return response;
    }
    throttle().tried(addr, now);
    let user = match state.feeds.store.user_of_name(typed.name.trim()).await {
        Ok(user) => user,
        Err(error) => return failed(&error),
    };
    let hash = user.as_ref().map(|user| user.password.clone());
    let right = state.logins.verify(typed.password, hash).await;
    let Some(user) = user.filter(|_| right) else {
        tracing::warn!(client.addr = %addr, "a login was refused");
        let mut response = html(login_page(&typed.to, &typed.name, "This name and this password do not belong together."));
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        return response;
    };
    throttle().succeeded(addr);
    enter(&state, (user.id, &user.name, "a login"), addr, &headers, own_path(&typed.to)).await
}

/// Logs a user in, notes it, and leads on.
async fn enter(
    state: &AdminState,
    (user, name, what): (i64, &str, &str),
    addr: IpAddr,
    headers: &HeaderMap,
    to: &str,
) -> Response<Body> {
    let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let from = addr.to_canonical().to_string();
    match state.feeds.store.log_in(user, from.clone(), agent).await {
        Ok(secret) => {
            if let Err(error) = state.feeds.store.note_deed(name.to_owned(), what.to_owned(), from).await {
                tracing::warn!(error = %Chain(&error), "that somebody logged in could not be noted");
            }
            let mut response = redirect(to);
            if let Ok(cookie) = HeaderValue::from_str(&cookie::given(&secret)) {
                response.headers_mut().insert(SET_COOKIE, cookie);
            }
            response
        }
        Err(error) => failed(&error),
    }
}

/// `POST /logout`.
pub async fn log_out(State(state): State<AdminState>, asker: Asker) -> Response<Body> {
    if let Some(person) = asker.person
        && let Err(error) = state.feeds.store.log_out(person.login).await
    {
        return failed(&error);
    }
    let mut response = redirect("/login");
    if let Ok(cookie) = HeaderValue::from_str(&cookie::taken()) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

fn failed(error: &StoreError) -> Response<Body> {
    tracing::error!(error = %Chain(error), "users could not be read or written");
    refusal(StatusCode::SERVICE_UNAVAILABLE, "The database does not answer. Try again in a moment.")
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[rstest::rstest]
    #[case("/channels?q=a", "/channels?q=a")]
    #[case("//evil.example", "/")]
    #[case("https://evil.example", "/")]
    #[case("/\\evil.example", "/")]
    #[case("", "/")]
    fn only_paths_of_ours_are_led_to(#[case] to: &str, #[case] led: &str) {
        assert_eq!(own_path(to), led);
    }
}
