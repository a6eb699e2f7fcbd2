//! The virtual devices on their addresses: HTTP first, then discovery; down in reverse (rule R1).

use std::sync::Arc;

use anyhow::Context;
use arc_swap::ArcSwap;
use tokio::net::TcpListener;

use super::admin::StoreBackend;
use super::listen::{Addresses, Bound};
use super::ports::StorePorts;
use super::publish::Publisher;
use super::rack::{Parts, Rack};
use super::{routes, wire};
use crate::admin::{AdminState, Feeds, Process, Service, Situation};
use crate::base::metrics::Metrics;
use crate::base::tasks::{self, CancellationToken, Task};
use crate::config::Config;
use crate::hdhr::discovery::{Devices, Discovery, State};
use crate::hdhr::target::outlet::SharedPort;
use crate::http::{Access, server};
use crate::ingest::Registry;
use crate::media::worker::WorkerClient;
use crate::prober::Prober;
use crate::session::Manager;
use crate::store::{Spool, Store};
use crate::tuner::Pool;

/// What the devices work with.
#[derive(Clone)]
pub struct House {
    /// Where everything is kept.
    pub store: Store,
    /// What viewers went through.
    pub spool: Spool,
    /// The tuners.
    pub pool: Pool,
    /// How sources have behaved.
    pub ports: Arc<StorePorts>,
    /// Who looks at sources.
    pub prober: Prober,
    /// The sessions.
    pub manager: Manager,
    /// Playlists, guides, channels.
    pub feeds: Feeds,
    /// Who writes the guide.
    pub publisher: Publisher,
    /// What the process knows of itself.
    pub process: Process,
    /// What a person should know of the start.
    pub notes: Vec<String>,
    /// What is pushed to us.
    pub inputs: Registry,
    /// Where streams to UDP targets leave.
    pub shared_port: SharedPort,
}

/// What is running.
pub struct Running {
    servers: Vec<Task<()>>,
    rack: Rack,
    discovery: Discovery,
}

impl Running {
    /// Starts every device of the catalog: HTTP, and then the ways of being found.
    pub async fn start(
        config: &Config,
        house: &House,
        access: &Access,
        bound: Bound,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let House { store, spool, pool, ports, prober, manager, feeds, publisher, process, notes, inputs, shared_port } =
            house.clone();
        let main = bound.addresses();
        let state = Arc::new(ArcSwap::from_pointee(Situation { notes, ..situation(&bound, &main) }));
        let devices = Devices::new(Vec::new(), config.discovery.scope.clone());
        let sessions = manager.clone();
        let rack = Rack::new(Parts {
            store: store.clone(),
            pool: manager.pool().clone(),
            manager: manager.clone(),
            publisher: publisher.clone(),
            access: access.clone(),
            main,
            devices: devices.clone(),
            stop: stop.clone(),
        });
        rack.refresh().await;
        let metrics = Metrics::new();
        metrics.read(prober.clone());
        let backend = Arc::new(StoreBackend { store, pool, rack: rack.clone(), prober, ports, spool });
        let admin = AdminState::new(backend, manager, access.clone(), state.clone(), metrics, feeds.clone())
            .with_process(process)
            .with_player(WorkerClient::new(config.worker.clone()))
            .with_inputs(inputs);
        let first = rack.first().context("the database has no device")?;
        let router = rack.by_address(admin.clone(), routes::main(first, &publisher, admin));
        let limits = wire::limits(&sessions);
        let serve = |listener: TcpListener| {
            let serving = server::serve(listener, router.clone(), limits.clone(), stop.clone(), wire::grace());
            tasks::spawn("http", serving)
        };
        let servers = bound.listeners.into_iter().map(serve).collect();
        let discovery = Discovery::start(&config.discovery, &devices, &shared_port).await;
        let report = discovery.report();
        let mut found = Situation::clone(&state.load());
        (found.discovery, found.ssdp, found.mdns) = (service(&report.udp), service(&report.ssdp), service(&report.mdns));
        state.store(Arc::new(found));
        Ok(Self { servers, rack, discovery })
    }

    /// Discovery goes silent, and then everything on port 65001. What is left serves until it is told to stop.
    pub async fn stop_discovery(self) -> Servers {
        self.discovery.stop().await;
        Servers(self.servers, self.rack)
    }
}

/// The HTTP servers.
pub struct Servers(Vec<Task<()>>, Rack);

impl Servers {
    /// Waits for the servers to end.
    pub async fn stopped(self) {
        for server in self.0 {
            let _ = server.await;
        }
        self.1.stopped().await;
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
fn situation(bound: &Bound, main: &Addresses) -> Situation {
    let refused = bound.refused.iter().find(|(addr, _)| addr.port() == 80);
    Situation {
        main_port: main.ports.main,
        addresses: main.found_at([]),
        http: Service::On,
        port_80: match refused {
            _ if main.ports.port_80 => Service::On,
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
