//! Addresses of SRT: `srt://HOST:PORT?mode=caller&streamid=…&passphrase=…&pbkeylen=16&latency=120`. Pure.
//!
//! Parameters are those of libsrt's `srt-live-transmit`, which media servers document as well: `mode` (`caller`, `client`,
//! `rendezvous`), `streamid`, `passphrase`, `pbkeylen` (16, 24, 32), `latency` or `rcvlatency` in milliseconds, `adapter` (an
//! address of this machine) and `port` (a UDP port of it). VLC writes `key-length` for `pbkeylen`. ffmpeg and OBS write `latency`
//! in microseconds: what is more than ten seconds in milliseconds is taken for theirs. Whatever else stands there is left alone.
//! A stream id may stand there as it is, `#!::` and all: an address of SRT has no fragment.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::base::secret::{SafeUrl, Secret};
use crate::model::input::{LONGEST_LATENCY_MS, LONGEST_STREAM_ID, PASSPHRASE_BYTES};
use crate::source::SourceError;

/// Who begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// We call, the other side listens.
    Caller,
    /// Both call, from the same port, and meet.
    Rendezvous,
}

/// Where a stream is, and how it is asked for. It is shown without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A name, or an address without brackets.
    pub host: String,
    /// UDP port.
    pub port: u16,
    /// Who begins.
    pub mode: Mode,
    /// The address of this machine to call from.
    pub local: Option<IpAddr>,
    /// The port of this machine to call from.
    pub local_port: Option<u16>,
    /// What is asked for. It may hold a password.
    pub stream_id: Option<Secret<String>>,
    /// What the stream is encrypted with.
    pub passphrase: Option<Secret<String>>,
    /// Length of its key, in bytes.
    pub key_bytes: Option<u16>,
    /// Least latency; the other side's holds where it is larger.
    pub latency: Option<Duration>,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`SourceError::BadAddress`], which repeats nothing of it.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let (_, rest) = text.trim().split_once("://").ok_or_else(|| bad("no // after the scheme"))?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = place.split(['/', '#']).next().unwrap_or_default();
        let authority = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
        let (host, port) = authority.rsplit_once(':').ok_or_else(|| bad("no port"))?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(|| bad("bad port"))?;
        let mut address = Self {
            host: valid_host(host)?,
            port,
            mode: Mode::Caller,
            local: None,
            local_port: None,
            stream_id: None,
            passphrase: None,
            key_bytes: None,
            latency: None,
        };
        let mut mode = None;
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(_, value)| !value.is_empty()) {
            let value = percent_decode_str(value).decode_utf8().map_err(|_| bad("a parameter is not UTF-8"))?;
            if name.eq_ignore_ascii_case("mode") {
                mode = Some(of_mode(&value)?);
            } else {
                address.set(&name.to_ascii_lowercase(), &value)?;
            }
        }
        if host.is_empty() {
            return Err(if mode.is_none() { listener() } else { bad("no host") });
        }
        // As srt-live-transmit has it: two places and no mode are a rendezvous.
        address.mode = mode.unwrap_or(if address.local.is_some() { Mode::Rendezvous } else { Mode::Caller });
        if address.mode == Mode::Rendezvous && address.stream_id.is_some() {
            return Err(bad("a rendezvous has no stream id"));
        }
        Ok(address)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), SourceError> {
        match name {
            "streamid" | "srt_streamid" => {
                if value.len() > LONGEST_STREAM_ID || value.contains(char::is_control) {
                    return Err(bad("the stream id is longer than 512 bytes or has control characters"));
                }
                self.stream_id = Some(Secret::new(value.to_owned()));
            }
            "passphrase" => {
                if !PASSPHRASE_BYTES.contains(&value.len()) {
                    return Err(bad("a passphrase has 10 to 79 characters"));
                }
                self.passphrase = Some(Secret::new(value.to_owned()));
            }
            "pbkeylen" | "key-length" => {
                let length = value.parse().ok().filter(|length| [0, 16, 24, 32].contains(length));
                let length = length.ok_or_else(|| bad("pbkeylen is 16, 24 or 32"))?;
                self.key_bytes = Some(length).filter(|length| *length > 0);
            }
            "latency" | "rcvlatency" => {
                let number: u64 = value.parse().map_err(|_| bad("latency is a number of milliseconds"))?;
                let millis = if number > LONGEST_LATENCY_MS { number / 1000 } else { number };
                if millis > LONGEST_LATENCY_MS {
                    return Err(bad("latency is 10 seconds at most"));
                }
                self.latency = Some(Duration::from_millis(millis));
            }
            "adapter" => self.local = Some(ip(value).ok_or_else(|| bad("adapter is not an IP address"))?),
            "port" => {
                let port = value.parse().ok().filter(|port| *port > 0);
                self.local_port = Some(port.ok_or_else(|| bad("port is not a port of this machine"))?);
            }
            "transtype" if value != "live" => return Err(bad("transtype is not live")),
            _ => {}
        }
        Ok(())
    }

    /// What the stream is called, as far as that is no secret.
    fn name(&self) -> Option<&str> {
        let id = self.stream_id.as_ref()?.expose();
        if let Some(pairs) = id.strip_prefix("#!::") {
            return pairs.split(',').find_map(|pair| pair.strip_prefix("r="));
        }
        match id.split_once(':') {
            Some(("read" | "request" | "publish", rest)) => rest.split(':').next(),
            _ => Some(id),
        }
    }
}

/// As it may be shown: `srt://HOST:PORT/NAME`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let name = self.name().map(|name| format!("/{name}")).unwrap_or_default();
        SafeUrl(&format!("srt://{host}:{port}{name}")).fmt(f)
    }
}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.host, self.port, self.mode, self.local, self.local_port, self.key_bytes, self.latency).hash(state);
        for secret in [&self.stream_id, &self.passphrase] {
            secret.as_ref().map(Secret::expose).hash(state);
        }
    }
}

fn bad(reason: &str) -> SourceError {
    SourceError::BadAddress { reason: reason.into() }
}

fn listener() -> SourceError {
    bad("nobody is called there: let the encoder call Rooftop's own SRT port, and give push: and the name of its stream")
}

fn of_mode(value: &str) -> Result<Mode, SourceError> {
    match value.to_ascii_lowercase().as_str() {
        "caller" | "client" => Ok(Mode::Caller),
        "rendezvous" => Ok(Mode::Rendezvous),
        "listener" | "server" => Err(listener()),
        _ => Err(bad("mode is caller or rendezvous")),
    }
}

/// A name or an address, without its brackets.
fn valid_host(host: &str) -> Result<String, SourceError> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or_else(|| bad("bad host"))?;
        // The interface of a link-local address stands behind it.
        let (ip, zone) = inner.split_once('%').unwrap_or((inner, ""));
        let zone = zone.strip_prefix("25").unwrap_or(zone);
        let is_zone = zone.chars().all(|char| char.is_ascii_alphanumeric() || "-_.".contains(char));
        ip.parse::<Ipv6Addr>().ok().filter(|_| is_zone).ok_or_else(|| bad("bad IPv6 address"))?;
        return Ok(if zone.is_empty() { ip.to_owned() } else { format!("{ip}%{zone}") });
    }
    let fits = |char: char| char.is_alphanumeric() || "-._".contains(char);
    if host.len() > 253 || !host.chars().all(fits) {
        return Err(bad("bad host"));
    }
    Ok(host.to_owned())
}

fn ip(text: &str) -> Option<IpAddr> {
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text).parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// `mode host port stream passphrase key latency local`, `-` for nothing.
    fn read(text: &str) -> String {
        let address = match Address::parse(text) {
            Ok(address) => address,
            Err(error) => return error.to_string(),
        };
        let secret = |secret: Option<Secret<String>>| secret.map_or_else(|| "-".into(), |secret| secret.expose().clone());
        let number = |number: Option<u128>| number.map_or_else(|| "-".into(), |number| number.to_string());
        let local = address.local.map_or_else(|| "-".into(), |ip| ip.to_string());
        format!(
            "{:?} {} {} {} {} {} {} {local}:{}",
            address.mode,
            address.host,
            address.port,
            secret(address.stream_id),
            secret(address.passphrase),
            number(address.key_bytes.map(u128::from)),
            number(address.latency.map(|latency| latency.as_millis())),
            number(address.local_port.map(u128::from)),
        )
    }

    #[rstest]
    #[case::bare("srt://cam.lan:9000", "Caller cam.lan 9000 - - - - -:-")]
    #[case::transmit(
        "srt://10.0.0.9:9000?mode=caller&streamid=studio&passphrase=a_good_passphrase&pbkeylen=24&latency=200",
        "Caller 10.0.0.9 9000 studio a_good_passphrase 24 200 -:-"
    )]
    #[case::ffmpeg("SRT://h:1?latency=120000&mode=client", "Caller h 1 - - - 120 -:-")]
    #[case::vlc("srt://h:1/?passphrase=0123456789&key-length=32", "Caller h 1 - 0123456789 32 - -:-")]
    #[case::no_key("srt://h:1?pbkeylen=0&streamid=", "Caller h 1 - - - - -:-")]
    #[case::access_control(
        "srt://h:1?streamid=#!::r=live/a,m=request,u=me,s=pw&latency=80",
        "Caller h 1 #!::r=live/a,m=request,u=me,s=pw - - 80 -:-"
    )]
    #[case::encoded("srt://h:1?streamid=%23!::r=K%C3%BCche%26co", "Caller h 1 #!::r=Küche&co - - - -:-")]
    #[case::of_others("srt://h:1?streamid=live/x?token=a=b&tlpktdrop=1&x", "Caller h 1 live/x?token=a=b - - - -:-")]
    #[case::rendezvous("srt://h:7?mode=rendezvous&port=8", "Rendezvous h 7 - - - - -:8")]
    #[case::two_places("srt://h:7?adapter=10.0.0.2", "Rendezvous h 7 - - - - 10.0.0.2:-")]
    #[case::called_from("srt://h:7?adapter=[fd00::1]&mode=caller", "Caller h 7 - - - - fd00::1:-")]
    #[case::v6("srt://[2001:db8::1]:9000", "Caller 2001:db8::1 9000 - - - - -:-")]
    #[case::link_local("srt://[fe80::1%25eth0]:9000", "Caller fe80::1%eth0 9000 - - - - -:-")]
    fn addresses(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(read(text), expected);
    }

    #[rstest]
    #[case("srt:h:1", "no // after the scheme")]
    #[case("srt://h", "no port")]
    #[case("srt://h:0", "bad port")]
    #[case("srt://h:geheim77", "bad port")]
    #[case("srt://a b:1", "bad host")]
    #[case("srt://[fe80::x]:1", "bad IPv6 address")]
    #[case("srt://h:1?mode=geheim77", "mode is caller or rendezvous")]
    #[case("srt://h:1?passphrase=geheim77", "a passphrase has 10 to 79 characters")]
    #[case("srt://h:1?pbkeylen=17", "pbkeylen is 16, 24 or 32")]
    #[case("srt://h:1?latency=fast", "latency is a number of milliseconds")]
    #[case("srt://h:1?latency=10001000", "latency is 10 seconds at most")]
    #[case("srt://h:1?adapter=eth0", "adapter is not an IP address")]
    #[case("srt://h:1?port=0", "port is not a port of this machine")]
    #[case("srt://h:1?transtype=file", "transtype is not live")]
    #[case("srt://h:1?mode=rendezvous&streamid=a", "a rendezvous has no stream id")]
    #[case("srt://h:1?streamid=a%0Ab", "the stream id is longer than 512 bytes or has control characters")]
    #[case("srt://h:1?streamid=%FF", "a parameter is not UTF-8")]
    #[case("srt://:1?mode=caller", "no host")]
    fn refused(#[case] text: &str, #[case] reason: &str) {
        assert_eq!(read(text), format!("bad address: {reason}"));
    }

    #[rstest]
    #[case("srt://:9000")]
    #[case("srt://:9000?mode=listener")]
    #[case("srt://0.0.0.0:9000?mode=server")]
    fn whoever_listens_is_told_how_to_push(#[case] text: &str) {
        assert!(read(text).contains("give push:"), "{}", read(text));
    }

    #[rstest]
    #[case("srt://cam.lan:9000?passphrase=geheim77geheim77", "srt://cam.lan:9000")]
    #[case("srt://h:1?streamid=#!::u=geheim77,r=live/a,s=geheim77", "srt://h:1/live/a")]
    #[case("srt://h:1?streamid=#!::u=geheim77,s=geheim77", "srt://h:1")]
    #[case("srt://h:1?streamid=read:studio:geheim77:geheim77", "srt://h:1/studio")]
    #[case("srt://geheim77@[fd00::1]:1?streamid=studio", "srt://[fd00::1]:1/studio")]
    #[case("srt://h:1?streamid=a8f5f167f44f4964e6c998dee827110c", "srt://h:1/***")]
    fn shown_without_its_secrets(#[case] text: &str, #[case] expected: &str) {
        let address = Address::parse(text).unwrap();
        assert_eq!(address.to_string(), expected);
        assert!(!format!("{address:?}").contains("geheim77"));
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(text in "(srt://)?[0-9a-z.:@\\[\\]%-]{0,20}(\\?((mode|streamid|passphrase|pbkeylen|latency|adapter|port)=[^&]{0,12}&?){0,4})?") {
            if let Ok(address) = Address::parse(&text) {
                prop_assert!(address.port > 0 && !address.host.is_empty());
            }
        }

        #[test]
        fn a_passphrase_is_never_shown(before in "[a-z0-9%#?/:=]{0,9}", after in "[a-z0-9%#?/:=]{0,9}") {
            let text = format!("srt://h:1?streamid=read:a:b:{before}geheim77{after}&passphrase={before}geheim77{after}");
            let said = match Address::parse(&text) {
                Ok(address) => format!("{address} {address:?}"),
                Err(error) => error.to_string(),
            };
            prop_assert!(!said.contains("geheim77"), "{said}");
        }
    }
}
