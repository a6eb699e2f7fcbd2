//! Guides: documents of programmes, their versions, and which of their channels is which of ours.
//!
//! A version is a file of its own, as that of a playlist is; it holds all channels of the guide and the programmes of those that
//! somebody wants.

mod mappings;
mod read;
mod rows;
mod write;

pub use mappings::{Mapped, Mapping};
pub use read::{Hit, Programmes};
pub use rows::{Guide, NewGuide};
pub use write::GuideWriter;
