//! L3: playlists: parsed, fetched, identified, synchronised with the store.
//!
//! `crate::fetch → m3u → items → sieve → store`; `refresh` goes that way. Knows nothing of streams: what an address carries is the source's
//! to find out.

pub mod brought;
pub mod given;
pub mod identity;
pub mod items;
pub mod m3u;
pub mod panel;
pub mod reading;
pub mod refresh;
pub mod rules;
pub mod sieve;
pub mod xtream;

pub use given::Given;
pub use refresh::{How, Outcome, RefreshError, Report, accept, apply_rules, refresh};
