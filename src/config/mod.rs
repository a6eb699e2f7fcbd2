//! L7: process settings: the file, the environment and the flags, resolved into each module's own settings.
//!
//! A flag goes before the environment, that before the file, that before the default. Every value knows where it comes from.
//! What people change while it runs is not here but in the store.

pub mod env;
pub mod error;
pub mod file;
mod inputs;
pub mod key;
pub mod manual;
pub mod place;
pub mod resolve;
mod sessions;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

pub use error::{ConfigError, Origin};
pub use resolve::{Flag, Resolved, Shown, resolve};

use crate::base::telemetry::Format;
use crate::hdhr::discovery::DiscoverySettings;
use crate::model::device::DeviceSettings;

/// An address to serve HTTP on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// The address.
    pub addr: SocketAddr,
    /// Whether to do without it where it cannot be had: written as a trailing `?`.
    pub optional: bool,
}

/// All process settings.
#[derive(Clone)]
pub struct Config {
    /// Addresses to serve HTTP on; the first one is the stream port. Never empty.
    pub listen: Vec<Listen>,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// What to log: valid for [`crate::base::telemetry::filter`].
    pub log: String,
    /// How log lines look.
    pub log_format: Format,
    /// Playlists to serve, URLs or files. They may hold credentials.
    pub playlists: Vec<String>,
    /// Connections that their accounts allow, in the same order, as far as they are said.
    pub playlist_connections: Vec<u32>,
    /// Networks whose clients may use the tuner.
    pub allow: Vec<IpNet>,
    /// Names, besides those that are always ours, under which it may be asked.
    pub hosts: Vec<String>,
    /// What is said about the first device; the rest is the store's.
    pub device: DeviceSettings,
    /// How devices are found.
    pub discovery: DiscoverySettings,
    /// Of the media worker.
    pub worker: crate::media::worker::Settings,
    /// Of sessions.
    pub session: crate::session::Settings,
    /// Of the prober.
    pub prober: crate::prober::Settings,
    /// Of the pool of tuners.
    pub tuner: crate::tuner::Settings,
    /// Of sources.
    pub source: crate::source::Settings,
    /// Of inputs.
    pub ingest: crate::ingest::Settings,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses of playlists hold credentials.
        f.debug_struct("Config").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod example;
#[cfg(test)]
mod seed;
#[cfg(test)]
mod tests;
