//! Answers: documents, and errors as status and text, once.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use bytes::Bytes;

/// Media types of documents.
pub mod media_type {
    /// JSON.
    pub const JSON: &str = "application/json";
    /// XML as UPnP wants it.
    pub const XML: &str = "text/xml; charset=\"utf-8\"";
    /// Pages.
    pub const HTML: &str = "text/html; charset=utf-8";
    /// Messages to people.
    pub const TEXT: &str = "text/plain; charset=utf-8";
    /// Playlists.
    pub const M3U: &str = "audio/x-mpegurl";
}

/// A whole document.
pub fn document(media_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(body.into()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A status and nothing else; its length is 0.
pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A status with a line of text for people.
pub fn text(status: StatusCode, message: impl Into<String>) -> Response<Body> {
    let mut message = message.into();
    message.push('\n');
    let mut response = document(media_type::TEXT, message);
    *response.status_mut() = status;
    response
}

/// `value` as JSON.
///
/// What cannot be written as JSON is a fault of ours and answered with 500.
pub fn json(value: &impl serde::Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(body) => document(media_type::JSON, body),
        Err(error) => {
            tracing::error!(error = %error, "an answer cannot be written as JSON");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// Method not allowed, with the methods that are.
pub fn method_not_allowed(allowed: &'static str) -> Response<Body> {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(HeaderName::from_static("allow"), HeaderValue::from_static(allowed));
    response
}

/// An error that a client is told about.
///
/// The text is for people and says what failed and what to do; it never carries an internal error's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Status.
    pub status: StatusCode,
    /// Text.
    pub message: String,
}

impl Problem {
    /// A problem.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        text(self.status, self.message)
    }
}
