//! Settings of inputs.

use std::ops::RangeInclusive;

use super::Listen;
use super::error::ConfigError;
use super::resolve::{self, MILLISECOND, SECOND, Values, networks};
use crate::ingest::Settings;
use crate::ingest::settings::{ListenSettings, MemorySettings, SrtSettings};
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
    let (text, stream) = text.split_once('=').map_or((text, None), |(text, stream)| (text, Some(stream.trim().to_owned())));
    let Listen { addr, optional } = resolve::listen(text.trim()).map_err(|_| {
        "give an IP address and a port, such as 0.0.0.0:30000, with ? behind it if it may be missing, or =NAME for a port that is one \
         stream's; or off"
    })?;
    if stream.as_ref().is_some_and(|stream| stream.is_empty() || stream.len() > 512 || stream.contains(char::is_control)) {
        return Err("the name of a stream has from 1 to 512 bytes");
    }
    Ok(Some(ListenSettings { addr, optional, stream }))
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

    #[test]
    fn passphrases_have_the_length_that_srt_wants() {
        assert!(SrtSettings::passphrase("0123456789").is_ok() && SrtSettings::passphrase(&"x".repeat(79)).is_ok());
        assert!(SrtSettings::passphrase("012345678").is_err() && SrtSettings::passphrase(&"x".repeat(80)).is_err());
    }
}
