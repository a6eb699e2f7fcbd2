//! The virtual devices on their addresses: HTTP first, then discovery; down in reverse (rule R1).

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use tokio::net::TcpListener;

use super::admin::StoreBackend;
use super::channels::StoreChannels;
use super::listen::Bound;
use super::{routes, wire};
use crate::admin::{AdminState, Service, Situation};
use crate::base::metrics::Metrics;
use crate::base::tasks::{self, CancellationToken, Task};
use crate::config::Config;
use crate::hdhr::discovery::{Discovery, State};
use crate::hdhr::{Hdhr, Ports};
use crate::http::{Access, server};
use crate::session::Manager;
use crate::store::Store;
use crate::tuner::Pool;

/// What is running.
pub struct Devices {
    servers: Vec<Task<()>>,
    discovery: Discovery,
}

impl Devices {
    /// Starts every device of the catalog: HTTP, and then the ways of being found.
    pub async fn start(
        config: &Config,
        store: &Store,
        pool: &Pool,
        manager: &Manager,
        access: &Access,
        bound: Bound,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let channels = Arc::new(StoreChannels(store.clone()));
        let main = Ports { main: bound.main_port(), port_80: bound.has_port_80() };
        let hdhr = |row, ports| Hdhr {
            device: row,
            ports,
            manager: manager.clone(),
            channels: channels.clone(),
            access: access.clone(),
        };
        let serve = |listener: TcpListener, router: Router| {
            tasks::spawn("http", server::serve(listener, router, wire::limits(), stop.clone(), wire::grace()))
        };
        let state = Arc::new(ArcSwap::from_pointee(situation(&bound)));
        let (mut servers, mut shown) = (Vec::new(), Vec::new());
        let mut settings = config.discovery.clone();
        settings.scope.addresses = bound.found_at();
        let mut main_listeners = bound.listeners;
        let catalog = store.catalog();
        for (index, device) in catalog.devices.iter().enumerate() {
            pool.set_device(device.row, device.tuner_count);
            if index == 0 {
                let first = hdhr(device.row, main);
                let backend = Arc::new(StoreBackend { store: store.clone(), pool: pool.clone() });
                let admin = AdminState::new(backend, manager.clone(), access.clone(), state.clone(), Metrics::new());
                let router = routes::main(first.clone(), admin);
                servers.extend(main_listeners.drain(..).map(|listener| serve(listener, router.clone())));
                shown.push(first);
            } else if let Some(address) = device.listen {
                match server::bind(address) {
                    Ok(listener) => {
                        let own = hdhr(device.row, Ports { main: address.port(), port_80: address.port() == 80 });
                        servers.push(serve(listener, routes::device(own.clone())));
                        shown.push(own);
                        if !settings.scope.addresses.is_empty() {
                            settings.scope.addresses.push(address.ip());
                        }
                    }
                    Err(error) => tracing::warn!(
                        device.id = %device.id, listen.addr = %address, %error,
                        "a further device cannot be served; give it a free address"
                    ),
                }
            }
        }
        let discovery = Discovery::start(&settings, shown).await;
        let report = discovery.report();
        let mut found = Situation::clone(&state.load());
        (found.discovery, found.ssdp, found.mdns) = (service(&report.udp), service(&report.ssdp), service(&report.mdns));
        state.store(Arc::new(found));
        Ok(Self { servers, discovery })
    }

    /// Discovery goes silent, and then everything on port 65001. What is left serves until it is told to stop.
    pub async fn stop_discovery(self) -> Servers {
        self.discovery.stop().await;
        Servers(self.servers)
    }
}

/// The HTTP servers.
pub struct Servers(Vec<Task<()>>);

impl Servers {
    /// Waits for the servers to end.
    pub async fn stopped(self) {
        for server in self.0 {
            let _ = server.await;
        }
    }
}

fn service(state: &State) -> Service {
    match state {
        State::On => Service::On,
        State::Off => Service::Off,
        State::Unavailable(reason) => Service::Unavailable(reason.clone()),
    }
}

/// How things stand once HTTP serves and before anything else is started.
fn situation(bound: &Bound) -> Situation {
    let refused = bound.refused.iter().find(|(addr, _)| addr.port() == 80);
    Situation {
        main_port: bound.main_port(),
        http: Service::On,
        port_80: match refused {
            _ if bound.has_port_80() => Service::On,
            Some((_, reason)) => {
                // The number says nothing to people.
                Service::Unavailable(reason.split(" (os error").next().unwrap_or(reason).to_lowercase())
            }
            None => Service::Off,
        },
        discovery: Service::Starting,
        ssdp: Service::Starting,
        mdns: Service::Starting,
        notes: Vec::new(),
    }
}
