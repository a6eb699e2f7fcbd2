//! Whether a packet may be of a payload format, and how much that says.

use crate::ingest::depay::{Packet, opus};

/// What a packet says about a payload format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Hardly by chance: less than one in ten of random bytes looks like this.
    Strong {
        /// It has a part of a picture or sound.
        coded: bool,
    },
    /// It may be.
    Possible {
        /// It has a part of a picture or sound.
        coded: bool,
    },
    /// It breaks the format.
    Against,
}

use Verdict::{Against, Possible, Strong};

/// What is kept of a packet for the next one.
#[derive(Debug, Clone, Default)]
pub(super) struct Before {
    pub sequence: u16,
    timestamp: u32,
    /// Duration, if it is Opus.
    samples: Option<u32>,
    /// Type of the NAL unit that goes on, if it is H.264.
    h264_open: Option<u8>,
    /// The same of HEVC.
    hevc_open: Option<u8>,
    /// An OBU goes on, if it is AV1.
    av1_open: bool,
}

impl Before {
    pub(super) fn of(packet: &Packet<'_>) -> Self {
        let samples = opus::samples(packet.payload);
        Self { sequence: packet.sequence, timestamp: packet.timestamp, samples, ..Self::default() }
    }
}

/// RFC 2250, 2: whole packets of 188 bytes.
pub(super) fn transport_stream(packet: &Packet<'_>) -> Verdict {
    let (packets, rest) = packet.payload.as_chunks::<188>();
    let good = !packets.is_empty() && rest.is_empty() && packets.iter().all(|packet| packet[0] == 0x47);
    if good { Strong { coded: true } } else { Against }
}

/// RFC 6184, 5.2 to 5.8. Data partitions (2 to 4) are of a profile that nobody sends.
pub(super) fn h264(packet: &Packet<'_>, before: Option<&Before>, next: &mut Before) -> Verdict {
    let open = before.and_then(|before| before.h264_open);
    let Some((&first, rest)) = packet.payload.split_first() else { return Against };
    if first & 0x80 != 0 {
        return Against;
    }
    if first & 0x1F == 28 {
        let Some(&header) = rest.first() else { return Against };
        let (start, end, kind) = (header & 0x80 != 0, header & 0x40 != 0, header & 0x1F);
        next.h264_open = (!end).then_some(kind);
        let known = before.is_some();
        let good = header & 0x20 == 0 && !(start && end) && matches!(kind, 1 | 5..=8) && (end || !packet.marker);
        let follows = if start { open.is_none() } else { !known || open == Some(kind) };
        return if good && follows { Strong { coded: matches!(kind, 1 | 5) } } else { Against };
    }
    // Fragments end before anything else begins.
    if open.is_some() {
        return Against;
    }
    if first & 0x1F != 24 {
        return h264_nal(packet.payload);
    }
    let mut rest = rest;
    let (mut strong, mut coded) = (false, false);
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let Some((nal, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(*length))) else { return Against };
        match h264_nal(nal) {
            Strong { .. } => strong = true,
            Possible { coded: is } => coded |= is,
            Against => return Against,
        }
        rest = after;
    }
    // Lengths that fit to the byte are no chance.
    if rest.is_empty() && (strong || coded) { Strong { coded } } else { Against }
}

/// H.264, 7.4.1: types with the nal_ref_idc that they have to have.
fn h264_nal(nal: &[u8]) -> Verdict {
    let Some(&first) = nal.first() else { return Against };
    let reference = first >> 5 & 3 > 0;
    match (first & 0x1F, reference) {
        (1, _) | (5, true) => Possible { coded: true },
        (8, true) | (6 | 9..=12, false) | (14 | 15 | 20, _) => Possible { coded: false },
        (7, true) => match nal {
            // profile_idc, the two reserved bits, level_idc
            [_, 66 | 77 | 88 | 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128, flags, 9..=62, ..] if flags & 3 == 0 => {
                Strong { coded: false }
            }
            _ => Against,
        },
        _ => Against,
    }
}

/// RFC 7798, 4.4: two bytes of header, layer 0.
pub(super) fn hevc(packet: &Packet<'_>, before: Option<&Before>, next: &mut Before) -> Verdict {
    let open = before.and_then(|before| before.hevc_open);
    let Some(kind) = hevc_nal(packet.payload) else { return Against };
    match kind {
        49 => {
            let Some(&header) = packet.payload.get(2) else { return Against };
            let (start, end, kind) = (header & 0x80 != 0, header & 0x40 != 0, header & 0x3F);
            next.hevc_open = (!end).then_some(kind);
            let good = !(start && end) && is_hevc_single(kind) && (end || !packet.marker);
            let follows = if start { open.is_none() } else { before.is_none() || open == Some(kind) };
            if good && follows { Strong { coded: kind < 32 } } else { Against }
        }
        _ if open.is_some() => Against,
        48 => {
            let mut rest = packet.payload.get(2..).unwrap_or_default();
            let mut coded = false;
            while let Some((length, after)) = rest.split_first_chunk::<2>() {
                let Some((nal, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(*length))) else { return Against };
                let Some(kind) = hevc_nal(nal).filter(|kind| is_hevc_single(*kind)) else { return Against };
                coded |= kind < 32;
                rest = after;
            }
            if rest.is_empty() { Strong { coded } } else { Against }
        }
        50 => Possible { coded: false },
        kind if is_hevc_single(kind) => Strong { coded: kind < 32 },
        _ => Against,
    }
}

fn hevc_nal(nal: &[u8]) -> Option<u8> {
    let &[first, second, ..] = nal else { return None };
    (first & 0x81 == 0 && matches!(second, 1..=7)).then_some(first >> 1)
}

/// Types that are in use (HEVC, table 7-1).
fn is_hevc_single(kind: u8) -> bool {
    matches!(kind, 0..=9 | 16..=21 | 32..=40)
}

/// RTP payload format for AV1, 4.4 and 4.5.
pub(super) fn av1(packet: &Packet<'_>, before: Option<&Before>, next: &mut Before) -> Verdict {
    let Some((&header, mut rest)) = packet.payload.split_first() else { return Against };
    let (continues, goes_on, count, begins) = (header & 0x80 != 0, header & 0x40 != 0, header >> 4 & 3, header & 0x08 != 0);
    next.av1_open = goes_on;
    // N excludes Z, a temporal unit ends with whole OBUs, and Z says what Y of the last packet said.
    if header & 7 != 0 || begins && continues || packet.marker && goes_on || rest.is_empty() {
        return Against;
    }
    if let Some(before) = before
        && (before.av1_open != continues || continues && before.timestamp != packet.timestamp)
    {
        return Against;
    }
    let (mut index, mut coded) = (0u8, false);
    while !rest.is_empty() {
        index = index.saturating_add(1);
        let element = if count > 0 && index >= count {
            std::mem::take(&mut rest)
        } else {
            let Some(element) = av1_element(&mut rest) else { return Against };
            element
        };
        if index == 1 && continues {
            coded = true;
            continue;
        }
        let Some(&first) = element.first() else { return Against };
        let kind = first >> 3 & 0xF;
        if first & 0x81 != 0 || !matches!(kind, 1..=8 | 15) || begins && index == 1 && !matches!(kind, 1 | 2) {
            return Against;
        }
        coded |= matches!(kind, 3 | 4 | 6);
    }
    if index < count { Against } else { Strong { coded } }
}

/// An element behind its leb128, of two bytes at most in a packet.
fn av1_element<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = match rest {
        [low @ 0..0x80, after @ ..] => (usize::from(*low), after),
        [low, high @ 0..0x80, after @ ..] => (usize::from(low & 0x7F) | usize::from(*high) << 7, after),
        _ => return None,
    };
    let (element, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(element)
}

/// RFC 3640, 3.3.5 and 3.3.6: AU headers of 16 bits (AAC-hbr) or 8 (AAC-lbr), whose sizes add up.
pub(super) fn aac(packet: &Packet<'_>) -> Verdict {
    let Some((length, rest)) = packet.payload.split_first_chunk::<2>() else { return Against };
    let bits = usize::from(u16::from_be_bytes(*length));
    if bits == 0 || !bits.is_multiple_of(8) {
        return Against;
    }
    let Some((headers, data)) = rest.split_at_checked(bits / 8) else { return Against };
    let (pairs, odd) = headers.as_chunks::<2>();
    let high = pairs.iter().try_fold(0usize, |sum, pair| {
        let header = u16::from_be_bytes(*pair);
        (odd.is_empty() && header & 7 == 0).then_some(sum + usize::from(header >> 3))
    });
    let low = headers.iter().try_fold(0usize, |sum, header| (header & 3 == 0).then_some(sum + usize::from(header >> 2)));
    let fragment = pairs.len() == 1 && high.is_some_and(|size| size > data.len()) && !data.is_empty();
    let adds_up = !data.is_empty() && (high == Some(data.len()) || low == Some(data.len()));
    if adds_up || fragment { Strong { coded: true } } else { Against }
}

/// RFC 7587: nearly anything is a packet of Opus, but only Opus is as long as its first byte says.
pub(super) fn opus(packet: &Packet<'_>, before: Option<&Before>) -> Verdict {
    if packet.payload.is_empty() {
        return Possible { coded: false };
    }
    if opus::samples(packet.payload).is_none() {
        return Against;
    }
    let Some(before) = before else { return Possible { coded: true } };
    let Some(samples) = before.samples else { return Possible { coded: true } };
    match packet.timestamp.wrapping_sub(before.timestamp) {
        step if step == samples => Strong { coded: true },
        // Silence lies between them (RFC 7587, 3.1.3), in whole packets.
        step if step > samples && step.is_multiple_of(samples) && packet.marker => Possible { coded: true },
        _ => Against,
    }
}

#[cfg(test)]
mod tests;
