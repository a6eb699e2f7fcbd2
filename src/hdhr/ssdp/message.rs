//! The words of SSDP (UPnP Device Architecture 1.0, chapter 1). Pure.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::super::device::base_url;
use super::super::roster::Announced;

/// Seconds for which an announcement counts; repeated before half of it is over.
pub const MAX_AGE: Duration = Duration::from_secs(1800);

const MEDIA_SERVER: &str = "urn:schemas-upnp-org:device:MediaServer:1";
const CONTENT_DIRECTORY: &str = "urn:schemas-upnp-org:service:ContentDirectory:1";
const CONNECTION_MANAGER: &str = "urn:schemas-upnp-org:service:ConnectionManager:1";

/// A search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search<'a> {
    /// What is searched (`ST`).
    pub target: &'a str,
    /// Answers are to be spread over this time (`MX`).
    pub spread: Duration,
}

impl<'a> Search<'a> {
    /// Reads a search. Names of fields may be in any case, lines may end in LF, and HTTP/1.0 is tolerated.
    pub fn of(datagram: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(datagram).ok()?;
        let mut lines = text.lines();
        let mut request = lines.next()?.split_ascii_whitespace();
        let well_formed = request.next()? == "M-SEARCH" && request.next()? == "*" && request.next()?.starts_with("HTTP/1.");
        if !well_formed {
            return None;
        }
        let (mut discover, mut target, mut spread) = (false, None, Duration::ZERO);
        for (name, value) in lines.take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(':')) {
            let (name, value) = (name.trim(), value.trim());
            if name.eq_ignore_ascii_case("MAN") {
                discover = value.trim_matches('"').eq_ignore_ascii_case("ssdp:discover");
            } else if name.eq_ignore_ascii_case("ST") {
                target = Some(value).filter(|target| !target.is_empty());
            } else if name.eq_ignore_ascii_case("MX") {
                // Without one, or with nonsense, the answer comes at once.
                spread = Duration::from_secs(value.parse().unwrap_or(0).min(120));
            }
        }
        target.filter(|_| discover).map(|target| Self { target, spread })
    }
}

/// What a device is known as: `NT` or `ST`, and `USN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    target: String,
    unique: String,
}

/// All names of a device.
pub fn names(udn: &str) -> Vec<Name> {
    let uuid = format!("uuid:{udn}");
    let of_type = |target: &str| Name { target: target.to_owned(), unique: format!("{uuid}::{target}") };
    vec![
        of_type("upnp:rootdevice"),
        Name { target: uuid.clone(), unique: uuid.clone() },
        of_type(MEDIA_SERVER),
        of_type(CONTENT_DIRECTORY),
        of_type(CONNECTION_MANAGER),
    ]
}

/// The names that a search finds.
pub fn found(search: &Search<'_>, udn: &str) -> Vec<Name> {
    let mut names = names(udn);
    names.retain(|name| search.target == "ssdp:all" || name.target == search.target);
    names
}

fn location(one: &Announced, local: Ipv4Addr) -> String {
    format!("{}/device.xml", base_url(local, one.ports))
}

/// Product tokens (1.1.2): operating system, UPnP, product.
fn server() -> String {
    let system = rustix::system::uname();
    let release = system.release().to_string_lossy();
    format!("{}/{release} UPnP/1.0 Rooftop/{}", system.sysname().to_string_lossy(), env!("CARGO_PKG_VERSION"))
}

/// The answer to a search (1.2.3), from a device reached at `local`.
pub fn answer(one: &Announced, local: Ipv4Addr, name: &Name) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age={}\r\nEXT:\r\nLOCATION: {}\r\nSERVER: {}\r\nST: {}\r\nUSN: {}\r\n\
         CONTENT-LENGTH: 0\r\n\r\n",
        MAX_AGE.as_secs(),
        location(one, local),
        server(),
        name.target,
        name.unique,
    )
}

/// The announcement that a device is there (1.1.2).
pub fn alive(one: &Announced, local: Ipv4Addr, name: &Name) -> String {
    format!(
        "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age={}\r\nLOCATION: {}\r\nNT: {}\r\n\
         NTS: ssdp:alive\r\nSERVER: {}\r\nUSN: {}\r\n\r\n",
        MAX_AGE.as_secs(),
        location(one, local),
        name.target,
        server(),
        name.unique,
    )
}

/// The announcement that a device goes (1.1.3).
pub fn byebye(name: &Name) -> String {
    format!(
        "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNT: {}\r\nNTS: ssdp:byebye\r\nUSN: {}\r\n\r\n",
        name.target, name.unique,
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hdhr::roster::tests::device;

    const VLC: &str = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 5\r\n\
                       ST: urn:schemas-upnp-org:device:MediaServer:1\r\nUSER-AGENT: Linux UPnP/1.0\r\n\r\n";

    #[test]
    fn searches_are_read() {
        assert_eq!(Search::of(VLC.as_bytes()), Some(Search { target: MEDIA_SERVER, spread: Duration::from_secs(5) }));
        let odd = "M-SEARCH * HTTP/1.0\nhost:239.255.255.250:1900\nman:ssdp:discover\nst:ssdp:all\n";
        assert_eq!(Search::of(odd.as_bytes()), Some(Search { target: "ssdp:all", spread: Duration::ZERO }));
    }

    #[rstest::rstest]
    #[case("")]
    #[case("M-SEARCH")]
    #[case("M-SEARCH * HTTP/1.1\r\n\r\n")]
    #[case("M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\n\r\n")]
    #[case("M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\nST:\r\n\r\n")]
    #[case("M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n\r\n")]
    #[case("M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\n\r\nST: ssdp:all\r\n\r\n")]
    #[case("NOTIFY * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\nST: ssdp:all\r\n\r\n")]
    #[case("HTTP/1.1 200 OK\r\nST: ssdp:all\r\n\r\n")]
    fn what_is_no_search_is_ignored(#[case] text: &str) {
        assert_eq!(Search::of(text.as_bytes()), None);
    }

    #[rstest::rstest]
    #[case("ssdp:all", 5)]
    #[case("upnp:rootdevice", 1)]
    #[case("uuid:7d8e2f60-0000-4000-8000-000000000001", 1)]
    #[case(MEDIA_SERVER, 1)]
    #[case("urn:schemas-upnp-org:service:ContentDirectory:1", 1)]
    #[case("urn:ses-com:device:SatIPServer:1", 0)]
    #[case("uuid:7d8e2f60", 0)]
    fn searches_find_what_they_name(#[case] target: &str, #[case] count: usize) {
        let search = Search { target, spread: Duration::ZERO };
        assert_eq!(found(&search, "7d8e2f60-0000-4000-8000-000000000001").len(), count);
    }

    #[test]
    fn messages_have_their_fields() {
        let (one, local) = (device(1, None), Ipv4Addr::new(10, 77, 0, 1));
        let name = &names(&one.device.udn)[2];
        let text = answer(&one, local, name);
        let server = server();
        assert_eq!(
            text,
            format!(
                "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: http://10.77.0.1:80/device.xml\r\n\
                 SERVER: {server}\r\nST: {MEDIA_SERVER}\r\nUSN: uuid:7d8e2f60-0000-4000-8000-000000000001::{MEDIA_SERVER}\r\n\
                 CONTENT-LENGTH: 0\r\n\r\n"
            )
        );
        assert!(server.split(' ').count() >= 3 && server.contains(" UPnP/1.0 Rooftop/"), "{server}");
        assert!(alive(&one, local, name).contains("\r\nNTS: ssdp:alive\r\n"));
        let bye = byebye(&names(&one.device.udn)[1]);
        assert!(bye.contains("\r\nNT: uuid:7d8e2f60-0000-4000-8000-000000000001\r\nNTS: ssdp:byebye\r\nUSN: uuid:7d8e2f60"));
    }

    proptest! {
        #[test]
        fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..1500), text: String) {
            let _ = Search::of(&noise);
            let _ = Search::of(format!("M-SEARCH * HTTP/1.1\r\n{text}").as_bytes());
        }
    }
}
