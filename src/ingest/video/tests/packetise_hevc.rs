//! Packets as RFC 7798 has them. Written for the tests: nothing of it is shared with what takes them apart.

use super::Wire;
use super::packetise::{Choices, Group, Numbered, together};

/// A payload header of this type, with layer and sub-layer of the first.
fn payload_header(nal: &[u8], kind: u8) -> [u8; 2] {
    [nal[0] & 0x81 | kind << 1, nal[1]]
}

/// 4.4.2.
fn aggregation(nals: &[Numbered], numbers: bool) -> Vec<u8> {
    let mut payload = payload_header(&nals[0].nal, 48).to_vec();
    let mut before = None;
    for Numbered { number, nal, .. } in nals {
        match before.replace(*number) {
            _ if !numbers => {}
            None => payload.extend(number.to_be_bytes()),
            Some(before) => payload.push(number.wrapping_sub(before).wrapping_sub(1) as u8),
        }
        payload.extend((nal.len() as u16).to_be_bytes());
        payload.extend(nal);
    }
    payload
}

/// 4.4.3.
fn fragments(nal: &Numbered, numbers: bool, mtu: usize, choices: &mut Choices) -> Vec<Vec<u8>> {
    let Numbered { number, nal, .. } = nal;
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    let mut rest = &nal[2..];
    while !rest.is_empty() {
        let length = if choices.below(20) == 0 { 0 } else { rest.len().min(mtu.max(10) - 5) };
        let (now, later) = rest.split_at(length);
        let first = payloads.is_empty();
        let mut payload = payload_header(nal, 49).to_vec();
        payload.push(nal[0] >> 1 | if first { 0x80 } else { 0 } | if later.is_empty() { 0x40 } else { 0 });
        payload.extend((*number).to_be_bytes().iter().filter(|_| numbers && first));
        payload.extend(now);
        payloads.push(payload);
        rest = later;
    }
    payloads
}

/// 4.4.4: any payload as one of a PACI packet, with so many bytes of extensions.
fn paci(payload: &[u8], extensions: usize) -> Vec<u8> {
    let mut wrapped = payload_header(payload, 50).to_vec();
    let fields = u16::from(payload[0] & 0x80) << 8 | u16::from(payload[0] >> 1 & 0x3F) << 9 | (extensions as u16) << 4;
    wrapped.extend(fields.to_be_bytes());
    wrapped.extend(std::iter::repeat_n(0x49, extensions));
    wrapped.extend(&payload[2..]);
    wrapped
}

/// In groups that are in decoding order; with numbers or without. Only NAL units of one time go together (4.4.2).
pub fn groups(nals: &[Numbered], numbers: bool, mtu: usize, choices: &mut Choices) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut at = 0;
    while at < nals.len() {
        let rest = &nals[at..];
        let timestamp = rest[0].timestamp;
        let alike = rest.iter().take_while(|nal| nal.timestamp == timestamp);
        let count = together(alike.clone().map(|nal| nal.nal.len()), 4, mtu, choices);
        let now = &rest[..count.max(1)];
        let mut payloads = if count > 1 {
            vec![aggregation(now, numbers)]
        } else if count == 1 {
            let mut payload = now[0].nal.clone();
            payload.splice(2..2, now[0].number.to_be_bytes().into_iter().filter(|_| numbers));
            vec![payload]
        } else {
            fragments(&now[0], numbers, mtu, choices)
        };
        for payload in &mut payloads {
            if choices.below(6) == 0 {
                *payload = paci(payload, choices.below(32));
            }
        }
        at += now.len();
        let over = nals.get(at).is_none_or(|next| next.timestamp != timestamp);
        let last = payloads.len() - 1;
        let wire = |(at, payload)| Wire { timestamp, marker: over && at == last, payload };
        groups.push(Group { wires: payloads.into_iter().enumerate().map(wire).collect(), nals: (at - now.len()..at).collect() });
    }
    groups
}
