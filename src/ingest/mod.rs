//! L4: streams that are pushed to this machine: received, checked, kept apart by name, and handed to whoever reads them; and those
//! that are fetched the same way.
//!
//! A stream that comes is an *input*. It is known by its id, which its sender chooses. As a source of a channel it is
//! `push:ID` ([`crate::source::pushed`]): it has health, it falls over, it comes back, like any other.

pub mod breaker;
pub mod figures;
mod look;
pub mod registry;
pub mod settings;
pub mod socket;
pub mod srt;
pub mod stream_id;
mod tee;

pub use registry::Registry;
pub use settings::Settings;
