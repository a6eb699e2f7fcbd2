//! The virtual devices that are up: each answers at its own address, from the moment it is made until it is taken away.
//!
//! The first device has the main addresses. A further one has an address of its own. With a port of the main listeners it has its IP
//! address on all of their ports: they see whom a client asked. On a port that nobody has it gets a listener, and nothing else: most
//! machines have one address, and the first device is to be found there.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::Request;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tower::ServiceExt;

use super::channels::StoreChannels;
use super::listen::Addresses;
use super::publish::Publisher;
use super::{routes, wire};
use crate::admin::{AdminState, BackendError};
use crate::base::tasks::{self, CancellationToken, Task};
use crate::hdhr::discovery::Devices;
use crate::hdhr::{Hdhr, Ports};
use crate::http::{Access, server};
use crate::model::Device;
use crate::session::Manager;
use crate::store::Store;
use crate::tuner::Pool;

/// What a device is made of.
pub struct Parts {
    /// Where devices are kept.
    pub store: Store,
    /// Their tuners.
    pub pool: Pool,
    /// Their sessions.
    pub manager: Manager,
    /// Who writes their guides.
    pub publisher: Publisher,
    /// Who may ask.
    pub access: Access,
    /// The main addresses.
    pub main: Addresses,
    /// Those who find devices.
    pub devices: Devices,
    /// Ends all listeners.
    pub stop: CancellationToken,
}

/// The devices that are up. A cheap handle.
#[derive(Clone)]
pub struct Rack(Arc<Inner>);

struct Inner {
    parts: Parts,
    /// Further devices; read for every request.
    up: ArcSwap<Vec<Arc<Up>>>,
    /// One change at a time.
    changing: Mutex<Listeners>,
}

/// A further device that answers.
struct Up {
    row: i64,
    listen: SocketAddr,
    /// Whether main listeners answer for it.
    shared: bool,
    hdhr: Hdhr,
    /// What main listeners answer at its address, from the first such request on.
    router: OnceLock<Router>,
}

/// The listeners of devices that have one, by address.
type Listeners = Vec<(SocketAddr, CancellationToken, Task<()>)>;

/// Where a further device will be asked.
enum Place {
    /// At a main listener.
    Shared,
    /// At a listener of its own.
    Own(TcpListener),
}

impl Rack {
    /// An empty rack: [`Rack::refresh`] brings the devices up.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, up: ArcSwap::default(), changing: Mutex::default() }))
    }

    /// The first device.
    pub fn first(&self) -> Option<Hdhr> {
        let first = self.0.parts.store.catalog().devices.first()?.row;
        Some(self.hdhr(first, self.0.parts.main.ports))
    }

    /// The main listeners' router: what was asked of a further device's address is answered by that device, beside the page;
    /// all else by `main`.
    pub fn by_address(&self, admin: AdminState, main: Router) -> Router {
        let rack = self.clone();
        Router::new().fallback(move |request: Request| {
            let local = request.extensions().get::<server::Peer>().map(|peer| peer.local.ip());
            let up = rack.0.up.load();
            let asked = up.iter().find(|one| one.shared && Some(one.listen.ip()) == local);
            let publisher = &rack.0.parts.publisher;
            let of_device =
                |one: &Arc<Up>| one.router.get_or_init(|| routes::main(one.hdhr.clone(), publisher, admin.clone())).clone();
            asked.map_or_else(|| main.clone(), of_device).oneshot(request)
        })
    }

    /// Makes a change to the devices that are kept, and to what is up. `listen` is tried first, so that no device is kept which
    /// cannot be asked.
    ///
    /// # Errors
    /// When there is no listening at `listen`; or those of `write`.
    pub async fn change<T>(
        &self,
        listen: Option<SocketAddr>,
        write: impl Future<Output = Result<T, BackendError>>,
    ) -> Result<T, BackendError> {
        let mut listeners = self.0.changing.lock().await;
        let known = |address: &SocketAddr| self.0.up.load().iter().any(|one| one.listen == *address);
        let place = match listen.filter(|address| !known(address)) {
            Some(address) => Some((address, self.place(address).map_err(|error| refusal(address, &error))?)),
            None => None,
        };
        let done = write.await?;
        self.bring_up(&mut listeners, place);
        Ok(done)
    }

    /// Brings up what is kept, and takes down what is not.
    pub async fn refresh(&self) {
        let mut listeners = self.0.changing.lock().await;
        self.bring_up(&mut listeners, None);
    }

    /// Waits for the listeners of further devices to end, once they were told to stop.
    pub async fn stopped(&self) {
        for (_, _, server) in std::mem::take(&mut *self.0.changing.lock().await) {
            let _ = server.await;
        }
    }

    fn bring_up(&self, listeners: &mut Listeners, mut ready: Option<(SocketAddr, Place)>) {
        let parts = &self.0.parts;
        let catalog = parts.store.catalog();
        let before = self.0.up.load_full();
        let mut now = Vec::new();
        for device in &catalog.devices {
            parts.pool.set_device(device.row, device.tuner_count);
        }
        for device in catalog.devices.iter().skip(1) {
            let Some(listen) = device.listen else { continue };
            if let Some(up) = before.iter().find(|up| (up.row, up.listen) == (device.row, listen)) {
                now.push(up.clone());
                continue;
            }
            let place = ready.take_if(|(address, _)| *address == listen).map(|(_, place)| place);
            match place.map_or_else(|| self.place(listen), Ok) {
                Ok(place) => now.push(Arc::new(self.up(device, listen, place, listeners))),
                Err(error) => tracing::warn!(
                    device.id = %device.id, listen.addr = %listen, %error,
                    "a further device cannot be served; give it a free address"
                ),
            }
        }
        listeners.retain(|(address, stop, server)| {
            let stays = now.iter().any(|up| up.listen == *address);
            if !stays {
                stop.cancel();
            }
            stays && !server.is_finished()
        });
        let first = self.first();
        let all = first.into_iter().chain(now.iter().map(|up| up.hdhr.clone())).collect();
        let found_at = parts.main.found_at(now.iter().map(|up| up.listen.ip()));
        self.0.up.store(Arc::new(now));
        let scope = crate::hdhr::interfaces::Scope { addresses: found_at, ..parts.devices.scope() };
        parts.devices.replace(all, scope);
    }

    fn up(&self, device: &Device, listen: SocketAddr, place: Place, listeners: &mut Listeners) -> Up {
        let parts = &self.0.parts;
        let shares = |port| parts.main.covers(SocketAddr::new(listen.ip(), port));
        let shared = matches!(place, Place::Shared);
        let main = if shared && shares(parts.main.ports.main) { parts.main.ports.main } else { listen.port() };
        let ports = Ports { main, port_80: listen.port() == 80 || shared && shares(80) };
        let hdhr = self.hdhr(device.row, ports);
        if let Place::Own(listener) = place {
            let (stop, router) = (parts.stop.child_token(), routes::device(hdhr.clone(), &parts.publisher));
            let server = server::serve(listener, router, wire::limits(&parts.manager), stop.clone(), wire::grace());
            listeners.push((listen, stop, tasks::spawn("http", server)));
        }
        tracing::info!(device.id = %device.id, listen.addr = %listen, "a further device is up");
        Up { row: device.row, listen, shared, hdhr, router: OnceLock::new() }
    }

    fn place(&self, listen: SocketAddr) -> io::Result<Place> {
        if !self.0.parts.main.covers(listen) {
            return server::bind(listen).map(Place::Own);
        }
        // Whether the machine has this address.
        server::bind(SocketAddr::new(listen.ip(), 0)).map(|_| Place::Shared)
    }

    fn hdhr(&self, device: i64, ports: Ports) -> Hdhr {
        let parts = &self.0.parts;
        let channels = Arc::new(StoreChannels::new(parts.store.clone(), device));
        Hdhr { device, ports, manager: parts.manager.clone(), channels, access: parts.access.clone() }
    }
}

fn refusal(address: SocketAddr, error: &io::Error) -> BackendError {
    BackendError::Conflict(match error.kind() {
        io::ErrorKind::AddrNotAvailable => {
            format!("{} is no address of this machine: give it to a network interface first.", address.ip())
        }
        io::ErrorKind::AddrInUse => format!("{address} is taken by another program: choose another port or address."),
        _ => format!("{address} cannot be listened on: {error}."),
    })
}
