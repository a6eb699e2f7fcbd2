//! The fields of a form, in their order: names may come more than once. Pure but for reading them.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{Response, StatusCode};

use super::refusal;

/// Largest form.
const MOST_BYTES: usize = 1 << 20;

/// The fields.
#[derive(Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// These.
    pub fn of(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// From a form's body.
    pub fn parse(body: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(body).into_owned().collect())
    }

    /// The first of this name, trimmed; nothing if it is empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// Whether a box of this name is checked.
    pub fn is_set(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// All of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The number of this name, if there is one.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    /// Lines `Name: value`, as a map; what has no colon is left out.
    pub fn headers(&self, name: &str) -> BTreeMap<String, String> {
        let lines = self.text(name).unwrap_or_default().lines();
        let pairs = lines.filter_map(|line| line.split_once(':'));
        pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
    }

    /// Lines that are not empty.
    pub fn lines(&self, name: &str) -> Vec<String> {
        let lines = self.text(name).unwrap_or_default().lines();
        lines.map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Response<Body>;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let body = axum::body::to_bytes(request.into_body(), MOST_BYTES).await;
        body.map(|body| Self::parse(&body)).map_err(|_| refusal(StatusCode::PAYLOAD_TOO_LARGE, "The form is too large."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read() {
        let fields = Fields::parse(b"a=1&b=+x+&a=2&c=&h=X-A%3A+1%0D%0Anonsense%0AY%3Az");
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!((fields.text("b"), fields.text("c"), fields.number::<u8>("a")), (Some("x"), None, Some(1)));
        assert!(fields.is_set("c") && !fields.is_set("d"));
        assert_eq!(fields.headers("h").into_iter().collect::<Vec<_>>(), [("X-A".into(), "1".into()), ("Y".into(), "z".into())]);
        assert_eq!(fields.lines("h").len(), 3);
    }
}
