//! What a playlist says about one entry, and how its parts are read.

use crate::model::Headers;

/// Longest name.
const NAME: usize = 512;
/// Most attributes of one line.
const ATTRIBUTES: usize = 256;

/// Attributes in their order, names in lower case. All are kept, known or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(pub Vec<(String, String)>);

impl Attributes {
    /// The value of the first attribute of this name that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub(super) fn add(&mut self, name: &str, value: &str) {
        if self.0.len() < ATTRIBUTES {
            self.0.push((name.to_ascii_lowercase(), clean(value)));
        }
    }
}

/// The `#EXTM3U` line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// Its attributes.
    pub attributes: Attributes,
}

impl Header {
    /// Addresses of guides: `url-tvg`, `x-tvg-url` and `tvg-url`, lists separated by commas.
    pub fn guides(&self) -> Vec<String> {
        let lists = ["url-tvg", "x-tvg-url", "tvg-url"].into_iter();
        let all = lists.flat_map(|name| self.attributes.0.iter().filter(move |(key, _)| key == name));
        let mut guides: Vec<String> = Vec::new();
        for guide in all.flat_map(|(_, list)| list.split(',')).map(str::trim).filter(|guide| !guide.is_empty()) {
            if !guides.iter().any(|known| known == guide) {
                guides.push(guide.to_owned());
            }
        }
        guides
    }
}

/// Something that was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// Where, counted from 1.
    pub line: u64,
    /// Why.
    pub flaw: Flaw,
}

/// Why something was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A line, or an address, is too long.
    #[error("the line is too long")]
    TooLong,
    /// A line that should be an address is none.
    #[error("this is no address")]
    NoAddress,
    /// No address follows.
    #[error("no address follows this entry")]
    Missing,
    /// An element of a panel's list from which no address can be made.
    #[error("this is no channel with a number")]
    NoChannel,
}

/// An entry. Its `Debug` is for tests: addresses may hold credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Line of its `#EXTINF`, or of its address if it has none; counted from 1.
    pub line: u64,
    /// Display name; empty if there is none.
    pub name: String,
    /// Attributes of its `#EXTINF`.
    pub attributes: Attributes,
    /// `#EXTGRP`.
    pub group: Option<String>,
    /// `#EXTVLCOPT`, names in lower case.
    pub vlc_options: Vec<(String, String)>,
    /// `#KODIPROP`, names in lower case.
    pub kodi_properties: Vec<(String, String)>,
    /// Its address, without Kodi's options behind a `|`.
    pub url: String,
    /// Kodi's options behind a `|`.
    pub url_options: Vec<(String, String)>,
}

impl Entry {
    /// The entry that a list would hold with these attributes; those without a value are left out.
    pub fn new(line: u64, name: &str, attributes: &[(&str, &str)], url: String) -> Self {
        let mut entry = Self { line, name: clean_name(name), url, ..Self::default() };
        for (name, value) in attributes.iter().filter(|(_, value)| !value.is_empty()) {
            entry.attributes.add(name, value);
        }
        entry
    }

    /// Request headers, from all the places where playlists put them; the nearest to the address wins.
    pub fn headers(&self) -> Headers {
        let mut headers = Headers::default();
        for (attribute, header) in HEADERS {
            if let Some(value) = self.attributes.get(attribute) {
                set(&mut headers, header, value);
            }
        }
        for (name, value) in &self.kodi_properties {
            if name == "inputstream.adaptive.stream_headers" || name == "inputstream.adaptive.common_headers" {
                for (name, value) in options(value) {
                    set(&mut headers, &name, &value);
                }
            }
        }
        for (name, value) in &self.vlc_options {
            if let Some((_, header)) = HEADERS.iter().find(|(option, _)| option == name) {
                set(&mut headers, header, value);
            }
        }
        for (name, value) in &self.url_options {
            set(&mut headers, name, value);
        }
        headers
    }

    /// Whether an attribute or option of this name says what request headers are sent, which may hold credentials.
    pub fn is_header(name: &str) -> bool {
        let kodi = ["inputstream.adaptive.stream_headers", "inputstream.adaptive.common_headers"];
        HEADERS.iter().any(|(known, _)| *known == name) || kodi.contains(&name)
    }

    pub(super) fn set_address(&mut self, text: &str) {
        let (url, rest) = text.split_once('|').unwrap_or((text, ""));
        self.url = url.trim().to_owned();
        self.url_options = options(rest);
    }
}

/// Names of attributes and of VLC's options, and the headers they mean.
const HEADERS: [(&str, &str); 7] = [
    ("user-agent", "User-Agent"),
    ("http-user-agent", "User-Agent"),
    ("referrer", "Referer"),
    ("http-referrer", "Referer"),
    ("http-referer", "Referer"),
    ("http-origin", "Origin"),
    ("http-cookie", "Cookie"),
];

/// Sets a header, if its name and value may be sent at all (RFC 9110, section 5).
fn set(headers: &mut Headers, name: &str, value: &str) {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let sound = !name.is_empty() && name.bytes().all(token) && !value.is_empty() && !value.chars().any(char::is_control);
    if !sound {
        return;
    }
    headers.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    headers.0.push((name.to_owned(), value.to_owned()));
}

/// `User-Agent=…&Referer=…`, values percent-encoded.
fn options(text: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let bytes = percent_decoded(text);
        String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
    };
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), decoded(value.trim()))).take(super::OPTIONS).collect()
}

/// `%41` is `A`; what is no such escape stays.
pub(in crate::playlist) fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (first, after) {
            (b'%', [high, low, after @ ..]) if digit(high).is_some() && digit(low).is_some() => {
                bytes.push(digit(high).unwrap_or(0) << 4 | digit(low).unwrap_or(0));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

/// Without control characters, which XML cannot carry, and not longer than anybody reads.
pub(super) fn clean(text: &str) -> String {
    let text = text.trim();
    if has_control(text) { text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect() } else { text.to_owned() }
}

/// A display name.
pub(super) fn clean_name(text: &str) -> String {
    let name = clean(text);
    if name.len() <= NAME && !name.ends_with(' ') && !name.starts_with(' ') {
        return name;
    }
    name.chars().take(NAME).collect::<String>().trim().to_owned()
}

/// Whether there are control characters in it: U+0000 to U+001F and U+007F to U+009F.
fn has_control(text: &str) -> bool {
    // Most text has none of the bytes that they are written with.
    text.bytes().any(|byte| byte < 0x20 || byte == 0x7F || byte == 0xC2) && text.chars().any(char::is_control)
}

/// Whether a line can be an address: `scheme://…`, or, after an `#EXTINF`, also `scheme:…` or a path.
pub(super) fn is_address(text: &str, named: bool) -> bool {
    if has_control(text) {
        return false;
    }
    let scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    match text.split_once(':') {
        Some((before, after)) if scheme(before) && before.len() > 1 => {
            (named || after.starts_with("//")) && !after.trim_matches('/').is_empty()
        }
        _ => named && text.contains(['/', '.']) && !text.starts_with(['[', '<', '|']),
    }
}
