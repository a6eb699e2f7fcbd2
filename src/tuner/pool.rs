//! The pool: device tuners and provider connections as leases.
//!
//! Slots change hands under one short lock that is never held across an await. `slots in use == live upstream
//! connections` holds because a connection lease lives inside the task that owns the connection.

mod probe;
mod spare;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::base::clock::{self, Instant};
use crate::base::tasks::CancellationToken;
use crate::model::ProviderId;

pub use probe::ProbeLease;

use super::terms::{Kind, LockError, Occupant, ProviderView, Refused, Settings, SlotView, TunerChoice};

#[derive(Debug, Default)]
struct State {
    devices: HashMap<i64, Vec<Slot>>,
    providers: HashMap<ProviderId, Connections>,
    next: u64,
}

#[derive(Debug, Default)]
struct Slot {
    taken: Option<Taken>,
    lock: Option<Lock>,
}

#[derive(Debug)]
struct Taken {
    lease: u64,
    occupant: Occupant,
    since: Instant,
    idle_since: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Lock {
    owner: IpAddr,
    key: u32,
}

#[derive(Debug)]
struct Connections {
    limit: u32,
    held: Vec<Held>,
    settle_until: Option<Instant>,
    /// Viewers that wait for one.
    waiting: u32,
}

#[derive(Debug)]
struct Held {
    lease: u64,
    since: Instant,
    kind: Kind,
    idle_since: Option<Instant>,
    preempt: CancellationToken,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    freed: Notify,
    settings: Settings,
}

/// All tuners of all devices and all connections of all providers. A cheap handle.
#[derive(Debug, Clone)]
pub struct Pool(Arc<Shared>);

impl Pool {
    /// An empty pool: no device, no provider.
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Shared { state: Mutex::default(), freed: Notify::new(), settings }))
    }

    /// Gives a device its tuners. Fewer than before: those in use stay until they are given back.
    pub fn set_device(&self, device: i64, tuners: u8) {
        let mut state = self.state();
        let slots = state.devices.entry(device).or_default();
        while slots.len() < usize::from(tuners) {
            slots.push(Slot::default());
        }
        while slots.len() > usize::from(tuners) && slots.last().is_some_and(|slot| slot.taken.is_none()) {
            slots.pop();
        }
        drop(state);
        self.0.freed.notify_waiters();
    }

    /// Sets a provider's connection limit; at least 1.
    pub fn set_provider(&self, provider: ProviderId, limit: u32) {
        self.state().providers.entry(provider).or_insert_with(Connections::unlimited).limit = limit.max(1);
        self.0.freed.notify_waiters();
    }

    /// Takes a tuner, waiting up to `wait` for one: clients open the new channel before they close the old. When full,
    /// the oldest probe is ended, else the session longest without a viewer; never a watched one.
    ///
    /// # Errors
    /// When there is none after all.
    ///
    /// # Cancel safety
    /// Dropping the future takes nothing.
    pub async fn device(
        &self,
        device: i64,
        choice: TunerChoice,
        occupant: Occupant,
        wait: Duration,
    ) -> Result<DeviceLease, Refused> {
        let deadline = clock::now() + wait;
        loop {
            let freed = self.0.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            match self.try_device(device, choice, occupant.clone()) {
                Ok(lease) => return Ok(lease),
                Err(Refused::NoSuchTuner) => return Err(Refused::NoSuchTuner),
                Err(refused) => {
                    self.yield_device(device, choice);
                    tokio::select! {
                        () = freed => {}
                        () = clock::sleep_until(deadline) => return Err(refused),
                    }
                }
            }
        }
    }

    /// Takes a tuner if one is free now.
    ///
    /// # Errors
    /// When none is.
    pub fn try_device(&self, device: i64, choice: TunerChoice, occupant: Occupant) -> Result<DeviceLease, Refused> {
        let mut state = self.state();
        let lease = state.next_lease();
        let slots = state.devices.get_mut(&device).ok_or(Refused::NoSuchTuner)?;
        let (index, slot) = match choice {
            TunerChoice::Any => slots
                .iter_mut()
                .enumerate()
                .find(|(_, slot)| slot.taken.is_none() && slot.lock.is_none())
                .ok_or(Refused::AllInUse)?,
            TunerChoice::Exact(n) | TunerChoice::Control(n) => {
                let slot = slots.get_mut(usize::from(n)).ok_or(Refused::NoSuchTuner)?;
                let locked = slot.lock.is_some() && matches!(choice, TunerChoice::Exact(_));
                if slot.taken.is_some() || locked {
                    return Err(Refused::TunerInUse);
                }
                (usize::from(n), slot)
            }
        };
        slot.taken = Some(Taken { lease, occupant, since: clock::now(), idle_since: None });
        Ok(DeviceLease { pool: self.clone(), device, index: u8::try_from(index).unwrap_or(u8::MAX), lease })
    }

    fn yield_device(&self, device: i64, choice: TunerChoice) {
        let state = self.state();
        let Some(slots) = state.devices.get(&device) else { return };
        let wanted = |index: usize| match choice {
            TunerChoice::Any => true,
            TunerChoice::Exact(n) | TunerChoice::Control(n) => index == usize::from(n),
        };
        let taken = || slots.iter().enumerate().filter(|(index, _)| wanted(*index)).filter_map(|(_, slot)| slot.taken.as_ref());
        if taken().any(|taken| taken.occupant.preempt.is_cancelled()) {
            return; // One is on its way out already.
        }
        let probe = taken().filter(|taken| taken.occupant.kind == Kind::Probe).min_by_key(|taken| taken.since);
        let idle = || taken().filter(|taken| taken.idle_since.is_some()).min_by_key(|taken| taken.idle_since);
        if let Some(victim) = probe.or_else(idle) {
            victim.occupant.preempt.cancel();
        }
    }

    /// Takes a connection of a provider, waiting up to `wait`, in the same way as [`Pool::device`].
    ///
    /// # Errors
    /// `None` when all are in use by viewers.
    ///
    /// # Cancel safety
    /// Dropping the future takes nothing.
    pub async fn connection(
        &self,
        provider: ProviderId,
        kind: Kind,
        preempt: CancellationToken,
        wait: Duration,
    ) -> Option<ConnectionLease> {
        let deadline = clock::now() + wait;
        let _waiting = (kind == Kind::Client).then(|| self.waiting(provider));
        loop {
            let freed = self.0.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            match self.try_connection(provider, kind, preempt.clone()) {
                Ok(lease) => return Some(lease),
                Err(Some(settled)) => clock::sleep_until(settled).await,
                Err(None) => {
                    if kind == Kind::Client {
                        self.yield_connection(provider);
                    }
                    tokio::select! {
                        () = freed => {}
                        () = clock::sleep_until(deadline) => return None,
                    }
                }
            }
        }
    }

    /// Takes a connection if one is free. `Err(Some(when))`: one is free but must rest until then.
    ///
    /// # Errors
    /// When none may be dialled now.
    pub fn try_connection(
        &self,
        provider: ProviderId,
        kind: Kind,
        preempt: CancellationToken,
    ) -> Result<ConnectionLease, Option<Instant>> {
        let mut state = self.state();
        let lease = state.next_lease();
        let connections = state.providers.entry(provider).or_insert_with(Connections::unlimited);
        if connections.held.len() >= usize::try_from(connections.limit).unwrap_or(usize::MAX) {
            return Err(None);
        }
        let now = clock::now();
        // Only the last connection has to wait: until then the server may count the reclaimed one along.
        let last = connections.held.len() + 1 >= usize::try_from(connections.limit).unwrap_or(usize::MAX);
        if let Some(until) = connections.settle_until.filter(|until| last && *until > now) {
            return Err(Some(until));
        }
        if last {
            connections.settle_until = None;
        }
        connections.held.push(Held { lease, since: now, kind, idle_since: None, preempt });
        if kind == Kind::Client {
            connections.keep_one_free(now + self.0.settings.preempt_settle);
        }
        Ok(ConnectionLease { pool: self.clone(), provider, lease })
    }

    fn yield_connection(&self, provider: ProviderId) {
        let mut state = self.state();
        let Some(connections) = state.providers.get_mut(&provider) else { return };
        if connections.held.iter().any(|held| held.preempt.is_cancelled()) {
            return;
        }
        let of = |kind| connections.held.iter().filter(move |held| held.kind == kind).min_by_key(|held| held.since);
        let idle = || connections.held.iter().filter(|held| held.idle_since.is_some()).min_by_key(|held| held.idle_since);
        if let Some(victim) = of(Kind::Probe).or_else(|| of(Kind::Spare)).or_else(idle) {
            victim.preempt.cancel();
            connections.settle_until = Some(clock::now() + self.0.settings.preempt_settle);
        }
    }

    /// Takes the lock of a tuner for `owner`. Locking again with the right `held` key changes the key.
    ///
    /// # Errors
    /// When somebody else holds it.
    pub fn lock(&self, device: i64, tuner: u8, owner: IpAddr, key: u32, held: Option<u32>) -> Result<(), LockError> {
        self.with_lock(device, tuner, held, |lock| *lock = Some(Lock { owner, key }))
    }

    /// Gives the lock back. Without a lock, nothing happens.
    ///
    /// # Errors
    /// When it is somebody else's.
    pub fn unlock(&self, device: i64, tuner: u8, held: Option<u32>) -> Result<(), LockError> {
        self.with_lock(device, tuner, held, |lock| *lock = None)
    }

    /// Takes the lock away from whoever has it.
    ///
    /// # Errors
    /// When there is no such tuner.
    pub fn unlock_by_force(&self, device: i64, tuner: u8) -> Result<(), LockError> {
        let mut state = self.state();
        let slot = state.slot(device, tuner).ok_or(LockError::NoSuchTuner)?;
        slot.lock = None;
        drop(state);
        self.0.freed.notify_waiters();
        Ok(())
    }

    /// Whether somebody with this key may change the tuner.
    ///
    /// # Errors
    /// When it is locked with another key.
    pub fn may_change(&self, device: i64, tuner: u8, held: Option<u32>) -> Result<(), LockError> {
        self.with_lock(device, tuner, held, |_| {})
    }

    fn with_lock(
        &self,
        device: i64,
        tuner: u8,
        held: Option<u32>,
        change: impl FnOnce(&mut Option<Lock>),
    ) -> Result<(), LockError> {
        let mut state = self.state();
        let slot = state.slot(device, tuner).ok_or(LockError::NoSuchTuner)?;
        if let Some(lock) = slot.lock.filter(|lock| Some(lock.key) != held) {
            return Err(LockError::Locked(lock.owner));
        }
        change(&mut slot.lock);
        drop(state);
        self.0.freed.notify_waiters();
        Ok(())
    }

    /// The tuners of a device.
    pub fn slots(&self, device: i64) -> Vec<SlotView> {
        let state = self.state();
        let slots = state.devices.get(&device).map_or(&[][..], Vec::as_slice);
        let before: usize = state.devices.iter().filter(|(row, _)| **row < device).map(|(_, slots)| slots.len()).sum();
        let (now, before) = (clock::now(), u32::try_from(before).unwrap_or(u32::MAX));
        (0u8..)
            .zip(slots)
            .map(|(index, slot)| SlotView {
                index,
                number: before.saturating_add(index.into()),
                taken_for: slot.taken.as_ref().map(|taken| now.saturating_duration_since(taken.since)),
                occupant: slot.taken.as_ref().map(|taken| taken.occupant.clone()),
                lock_owner: slot.lock.map(|lock| lock.owner),
            })
            .collect()
    }

    /// The providers' connections.
    pub fn providers(&self) -> Vec<ProviderView> {
        let state = self.state();
        let view = |(id, connections): (&ProviderId, &Connections)| ProviderView {
            id: *id,
            limit: connections.limit,
            in_use: connections.in_use(),
            probing: connections.of(Kind::Probe),
            spare: connections.of(Kind::Spare),
        };
        state.providers.iter().map(view).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_lease(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn slot(&mut self, device: i64, tuner: u8) -> Option<&mut Slot> {
        self.devices.get_mut(&device)?.get_mut(usize::from(tuner))
    }
}

impl Connections {
    fn unlimited() -> Self {
        Self { limit: u32::MAX, held: Vec::new(), settle_until: None, waiting: 0 }
    }
}

/// A tuner of a device, until dropped.
#[derive(Debug)]
pub struct DeviceLease {
    pool: Pool,
    device: i64,
    index: u8,
    lease: u64,
}

impl DeviceLease {
    /// The tuner, from 0.
    pub fn index(&self) -> u8 {
        self.index
    }

    /// The device's row.
    pub fn device(&self) -> i64 {
        self.device
    }

    /// Tells the pool whether anybody watches: an idle tuner may be taken for somebody who does.
    pub fn set_idle(&self, idle: bool) {
        let mut state = self.pool.state();
        let Some(slot) = state.slot(self.device, self.index) else { return };
        if let Some(taken) = slot.taken.as_mut().filter(|taken| taken.lease == self.lease) {
            taken.idle_since = idle.then(clock::now);
        }
        drop(state);
        if idle {
            self.pool.0.freed.notify_waiters();
        }
    }
}

impl Drop for DeviceLease {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        if let Some(slot) = state.slot(self.device, self.index)
            && slot.taken.as_ref().is_some_and(|taken| taken.lease == self.lease)
        {
            slot.taken = None;
        }
        drop(state);
        self.pool.0.freed.notify_waiters();
    }
}

/// A connection of a provider, until dropped. It lives in the task that owns the connection.
#[derive(Debug)]
pub struct ConnectionLease {
    pool: Pool,
    provider: ProviderId,
    lease: u64,
}

impl ConnectionLease {
    /// Tells the pool whether anybody watches.
    pub fn set_idle(&self, idle: bool) {
        let mut state = self.pool.state();
        let Some(connections) = state.providers.get_mut(&self.provider) else { return };
        if let Some(held) = connections.held.iter_mut().find(|held| held.lease == self.lease) {
            held.idle_since = idle.then(clock::now);
        }
        drop(state);
        if idle {
            self.pool.0.freed.notify_waiters();
        }
    }
}

impl ConnectionLease {
    /// It is about to be closed for the sake of somebody who waits: its place rests before it is dialled again.
    pub fn reclaim(&self) {
        let until = clock::now() + self.pool.0.settings.preempt_settle;
        if let Some(connections) = self.pool.state().providers.get_mut(&self.provider) {
            connections.settle_until = Some(until);
        }
    }
}

impl Drop for ConnectionLease {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        if let Some(connections) = state.providers.get_mut(&self.provider) {
            // What nobody watched must not cost the viewer who comes right behind it: servers count its connection for a moment
            // longer.
            if connections.held.iter().any(|held| held.lease == self.lease && held.kind != Kind::Client) {
                connections.settle_until = Some(clock::now() + self.pool.0.settings.preempt_settle);
            }
            connections.held.retain(|held| held.lease != self.lease);
        }
        drop(state);
        self.pool.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
