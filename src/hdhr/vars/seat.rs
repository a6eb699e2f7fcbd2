//! What control connections have set a tuner to, and how long that lasts. Pure; `now` is an argument.
//!
//! A client may vanish without a word, so every claim ends by itself: a stream when its keepalives stop, a lock when its owner has
//! said nothing for a minute, a channel when nobody asks about it. A client whose connection is open has not vanished: Jellyfin
//! and tvheadend send no keepalives, but keep the connection.

use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::super::target::Aim;
use crate::base::clock::Instant;
use crate::model::GuideNumber;

/// The channel maps of libhdhomerun (`hdhomerun_channels.c`); a scan refuses others.
pub const CHANNEL_MAPS: [&str; 13] = [
    "us-bcast", "us-cable", "us-hrc", "us-irc", "eu-bcast", "eu-cable", "au-bcast", "au-cable", "kr-bcast", "kr-cable",
    "jp-bcast", "tw-bcast", "tw-cable",
];

/// Keepalives come every second; after this long without one a stream ends. A little less than the five seconds that clients are
/// promised, because it is looked at only now and then.
const KEEPALIVE_LIMIT: Duration = Duration::from_millis(4500);
/// Time for the first keepalive of a client that has closed its connection.
const FIRST_KEEPALIVE_LIMIT: Duration = Duration::from_secs(15);
/// A lock whose owner has neither a connection nor asked anything for this long is given up.
const LOCK_LIMIT: Duration = Duration::from_secs(60);
/// A channel is kept on air for this long after its client last asked about the tuner.
const TUNED_LIMIT: Duration = Duration::from_secs(10);

/// A connection, for as long as it is open.
#[derive(Debug, Clone, Default)]
pub struct Presence(Arc<()>);

/// Somebody who asked for something.
#[derive(Debug, Clone)]
struct Claim {
    by: IpAddr,
    at: Instant,
    connection: Weak<()>,
}

impl Claim {
    fn new(by: IpAddr, now: Instant, presence: &Presence) -> Self {
        Self { by, at: now, connection: Arc::downgrade(&presence.0) }
    }

    fn is_connected(&self) -> bool {
        self.connection.strong_count() > 0
    }

    fn is_of(&self, presence: &Presence) -> bool {
        self.connection.as_ptr() == Arc::as_ptr(&presence.0)
    }
}

/// What a tuner was set to.
#[derive(Debug)]
pub struct Seat {
    /// `channel`.
    pub physical: Option<String>,
    /// `vchannel`; stays after the channel has gone off air, so that a target brings it back.
    pub number: Option<GuideNumber>,
    /// `channelmap`.
    pub map: &'static str,
    /// `filter`. Kept and repeated, but not applied: what is sent is one programme anyway.
    pub filter: String,
    /// `program`.
    pub program: Option<u32>,
    aim: Option<(Arc<Aim>, Claim)>,
    tuned: Option<Claim>,
    lock: Option<Claim>,
}

impl Default for Seat {
    fn default() -> Self {
        Self {
            physical: None,
            number: None,
            map: "us-bcast",
            filter: "0x0000-0x1fff".into(),
            program: None,
            aim: None,
            tuned: None,
            lock: None,
        }
    }
}

impl Seat {
    /// Somebody asked about the tuner or changed it.
    pub fn touched(&mut self, by: IpAddr, now: Instant) {
        for claim in [&mut self.tuned, &mut self.lock].into_iter().flatten().filter(|claim| claim.by == by) {
            claim.at = now;
        }
    }

    /// Somebody tuned it.
    pub fn tune(&mut self, number: GuideNumber, by: IpAddr, now: Instant, presence: &Presence) {
        (self.number, self.physical, self.program) = (Some(number), None, None);
        self.tuned = Some(Claim::new(by, now, presence));
    }

    /// It is tuned to nothing of ours any more.
    pub fn leave(&mut self, physical: Option<String>) {
        (self.number, self.physical, self.program, self.tuned) = (None, physical, None, None);
    }

    /// Somebody locked it; `None`: nobody has it locked any more.
    pub fn lock(&mut self, by: Option<(IpAddr, &Presence)>, now: Instant) {
        self.lock = by.map(|(by, presence)| Claim::new(by, now, presence));
    }

    /// Where its stream goes from now on.
    pub fn set_aim(&mut self, aim: Option<(Arc<Aim>, IpAddr, &Presence)>, now: Instant) {
        self.aim = aim.map(|(aim, by, presence)| (aim, Claim::new(by, now, presence)));
    }

    /// Where its stream goes.
    pub fn aim(&self) -> Option<&Arc<Aim>> {
        self.aim.as_ref().map(|(aim, _)| aim)
    }

    /// Whether a lock or a stream depends on this connection, which is not to be closed for being silent then.
    pub fn depends_on(&self, presence: &Presence) -> bool {
        let aim = self.aim.as_ref().map(|(_, claim)| claim);
        aim.into_iter().chain(&self.lock).any(|claim| claim.is_of(presence))
    }

    /// Whether nobody receives the stream any more, given when the last keepalive came.
    pub fn aim_is_stale(&self, now: Instant, keepalive: Option<Instant>) -> bool {
        self.aim.as_ref().is_some_and(|(_, claim)| match keepalive {
            Some(last) => now >= last + KEEPALIVE_LIMIT,
            None => !claim.is_connected() && now >= claim.at + FIRST_KEEPALIVE_LIMIT,
        })
    }

    /// Whether the owner of the lock has vanished.
    pub fn lock_is_stale(&self, now: Instant) -> bool {
        self.aim.is_none() && self.lock.as_ref().is_some_and(|claim| !claim.is_connected() && now >= claim.at + LOCK_LIMIT)
    }

    /// Whether its channel is to be on air.
    pub fn is_wanted(&self, now: Instant) -> bool {
        self.aim.is_some() || self.lock.is_some() || self.tuned.as_ref().is_some_and(|claim| now < claim.at + TUNED_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 5));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 6));

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn aim() -> Arc<Aim> {
        Arc::new(Aim::new("udp://10.0.0.5:5000".parse().unwrap(), std::net::Ipv4Addr::LOCALHOST, Arc::default(), clock::now()))
    }

    #[tokio::test]
    async fn a_channel_lasts_while_its_client_asks() {
        let (mut seat, presence, t) = (Seat::default(), Presence::default(), clock::now());
        seat.tune("5.1".parse().unwrap(), CLIENT, t, &presence);
        assert!(seat.is_wanted(t + seconds(9.9)) && !seat.is_wanted(t + seconds(10.0)));
        seat.touched(OTHER, t + seconds(9.0));
        assert!(!seat.is_wanted(t + seconds(10.0)), "a dashboard of somebody else does not keep it on air");
        seat.touched(CLIENT, t + seconds(9.0));
        assert!(seat.is_wanted(t + seconds(18.0)));
        seat.leave(None);
        assert!(!seat.is_wanted(t) && seat.number.is_none());
    }

    #[tokio::test]
    async fn a_lock_lasts_while_its_owner_is_there() {
        let (mut seat, presence, t) = (Seat::default(), Presence::default(), clock::now());
        seat.lock(Some((CLIENT, &presence)), t);
        assert!(!seat.lock_is_stale(t + seconds(3600.0)) && seat.depends_on(&presence), "its connection is open");
        drop(presence);
        assert!(!seat.lock_is_stale(t + seconds(59.0)) && seat.lock_is_stale(t + seconds(60.0)));
        seat.touched(CLIENT, t + seconds(50.0));
        assert!(!seat.lock_is_stale(t + seconds(100.0)) && seat.is_wanted(t + seconds(100.0)));
        seat.lock(None, t);
        assert!(!seat.lock_is_stale(t + seconds(1000.0)) && !seat.is_wanted(t));
    }

    #[tokio::test]
    async fn a_stream_lasts_while_keepalives_come() {
        let (mut seat, presence, t) = (Seat::default(), Presence::default(), clock::now());
        assert!(!seat.aim_is_stale(t + seconds(100.0), None));
        seat.set_aim(Some((aim(), CLIENT, &presence)), t);
        assert!(seat.depends_on(&presence) && !seat.depends_on(&Presence::default()));
        assert!(!seat.aim_is_stale(t + seconds(3600.0), None), "a client that never sends any, but stays connected");
        assert!(seat.aim_is_stale(t + seconds(5.0), Some(t)), "one that has stopped");
        assert!(!seat.aim_is_stale(t + seconds(4.0), Some(t)));
        drop(presence);
        assert!(!seat.aim_is_stale(t + seconds(14.0), None) && seat.aim_is_stale(t + seconds(15.0), None));
        assert!(seat.is_wanted(t + seconds(3600.0)));
        seat.set_aim(None, t);
        assert!(seat.aim().is_none() && !seat.is_wanted(t));
    }
}
