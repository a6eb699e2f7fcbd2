//! What the tests of all depacketisers share: packets that own their bytes, losses, and anything at all.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::audio_specific_config::AudioSpecificConfig;
use super::{Depacketiser, Fault, Frame, Packet, Refusal};
use crate::ingest::sdp::{Format, Parameters};

/// A packet that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Vec<u8>,
}

impl Sent {
    pub(super) fn packet(&self) -> Packet<'_> {
        Packet { sequence: self.sequence, timestamp: self.timestamp, marker: self.marker, payload: &self.payload }
    }
}

/// Numbers packets, given as `(timestamp, marker, payload)`.
pub(super) fn numbered(first: u16, packets: impl IntoIterator<Item = (u32, bool, Vec<u8>)>) -> Vec<Sent> {
    let each = packets.into_iter().enumerate();
    each.map(|(n, (timestamp, marker, payload))| Sent { sequence: first.wrapping_add(n as u16), timestamp, marker, payload })
        .collect()
}

/// A unit that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub timestamp: u32,
    pub duration: Option<u32>,
    pub random_access: bool,
    pub after_loss: bool,
    pub config: Option<AudioSpecificConfig>,
    pub data: Vec<u8>,
}

impl From<Frame<'_>> for Given {
    fn from(frame: Frame<'_>) -> Self {
        let Frame { timestamp, duration, random_access, after_loss, field: _, config, data } = frame;
        Self { timestamp, duration, random_access, after_loss, config: config.cloned(), data: data.to_vec() }
    }
}

/// A depacketiser as an SDP would ask for it.
pub(super) fn depacketiser(encoding: &str, clock_rate: u32, fmtp: &str) -> Result<Depacketiser, Refusal> {
    let parameters = Parameters::parse(fmtp);
    let channels = None;
    Depacketiser::new(&Format { payload_type: 96, encoding: encoding.into(), clock_rate, channels, parameters, line: 1 })
}

/// All units that come of these packets.
pub(super) fn run(depacketiser: &mut Depacketiser, packets: &[Sent]) -> (Vec<Given>, Vec<Fault>) {
    let (mut given, mut faults) = (Vec::new(), Vec::new());
    for packet in packets {
        faults.extend(depacketiser.push(packet.packet(), &mut |frame| given.push(frame.into())).err());
    }
    (given, faults)
}

/// Times and bytes only.
pub(super) fn plain(given: &[Given]) -> Vec<(u32, Vec<u8>)> {
    given.iter().map(|given| (given.timestamp, given.data.clone())).collect()
}

/// Which packets are lost.
pub(super) fn losses() -> impl Strategy<Value = std::collections::BTreeSet<usize>> {
    btree_set(0usize..120, 0..12)
}

/// Without those that are lost.
pub(super) fn lose(packets: &[Sent], lost: &std::collections::BTreeSet<usize>) -> Vec<Sent> {
    packets.iter().enumerate().filter(|(n, _)| !lost.contains(n)).map(|(_, packet)| packet.clone()).collect()
}

/// Whether all that was given was sent like this, in this order.
pub(super) fn is_part_of(given: &[(u32, Vec<u8>)], sent: &[(u32, Vec<u8>)]) -> bool {
    let mut sent = sent.iter();
    given.iter().all(|unit| sent.any(|other| other == unit))
}

/// Packets that hold anything, mostly in order. `first` are bytes that the payload may well begin with.
pub(super) fn anything(first: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<Sent>> {
    let payload = (0..=first.len(), vec(any::<u8>(), 0..60))
        .prop_map(move |(which, bytes)| [first.get(which).copied().unwrap_or_default(), &bytes].concat());
    let packet = (prop_oneof![9 => Just(1u16), 1 => any::<u16>()], 0u32..3, any::<bool>(), payload);
    vec(packet, 0..60).prop_map(|packets| {
        let (mut sequence, mut timestamp) = (0u16, 0u32);
        let mut next = |(step, time, marker, payload): (u16, u32, bool, Vec<u8>)| {
            sequence = sequence.wrapping_add(step);
            timestamp = timestamp.wrapping_add(time * 900);
            Sent { sequence, timestamp, marker, payload }
        };
        packets.into_iter().map(&mut next).collect()
    })
}

/// Bytes cut into pieces of at most so many.
pub(super) fn pieces(bytes: &[u8], most: usize) -> Vec<Vec<u8>> {
    bytes.chunks(most.max(1)).map(<[u8]>::to_vec).collect()
}
