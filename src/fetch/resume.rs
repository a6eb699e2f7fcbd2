//! What an answer is to the part of a feed that is there already: its rest, or the whole from the beginning. Pure.
//!
//! In doubt the whole is fetched anew: bytes of two versions must never end up in one file.

use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::error::{FetchError, http_date};
use crate::model::Validators;

/// `Last-Modified` tells versions apart only if the server sent it so much later: it counts in seconds, and clocks of one server
/// may differ a little (RFC 9110, section 8.8.2.2).
const SETTLED: Duration = Duration::from_secs(60);

/// What the head of an answer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    pub validators: Validators,
    pub date: Option<String>,
    /// Length of the body.
    pub length: Option<u64>,
    pub range: Option<ContentRange>,
    /// `Content-Encoding`, if it is not `identity`.
    pub encoding: Option<String>,
    pub media_type: Option<String>,
}

impl Head {
    /// `length` is that of the body, which is not always what `Content-Length` says.
    pub fn read(status: u16, headers: &HeaderMap, length: Option<u64>) -> Self {
        let text = |name: HeaderName| Some(headers.get(name)?.to_str().ok()?.trim().to_owned()).filter(|text| !text.is_empty());
        let coding =
            |value: &HeaderValue| value.to_str().map_or_else(|_| "?".to_owned(), |text| text.trim().to_ascii_lowercase());
        let codings: Vec<String> = headers.get_all(header::CONTENT_ENCODING).iter().map(coding).collect();
        let encoding = Some(codings.join(",")).filter(|codings| !codings.is_empty() && codings != "identity");
        Self {
            status,
            validators: Validators { etag: text(header::ETAG), last_modified: text(header::LAST_MODIFIED) },
            date: text(header::DATE),
            length,
            range: text(header::CONTENT_RANGE).and_then(|range| ContentRange::parse(&range)),
            encoding,
            media_type: text(header::CONTENT_TYPE),
        }
    }

    /// Whether the body is packed with gzip on its way.
    pub fn is_gzip(&self) -> bool {
        self.encoding.as_deref().is_some_and(is_gzip)
    }

    /// Refuses packings that nobody asked for.
    pub fn understood(&self) -> Result<(), FetchError> {
        match &self.encoding {
            Some(encoding) if !is_gzip(encoding) => {
                let shown = encoding.chars().filter(|char| char.is_ascii_alphanumeric() || "-,".contains(*char));
                Err(FetchError::Encoding(shown.take(20).collect()))
            }
            _ => Ok(()),
        }
    }
}

fn is_gzip(encoding: &str) -> bool {
    ["gzip", "x-gzip"].contains(&encoding)
}

/// `Content-Range: bytes 5-9/10` (RFC 9110, section 14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    pub first: u64,
    pub last: u64,
    /// Bytes of the whole.
    pub total: Option<u64>,
}

impl ContentRange {
    fn parse(value: &str) -> Option<Self> {
        let (unit, rest) = value.split_once(' ')?;
        let (range, total) = rest.trim().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let total = if total == "*" { None } else { Some(total.parse().ok()?) };
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        let fits = unit.eq_ignore_ascii_case("bytes") && first <= last && total.is_none_or(|total| last < total);
        fits.then_some(Self { first, last, total })
    }
}

/// What a part is a part of. Kept beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// What `If-Range` says: a strong `ETag`, or a `Last-Modified` that can be relied on.
    pub if_range: String,
    /// Hash of the address that it came from in the end, without query: another machine may give the same names to other versions.
    pub served: String,
    pub validators: Validators,
    /// Bytes of the whole, if the server said.
    pub length: Option<u64>,
    pub encoding: Option<String>,
    pub media_type: Option<String>,
}

impl Mark {
    /// Of an answer that brings the whole; `None`: its server cannot go on later.
    pub fn of(head: &Head, served: &str) -> Option<Self> {
        Some(Self {
            if_range: strong(head)?,
            served: served.to_owned(),
            validators: head.validators.clone(),
            length: head.length,
            encoding: head.encoding.clone(),
            media_type: head.media_type.clone(),
        })
    }

    /// Whether the bytes are packed with gzip.
    pub fn is_gzip(&self) -> bool {
        self.encoding.as_deref().is_some_and(is_gzip)
    }

    /// Whether an answer is of the same version.
    fn fits(&self, head: &Head, served: &str) -> bool {
        let said = if self.if_range.starts_with('"') { &head.validators.etag } else { &head.validators.last_modified };
        let packed = head.encoding.is_none() || head.encoding == self.encoding;
        said.as_deref() == Some(self.if_range.as_str()) && packed && self.served == served
    }
}

fn strong(head: &Head) -> Option<String> {
    match (&head.validators.etag, &head.validators.last_modified) {
        (Some(etag), _) => Some(etag).filter(|etag| etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"')).cloned(),
        (None, Some(last_modified)) => {
            let age = http_date(head.date.as_deref()?)?.duration_since(http_date(last_modified)?).ok()?;
            (age >= SETTLED).then(|| last_modified.clone())
        }
        (None, None) => None,
    }
}

/// The part that is there when a server is asked.
#[derive(Debug, Clone, Copy)]
pub struct Have<'a> {
    pub bytes: u64,
    pub mark: &'a Mark,
}

/// What an answer brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    NotModified,
    /// All of it, from the first byte; so many bytes, if the server says.
    Whole(Option<u64>),
    /// It goes on where the part ends.
    Rest {
        /// Where this answer ends.
        until: u64,
        /// Where the feed ends.
        total: u64,
    },
    /// Nothing that fits: ask again, for the whole.
    Anew,
    /// The status tells what is wrong.
    Refused,
}

/// `known` is whether the server was asked if there is another version; `have` is what it was asked to go on from.
pub fn judge(head: &Head, served: &str, have: Option<Have<'_>>, known: bool) -> Meaning {
    match (head.status, have) {
        (304, _) if known => Meaning::NotModified,
        (206, Some(have)) => rest(head, served, have).unwrap_or(Meaning::Anew),
        (416, Some(_)) => Meaning::Anew,
        (206, None) => Meaning::Refused,
        (200..300, _) => Meaning::Whole(head.length),
        _ => Meaning::Refused,
    }
}

fn rest(head: &Head, served: &str, have: Have<'_>) -> Option<Meaning> {
    let range = head.range?;
    let total = range.total.or(have.mark.length)?;
    let same = have.mark.fits(head, served) && have.mark.length.is_none_or(|length| length == total);
    let until = range.last.checked_add(1)?;
    let count = until - range.first;
    let fits = range.first == have.bytes && range.last < total && head.length.is_none_or(|length| length == count);
    (same && fits).then_some(Meaning::Rest { until, total })
}

#[cfg(test)]
mod tests;
