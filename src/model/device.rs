//! Virtual devices: the HDHomeRuns that clients see.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::DeviceId;

/// A virtual HDHomeRun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Row in the store; the first device has the lowest.
    pub row: i64,
    /// Its HDHomeRun id, made once and kept.
    pub id: DeviceId,
    /// 24 URL-safe characters that some clients want non-empty (`DeviceAuth`).
    pub auth: String,
    /// UPnP unique device name, an RFC 4122 UUID without `uuid:`.
    pub udn: String,
    /// Name shown to people.
    pub name: String,
    /// Tuners.
    pub tuner_count: u8,
    /// Address of its own for HTTP. `None`: the first device, on the main addresses. An address whose IP is its own
    /// and not unspecified lets it be discovered too; otherwise it is HTTP-only.
    pub listen: Option<SocketAddr>,
}

/// What the settings say about the first device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceSettings {
    /// The id it is to have, for instance that of a tuner whose place it takes.
    pub id: Option<DeviceId>,
    /// How many tuners.
    pub tuners: Option<u8>,
}
