//! What the admin side asks of the rest: the catalog, and changes to it.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::model::person::Role;
use crate::model::{Device, DeviceId, ProviderId, SourceId, Verdict, ViewingEvent};
use crate::store::Catalog;

/// A virtual device to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDevice {
    /// Name for people.
    pub name: String,
    /// Tuners, 1 to 32.
    pub tuner_count: u8,
    /// Its id; a new one if absent.
    pub id: Option<DeviceId>,
    /// Address of its own.
    pub listen: SocketAddr,
}

/// What is to be different about a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DevicePatch {
    /// Name for people.
    pub name: Option<String>,
    /// Tuners, 1 to 32.
    pub tuner_count: Option<u8>,
    /// Address of its own.
    pub listen: Option<SocketAddr>,
}

/// Why a change was not made. The text is for the person who asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// There is no such object.
    #[error("there is none with this id")]
    NotFound,
    /// It is at odds with something that exists.
    #[error("{0}")]
    Conflict(String),
    /// It could not be written; the log says why.
    #[error("the change could not be stored")]
    Failed,
}

/// The rest of the program, as the admin side sees it. `app` implements it.
pub trait Backend: Send + Sync + 'static {
    /// Everything that is served, from memory.
    fn catalog(&self) -> Arc<Catalog>;

    /// What a token of the API is called and may do, if it is still valid.
    fn token_role(&self, token: &str) -> BoxFuture<'static, Option<(String, Role)>>;

    /// Whether the database answers.
    fn store_answers(&self) -> BoxFuture<'static, bool>;

    /// What the last probe of a source found out, from memory.
    fn verdict(&self, source: SourceId) -> Option<Arc<Verdict>>;

    /// Looks at a source now. A conflict where what it takes is not to spare.
    fn probe(&self, source: SourceId) -> BoxFuture<'static, Result<Verdict, BackendError>>;

    /// Forgets how a source has behaved, or all of them.
    fn clear_health(&self, source: Option<SourceId>) -> BoxFuture<'static, Result<(), BackendError>>;

    /// Says how many connections an account allows at a time.
    fn set_connections(&self, provider: ProviderId, most: u32) -> BoxFuture<'static, Result<(), BackendError>>;

    /// The newest events of viewers, the newest first.
    fn viewing_events(&self, most: usize) -> BoxFuture<'static, Result<Vec<ViewingEvent>, BackendError>>;

    /// What was counted of them: written, and lost.
    fn viewing_totals(&self) -> (u64, u64);

    /// Makes a virtual device and brings it up.
    fn add_device(&self, device: NewDevice) -> BoxFuture<'static, Result<Device, BackendError>>;

    /// Changes a virtual device, and what runs of it.
    fn change_device(&self, id: DeviceId, patch: DevicePatch) -> BoxFuture<'static, Result<Device, BackendError>>;

    /// Takes a virtual device away. The first one stays.
    fn remove_device(&self, id: DeviceId) -> BoxFuture<'static, Result<(), BackendError>>;
}
