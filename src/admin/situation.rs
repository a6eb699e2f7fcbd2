//! How the process stands in its network: which ports it has, which ways to be found are open. `app` keeps it true.

use std::net::IpAddr;

use serde::Serialize;

/// Something that is offered to the network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
pub enum Service {
    /// Not yet.
    #[default]
    Starting,
    /// It answers.
    On,
    /// A person does not want it.
    Off,
    /// It cannot be had, and why, in words.
    Unavailable(String),
}

impl Service {
    /// Whether it is settled: on, or not to be had.
    pub fn is_settled(&self) -> bool {
        *self != Self::Starting
    }
}

/// How things stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Situation {
    /// The port of streams, the page and the API.
    pub main_port: u16,
    /// The addresses it is reached at; empty: all of the machine's.
    pub addresses: Vec<IpAddr>,
    /// HTTP on the main port.
    pub http: Service,
    /// HTTP on port 80, where clients look that ignore ports.
    pub port_80: Service,
    /// Discovery and control on port 65001. Why it cannot be had is a whole sentence, here and below.
    pub discovery: Service,
    /// UPnP.
    pub ssdp: Service,
    /// `ID.local`.
    pub mdns: Service,
    /// Anything else a person should know, as whole sentences without credentials.
    pub notes: Vec<String>,
}

impl Situation {
    /// Whether everything that was to be started has been.
    pub fn is_settled(&self) -> bool {
        [&self.http, &self.port_80, &self.discovery, &self.ssdp, &self.mdns].into_iter().all(Service::is_settled)
    }
}
