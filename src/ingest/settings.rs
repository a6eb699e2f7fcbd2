//! Settings of inputs, as the file has them.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::base::secret::Secret;

/// A UDP port to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenSettings {
    /// Where.
    pub addr: SocketAddr,
    /// Whether to do without it where it cannot be had: written as a trailing `?`.
    pub optional: bool,
    /// The stream that callers without a stream id send: `=NAME` behind the address.
    pub stream: Option<String>,
}

/// Settings of SRT; names and values are those of the seed's `SRTConfig`.
#[derive(Debug, Clone)]
pub struct SrtSettings {
    /// `srt.listen`.
    pub listen: Vec<ListenSettings>,
    /// Least latency, in both directions; the larger of ours and the caller's holds.
    pub latency: Duration,
    /// What a stream may need at most, in bit/s: the receive buffer is made for it.
    pub max_bandwidth: u64,
    /// Largest payload that is sent, in bytes.
    pub payload_size: u32,
    /// Most packets that may be on the way unacknowledged.
    pub flow_window: u32,
    /// A peer that is silent for so long is gone.
    pub peer_idle_timeout: Duration,
    /// Most connections at a time.
    pub max_connections: usize,
    /// The passphrase of every stream that has none of its own.
    pub passphrase: Option<Secret<String>>,
    /// Networks from which callers may come.
    pub allow: Vec<IpNet>,
}

impl Default for SrtSettings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            latency: Duration::from_millis(120),
            max_bandwidth: 60_000_000,
            payload_size: 1316,
            flow_window: 25_600,
            peer_idle_timeout: Duration::from_secs(30),
            max_connections: 25,
            passphrase: None,
            allow: Vec::new(),
        }
    }
}

impl SrtSettings {
    /// Milliseconds of latency that can be asked for.
    pub const LATENCIES: std::ops::RangeInclusive<u64> = 20..=10_000;

    /// A passphrase, with as many bytes as SRT wants (draft-sharabayko-srt-01, section 6.1.1; libsrt takes 10 to 79).
    ///
    /// # Errors
    /// When it has another length; the text is for people.
    pub fn passphrase(text: &str) -> Result<Secret<String>, &'static str> {
        if (10..=79).contains(&text.len()) {
            Ok(Secret::new(text.to_owned()))
        } else {
            Err("a passphrase has from 10 to 79 characters")
        }
    }

    /// Bytes of a receive buffer for this latency: twice what comes in that time, 8 MiB at least.
    pub fn buffer(&self, latency: Duration) -> u64 {
        let bytes = u128::from(self.max_bandwidth) * latency.as_millis() / 8000;
        u64::try_from(bytes.saturating_mul(2)).unwrap_or(u64::MAX).max(8 * 1024 * 1024)
    }
}

/// Where RTP is listened for; RTCP on the port beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpListenSettings {
    /// An address of this machine, or a group that is joined, and the port.
    pub addr: SocketAddr,
    /// Only what this one sends; of a group: source-specific multicast (RFC 4607). Written as `SENDER@` before the address.
    pub sender: Option<IpAddr>,
    /// Where a group is joined: name of an interface, or an IPv4 address of it. Written as `%INTERFACE` behind the port.
    pub interface: Option<String>,
    /// Whether to do without it where it cannot be had: written as a trailing `?`.
    pub optional: bool,
    /// What all that comes there is called: `=NAME` behind all else.
    pub stream: Option<String>,
}

impl RtpListenSettings {
    /// Whether it is a group.
    pub fn is_group(&self) -> bool {
        self.addr.ip().is_multicast()
    }
}

/// A stream of elementary streams, as it is described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpSdpSettings {
    /// The session description (RFC 8866).
    pub path: PathBuf,
    /// What the stream is called: `=NAME` behind the path, else the file's name.
    pub stream: String,
}

/// Settings of RTP; names and values are those of the seed's `RTPConfig`, as far as it has them.
#[derive(Debug, Clone)]
pub struct RtpSettings {
    /// `rtp.listen`.
    pub listen: Vec<RtpListenSettings>,
    /// `rtp.sdp`.
    pub sdp: Vec<RtpSdpSettings>,
    /// How long a packet that is missing is waited for.
    pub jitter_buffer: Duration,
    /// Most streams at a time.
    pub max_sessions: usize,
    /// A stream of which nothing comes for so long has ended.
    pub session_timeout: Duration,
    /// Kernel buffer that is asked for, in bytes. What is granted depends on `net.core.rmem_max`.
    pub buffer_size: usize,
    /// Networks from which streams may come.
    pub allow: Vec<IpNet>,
}

impl Default for RtpSettings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            sdp: Vec::new(),
            jitter_buffer: Duration::from_millis(100),
            max_sessions: 30,
            session_timeout: Duration::from_secs(30),
            buffer_size: 2 * 1024 * 1024,
            allow: Vec::new(),
        }
    }
}

/// Settings of all inputs.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// A channel is made of every stream that comes and is none's source.
    pub auto_channel: bool,
    /// Of SRT.
    pub srt: SrtSettings,
    /// Of RTP.
    pub rtp: RtpSettings,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(60_000_000, 120, 8 * 1024 * 1024)]
    #[case(60_000_000, 2000, 30_000_000)]
    #[case(u64::MAX, 2000, 9_223_372_036_854_775_806)]
    fn buffers_hold_twice_the_latency(#[case] max_bandwidth: u64, #[case] millis: u64, #[case] expected: u64) {
        let settings = SrtSettings { max_bandwidth, ..SrtSettings::default() };
        assert_eq!(settings.buffer(Duration::from_millis(millis)), expected);
    }
}
