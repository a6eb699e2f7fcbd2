//! Packets as RFC 6184 has them. Written for the tests: nothing of it is shared with what takes them apart.

use super::Wire;
use super::streams::{Picture, is_slice};
use crate::model::Codec;

/// Random decisions, in turn.
#[derive(Debug, Clone)]
pub struct Choices {
    bytes: Vec<u8>,
    at: usize,
}

impl Choices {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.at += 1;
        usize::from(self.bytes[self.at % self.bytes.len()]).wrapping_mul(31).wrapping_add(self.at) % bound
    }
}

/// A NAL unit with what the packets say of it.
#[derive(Debug, Clone)]
pub struct Numbered {
    pub number: u16,
    pub timestamp: u64,
    pub nal: Vec<u8>,
}

/// Packets that stay together, and which NAL units they hold.
#[derive(Debug, Clone)]
pub struct Group {
    pub wires: Vec<Wire>,
    /// Their places in decoding order.
    pub nals: Vec<usize>,
}

/// Aggregated ones take the greatest NRI of theirs (RFC 6184, 5.7).
fn indicator(nals: &[&[u8]], kind: u8) -> u8 {
    nals.iter().map(|nal| nal[0] & 0x60).max().unwrap_or(0) | kind
}

fn aggregated(nals: &[&[u8]], kind: u8) -> Vec<u8> {
    let mut payload = vec![indicator(nals, kind)];
    for nal in nals {
        payload.extend((nal.len() as u16).to_be_bytes());
        payload.extend(*nal);
    }
    payload
}

/// FU-A, or FU-B first where there is a number. Fragments may be empty, as those of some cameras.
pub fn fragments(nal: &[u8], mtu: usize, number: Option<u16>, choices: &mut Choices) -> Vec<Vec<u8>> {
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    let mut rest = &nal[1..];
    while !rest.is_empty() {
        let length = if choices.below(20) == 0 { 0 } else { rest.len().min(mtu.max(8) - 4) };
        let (now, later) = rest.split_at(length);
        let first = payloads.is_empty();
        let with_number = number.filter(|_| first);
        let mut payload = vec![nal[0] & 0xE0 | if with_number.is_some() { 29 } else { 28 }];
        payload.push(nal[0] & 0x1F | if first { 0x80 } else { 0 } | if later.is_empty() { 0x40 } else { 0 });
        payload.extend(with_number.into_iter().flat_map(u16::to_be_bytes));
        payload.extend(now);
        payloads.push(payload);
        rest = later;
    }
    payloads
}

/// How many of the NAL units from here on go into one packet together.
pub fn together(lengths: impl Iterator<Item = usize>, each: usize, mtu: usize, choices: &mut Choices) -> usize {
    let wanted = 1 + choices.below(5);
    let mut sum = 4;
    let fits = |length: usize| {
        sum += length + each;
        sum <= mtu
    };
    lengths.map(fits).take(wanted).take_while(|fits| *fits).count()
}

/// Packetization modes 0 and 1: `single` says that nothing is aggregated and that what is longer than the MTU goes all the same.
pub fn in_order(picture: &Picture, mtu: usize, single: bool, choices: &mut Choices) -> Vec<Wire> {
    let mut payloads = Vec::new();
    let mut rest = picture.nals.as_slice();
    while let Some(nal) = rest.first() {
        let count = if single { 0 } else { together(rest.iter().map(Vec::len), 2, mtu, choices) };
        let (now, later) = rest.split_at(count.max(1));
        rest = later;
        if count > 1 || count == 1 && choices.below(8) == 0 {
            payloads.push(aggregated(&now.iter().map(Vec::as_slice).collect::<Vec<_>>(), 24));
        } else if nal.len() <= mtu || single {
            payloads.push(nal.clone());
        } else {
            payloads.extend(fragments(nal, mtu, None, choices));
        }
    }
    let last = payloads.len() - 1;
    let wire = |(at, payload)| Wire { timestamp: picture.timestamp, marker: at == last, payload };
    payloads.into_iter().enumerate().map(wire).collect()
}

/// All NAL units with their numbers, from this one on.
pub fn numbered(pictures: &[Picture], first: u16) -> Vec<Numbered> {
    let all = pictures.iter().flat_map(|picture| picture.nals.iter().map(|nal| (picture.timestamp, nal.clone())));
    all.enumerate().map(|(at, (timestamp, nal))| Numbered { number: first.wrapping_add(at as u16), timestamp, nal }).collect()
}

/// Packetization mode 2, in groups that are still in decoding order.
pub fn interleaved(nals: &[Numbered], mtu: usize, choices: &mut Choices) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut at = 0;
    while at < nals.len() {
        let rest = &nals[at..];
        let timestamp = rest[0].timestamp;
        let multi_time = choices.below(3);
        let alike = rest.iter().take_while(|nal| multi_time > 0 || nal.timestamp == timestamp);
        let count = together(alike.map(|nal| nal.nal.len()), 6, mtu, choices);
        let now = &rest[..count.max(1)];
        let bytes: Vec<&[u8]> = now.iter().map(|nal| nal.nal.as_slice()).collect();
        let payloads = if count == 0 {
            fragments(&now[0].nal, mtu, Some(now[0].number), choices)
        } else if multi_time == 0 {
            let mut payload = aggregated(&bytes, 25);
            payload.splice(1..1, now[0].number.to_be_bytes());
            vec![payload]
        } else {
            // The number of all is that of the first, or a little before it.
            let base = now[0].number.wrapping_sub(choices.below(9) as u16);
            let mut payload = vec![indicator(&bytes, 25 + multi_time as u8)];
            payload.extend(base.to_be_bytes());
            for nal in now {
                payload.extend((nal.nal.len() as u16).to_be_bytes());
                payload.push(nal.number.wrapping_sub(base) as u8);
                let offset = ((nal.timestamp - timestamp) as u32).to_be_bytes();
                payload.extend(&offset[if multi_time == 1 { 2 } else { 1 }..]);
                payload.extend(&nal.nal);
            }
            vec![payload]
        };
        let wires = payloads.into_iter().map(|payload| Wire { timestamp, marker: false, payload }).collect();
        groups.push(Group { wires, nals: (at..at + now.len()).collect() });
        at += now.len();
    }
    groups
}

/// Moves groups forward past others by less than `reach`.
pub fn shuffle(groups: &mut [Group], reach: usize, choices: &mut Choices) {
    for at in 0..groups.len() {
        let other = (at + choices.below(reach)).min(groups.len() - 1);
        groups[at..=other].rotate_right(1);
    }
}

/// What the sender has to say of such an order: sprop-interleaving-depth (with `all`, sprop-depack-buf-nalus), sprop-max-don-diff.
pub fn described(codec: Codec, nals: &[Numbered], groups: &[Group], all: bool) -> (usize, u64) {
    let sent: Vec<usize> = groups.iter().flat_map(|group| group.nals.iter().copied()).collect();
    let counts = |nal: usize| all || is_slice(codec, &nals[nal].nal);
    let (mut depth, mut span) = (0, 0);
    for (at, nal) in sent.iter().enumerate() {
        let before: Vec<usize> = sent[..at].iter().copied().filter(|other| other > nal).collect();
        depth = depth.max(before.iter().filter(|other| counts(**other)).count());
        span = span.max(before.iter().max().map_or(0, |most| most - nal));
    }
    (depth, span as u64)
}
