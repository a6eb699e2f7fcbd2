//! Settings of inputs.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::Listen;
use super::error::ConfigError;
use super::resolve::{self, MILLISECOND, SECOND, Values, networks};
use crate::ingest::Settings;
use crate::ingest::settings::{ListenSettings, MemorySettings, RtpListenSettings, RtpSdpSettings, RtpSettings, SrtSettings};
use crate::ingest::tap::Settings as TapSettings;

impl Values {
    pub(super) fn ingest(&self) -> Result<Settings, ConfigError> {
        let default = SrtSettings::default();
        let listen = self.each("srt.listen", listen)?.into_iter().flatten().collect();
        let max_bandwidth = self.number("srt.max_bandwidth", 100_000..=2_000_000_000)?;
        Ok(Settings {
            auto_channel: self.switch("srt.auto_channel", false)?,
            srt: SrtSettings {
                listen,
                latency: self.time("srt.latency_ms", 20..=10_000, MILLISECOND, default.latency)?,
                max_bandwidth: max_bandwidth.map_or(default.max_bandwidth, u64::from),
                payload_size: self.number("srt.payload_size", 188..=1456)?.unwrap_or(default.payload_size),
                flow_window: self.number("srt.flow_window", 32..=200_000)?.unwrap_or(default.flow_window),
                peer_idle_timeout: self.time("srt.peer_idle_timeout_s", 2..=3600, SECOND, default.peer_idle_timeout)?,
                max_connections: self.count("srt.max_connections", 1..=1000, default.max_connections)?,
                passphrase: self.one("srt.passphrase", SrtSettings::passphrase)?,
                allow: self.each("allow", networks)?.concat(),
            },
            tap: self.tap()?,
            memory: MemorySettings {
                global_limit: self.mib("ingestion.memory.global_limit_mib", 1..=1_048_576)?,
                per_stream_limit: self.mib("ingestion.memory.per_stream_limit_mib", 1..=1_048_576)?,
            },
            rtp: self.rtp()?,
        })
    }

    fn rtp(&self) -> Result<RtpSettings, ConfigError> {
        let default = RtpSettings::default();
        Ok(RtpSettings {
            listen: self.each("rtp.listen", listen_for_rtp)?.into_iter().flatten().collect(),
            sdp: self.each("rtp.sdp", described)?,
            payload_types: self.each("rtp.payload_types", RtpSettings::payload_type)?,
            jitter_buffer: self.time("rtp.jitter_buffer_ms", 0..=10_000, MILLISECOND, default.jitter_buffer)?,
            max_sessions: self.count("rtp.max_sessions", 1..=1000, default.max_sessions)?,
            session_timeout: self.time("rtp.session_timeout_s", 1..=3600, SECOND, default.session_timeout)?,
            buffer_size: self.count("rtp.buffer_size", 4096..=268_435_456, default.buffer_size)?,
            allow: self.each("allow", networks)?.concat(),
        })
    }

    fn tap(&self) -> Result<TapSettings, ConfigError> {
        let mut tap = TapSettings::default();
        let percent = |name, default: f64| {
            Ok::<f64, ConfigError>(self.number(name, 1..=100)?.map_or(default, |percent| f64::from(percent) / 100.0))
        };
        tap.watermarks.high = percent("ingestion.backpressure.high_watermark_percent", tap.watermarks.high)?;
        let low = percent("ingestion.backpressure.low_watermark_percent", tap.watermarks.low)?;
        tap.watermarks.low = low.min(tap.watermarks.high);
        let strategy = |text: &str| tap.dropping(text).ok_or("it is none of lowest_priority, oldest");
        tap = self.one("ingestion.backpressure.drop_strategy", strategy)?.unwrap_or(tap);
        let most_bytes = self.mib("ingestion.frame.max_frame_size_mib", 1..=14)?.and_then(|bytes| usize::try_from(bytes).ok());
        tap.frames.most_bytes = most_bytes.unwrap_or(tap.frames.most_bytes);
        tap.frames.timeout = self.time("ingestion.frame.assembly_timeout_ms", 20..=10_000, MILLISECOND, tap.frames.timeout)?;
        tap.buffer.gops = self.count("ingestion.gop.buffer_count", 1..=100, tap.buffer.gops)?;
        let idr = &mut tap.recovery.force_idr_interval;
        *idr = self.time("ingestion.gop.force_idr_interval_s", 1..=3600, SECOND, *idr)?;
        tap.drift.threshold = self.time("ingestion.sync.threshold_ms", 1..=1000, MILLISECOND, tap.drift.threshold)?;
        Ok(tap)
    }

    /// MiB, as bytes.
    fn mib(&self, name: &str, within: RangeInclusive<u32>) -> Result<Option<u64>, ConfigError> {
        Ok(self.number(name, within)?.map(|mib| u64::from(mib) << 20))
    }
}

/// `0.0.0.0:30000`, with `?` behind it if it may be missing, or `0.0.0.0:30001=NAME`; `off` for none.
fn listen(text: &str) -> Result<Option<ListenSettings>, &'static str> {
    if text.trim() == "off" {
        return Ok(None);
    }
    let (text, stream) = named(text)?;
    let Listen { addr, optional } = resolve::listen(text.trim()).map_err(|_| {
        "give an IP address and a port, such as 0.0.0.0:30000, with ? behind it if it may be missing, or =NAME for a port that is one \
         stream's; or off"
    })?;
    Ok(Some(ListenSettings { addr, optional, stream }))
}

/// `0.0.0.0:5004`, `10.0.0.9@232.1.1.1:5004%eth0`, with `?` and `=NAME` behind it as for SRT; `off` for none.
fn listen_for_rtp(text: &str) -> Result<Option<RtpListenSettings>, &'static str> {
    if text.trim() == "off" {
        return Ok(None);
    }
    let (text, stream) = named(text)?;
    let (text, optional) = text.trim().strip_suffix('?').map_or((text.trim(), false), |text| (text, true));
    let (text, interface) = match text.rsplit_once('%') {
        Some((text, interface)) if !interface.contains(']') => (text, Some(interface.to_owned())),
        _ => (text, None),
    };
    let (sender, addr) = text.split_once('@').map_or((None, text), |(sender, addr)| (Some(sender), addr));
    let advice = "give an IP address or a multicast group and a port, such as 0.0.0.0:5004 or 239.1.1.1:5004, with SENDER@ before it if \
                  only that one is to be heard, %INTERFACE behind it for a group, ? if it may be missing, =NAME for a port that is one \
                  stream's; or off";
    let addr: SocketAddr = addr.trim().parse().map_err(|_| advice)?;
    let sender: Option<IpAddr> = sender.map(str::parse).transpose().map_err(|_| advice)?;
    if interface.as_ref().is_some_and(|interface| interface.is_empty() || !addr.ip().is_multicast()) {
        return Err("an interface is given for a multicast group; else give an address of this machine");
    }
    if sender.is_some_and(|sender| sender.is_ipv4() != addr.is_ipv4()) {
        return Err("the sender and the address are of different families");
    }
    Ok(Some(RtpListenSettings { addr, sender, interface, optional, stream }))
}

/// `/etc/rooftop/garden.sdp`, or with `=NAME` behind it.
fn described(text: &str) -> Result<RtpSdpSettings, &'static str> {
    let (path, stream) = named(text.trim())?;
    let path = PathBuf::from(path.trim());
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let stream =
        stream.or(stem).ok_or("give the path of a session description, with =NAME behind it for the name of its stream")?;
    Ok(RtpSdpSettings { path, stream })
}

/// What is before `=`, and the name of a stream behind it.
fn named(text: &str) -> Result<(&str, Option<String>), &'static str> {
    let (text, stream) = text.split_once('=').map_or((text, None), |(text, stream)| (text, Some(stream.trim().to_owned())));
    if stream.as_ref().is_some_and(|stream| !ListenSettings::is_stream(stream)) {
        return Err("the name of a stream has from 1 to 512 bytes");
    }
    Ok((text, stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Address, whether optional, stream.
    fn read(text: &str) -> Result<String, &'static str> {
        listen(text).map(|listen| {
            listen.map_or("off".to_owned(), |listen| {
                format!("{} {} {}", listen.addr, listen.optional, listen.stream.unwrap_or_else(|| "-".into()))
            })
        })
    }

    #[rstest::rstest]
    #[case("0.0.0.0:30000", "0.0.0.0:30000 false -")]
    #[case("[::]:30000?", "[::]:30000 true -")]
    #[case("0.0.0.0:30001=cam 1", "0.0.0.0:30001 false cam 1")]
    #[case("0.0.0.0:30001?=a=b", "0.0.0.0:30001 true a=b")]
    #[case(" off ", "off")]
    fn ports(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(read(text).unwrap(), expected);
    }

    #[rstest::rstest]
    #[case("30000")]
    #[case("box:30000")]
    #[case("0.0.0.0:30001=")]
    fn what_is_no_port(#[case] text: &str) {
        assert!(read(text).is_err());
    }

    #[rstest::rstest]
    #[case("0.0.0.0:5004?", "0.0.0.0:5004 from - on - optional true is -")]
    #[case("10.0.0.9@232.1.1.1:5004%eth0=cam 1", "232.1.1.1:5004 from 10.0.0.9 on eth0 optional false is cam 1")]
    #[case("239.1.1.1:5004%10.0.0.2?", "239.1.1.1:5004 from - on 10.0.0.2 optional true is -")]
    #[case("[ff15::1]:5004%lan?=a=b", "[ff15::1]:5004 from - on lan optional true is a=b")]
    #[case("10.0.0.9@0.0.0.0:5006", "0.0.0.0:5006 from 10.0.0.9 on - optional false is -")]
    fn ports_and_groups_for_rtp(#[case] text: &str, #[case] expected: &str) {
        let RtpListenSettings { addr, sender, interface, optional, stream } = listen_for_rtp(text).unwrap().unwrap();
        let or = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let (sender, interface, stream) = (or(sender.map(|sender| sender.to_string())), or(interface), or(stream));
        assert_eq!(format!("{addr} from {sender} on {interface} optional {optional} is {stream}"), expected);
    }

    #[rstest::rstest]
    #[case("5004")]
    #[case("box:5004")]
    #[case("0.0.0.0:5004%eth0")]
    #[case("239.1.1.1:5004%")]
    #[case("tv.example@239.1.1.1:5004")]
    #[case("::1@239.1.1.1:5004")]
    #[case("0.0.0.0:5004=")]
    fn what_is_no_port_for_rtp(#[case] text: &str) {
        assert!(listen_for_rtp(text).is_err());
    }

    #[test]
    fn descriptions() {
        let read = |text| described(text).map(|sdp| format!("{} {}", sdp.path.display(), sdp.stream));
        assert_eq!(read("/etc/rooftop/garden.sdp").unwrap(), "/etc/rooftop/garden.sdp garden");
        assert_eq!(read(" x.sdp = a=b ").unwrap(), "x.sdp a=b");
        assert!(read("").is_err() && read("x.sdp=").is_err());
    }

    #[test]
    fn passphrases_have_the_length_that_srt_wants() {
        assert!(SrtSettings::passphrase("0123456789").is_ok() && SrtSettings::passphrase(&"x".repeat(79)).is_ok());
        assert!(SrtSettings::passphrase("012345678").is_err() && SrtSettings::passphrase(&"x".repeat(80)).is_err());
    }
}
