//! What can be watched by SRT: channels by their numbers, as clients of the first device; and streams that are pushed to us, by
//! their names.

use std::net::IpAddr;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};

use crate::ingest::Registry;
use crate::ingest::watch::{Outgoing, Unwatchable, Watch};
use crate::model::GuideNumber;
use crate::session::{Client, Manager, Tune, TuneError};
use crate::source::Chunk;
use crate::source::pushed::Pushed;
use crate::store::Store;
use crate::tuner::TunerChoice;

/// Everything there is.
#[derive(Clone)]
pub struct Channels {
    manager: Manager,
    store: Store,
    registry: Registry,
}

impl std::fmt::Debug for Channels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Channels")
    }
}

impl Channels {
    /// Of these.
    pub fn new(manager: &Manager, store: &Store, registry: &Registry) -> Self {
        Self { manager: manager.clone(), store: store.clone(), registry: registry.clone() }
    }

    /// The row of the first device, and the number, if a channel is named.
    fn channel(&self, name: &str) -> Option<(i64, GuideNumber)> {
        // As it is written, and in no other way: rules hold for names.
        let number: GuideNumber = name.parse().ok().filter(|number: &GuideNumber| number.to_string() == name)?;
        let device = self.store.catalog().devices.first()?.row;
        self.manager.knows(device, &number).then_some((device, number))
    }
}

impl Watch for Channels {
    fn knows(&self, name: &str) -> bool {
        self.channel(name).is_some() || self.registry.open(name).is_ok()
    }

    fn watch(&self, name: String, from: IpAddr) -> BoxFuture<'static, Result<Outgoing, Unwatchable>> {
        let all = self.clone();
        async move {
            if let Some((device, number)) = all.channel(&name) {
                let client = Client { addr: from, agent: "SRT".to_owned() };
                let tune = Tune { device, tuner: TunerChoice::Any, number, client };
                return match all.manager.tune(tune).await {
                    Ok(subscription) => Ok(subscription.boxed()),
                    Err(error) => Err(refused(&error)),
                };
            }
            let opened = all.registry.open(&name).map_err(|_| Unwatchable::NotFound)?;
            let bytes = opened.bytes.filter_map(async |chunk| match chunk {
                Ok(Chunk::Bytes(bytes)) => Some(bytes),
                Ok(Chunk::Discontinuity { .. }) | Err(_) => None,
            });
            Ok(bytes.boxed())
        }
        .boxed()
    }
}

/// What a failed tune is for somebody who wants to watch. Pure.
fn refused(error: &TuneError) -> Unwatchable {
    match error {
        TuneError::UnknownChannel(_) => Unwatchable::NotFound,
        TuneError::NoSuchTuner
        | TuneError::TunerInUse
        | TuneError::AllTunersInUse
        | TuneError::ProviderBusy
        | TuneError::MaxSubscribers => Unwatchable::Busy(error.to_string()),
        TuneError::NoSources
        | TuneError::TuneFailed(_)
        | TuneError::NoVideoData
        | TuneError::Backoff(_)
        | TuneError::ShuttingDown => Unwatchable::Down(error.to_string()),
    }
}
