//! Settings of inputs, as the file has them.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::detect::Payload;
use super::sdp::{Format, Parameters};
use super::tap::memory::Limits;
use crate::base::secret::Secret;
use crate::model::input::{LONGEST_LATENCY_MS, PASSPHRASE_BYTES, is_stream_name};

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

impl ListenSettings {
    /// Whether this may be what a stream is called.
    pub fn is_stream(name: &str) -> bool {
        is_stream_name(name)
    }
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
    pub const LATENCIES: std::ops::RangeInclusive<u64> = 20..=LONGEST_LATENCY_MS;

    /// A passphrase, with as many bytes as SRT wants.
    ///
    /// # Errors
    /// When it has another length; the text is for people.
    pub fn passphrase(text: &str) -> Result<Secret<String>, &'static str> {
        if PASSPHRASE_BYTES.contains(&text.len()) {
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
    /// `rtp.payload_types`: what payload types carry that senders do not describe.
    pub payload_types: Vec<Format>,
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
            payload_types: Vec::new(),
            jitter_buffer: Duration::from_millis(100),
            max_sessions: 30,
            session_timeout: Duration::from_secs(30),
            buffer_size: 2 * 1024 * 1024,
            allow: Vec::new(),
        }
    }
}

impl RtpSettings {
    /// Reads `96=H264` or `97=opus/48000`: a payload type, and what it carries as a=rtpmap names it (RFC 8866, 6.6).
    ///
    /// # Errors
    /// When it is none: what to give instead.
    pub fn payload_type(text: &str) -> Result<Format, &'static str> {
        let advice = "give a payload type from 96 to 127 and its encoding as in a=rtpmap, such as 96=H264 or 97=opus/48000/2";
        let (number, mapped) = text.trim().split_once('=').ok_or(advice)?;
        let payload_type = number.trim().parse().ok().filter(|number| (96..=127).contains(number)).ok_or(advice)?;
        let mut parts = mapped.trim().split('/');
        let encoding = parts.next().unwrap_or_default().trim();
        let (_, usual) = Payload::of_encoding(encoding).and_then(Payload::encoding).ok_or(
            "there is no such encoding here; known are H264, H265, AV1, jxsv, MPV, MPA, MP4A-LATM, opus, ac3, eac3 and MP2T",
        )?;
        let clock_rate = parts.next().map_or(Ok(usual), |rate| rate.trim().parse().map_err(|_| advice))?;
        let channels = parts.next().map(|channels| channels.trim().parse().map_err(|_| advice)).transpose()?;
        if clock_rate == 0 || parts.next().is_some() {
            return Err(advice);
        }
        Ok(Format {
            payload_type,
            encoding: encoding.to_owned(),
            clock_rate,
            channels,
            parameters: Parameters::default(),
            line: 0,
        })
    }
}

/// What is kept of inputs may take so much memory; `None`: by what the machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemorySettings {
    /// `ingestion.memory.global_limit_mib`, in bytes.
    pub global_limit: Option<u64>,
    /// `ingestion.memory.per_stream_limit_mib`, in bytes.
    pub per_stream_limit: Option<u64>,
}

impl MemorySettings {
    /// The limits on a machine with so many bytes of memory.
    pub fn limits(&self, machine: u64) -> Limits {
        let global = self.global_limit.unwrap_or(Limits::of_machine(machine).global);
        let per_stream = self.per_stream_limit.unwrap_or(Limits::within(global).per_stream);
        Limits { global, per_stream: per_stream.min(global) }
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
    /// Of what is looked at beside the data path.
    pub tap: super::tap::Settings,
    /// How much of it may be kept.
    pub memory: MemorySettings,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("96=H264", Some((96, "H264", 90_000, None)))]
    #[case(" 127 = opus/48000/2 ", Some((127, "opus", 48_000, Some(2))))]
    #[case("97=ac3/44100", Some((97, "ac3", 44_100, None)))]
    #[case("95=H264", None)]
    #[case("128=H264", None)]
    #[case("96", None)]
    #[case("96=speex", None)]
    #[case("96=H264/0", None)]
    #[case("96=opus/48000/2/2", None)]
    fn payload_types_are_read(#[case] text: &str, #[case] expected: Option<(u8, &str, u32, Option<u8>)>) {
        let format = RtpSettings::payload_type(text).ok();
        let seen = format.as_ref().map(|it| (it.payload_type, it.encoding.as_str(), it.clock_rate, it.channels));
        assert_eq!(seen, expected);
    }

    #[rstest::rstest]
    #[case(None, None, 1024, 200)]
    #[case(Some(400), None, 400, 100)]
    #[case(None, Some(300), 1024, 300)]
    #[case(Some(10), Some(300), 10, 10)]
    fn memory_goes_by_the_machine_or_by_what_is_said(
        #[case] global: Option<u64>,
        #[case] per_stream: Option<u64>,
        #[case] global_mib: u64,
        #[case] per_stream_mib: u64,
    ) {
        let mib = 1 << 20;
        let of = |value: Option<u64>| value.map(|value| value * mib);
        let settings = MemorySettings { global_limit: of(global), per_stream_limit: of(per_stream) };
        assert_eq!(settings.limits(4 << 30), Limits { global: global_mib * mib, per_stream: per_stream_mib * mib });
    }

    #[rstest::rstest]
    #[case(60_000_000, 120, 8 * 1024 * 1024)]
    #[case(60_000_000, 2000, 30_000_000)]
    #[case(u64::MAX, 2000, 9_223_372_036_854_775_806)]
    fn buffers_hold_twice_the_latency(#[case] max_bandwidth: u64, #[case] millis: u64, #[case] expected: u64) {
        let settings = SrtSettings { max_bandwidth, ..SrtSettings::default() };
        assert_eq!(settings.buffer(Duration::from_millis(millis)), expected);
    }
}
