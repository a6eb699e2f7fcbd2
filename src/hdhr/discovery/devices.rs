//! The devices to be found, as they are now.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::hdhr::Hdhr;
use crate::hdhr::interfaces::Scope;
use crate::hdhr::roster::Announced;

/// The devices to be found. A cheap handle; all clones show the same.
#[derive(Clone)]
pub struct Devices(Arc<Inner>);

struct Inner {
    now: ArcSwap<(Vec<Hdhr>, Scope)>,
    changed: watch::Sender<()>,
}

impl Devices {
    /// These devices, the first one first, at these addresses.
    pub fn new(all: Vec<Hdhr>, scope: Scope) -> Self {
        Self(Arc::new(Inner { now: ArcSwap::from_pointee((all, scope)), changed: watch::Sender::new(()) }))
    }

    /// Shows these from now on.
    pub fn replace(&self, all: Vec<Hdhr>, scope: Scope) {
        self.0.now.store(Arc::new((all, scope)));
        self.0.changed.send_replace(());
    }

    /// Tells when they change.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    /// The handle of the device of this row.
    pub fn of_row(&self, row: i64) -> Option<Hdhr> {
        self.0.now.load().0.iter().find(|hdhr| hdhr.device == row).cloned()
    }

    /// Whether the first device has port 80.
    pub fn has_port_80(&self) -> bool {
        self.0.now.load().0.first().is_some_and(|hdhr| hdhr.ports.port_80)
    }

    /// Where they are announced.
    pub fn scope(&self) -> Scope {
        self.0.now.load().1.clone()
    }

    /// Those that exist now, as they are now.
    pub fn announced(&self) -> Vec<Announced> {
        let announced = |hdhr: &Hdhr| hdhr.device().map(|device| Announced { device, ports: hdhr.ports });
        self.0.now.load().0.iter().filter_map(announced).collect()
    }

    /// Whether a client of this address may find them.
    pub fn allows_client(&self, addr: IpAddr) -> bool {
        self.0.now.load().0.iter().any(|hdhr| hdhr.access.allows_client(addr))
    }
}
