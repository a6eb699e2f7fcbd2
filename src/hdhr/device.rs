//! Identity: what the device says of itself, and under which address. Pure.

use std::net::{IpAddr, Ipv4Addr};

use serde::Serialize;

use super::xml::escape;
use crate::model::Device;

/// Model. Not an HDTC: clients would offer its transcoding profiles.
pub const MODEL: &str = "HDHR4-2US";
/// Firmware, which is also `/sys/model`. Clients tell antenna from cable by it.
pub const FIRMWARE_NAME: &str = "hdhomerun4_atsc";
/// Firmware version; clients read its leading digits as a number.
pub const FIRMWARE_VERSION: &str = "20250815";

/// Where a device's HTTP side can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// The main port, which streams have in their addresses. 5004 unless configured.
    pub main: u16,
    /// Whether port 80 of the same address is ours too: clients that ignore `BaseURL` look there and nowhere else.
    pub port_80: bool,
}

/// `BaseURL` for clients that reach us at `local`: the same over UDP and HTTP.
///
/// Never longer than 28 bytes, the room libhdhomerun has for it: `http://255.255.255.255:65535`.
pub fn base_url(local: Ipv4Addr, ports: Ports) -> String {
    format!("http://{local}:{}", if ports.port_80 { 80 } else { ports.main })
}

/// `LineupURL` for clients that reach us at `local`.
pub fn lineup_url(local: Ipv4Addr, ports: Ports) -> String {
    format!("{}/lineup.json", base_url(local, ports))
}

/// What the addresses in a document begin with. No trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Urls {
    /// Documents.
    pub(super) base: String,
    /// Streams.
    pub(super) streams: String,
}

impl Urls {
    /// For clients that reach us at `local`. An IPv6 address only where the machine has no other: clients want IPv4 literals.
    pub(super) fn new(local: IpAddr, ports: Ports) -> Self {
        match local.to_canonical() {
            IpAddr::V4(local) => Self { base: base_url(local, ports), streams: format!("http://{local}:{}", ports.main) },
            IpAddr::V6(local) => {
                let streams = format!("http://[{local}]:{}", ports.main);
                Self { base: if ports.port_80 { format!("http://[{local}]:80") } else { streams.clone() }, streams }
            }
        }
    }
}

/// `discover.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Discover<'a> {
    friendly_name: &'a str,
    model_number: &'static str,
    firmware_name: &'static str,
    firmware_version: &'static str,
    #[serde(rename = "DeviceID")]
    device_id: String,
    device_auth: &'a str,
    #[serde(rename = "BaseURL")]
    base_url: String,
    #[serde(rename = "LineupURL")]
    lineup_url: String,
    tuner_count: u8,
}

impl<'a> Discover<'a> {
    pub(super) fn new(device: &'a Device, urls: &Urls) -> Self {
        Self {
            friendly_name: &device.name,
            model_number: MODEL,
            firmware_name: FIRMWARE_NAME,
            firmware_version: FIRMWARE_VERSION,
            device_id: device.id.to_string(),
            device_auth: &device.auth,
            base_url: urls.base.clone(),
            lineup_url: format!("{}/lineup.json", urls.base),
            tuner_count: device.tuner_count,
        }
    }
}

/// `device.xml`: UPnP Device Architecture 1.0, 2.1, and MediaServer:1.
///
/// Both services are without events, so `eventSubURL` is empty as the architecture allows.
pub(super) fn device_xml(device: &Device, urls: &Urls) -> String {
    let (base, name, id, udn) = (&urls.base, escape(&device.name), device.id, escape(&device.udn));
    let service = |kind: &str, path: &str| {
        format!(
            "<service><serviceType>urn:schemas-upnp-org:service:{kind}:1</serviceType>\
             <serviceId>urn:upnp-org:serviceId:{kind}</serviceId><SCPDURL>/upnp/{path}.xml</SCPDURL>\
             <controlURL>/upnp/control/{path}</controlURL><eventSubURL></eventSubURL></service>"
        )
    };
    let (directory, manager) =
        (service("ContentDirectory", "content_directory"), service("ConnectionManager", "connection_manager"));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <root xmlns=\"urn:schemas-upnp-org:device-1-0\"><specVersion><major>1</major><minor>0</minor></specVersion>\
         <URLBase>{base}</URLBase><device><deviceType>urn:schemas-upnp-org:device:MediaServer:1</deviceType>\
         <friendlyName>{name}</friendlyName><manufacturer>Silicondust</manufacturer>\
         <modelDescription>{MODEL}</modelDescription>\
         <modelName>{MODEL}</modelName><modelNumber>{MODEL}</modelNumber><serialNumber>{id}</serialNumber>\
         <UDN>uuid:{udn}</UDN><serviceList>{directory}{manager}</serviceList>\
         <presentationURL>{base}/</presentationURL></device></root>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn port_80_is_preferred() {
        let local = Ipv4Addr::new(10, 77, 0, 1);
        assert_eq!(base_url(local, Ports { main: 5004, port_80: true }), "http://10.77.0.1:80");
        assert_eq!(base_url(local, Ports { main: 5004, port_80: false }), "http://10.77.0.1:5004");
        let urls = Urls::new("fd00::1".parse().unwrap(), Ports { main: 5004, port_80: true });
        assert_eq!((urls.base.as_str(), urls.streams.as_str()), ("http://[fd00::1]:80", "http://[fd00::1]:5004"));
    }

    proptest! {
        #[test]
        fn base_url_fits_libhdhomerun(local: Ipv4Addr, main: u16, port_80: bool) {
            let ports = Ports { main, port_80 };
            prop_assert!(base_url(local, ports).len() <= 28);
            prop_assert!(lineup_url(local, ports).len() <= 127);
            prop_assert_eq!(Urls::new(local.into(), ports).base, base_url(local, ports));
        }
    }
}
