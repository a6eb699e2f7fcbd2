//! Leases of the prober: only what nobody misses, and given back as soon as anybody might.

use crate::base::clock::{self, Instant};
use crate::base::tasks::CancellationToken;
use crate::model::{ChannelId, ProviderId};

use super::{ConnectionLease, Connections, DeviceLease, Held, Pool, State, Taken};
use crate::tuner::terms::{Kind, Occupant, can_spare_one};

/// A connection and a tuner for a probe. The connection is given back first: it is what others wait for.
#[derive(Debug)]
pub struct ProbeLease {
    _connection: ConnectionLease,
    _tuner: DeviceLease,
}

impl Pool {
    /// Takes a tuner that nobody uses and a connection to spare, for a probe. `None` where either is missing: one connection is
    /// always left for a viewer, of an account with only one it must be the only use, and nobody may be waiting for one. A channel
    /// that somebody watches is left alone: its source would be dialled twice.
    ///
    /// `preempt` is cancelled when a viewer takes the last free connection, or wants a connection or tuner and finds none. The
    /// lease has to be dropped at once then: the viewer waits for it.
    pub fn try_probe(&self, provider: ProviderId, channel: ChannelId, preempt: CancellationToken) -> Option<ProbeLease> {
        let mut state = self.state();
        let now = clock::now();
        let (device, index) = state.room_for_probe(provider, channel, now)?;
        let (of_tuner, of_connection) = (state.next_lease(), state.next_lease());
        let occupant = Occupant { kind: Kind::Probe, channel, client: None, preempt: preempt.clone() };
        let slot = state.devices.get_mut(&device)?.get_mut(index)?;
        slot.taken = Some(Taken { lease: of_tuner, occupant, since: now, idle_since: None });
        let connections = state.providers.entry(provider).or_insert_with(Connections::unlimited);
        connections.held.push(Held { lease: of_connection, since: now, kind: Kind::Probe, idle_since: None, preempt });
        let index = u8::try_from(index).unwrap_or(u8::MAX);
        drop(state);
        Some(ProbeLease {
            _connection: ConnectionLease { pool: self.clone(), provider, lease: of_connection },
            _tuner: DeviceLease { pool: self.clone(), device, index, lease: of_tuner },
        })
    }

    /// Whether a probe would get its leases now.
    pub fn can_probe(&self, provider: ProviderId, channel: ChannelId) -> bool {
        self.state().room_for_probe(provider, channel, clock::now()).is_some()
    }

    /// Says that a viewer waits for a connection, until the guard is dropped: no probe may come in between.
    pub(super) fn waiting(&self, provider: ProviderId) -> Waiting<'_> {
        let mut state = self.state();
        state.providers.entry(provider).or_insert_with(Connections::unlimited).waiting += 1;
        drop(state);
        Waiting { pool: self, provider }
    }
}

/// A viewer that waits for a connection.
pub(super) struct Waiting<'a> {
    pool: &'a Pool,
    provider: ProviderId,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(connections) = self.pool.state().providers.get_mut(&self.provider) {
            connections.waiting = connections.waiting.saturating_sub(1);
        }
    }
}

impl State {
    /// The last free tuner of the first device that has one: viewers are given the first.
    fn room_for_probe(&self, provider: ProviderId, channel: ChannelId, now: Instant) -> Option<(i64, usize)> {
        let taken = || self.devices.values().flatten().filter_map(|slot| slot.taken.as_ref());
        let spare = self.providers.get(&provider).is_none_or(|connections| connections.can_be_probed(now));
        if !spare || taken().any(|taken| taken.occupant.channel == channel) {
            return None;
        }
        let free = |slots: &[super::Slot]| slots.iter().rposition(|slot| slot.taken.is_none() && slot.lock.is_none());
        let found = self.devices.iter().filter_map(|(device, slots)| Some((*device, free(slots)?)));
        found.min_by_key(|(device, _)| *device)
    }
}

impl Connections {
    fn can_be_probed(&self, now: Instant) -> bool {
        let rests = self.settle_until.is_some_and(|until| until > now);
        let probed = self.held.iter().any(|held| held.kind == Kind::Probe);
        self.waiting == 0 && !rests && !probed && can_spare_one(self.limit, self.in_use())
    }

    /// A viewer has just come: no probe may hold what the next viewer would need.
    pub(super) fn keep_one_free(&mut self, settled: Instant) {
        if self.in_use() < self.limit {
            return;
        }
        if let Some(probe) = self.held.iter().find(|held| held.kind == Kind::Probe && !held.preempt.is_cancelled()) {
            probe.preempt.cancel();
            self.settle_until = Some(settled);
        }
    }

    pub(super) fn in_use(&self) -> u32 {
        u32::try_from(self.held.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn of(&self, kind: Kind) -> u32 {
        u32::try_from(self.held.iter().filter(|held| held.kind == kind).count()).unwrap_or(u32::MAX)
    }
}
