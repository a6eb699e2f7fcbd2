//! L2: the only SQL. SQLite in WAL: one writer that batches, a pool of readers, and the catalog: everything that the data
//! path and the tuner side ask for, in memory, replaced whole after each change.
//!
//! It knows the domain types and nothing of playlists, HTTP or streams. Every change is on disk when its future is ready.

pub mod catalog;
pub mod devices;
pub mod editing;
pub mod error;
pub mod feeds;
pub mod guides;
pub mod history;
pub mod import;
pub mod items;
pub mod people;
pub mod playlists;
pub mod spool;
pub mod tokens;

mod backup;
mod channels;
mod facts;
mod inputs;
mod load;
mod lock;
mod matching;
mod numbers;
mod probes;
mod random;
mod readers;
mod schema;
mod settings;
mod sources;
mod staged;
mod whole;
mod writer;

#[cfg(test)]
mod tests;

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rusqlite::Connection;

pub use backup::restore;
pub use catalog::Catalog;
pub use devices::NewDevice;
pub use editing::{ChannelEdit, OwnSource};
pub use error::StoreError;
pub use feeds::{FeedId, NewVersion, Version, Versions};
pub use history::Retention;
pub use import::{EventWish, ImportItem, ImportReport, ProviderSpec};
pub use lock::check_free;
pub use playlists::{NewPlaylist, Origin, Playlist};
pub use sources::Imported;
pub use spool::Spool;
pub use staged::{Kept, Staged, restore_staged};
pub use tokens::Token;

use crate::base::tasks::Thread;
use facts::{Facts, Gathering};
use lock::DirLock;
use readers::Readers;
use writer::{Stale, Writer};

/// The database's file in the data directory.
pub const FILE: &str = "rooftop.db";

/// The database. A cheap handle; the last one dropped writes what is left and closes it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

// Dropped in this order: without the writer's queue its thread ends, and it is waited for.
struct Inner {
    writer: Writer,
    _thread: Thread,
    readers: Readers,
    shared: Arc<Shared>,
    path: PathBuf,
}

/// What the writer and the handles share.
struct Shared {
    catalog: ArcSwap<Catalog>,
    tokens: ArcSwap<Vec<tokens::Known>>,
    facts: Gathering,
    verdicts: probes::Verdicts,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.0.path).finish()
    }
}

impl Store {
    /// Opens or makes the database `rooftop.db` in `data_dir`, which it makes too if need be, and brings its schema up to
    /// date. Only one process at a time can have it open like this. Blocking.
    ///
    /// # Errors
    /// When it cannot be read or written, is damaged, in use, or was made by a newer Rooftop.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        make_dir(data_dir)?;
        let lock = DirLock::take(data_dir)?;
        let path = data_dir.join(FILE);
        backup::check_interrupted(data_dir)?;
        let connection = schema::open_writer(&path)?;
        // It holds credentials of accounts.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
            .map_err(StoreError::io("cannot protect", &path))?;
        devices::ensure_first(&connection)?;
        feeds::tidy(&connection, &data_dir.join(items::FOLDER))?;
        Self::start(connection, path, lock)
    }

    /// Opens the database for a command that may run beside the server: like [`Store::open`] if no server runs, else
    /// together with it. Blocking.
    ///
    /// # Errors
    /// As [`Store::open`]; also when there is no database yet, or the server that runs is of an older version.
    pub fn open_beside(data_dir: &Path) -> Result<Self, StoreError> {
        let path = data_dir.join(FILE);
        std::fs::metadata(&path).map_err(StoreError::io("cannot open", &path))?;
        match Self::open(data_dir) {
            Err(StoreError::Locked { .. }) => Self::start(schema::open_beside(&path)?, path, ()),
            opened => opened,
        }
    }

    fn start(connection: Connection, path: PathBuf, owned: impl Send + 'static) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            catalog: ArcSwap::from_pointee(load::catalog(&connection)?),
            tokens: ArcSwap::from_pointee(tokens::load(&connection)?),
            facts: Gathering::default(),
            verdicts: probes::load(&connection)?,
        });
        let (writer, thread) = Writer::start(connection, Arc::clone(&shared), owned)?;
        let readers = Readers::new(path.clone());
        Ok(Self(Arc::new(Inner { writer, _thread: thread, readers, shared, path })))
    }

    /// Everything that is served, as of the last acknowledged change. Never waits.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.0.shared.catalog.load_full()
    }

    /// Writes what nobody waited for, and lets go of connections that are not in use. The database stays usable; it is
    /// closed with the last handle.
    pub async fn close(&self) {
        if let Err(error) = self.change(|_| Ok((Stale::NOTHING, ()))).await {
            tracing::warn!(%error, "the last facts about sources could not be stored");
        }
        self.0.readers.close();
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn answers(&self) -> Result<(), StoreError> {
        self.read(|connection| Ok(connection.query_row("SELECT count(*) FROM devices", [], |row| row.get::<_, i64>(0))?))
            .await
            .map(drop)
    }

    /// Reads the whole database and checks it. Takes time in proportion to its size, but holds nobody up.
    ///
    /// # Errors
    /// When it is damaged, with advice.
    pub async fn verify(&self) -> Result<(), StoreError> {
        self.read(schema::check).await
    }

    fn shared(&self) -> &Shared {
        &self.0.shared
    }

    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<(Stale, T), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.0.writer.change(change).await
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.0.readers.read(read).await
    }

    fn fact(&self, add: impl FnOnce(&mut Facts)) {
        if self.shared().facts.add(add) {
            self.0.writer.facts();
        }
    }
}

/// Makes the data directory, for its owner and group only.
fn make_dir(dir: &Path) -> Result<(), StoreError> {
    std::fs::DirBuilder::new().recursive(true).mode(0o750).create(dir).map_err(StoreError::io("cannot make", dir))
}
