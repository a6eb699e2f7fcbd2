//! Finds the running session of a channel, or starts it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::attempt::Means;
use super::driver::{self, Context};
use super::history::Limits;
use super::journal::Journal;
use super::ports::{Plan, Ports};
use super::recovery::NoRecovery;
use super::ring::Start;
use super::settings::Settings;
use super::shared::{Phase, Shared};
use super::tune_backoff::TuneBackoff;
use super::{SessionStats, Subscription, TunerView};
use crate::base::clock::{self, Rounded};
use crate::base::tasks::{self, CancellationToken, TaskTracker};
use crate::media::clip::{Backdrop, Clips};
use crate::model::{ChannelId, GuideNumber, SessionId, SubscriberId};
use crate::source::Opener;
use crate::tuner::{Kind, Occupant, Pool, Refused, TunerChoice};

/// A session that its only client has not read from for this long may be handed over to the same client's new channel.
const ABANDONED: Duration = Duration::from_millis(500);
/// How often that is looked at while a client waits for a tuner.
const HAND_OVER_EVERY: Duration = Duration::from_millis(100);

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Client {
    /// Address, without port.
    pub addr: IpAddr,
    /// User-Agent, or what else tells one client of an address from another.
    pub agent: String,
}

/// A wish to watch.
#[derive(Debug, Clone)]
pub struct Tune {
    /// Row of the device.
    pub device: i64,
    /// Which of its tuners.
    pub tuner: TunerChoice,
    /// The channel's number.
    pub number: GuideNumber,
    /// Who asks.
    pub client: Client,
}

/// Why there is nothing to watch. `hdhr::http` maps these to status and `X-HDHomeRun-Error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TuneError {
    /// No such number in the lineup: 404, 801.
    #[error("unknown channel {0}")]
    UnknownChannel(GuideNumber),
    /// The device has no such tuner: 404.
    #[error("no such tuner")]
    NoSuchTuner,
    /// The tuner asked for is in use or locked: 804.
    #[error("tuner in use")]
    TunerInUse,
    /// No tuner free: 805. The seed's `ErrNoTunersAvailable`.
    #[error("no tuners available")]
    AllTunersInUse,
    /// All connections of the account are in use: 805.
    #[error("all connections of the provider are in use")]
    ProviderBusy,
    /// The channel has no enabled source: 806. The seed's `ErrSessionNoSources`.
    #[error("channel has no enabled sources")]
    NoSources,
    /// Every source failed: 806.
    #[error("tune failed: {0}")]
    TuneFailed(String),
    /// A stream came, or nothing, but no picture: 807.
    #[error("no video data")]
    NoVideoData,
    /// Too many failed starts: 806 with `Retry-After`.
    #[error("channel failed too often; try again in {}", Rounded(*.0))]
    Backoff(Duration),
    /// `session_max_subscribers` reached: 809. The seed's `ErrSessionMaxSubscribers`.
    #[error("session has its most viewers")]
    MaxSubscribers,
    /// The program is ending: 803.
    #[error("shutting down")]
    ShuttingDown,
}

impl From<Refused> for TuneError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoSuchTuner => Self::NoSuchTuner,
            Refused::TunerInUse => Self::TunerInUse,
            Refused::AllInUse => Self::AllTunersInUse,
        }
    }
}

/// Owner of all sessions. A cheap handle.
#[derive(Clone)]
pub struct Manager(Arc<Inner>);

struct Inner {
    means: Means,
    ports: Arc<dyn Ports>,
    settings: Arc<Settings>,
    clips: Option<Clips>,
    backdrop: Option<Backdrop>,
    sessions: Mutex<Sessions>,
    next: AtomicU64,
    tracker: TaskTracker,
    token: CancellationToken,
    journal: Journal,
}

#[derive(Default)]
struct Sessions {
    running: HashMap<ChannelId, Arc<Shared>>,
    backoff: TuneBackoff,
}

impl Manager {
    /// A manager without sessions.
    pub fn new(settings: Settings, pool: Pool, opener: Arc<Opener>, ports: Arc<dyn Ports>) -> Self {
        let journal = Journal::new(Limits::of(settings.session_history_limit));
        Self(Arc::new(Inner {
            means: Means { pool, opener },
            ports,
            settings: Arc::new(settings),
            clips: None,
            backdrop: None,
            sessions: Mutex::default(),
            next: AtomicU64::new(0),
            tracker: TaskTracker::new(),
            token: CancellationToken::new(),
            journal,
        }))
    }

    /// With slates for gaps, which show the backdrop instead of a text; to be said before it is shared.
    pub fn with_slates(mut self, clips: Clips, backdrop: Option<Backdrop>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            (inner.clips, inner.backdrop) = (Some(clips), backdrop);
        }
        self
    }

    /// Tunes: joins the channel's session or starts it, and returns once its first bytes are ready to be read.
    ///
    /// # Errors
    /// As [`TuneError`] says.
    ///
    /// # Cancel safety
    /// Dropping the future withdraws the wish; a session that nobody else waits for ends after its idle grace.
    pub async fn tune(&self, tune: Tune) -> Result<Subscription, TuneError> {
        let plan = self.0.ports.plan(tune.device, &tune.number).ok_or_else(|| TuneError::UnknownChannel(tune.number.clone()))?;
        if plan.candidates.is_empty() {
            return Err(TuneError::NoSources);
        }
        if let Some(wait) = self.sessions().backoff.refused_for(clock::now(), plan.channel) {
            return Err(TuneError::Backoff(wait));
        }
        // A session may end between finding and joining it; then another is found or started.
        for _ in 0..3 {
            match self.try_tune(&tune, &plan).await? {
                Some(subscription) => return self.ready(subscription).await,
                None => continue,
            }
        }
        Err(TuneError::TuneFailed("the session ended again and again".into()))
    }

    async fn try_tune(&self, tune: &Tune, plan: &Plan) -> Result<Option<Subscription>, TuneError> {
        if self.0.token.is_cancelled() {
            return Err(TuneError::ShuttingDown);
        }
        let running = self.running(plan.channel);
        if let Some(shared) = &running {
            let most = self.0.settings.session_max_subscribers;
            if most > 0 && shared.viewers() >= most {
                return Err(TuneError::MaxSubscribers);
            }
            if let Some(tuner) = self.shared_tuner(shared, tune) {
                return Ok(self.subscribe(shared, tune, tuner, false));
            }
        }
        let preempt = CancellationToken::new();
        let occupant =
            Occupant { kind: Kind::Client, channel: plan.channel, client: Some(tune.client.addr), preempt: preempt.clone() };
        let lease = self.admit(tune, plan.channel, occupant).await?;
        let tuner = lease.index();
        // While this client waited another may have started the session.
        let (shared, ours) = self.session(plan, tune.device);
        if let Some(other) = self.shared_tuner(&shared, tune) {
            return Ok(self.subscribe(&shared, tune, other, ours));
        }
        shared.add_tuner(lease, preempt);
        Ok(self.subscribe(&shared, tune, tuner, ours))
    }

    /// The tuner on which the session is shown already, if this wish may share it.
    fn shared_tuner(&self, shared: &Shared, tune: &Tune) -> Option<u8> {
        let slots = self.0.means.pool.slots(tune.device);
        let locked = |index: u8| slots.iter().any(|slot| slot.index == index && slot.lock_owner.is_some());
        shared.tuner_on(tune.device, |index, watched| match tune.tuner {
            TunerChoice::Any => !locked(index),
            TunerChoice::Exact(n) => index == n && !watched && !locked(index),
            TunerChoice::Control(n) => index == n,
        })
    }

    /// Waits for a tuner; meanwhile a session that this very client has left without saying so is handed over.
    async fn admit(&self, tune: &Tune, wanted: ChannelId, occupant: Occupant) -> Result<crate::tuner::DeviceLease, TuneError> {
        let acquire = self.0.means.pool.device(tune.device, tune.tuner, occupant, self.0.settings.admission_wait);
        tokio::pin!(acquire);
        loop {
            tokio::select! {
                lease = &mut acquire => return Ok(lease?),
                () = clock::sleep(HAND_OVER_EVERY) => self.hand_over(tune, wanted),
            }
        }
    }

    fn hand_over(&self, tune: &Tune, wanted: ChannelId) {
        let sessions = self.sessions();
        let mut others = sessions.running.values().filter(|shared| shared.channel() != wanted && shared.is_open());
        if let Some(shared) = others.find(|shared| shared.is_abandoned_by(&tune.client, tune.device, ABANDONED)) {
            shared.reclaim_connections();
            shared.end("handed over to the same client's new channel");
        }
    }

    fn subscribe(&self, shared: &Arc<Shared>, tune: &Tune, tuner: u8, ours: bool) -> Option<Subscription> {
        let id = SubscriberId(self.0.next.fetch_add(1, Ordering::Relaxed) + 1);
        // A near source may be on air before the one who asked for it gets here.
        let opening = ours || *shared.phase().borrow() == Phase::Opening;
        let slots = self.0.means.pool.slots(tune.device);
        let number = slots.iter().find(|slot| slot.index == tuner).map_or(0, |slot| slot.number);
        let tally = shared.join(id, tune.client.clone(), (tune.device, tuner), number)?;
        let start = if opening { Start::First } else { Start::Join };
        tracing::info!(
            session.id = %shared.id(), subscriber.id = %id, channel.number = %shared.number(), tuner, client.addr = %tune.client.addr,
            client.agent = %tune.client.agent, "viewer joined"
        );
        Some(Subscription::new(id, tuner, start, tally, shared.clone()))
    }

    async fn ready(&self, subscription: Subscription) -> Result<Subscription, TuneError> {
        let mut phase = subscription.shared().phase();
        let reached = phase.wait_for(|phase| *phase != Phase::Opening).await.map(|phase| phase.clone());
        match reached {
            Ok(Phase::Live) => Ok(subscription),
            Ok(Phase::Failed(error)) => Err(error),
            _ if self.0.token.is_cancelled() => Err(TuneError::ShuttingDown),
            _ => Err(TuneError::TuneFailed("the session ended while it opened".into())),
        }
    }

    fn running(&self, channel: ChannelId) -> Option<Arc<Shared>> {
        self.sessions().running.get(&channel).filter(|shared| shared.is_open()).cloned()
    }

    /// The running session, or a new one; whether it is new.
    fn session(&self, plan: &Plan, device: i64) -> (Arc<Shared>, bool) {
        let mut sessions = self.sessions();
        if let Some(shared) = sessions.running.get(&plan.channel).filter(|shared| shared.is_open()) {
            return (shared.clone(), false);
        }
        let inner = &self.0;
        let id = SessionId(inner.next.fetch_add(1, Ordering::Relaxed) + 1);
        let shared = Shared::new(id, plan.clone(), &inner.settings, inner.token.child_token(), inner.journal.clone());
        sessions.running.insert(plan.channel, shared.clone());
        drop(sessions);
        let context = Context {
            means: inner.means.clone(),
            ports: inner.ports.clone(),
            settings: inner.settings.clone(),
            clips: inner.clips.clone(),
            backdrop: inner.backdrop.clone(),
            device,
        };
        let (manager, task) = (self.clone(), shared.clone());
        tasks::spawn_tracked(&inner.tracker, "session", async move {
            driver::run(task.clone(), context).await;
            manager.ended(&task);
        });
        (shared, true)
    }

    fn ended(&self, shared: &Arc<Shared>) {
        let mut sessions = self.sessions();
        if sessions.running.get(&shared.channel()).is_some_and(|running| Arc::ptr_eq(running, shared)) {
            sessions.running.remove(&shared.channel());
        }
        match &*shared.phase().borrow() {
            // Want of a connection says nothing about the channel.
            Phase::Failed(TuneError::ProviderBusy) => {}
            Phase::Failed(_) => sessions.backoff.failed(clock::now(), shared.channel(), &self.0.settings),
            _ => sessions.backoff.succeeded(shared.channel()),
        }
    }

    /// Whether tuning this number on this device could be tried at all: for HEAD, which takes no tuner.
    pub fn knows(&self, device: i64, number: &GuideNumber) -> bool {
        self.0.ports.plan(device, number).is_some()
    }

    /// All running sessions.
    pub fn snapshot(&self) -> Vec<SessionStats> {
        let running: Vec<Arc<Shared>> = self.sessions().running.values().cloned().collect();
        let mut stats: Vec<SessionStats> = running.iter().map(|shared| shared.stats()).collect();
        stats.sort_by_key(|stats| stats.id);
        stats
    }

    /// The tuners of a device, in order, idle ones too.
    pub fn tuners(&self, device: i64) -> Vec<TunerView> {
        let running: Vec<Arc<Shared>> = self.sessions().running.values().cloned().collect();
        let view = |slot: crate::tuner::SlotView| {
            let session = running.iter().find(|shared| shared.shows_on(device, slot.index));
            TunerView {
                index: slot.index,
                number: slot.number,
                taken_for: slot.taken_for,
                channel: slot.occupant.as_ref().map(|occupant| occupant.channel),
                lock_owner: slot.lock_owner,
                client: session
                    .and_then(|shared| shared.viewer_on(device, slot.index))
                    .or_else(|| slot.occupant.as_ref().and_then(|occupant| occupant.client)),
                session: session.map(|shared| shared.stats()),
                viewers: session.map(|shared| shared.viewers_on(device, slot.index)).unwrap_or_default(),
                probing: slot.occupant.is_some_and(|occupant| occupant.kind == Kind::Probe),
            }
        };
        self.0.means.pool.slots(device).into_iter().map(view).collect()
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The pool it takes its leases from.
    pub fn pool(&self) -> &Pool {
        &self.0.means.pool
    }

    /// What has happened and what happens.
    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// Has a channel's session leave its source for another one, at once. The seed's `TriggerSessionRecovery`.
    ///
    /// # Errors
    /// When nobody watches the channel, or another source is looked for already.
    pub fn recover(&self, channel: ChannelId, reason: &str) -> Result<(), NoRecovery> {
        self.running(channel).ok_or(NoRecovery::NotFound)?.ask_recovery(reason.to_owned())
    }

    /// Ends all sessions and waits until they have let go of everything, but no longer than `within`.
    pub async fn shutdown(&self, within: Duration) {
        self.0.token.cancel();
        self.0.tracker.close();
        if clock::timeout(within, self.0.tracker.wait()).await.is_err() {
            tracing::warn!("sessions did not end within {within:?}");
        }
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
