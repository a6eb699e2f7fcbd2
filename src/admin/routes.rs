//! The tables of routes: each says what it needs of whoever asks. Tests walk through them, so that no route can be forgotten.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, on, post};

use super::AdminState;
use super::access::gate::{self, Guard};
use super::api::doc::Doc;
use crate::model::person::Role;

/// What a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: whoever may use the tuner.
    Nothing,
    /// Somebody with this role.
    Role(Role),
}

/// A viewer is enough.
pub const VIEWER: Need = Need::Role(Role::Viewer);
/// It takes an admin.
pub const ADMIN: Need = Need::Role(Role::Admin);

/// One route.
#[derive(Debug, Clone)]
pub struct Route {
    /// Method.
    pub method: Method,
    /// Path, as axum writes it.
    pub path: String,
    /// What it needs.
    pub need: Need,
    /// What it is described by; pages have none.
    pub doc: Option<Doc>,
}

/// Routes, and the router that has them.
pub struct Table {
    state: AdminState,
    prefix: &'static str,
    pages: bool,
    router: Router<AdminState>,
    routes: Vec<Route>,
}

impl Table {
    /// Of pages: whoever is not logged in is led to the login.
    pub fn of_pages(state: &AdminState) -> Self {
        Self { state: state.clone(), prefix: "", pages: true, router: Router::new(), routes: Vec::new() }
    }

    /// Of the API, below `prefix`: refusals are problems.
    pub fn of_api(state: &AdminState, prefix: &'static str) -> Self {
        Self { state: state.clone(), prefix, pages: false, router: Router::new(), routes: Vec::new() }
    }

    /// Adds a route of the API, with its description. A query that is not described is refused.
    #[must_use]
    pub fn on<H, T>(self, method: Method, path: &str, need: Need, doc: Doc, handler: H) -> Self
    where
        H: Handler<T, AdminState>,
        T: 'static,
    {
        self.with(method, path, need, Some(doc), handler)
    }

    fn with<H, T>(mut self, method: Method, path: &str, need: Need, doc: Option<Doc>, handler: H) -> Self
    where
        H: Handler<T, AdminState>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        let query = doc.as_ref().is_none_or(|doc| doc.query.is_some());
        let guard = Guard { state: self.state.clone(), need, query, large: false };
        let route = match self.pages {
            true => on(filter, handler).layer(from_fn_with_state(guard, gate::page)),
            false => on(filter, handler).layer(from_fn_with_state(guard, gate::api)),
        };
        self.router = self.router.route(path, route);
        self.routes.push(Route { method, path: format!("{}{path}", self.prefix), need, doc });
        self
    }

    /// Adds a page of GET (and HEAD).
    #[must_use]
    pub fn get<H, T>(self, path: &str, need: Need, handler: H) -> Self
    where
        H: Handler<T, AdminState>,
        T: 'static,
    {
        self.with(Method::GET, path, need, None, handler)
    }

    /// Adds what takes the form of a page.
    #[must_use]
    pub fn post<H, T>(self, path: &str, need: Need, handler: H) -> Self
    where
        H: Handler<T, AdminState>,
        T: 'static,
    {
        self.with(Method::POST, path, need, None, handler)
    }

    /// Adds a route of POST whose body may be of any size: its handler bounds it. One that needs nothing answers in the first run only.
    #[must_use]
    pub fn upload<H, T>(mut self, path: &str, need: Need, handler: H) -> Self
    where
        H: Handler<T, AdminState>,
        T: 'static,
    {
        let guard = Guard { state: self.state.clone(), need, query: true, large: true };
        let route = post(handler).layer(DefaultBodyLimit::disable()).layer(from_fn_with_state(guard, gate::page));
        self.router = self.router.route(path, route);
        self.routes.push(Route { method: Method::POST, path: format!("{}{path}", self.prefix), need, doc: None });
        self
    }

    /// The router.
    pub fn into_router(self) -> Router<AdminState> {
        self.router
    }

    /// The routes.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }
}
