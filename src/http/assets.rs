//! What the pages need besides themselves: style sheets, scripts, pictures, carried in the executable.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, ETAG, HeaderValue, IF_NONE_MATCH};
use axum::http::{Method, Response, StatusCode};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::reply;

#[derive(RustEmbed)]
#[folder = "web/static"]
struct Files;

/// Answers GET and HEAD of `/static/<path>` with the file of that path under `web/static`.
///
/// Files are told apart by a hash of their content, so that a browser asks again after an update and else does not load again.
pub async fn serve(request: Request) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return reply::method_not_allowed("GET, HEAD");
    }
    let path = request.uri().path();
    let Some(file) = path.strip_prefix("/static/").and_then(Files::get) else {
        return reply::text(StatusCode::NOT_FOUND, "There is no such file.");
    };
    let tag = tag(&file);
    let seen = request.headers().get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut response = if is_seen(seen, &tag) {
        reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        let mut response = Response::new(Body::from(file.data.into_owned()));
        if let Ok(media_type) = HeaderValue::from_str(file.metadata.mimetype()) {
            response.headers_mut().insert(axum::http::header::CONTENT_TYPE, media_type);
        }
        response
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn tag(file: &EmbeddedFile) -> String {
    use std::fmt::Write;
    let mut tag = String::from("\"");
    for byte in file.metadata.sha256_hash().iter().take(8) {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

/// RFC 9110, 13.1.2: a list of tags, perhaps weak, or `*`.
fn is_seen<'a>(mut values: impl Iterator<Item = &'a str>, tag: &str) -> bool {
    values.any(|value| value.split(',').map(str::trim).any(|seen| seen == "*" || seen.trim_start_matches("W/") == tag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn a_file_is_sent_once() {
        let ask = |path: &str, seen: Option<&HeaderValue>| {
            let mut request = Request::get(path).body(Body::empty()).unwrap();
            if let Some(seen) = seen {
                request.headers_mut().insert(IF_NONE_MATCH, seen.clone());
            }
            serve(request)
        };
        let first = ask("/static/icon.svg", None).await;
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()["content-type"], "image/svg+xml");
        let tag = first.headers()[ETAG].clone();
        assert!(!first.into_body().collect().await.unwrap().to_bytes().is_empty());
        assert_eq!(ask("/static/icon.svg", Some(&tag)).await.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(ask("/static/../Cargo.toml", None).await.status(), StatusCode::NOT_FOUND);
    }

    #[rstest::rstest]
    #[case("\"a\"", true)]
    #[case("W/\"a\"", true)]
    #[case("\"b\", \"a\"", true)]
    #[case("*", true)]
    #[case("\"b\"", false)]
    #[case("a", false)]
    fn tags_are_compared_weakly(#[case] header: &str, #[case] seen: bool) {
        assert_eq!(is_seen([header].into_iter(), "\"a\""), seen);
    }
}
