//! What makes an item, an address or a playlist the same as the last time, although tokens change from day to day. Pure.
//!
//! Keys are hashes: they can be shown and logged, whatever the address holds.

use std::ops::Range;

use sha2::{Digest, Sha256};
use url::Url;

/// Query keys that change without the address becoming another one.
const VOLATILE: [&str; 22] = [
    "auth",
    "exp",
    "expire",
    "expires",
    "expiry",
    "hash",
    "key",
    "nonce",
    "pass",
    "password",
    "policy",
    "pwd",
    "rand",
    "session",
    "sid",
    "sig",
    "sign",
    "signature",
    "st",
    "time",
    "timestamp",
    "ts",
];

/// Words in front of a stream's number that are nobody's user name.
const PLAIN: [&str; 10] = ["hls", "stream", "streams", "channel", "channels", "play", "tv", "video", "udp", "rtp"];

/// Key of an item: its `tvg-id` and address without volatile parts; without a `tvg-id`, its name and address.
pub fn item_key(tvg_id: Option<&str>, name: &str, url: &str) -> String {
    let label = match tvg_id {
        Some(id) => format!("id\0{id}"),
        None => format!("name\0{name}"),
    };
    hash(&[&label, &stable(url)])
}

/// Key of an address.
pub fn url_key(url: &str) -> String {
    hash(&[&stable(url)])
}

/// Key of the channel an item belongs to: items that share a `tvg-id` are one channel.
pub fn channel_key(tvg_id: Option<&str>, item_key: &str) -> String {
    tvg_id.map_or_else(|| format!("item:{item_key}"), |id| format!("id:{id}"))
}

/// Key of a playlist: its address without password and volatile parts, or its path. The user stays: two accounts at one
/// provider are two playlists.
pub fn location_key(location: &str) -> String {
    let user = web_url(location).map(|url| {
        let query = url.query_pairs().find(|(key, _)| key.eq_ignore_ascii_case("username")).map(|(_, user)| user.into_owned());
        query.unwrap_or_else(|| url.username().to_owned())
    });
    hash(&[&user.unwrap_or_default(), &stable(location)])
}

fn web_url(location: &str) -> Option<Url> {
    Url::parse(location).ok().filter(Url::has_host)
}

/// An address without user, password, fragment, volatile query keys and the account in an Xtream path
/// (`/live/USER/PASSWORD/ID.ts`, `/USER/PASSWORD/ID`).
fn stable(address: &str) -> String {
    let Some(mut url) = web_url(address) else { return address.trim().to_owned() };
    // Where the scheme knows no user, there is none to take away.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    let mut kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(key, _)| !is_volatile(key))
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    kept.sort();
    if kept.is_empty() {
        url.set_query(None);
    } else {
        url.query_pairs_mut().clear().extend_pairs(kept);
    }
    let segments: Vec<String> = url.path_segments().map(|all| all.map(str::to_owned).collect()).unwrap_or_default();
    if let Some(account) = xtream_account(&segments) {
        let kept = segments.iter().enumerate().map(|(at, segment)| if account.contains(&at) { "-" } else { segment });
        url.set_path(&kept.collect::<Vec<_>>().join("/"));
    }
    url.into()
}

/// Which segments of a path are user and password, if it is an Xtream address.
fn xtream_account(segments: &[String]) -> Option<Range<usize>> {
    let number = |segment: &str| {
        let stem = segment.split_once('.').map_or(segment, |(stem, _)| stem);
        !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_digit())
    };
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["live" | "movie" | "series", user, password, id] if !user.is_empty() && !password.is_empty() && number(id) => Some(1..3),
        ["timeshift", user, password, .., id] if !user.is_empty() && !password.is_empty() && number(id) => Some(1..3),
        // `/hls/news/5` has the same shape; there the first word names no user.
        [user, password, id] if !user.is_empty() && !password.is_empty() && number(id) => (!PLAIN.contains(user)).then_some(0..2),
        _ => None,
    }
}

fn is_volatile(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let begins = ["x-amz-", "hdn", "wms", "nimble", "utm_"];
    VOLATILE.contains(&key.as_str())
        || key == "username"
        || ["token", "auth", "session", "signature", "expires"].iter().any(|part| key.contains(part))
        || begins.iter().any(|begin| key.starts_with(begin))
}

/// The first 128 bits of SHA-256, as hexadecimal digits. Parts are told apart by their lengths.
fn hash(parts: &[&str]) -> String {
    use std::fmt::Write;
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_le_bytes());
        sha.update(part.as_bytes());
    }
    sha.finalize().iter().take(16).fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("http://h/a.m3u8?token=1&q=hd", "http://h/a.m3u8?q=hd&token=2")]
    #[case("http://h/a?Expires=1&Signature=x", "http://h/a?Expires=2&Signature=y")]
    #[case("http://u:p@h/a", "http://u:q@h/a")]
    #[case("http://H:80/a#x", "http://h/a")]
    #[case("http://h:8080/live/u/p/12.ts", "http://h:8080/live/u/q/12.ts")]
    #[case("http://h:8080/user1/pass1/12", "http://h:8080/user1/pass2/12")]
    #[case("https://h/a?hdnts=exp=1~acl=/*", "https://h/a?hdnts=exp=2~acl=/*")]
    fn the_same_although_tokens_change(#[case] a: &str, #[case] b: &str) {
        assert_eq!(url_key(a), url_key(b));
        assert_eq!(item_key(Some("x"), "One", a), item_key(Some("x"), "Uno", b));
        assert_ne!(item_key(None, "One", a), item_key(None, "Uno", b));
    }

    #[rstest::rstest]
    #[case("http://h/a", "http://h/b")]
    #[case("http://h/a?id=1", "http://h/a?id=2")]
    #[case("http://h/live/u/p/12.ts", "http://h/live/u/p/13.ts")]
    #[case("http://h/stream/news/1", "http://h/stream/sport/1")]
    #[case("udp://239.0.0.1:5000", "udp://239.0.0.2:5000")]
    #[case("/a.ts", "/b.ts")]
    fn another_address(#[case] a: &str, #[case] b: &str) {
        assert_ne!(url_key(a), url_key(b));
        assert_ne!(item_key(None, "One", a), item_key(None, "One", b));
    }

    #[test]
    fn playlists_are_told_apart_by_user() {
        let list = |user: &str, password: &str| {
            location_key(&format!("http://h/get.php?username={user}&password={password}&type=m3u_plus"))
        };
        assert_eq!(list("a", "1"), list("a", "2"));
        assert_ne!(list("a", "1"), list("b", "1"));
        assert_ne!(location_key("/etc/a.m3u"), location_key("/etc/b.m3u"));
        assert_ne!(location_key("http://a@h/x"), location_key("http://b@h/x"));
        assert_eq!(location_key("http://a:1@h/x"), location_key("http://a:2@h/x"));
    }

    #[test]
    fn channels_are_shared_by_tvg_id_only() {
        assert_eq!(channel_key(Some("x"), "k1"), channel_key(Some("x"), "k2"));
        assert_ne!(channel_key(None, "k1"), channel_key(None, "k2"));
    }
}
