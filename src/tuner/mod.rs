//! L3: tuners. Each virtual device has its own tuners, each provider its own connections; a lease on either is given back
//! by being dropped, on every path.

pub mod pool;
pub mod terms;

pub use pool::{ConnectionLease, DeviceLease, Pool, ProbeLease};
pub use terms::{Kind, LockError, Occupant, ProviderView, Refused, Settings, SlotView, TunerChoice};
