//! Names under `.local` (RFC 6762): `<DeviceID>.local` and `hdhomerun.local`, and the page of each device (`_http._tcp`).
//!
//! Real units answer for the two names. The library publishes addresses as part of services only, so the second name has one of our
//! own that nobody browses for. It shares port 5353 with avahi; where a name is taken, by a real unit perhaps, it takes the next.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use mdns_sd::{IfKind, IfPredicate, ServiceDaemon, ServiceInfo};

use super::discovery::Devices;
use super::roster::Announced;
use crate::base::clock;
use crate::base::tasks::CancellationToken;

const PAGE: &str = "_http._tcp.local.";
const ALIAS: &str = "_rooftop._tcp.local.";
const ALIAS_HOST: &str = "hdhomerun.local.";
/// Goodbyes take no longer.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why there is no mDNS.
#[derive(Debug, thiserror::Error)]
#[error("mDNS could not be started")]
pub struct Failed(#[from] mdns_sd::Error);

/// The names, until stopped.
pub struct Mdns {
    daemon: ServiceDaemon,
    /// The devices they are of.
    devices: Vec<Announced>,
    services: Vec<String>,
}

impl Mdns {
    /// Publishes the names of the devices that exist now.
    ///
    /// # Errors
    /// When port 5353 cannot be shared, or no thread be started.
    pub fn start(devices: &Devices) -> Result<Self, Failed> {
        let daemon = ServiceDaemon::new()?;
        // HTTP is at IPv4 addresses, and clients take the first address they get.
        daemon.disable_interface(IfKind::IPv6)?;
        let scope = devices.scope();
        if !scope.is_everywhere() {
            let outside = move |interface: &if_addrs::Interface| match interface.ip() {
                IpAddr::V4(ip) => !scope.covers(ip, &super::interfaces::addresses()),
                IpAddr::V6(_) => true,
            };
            daemon.disable_interface(IfKind::Predicate(IfPredicate::new(outside)))?;
        }
        let mut this = Self { daemon, devices: Vec::new(), services: Vec::new() };
        this.publish(devices.announced())?;
        Ok(this)
    }

    /// Publishes the names of devices that come, and withdraws those of devices that go, until told to stop; then withdraws all.
    pub async fn serve(mut self, devices: Devices, stop: CancellationToken) {
        let mut changes = devices.changes();
        while let Some(Ok(())) = stop.run_until_cancelled(changes.changed()).await {
            if let Err(error) = self.publish(devices.announced()) {
                tracing::warn!(%error, "mDNS keeps the names of devices as they were");
            }
        }
        self.stop().await;
    }

    fn publish(&mut self, devices: Vec<Announced>) -> Result<(), mdns_sd::Error> {
        if devices == self.devices {
            return Ok(());
        }
        let services = services(&devices)?;
        let names: Vec<String> = services.iter().map(|service| service.get_fullname().to_owned()).collect();
        for gone in self.services.iter().filter(|name| !names.contains(name)) {
            // Its goodbye goes out by itself.
            self.daemon.unregister(gone)?;
        }
        self.services = names;
        self.devices = devices;
        services.into_iter().try_for_each(|service| self.daemon.register(service))
    }

    async fn stop(self) {
        let goodbyes = async {
            for service in &self.services {
                if let Ok(done) = self.daemon.unregister(service) {
                    let _ = done.recv_async().await;
                }
            }
        };
        if clock::timeout(GOODBYE, goodbyes).await.is_err() {
            tracing::debug!("mDNS took too long to say goodbye");
        }
        // The thread ends by itself.
        let _ = self.daemon.shutdown();
    }
}

/// The services whose hosts are the names.
fn services(all: &[Announced]) -> Result<Vec<ServiceInfo>, mdns_sd::Error> {
    let mut services = Vec::new();
    for (index, one) in all.iter().enumerate() {
        let own = one.own_address();
        if own.is_none() && one.device.listen.is_some() {
            continue; // On a port of its own, and not announced.
        }
        let host = format!("{}.local.", one.device.id);
        let instance = instance(&one.device.name, &one.device.id.to_string());
        let port = if one.ports.port_80 { 80 } else { one.ports.main };
        services.push(service(PAGE, &instance, &host, own, port)?);
        if index == 0 {
            services.push(service(ALIAS, &instance, ALIAS_HOST, own, port)?);
        }
    }
    Ok(services)
}

/// At one address, or at whatever addresses the machine has.
fn service(kind: &str, name: &str, host: &str, own: Option<Ipv4Addr>, port: u16) -> Result<ServiceInfo, mdns_sd::Error> {
    let properties = [("path", "/")];
    match own {
        Some(addr) => ServiceInfo::new(kind, name, host, IpAddr::V4(addr), port, &properties[..]),
        None => ServiceInfo::new(kind, name, host, "", port, &properties[..]).map(ServiceInfo::enable_addr_auto),
    }
}

/// A label holds 63 bytes (RFC 1035, 2.3.4); the id keeps devices of one name apart.
fn instance(name: &str, id: &str) -> String {
    let mut label = String::new();
    for letter in name.chars().filter(|letter| !letter.is_control()) {
        if label.len() + letter.len_utf8() + id.len() + 1 > 63 {
            break;
        }
        label.push(letter);
    }
    format!("{} {id}", label.trim()).trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hdhr::roster::tests::device;

    #[test]
    fn names_are_those_of_real_units() {
        let all = [device(1, None), device(2, Some("10.0.0.2:80")), device(3, Some("0.0.0.0:8080"))];
        let services = services(&all).unwrap();
        let hosts: Vec<&str> = services.iter().map(ServiceInfo::get_hostname).collect();
        assert_eq!(hosts, ["1080F19F.local.".to_owned(), ALIAS_HOST.to_owned(), format!("{}.local.", all[1].device.id)]);
        assert!(services[0].is_addr_auto() && !services[2].is_addr_auto());
        assert_eq!(services[0].get_port(), 80);
        assert!(services[2].get_addresses_v4().contains(&Ipv4Addr::new(10, 0, 0, 2)));
    }

    #[test]
    fn instances_fit_a_label() {
        assert_eq!(instance("Rooftop", "1080F19F"), "Rooftop 1080F19F");
        assert_eq!(instance("", "1080F19F"), "1080F19F");
        let long = instance(&"ü".repeat(60), "1080F19F");
        assert!(long.len() <= 63 && long.ends_with("ü 1080F19F"), "{long}");
    }
}
