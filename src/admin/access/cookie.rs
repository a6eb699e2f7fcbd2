//! The cookie of a login, what forms of it carry, and where a request comes from. Pure.

use axum::http::header::{COOKIE, HOST, ORIGIN, REFERER};
use axum::http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};

use crate::base::secret::Secret;

const NAME: &str = "rooftop_session";
/// As long as browsers keep any: how long a login that is used goes on is the store's to say.
const MAX_AGE_S: u32 = 400 * 24 * 3600;
/// Fetch metadata (W3C): what kind of page asks.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The secret of the login that a request brings.
pub fn secret(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, secret) = pairs.find(|(name, _)| *name == NAME)?;
    let plausible = secret.len() == 43 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    plausible.then_some(secret)
}

/// `Set-Cookie` of a login. Not `Secure`: a box in a house is asked without TLS.
pub fn given(secret: &Secret<String>) -> String {
    format!("{NAME}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={MAX_AGE_S}", secret.expose())
}

/// `Set-Cookie` that forgets it.
pub fn taken() -> String {
    format!("{NAME}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
}

/// What forms of a login carry: nobody else can know it, and it does not tell the secret.
pub fn csrf(secret: &str) -> Secret<String> {
    let digest = Sha256::new().chain_update(b"rooftop form ").chain_update(secret.as_bytes()).finalize();
    Secret::new(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

/// Whether a request comes from a page of ours, as far as the browser says. One that says nothing is no browser of today.
pub fn is_own_page(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("-"));
    if text(&SITE).is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return false;
    }
    match text(&ORIGIN) {
        None => true,
        Some(origin) => {
            let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            // Default ports are left out by browsers on both sides.
            authority.is_some_and(|authority| text(&HOST).is_some_and(|host| host.eq_ignore_ascii_case(authority)))
        }
    }
}

/// Whether this is a path of ours, and nothing that leads elsewhere.
pub fn is_own_path(to: &str) -> bool {
    to.starts_with('/') && !to.starts_with("//") && !to.contains('\\') && !to.chars().any(char::is_control)
}

/// The page of ours that a request comes from: its path and query, without what was said there, and what forms carry.
pub fn came_from(headers: &HeaderMap) -> Option<String> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let referer = text(REFERER)?;
    let address = referer.strip_prefix("http://").or_else(|| referer.strip_prefix("https://"))?;
    let (authority, path) = address.split_at(address.find('/')?);
    let path = path
        .split('#')
        .next()
        .filter(|path| is_own_path(path) && text(HOST).is_some_and(|host| host.eq_ignore_ascii_case(authority)))?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let own = |pair: &&str| !pair.is_empty() && !["note", "csrf"].contains(&pair.split('=').next().unwrap_or_default());
    let kept: Vec<&str> = query.split('&').filter(own).collect();
    Some(if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) })
}

/// Whether two texts are the same; takes as long wherever they differ.
pub fn same(one: &str, other: &str) -> bool {
    let sum = one.bytes().zip(other.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && std::hint::black_box(sum) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let secret_of_43 = "a".repeat(43);
        let cookie = format!("theme=dark; rooftop_session={secret_of_43}; x=y");
        assert_eq!(secret(&headers(&[("cookie", &cookie)])), Some(secret_of_43.as_str()));
        for bad in ["", "rooftop_session=", "rooftop_session=short", "other=1"] {
            assert_eq!(secret(&headers(&[("cookie", bad)])), None, "{bad}");
        }
        let set = given(&Secret::new(secret_of_43.clone()));
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && set.starts_with("rooftop_session=aaa"));
        assert_ne!(*csrf(&secret_of_43).expose(), *csrf("b").expose());
        assert!(same("abc", "abc") && !same("abc", "abd") && !same("abc", "ab"));
    }

    #[rstest::rstest]
    #[case::curl(&[("host", "box")], true)]
    #[case::own(&[("host", "box:5004"), ("origin", "http://box:5004"), ("sec-fetch-site", "same-origin")], true)]
    #[case::case(&[("host", "BOX"), ("origin", "http://box")], true)]
    #[case::typed(&[("host", "box"), ("sec-fetch-site", "none")], true)]
    #[case::foreign(&[("host", "box"), ("origin", "http://evil.example")], false)]
    #[case::other_port(&[("host", "box"), ("origin", "http://box:8080")], false)]
    #[case::opaque(&[("host", "box"), ("origin", "null")], false)]
    #[case::sibling(&[("host", "box"), ("sec-fetch-site", "same-site")], false)]
    #[case::cross(&[("host", "box"), ("sec-fetch-site", "cross-site")], false)]
    fn pages_of_others_are_told_from_ours(#[case] pairs: &[(&'static str, &str)], #[case] own: bool) {
        assert_eq!(is_own_page(&headers(pairs)), own);
    }

    #[rstest::rstest]
    #[case::own("http://box:5004/channels?q=a&group=News", Some("/channels?q=a&group=News"))]
    #[case::secure("https://BOX:5004/", Some("/"))]
    #[case::said("http://box:5004/channels?note=saved&q=a#row", Some("/channels?q=a"))]
    #[case::carried("http://box:5004/playlists/upload?csrf=abc", Some("/playlists/upload"))]
    #[case::foreign("http://evil.example/channels", None)]
    #[case::other_port("http://box/channels", None)]
    #[case::disguised("http://box:5004@evil.example/channels", None)]
    #[case::no_path("http://box:5004", None)]
    #[case::elsewhere("http://box:5004//evil.example/", None)]
    #[case::backslash("http://box:5004/\\evil.example/", None)]
    #[case::script("javascript:alert(1)//", None)]
    #[case::nonsense("/channels", None)]
    fn only_pages_of_ours_are_led_back_to(#[case] referer: &str, #[case] back: Option<&str>) {
        let headers = headers(&[("host", "box:5004"), ("referer", referer)]);
        assert_eq!(came_from(&headers).as_deref(), back);
    }
}
