//! L0: what every program of this kind needs and that knows nothing about television.

pub mod backoff;
pub mod chain;
pub mod clock;
pub mod coalesce;
pub mod jobs;
pub mod machine;
pub mod metrics;
pub mod progress;
pub mod secret;
pub mod tasks;
pub mod telemetry;
