//! Errors of the API: what failed, for which object, and what to do.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::admin::BackendError;
use crate::admin::feeds::FeedsError;
use crate::base::clock;
use crate::http::body::Unread;
use crate::http::reply;
use crate::model::Moment;

/// What problems are sent as.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// RFC 9457, without a `type`: the status says which kind it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// The status of the answer.
    #[serde(serialize_with = "number")]
    #[schemars(with = "u16")]
    status: StatusCode,
    /// What its status is called.
    title: &'static str,
    /// What failed, and what to do.
    detail: String,
    /// The member of the request that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    /// On routes of the reference: the same once more, as it has it.
    #[serde(flatten)]
    reference: Option<Box<Reference>>,
    #[serde(skip)]
    challenge: Option<&'static str>,
}

/// `ErrorResponse` of the reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
struct Reference {
    error: &'static str,
    message: String,
    time: Moment,
}

fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem; `detail` says what to do.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { status, title, detail: detail.into(), field: None, reference: None, challenge: None }
    }

    /// The same with the members that the reference's errors have (`ErrorResponse`).
    pub fn of_the_reference(self) -> Self {
        let reference = Reference { error: self.title, message: self.detail.clone(), time: Moment(clock::wall_ms()) };
        Self { reference: Some(Box::new(reference)), ..self }
    }

    /// A member of the request that cannot be.
    pub fn field(field: &'static str, detail: impl Into<String>) -> Self {
        Self { field: Some(field), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    /// 401 with how to do it right (RFC 6750, section 3).
    pub fn challenge(challenge: &'static str, detail: impl Into<String>) -> Self {
        Self { challenge: Some(challenge), ..Self::new(StatusCode::UNAUTHORIZED, detail) }
    }
}

impl From<BackendError> for Problem {
    fn from(error: BackendError) -> Self {
        let status = match error {
            BackendError::NotFound => StatusCode::NOT_FOUND,
            BackendError::Conflict(_) => StatusCode::CONFLICT,
            BackendError::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

impl From<FeedsError> for Problem {
    fn from(error: FeedsError) -> Self {
        match error {
            FeedsError::NotFound(text) => Self::new(StatusCode::NOT_FOUND, text),
            FeedsError::Invalid(field, text) => Self::field(field, text),
            FeedsError::Conflict(text) => Self::new(StatusCode::CONFLICT, text),
            FeedsError::Failed => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The change could not be stored; the log says why.")
            }
        }
    }
}

impl From<Unread> for Problem {
    fn from(error: Unread) -> Self {
        let status = match error {
            Unread::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Unread::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Unread::Broken => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = reply::json(&self);
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(challenge) = self.challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}
