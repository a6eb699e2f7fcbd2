//! The guide as it is given out: an XMLTV document of every device's channels, written to disk when something in it has changed, and
//! served from there; and the playlist that goes with it.
//!
//! Clients fetch it whole, some of them often, and it may be large: it is never made for a request, and never held in memory.

mod serve;
mod write;

pub use serve::router;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::guides::Guides;
use crate::base::chain::Chain;
use crate::base::clock;
use crate::base::tasks;
use crate::guide::now::Sources;
use crate::model::Channel;
use crate::store::{Catalog, Store, StoreError};

/// How often it is looked whether something has changed.
const LOOK: Duration = Duration::from_secs(2);
/// After a failure it is tried again so much later.
const AGAIN: Duration = Duration::from_secs(300);
/// The window moves on by this much at a time: programmes that were not in it come in, and placeholders do.
const MOVE_S: i64 = 3 * 3600;

/// Who writes the documents. A cheap handle.
#[derive(Clone)]
pub struct Publisher {
    store: Store,
    guides: Guides,
    folder: Arc<PathBuf>,
}

impl Publisher {
    /// Writes below `data_dir`.
    pub fn new(store: &Store, guides: &Guides, data_dir: &Path) -> Self {
        Self { store: store.clone(), guides: guides.clone(), folder: Arc::new(data_dir.join("export")) }
    }

    /// Where the document of a device lies, plain or packed.
    fn path(&self, device: i64, packed: bool) -> PathBuf {
        self.folder.join(format!("xmltv-{device}.xml{}", if packed { ".gz" } else { "" }))
    }

    /// Writes documents when something in them has changed, for as long as the program runs.
    pub async fn while_serving(self) {
        let mut written: HashMap<i64, u64> = HashMap::new();
        loop {
            match self.look(&mut written).await {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "the guide could not be written; the last one is served");
                    // A full disk is not better in two seconds, and cards wear out.
                    clock::sleep(AGAIN).await;
                }
            }
            tokio::select! {
                () = clock::sleep(LOOK) => {}
                () = self.guides.news() => {}
            }
        }
    }

    async fn look(&self, written: &mut HashMap<i64, u64>) -> Result<(), StoreError> {
        let catalog = self.store.catalog();
        let sources = Sources::of(&self.store).await?;
        let from_s = clock::wall_ms() / 1000 / MOVE_S * MOVE_S;
        written.retain(|row, _| catalog.devices.iter().any(|device| device.row == *row));
        for device in &catalog.devices {
            let channels: Vec<Channel> = channels_of(&catalog, device.row).cloned().collect();
            let print = print(&channels, &sources, from_s);
            let (plain, packed) = (self.path(device.row, false), self.path(device.row, true));
            if written.get(&device.row) == Some(&print) && plain.exists() && packed.exists() {
                continue;
            }
            let sources = sources.clone();
            let work = move || write::document(&plain, &packed, &channels, &sources, from_s);
            let (counts, changed) = tasks::blocking(work).await.map_err(|_| StoreError::Gone)??;
            if changed {
                tracing::info!(
                    device.row = device.row,
                    guide.channels = counts.channels,
                    guide.programmes = counts.programmes,
                    "the guide was written"
                );
            }
            written.insert(device.row, print);
        }
        Ok(())
    }
}

/// The channels of a device, in order of their numbers.
fn channels_of(catalog: &Catalog, device: i64) -> impl Iterator<Item = &Channel> {
    catalog.channels.iter().filter(move |channel| catalog.has(device, channel.id))
}

/// What the document of these channels is made of. Where it is the same, so is the document.
fn print(channels: &[Channel], sources: &Sources, from_s: i64) -> u64 {
    let mut hasher = DefaultHasher::new();
    from_s.hash(&mut hasher);
    for channel in channels {
        (channel.id, &channel.number, &channel.name, &channel.logo).hash(&mut hasher);
        sources.print_of(channel.id, &mut hasher);
    }
    hasher.finish()
}
