//! Lets in whoever may: finds out who asks, by cookie or token, refuses forms that are not ours, and notes who changed what.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, OptionalFromRequestParts, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{Asker, cookie};
use crate::admin::AdminState;
use crate::admin::api::auth;
use crate::admin::api::problem::Problem;
use crate::admin::routes::Need;
use crate::admin::web::{self, parts::Undone};
use crate::base::chain::Chain;
use crate::base::secret::Secret;
use crate::http::{Peer, body, reply};

/// Scripts of ours send what forms carry in this header.
const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");
/// Largest form. Files come another way.
const MOST_BYTES: usize = 1 << 20;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same of whoever is not logged in.
const MOST_OF_NOBODY: usize = 16 * 1024;
const PATIENCE_WITH_NOBODY: Duration = Duration::from_secs(5);

/// What a guard knows.
#[derive(Clone)]
pub struct Guard {
    /// Everything.
    pub state: AdminState,
    /// What its route needs.
    pub need: Need,
    /// Whether it knows a query.
    pub query: bool,
    /// Whether its handler bounds the body.
    pub large: bool,
}

/// Middleware of a page. A refusal becomes a page for whoever asks, with the way back.
pub async fn page(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if changes(request.method()) && !cookie::is_own_page(request.headers()) {
        return web::refusal(StatusCode::FORBIDDEN, "This was sent by a page of somebody else. Nothing was done.");
    }
    let (asker, any) = match by_cookie(&guard.state, request.headers()).await {
        Ok(found) => found,
        Err(response) => return *response,
    };
    let here = request.uri().path_and_query().map(|here| here.as_str().to_owned());
    let back = cookie::came_from(request.headers()).filter(|back| Some(back) != here.as_ref());
    let response = admitted(&guard, asker.clone(), any, request, next).await;
    web::dressed(response, asker.as_ref(), back.as_deref())
}

/// What comes of a request by `asker`, if it is let in; `any`: there is somebody who may log in.
async fn admitted(guard: &Guard, asker: Option<Asker>, any: bool, request: Request, next: Next) -> Response {
    let changes = changes(request.method());
    let Need::Role(role) = guard.need else {
        // Whoever is not logged in may send little, and must not take long: bodies that never end would keep places from players.
        // What may be large without a login belongs to the first run, and is over with it.
        if guard.large && any {
            return web::redirect("/login");
        }
        let request =
            if changes && !guard.large { whole(request, MOST_OF_NOBODY, PATIENCE_WITH_NOBODY).await } else { Ok(request) };
        return match request {
            Ok(request) => next.run(with(request, asker)).await,
            Err(response) => *response,
        };
    };
    let Some(asker) = asker else {
        return match (any, changes) {
            (false, _) => web::redirect("/setup"),
            (true, false) => web::redirect(&login_for(&request)),
            (true, true) => web::refusal(
                StatusCode::UNAUTHORIZED,
                "You are not logged in any more. Log in, and do it again: nothing was done.",
            ),
        };
    };
    if asker.role < role {
        return web::refusal(StatusCode::FORBIDDEN, "Only an admin may do this.");
    }
    if !changes {
        return next.run(with(request, Some(asker))).await;
    }
    match genuine(request, &asker).await {
        Ok(request) => noted(&guard.state, asker, request, next).await,
        Err(response) => *response,
    }
}

/// Middleware of a route of the API: who asks has been found out before.
pub async fn api(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let Need::Role(role) = guard.need else { return next.run(request).await };
    let Some(asker) = request.extensions().get::<Asker>().cloned() else {
        return Problem::new(StatusCode::UNAUTHORIZED, "Nobody is known who asks.").into_response();
    };
    if asker.role < role {
        return Problem::new(StatusCode::FORBIDDEN, "This token, or this user, may only look.").into_response();
    }
    if !guard.query && request.uri().query().is_some_and(|query| !query.is_empty()) {
        return Problem::new(StatusCode::BAD_REQUEST, "This resource knows no query: leave out what follows the `?`.")
            .into_response();
    }
    if changes(request.method()) { noted(&guard.state, asker, request, next).await } else { next.run(request).await }
}

/// Middleware of the whole API: without a valid token or login, 401 and nothing else.
pub async fn api_asker(State(state): State<AdminState>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !headers.contains_key(AUTHORIZATION)
        && let Ok((Some(asker), _)) = by_cookie(&state, headers).await
    {
        let said = headers.get(CSRF).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if changes(request.method()) && !(cookie::is_own_page(headers) && cookie::same(said, asker.csrf.expose())) {
            let how = "A change by a browser that is logged in needs the header `X-CSRF-Token` of its page.";
            return Problem::new(StatusCode::FORBIDDEN, how).into_response();
        }
        request.extensions_mut().insert(asker);
        return next.run(request).await;
    }
    match auth::asker(&state, headers).await {
        Ok(asker) => {
            request.extensions_mut().insert(asker);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn with(mut request: Request, asker: Option<Asker>) -> Request {
    if let Some(asker) = asker {
        request.extensions_mut().insert(asker);
    }
    request
}

/// Who holds the cookie, and whether there is anybody who may log in.
async fn by_cookie(state: &AdminState, headers: &HeaderMap) -> Result<(Option<Asker>, bool), Box<Response>> {
    let secret = cookie::secret(headers);
    let (person, any) = state.feeds.store.person(secret).await.map_err(|error| {
        tracing::error!(error = %Chain(&error), "logins could not be looked up");
        Box::new(web::refusal(StatusCode::SERVICE_UNAVAILABLE, "The database does not answer. Try again in a moment."))
    })?;
    let asker = person.zip(secret).map(|(person, secret)| Asker {
        name: person.name.clone(),
        role: person.role,
        person: Some(person),
        token: None,
        csrf: cookie::csrf(secret),
    });
    Ok((asker, any))
}

/// Where the login leads back to.
fn login_for(request: &Request) -> String {
    match request.uri().path_and_query().map(|path| path.as_str()).filter(|path| *path != "/") {
        Some(path) => format!("/login?to={}", url::form_urlencoded::byte_serialize(path.as_bytes()).collect::<String>()),
        None => "/login".to_owned(),
    }
}

/// The request, if its form is one of ours.
async fn genuine(request: Request, asker: &Asker) -> Result<Request, Box<Response>> {
    let foreign = || {
        let text = "This form is too old, or not one of ours. Nothing was done: go back, load the page anew, and try again.";
        Box::new(web::refusal(StatusCode::FORBIDDEN, text))
    };
    let said = |text: &[u8]| {
        url::form_urlencoded::parse(text).any(|(name, value)| name == "csrf" && cookie::same(&value, asker.csrf.expose()))
    };
    let header = request.headers().get(CSRF).and_then(|value| value.to_str().ok());
    if header.is_some_and(|header| cookie::same(header, asker.csrf.expose()))
        || said(request.uri().query().unwrap_or_default().as_bytes())
    {
        return Ok(request);
    }
    let form = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !form.starts_with("application/x-www-form-urlencoded") {
        return Err(foreign());
    }
    let (parts, body) = whole(request, MOST_BYTES, PATIENCE).await?.into_parts();
    let body = axum::body::to_bytes(body, MOST_BYTES).await.map_err(|_| foreign())?;
    if !said(&body) {
        return Err(foreign());
    }
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// The request with its body in memory: of at most so many bytes, in so much time.
async fn whole(request: Request, most: usize, time: Duration) -> Result<Request, Box<Response>> {
    let (parts, body) = request.into_parts();
    let refused =
        |_| Box::new(web::refusal(StatusCode::PAYLOAD_TOO_LARGE, "The form is too large, or came too slowly. Nothing was done."));
    let body = body::read(body, most, time).await.map_err(refused)?;
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// Runs it, and notes who did it if it was done.
async fn noted(state: &AdminState, asker: Asker, request: Request, next: Next) -> Response {
    let what = format!("{} {}", request.method(), request.uri().path());
    let addr = request.extensions().get::<Peer>().map(|peer| peer.remote.ip().to_canonical().to_string()).unwrap_or_default();
    let who = asker.name.clone();
    let response = next.run(with(request, Some(asker))).await;
    let status = response.status();
    let done = (status.is_success() || status.is_redirection()) && response.extensions().get::<Undone>().is_none();
    if done && let Err(error) = state.feeds.store.note_deed(who, what, addr).await {
        tracing::warn!(error = %Chain(&error), "who changed something could not be noted");
    }
    response
}

/// A redirect with GET (RFC 9110, 15.4.4).
pub fn see_other(to: &str) -> Response {
    let mut response = reply::empty(StatusCode::SEE_OTHER);
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::UNAUTHORIZED)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Asker {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

impl Asker {
    /// Whoever holds a token.
    pub fn of_token(name: String, role: crate::model::person::Role, token: &str) -> Self {
        Self { name, role, person: None, token: Some(Secret::new(token.to_owned())), csrf: Secret::new(String::new()) }
    }
}
