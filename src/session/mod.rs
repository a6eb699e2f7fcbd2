//! L4: one running channel, shared by all its viewers.
//!
//! `source → pump → ts::splice → ring → subscriber`. The manager finds or starts a session; the driver opens sources and
//! pumps them; decisions are in the pure files (`recovery`, `stall`, `pace`, `filler`). Knows nothing of HTTP, SQL or files.

pub mod attempt;
pub mod block;
pub mod driver;
pub mod events;
pub mod filler;
pub mod history;
pub mod journal;
pub mod manager;
pub mod on_air;
pub mod pace;
pub mod ports;
pub mod pump;
pub mod recording;
pub mod recovery;
pub mod ring;
pub mod settings;
pub mod shared;
pub mod slate;
pub mod spare;
pub mod stall;
pub mod standby;
pub mod start;
pub mod stats;
pub mod subscriber;
pub mod tune_backoff;
pub mod viewing;

pub use filler::FillerStats;
pub use journal::{Journal, Stamped};
pub use manager::{Client, Manager, Tune, TuneError};
pub use ports::{Candidate, Plan, Ports};
pub use recovery::NoRecovery;
pub use settings::Settings;
pub use spare::SpareStats;
pub use stats::{SessionStats, SubscriberStats, TunerView};
pub use subscriber::Subscription;

#[cfg(test)]
mod tests;
