//! L3: playlists: parsed, fetched, identified, synchronised with the store.
//!
//! `fetch → m3u → items → identity → store`. Knows nothing of streams: what an address carries is the source's to find out.

pub mod fetch;
pub mod identity;
pub mod items;
pub mod m3u;
pub mod sync;

pub use fetch::FetchError;
pub use sync::{Playlist, SyncError, SyncReport, sync};
