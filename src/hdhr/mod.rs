//! L6: the HDHomeRun that clients see: documents, streams and UPnP over HTTP here; discovery and control beside it.
//!
//! One [`Hdhr`] is one virtual device. What it shows comes from the catalog, what it streams from [`crate::session`]; it opens no
//! source, writes no database and knows no settings file. The contract with clients is restated where it is kept; its sources
//! are libhdhomerun, SiliconDust's "HTTP API" and "Discovery API" documents, and what clients were seen to do.

mod connection_manager;
mod content_directory;
pub mod control_tcp;
pub mod device;
pub mod discover_udp;
pub mod discovery;
mod errors;
mod http;
mod http_stream;
pub mod interfaces;
mod lineup;
pub mod mdns;
pub mod pktinfo;
pub mod roster;
mod soap;
pub mod ssdp;
mod status;
pub mod target;
pub mod tlv;
pub mod vars;
mod xml;

use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use device::{Ports, base_url};
pub use http::router;

use crate::http::Access;
use crate::model::{Device, GuideNumber};
use crate::session::Manager;
use crate::store::Catalog;

/// What a client may do to a channel (`lineup.post?favorite=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// `+`: make it a favourite.
    Favorite,
    /// `-`: an ordinary channel again.
    Plain,
    /// `x`: take it out of the lineup.
    Hidden,
}

/// The channels, as `app` provides them.
pub trait Channels: Send + Sync + 'static {
    /// Everything that is served, from memory.
    fn catalog(&self) -> Arc<Catalog>;

    /// Marks the channel of a number, also one that is hidden; `false` when there is none or it could not be done.
    fn mark(&self, number: GuideNumber, mark: Mark) -> BoxFuture<'static, bool>;
}

/// One virtual device and what it needs. A cheap handle.
#[derive(Clone)]
pub struct Hdhr {
    /// Its row in the store.
    pub device: i64,
    /// Where its HTTP side can be reached.
    pub ports: Ports,
    /// Owner of the sessions.
    pub manager: Manager,
    /// The channels.
    pub channels: Arc<dyn Channels>,
    /// Who may ask, under which name.
    pub access: Access,
}

impl Hdhr {
    /// The device as the catalog has it now; `None` once it was removed.
    pub fn device(&self) -> Option<Device> {
        self.channels.catalog().devices.iter().find(|device| device.row == self.device).cloned()
    }
}

#[cfg(test)]
mod tests;
