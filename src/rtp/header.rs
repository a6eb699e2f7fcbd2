//! What a datagram is: RTP (RFC 3550, 5.1), RTCP (told apart by RFC 5761, 4), or a bare transport stream. The parser is `rtp-types`.
//!
//! Senders are not believed: `udp://` may carry RTP and the other way round.

use rtp_types::RtpPacket;

use super::MP2T;
use crate::ts;

/// First byte of a transport packet (ISO/IEC 13818-1, 2.4.3.2). Its upper two bits are no version of RTP that is in use.
pub const SYNC_BYTE: u8 = 0x47;
/// Packet types of RTCP (RFC 5761, 4): payload types 64 to 95 with the marker bit, which must not be used.
const RTCP: std::ops::RangeInclusive<u8> = 192..=223;
/// RFC 3551, 3: dynamic payload types, which carry whatever both sides agree upon.
const DYNAMIC: u8 = 96;

/// A datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datagram<'a> {
    /// RTP.
    Rtp(Packet<'a>),
    /// RTCP, not looked into.
    Rtcp(&'a [u8]),
    /// Bytes of a transport stream, without any header.
    TransportStream(&'a [u8]),
    /// Anything else, and RTP whose lengths go beyond its end.
    Other,
}

/// An RTP packet. Contributing sources, extension and padding are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Payload type.
    pub payload_type: u8,
    /// The marker bit.
    pub marker: bool,
    /// Sequence number. Wraps.
    pub sequence: u16,
    /// Timestamp, in units of the payload's clock. Wraps.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// What is behind the header. May be empty.
    pub payload: &'a [u8],
}

/// Whether a payload carries a transport stream, as [`Packet::is_transport_stream`] has it.
pub fn is_transport_stream(payload_type: u8, payload: &[u8]) -> bool {
    let mut packets = payload.chunks(ts::PACKET);
    let whole = payload.len() >= ts::PACKET && packets.all(|packet| packet.first() == Some(&SYNC_BYTE));
    payload_type == MP2T || payload_type >= DYNAMIC && whole
}

impl<'a> Packet<'a> {
    /// Whether it carries a transport stream: its type says so, or it is of a dynamic type and whole transport packets are in it
    /// (RFC 2250, 2). A sync byte alone says little: a sequence parameter set of H.264 may begin with it, too.
    pub fn is_transport_stream(&self) -> bool {
        is_transport_stream(self.payload_type, self.payload)
    }

    fn parse(datagram: &'a [u8]) -> Option<Self> {
        let packet = RtpPacket::parse(datagram).ok()?;
        // The library's own borrow would end with its view.
        let payload = datagram.get(packet.payload_offset()..)?.get(..packet.payload_len())?;
        Some(Self {
            payload_type: packet.payload_type(),
            marker: packet.marker_bit(),
            sequence: packet.sequence_number(),
            timestamp: packet.timestamp(),
            ssrc: packet.ssrc(),
            payload,
        })
    }
}

/// Looks at a datagram.
pub fn read(datagram: &[u8]) -> Datagram<'_> {
    match *datagram {
        [SYNC_BYTE, ..] => Datagram::TransportStream(datagram),
        [first, second, ..] if first >> 6 == 2 && RTCP.contains(&second) => Datagram::Rtcp(datagram),
        [first, ..] if first >> 6 == 2 => Packet::parse(datagram).map_or(Datagram::Other, Datagram::Rtp),
        // Packets that are cut anywhere.
        _ if datagram.len() >= ts::PACKET => Datagram::TransportStream(datagram),
        _ => Datagram::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use rtp_types::RtpPacketBuilder;

    use super::*;

    fn rtp(flags: u8, kind: u8, rest: &[u8]) -> Vec<u8> {
        [&[0x80 | flags, kind, 0x12, 0x34, 0, 0, 0, 5, 0, 0, 0, 9], rest].concat()
    }

    const TS: [u8; 4] = [0x47, 1, 2, 3];

    #[rstest]
    #[case::mp2t(rtp(0, 33, &TS), 33, false)]
    #[case::marked(rtp(0, 0x80 | 33, &TS), 33, true)]
    #[case::dynamic(rtp(0, 96, &TS), 96, false)]
    #[case::below_rtcp(rtp(0, 0x80 | 63, &TS), 63, true)]
    #[case::above_rtcp(rtp(0, 0x80 | 96, &TS), 96, true)]
    #[case::number_of_rtcp_without_marker(rtp(0, 72, &TS), 72, false)]
    #[case::sources(rtp(2, 33, &[&[9; 8], &TS[..]].concat()), 33, false)]
    #[case::extension(rtp(0x10, 33, &[&[0xBE, 0xDE, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF], &TS[..]].concat()), 33, false)]
    #[case::padding(rtp(0x20, 33, &[&TS[..], &[0, 0, 3]].concat()), 33, false)]
    fn packets(#[case] datagram: Vec<u8>, #[case] payload_type: u8, #[case] marker: bool) {
        let packet = Packet { payload_type, marker, sequence: 0x1234, timestamp: 5, ssrc: 9, payload: &TS };
        assert_eq!(read(&datagram), Datagram::Rtp(packet));
    }

    #[rstest]
    #[case::extension_beyond(rtp(0x10, 33, &[0xBE, 0xDE, 0, 9, 0xFF]))]
    #[case::padding_beyond(rtp(0x20, 33, &[9]))]
    #[case::padding_of_nothing(rtp(0x20, 33, &[0]))]
    #[case::sources_beyond(rtp(0x0F, 33, &TS))]
    #[case::short(vec![0x80, 33, 0])]
    #[case::shortest(vec![0x80])]
    #[case::text(b"?".to_vec())]
    #[case::nothing(vec![])]
    fn what_is_nothing(#[case] datagram: Vec<u8>) {
        assert_eq!(read(&datagram), Datagram::Other);
    }

    #[rstest]
    #[case::sender_report(200)]
    #[case::receiver_report(201)]
    #[case::first(192)]
    #[case::last(223)]
    fn rtcp_is_told_apart(#[case] kind: u8) {
        let datagram = rtp(0, kind, &TS);
        assert_eq!(read(&datagram), Datagram::Rtcp(&datagram));
    }

    #[test]
    fn bare_packets_are_taken_as_they_are() {
        assert_eq!(read(&TS), Datagram::TransportStream(&TS));
        let joined = [1u8; 188];
        assert_eq!(read(&joined), Datagram::TransportStream(&joined));
    }

    #[rstest]
    #[case::mp2t(33, &TS, true)]
    #[case::joined_anywhere(33, &[1, 2, 3], true)]
    #[case::dynamic(96, &[0x47; 376], true)]
    #[case::dynamic_with_one(96, &[0x47; 188], true)]
    #[case::dynamic_parameter_set(96, &TS, false)]
    #[case::dynamic_without_the_second(96, &[&[0x47][..], &[0; 375]].concat(), false)]
    #[case::dynamic_other(96, &[1; 188], false)]
    #[case::sound(8, &[0x47; 188], false)]
    fn transport_streams(#[case] payload_type: u8, #[case] payload: &[u8], #[case] carried: bool) {
        let packet = Packet { payload_type, marker: false, sequence: 0, timestamp: 0, ssrc: 0, payload };
        assert_eq!(packet.is_transport_stream(), carried);
    }

    proptest! {
        #[test]
        fn any_datagram_is_read(mut datagram in proptest::collection::vec(any::<u8>(), 0..60), rtp: bool) {
            if let (true, Some(first)) = (rtp, datagram.first_mut()) {
                *first = 0x80 | *first & 0x3F;
            }
            if let Datagram::Rtp(packet) = read(&datagram) {
                prop_assert!(packet.payload.len() + 12 <= datagram.len());
            }
        }

        #[test]
        fn what_was_built_is_read(
            payload_type in 0u8..64, marker: bool, sequence: u16, timestamp: u32, ssrc: u32,
            payload in proptest::collection::vec(any::<u8>(), 0..100), sources in proptest::collection::vec(any::<u32>(), 0..16),
            extension in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..9)), padding in proptest::option::of(1u8..),
        ) {
            let extension = extension.map(|words| words.repeat(4));
            let mut builder = RtpPacketBuilder::<&[u8], &[u8]>::new().payload_type(payload_type).marker_bit(marker);
            builder = builder.sequence_number(sequence).timestamp(timestamp).ssrc(ssrc).payload(&payload).maybe_padding(padding);
            for source in sources {
                builder = builder.add_csrc(source);
            }
            if let Some(extension) = &extension {
                builder = builder.extension(1, extension);
            }
            let datagram = builder.write_vec().unwrap();
            let packet = Packet { payload_type, marker, sequence, timestamp, ssrc, payload: &payload };
            prop_assert_eq!(read(&datagram), Datagram::Rtp(packet));
        }
    }
}
