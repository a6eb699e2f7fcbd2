//! What becomes of a stream in which something went wrong: it waits for a keyframe, asks for one, and goes on with it. Pure; says
//! when to ask (by an RTCP PLI, RFC 4585, 6.3.1, where the sender understands it), and counts.

use std::time::Duration;

use crate::base::clock::Instant;
use crate::model::Moment;

/// Limits; the defaults are those of the reference, and the seed's `force_idr_interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// A keyframe that has not come for so long is asked for again.
    pub keyframe_timeout: Duration,
    /// After so long without one the stream has failed, until one comes.
    pub most: Duration,
    /// So many missing packets at a time are waited out; fewer are only counted.
    pub gap: u64,
    /// `force_idr_interval`: without a keyframe for so long one is asked for.
    pub force_idr_interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keyframe_timeout: Duration::from_secs(2),
            most: Duration::from_secs(5),
            gap: 5,
            force_idr_interval: Duration::from_secs(10),
        }
    }
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A frame is not whole, or makes no sense.
    Corruption,
    /// Nothing came for too long.
    Timeout,
    /// So many packets are missing.
    Gap(u64),
    /// Time stamps leapt.
    Jump,
}

/// How a stream is; names are those of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// All is well, as far as is known.
    #[default]
    Normal,
    /// It waits for a keyframe.
    Recovering,
    /// It has waited for too long, and asked again.
    Resyncing,
    /// No keyframe came. One that comes after all is welcome.
    Failed,
}

/// What there is to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// How it is.
    pub state: State,
    /// How often it went on with a keyframe.
    pub recovered: u64,
    /// When, the last time.
    pub recovered_at: Option<Moment>,
    /// How long it took, the last time.
    pub took: Duration,
    /// How often a keyframe did not come in time.
    pub resyncs: u64,
    /// How often none came at all.
    pub failures: u64,
    /// Frames that were not whole.
    pub corruptions: u64,
    /// How often nothing came.
    pub timeouts: u64,
    /// How often packets were missing.
    pub gaps: u64,
    /// Those packets.
    pub missing: u64,
    /// How often time stamps leapt.
    pub jumps: u64,
    /// How often a keyframe was asked for.
    pub asked: u64,
}

impl Statistics {
    /// Whether nothing is waited for.
    pub fn is_healthy(&self) -> bool {
        self.state == State::Normal
    }
}

/// Follows one stream.
#[derive(Debug, Clone)]
pub struct Recovery {
    settings: Settings,
    statistics: Statistics,
    /// Since when it waits.
    since: Instant,
    /// When a keyframe came, or was asked for, the last time.
    last: Instant,
}

impl Recovery {
    /// A stream that begins now.
    pub fn new(settings: Settings, now: Instant) -> Self {
        Self { settings, statistics: Statistics::default(), since: now, last: now }
    }

    /// Something went wrong. True if a keyframe is to be asked for.
    pub fn fault(&mut self, fault: Fault, now: Instant) -> bool {
        let Statistics { corruptions, timeouts, gaps, missing, jumps, .. } = &mut self.statistics;
        let count = match fault {
            Fault::Corruption => corruptions,
            Fault::Timeout => timeouts,
            Fault::Gap(_) => gaps,
            Fault::Jump => jumps,
        };
        *count = count.saturating_add(1);
        if let Fault::Gap(packets) = fault {
            *missing = missing.saturating_add(packets);
            if packets < self.settings.gap {
                return false;
            }
        }
        if self.statistics.state != State::Normal {
            return false;
        }
        self.statistics.state = State::Recovering;
        self.since = now;
        self.ask(now)
    }

    /// A keyframe came, whole. Says how long it was waited for, if it was.
    pub fn keyframe(&mut self, now: Instant, wall: Moment) -> Option<Duration> {
        self.last = now;
        if self.statistics.state == State::Normal {
            return None;
        }
        let took = now.saturating_duration_since(self.since);
        self.statistics.state = State::Normal;
        self.statistics.recovered = self.statistics.recovered.saturating_add(1);
        self.statistics.recovered_at = Some(wall);
        self.statistics.took = took;
        Some(took)
    }

    /// Time has passed; to be called about every 100 ms. True if a keyframe is to be asked for.
    pub fn tick(&mut self, now: Instant) -> bool {
        let waited = now.saturating_duration_since(self.since);
        let Settings { keyframe_timeout, most, force_idr_interval, .. } = self.settings;
        match self.statistics.state {
            State::Recovering if waited >= keyframe_timeout => {
                self.statistics.state = State::Resyncing;
                self.statistics.resyncs = self.statistics.resyncs.saturating_add(1);
            }
            State::Resyncing if waited >= most => {
                self.statistics.state = State::Failed;
                self.statistics.failures = self.statistics.failures.saturating_add(1);
            }
            _ => {}
        }
        let patience = match self.statistics.state {
            State::Normal => force_idr_interval,
            _ => keyframe_timeout,
        };
        now.saturating_duration_since(self.last) >= patience && self.ask(now)
    }

    /// What there is to tell.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    fn ask(&mut self, now: Instant) -> bool {
        self.last = now;
        self.statistics.asked = self.statistics.asked.saturating_add(1);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::base::clock;

    fn recovery() -> (Recovery, Instant) {
        let now = clock::now();
        (Recovery::new(Settings::default(), now), now)
    }

    #[rstest]
    #[case(Fault::Corruption, true)]
    #[case(Fault::Timeout, true)]
    #[case(Fault::Jump, true)]
    #[case(Fault::Gap(5), true)]
    #[case(Fault::Gap(4), false)]
    fn faults_are_waited_out(#[case] fault: Fault, #[case] waits: bool) {
        let (mut recovery, now) = recovery();
        assert_eq!(recovery.fault(fault, now), waits);
        assert_eq!(recovery.statistics().is_healthy(), !waits);
        let found = recovery.statistics();
        assert_eq!(found.corruptions + found.timeouts + found.jumps + found.gaps, 1);
        assert_eq!(found.asked, u64::from(waits));
    }

    /// What happens at which second: `!` a fault, `K` a keyframe; the states at the end of each second, and when one is asked for.
    #[rstest]
    #[case("!K...", "RNNNN", &[0])]
    #[case("!.....K", "RRSSSFN", &[0, 2, 4, 6])]
    #[case("!..!K", "RRSSN", &[0, 2, 4])]
    #[case("!.......", "RRSSSFFF", &[0, 2, 4, 6])]
    #[case("............", "NNNNNNNNNNNN", &[10])]
    #[case("..K..........K", "NNNNNNNNNNNNNN", &[12])]
    fn states(#[case] happens: &str, #[case] expected: &str, #[case] asked: &[usize]) {
        let (mut recovery, start) = recovery();
        let (mut found, mut asks) = (String::new(), Vec::new());
        for (second, happens) in happens.chars().enumerate() {
            let now = start + Duration::from_secs(second as u64);
            let mut asks_now = recovery.tick(now);
            match happens {
                '!' => asks_now |= recovery.fault(Fault::Corruption, now),
                'K' => {
                    recovery.keyframe(now, Moment(second as i64));
                }
                _ => {}
            }
            if asks_now {
                asks.push(second);
            }
            found.push(match recovery.statistics().state {
                State::Normal => 'N',
                State::Recovering => 'R',
                State::Resyncing => 'S',
                State::Failed => 'F',
            });
        }
        assert_eq!((found.as_str(), &asks[..]), (expected, asked));
    }

    #[test]
    fn what_came_of_it_is_told() {
        let (mut recovery, now) = recovery();
        assert_eq!(recovery.keyframe(now, Moment(1)), None);
        recovery.fault(Fault::Gap(7), now);
        recovery.fault(Fault::Gap(2), now);
        let later = now + Duration::from_millis(700);
        assert_eq!(recovery.keyframe(later, Moment(9)), Some(Duration::from_millis(700)));
        let found = recovery.statistics();
        assert_eq!((found.recovered, found.recovered_at, found.gaps, found.missing), (1, Some(Moment(9)), 2, 9));
        assert_eq!((found.took, found.state), (Duration::from_millis(700), State::Normal));
    }

    proptest! {
        #[test]
        fn keyframes_are_never_asked_for_in_a_rush(steps in proptest::collection::vec((0u64..3000, 0u8..4), 0..200)) {
            let (mut recovery, start) = recovery();
            let (mut ms, mut asked) = (0, 0);
            for (passed, what) in steps {
                ms += passed;
                let now = start + Duration::from_millis(ms);
                asked += u64::from(match what {
                    0 => recovery.fault(Fault::Jump, now),
                    1 => {
                        recovery.keyframe(now, Moment(0));
                        false
                    }
                    _ => recovery.tick(now),
                });
                let found = recovery.statistics();
                prop_assert_eq!(found.asked, asked);
                // Once a fault that a keyframe has ended, and every two seconds besides.
                prop_assert!(asked <= found.recovered + 1 + ms / 2000);
                prop_assert!(found.recovered <= found.jumps && found.failures <= found.resyncs && found.resyncs <= found.jumps);
            }
        }
    }
}
