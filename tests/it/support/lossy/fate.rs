//! What a bad link does to each datagram: a function of the seed, the direction and the datagram's place alone. Pure.

use std::collections::HashMap;
use std::time::Duration;

use super::counts::SrtPacket;

/// What a direction is like. Chances lie between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Direction {
    /// What everything takes.
    pub delay: Duration,
    /// What is added to it, from nothing to this, evenly spread. It does not change the order.
    pub jitter: Duration,
    /// That a loss begins with a datagram.
    pub loss: f64,
    /// Datagrams in a row that such a loss takes.
    pub burst: u64,
    /// That a datagram is overtaken.
    pub reorder: f64,
    /// How much later it comes then.
    pub reorder_by: Duration,
    /// That one comes twice.
    pub duplicate: f64,
    /// Bit/s of UDP payload; 0: as many as come.
    pub rate: u64,
    /// Datagrams of each kind that nothing befalls at first: handshakes, and the packets that say where a stream begins.
    pub spared: u64,
}

impl Direction {
    /// One that harms nothing.
    pub const CLEAR: Self = Self {
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        loss: 0.0,
        burst: 1,
        reorder: 0.0,
        reorder_by: Duration::from_millis(5),
        duplicate: 0.0,
        rate: 0,
        spared: 0,
    };

    /// The fate of the datagram at this place, with this seed.
    pub fn fate(&self, seed: u64, place: Place) -> Fate {
        let draw = |what: u64, number: u64| chance(seed, what, Place { number, ..place });
        if place.number < self.spared {
            return Fate { lost: false, twice: false, overtaken: false, jitter: self.jitter.mul_f64(draw(3, place.number)) };
        }
        let first = place.number.saturating_sub(self.burst.max(1) - 1);
        Fate {
            lost: (first.max(self.spared)..=place.number).any(|number| draw(0, number) < self.loss),
            twice: draw(1, place.number) < self.duplicate,
            overtaken: draw(2, place.number) < self.reorder,
            jitter: self.jitter.mul_f64(draw(3, place.number)),
        }
    }
}

/// What becomes of one datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    /// It never comes.
    pub lost: bool,
    /// It comes twice.
    pub twice: bool,
    /// It is overtaken.
    pub overtaken: bool,
    /// Its share of the jitter.
    pub jitter: Duration,
}

/// Which datagram of a direction it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// 0: whatever is no data of SRT. Else the nth time that data are sent.
    pub lane: u64,
    /// Its number among those.
    pub number: u64,
}

/// Gives the datagrams of a direction their places. What is sent again and what is acknowledged depends on the clock; so that it
/// does not change which data are lost, a packet of SRT's data is known by its own number and by how often it was sent.
#[derive(Debug, Default)]
pub struct Places {
    first: Option<u32>,
    again: HashMap<u32, u64>,
    others: u64,
}

impl Places {
    /// The place of the next one.
    pub fn next(&mut self, packet: Option<SrtPacket>) -> Place {
        let Some(SrtPacket::Data { number, retransmitted }) = packet else {
            self.others += 1;
            return Place { lane: 0, number: self.others - 1 };
        };
        let first = *self.first.get_or_insert(number);
        let number = number.wrapping_sub(first) & 0x7FFF_FFFF;
        let again = if retransmitted {
            let again = self.again.entry(number).or_default();
            *again += 1;
            *again
        } else {
            0
        };
        Place { lane: 1 + again, number: u64::from(number) }
    }
}

/// A number from 0 to 1, without 1: splitmix64 of what it is for.
fn chance(seed: u64, what: u64, place: Place) -> f64 {
    let mixed = [what, place.lane, place.number].iter().fold(mix(seed), |state, part| mix(state.wrapping_add(*part)));
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(direction: Direction, seed: u64, lane: u64) -> Vec<u64> {
        (0..10_000).filter(|number| direction.fate(seed, Place { lane, number: *number }).lost).collect()
    }

    #[test]
    fn a_seed_decides_what_is_lost() {
        let direction = Direction { loss: 0.02, ..Direction::CLEAR };
        assert_eq!(lost(direction, 7, 1), lost(direction, 7, 1));
        assert_ne!(lost(direction, 7, 1), lost(direction, 8, 1));
        assert_ne!(lost(direction, 7, 1), lost(direction, 7, 2));
        assert!((150..250).contains(&lost(direction, 7, 1).len()));
        let spared = Direction { spared: 9_000, ..direction };
        assert!(lost(spared, 7, 1).iter().eq(lost(direction, 7, 1).iter().filter(|number| **number >= 9_000)));
    }

    #[test]
    fn a_burst_takes_as_many_in_a_row() {
        let direction = Direction { loss: 0.003, burst: 5, ..Direction::CLEAR };
        let lost = lost(direction, 7, 1);
        assert!((100..220).contains(&lost.len()));
        assert!(lost.chunk_by(|a, b| a + 1 == *b).all(|run| run.len() >= 5));
    }

    #[test]
    fn data_are_known_by_their_own_numbers() {
        let mut places = Places::default();
        let data = |number, retransmitted| Some(SrtPacket::Data { number, retransmitted });
        let sent = [data(0x7FFF_FFFF, false), None, data(1, false), data(0, true), Some(SrtPacket::Control(2)), data(0, true)];
        let places = sent.map(|packet| places.next(packet)).map(|place| (place.lane, place.number));
        assert_eq!(places, [(1, 0), (0, 0), (1, 2), (2, 1), (0, 1), (3, 1)]);
    }
}
