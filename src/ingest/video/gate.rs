//! Which access units may go on after a hole: not those that refer to what is missing. Pure.

use std::time::Duration;

use crate::base::clock::Instant;

/// What becomes of pictures behind a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnHole {
    /// All are given, damaged ones with a flag.
    Pass,
    /// Damaged ones are not given; where others may refer to it, none up to the next that decoding can begin at. The same at the
    /// beginning of the stream.
    #[default]
    Drop,
}

/// What decides about an access unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// When it is shown, in units of 90 kHz.
    pub timestamp: u64,
    /// Decoding can begin here.
    pub random_access: bool,
    /// Nothing behind it needs anything in front of it.
    pub closed: bool,
    /// Others may refer to it.
    pub reference: bool,
    /// Not decodable where decoding begins at the one before it (HEVC: RASL).
    pub skipped: bool,
    /// Something of it is missing.
    pub damaged: bool,
    /// The rest of the one before.
    pub continues: bool,
}

/// Decides about the access units of one stream, in decoding order.
#[derive(Debug)]
pub struct Gate {
    policy: OnHole,
    patience: Duration,
    waiting: bool,
    /// Since when, once somebody has told the time.
    since: Option<Instant>,
    /// Began at a picture of this time that is not closed: those shown before it refer to what is missing.
    leading: Option<u64>,
    admitted: bool,
}

impl Gate {
    /// At the beginning of a stream.
    pub fn new(policy: OnHole, patience: Duration) -> Self {
        Self { policy, patience, waiting: policy == OnHole::Drop, since: None, leading: None, admitted: false }
    }

    /// Waits for a picture to begin at.
    pub fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// Something is missing that may have been referred to.
    pub fn lost(&mut self, now: Instant) {
        if self.policy == OnHole::Drop && !self.waiting {
            (self.waiting, self.since) = (true, Some(now));
        }
    }

    /// Whether this one goes on.
    pub fn admit(&mut self, unit: &Facts, now: Instant) -> bool {
        self.admitted = self.policy == OnHole::Pass || self.decide(unit, now);
        self.admitted
    }

    fn decide(&mut self, unit: &Facts, now: Instant) -> bool {
        if unit.damaged {
            if unit.reference {
                self.lost(now);
            }
            return false;
        }
        if unit.continues {
            return self.admitted;
        }
        if self.waiting {
            let since = *self.since.get_or_insert(now);
            let patient = now.saturating_duration_since(since) < self.patience;
            if patient && !unit.random_access {
                return false;
            }
            (self.waiting, self.since) = (false, None);
            self.leading = (unit.random_access && !unit.closed).then_some(unit.timestamp);
            return true;
        }
        match self.leading {
            Some(begun) if unit.skipped || unit.timestamp < begun => false,
            Some(begun) => {
                // In H.264 nothing else says which are leading pictures; all of them come before the next that is shown later.
                self.leading = (unit.timestamp == begun).then_some(begun);
                true
            }
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// One picture a letter and a time: `I` can be begun at and is closed, `C` is not closed, `P` is referred to, `b` is not, `r` is
    /// skipped; `!` behind one is damage, `*` stands for a loss, `+` for the rest of the one before.
    fn admitted(policy: OnHole, units: &str) -> String {
        let mut now = Instant::now();
        let mut gate = Gate::new(policy, Duration::from_secs(10));
        let mut admitted = Vec::new();
        for word in units.split(' ') {
            now += Duration::from_millis(40);
            let (kind, time) = word.split_at(1);
            if kind == "*" {
                gate.lost(now);
                continue;
            }
            let unit = Facts {
                timestamp: time.trim_end_matches('!').parse().unwrap(),
                random_access: matches!(kind, "I" | "C"),
                closed: kind == "I",
                reference: matches!(kind, "I" | "C" | "P"),
                skipped: kind == "r",
                damaged: word.ends_with('!'),
                continues: kind == "+",
            };
            if gate.admit(&unit, now) {
                admitted.push(word);
            }
        }
        admitted.join(" ")
    }

    #[rstest]
    #[case::whole("I0 P1 P2", "I0 P1 P2")]
    #[case::joined_late("P0 P1 I2 P3", "I2 P3")]
    #[case::a_picture_nobody_needs("I0 P3 b1! b2 P4", "I0 P3 b2 P4")]
    #[case::a_reference("I0 P1! P2 b3 I4 P5", "I0 I4 P5")]
    #[case::the_random_access_itself("I0 P1 I2! P3 I4", "I0 P1 I4")]
    #[case::something_between("I0 P1 * P3 I4 P5", "I0 P1 I4 P5")]
    #[case::leading_pictures("P0 C9 b7 P8 P12 b10 b11", "C9 P12 b10 b11")]
    #[case::leading_pictures_of_hevc("P0 C9 r7 b8 P12 P11", "C9 P12 P11")]
    #[case::leading_pictures_behind_a_whole_stream("I0 C9 r7 b8 P12", "I0 C9 r7 b8 P12")]
    #[case::rest_of_one_that_went("I0 +0 P1 +1", "I0 +0 P1 +1")]
    #[case::rest_of_one_that_did_not("P0 +0 I1", "I1")]
    #[case::rest_that_is_damaged("I0 P1 b1! P2 I3", "I0 P1 P2 I3")]
    fn dropping(#[case] units: &str, #[case] given: &str) {
        assert_eq!(admitted(OnHole::Drop, units), given);
        let all: Vec<&str> = units.split(' ').filter(|word| *word != "*").collect();
        assert_eq!(admitted(OnHole::Pass, units), all.join(" "));
    }

    #[test]
    fn patience_ends() {
        let mut gate = Gate::new(OnHole::Drop, Duration::from_secs(10));
        let begin = Instant::now();
        let unit = Facts { reference: true, ..Facts::default() };
        assert!(!gate.admit(&unit, begin));
        assert!(!gate.admit(&unit, begin + Duration::from_millis(9_999)));
        assert!(gate.admit(&unit, begin + Duration::from_secs(10)));
        gate.lost(begin + Duration::from_secs(11));
        assert!(!gate.admit(&unit, begin + Duration::from_secs(12)) && gate.is_waiting());
    }

    proptest! {
        /// Nothing damaged passes, and behind a loss nothing but what can be begun at.
        #[test]
        fn what_is_given_can_be_decoded(
            units in proptest::collection::vec((0u8..8, 0u64..100, any::<bool>(), any::<bool>(), any::<bool>()), 0..200),
        ) {
            let now = Instant::now();
            let mut gate = Gate::new(OnHole::Drop, Duration::from_secs(10));
            let mut sound = false;
            for (kind, timestamp, damaged, lost, reference) in units {
                if lost && kind == 1 {
                    gate.lost(now);
                    sound = false;
                }
                let unit = Facts { timestamp, random_access: kind == 0, reference, damaged: damaged && kind < 3, ..Facts::default() };
                let admitted = gate.admit(&unit, now);
                prop_assert!(!admitted || !unit.damaged && (sound || unit.random_access));
                sound = if unit.damaged { sound && !unit.reference } else { sound || unit.random_access };
            }
        }
    }
}
