//! Streams that leave by the ports through which others come in. What there is to watch is not known here: see [`Watch`].

use std::net::IpAddr;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::BoxFuture;

/// Runs of whole transport packets, until it ends.
pub type Outgoing = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// Why there is nothing to watch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwatchable {
    /// Neither a channel has this number nor a stream this name.
    #[error("there is no channel of this number, and nobody sends a stream of this name")]
    NotFound,
    /// Everything that could serve it is busy.
    #[error("{0}")]
    Busy(String),
    /// It does not come.
    #[error("{0}")]
    Down(String),
}

/// Who has something to watch.
pub trait Watch: std::fmt::Debug + Send + Sync {
    /// Whether there is something of this name at all. Never waits.
    fn knows(&self, name: &str) -> bool;

    /// The stream of this name, for somebody at this address, once its first bytes are there.
    fn watch(&self, name: String, from: IpAddr) -> BoxFuture<'static, Result<Outgoing, Unwatchable>>;
}
