//! Being found: discovery and control on port 65001, SSDP, mDNS, and the order in which they come and go.
//!
//! Rule R1 of the HDHomeRun contract: whoever finds a device by UDP 65001 goes on to its TCP 65001 and its port 80, and some clients
//! crash or give up if those are not there. So HTTP comes up first, then control, then UDP, then the rest; all goes down in the
//! opposite order.

mod devices;
mod settings;

use std::sync::Arc;

pub use devices::Devices;

use super::interfaces::Scope;
use super::mdns::Mdns;
use super::target::outlet::{self, Outlet, SharedPort};
use super::{control_tcp, discover_udp, ssdp};
use crate::base::chain::Chain;
use crate::base::tasks::{self, CancellationToken, Task};

/// Whether port 65001 is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Udp {
    /// Never.
    Off,
    /// While port 80 is ours too, where Jellyfin and Home Assistant look for what they have found.
    #[default]
    Auto,
    /// Also without port 80.
    Insist,
}

/// How devices are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoverySettings {
    /// Discovery and control on port 65001.
    pub udp: Udp,
    /// UPnP.
    pub ssdp: bool,
    /// Names under `.local`.
    pub mdns: bool,
    /// On which interfaces and addresses.
    pub scope: Scope,
}

impl Default for DiscoverySettings {
    fn default() -> Self {
        Self { udp: Udp::Auto, ssdp: true, mdns: true, scope: Scope::default() }
    }
}

/// Whether something runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum State {
    /// It does.
    On,
    /// It was not asked for.
    #[default]
    Off,
    /// It cannot; a sentence for people says why, and what to do.
    Unavailable(String),
}

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Discovery and control on port 65001.
    pub udp: State,
    /// Streams to UDP targets, with keepalives on port 5004.
    pub targets: State,
    /// UPnP.
    pub ssdp: State,
    /// Names under `.local`.
    pub mdns: State,
}

/// Everything that announces devices, until it is stopped.
pub struct Discovery {
    discover: Option<Running>,
    control: Option<Running>,
    ssdp: Option<Running>,
    mdns: Option<Running>,
    report: Report,
}

impl Discovery {
    /// Starts what the settings ask for. HTTP must be up. What cannot be had is reported, never an error: the tuner itself works.
    pub async fn start(settings: &DiscoverySettings, devices: &Devices, shared: &SharedPort) -> Self {
        let mut this = Self { discover: None, control: None, ssdp: None, mdns: None, report: Report::default() };
        this.start_65001(settings.udp, devices, shared).await;
        this.start_names(settings, devices);
        let report = &this.report;
        for (what, state) in
            [("65001", &report.udp), ("targets", &report.targets), ("ssdp", &report.ssdp), ("mdns", &report.mdns)]
        {
            match state {
                State::On => tracing::info!(discovery.service = what, "devices are announced"),
                State::Off => tracing::debug!(discovery.service = what, "not announced: switched off"),
                State::Unavailable(reason) => tracing::warn!(discovery.service = what, "{reason}"),
            }
        }
        this
    }

    async fn start_65001(&mut self, wanted: Udp, devices: &Devices, shared: &SharedPort) {
        let port_80 = devices.has_port_80();
        match wanted {
            Udp::Off => return,
            Udp::Auto if !port_80 => {
                self.report.udp = State::Unavailable(
                    "HDHomeRun discovery (port 65001) stays off, because port 80 is not ours and clients would look there: free \
                     port 80, or insist with udp! in the setting “discovery”, or give clients its address."
                        .into(),
                );
                return;
            }
            Udp::Auto | Udp::Insist => {}
        }
        // Both ports are taken before either answers.
        let port = discover_udp::PORT;
        let (listener, socket) = match (control_tcp::bind(port).await, discover_udp::bind(port)) {
            (Ok(listener), Ok(socket)) => (listener, socket),
            (Err(error), _) | (_, Err(error)) => {
                self.report.udp = State::Unavailable(format!(
                    "HDHomeRun discovery stays off: port {port} cannot be used ({error}). Is another tuner emulation running?"
                ));
                return;
            }
        };
        let outlet = match self.outlet(shared) {
            Ok(outlet) => Arc::new(outlet),
            Err(error) => {
                self.report.udp = State::Unavailable(format!("HDHomeRun discovery stays off: no UDP socket ({error})."));
                return;
            }
        };
        let control = control_tcp::Control::new(devices.clone(), outlet);
        self.control = Some(Running::new("control", control_tcp::serve(listener, control)));
        self.discover = Some(Running::new("discovery", discover_udp::serve(socket, devices.clone())));
        self.report.udp = State::On;
    }

    /// The port of streams and keepalives, or else one for streams alone.
    fn outlet(&mut self, shared: &SharedPort) -> std::io::Result<Outlet> {
        let port = outlet::PORT;
        let bound = Outlet::beside(shared);
        self.report.targets = match &bound {
            Ok(_) => State::On,
            Err(error) => State::Unavailable(format!(
                "UDP port {port} cannot be used ({error}): streams to UDP targets end soon after their client disconnects."
            )),
        };
        bound.or_else(|_| Outlet::bind(0))
    }

    fn start_names(&mut self, settings: &DiscoverySettings, devices: &Devices) {
        if settings.ssdp {
            self.report.ssdp = match ssdp::bind(devices.clone()) {
                Ok(service) => {
                    self.ssdp = Some(Running::until("ssdp", |stop| ssdp::serve(service, stop)));
                    State::On
                }
                Err(error) => State::Unavailable(format!("UPnP stays off: port 1900 cannot be shared ({error}).")),
            };
        }
        if settings.mdns {
            self.report.mdns = match Mdns::start(devices) {
                Ok(mdns) => {
                    let devices = devices.clone();
                    self.mdns = Some(Running::until("mdns", |stop| mdns.serve(devices, stop)));
                    State::On
                }
                Err(error) => State::Unavailable(format!("Names under .local stay off: {}.", Chain(&error))),
            };
        }
    }

    /// What runs.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Stops: UDP is silent first, then control. HTTP may go down afterwards.
    pub async fn stop(mut self) {
        end(self.discover.take()).await;
        end(self.ssdp.take()).await;
        end(self.mdns.take()).await;
        end(self.control.take()).await;
    }
}

/// A service that can be stopped and waited for.
struct Running {
    token: CancellationToken,
    task: Task<()>,
}

impl Running {
    /// A service that may be stopped anywhere.
    fn new(name: &'static str, service: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::until(name, |stop| async move {
            stop.run_until_cancelled_owned(service).await;
        })
    }

    /// A service that has something to do when it is stopped.
    fn until<F: Future<Output = ()> + Send + 'static>(name: &'static str, service: impl FnOnce(CancellationToken) -> F) -> Self {
        let token = CancellationToken::new();
        let task = tasks::spawn(name, service(token.clone()));
        Self { token, task }
    }
}

/// Ends a service and waits until its sockets are closed.
async fn end(service: Option<Running>) {
    if let Some(service) = service {
        service.token.cancel();
        let _ = service.task.await;
    }
}

#[cfg(test)]
mod tests;
