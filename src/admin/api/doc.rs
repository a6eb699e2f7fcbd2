//! What a route of the API is described by: a line of the table that names types, of which the schemas are derived. Pure.
//!
//! What every route has in common is not said here but put in by `openapi`: who may ask, ids in paths, and the problems that follow
//! from these and from bodies.

use axum::http::{Method, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use crate::http::reply::media_type;

/// Makes the schema of a type.
pub type Shape = fn(&mut SchemaGenerator) -> Schema;

/// What JSON Merge Patch is called (RFC 7396).
const MERGE_PATCH: &str = "application/merge-patch+json";

/// What goes over the line: media type and schema.
#[derive(Debug, Clone, Copy)]
pub struct Content {
    /// Media type, without parameters.
    pub media: &'static str,
    /// Its schema.
    pub shape: Shape,
}

/// An answer to a request that was right.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// What it brings, one of these.
    pub contents: Vec<Content>,
    /// It says in `Location` where what was made, or begun, is.
    pub located: bool,
}

/// The description of a route.
#[derive(Debug, Clone)]
pub struct Doc {
    /// What it does, in one line.
    pub summary: &'static str,
    /// The id in its path, where there is one.
    pub id: Shape,
    /// The members of its query.
    pub query: Option<Shape>,
    /// What a request brings, one of these.
    pub bodies: Vec<Content>,
    /// What it answers.
    pub answer: Answer,
    /// Further problems.
    pub fails: Vec<StatusCode>,
    /// Its answer has an `ETag`.
    pub tagged: bool,
    /// It looks at `If-Match`, if it changes something.
    pub if_match: bool,
}

/// A job that was begun.
#[derive(Serialize, JsonSchema)]
pub struct Started {
    /// Its number, below `/jobs`.
    pub job: u64,
}

/// The description of a route that does this; answered with 204 unless something else is said.
pub fn doc(summary: &'static str) -> Doc {
    let answer = Answer { status: StatusCode::NO_CONTENT, contents: Vec::new(), located: false };
    Doc { summary, id: shape::<i64>, query: None, bodies: Vec::new(), answer, fails: Vec::new(), tagged: false, if_match: false }
}

fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn anything(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "string", "format": "binary" })
}

fn json<T: JsonSchema>() -> Content {
    Content { media: media_type::JSON, shape: shape::<T> }
}

impl Doc {
    /// The id in its path is of this type, and not a number.
    pub fn id<T: JsonSchema>(self) -> Self {
        Self { id: shape::<T>, ..self }
    }

    /// With a query of this type.
    pub fn query<T: JsonSchema>(self) -> Self {
        Self { query: Some(shape::<T>), ..self }
    }

    /// With a body of this type.
    pub fn takes<T: JsonSchema>(mut self) -> Self {
        self.bodies.push(json::<T>());
        self
    }

    /// With a body that says what is to be different (RFC 7396).
    pub fn merges<T: JsonSchema>(mut self) -> Self {
        self.bodies.extend([json::<T>(), Content { media: MERGE_PATCH, shape: shape::<T> }]);
        self
    }

    /// With a body that is a file of this kind.
    pub fn takes_file(mut self, media: &'static str) -> Self {
        self.bodies.push(Content { media, shape: anything });
        self
    }

    /// Answered with one of these.
    pub fn gives<T: JsonSchema>(self) -> Self {
        self.answers(StatusCode::OK, vec![json::<T>()], false)
    }

    /// Answered with a file of this kind, or of that of `gives` before.
    pub fn gives_file(mut self, media: &'static str) -> Self {
        self.answer.contents.push(Content { media, shape: anything });
        self.answer.status = StatusCode::OK;
        self
    }

    /// Answered with 201 and what was made.
    pub fn makes<T: JsonSchema>(self) -> Self {
        self.answers(StatusCode::CREATED, vec![json::<T>()], true)
    }

    /// Answered with 202 and the job that was begun.
    pub fn begins(self) -> Self {
        self.answers(StatusCode::ACCEPTED, vec![json::<Started>()], true)
    }

    /// What was made has no address of its own.
    pub fn unplaced(mut self) -> Self {
        self.answer.located = false;
        self
    }

    /// Answered with 202 and this: it is going to happen.
    pub fn stages<T: JsonSchema>(self) -> Self {
        self.answers(StatusCode::ACCEPTED, vec![json::<T>()], false)
    }

    /// Answered with 202: it is going to happen.
    pub fn accepts(self) -> Self {
        self.answers(StatusCode::ACCEPTED, Vec::new(), false)
    }

    /// It may be at odds with something that exists, or that goes on: 409.
    pub fn or_conflict(self) -> Self {
        self.or(StatusCode::CONFLICT)
    }

    /// It may fail in this way, too.
    pub fn or(mut self, status: StatusCode) -> Self {
        self.fails.push(status);
        self
    }

    /// What is shown has an `ETag`; a change of it may come with `If-Match`.
    pub fn tagged(self) -> Self {
        Self { tagged: true, if_match: true, ..self }
    }

    /// It may come with the `If-Match` of something else that it changes.
    pub fn if_match(self) -> Self {
        Self { if_match: true, ..self }
    }

    fn answers(self, status: StatusCode, contents: Vec<Content>, located: bool) -> Self {
        Self { answer: Answer { status, contents, located }, ..self }
    }

    /// The problems that may come of it, in order.
    pub fn problems(&self, method: &Method, path: &str) -> Vec<StatusCode> {
        let mut problems =
            vec![StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::INTERNAL_SERVER_ERROR];
        if path.contains('{') {
            problems.push(StatusCode::NOT_FOUND);
        }
        if !self.bodies.is_empty() {
            problems.extend([StatusCode::REQUEST_TIMEOUT, StatusCode::PAYLOAD_TOO_LARGE, StatusCode::UNSUPPORTED_MEDIA_TYPE]);
        }
        if !self.bodies.is_empty() || self.query.is_some() {
            problems.push(StatusCode::UNPROCESSABLE_ENTITY);
        }
        if self.takes_if_match(method) {
            problems.push(StatusCode::PRECONDITION_FAILED);
        }
        problems.extend(&self.fails);
        problems.sort_unstable();
        problems.dedup();
        problems
    }

    /// Whether it looks at `If-Match`.
    pub fn takes_if_match(&self, method: &Method) -> bool {
        self.if_match && matches!(*method, Method::PATCH | Method::PUT | Method::DELETE)
    }
}
