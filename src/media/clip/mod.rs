//! Clips: short transport streams that are made once by the worker, kept on disk, and played in a circle: the demo
//! channels and the slates.
//!
//! Neighbours: [`super::worker`] makes them; [`crate::source::demo`] plays them. A clip is read from disk as it is played,
//! never held in memory.

mod backdrop;
mod cache;
mod key;
mod known;
pub mod matching;
mod player;
mod round;
pub mod spec;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

pub use super::worker::job::{Backdrop, ClipSpec};
pub use backdrop::BackdropError;
pub use key::Key;
pub use player::Player;
pub use round::Round;

use super::worker::job::{BadSpec, ClipInfo, Job, Outcome};
use super::worker::{WorkerClient, WorkerError};
use crate::base::chain::Chain;
use crate::base::{clock, tasks};
use cache::{Cache, Growing};

/// Settings of the clips.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where they are kept: `<data_dir>/clips`.
    pub dir: PathBuf,
    /// Most bytes to keep; the ones not used for longest go first.
    pub max_bytes: u64,
    /// Most clips to keep, likewise.
    pub max_clips: usize,
}

impl Settings {
    /// Settings for a data directory.
    pub fn in_data_dir(data_dir: &std::path::Path) -> Self {
        Self { dir: data_dir.join("clips"), max_bytes: 256 * 1024 * 1024, max_clips: 128 }
    }
}

/// A clip on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// The transport stream: whole packets of 188 bytes.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// What it is.
    pub info: ClipInfo,
}

/// Why there is no clip.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClipError {
    /// Nobody can make this.
    #[error("this clip cannot be made")]
    BadSpec(#[from] BadSpec),
    /// The picture that it shows cannot be had.
    #[error(transparent)]
    Backdrop(#[from] BackdropError),
    /// The worker did not make it.
    #[error("the clip could not be made")]
    Worker(#[from] WorkerError),
    /// It could not be kept or read.
    #[error("{what}: {reason}")]
    Disk {
        /// What was tried.
        what: String,
        /// The system's words.
        reason: String,
    },
    /// The program is ending.
    #[error("the making of the clip was broken off")]
    BrokenOff,
}

/// All clips. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clips(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cache: Cache,
    worker: WorkerClient,
    /// What was asked for, done or not, as far as it is remembered. Held for moments only.
    orders: Mutex<HashMap<Key, Arc<Order>>>,
    preparing: Mutex<Option<tasks::Task<()>>>,
    known: known::Known,
}

/// So many orders are remembered: those that are under way in any case. A fulfilled one saves a look at the disk.
const MOST_ORDERS: usize = 64;

/// One clip that was asked for. It goes on without anybody waiting for it.
#[derive(Debug)]
struct Order {
    stage: watch::Receiver<Stage>,
    _task: tasks::Task<()>,
}

/// How far an order has come.
#[derive(Debug, Clone)]
enum Stage {
    /// Looking for it on disk, or waiting for the worker.
    Waiting,
    /// So many bytes of it are in this file.
    Making { path: PathBuf, bytes: u64 },
    /// Here it is, or why not.
    Done(Result<Arc<Clip>, ClipError>),
}

impl Clips {
    /// Opens nothing yet: the directory is made when the first clip is.
    pub fn new(settings: Settings, worker: WorkerClient) -> Self {
        let cache = Cache::new(settings);
        Self(Arc::new(Inner {
            cache,
            worker,
            orders: Mutex::default(),
            preparing: Mutex::default(),
            known: known::Known::default(),
        }))
    }

    /// The clip of this specification: from disk if it is there and whole, or else made now. However many ask for it at the
    /// same time, it is made once.
    ///
    /// # Errors
    /// When it cannot be made or kept. Asking again tries again.
    ///
    /// # Cancel safety
    /// Dropping the future does not stop the making: whoever asks next finds it done.
    pub async fn get(&self, spec: &ClipSpec) -> Result<Arc<Clip>, ClipError> {
        self.order(spec).await?.done().await
    }

    /// The clip's bytes, round and round for ever. One that is being made can be read while it is.
    ///
    /// # Errors
    /// As [`Self::get`].
    ///
    /// # Cancel safety
    /// As [`Self::get`].
    pub async fn play(&self, spec: &ClipSpec) -> Result<Player, ClipError> {
        Player::open(self.order(spec).await?).await
    }

    /// Begins to make clips, one after the other, without waiting for them. Whoever asks for one of them in the meantime
    /// waits for no more than the one that is being made. Replaces what was being prepared before.
    pub fn prepare(&self, specs: Vec<ClipSpec>) {
        // It must not keep alive what it belongs to.
        let inner = Arc::downgrade(&self.0);
        let task = tasks::spawn("clips", async move {
            for spec in specs {
                let Some(clips) = inner.upgrade().map(Clips) else { return };
                let Ok(order) = clips.order(&spec).await else { continue };
                drop(clips);
                let Err(error) = order.done().await else { continue };
                if inner.upgrade().map(Clips).is_some_and(|clips| clips.is_news(&error)) {
                    tracing::warn!(clip.name = %spec.name, error = %Chain(&error), "clip could not be made");
                } else {
                    tracing::debug!(clip.name = %spec.name, error = %Chain(&error), "clip could not be made either");
                }
            }
        });
        *self.0.preparing.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// The order for this specification, one that is under way or fulfilled, or else a new one.
    async fn order(&self, spec: &ClipSpec) -> Result<Arc<Order>, ClipError> {
        spec.check()?;
        let key = Key::of(spec);
        let before = self.orders().get(&key).cloned();
        if let Some(order) = before {
            if order.is_good().await {
                return Ok(order);
            }
            // It failed, or its file is gone: once more, unless somebody else was faster.
            self.orders().retain(|_, other| !Arc::ptr_eq(other, &order));
        }
        let mut orders = self.orders();
        if !orders.contains_key(&key) {
            forget(&mut orders);
        }
        Ok(orders.entry(key.clone()).or_insert_with(|| self.begin(key, spec.clone())).clone())
    }

    fn orders(&self) -> MutexGuard<'_, HashMap<Key, Arc<Order>>> {
        self.0.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, key: Key, spec: ClipSpec) -> Arc<Order> {
        let (sender, stage) = watch::channel(Stage::Waiting);
        let (cache, worker) = (self.0.cache.clone(), self.0.worker.clone());
        let task = tasks::spawn("clip", async move {
            let result = find_or_make(&cache, &worker, key, spec, &sender).await;
            sender.send_replace(Stage::Done(result));
        });
        Arc::new(Order { stage, _task: task })
    }
}

/// Makes room for an order.
fn forget(orders: &mut HashMap<Key, Arc<Order>>) {
    orders.retain(|_, order| !matches!(*order.stage.borrow(), Stage::Done(Err(_))));
    if orders.len() >= MOST_ORDERS {
        orders.retain(|_, order| !matches!(*order.stage.borrow(), Stage::Done(_)));
    }
}

impl Order {
    async fn done(&self) -> Result<Arc<Clip>, ClipError> {
        let mut stage = self.stage.clone();
        let done = stage.wait_for(|stage| matches!(stage, Stage::Done(_))).await.map_err(|_| ClipError::BrokenOff)?;
        match &*done {
            Stage::Done(result) => result.clone(),
            _ => Err(ClipError::BrokenOff),
        }
    }

    /// Whether it is under way, or fulfilled and still on disk.
    async fn is_good(&self) -> bool {
        let stage = self.stage.borrow().clone();
        match stage {
            Stage::Done(Ok(clip)) => tokio::fs::metadata(&clip.path).await.is_ok_and(|meta| meta.len() == clip.bytes),
            Stage::Done(Err(_)) => false,
            Stage::Waiting | Stage::Making { .. } => self.stage.has_changed().is_ok(),
        }
    }
}

async fn find_or_make(
    cache: &Cache,
    worker: &WorkerClient,
    key: Key,
    spec: ClipSpec,
    stage: &watch::Sender<Stage>,
) -> Result<Arc<Clip>, ClipError> {
    if let Some(clip) = on_disk(cache, &key, Cache::find).await? {
        return Ok(Arc::new(clip));
    }
    let begun = clock::now();
    let name = spec.name.clone();
    // First of all: what is queued holds neither the bytes of a picture nor a file.
    let turn = worker.turn().await?;
    let input = match spec.backdrop.clone() {
        Some(backdrop) => backdrop.bytes().await?,
        None => Vec::new(),
    };
    let draft = on_disk(cache, &key, Cache::draft).await??;
    let mut file = Growing::create(&draft, stage).await?;
    let outcome = turn.run(Job::MakeClip(spec), &input, &mut file).await?;
    drop((file, input));
    let Outcome::Clip(info) = outcome else {
        return Err(WorkerError::Garbage { reason: "another job's outcome".to_owned() }.into());
    };
    let clip = on_disk(cache, &key, move |cache, key| cache.keep(key, draft, info)).await??;
    let took = clock::now().duration_since(begun);
    tracing::info!(clip.name = %name, clip.bytes = clip.bytes, clip.took_ms = took.as_millis(), "clip made");
    Ok(Arc::new(clip))
}

/// Does something with the cache off the event loop.
async fn on_disk<T, F>(cache: &Cache, key: &Key, work: F) -> Result<T, ClipError>
where
    T: Send + 'static,
    F: FnOnce(&Cache, &Key) -> T + Send + 'static,
{
    let (cache, key) = (cache.clone(), key.clone());
    tasks::blocking(move || work(&cache, &key)).await.map_err(|_| ClipError::BrokenOff)
}

#[cfg(test)]
mod tests;
