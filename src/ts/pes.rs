//! PES packet headers (13818-1, 2.4.3.6): where the elementary stream begins, and time stamps, read and moved in place.

use super::time::Pts90k;

/// So many bytes hold a header with both time stamps, and may be read in words.
const WHOLE: usize = 22;

/// Bytes of a PES packet before what `PES_packet_length` counts.
pub const UNCOUNTED: usize = 6;

/// What is of use in a PES header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// `stream_id`.
    pub stream_id: u8,
    /// `PES_packet_length`; 0 is unbounded.
    pub length: u16,
    /// `presentation_time_stamp`.
    pub pts: Option<Pts90k>,
    /// `decoding_time_stamp`, only where it differs from the PTS.
    pub dts: Option<Pts90k>,
    /// Offset of the elementary stream's first byte; may lie beyond what was given.
    pub body_at: usize,
}

impl Header {
    /// Reads the beginning of a payload in which a PES packet starts; none where none does.
    #[inline]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        match payload.first_chunk::<WHOLE>() {
            // Of this length it needs no further checks.
            Some(head) => Self::read(head),
            None => Self::read(payload),
        }
    }

    #[inline(always)]
    fn read(payload: &[u8]) -> Option<Self> {
        let &[0, 0, 1, stream_id, high, low, ..] = payload else { return None };
        let length = u16::from_be_bytes([high, low]);
        let mut header = Self { stream_id, length, pts: None, dts: None, body_at: 6 };
        if !has_extension(stream_id) {
            return Some(header);
        }
        let &[marker, flags, data_length, ..] = payload.get(6..)? else { return Some(header) };
        if marker & 0xC0 != 0x80 {
            return Some(header);
        }
        header.body_at = 9 + data_length as usize;
        if flags & 0x80 != 0 && data_length >= 5 {
            header.pts = read(payload, 9);
            if flags & 0x40 != 0 && data_length >= 10 {
                header.dts = read(payload, 14);
            }
        }
        Some(header)
    }

    /// When it is decoded: DTS, or the PTS where that is the same.
    pub fn decoding_time(&self) -> Option<Pts90k> {
        self.dts.or(self.pts)
    }

    /// Whether a time stamp is announced that lies, at least in part, in a later packet.
    fn is_split(&self, payload: &[u8]) -> bool {
        let flags = payload.get(7).copied().unwrap_or(0);
        flags & 0x80 != 0 && (self.pts.is_none() || flags & 0x40 != 0 && self.dts.is_none())
    }
}

/// Moves PTS and DTS on by an offset in units of 90 kHz, in place. Gives the decoding time as it is now.
///
/// Where the header goes on in a later packet, so that a time stamp is not whole, the flags that announce it are taken
/// away: no time stamp is better than one of another time base.
pub fn shift(payload: &mut [u8], offset_90k: u64) -> Option<Pts90k> {
    shift_apart(payload, offset_90k, offset_90k)
}

/// The same, with another offset for the PTS. It counts for both where there is no DTS of its own.
pub fn shift_apart(payload: &mut [u8], offset_90k: u64, pts_offset_90k: u64) -> Option<Pts90k> {
    let header = Header::parse(payload)?;
    if header.body_at == 6 {
        return None;
    }
    if offset_90k != 0 || pts_offset_90k != 0 {
        if header.is_split(payload) {
            if let Some(flags) = payload.get_mut(7) {
                *flags &= 0x3F;
            }
            return None;
        }
        if let Some(pts) = header.pts {
            write(payload, 9, pts.plus(pts_offset_90k));
        }
        if let Some(dts) = header.dts {
            write(payload, 14, dts.plus(offset_90k));
        }
    }
    header.dts.map(|dts| dts.plus(offset_90k)).or(header.pts.map(|pts| pts.plus(pts_offset_90k)))
}

/// Gives a unit another DTS, in place, where it has one of its own.
pub fn set_decoding_time(payload: &mut [u8], dts: Pts90k) {
    if Header::parse(payload).is_some_and(|header| header.dts.is_some()) {
        write(payload, 14, dts);
    }
}

/// As [`Header::decoding_time`] of the header with which a payload begins, if one does.
#[inline]
pub fn decoding_time(payload: &[u8]) -> Option<Pts90k> {
    let Some(head) = payload.first_chunk::<WHOLE>() else {
        return Header::parse(payload).and_then(|header| header.decoding_time());
    };
    let &[0, 0, 1, stream_id, _, _, marker, flags, data_length, ref pts @ .., _, _, _, _, _] = head else { return None };
    if !has_extension(stream_id) || marker & 0xC0 != 0x80 || flags & 0x80 == 0 || data_length < 5 {
        return None;
    }
    let has_dts = flags & 0x40 != 0 && data_length >= 10;
    let field = if has_dts { head.last_chunk::<8>()? } else { pts };
    Some(stamp(*field))
}

/// Whether PES packets of this stream_id have the flags and the header data (13818-1, table 2-21).
#[inline(always)]
fn has_extension(stream_id: u8) -> bool {
    // Audio and video.
    if (0xC0..=0xEF).contains(&stream_id) {
        return true;
    }
    // program_stream_map, padding, private_stream_2, ECM, EMM, DSM-CC, H.222.1 type E, program_stream_directory
    !matches!(stream_id, 0xBC | 0xBE | 0xBF | 0xF0 | 0xF1 | 0xF2 | 0xF8 | 0xFF)
}

#[inline(always)]
fn read(payload: &[u8], at: usize) -> Option<Pts90k> {
    if let Some(field) = payload.get(at..at + 8).and_then(|field| field.first_chunk()) {
        return Some(stamp(*field));
    }
    let &[a, b, c, d, e] = payload.get(at..at + 5)?.first_chunk::<5>()?;
    Some(stamp([a, b, c, d, e, 0, 0, 0]))
}

/// The time stamp in the first five of these bytes.
#[inline(always)]
fn stamp(field: [u8; 8]) -> Pts90k {
    let bits = u64::from_be_bytes(field);
    Pts90k((bits >> 57 & 7) << 30 | (bits >> 41 & 0x7FFF) << 15 | bits >> 25 & 0x7FFF)
}

/// Writes a time stamp over one; the four bits that tell PTS from DTS stay.
fn write(payload: &mut [u8], at: usize, stamp: Pts90k) {
    if let Some(field) = payload.get_mut(at..at + 5) {
        let prefix = field[0] >> 4;
        field.copy_from_slice(&stamp_field(prefix, stamp));
    }
}

/// The five bytes of a time stamp behind its four-bit prefix.
pub fn stamp_field(prefix: u8, stamp: Pts90k) -> [u8; 5] {
    let value = stamp.0;
    [
        prefix << 4 | ((value >> 30) as u8 & 7) << 1 | 1,
        (value >> 22) as u8,
        (value >> 14) as u8 | 1,
        (value >> 7) as u8,
        (value as u8) << 1 | 1,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(pts: u64, dts: Option<u64>) -> Vec<u8> {
        let mut bytes = vec![0, 0, 1, 0xE0, 0, 0, 0x80];
        match dts {
            Some(dts) => {
                bytes.extend([0xC0, 10]);
                bytes.extend(stamp_field(3, Pts90k(pts)));
                bytes.extend(stamp_field(1, Pts90k(dts)));
            }
            None => {
                bytes.extend([0x80, 5]);
                bytes.extend(stamp_field(2, Pts90k(pts)));
            }
        }
        bytes.extend([0xAA; 20]);
        bytes
    }

    proptest! {
        #[test]
        fn stamps_are_read_back_and_moved(pts in 0..1u64 << 33, dts in proptest::option::of(0..1u64 << 33), by in 1..1u64 << 33) {
            let mut bytes = header(pts, dts);
            let parsed = Header::parse(&bytes).unwrap();
            prop_assert_eq!((parsed.pts, parsed.dts), (Some(Pts90k(pts)), dts.map(Pts90k)));
            let moved = shift(&mut bytes, by);
            let parsed = Header::parse(&bytes).unwrap();
            prop_assert_eq!(parsed.pts, Some(Pts90k(pts).plus(by)));
            prop_assert_eq!(parsed.dts, dts.map(|dts| Pts90k(dts).plus(by)));
            prop_assert_eq!(moved, parsed.decoding_time());
            prop_assert_eq!(&bytes[parsed.body_at..], &[0xAA; 20][..]);
            prop_assert_eq!(bytes[9] >> 4, if dts.is_some() { 3 } else { 2 });
        }

        #[test]
        fn decoding_time_is_that_of_the_header(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..40),
            id in prop_oneof![any::<u8>(), 0xB8..=0xFFu8],
            flags in prop_oneof![Just(0x80u8), Just(0xC0), any::<u8>()],
            data_length in 0..12u8,
        ) {
            for (byte, set) in bytes.iter_mut().zip([Some(0), Some(0), Some(1), Some(id), None, None, None, Some(flags), Some(data_length)]) {
                *byte = set.unwrap_or(*byte);
            }
            if let Some(marker) = bytes.get_mut(6) {
                *marker = *marker & 0x3F | if id & 1 != 0 { 0x80 } else { *marker & 0xC0 };
            }
            prop_assert_eq!(decoding_time(&bytes), Header::parse(&bytes).and_then(|header| header.decoding_time()));
        }

        #[test]
        fn any_bytes_are_survived(mut bytes in proptest::collection::vec(any::<u8>(), 0..64), by in any::<u64>()) {
            Header::parse(&bytes);
            shift(&mut bytes, by % (1 << 33));
        }
    }

    #[test]
    fn a_split_stamp_is_withdrawn() {
        let mut bytes = header(1000, Some(900));
        bytes.truncate(16);
        assert_eq!(shift(&mut bytes, 5), None);
        assert_eq!(bytes[7] & 0xC0, 0);
        let mut same = header(1000, Some(900));
        same.truncate(16);
        let before = same.clone();
        shift(&mut same, 0);
        assert_eq!(same, before, "nothing to move, nothing touched");
    }

    #[test]
    fn private_stream_2_has_no_stamps() {
        let mut bytes = header(1000, None);
        bytes[3] = 0xBF;
        let before = bytes.clone();
        assert_eq!(Header::parse(&bytes).unwrap().body_at, 6);
        shift(&mut bytes, 77);
        assert_eq!(bytes, before);
    }
}
