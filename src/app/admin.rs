//! What the page and the API ask of the rest, answered by the store.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::admin::{Backend, BackendError, DevicePatch, NewDevice};
use crate::model::{Device, DeviceId};
use crate::store::{self, Catalog, Store, StoreError};
use crate::tuner::Pool;

/// The store and the pool of tuners, for the admin side.
pub struct StoreBackend {
    /// The database.
    pub store: Store,
    /// The tuners.
    pub pool: Pool,
}

impl Backend for StoreBackend {
    fn catalog(&self) -> Arc<Catalog> {
        self.store.catalog()
    }

    fn accepts_token(&self, token: &str) -> BoxFuture<'static, bool> {
        let (store, token) = (self.store.clone(), token.to_owned());
        async move { store.accepts_token(&token).await }.boxed()
    }

    fn store_answers(&self) -> BoxFuture<'static, bool> {
        let store = self.store.clone();
        async move {
            let answer = store.answers().await;
            answer.inspect_err(|error| tracing::warn!(%error, "the database does not answer")).is_ok()
        }
        .boxed()
    }

    fn add_device(&self, new: NewDevice) -> BoxFuture<'static, Result<Device, BackendError>> {
        let (store, pool) = (self.store.clone(), self.pool.clone());
        async move {
            let NewDevice { name, tuner_count, id, listen } = new;
            let device =
                store.add_device(store::NewDevice { id, name, tuner_count, listen: Some(listen) }).await.map_err(refusal)?;
            pool.set_device(device.row, device.tuner_count);
            tracing::info!(device.id = %device.id, device.tuners = device.tuner_count, "device added");
            Ok(device)
        }
        .boxed()
    }

    fn change_device(&self, id: DeviceId, patch: DevicePatch) -> BoxFuture<'static, Result<Device, BackendError>> {
        let (store, pool) = (self.store.clone(), self.pool.clone());
        async move {
            let mut device = find(&store, id)?;
            device.name = patch.name.unwrap_or(device.name);
            device.tuner_count = patch.tuner_count.unwrap_or(device.tuner_count);
            device.listen = patch.listen.or(device.listen);
            store.update_device(device.clone()).await.map_err(refusal)?;
            pool.set_device(device.row, device.tuner_count);
            tracing::info!(device.id = %device.id, device.tuners = device.tuner_count, "device changed");
            Ok(device)
        }
        .boxed()
    }

    fn remove_device(&self, id: DeviceId) -> BoxFuture<'static, Result<(), BackendError>> {
        let (store, pool) = (self.store.clone(), self.pool.clone());
        async move {
            let device = find(&store, id)?;
            store.remove_device(device.row).await.map_err(refusal)?;
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
            tracing::error!(%error, "a change to a device could not be stored");
            BackendError::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn backend(dir: &std::path::Path) -> StoreBackend {
        StoreBackend { store: Store::open(dir).unwrap(), pool: Pool::new(Default::default()) }
    }

    fn second() -> NewDevice {
        NewDevice { name: "Second".into(), tuner_count: 3, id: None, listen: "10.0.0.3:80".parse().unwrap() }
    }

    #[tokio::test]
    async fn devices_are_kept_and_have_their_tuners() {
        let dir = tempfile::tempdir().unwrap();
        let backend = backend(dir.path()).await;
        assert!(backend.store_answers().await);
        let device = backend.add_device(second()).await.unwrap();
        assert_eq!(backend.pool.slots(device.row).len(), 3);
        assert!(matches!(backend.add_device(second()).await, Err(BackendError::Conflict(_))), "its address is taken");
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
    async fn tokens_are_checked() {
        let dir = tempfile::tempdir().unwrap();
        let backend = backend(dir.path()).await;
        let token = backend.store.create_token("test").await.unwrap();
        assert!(backend.accepts_token(token.expose()).await);
        assert!(!backend.accepts_token("other").await);
    }
}
