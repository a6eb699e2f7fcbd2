//! `ETag` and `If-Match` (RFC 9110, 8.8.3 and 13.1.1): whoever changes something can say what it looked like when he decided to.

use axum::body::Body;
use axum::http::header::{ETAG, HeaderValue, IF_MATCH};
use axum::http::{HeaderMap, Response, StatusCode};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;

use super::problem::Problem;
use crate::admin::AdminState;
use crate::http::reply::{self, media_type};

/// What is shown of something, as JSON.
pub struct Shown(Vec<u8>);

/// What a change expects to find; without `If-Match` whatever there is.
pub struct Expected(Option<String>);

/// A turn among the changes: what was expected stays so until it is dropped.
pub type Turn = OwnedMutexGuard<()>;

impl Shown {
    /// As it is shown.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which is a fault of ours.
    pub fn new(value: &impl Serialize) -> Result<Self, Problem> {
        serde_json::to_vec(value).map(Self).map_err(|error| {
            tracing::error!(error = %error, "an answer cannot be written as JSON");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The answer could not be written; the log says why.")
        })
    }

    /// The same bytes have the same tag, and others another one: it is a strong one.
    fn tag(&self) -> String {
        let digest = Sha256::digest(&self.0);
        let text: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        format!("\"{text}\"")
    }

    /// The answer, with its tag.
    pub fn answer(self) -> Response<Body> {
        let tag = HeaderValue::from_str(&self.tag());
        let mut response = reply::document(media_type::JSON, self.0);
        if let Ok(tag) = tag {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

/// `value` as JSON, with its tag.
///
/// # Errors
/// When it cannot be written.
pub fn json(value: &impl Serialize) -> Result<Response<Body>, Problem> {
    Ok(Shown::new(value)?.answer())
}

impl Expected {
    /// What a request says.
    pub fn of(headers: &HeaderMap) -> Self {
        let lines: Vec<_> = headers.get_all(IF_MATCH).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        Self((!lines.is_empty()).then(|| lines.join(",")))
    }

    fn fits(&self, tag: &str) -> bool {
        // A weak tag (`W/"…"`) fits nothing here: the comparison is the strong one.
        self.0.as_deref().is_none_or(|said| said.split(',').map(str::trim).any(|one| one == "*" || one == tag))
    }

    /// Waits for a turn, and looks whether all is as expected.
    ///
    /// # Errors
    /// 412 if it is not, and what `shown` gives.
    pub async fn turn(self, state: &AdminState, shown: impl Future<Output = Result<Shown, Problem>>) -> Result<Turn, Problem> {
        let turn = state.edits.clone().lock_owned().await;
        if self.0.is_some() && !self.fits(&shown.await?.tag()) {
            let how = "It was changed meanwhile (`If-Match`). Nothing was done: get it again, and decide anew.";
            return Err(Problem::new(StatusCode::PRECONDITION_FAILED, how));
        }
        Ok(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::nothing_said(&[], true)]
    #[case::the_same(&["\"a\""], true)]
    #[case::one_of(&["\"b\", \"a\""], true)]
    #[case::one_of_lines(&["\"b\"", "\"a\""], true)]
    #[case::whatever_exists(&["*"], true)]
    #[case::another(&["\"b\""], false)]
    #[case::weak(&["W/\"a\""], false)]
    #[case::bare(&["a"], false)]
    #[case::empty(&[""], false)]
    fn tags_are_compared_strongly(#[case] lines: &[&'static str], #[case] fits: bool) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IF_MATCH, HeaderValue::from_static(line));
        }
        assert_eq!(Expected::of(&headers).fits("\"a\""), fits);
    }

    #[test]
    fn what_differs_has_another_tag() {
        let tag = |value: i32| Shown::new(&value).unwrap().tag();
        assert_eq!((tag(1), tag(1) == tag(2)), (tag(1), false));
        assert_eq!(tag(1).len(), 26);
    }
}
