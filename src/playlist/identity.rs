//! What makes an item, an address or a playlist the same as the last time, although tokens change from day to day. Pure.
//!
//! Keys are hashes: they can be shown and logged, whatever the address holds.

use std::borrow::Cow;
use std::ops::Range;

use sha2::{Digest, Sha256};
use url::Url;

use crate::model::Key;

/// Query keys that change without the address becoming another one.
const VOLATILE: [&str; 23] = [
    "auth",
    "exp",
    "expire",
    "expires",
    "expiry",
    "hash",
    "key",
    "nonce",
    "pass",
    "passphrase",
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

/// The keys of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// [`item_key`].
    pub item: Key,
    /// [`url_key`].
    pub url: Key,
}

/// The keys of an item.
pub fn keys(tvg_id: Option<&str>, name: &str, url: &str) -> Keys {
    Keys { item: item_key(tvg_id, name, url), url: url_key(url) }
}

/// Key of an item: its `tvg-id` and address without volatile parts; without a `tvg-id`, its name and address.
pub fn item_key(tvg_id: Option<&str>, name: &str, url: &str) -> Key {
    let (what, label) = tvg_id.map_or(("name", name), |id| ("id", id));
    hash(&[&[what, "\0", label], &[&stable(url)]])
}

/// Key of an address alone.
pub fn url_key(url: &str) -> Key {
    hash(&[&[&stable(url)]])
}

/// Key of the channel an item belongs to: items that share a `tvg-id` are one channel.
pub fn channel_key(tvg_id: Option<&str>, item_key: Key) -> String {
    tvg_id.map_or_else(|| format!("item:{item_key}"), |id| format!("id:{id}"))
}

/// Key of a playlist: its address without password and volatile parts, or its path. The user stays: two accounts at one
/// provider are two playlists.
pub fn location_key(location: &str) -> String {
    let user = web_url(location).map(|url| {
        let query = url.query_pairs().find(|(key, _)| key.eq_ignore_ascii_case("username")).map(|(_, user)| user.into_owned());
        query.unwrap_or_else(|| url.username().to_owned())
    });
    hash(&[&[&user.unwrap_or_default()], &[&stable(location)]]).to_string()
}

fn web_url(location: &str) -> Option<Url> {
    Url::parse(location).ok().filter(Url::has_host)
}

/// An address without user, password, fragment, volatile query keys and the account in an Xtream path
/// (`/live/USER/PASSWORD/ID.ts`, `/USER/PASSWORD/ID`).
fn stable(address: &str) -> Cow<'_, str> {
    plain(address).unwrap_or_else(|| Cow::Owned(reduced(address)))
}

/// What [`reduced`] would make of an address that is as most are, which is seen much sooner than done. `None`: it is another one.
fn plain(address: &str) -> Option<Cow<'_, str>> {
    let (rest, usual_port) = match (address.strip_prefix("http://"), address.strip_prefix("https://")) {
        (Some(rest), _) => (rest, "80"),
        (_, Some(rest)) => (rest, "443"),
        _ => return None,
    };
    let (host, path) = rest.split_at(memchr::memchr(b'/', rest.as_bytes())?);
    let path = path.strip_prefix('/')?;
    // A name, and not an address: what numbers may mean is left to those who know.
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~,+=/.".contains(&byte);
    if !is_plain_host(host, usual_port) || !path.bytes().all(safe) {
        return None;
    }
    let mut segments = [""; 8];
    let mut count = 0;
    for segment in path.split('/') {
        if segment == "." || segment == ".." {
            return None;
        }
        *segments.get_mut(count)? = segment;
        count += 1;
    }
    let segments = segments.get(..count)?;
    let Some(account) = xtream_account(segments) else { return Some(Cow::Borrowed(address)) };
    let mut stable = String::with_capacity(address.len());
    stable.push_str(address.get(..address.len() - path.len())?);
    for (at, segment) in segments.iter().enumerate() {
        stable.push_str(if at > 0 { "/" } else { "" });
        stable.push_str(if account.contains(&at) { "-" } else { segment });
    }
    Some(Cow::Owned(stable))
}

/// Whether a host, with or without a port, is a name as it would be written again.
fn is_plain_host(host: &str, usual_port: &str) -> bool {
    let (host, port) = host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
    let own_port = |port: &str| {
        let digits = (1..=4).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
        digits && !port.starts_with('0') && port != usual_port
    };
    let named = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    host.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
        && host.rsplit('.').next().is_some_and(|last| last.len() > 1 && last.bytes().all(|byte| byte.is_ascii_lowercase()))
        && host.bytes().all(named)
        && !host.contains("xn--")
        && !host.contains("..")
        && port.is_none_or(own_port)
}

fn reduced(address: &str) -> String {
    // There is no fragment in an address of SRT: `#!::` begins what is asked for.
    let whole = if is_srt(address) { Cow::Owned(address.replace('#', "%23")) } else { Cow::Borrowed(address) };
    let Some(mut url) = web_url(&whole) else { return address.trim().to_owned() };
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
    let segments: Vec<&str> = url.path_segments().map(Iterator::collect).unwrap_or_default();
    if let Some(account) = xtream_account(&segments) {
        let kept = segments.iter().enumerate().map(|(at, segment)| if account.contains(&at) { "-" } else { segment });
        let path = kept.collect::<Vec<_>>().join("/");
        url.set_path(&path);
    }
    url.into()
}

fn is_srt(address: &str) -> bool {
    address.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("srt:"))
}

/// Which segments of a path are user and password, if it is an Xtream address.
fn xtream_account(segments: &[&str]) -> Option<Range<usize>> {
    let number = |segment: &str| {
        let stem = segment.split_once('.').map_or(segment, |(stem, _)| stem);
        !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_digit())
    };
    match segments {
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

/// The first 128 bits of SHA-256. Parts, each of several pieces, are told apart by their lengths.
fn hash(parts: &[&[&str]]) -> Key {
    let mut sha = Sha256::new();
    for part in parts {
        let length: usize = part.iter().map(|piece| piece.len()).sum();
        sha.update((length as u64).to_le_bytes());
        for piece in *part {
            sha.update(piece.as_bytes());
        }
    }
    let digest: [u8; 32] = sha.finalize().into();
    Key(digest.iter().take(16).fold(0, |key, byte| key << 8 | u128::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What is taken for plain becomes what the long way would make of it.
        #[test]
        fn plain_addresses_become_the_same(address in "(https?://)?[a-z0-9.-]{0,6}[a-z]{0,3}(:80|:8080)?(/[A-Za-z0-9._~,+=%@ -]{0,6}){0,5}(\\?[a-z=&]{0,8})?") {
            if let Some(plain) = plain(&address) {
                prop_assert_eq!(reduced(&address), plain);
            }
        }

        #[test]
        fn usual_addresses_are_plain(name in "[a-z][a-z0-9]{0,4}(-[a-z0-9]{1,4})?", path in "[A-Za-z0-9_-]{1,10}") {
            let address = format!("https://{name}.example/{path}/index.m3u8");
            prop_assert_eq!(plain(&address), Some(Cow::Borrowed(address.as_str())));
            prop_assert_eq!(reduced(&address), address);
        }

        #[test]
        fn accounts_are_plain_too(
            kind in "(live/|movie/|series/|timeshift/|hls/)?", user in "[A-Za-z0-9._~,+=-]{0,9}", password in "[A-Za-z0-9.]{0,9}",
            more in "(60/)?", id in "[0-9]{0,5}(\\.ts|\\.m3u8)?",
        ) {
            let address = format!("http://host.example:8080/{kind}{user}/{password}/{more}{id}");
            if let Some(plain) = plain(&address) {
                prop_assert_eq!(&reduced(&address), &plain);
            } else {
                prop_assert!(["/./", "/../", "/.", "/.."].iter().any(|dots| address.contains(dots)), "{}", address);
            }
        }
    }

    #[rstest::rstest]
    #[case("http://h/a.m3u8?token=1&q=hd", "http://h/a.m3u8?q=hd&token=2")]
    #[case("http://h/a?Expires=1&Signature=x", "http://h/a?Expires=2&Signature=y")]
    #[case("http://u:p@h/a", "http://u:q@h/a")]
    #[case("srt://h:1?streamid=#!::r=a&passphrase=0123456789", "srt://h:1?passphrase=another_one&streamid=#!::r=a")]
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
    #[case("srt://h:1?streamid=#!::r=a", "srt://h:1?streamid=#!::r=b")]
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
        assert_eq!(channel_key(Some("x"), Key(1)), channel_key(Some("x"), Key(2)));
        assert_ne!(channel_key(None, Key(1)), channel_key(None, Key(2)));
    }
}
