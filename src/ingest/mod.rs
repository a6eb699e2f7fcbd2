//! L4: streams that are pushed to this machine: received, checked, kept apart by name, and handed to whoever reads them.
//!
//! A stream that comes is an *input*. It is known by its id, which its sender chooses. As a source of a channel it is
//! `push:ID` ([`crate::source::pushed`]): it has health, it falls over, it comes back, like any other.

pub mod avp;
pub mod depay;
pub mod detect;
pub mod figures;
mod look;
pub mod registry;
pub mod rtp;
pub mod sdp;
pub mod settings;
pub mod socket;
pub mod srt;
pub mod stream_id;
mod tee;
pub mod video;
pub mod watch;

pub use registry::Registry;
pub use settings::Settings;
