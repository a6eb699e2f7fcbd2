//! The channels, as the HDHomeRun side sees and marks them.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::hdhr::{Channels, Mark};
use crate::model::GuideNumber;
use crate::store::{Catalog, Store};

/// The store's channels.
pub struct StoreChannels(pub Store);

impl Channels for StoreChannels {
    fn catalog(&self) -> Arc<Catalog> {
        self.0.catalog()
    }

    fn mark(&self, number: GuideNumber, mark: Mark) -> BoxFuture<'static, bool> {
        let store = self.0.clone();
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
