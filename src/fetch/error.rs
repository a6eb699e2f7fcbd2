//! Why a feed could not be had, in words that hold no address, no header and no proxy.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Longest `Retry-After` that is believed.
const RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// Why a feed could not be had. Addresses are not part of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The file cannot be read.
    #[error("cannot read the file: {0}")]
    File(std::io::Error),
    /// It is something else.
    #[error("{0} is not a file")]
    NotAFile(PathBuf),
    /// No scheme that feeds come by.
    #[error("playlists and guides are read from files and from http and https addresses, not from {0}:")]
    Scheme(String),
    /// No address at all.
    #[error("the address is not understood; it should be like http://server/list.m3u")]
    Address,
    /// A proxy that cannot be one.
    #[error("the proxy is not understood; it should be like http://server:3128 or socks5h://user:password@server:1080")]
    Proxy,
    /// A header that cannot be sent; counted from 1.
    #[error("request header {0} is none that HTTP knows, or Rooftop sends it by itself; correct it or take it out")]
    Header(usize),
    /// The `User-Agent` cannot be sent.
    #[error("the User-Agent holds characters that cannot be sent; correct it or leave it empty")]
    UserAgent,
    /// No connection, or no answer.
    #[error("cannot reach the server{}: {reason}{}", if *.proxied { " through the proxy" } else { "" }, certificate_hint(.reason))]
    Connect {
        /// The system's words.
        reason: String,
        /// Whether a proxy of the settings was asked.
        proxied: bool,
    },
    /// An HTTP status other than success.
    #[error("the server answered {status}{}{}", hint(*.status), later(*.retry_after))]
    Status {
        /// It.
        status: u16,
        /// When the server wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// From one address to the next, for ever.
    #[error("the server leads nowhere: too many redirects")]
    Redirects,
    /// A redirect to something else than a web server.
    #[error("the server leads to an address of scheme {0:?}, which playlists and guides do not come by")]
    RedirectScheme(String),
    /// A redirect from https to http, with something to hide.
    #[error(
        "the server leads from https to http, where everybody on the way can read user and password; \
         give the address with http, or accept any certificate, if that is all right"
    )]
    Downgrade,
    /// The connection broke.
    #[error("the connection broke off: {0}")]
    Lost(String),
    /// Nothing came in time.
    #[error("the server sent nothing for {0:?}")]
    TimedOut(Duration),
    /// Endless, or nearly so.
    #[error("it is larger than {}", size(*.0))]
    TooLarge(u64),
    /// Packed in a way that was not asked for.
    #[error("the server packs it in a way that was not asked for ({0}); only gzip is understood")]
    Encoding(String),
    /// Packed twice, and the outer one is damaged.
    #[error("it is packed twice, and cannot be unpacked to its end: {0}")]
    Unpack(std::io::Error),
    /// No room to put it.
    #[error("cannot keep it while it is read: {0}{hint}", hint = room_hint(.0))]
    Spool(std::io::Error),
    /// Somebody asked to stop.
    #[error("fetching it was broken off")]
    Cancelled,
}

impl FetchError {
    /// How long the server wants to be left alone, if it said so; at most a day.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

fn hint(status: u16) -> &'static str {
    match status {
        401 | 403 => "; user or password may be wrong, or the account expired",
        404 | 410 => "; the address may be wrong",
        407 => "; the proxy wants a user and a password, or others",
        429 | 458 | 509 => "; the account is limited for now",
        503 => "; it is overloaded or being worked on",
        _ => "",
    }
}

fn later(wait: Option<Duration>) -> String {
    match wait.map(|wait| wait.as_secs()) {
        None | Some(0) => String::new(),
        Some(seconds @ 1..120) => format!("; it asks to come back in {seconds} s"),
        Some(seconds @ 120..7200) => format!("; it asks to come back in {} min", seconds.div_ceil(60)),
        Some(seconds) => format!("; it asks to come back in {} h", seconds.div_ceil(3600)),
    }
}

fn certificate_hint(reason: &str) -> &'static str {
    match reason.contains("certificate") {
        true => "; if you trust this server all the same, accept any certificate for it",
        false => "",
    }
}

fn room_hint(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded => "; make room where Rooftop keeps its data",
        _ => "",
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        ..1024 => format!("{bytes} bytes"),
        1024..0x10_0000 => format!("{} KiB", bytes >> 10),
        0x10_0000..0x4000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3).
pub(super) fn wait_for(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => http_date(value)?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(RETRY_AFTER))
}

/// A date of HTTP (RFC 9110, section 5.6.7), in the form that servers are to send.
pub(super) fn http_date(value: &str) -> Option<SystemTime> {
    jiff::fmt::rfc2822::parse(value.trim()).ok().map(|date| SystemTime::from(date.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::seconds("30", Some(30))]
    #[case::no_limit_is_believed("999999999", Some(86_400))]
    #[case::date("Thu, 01 Jan 1970 00:02:00 GMT", Some(20))]
    #[case::past("Thu, 01 Jan 1970 00:00:00 GMT", Some(0))]
    #[case::nonsense("soon", None)]
    fn retry_after_is_read(#[case] value: &str, #[case] seconds: Option<u64>) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        assert_eq!(wait_for(value, now), seconds.map(Duration::from_secs));
    }

    #[rstest]
    #[case(401, None, "the server answered 401; user or password may be wrong, or the account expired")]
    #[case(404, None, "the server answered 404; the address may be wrong")]
    #[case(458, Some(90), "the server answered 458; the account is limited for now; it asks to come back in 90 s")]
    #[case(503, Some(121), "the server answered 503; it is overloaded or being worked on; it asks to come back in 3 min")]
    #[case(500, Some(7200), "the server answered 500; it asks to come back in 2 h")]
    #[case(418, Some(0), "the server answered 418")]
    fn a_status_says_what_to_do(#[case] status: u16, #[case] seconds: Option<u64>, #[case] text: &str) {
        let error = FetchError::Status { status, retry_after: seconds.map(Duration::from_secs) };
        assert_eq!(error.to_string(), text);
        assert_eq!(error.retry_after(), seconds.map(Duration::from_secs));
    }

    #[test]
    fn other_errors_say_what_to_do_too() {
        let full = FetchError::Spool(std::io::ErrorKind::StorageFull.into()).to_string();
        assert!(full.ends_with("make room where Rooftop keeps its data"), "{full}");
        let connect = |reason: &str, proxied| FetchError::Connect { reason: reason.to_owned(), proxied }.to_string();
        assert_eq!(connect("refused", false), "cannot reach the server: refused");
        assert_eq!(connect("refused", true), "cannot reach the server through the proxy: refused");
        assert!(connect("invalid peer certificate: UnknownIssuer", false).ends_with("accept any certificate for it"));
        assert_eq!(FetchError::TooLarge(2 << 30).to_string(), "it is larger than 2 GiB");
        assert_eq!(FetchError::TooLarge(10 << 20).to_string(), "it is larger than 10 MiB");
    }
}
