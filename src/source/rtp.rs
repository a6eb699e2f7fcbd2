//! Datagrams: bare transport packets, or RTP with transport packets in it (RFC 3550, 5.1; RFC 2250, 2). Pure.

use rtp::header::Header;
use webrtc_util::marshal::Unmarshal;

/// Fixed part of the header.
const HEADER: usize = 12;
/// RFC 3551, table 5: MP2T.
const MP2T: u8 = 33;
/// RFC 3551, 3: dynamic payload types, which carry whatever both sides agree upon.
const DYNAMIC: u8 = 96;

/// What a datagram is. Senders are not believed: `udp://` may carry RTP and the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datagram<'a> {
    /// Bytes of a transport stream.
    Plain(&'a [u8]),
    /// RTP.
    Rtp {
        /// Sequence number.
        sequence: u16,
        /// Synchronisation source.
        ssrc: u32,
        /// Bytes of a transport stream.
        payload: &'a [u8],
    },
    /// Anything else: RTCP, error correction, another payload.
    Other,
}

/// Looks at a datagram.
pub fn read(datagram: &[u8]) -> Datagram<'_> {
    match datagram.first() {
        Some(0x47) => Datagram::Plain(datagram),
        Some(first) if first >> 6 == 2 => read_rtp(datagram).unwrap_or(Datagram::Other),
        Some(_) if datagram.len() >= crate::ts::PACKET => Datagram::Plain(datagram),
        _ => Datagram::Other,
    }
}

fn read_rtp(datagram: &[u8]) -> Option<Datagram<'_>> {
    // Only the fixed part goes to the library: it trusts the lengths within extensions.
    let mut fixed: [u8; HEADER] = *datagram.first_chunk()?;
    let (padding, extension, sources) = (fixed[0] & 0x20 != 0, fixed[0] & 0x10 != 0, usize::from(fixed[0] & 0x0F));
    fixed[0] &= 0xC0;
    let header = Header::unmarshal(&mut fixed.as_slice()).ok()?;
    let mut payload = datagram.get(HEADER + 4 * sources..)?;
    if extension {
        let words = u16::from_be_bytes([*payload.get(2)?, *payload.get(3)?]);
        payload = payload.get(4 + 4 * usize::from(words)..)?;
    }
    if padding {
        let count = usize::from(*payload.last()?);
        payload = payload.get(..payload.len().checked_sub(count)?)?;
    }
    // Of other payload types only those are taken that look like one.
    let looks = payload.first() == Some(&0x47);
    let known = header.payload_type == MP2T || (header.payload_type >= DYNAMIC && looks);
    known.then_some(Datagram::Rtp { sequence: header.sequence_number, ssrc: header.ssrc, payload })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn rtp(flags: u8, kind: u8, rest: &[u8]) -> Vec<u8> {
        [&[0x80 | flags, kind, 0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 9], rest].concat()
    }

    const TS: [u8; 4] = [0x47, 1, 2, 3];

    #[rstest]
    #[case::mp2t(rtp(0, 33, &TS), true)]
    #[case::marked(rtp(0, 0x80 | 33, &TS), true)]
    #[case::joined_anywhere(rtp(0, 33, &[1, 2, 3]), true)]
    #[case::dynamic(rtp(0, 96, &TS), true)]
    #[case::dynamic_other(rtp(0, 96, &[1, 2, 3, 4]), false)]
    #[case::sound(rtp(0, 8, &TS), false)]
    #[case::rtcp(rtp(0, 200, &TS), false)]
    #[case::sources(rtp(2, 33, &[&[9; 8], &TS[..]].concat()), true)]
    #[case::extension(rtp(0x10, 33, &[&[0xBE, 0xDE, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF], &TS[..]].concat()), true)]
    #[case::extension_beyond(rtp(0x10, 33, &[0xBE, 0xDE, 0, 9, 0xFF]), false)]
    #[case::padding(rtp(0x20, 33, &[&TS[..], &[0, 0, 3]].concat()), true)]
    #[case::padding_beyond(rtp(0x20, 33, &[9]), false)]
    #[case::short(vec![0x80, 33, 0], false)]
    fn packets(#[case] datagram: Vec<u8>, #[case] good: bool) {
        match read(&datagram) {
            Datagram::Rtp { sequence: 0x1234, ssrc: 9, payload } => assert!(good && (payload == TS || payload == [1, 2, 3])),
            other => assert!(!good && other == Datagram::Other, "{other:?}"),
        }
    }

    #[test]
    fn bare_packets_are_taken_as_they_are() {
        assert_eq!(read(&TS), Datagram::Plain(&TS));
        let joined = [1u8; 188];
        assert_eq!(read(&joined), Datagram::Plain(&joined));
        assert_eq!(read(b"?"), Datagram::Other);
        assert_eq!(read(b""), Datagram::Other);
    }

    proptest! {
        #[test]
        fn any_datagram_is_read(datagram in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = read(&datagram);
        }
    }
}
