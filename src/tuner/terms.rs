//! The words of the pool: what is wished for, why it is refused, and what others see of it. Plain values.

use std::net::IpAddr;
use std::time::Duration;

use crate::base::tasks::CancellationToken;
use crate::model::{ChannelId, ProviderId};

/// Settings of the pool.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Rest before a reclaimed provider connection is dialled again: servers count the old one for a moment.
    pub preempt_settle: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { preempt_settle: Duration::from_millis(500) }
    }
}

/// Which tuner of a device is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TunerChoice {
    /// Any that is free and not locked.
    Any,
    /// This one, for a client that holds no lock.
    Exact(u8),
    /// This one, for the holder of its lock (or of none, if there is none): control connections.
    Control(u8),
}

/// What a lease is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A viewer.
    Client,
    /// The background prober, which yields to viewers.
    Probe,
    /// A source kept ready beside the one on air, which yields to viewers.
    Spare,
}

/// Who occupies a tuner.
#[derive(Debug, Clone)]
pub struct Occupant {
    /// What for.
    pub kind: Kind,
    /// Channel it carries.
    pub channel: ChannelId,
    /// Address it was tuned for.
    pub client: Option<IpAddr>,
    /// Cancelled by the pool when the tuner is wanted for somebody else.
    pub preempt: CancellationToken,
}

/// Why there is no lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The device has no such tuner.
    #[error("no such tuner")]
    NoSuchTuner,
    /// That tuner is taken or locked.
    #[error("tuner in use")]
    TunerInUse,
    /// All are.
    #[error("no tuners available")]
    AllInUse,
}

/// Why a lock cannot be had or released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// No such tuner.
    #[error("no such tuner")]
    NoSuchTuner,
    /// Somebody else has it.
    #[error("resource locked by {0}")]
    Locked(IpAddr),
}

/// A device's tuner, as others see it.
#[derive(Debug, Clone)]
pub struct SlotView {
    /// From 0.
    pub index: u8,
    /// From 0, over all devices in the order of their rows.
    pub number: u32,
    /// Who occupies it.
    pub occupant: Option<Occupant>,
    /// For how long it has been occupied.
    pub taken_for: Option<Duration>,
    /// Who holds its lock.
    pub lock_owner: Option<IpAddr>,
}

/// A provider's connections, as others see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderView {
    /// The provider.
    pub id: ProviderId,
    /// Most at a time.
    pub limit: u32,
    /// Now.
    pub in_use: u32,
    /// Those of them that are for probes, which yield.
    pub probing: u32,
    /// Those of them that are kept ready for a running session, which yield.
    pub spare: u32,
}

impl ProviderView {
    /// Whether a viewer finds a connection, be it one that yields.
    pub fn has_room(&self) -> bool {
        self.in_use.saturating_sub(self.probing).saturating_sub(self.spare) < self.limit
    }
}

/// Whether a provider has a connection to spare for a probe: one more stays free for a viewer, and of a provider with a single
/// one nothing at all is in use.
pub fn can_spare_one(limit: u32, in_use: u32) -> bool {
    if limit <= 1 { in_use == 0 } else { in_use.saturating_add(2) <= limit }
}
