//! What the page and the API ask of the rest, answered by the store.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::ports::StorePorts;
use super::rack::Rack;
use crate::admin::{Backend, BackendError, DevicePatch, NewDevice};
use crate::model::person::Role;
use crate::model::{Device, DeviceId, ProviderId, SourceId, Verdict, ViewingEvent};
use crate::prober::{NotProbed, Prober};
use crate::store::{self, Catalog, Spool, Store, StoreError};
use crate::tuner::Pool;

/// The store and the pool of tuners, for the admin side.
pub struct StoreBackend {
    /// The database.
    pub store: Store,
    /// The tuners.
    pub pool: Pool,
    /// The devices that are up.
    pub rack: Rack,
    /// Who looks at sources.
    pub prober: Prober,
    /// How sources have behaved.
    pub ports: Arc<StorePorts>,
    /// What viewers went through.
    pub spool: Spool,
}

impl Backend for StoreBackend {
    fn catalog(&self) -> Arc<Catalog> {
        self.store.catalog()
    }

    fn token_role(&self, token: &str) -> BoxFuture<'static, Option<(String, Role)>> {
        let (store, token) = (self.store.clone(), token.to_owned());
        async move { store.token_role(&token).await }.boxed()
    }

    fn store_answers(&self) -> BoxFuture<'static, bool> {
        let store = self.store.clone();
        async move {
            let answer = store.answers().await;
            answer.inspect_err(|error| tracing::warn!(%error, "the database does not answer")).is_ok()
        }
        .boxed()
    }

    fn verdict(&self, source: SourceId) -> Option<Arc<Verdict>> {
        self.store.verdict(source)
    }

    fn probe(&self, source: SourceId) -> BoxFuture<'static, Result<Verdict, BackendError>> {
        let prober = self.prober.clone();
        async move {
            prober.probe_now(source).await.map_err(|error| match error {
                NotProbed::Unknown => BackendError::NotFound,
                reason => BackendError::Conflict(format!("Not now: {reason}.")),
            })
        }
        .boxed()
    }

    fn clear_health(&self, source: Option<SourceId>) -> BoxFuture<'static, Result<(), BackendError>> {
        let ports = self.ports.clone();
        async move {
            let known = ports.clear_health(source).await.map_err(refusal)?;
            tracing::info!(source.id = source.map(|source| source.0), known, "health of sources forgotten");
            if known { Ok(()) } else { Err(BackendError::NotFound) }
        }
        .boxed()
    }

    fn set_connections(&self, provider: ProviderId, most: u32) -> BoxFuture<'static, Result<(), BackendError>> {
        let (store, pool) = (self.store.clone(), self.pool.clone());
        async move {
            let known = store.set_connections(provider, most).await.map_err(refusal)?;
            if !known {
                return Err(BackendError::NotFound);
            }
            pool.set_provider(provider, most);
            tracing::info!(provider.id = provider.0, provider.connections = most, "connections of a provider changed");
            Ok(())
        }
        .boxed()
    }

    fn viewing_events(&self, most: usize) -> BoxFuture<'static, Result<Vec<ViewingEvent>, BackendError>> {
        let spool = self.spool.clone();
        async move { spool.newest(most).await.map_err(refusal) }.boxed()
    }

    fn viewing_totals(&self) -> (u64, u64) {
        self.spool.totals()
    }

    fn add_device(&self, new: NewDevice) -> BoxFuture<'static, Result<Device, BackendError>> {
        let (store, rack) = (self.store.clone(), self.rack.clone());
        async move {
            let NewDevice { name, tuner_count, id, listen } = new;
            let new = store::NewDevice { id, name, tuner_count, listen: Some(listen) };
            let device = rack.change(Some(listen), async { store.add_device(new).await.map_err(refusal) }).await?;
            tracing::info!(device.id = %device.id, device.tuners = device.tuner_count, "device added");
            Ok(device)
        }
        .boxed()
    }

    fn change_device(&self, id: DeviceId, patch: DevicePatch) -> BoxFuture<'static, Result<Device, BackendError>> {
        let (store, rack) = (self.store.clone(), self.rack.clone());
        async move {
            let mut device = find(&store, id)?;
            device.name = patch.name.unwrap_or(device.name);
            device.tuner_count = patch.tuner_count.unwrap_or(device.tuner_count);
            device.listen = patch.listen.or(device.listen);
            let changed = device.clone();
            rack.change(patch.listen, async { store.update_device(changed).await.map_err(refusal) }).await?;
            tracing::info!(device.id = %device.id, device.tuners = device.tuner_count, "device changed");
            Ok(device)
        }
        .boxed()
    }

    fn remove_device(&self, id: DeviceId) -> BoxFuture<'static, Result<(), BackendError>> {
        let (store, pool, rack) = (self.store.clone(), self.pool.clone(), self.rack.clone());
        async move {
            let device = find(&store, id)?;
            rack.change(None, async { store.remove_device(device.row).await.map_err(refusal) }).await?;
            pool.set_device(device.row, 0);
            tracing::info!(device.id = %device.id, "device removed");
            Ok(())
        }
        .boxed()
    }
}

fn find(store: &Store, id: DeviceId) -> Result<Device, BackendError> {
    store.catalog().devices.iter().find(|device| device.id == id).cloned().ok_or(BackendError::NotFound)
}

/// What a person is told; what is nobody's doing goes to the log instead.
fn refusal(error: StoreError) -> BackendError {
    match error {
        StoreError::NoSuchDevice => BackendError::NotFound,
        StoreError::DeviceTaken(_) | StoreError::ListenTaken(_) | StoreError::FirstDevice => {
            BackendError::Conflict(format!("{error}."))
        }
        error => {
            tracing::error!(%error, "what the API was asked for could not be stored or read");
            BackendError::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::super::guides::Guides;
    use super::super::listen;
    use super::super::publish::Publisher;
    use super::super::rack::Parts;
    use super::*;
    use crate::base::tasks::CancellationToken;
    use crate::hdhr::discovery::Devices;
    use crate::http::Access;
    use crate::session::Manager;

    /// Whose main listener is at 127.0.0.1, as far as it knows.
    async fn backend(dir: &std::path::Path) -> StoreBackend {
        let store = Store::open(dir).unwrap();
        let pool = Pool::new(Default::default());
        let opener = Arc::new(crate::source::Opener::new(Default::default()).unwrap());
        let ports = super::super::ports::StorePorts::new(store.clone(), std::time::Duration::from_secs(20));
        let parts = Parts {
            store: store.clone(),
            pool: pool.clone(),
            manager: Manager::new(Default::default(), pool.clone(), opener.clone(), ports.clone()),
            publisher: Publisher::new(&store, &Guides::new(&store, &Default::default()), dir),
            access: Access::default(),
            main: listen::bind([("127.0.0.1:0".parse().unwrap(), false)]).unwrap().addresses(),
            devices: Devices::new(Vec::new(), Default::default()),
            stop: CancellationToken::new(),
        };
        let rack = Rack::new(parts);
        rack.refresh().await;
        let prober = Prober::new(Default::default(), store.clone(), pool.clone(), opener, ports.clone());
        StoreBackend { store, pool, rack, prober, ports, spool: Spool::start(dir).unwrap() }
    }

    fn free_port(ip: &str) -> SocketAddr {
        std::net::TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap()
    }

    fn second(listen: SocketAddr) -> NewDevice {
        NewDevice { name: "Second".into(), tuner_count: 3, id: None, listen }
    }

    #[tokio::test]
    async fn devices_are_kept_and_have_their_tuners() {
        let dir = tempfile::tempdir().unwrap();
        let backend = backend(dir.path()).await;
        assert!(backend.store_answers().await);
        let listen = free_port("127.0.0.2");
        let device = backend.add_device(second(listen)).await.unwrap();
        assert_eq!(backend.pool.slots(device.row).len(), 3);
        assert!(std::net::TcpStream::connect(listen).is_ok(), "it answers at once");
        assert!(matches!(backend.add_device(second(listen)).await, Err(BackendError::Conflict(_))), "its address is taken");
        let patch = DevicePatch { tuner_count: Some(1), name: Some("Attic".into()), listen: None };
        let changed = backend.change_device(device.id, patch).await.unwrap();
        assert_eq!((changed.name.as_str(), changed.listen), ("Attic", device.listen));
        assert_eq!(backend.catalog().devices.last(), Some(&changed));
        assert_eq!(backend.pool.slots(device.row).len(), 1);
        assert_eq!(backend.remove_device(device.id).await, Ok(()));
        assert_eq!(backend.remove_device(device.id).await, Err(BackendError::NotFound));
        assert!(backend.pool.slots(device.row).is_empty());
        let first = backend.catalog().devices[0].id;
        assert!(matches!(backend.remove_device(first).await, Err(BackendError::Conflict(_))), "the first one stays");
    }

    #[tokio::test]
    async fn a_device_that_could_not_be_asked_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let backend = backend(dir.path()).await;
        let holder = std::net::TcpListener::bind("127.0.0.3:0").unwrap();
        let taken = holder.local_addr().unwrap();
        for (listen, word) in [(taken, "taken by another program"), ("192.0.2.1:80".parse().unwrap(), "no address of this")] {
            let Err(BackendError::Conflict(text)) = backend.add_device(second(listen)).await else { panic!("{listen}") };
            assert!(text.contains(word), "{text}");
        }
        assert_eq!(backend.catalog().devices.len(), 1);
    }

    #[tokio::test]
    async fn tokens_are_checked() {
        let dir = tempfile::tempdir().unwrap();
        let backend = backend(dir.path()).await;
        let token = backend.store.create_token("test").await.unwrap();
        assert!(backend.token_role(token.expose()).await.is_some());
        assert!(backend.token_role("other").await.is_none());
    }
}
