//! Streams that are pushed to us, and what SRT lets be asked for.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::base::secret::Secret;

/// The longest stream id, in bytes (`SRTO_STREAMID`).
pub const LONGEST_STREAM_ID: usize = 512;
/// Passphrases, in bytes (`SRTO_PASSPHRASE`; draft-sharabayko-srt-01, section 6.1.1).
pub const PASSPHRASE_BYTES: RangeInclusive<usize> = 10..=79;
/// The longest latency, in milliseconds.
pub const LONGEST_LATENCY_MS: u64 = 10_000;

/// Whether this may be what a stream is called.
pub fn is_stream_name(text: &str) -> bool {
    (1..=LONGEST_STREAM_ID).contains(&text.len()) && !text.contains(char::is_control)
}

/// What holds for one stream, as a person set it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InputRule {
    /// Its own passphrase; `None`: that of the settings, if there is one.
    pub passphrase: Option<Secret<String>>,
    /// Its own least latency; `None`: that of the settings.
    pub latency: Option<Duration>,
    /// Its session description (RFC 8866), as it was given; it is received at the ports that it says.
    pub sdp: Option<String>,
    /// User and password that its sender must give.
    pub login: Option<(String, Secret<String>)>,
}
