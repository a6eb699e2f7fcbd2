//! Bearer tokens (RFC 6750): in the `Authorization` header and nowhere else.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::problem::Problem;
use crate::admin::AdminState;
use crate::admin::access::Asker;

/// Longer ones are none of ours, and are not even looked up.
const MOST_BYTES: usize = 256;

/// Who holds the token of a request.
///
/// # Errors
/// A challenge, if there is none or it is not valid.
pub async fn asker(state: &AdminState, headers: &HeaderMap) -> Result<Asker, Problem> {
    let Some(token) = bearer(headers) else {
        let how = "Send a token as `Authorization: Bearer …`; `rooftop token` makes one.";
        return Err(Problem::challenge("Bearer realm=\"rooftop\"", how));
    };
    match state.backend.token_role(token).await {
        Some((name, role)) => Ok(Asker::of_token(name, role, token)),
        None => {
            let how = "This token is not valid, or not any more; `rooftop token` makes another.";
            Err(Problem::challenge("Bearer realm=\"rooftop\", error=\"invalid_token\"", how))
        }
    }
}

/// The token of the one `Authorization` header, if it is of scheme `Bearer` (whose case does not matter).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    let is_token = !token.is_empty() && token.len() <= MOST_BYTES && token.bytes().all(|byte| byte.is_ascii_graphic());
    (scheme.eq_ignore_ascii_case("bearer") && is_token).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(&["Bearer abc"], Some("abc"))]
    #[case(&["bearer  abc "], Some("abc"))]
    #[case(&["Basic abc"], None)]
    #[case(&["Bearer"], None)]
    #[case(&["Bearer "], None)]
    #[case(&["Bearer a b"], None)]
    #[case(&["Bearer a", "Bearer b"], None)]
    #[case(&[], None)]
    fn tokens_are_read(#[case] values: &[&'static str], #[case] token: Option<&str>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, axum::http::HeaderValue::from_static(value));
        }
        assert_eq!(bearer(&headers), token);
    }

    #[test]
    fn endless_tokens_are_not_looked_up() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, format!("Bearer {}", "a".repeat(MOST_BYTES + 1)).parse().unwrap());
        assert_eq!(bearer(&headers), None);
    }
}
