//! Senders that are not believed yet, with their packets, so that none is lost when they are. Bounded in number, bytes and age.

use std::collections::VecDeque;
use std::time::Duration;

use super::header::Packet;
use super::probation::{MAX_MISORDER, Probation};
use crate::base::clock::Instant;

/// Bytes of a sender that is not believed …
const TRIED_BYTES: usize = 64 * 1024;
/// … and of one that waits for its turn: 150 ms of 50 Mbit/s.
const BELIEVED_BYTES: usize = 1024 * 1024;
/// A packet older than this is nothing to begin with …
const OLDEST: Duration = Duration::from_secs(1);
/// … and a sender that has been silent for so long is forgotten. Between them are streams of data with a packet every few seconds.
const FORGOTTEN: Duration = Duration::from_secs(5);

/// A packet that is kept.
#[derive(Debug)]
struct Held {
    arrival: Instant,
    payload_type: u8,
    marker: bool,
    sequence: u16,
    timestamp: u32,
    payload: Vec<u8>,
}

impl Held {
    fn bytes(&self) -> usize {
        self.payload.len().saturating_add(size_of::<Self>())
    }
}

/// One sender.
#[derive(Debug)]
pub(super) struct Candidate<K> {
    pub(super) key: K,
    pub(super) ssrc: u32,
    /// Since when.
    pub(super) believed: Option<Instant>,
    heard: Instant,
    probation: Probation,
    last: u16,
    held: VecDeque<Held>,
    bytes: usize,
}

impl<K> Candidate<K> {
    fn new(now: Instant, key: K, ssrc: u32) -> Self {
        let (probation, held) = (Probation::default(), VecDeque::new());
        Self { key, ssrc, believed: None, heard: now, probation, last: 0, held, bytes: 0 }
    }

    fn take(&mut self, now: Instant, packet: &Packet<'_>) {
        if self.probation.take(packet.sequence) {
            self.believed.get_or_insert(now);
        }
        (self.heard, self.last) = (now, packet.sequence);
        let &Packet { payload_type, marker, sequence, timestamp, payload, .. } = packet;
        let held = Held { arrival: now, payload_type, marker, sequence, timestamp, payload: payload.to_vec() };
        self.bytes = self.bytes.saturating_add(held.bytes());
        self.held.push_back(held);
        let most = if self.believed.is_some() { BELIEVED_BYTES } else { TRIED_BYTES };
        while self.held.len() > 1 && (self.bytes > most || self.is_stale(now)) {
            self.bytes = self.bytes.saturating_sub(self.held.pop_front().map_or(0, |held| held.bytes()));
        }
    }

    fn is_stale(&self, now: Instant) -> bool {
        self.held.front().is_some_and(|first| now.saturating_duration_since(first.arrival) > OLDEST)
    }

    /// How far a packet lies from the newest, if it belongs to the stream.
    fn place(&self, held: &Held) -> Option<i16> {
        let place = held.sequence.wrapping_sub(self.last).cast_signed();
        let most = usize::try_from(MAX_MISORDER).unwrap_or(0).max(self.held.len());
        (usize::from(place.unsigned_abs()) <= most).then_some(place)
    }

    /// The payload type that it sends now.
    pub(super) fn payload_type(&self) -> u8 {
        self.held.back().map_or(0, |held| held.payload_type)
    }

    /// The lowest number of its packets.
    pub(super) fn first(&self) -> u16 {
        let lowest = self.held.iter().filter_map(|held| self.place(held)).min();
        self.last.wrapping_add_signed(lowest.unwrap_or(0))
    }

    /// Its packets and when they came, in the order in which they did; stray ones are left out.
    pub(super) fn packets(&self) -> impl Iterator<Item = (Instant, Packet<'_>)> {
        self.held.iter().filter(|held| self.place(held).is_some()).map(|held| {
            let &Held { arrival, payload_type, marker, sequence, timestamp, ref payload } = held;
            (arrival, Packet { payload_type, marker, sequence, timestamp, ssrc: self.ssrc, payload })
        })
    }
}

/// Several.
#[derive(Debug)]
pub(super) struct Candidates<K> {
    all: Vec<Candidate<K>>,
    most: usize,
    most_bytes: usize,
}

impl<K: Copy + PartialEq> Candidates<K> {
    /// At most so many, with so many bytes.
    pub(super) fn new(most: usize, most_bytes: usize) -> Self {
        Self { all: Vec::new(), most, most_bytes }
    }

    /// Takes a packet of a sender.
    pub(super) fn take(&mut self, now: Instant, key: K, packet: &Packet<'_>) {
        let at = self.all.iter().position(|candidate| candidate.key == key);
        let mut candidate = match at {
            Some(at) => self.all.swap_remove(at),
            None => Candidate::new(now, key, packet.ssrc),
        };
        candidate.take(now, packet);
        while self.all.len() >= self.most || self.bytes().saturating_add(candidate.bytes) > self.most_bytes {
            let oldest = self.all.iter().enumerate().min_by_key(|(_, other)| (other.believed.is_some(), other.heard));
            let Some((oldest, _)) = oldest else { break };
            self.all.swap_remove(oldest);
        }
        self.all.push(candidate);
    }

    /// Somebody else has gone on sending: two packets in order prove nothing if one of his lay between them.
    pub(super) fn interrupt(&mut self) {
        for candidate in &mut self.all {
            candidate.probation.interrupt();
            candidate.believed = None;
        }
    }

    /// Those that are believed.
    pub(super) fn believed(&self) -> impl Iterator<Item = &Candidate<K>> {
        self.all.iter().filter(|candidate| candidate.believed.is_some())
    }

    /// Gives one away.
    pub(super) fn remove(&mut self, key: K) -> Option<Candidate<K>> {
        let at = self.all.iter().position(|candidate| candidate.key == key)?;
        Some(self.all.swap_remove(at))
    }

    /// Forgets those who have not gone on.
    pub(super) fn forget(&mut self, now: Instant) {
        self.all.retain(|candidate| now.saturating_duration_since(candidate.heard) <= FORGOTTEN);
    }

    /// What is kept.
    pub(super) fn bytes(&self) -> usize {
        self.all.iter().fold(0, |sum, candidate| sum.saturating_add(candidate.bytes))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::base::clock;

    fn packet(ssrc: u32, sequence: u16, payload: &[u8]) -> Packet<'_> {
        Packet { payload_type: 33, marker: false, sequence, timestamp: 0, ssrc, payload }
    }

    #[rstest]
    #[case::in_order(&[5, 6], true, 5, &[5, 6])]
    #[case::out_of_order(&[5, 7, 6, 8, 9], true, 5, &[5, 7, 6, 8, 9])]
    #[case::first_is_not_lowest(&[6, 5, 7, 8], true, 5, &[6, 5, 7, 8])]
    #[case::wraps(&[65534, 65535, 0], true, 65534, &[65534, 65535, 0])]
    #[case::ahead(&[8, 6, 7], true, 6, &[8, 6, 7])]
    #[case::swapped(&[65533, 65535, 65534, 0, 2, 1, 3], true, 65533, &[65533, 65535, 65534, 0, 2, 1, 3])]
    #[case::stray(&[40000, 6, 7], true, 6, &[6, 7])]
    #[case::none_in_order(&[1, 3, 5, 7], false, 1, &[1, 3, 5, 7])]
    fn packets_are_kept(#[case] came: &[u16], #[case] believed: bool, #[case] first: u16, #[case] kept: &[u16]) {
        let mut candidates = Candidates::new(4, 1 << 20);
        came.iter().for_each(|sequence| candidates.take(clock::now(), 1, &packet(7, *sequence, b"x")));
        assert_eq!(candidates.believed().count() == 1, believed);
        let candidate = candidates.remove(1).unwrap();
        assert_eq!(candidate.first(), first);
        assert_eq!(candidate.packets().map(|(_, packet)| packet.sequence).collect::<Vec<_>>(), kept);
        assert_eq!(candidates.len(), 0);
    }

    #[test]
    fn an_interruption_takes_the_belief_but_not_the_packets() {
        let (mut candidates, now) = (Candidates::new(4, 1 << 20), clock::now());
        candidates.take(now, 1, &packet(7, 5, b"x"));
        candidates.interrupt();
        candidates.take(now, 1, &packet(7, 6, b"x"));
        assert_eq!(candidates.believed().count(), 0);
        candidates.take(now, 1, &packet(7, 7, b"x"));
        assert_eq!(candidates.believed().count(), 1);
        assert_eq!(candidates.remove(1).unwrap().packets().count(), 3);
    }

    #[test]
    fn the_oldest_makes_room_but_first_the_one_that_is_not_believed() {
        let (mut candidates, now) = (Candidates::new(2, 1 << 20), clock::now());
        let later = |ms| now + Duration::from_millis(ms);
        candidates.take(now, 1, &packet(1, 5, b"x"));
        candidates.take(later(1), 1, &packet(1, 6, b"x"));
        candidates.take(later(2), 2, &packet(2, 5, b"x"));
        candidates.take(later(3), 3, &packet(3, 5, b"x"));
        assert_eq!(candidates.all.iter().map(|candidate| candidate.key).collect::<Vec<_>>(), [1, 3]);
        candidates.forget(later(5002));
        assert_eq!(candidates.all.iter().map(|candidate| candidate.key).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn what_is_too_old_is_nothing_to_begin_with() {
        let (mut candidates, now) = (Candidates::new(2, 1 << 20), clock::now());
        candidates.take(now, 1, &packet(1, 5, b"x"));
        candidates.take(now + Duration::from_millis(1001), 1, &packet(1, 6, b"x"));
        assert_eq!(candidates.remove(1).unwrap().first(), 6);
    }

    #[rstest]
    #[case::tried(2, TRIED_BYTES)]
    #[case::believed(1, BELIEVED_BYTES)]
    fn one_sender_has_its_share(#[case] step: u16, #[case] most: usize) {
        let (mut candidates, now, mut held) = (Candidates::new(4, usize::MAX), clock::now(), 0);
        for sequence in 0..2000u16 {
            candidates.take(now, 1, &packet(7, sequence.wrapping_mul(step), &[0; 1316]));
            held = held.max(candidates.bytes());
        }
        assert!((most - 1500..=most).contains(&held), "{held}");
    }

    proptest! {
        #[test]
        fn memory_is_bounded(
            came in proptest::collection::vec((0u32..20, any::<u16>(), 0usize..65_000, any::<bool>(), 0u64..50), 0..200),
        ) {
            let (mut candidates, mut now) = (Candidates::new(8, 256 * 1024), clock::now());
            let payload = vec![0; 65_000];
            let mut sequence = 0u16;
            for (key, wild, length, in_order, ms) in came {
                now += Duration::from_millis(ms);
                sequence = if in_order { sequence.wrapping_add(1) } else { wild };
                candidates.take(now, key, &packet(key, sequence, &payload[..length]));
                prop_assert!(candidates.len() <= 8);
                // One alone may have its own share.
                prop_assert!(candidates.bytes() <= 256 * 1024 || candidates.len() == 1 && candidates.bytes() <= BELIEVED_BYTES);
                let sum: usize = candidates.all.iter().flat_map(|one| &one.held).map(|held| held.bytes()).sum();
                prop_assert_eq!(candidates.bytes(), sum);
            }
        }
    }
}
