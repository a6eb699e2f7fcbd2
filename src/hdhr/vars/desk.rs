//! One device's tuners in the hands of control connections: carries out what [`super::decide`] decided.
//!
//! Locks are the pool's, streams the sessions'; this keeps who asked for what, and lets go of it when they have gone.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::hold::{Hold, Progress};
use super::seat::{Presence, Seat};
use super::show::{OnAir, Shown, Signal};
use super::{Change, Decision, Fault, Request, Tuners, decide, reply};
use crate::base::clock;
use crate::base::tasks::{self, Task};
use crate::hdhr::Hdhr;
use crate::hdhr::target::outlet::Outlet;
use crate::hdhr::target::{Aim, BadTarget, Target};
use crate::hdhr::tlv::Frame;
use crate::session::{Client, SessionStats, Tune, TunerView};
use crate::tuner::{LockError, Pool, TunerChoice};

/// How often claims are looked at.
const TIDY_EVERY: Duration = Duration::from_millis(250);

/// Who asks, over a connection.
#[derive(Debug, Clone)]
pub struct Asker {
    /// The client.
    pub client: IpAddr,
    /// The address it reached us at, which its streams leave from.
    pub local: Ipv4Addr,
    /// Its connection.
    pub presence: Presence,
}

/// One device's tuners. A cheap handle.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    hdhr: Hdhr,
    outlet: Arc<Outlet>,
    places: Mutex<Vec<Place>>,
}

#[derive(Default)]
struct Place {
    seat: Seat,
    hold: Option<Hold>,
}

/// Looks after the claims of a desk until dropped.
pub type Tidying = Task<()>;

impl Desk {
    /// The tuners of a device. Claims are given up only while the second result lives.
    pub fn new(hdhr: Hdhr, outlet: Arc<Outlet>) -> (Self, Tidying) {
        let desk = Self(Arc::new(Inner { hdhr, outlet, places: Mutex::default() }));
        let weak = Arc::downgrade(&desk.0);
        (desk, tasks::spawn("control claims", tidy(weak)))
    }

    /// Answers a get or set.
    pub fn answer(&self, frame: Frame<'_>, asker: &Asker) -> Vec<u8> {
        match Request::of(frame) {
            Ok(request) => reply(Some(request.name), &self.outcome(&request, asker)),
            Err(name) => reply(name, &Err(Fault::Malformed)),
        }
    }

    fn outcome(&self, request: &Request<'_>, asker: &Asker) -> Result<String, Fault> {
        let view = View::of(self, asker.client);
        match decide(request, &view)? {
            Decision::Say(value) => Ok(value),
            Decision::Change(tuner, change) => self.0.change(tuner, change, request.key, asker),
        }
    }

    /// Whether a lock or a stream depends on this connection.
    pub fn depends_on(&self, presence: &Presence) -> bool {
        self.0.places().iter().any(|place| place.seat.depends_on(presence))
    }
}

impl Inner {
    fn places(&self) -> MutexGuard<'_, Vec<Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pool(&self) -> &Pool {
        self.hdhr.manager.pool()
    }

    fn change(&self, tuner: u8, change: Change, key: Option<u32>, asker: &Asker) -> Result<String, Fault> {
        let (device, now) = (self.hdhr.device, clock::now());
        let mut places = self.places();
        let place = places.get_mut(usize::from(tuner)).ok_or(Fault::Unknown)?;
        let value = match change {
            Change::Lock(new) => {
                self.pool().lock(device, tuner, asker.client, new, key).map_err(fault)?;
                place.seat.lock(Some((asker.client, &asker.presence)), now);
                asker.client.to_string()
            }
            Change::Unlock => {
                self.pool().unlock(device, tuner, key).map_err(fault)?;
                place.seat.lock(None, now);
                "none".into()
            }
            Change::Force => {
                self.pool().unlock_by_force(device, tuner).map_err(fault)?;
                place.seat.lock(None, now);
                tracing::info!(tuner, client.addr = %asker.client, "tuner unlocked by force");
                "none".into()
            }
            Change::Tune(number, value) => {
                if !self.hdhr.manager.knows(device, &number) {
                    return Err(Fault::NoChannel);
                }
                place.seat.tune(number, asker.client, now, &asker.presence);
                self.put_on_air(tuner, place, asker.client);
                value
            }
            Change::Physical(value) => {
                place.leave(Some(value.clone()));
                value
            }
            Change::Leave => {
                place.leave(None);
                "none".into()
            }
            Change::Map(map) => {
                place.seat.map = map;
                map.into()
            }
            Change::Filter(filter) => {
                place.seat.filter.clone_from(&filter);
                filter
            }
            Change::Program(program) => {
                place.seat.program = Some(program);
                program.to_string()
            }
            Change::Target(None) => {
                place.aim_at(None);
                "none".into()
            }
            Change::Target(Some(target)) => {
                self.aim(tuner, place, target, asker)?;
                target.to_string()
            }
        };
        Ok(value)
    }

    /// Keeps the channel that the seat has on air, if it is not already.
    fn put_on_air(&self, tuner: u8, place: &mut Place, client: IpAddr) {
        let Some(number) = place.seat.number.clone() else { return };
        if place.hold.as_ref().is_some_and(|hold| hold.number == number && hold.progress() != Progress::Failed) {
            return;
        }
        // The old channel goes before the new one comes: it has the tuner.
        place.hold = None;
        // One agent a tuner, so that sessions of different tuners are not taken for one client's zapping.
        let client = Client { addr: client, agent: agent(tuner) };
        let tune = Tune { device: self.hdhr.device, tuner: TunerChoice::Control(tuner), number, client };
        let aim = place.seat.aim().cloned();
        place.hold = Some(Hold::new(self.hdhr.manager.clone(), tune, self.outlet.clone(), aim));
    }

    fn aim(&self, tuner: u8, place: &mut Place, target: Target, asker: &Asker) -> Result<(), Fault> {
        if IpAddr::V4(*target.addr.ip()) != asker.client {
            return Err(BadTarget::NotTheClient.into());
        }
        let (now, pulse) = (clock::now(), self.outlet.expect(target.addr));
        let aim = Arc::new(Aim::new(target, asker.local, pulse, now));
        place.seat.set_aim(Some((aim.clone(), asker.client, &asker.presence)), now);
        match &place.hold {
            Some(hold) => hold.aim_at(Some(aim)),
            None => self.put_on_air(tuner, place, asker.client),
        }
        Ok(())
    }

    /// Gives up what nobody claims any more.
    fn tidy(&self) {
        let (device, now) = (self.hdhr.device, clock::now());
        for (tuner, place) in (0_u8..).zip(self.places().iter_mut()) {
            let keepalive = place.seat.aim().and_then(|aim| aim.pulse.last());
            // With another key it is not the owner's.
            let keepalive = keepalive.filter(|(_, key)| self.pool().may_change(device, tuner, Some(*key)).is_ok());
            if place.seat.aim_is_stale(now, keepalive.map(|(at, _)| at)) {
                tracing::info!(tuner, "nobody receives the stream of a tuner any more");
                place.aim_at(None);
            }
            if place.seat.lock_is_stale(now) {
                tracing::info!(tuner, "the lock of a client that has gone is given up");
                let _ = self.pool().unlock_by_force(device, tuner);
                place.seat.lock(None, now);
            }
            if place.hold.is_some() && !place.seat.is_wanted(now) {
                place.hold = None;
            }
        }
    }
}

impl Place {
    fn aim_at(&mut self, aim: Option<(Arc<Aim>, IpAddr, &Presence)>) {
        self.seat.set_aim(aim, clock::now());
        if let Some(hold) = &self.hold {
            hold.aim_at(self.seat.aim().cloned());
        }
    }

    fn leave(&mut self, physical: Option<String>) {
        self.hold = None;
        self.seat.leave(physical);
    }

    fn shown(&mut self, view: &TunerView) -> Shown {
        let holds = self.hold.as_ref().map(|hold| (&hold.number, hold.progress()));
        let watched = view.session.as_ref().filter(|_| !view.probing).zip(watcher(view));
        let signal = match (holds, watched) {
            (Some((number, Progress::OnAir)), _) => match &view.session {
                Some(session) if session.number == *number && session.live => Signal::Locked(on_air(session)),
                _ => Signal::Tuning(number.clone()),
            },
            (Some((number, Progress::Opening)), _) => Signal::Tuning(number.clone()),
            (_, Some((session, _))) if session.live => Signal::Locked(on_air(session)),
            (_, Some((session, _))) => Signal::Tuning(session.number.clone()),
            (Some((number, Progress::Failed)), None) => Signal::Failed(number.clone()),
            (None, None) => Signal::Idle,
        };
        let held = matches!(holds, Some((_, Progress::OnAir | Progress::Opening)));
        let watched_by = watched.filter(|_| !held).map(|(_, watcher)| watcher);
        if watched_by.is_some() && self.hold.is_none() {
            // What it was tuned to before is over.
            self.seat.leave(None);
        }
        Shown {
            physical: self.seat.physical.clone(),
            remembered: self.seat.number.clone(),
            map: self.seat.map,
            filter: self.seat.filter.clone(),
            program_set: self.seat.program,
            target: self.seat.aim().map(|aim| aim.target),
            locked_by: view.lock_owner,
            watched_by,
            signal,
        }
    }
}

/// Name of the viewer that a control connection is.
fn agent(tuner: u8) -> String {
    format!("control of tuner{tuner}")
}

/// Who watches over HTTP. A session in its idle grace has nobody and gives its tuner up as soon as it is wanted.
fn watcher(view: &TunerView) -> Option<IpAddr> {
    let mut viewers = view.session.iter().flat_map(|session| &session.subscribers);
    viewers.find(|viewer| view.viewers.contains(&viewer.id) && viewer.agent != agent(view.index)).map(|viewer| viewer.addr)
}

fn on_air(session: &SessionStats) -> OnAir {
    OnAir {
        number: session.number.clone(),
        name: session.name.clone(),
        bits_per_second: session.bitrate_bps,
        packets_per_second: session.packets_per_second,
        missed: session.info.continuity_errors,
        scrambled: session.info.scrambled,
    }
}

fn fault(error: LockError) -> Fault {
    match error {
        LockError::NoSuchTuner => Fault::Unknown,
        LockError::Locked(owner) => Fault::Locked(owner),
    }
}

/// The tuners as one client's request finds them.
struct View<'a> {
    desk: &'a Inner,
    client: IpAddr,
    tuners: Vec<TunerView>,
}

impl<'a> View<'a> {
    fn of(desk: &'a Desk, client: IpAddr) -> Self {
        let desk = &*desk.0;
        let tuners = desk.hdhr.manager.tuners(desk.hdhr.device);
        desk.places().resize_with(tuners.len(), Place::default);
        Self { desk, client, tuners }
    }
}

impl Tuners for View<'_> {
    fn count(&self) -> u8 {
        u8::try_from(self.tuners.len()).unwrap_or(u8::MAX)
    }

    fn shown(&self, tuner: u8) -> Shown {
        let mut places = self.desk.places();
        match (places.get_mut(usize::from(tuner)), self.tuners.get(usize::from(tuner))) {
            (Some(place), Some(view)) => {
                place.seat.touched(self.client, clock::now());
                place.shown(view)
            }
            _ => Shown::default(),
        }
    }

    fn may_change(&self, tuner: u8, key: Option<u32>) -> Result<(), IpAddr> {
        // A viewer over HTTP has the tuner to itself, as if it were locked.
        let watched_by = self.shown(tuner).watched_by;
        match self.desk.pool().may_change(self.desk.hdhr.device, tuner, key) {
            Err(LockError::Locked(owner)) => Err(owner),
            _ => watched_by.map_or(Ok(()), Err),
        }
    }
}

async fn tidy(desk: Weak<Inner>) {
    loop {
        clock::sleep(TIDY_EVERY).await;
        let Some(desk) = desk.upgrade() else { return };
        desk.tidy();
    }
}
