//! Datagrams for tests, and what becomes of them.

use rtp_types::RtpPacketBuilder;

use super::MP2T;

/// A packet of a transport stream; its payload says which one it is.
pub(super) fn rtp(ssrc: u32, sequence: u16, timestamp: u32) -> Vec<u8> {
    rtp_of(MP2T, ssrc, sequence, timestamp)
}

/// The same of another payload type.
pub(super) fn rtp_of(payload_type: u8, ssrc: u32, sequence: u16, timestamp: u32) -> Vec<u8> {
    let payload = payload(ssrc, sequence);
    let builder = RtpPacketBuilder::<&[u8], &[u8]>::new().payload_type(payload_type).ssrc(ssrc);
    builder.sequence_number(sequence).timestamp(timestamp).payload(&payload).write_vec().unwrap()
}

/// What [`rtp`] puts into a packet.
pub(super) fn payload(ssrc: u32, sequence: u16) -> Vec<u8> {
    [&ssrc.to_be_bytes()[..], &sequence.to_be_bytes()].concat()
}

/// Which packet it was.
pub(super) fn read(payload: &[u8]) -> (u32, u16) {
    let (ssrc, sequence) = payload.split_at(4);
    (u32::from_be_bytes(ssrc.try_into().unwrap()), u16::from_be_bytes(sequence.try_into().unwrap()))
}

/// A sender report.
pub(super) fn sender_report(ssrc: u32, ntp: u64, timestamp: u32) -> Vec<u8> {
    [&[0x80, 200, 0, 6], &ssrc.to_be_bytes()[..], &ntp.to_be_bytes(), &timestamp.to_be_bytes(), &[0; 8]].concat()
}

/// A goodbye.
pub(super) fn bye(ssrc: u32) -> Vec<u8> {
    [&[0x81, 203, 0, 1], &ssrc.to_be_bytes()[..]].concat()
}
