//! The channels, as the HDHomeRun side sees and marks them.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::hdhr::{Channels, Mark};
use crate::model::GuideNumber;
use crate::store::{Catalog, Store};

/// The store's channels, as one device has them.
pub struct StoreChannels {
    store: Store,
    device: i64,
    /// What was made of the catalog for a device that does not have all channels.
    own: Mutex<(Weak<Catalog>, Arc<Catalog>)>,
}

impl StoreChannels {
    /// The channels of the device with this row.
    pub fn new(store: Store, device: i64) -> Self {
        Self { store, device, own: Mutex::default() }
    }
}

impl Channels for StoreChannels {
    fn catalog(&self) -> Arc<Catalog> {
        let all = self.store.catalog();
        if !all.device_channels.contains_key(&self.device) {
            return all;
        }
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Arc::downgrade(&all);
        if !own.0.ptr_eq(&now) {
            let channels: Vec<_> = all.channels.iter().filter(|channel| all.has(self.device, channel.id)).cloned().collect();
            let by_number = channels.iter().enumerate().map(|(index, channel)| (channel.number.clone(), index)).collect();
            // Of sources the side that asks here knows nothing.
            let catalog = Catalog { channels, by_number, devices: all.devices.clone(), ..Catalog::default() };
            *own = (now, Arc::new(catalog));
        }
        own.1.clone()
    }

    fn mark(&self, number: GuideNumber, mark: Mark) -> BoxFuture<'static, bool> {
        let store = self.store.clone();
        async move {
            let done = match mark {
                Mark::Favorite => store.set_favorite(&number, true).await,
                Mark::Plain => store.set_favorite(&number, false).await,
                Mark::Hidden => store.set_channel_enabled(&number, false).await,
            };
            done.unwrap_or_else(|error| {
                tracing::warn!(channel.number = %number, %error, "a client's mark on a channel could not be kept");
                false
            })
        }
        .boxed()
    }
}
