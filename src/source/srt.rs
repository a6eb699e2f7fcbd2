//! Streams that are fetched by SRT: `srt:` and where they are. Who can call there is known by [`Call`].

pub mod address;

use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use self::address::{Address, Mode};
use super::{Opened, SourceError};

/// The scheme of their addresses.
pub const SCHEME: &str = "srt";

/// Who can call.
pub trait Call: std::fmt::Debug + Send + Sync {
    /// Calls, and gives the stream when the other side has agreed. Dropping the stream hangs up.
    ///
    /// Fails with [`SourceError::Refused`] when the other side says no, [`SourceError::Connect`] when it says nothing, and
    /// [`SourceError::Resting`] when it was called in vain too often to be called again now.
    fn call(&self, address: Address) -> BoxFuture<'_, Result<Opened, SourceError>>;
}

/// A handle on whoever calls.
pub type Calling = Arc<dyn Call>;
