//! What a session's driver, its viewers and its manager share: who watches, which tuners it holds, how it does.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, watch};

use super::events::Event;
use super::filler::FillerStats;
use super::journal::Journal;
use super::manager::{Client, TuneError};
use super::ports::Plan;
use super::recovery::Stage;
use super::ring::{self, Ring};
use super::settings::Settings;
use super::spare::SpareStats;
use super::stats::{SessionStats, SubscriberStats};
use crate::base::clock::{self, Instant};
use crate::base::tasks::{self, CancellationToken, Task};
use crate::model::{ChannelId, GuideNumber, SessionId, SourceId, StreamInfo, SubscriberId};
use crate::tuner::{ConnectionLease, DeviceLease};

mod source;
mod tally;

pub(super) use tally::Tally;

/// How far a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// No source has been proven yet.
    Opening,
    /// There is something to watch.
    Live,
    /// It could not be started.
    Failed(TuneError),
    /// It has ended.
    Closed,
}

/// One session.
#[derive(Debug)]
pub struct Shared {
    id: SessionId,
    plan: Plan,
    started_at: SystemTime,
    ring: Arc<Ring>,
    phase: watch::Sender<Phase>,
    /// Ends everything.
    token: CancellationToken,
    /// Set by the pool when the connection is wanted elsewhere and nobody watches.
    preempt: CancellationToken,
    journal: Journal,
    watchers: Notify,
    /// A person has asked for another source.
    asked: Notify,
    state: Mutex<State>,
    pub(super) bytes_read: AtomicU64,
    pub(super) bytes_pushed: AtomicU64,
    pub(super) last_byte_ms: AtomicI64,
    pub(super) last_push_ms: AtomicI64,
    stalls: AtomicU64,
    pub(super) bitrate_bps: AtomicU64,
    pub(super) failovers: AtomicU64,
    /// Those of them where it was the same source again.
    reopened: AtomicU64,
    /// Losses that a source kept ready has made good.
    pub(super) takeovers: AtomicU64,
    pub(super) fail_backs: AtomicU64,
    /// Over all gaps.
    filler_bytes: AtomicU64,
    /// Of viewers that have left.
    blocked_us: AtomicU64,
}

#[derive(Debug)]
struct State {
    viewers: BTreeMap<SubscriberId, Viewer>,
    idle_since: Option<Instant>,
    tuners: Vec<Tuner>,
    connections: Vec<Weak<ConnectionLease>>,
    source: Option<(SourceId, String, &'static str)>,
    spare: Option<SpareStats>,
    filler: Option<FillerStats>,
    info: StreamInfo,
    /// What is in the source on air was told.
    info_told: bool,
    stage: Stage,
    /// Why a person wants another source.
    asked: Option<String>,
    last_error: Option<String>,
    end_reason: Option<&'static str>,
}

#[derive(Debug)]
struct Viewer {
    client: Client,
    tuner: (i64, u8),
    started_at: SystemTime,
    tally: Arc<Tally>,
}

/// A device's tuner that shows this session.
#[derive(Debug)]
struct Tuner {
    lease: DeviceLease,
    _watch: Task<()>,
}

impl Shared {
    pub(super) fn new(id: SessionId, plan: Plan, settings: &Settings, token: CancellationToken, journal: Journal) -> Arc<Self> {
        let limits = ring::Limits {
            bytes: settings.ring_bytes,
            bytes_max: settings.ring_bytes_max,
            time: settings.ring_time,
            join_lead: settings.join_lead,
        };
        let state = State {
            viewers: BTreeMap::new(),
            idle_since: Some(clock::now()),
            tuners: Vec::new(),
            connections: Vec::new(),
            source: None,
            spare: None,
            filler: None,
            info: StreamInfo::default(),
            info_told: false,
            stage: Stage::default(),
            asked: None,
            last_error: None,
            end_reason: None,
        };
        let (number, name) = (plan.number.clone(), plan.name.clone());
        journal.note(Event::SessionOpened { session: id, channel: plan.channel, number, name });
        Arc::new(Self {
            id,
            plan,
            started_at: clock::wall(),
            ring: Arc::new(Ring::new(limits)),
            phase: watch::Sender::new(Phase::Opening),
            token,
            preempt: CancellationToken::new(),
            journal,
            watchers: Notify::new(),
            asked: Notify::new(),
            state: Mutex::new(state),
            bytes_read: AtomicU64::new(0),
            bytes_pushed: AtomicU64::new(0),
            last_byte_ms: AtomicI64::new(0),
            last_push_ms: AtomicI64::new(0),
            stalls: AtomicU64::new(0),
            bitrate_bps: AtomicU64::new(0),
            failovers: AtomicU64::new(0),
            reopened: AtomicU64::new(0),
            takeovers: AtomicU64::new(0),
            fail_backs: AtomicU64::new(0),
            filler_bytes: AtomicU64::new(0),
            blocked_us: AtomicU64::new(0),
        })
    }

    /// Identity.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The channel.
    pub fn channel(&self) -> ChannelId {
        self.plan.channel
    }

    /// The channel's number.
    pub fn number(&self) -> &GuideNumber {
        &self.plan.number
    }

    /// The plan it was started with.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its ring.
    pub fn ring(&self) -> &Arc<Ring> {
        &self.ring
    }

    /// Follows its phase.
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Whether another viewer may join.
    pub fn is_open(&self) -> bool {
        let over = matches!(*self.phase.borrow(), Phase::Failed(_) | Phase::Closed);
        !over && !self.token.is_cancelled() && !self.preempt.is_cancelled()
    }

    pub(super) fn set_live(&self) {
        self.phase.send_if_modified(|phase| {
            let opening = *phase == Phase::Opening;
            if opening {
                *phase = Phase::Live;
            }
            opening
        });
    }

    /// Ends the session, for `reason`.
    pub(super) fn end(&self, reason: &'static str) {
        self.state().end_reason.get_or_insert(reason);
        self.token.cancel();
    }

    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }

    pub(super) fn connection_preempt(&self) -> CancellationToken {
        self.preempt.clone()
    }

    /// Everything is over: viewers see the end, the tuners are given back.
    pub(super) fn close(&self, failure: Option<TuneError>, reason: &str, failed: bool) {
        self.token.cancel();
        let live = *self.phase.borrow() == Phase::Live;
        let tuners = std::mem::take(&mut self.state().tuners);
        drop(tuners);
        self.phase.send_replace(failure.map_or(Phase::Closed, Phase::Failed));
        self.ring.close();
        let reason = self.state().end_reason.map_or_else(|| reason.to_owned(), str::to_owned);
        if failed && live {
            tracing::warn!(session.id = %self.id, channel.number = %self.number(), %reason, "session closed: its viewers see the end");
        } else {
            tracing::info!(session.id = %self.id, channel.number = %self.number(), %reason, "session closed");
        }
        self.journal.note(Event::SessionClosed { session: self.id, channel: self.channel(), reason, failed });
    }

    /// Counts a connection as ours, so that the pool knows whether anybody watches it.
    pub(super) fn hold_connection(&self, lease: &Arc<ConnectionLease>) {
        let mut state = self.state();
        state.connections.retain(|held| held.strong_count() > 0);
        state.connections.push(Arc::downgrade(lease));
        lease.set_idle(state.viewers.is_empty());
    }

    /// The tuner of a device that shows this session already, if it may be shared.
    pub(super) fn tuner_on(&self, device: i64, fits: impl Fn(u8, bool) -> bool) -> Option<u8> {
        let state = self.state();
        let watched = |index: u8| state.viewers.values().any(|viewer| viewer.tuner == (device, index));
        let mut ours = state.tuners.iter().filter(|tuner| tuner.lease.device() == device).map(|tuner| tuner.lease.index());
        ours.find(|index| fits(*index, watched(*index)))
    }

    /// Gives the session another tuner to be shown on.
    pub(super) fn add_tuner(self: &Arc<Self>, lease: DeviceLease, preempt: CancellationToken) {
        let weak = Arc::downgrade(self);
        let key = (lease.device(), lease.index());
        let watch = tasks::spawn("tuner preemption", async move {
            preempt.cancelled().await;
            if let Some(shared) = weak.upgrade() {
                shared.yield_tuner(key);
            }
        });
        self.state().tuners.push(Tuner { lease, _watch: watch });
    }

    /// The pool wants a tuner that nobody watches.
    fn yield_tuner(&self, key: (i64, u8)) {
        let mut state = self.state();
        if state.viewers.values().any(|viewer| viewer.tuner == key) {
            return;
        }
        let last = state.viewers.is_empty();
        let index = state.tuners.iter().position(|tuner| (tuner.lease.device(), tuner.lease.index()) == key);
        let given = index.map(|index| state.tuners.swap_remove(index));
        drop(state);
        if last {
            self.reclaim_connections();
            self.end("tuner wanted for another channel");
        }
        // Its watch task is this very task: it ends on return.
        drop(given);
    }

    /// The session ends for the sake of another one, which may dial the same account next.
    pub(super) fn reclaim_connections(&self) {
        let leases: Vec<_> = self.state().connections.iter().filter_map(Weak::upgrade).collect();
        leases.iter().for_each(|lease| lease.reclaim());
    }

    /// A viewer comes, on a tuner that has this `number` over all devices. `None` if the session is ending.
    pub(super) fn join(&self, id: SubscriberId, client: Client, tuner: (i64, u8), number: u32) -> Option<Arc<Tally>> {
        let mut state = self.state();
        state.idle_since = None;
        let tally = Tally::new();
        let (addr, agent) = (client.addr, client.agent.clone());
        state.viewers.insert(id, Viewer { client, tuner, started_at: clock::wall(), tally: tally.clone() });
        state.mark_idle();
        drop(state);
        self.journal.note(Event::SubscriberJoined { session: self.id, subscriber: id, addr, agent, tuner: number });
        if !self.is_open() {
            self.leave(id, "session ended");
            return None;
        }
        Some(tally)
    }

    /// A viewer leaves.
    pub(super) fn leave(&self, id: SubscriberId, reason: &'static str) {
        let mut state = self.state();
        let Some(viewer) = state.viewers.remove(&id) else { return };
        if state.viewers.is_empty() {
            state.idle_since = Some(clock::now());
        }
        state.mark_idle();
        drop(state);
        self.watchers.notify_waiters();
        let bytes = viewer.tally.bytes.load(Ordering::Relaxed);
        self.blocked_us.fetch_add(viewer.tally.blocked_us.load(Ordering::Relaxed), Ordering::Relaxed);
        tracing::info!(
            session.id = %self.id, subscriber.id = %id, client.addr = %viewer.client.addr, %reason, subscriber.bytes = bytes,
            "viewer left"
        );
        self.journal.note(Event::SubscriberLeft { session: self.id, subscriber: id, reason: reason.into(), bytes });
    }

    /// A viewer was too slow.
    pub(super) fn skipped(&self, id: SubscriberId, chunks: u64, bytes: u64) {
        self.journal.note(Event::SubscriberSkipped { session: self.id, subscriber: id, chunks, bytes });
    }

    /// Viewers now.
    pub fn viewers(&self) -> usize {
        self.state().viewers.len()
    }

    /// Whether all its viewers on `device` are `client`, and none of them has taken a byte for `silence`: a client that
    /// opens another channel before it closes this one.
    pub(super) fn is_abandoned_by(&self, client: &Client, device: i64, silence: Duration) -> bool {
        let now = clock::now();
        let state = self.state();
        let on_device = state.tuners.iter().any(|tuner| tuner.lease.device() == device);
        let gone = |viewer: &Viewer| viewer.client == *client && viewer.tally.silent_for(now) >= silence;
        on_device && !state.viewers.is_empty() && state.viewers.values().all(gone)
    }

    /// Returns once nobody has watched for `grace`.
    pub(super) async fn idle_for(&self, grace: Duration) {
        loop {
            let changed = self.watchers.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let idle_since = self.state().idle_since;
            match idle_since {
                None => changed.await,
                Some(since) => {
                    clock::sleep_until(since + grace).await;
                    if self.state().idle_since.is_some_and(|since| clock::now() >= since + grace) {
                        return;
                    }
                }
            }
        }
    }

    pub(super) fn set_last_error(&self, reason: &str) {
        self.state().last_error = Some(reason.to_owned());
    }

    pub(super) fn shows_on(&self, device: i64, index: u8) -> bool {
        self.state().tuners.iter().any(|tuner| (tuner.lease.device(), tuner.lease.index()) == (device, index))
    }

    /// A viewer's address on a tuner.
    pub(super) fn viewer_on(&self, device: i64, index: u8) -> Option<IpAddr> {
        self.state().viewers.values().find(|viewer| viewer.tuner == (device, index)).map(|viewer| viewer.client.addr)
    }

    /// All viewers on a tuner.
    pub(super) fn viewers_on(&self, device: i64, index: u8) -> Vec<SubscriberId> {
        self.state().viewers.iter().filter(|(_, viewer)| viewer.tuner == (device, index)).map(|(id, _)| *id).collect()
    }

    /// What it shows of itself.
    pub fn stats(&self) -> SessionStats {
        let state = self.state();
        let viewer = |(id, viewer): (&SubscriberId, &Viewer)| SubscriberStats {
            id: *id,
            addr: viewer.client.addr,
            agent: viewer.client.agent.clone(),
            started_at: viewer.started_at,
            bytes: viewer.tally.bytes.load(Ordering::Relaxed),
            skips: viewer.tally.skips.load(Ordering::Relaxed),
        };
        let bitrate_bps = self.bitrate_bps.load(Ordering::Relaxed);
        let blocked: u64 = state.viewers.values().map(|viewer| viewer.tally.blocked_us.load(Ordering::Relaxed)).sum();
        SessionStats {
            id: self.id,
            channel: self.channel(),
            number: self.number().clone(),
            name: self.plan.name.clone(),
            live: *self.phase.borrow() == Phase::Live,
            source: state.source.as_ref().map(|(id, ..)| *id),
            source_url: state.source.as_ref().map(|(_, url, _)| url.clone()),
            producer: state.source.as_ref().map(|(.., producer)| *producer),
            info: state.info.clone(),
            started_at: self.started_at,
            bitrate_bps,
            packets_per_second: bitrate_bps / (8 * crate::ts::PACKET as u64),
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
            bytes_pushed: self.bytes_pushed.load(Ordering::Relaxed),
            last_byte_ms: self.last_byte_ms.load(Ordering::Relaxed),
            last_push_ms: self.last_push_ms.load(Ordering::Relaxed),
            chunks_pushed: self.ring.published(),
            stalls: self.stalls.load(Ordering::Relaxed),
            recovering: state.stage.is_recovering(),
            ring_bytes: self.ring.resident_bytes(),
            failovers: self.failovers.load(Ordering::Relaxed),
            reopened: self.reopened.load(Ordering::Relaxed),
            takeovers: self.takeovers.load(Ordering::Relaxed),
            fail_backs: self.fail_backs.load(Ordering::Relaxed),
            spare: state.spare.clone(),
            filler: state.filler.clone(),
            filler_bytes: self.filler_bytes.load(Ordering::Relaxed),
            write_blocked: Duration::from_micros(blocked + self.blocked_us.load(Ordering::Relaxed)),
            last_error: state.last_error.clone(),
            subscribers: state.viewers.iter().map(viewer).collect(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells the pool which of our tuners and connections nobody watches.
    fn mark_idle(&self) {
        for tuner in &self.tuners {
            let key = (tuner.lease.device(), tuner.lease.index());
            tuner.lease.set_idle(!self.viewers.values().any(|viewer| viewer.tuner == key));
        }
        for lease in self.connections.iter().filter_map(Weak::upgrade) {
            lease.set_idle(self.viewers.is_empty());
        }
    }
}
