//! Addresses as they may be shown.
//!
//! Accounts hide in many places of an address: before `@`, in the query, in a fragment, behind the `|` of Kodi's lists, and in
//! the path, where Xtream panels put user and password as `/live/USER/PASS/123.ts` or `/USER/PASS/123`. When in doubt a part is
//! hidden.

use std::fmt;

const HIDDEN: &str = "***";
/// Behind these, an Xtream address has user and password.
const BEFORE_ACCOUNT: [&str; 4] = ["live", "movie", "series", "timeshift"];
/// These stand before the number of a channel and are no account.
const PLAIN: [&str; 14] = [
    "live",
    "movie",
    "series",
    "timeshift",
    "hls",
    "stream",
    "streams",
    "channel",
    "channels",
    "play",
    "tv",
    "video",
    "udp",
    "rtp",
];
/// Accounts at Xtream panels, as they are stored: user and password always stand before the host.
const ACCOUNTS: [&str; 2] = ["xtream", "xtreams"];
/// Addresses that lead nowhere but to this machine.
const LOCAL: [&str; 3] = ["file", "demo", "push"];

/// Shows an address without its credentials: scheme, host, port and the shape of the path stay; user, password, values of
/// the query and path segments that look like an account or a token become `***`. What is no address at all is hidden as far
/// as it could be one.
///
/// The seed calls it `SanitizeURLForLog`.
#[derive(Clone, Copy)]
pub struct SafeUrl<'a>(pub &'a str);

impl fmt::Display for SafeUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = show(self.0);
        if shown.contains(char::is_control) {
            return f.write_str(&shown.replace(char::is_control, "\u{FFFD}"));
        }
        f.write_str(&shown)
    }
}

impl fmt::Debug for SafeUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn show(text: &str) -> String {
    let text = text.trim();
    let (scheme, rest) = match text.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
        _ => return show_relative(text),
    };
    if LOCAL.contains(&scheme.to_ascii_lowercase().as_str()) {
        let (path, tail) = split_tail(rest);
        return format!("{scheme}:{path}{}", show_tail(tail));
    }
    let Some(rest) = rest.strip_prefix("//") else { return HIDDEN.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '\\', '?', '#', '|']).unwrap_or(rest.len()));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    // Without an `@` before the path, what looks like the host of an account may be the beginning of it.
    let is_account = ACCOUNTS.contains(&scheme.to_ascii_lowercase().as_str());
    if !is_host(host) || (is_account && user.is_empty() && path.contains('@')) {
        return format!("{scheme}://{HIDDEN}");
    }
    let user = if user.is_empty() { "" } else { "***@" };
    let (path, tail) = split_tail(path);
    format!("{scheme}://{user}{host}{}{}", show_path(path), show_tail(tail))
}

/// A path, or a part of an address: `/live/…`, `list.m3u`.
fn show_relative(text: &str) -> String {
    let (path, tail) = split_tail(text);
    if path.split('/').next().is_some_and(|first| first.contains([':', '@'])) {
        return HIDDEN.to_owned();
    }
    format!("{}{}", show_path(path), show_tail(tail))
}

/// RFC 3986, section 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// A name or an address, and perhaps a port. Anything else may be the half of a password.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.rfind(':') {
        Some(colon) if !text.ends_with(']') => text.split_at(colon),
        _ => (text, ""),
    };
    let name = match name.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').filter(|address| !address.contains(['[', ']'])),
        None => Some(name).filter(|name| !name.contains([':', '[', ']'])),
    };
    let fits = |char: char| char.is_alphanumeric() || "-._:%".contains(char);
    name.is_some_and(|name| name.chars().all(fits)) && port.bytes().skip(1).all(|byte| byte.is_ascii_digit())
}

fn split_tail(text: &str) -> (&str, &str) {
    text.split_at(text.find(['?', '#', '|']).unwrap_or(text.len()))
}

fn show_path(path: &str) -> String {
    let segments: Vec<&str> = path.split(['/', '\\']).collect();
    let shown: Vec<String> = segments.iter().enumerate().map(|(at, segment)| show_segment(&segments, at, segment)).collect();
    shown.join("/")
}

fn show_segment(all: &[&str], at: usize, segment: &str) -> String {
    if segment.is_empty() {
        return String::new();
    }
    let before = |distance: usize| at.checked_sub(distance).and_then(|index| all.get(index)).copied().unwrap_or("");
    let left = all.len() - at - 1;
    let keyword = |text: &str| BEFORE_ACCOUNT.contains(&text.to_ascii_lowercase().as_str());
    let of_account = (keyword(before(1)) && left >= 2) || (keyword(before(2)) && left >= 1);
    let before_number = (1..=2).contains(&left) && all.last().is_some_and(|last| is_number(last)) && named(all) >= 3;
    let plain = PLAIN.contains(&segment.to_ascii_lowercase().as_str());
    let (name, value) = segment.split_at(segment.find(['=', ';', '&']).map_or(segment.len(), |mark| mark + 1));
    if of_account || (before_number && !plain) || segment.contains(['@', ':', '%']) || looks_like_token(name) {
        return HIDDEN.to_owned();
    }
    if value.is_empty() { name.to_owned() } else { format!("{name}{HIDDEN}") }
}

fn named(segments: &[&str]) -> usize {
    segments.iter().filter(|segment| !segment.is_empty()).count()
}

/// `123`, `123.ts`.
fn is_number(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or_default();
    !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_digit())
}

/// Long, and not made of words.
fn looks_like_token(segment: &str) -> bool {
    let has = |text: &str, kind: fn(&u8) -> bool| text.bytes().any(|byte| kind(&byte));
    let random = |run: &str| {
        let digits = has(run, u8::is_ascii_digit);
        run.len() >= 24
            || (run.len() >= 16 && digits)
            || (run.len() >= 10 && digits && has(run, u8::is_ascii_uppercase) && has(run, u8::is_ascii_lowercase))
    };
    let hex = segment.bytes().filter(u8::is_ascii_hexdigit).count();
    let is_uuid = hex >= 32 && segment.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_uuid || segment.split(['-', '_', '.', ',', '~', '+']).any(random)
}

/// Query, fragment and what follows: names stay, values go.
fn show_tail(tail: &str) -> String {
    let Some(query) = tail.strip_prefix('?') else {
        return tail.chars().next().map_or_else(String::new, |mark| format!("{mark}{HIDDEN}"));
    };
    let (query, rest) = query.split_at(query.find(['#', '|']).unwrap_or(query.len()));
    let pairs = query.split(['&', ';']).map(|pair| match pair.split_once('=') {
        Some((name, _)) if name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) => {
            format!("{name}={HIDDEN}")
        }
        _ => HIDDEN.to_owned(),
    });
    format!("?{}{}", pairs.collect::<Vec<_>>().join("&"), if rest.is_empty() { String::new() } else { show_tail(rest) })
}

#[cfg(test)]
mod tests;
