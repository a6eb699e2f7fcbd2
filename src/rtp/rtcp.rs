//! RTCP: what senders tell, and what they are told. Pure; the packets themselves are `rtcp-types`'.
//!
//! A compound packet is walked here, not by the library: there a single packet that it cannot read hides those behind it.

#[cfg(test)]
mod tests;

use std::time::Duration;

use rtcp_types::prelude::*;
use rtcp_types::{Bye, Compound, PayloadFeedback, Pli, ReceiverReport, ReportBlock, RtcpWriteError, Sdes, SdesChunk, SdesItem};

use super::probation::Order;

/// The least time between reports (RFC 3550, 6.2).
pub const MIN_INTERVAL: Duration = Duration::from_secs(5);
/// Length of the largest SDES item (RFC 3550, 6.5).
const LONGEST_NAME: usize = 255;
/// Length of an RTCP packet's header.
const HEADER: usize = 4;

/// A sender report (RFC 3550, 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport {
    /// Its synchronisation source.
    pub ssrc: u32,
    /// Wall clock, NTP: seconds since 1900, in units of 2^-32. 0: it has none.
    pub ntp: u64,
    /// The same moment, as a timestamp of its packets.
    pub timestamp: u32,
    /// Packets that it has sent.
    pub packets: u32,
    /// Bytes of payload that it has sent. Wraps.
    pub octets: u32,
}

/// What a sender tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// A sender report.
    SenderReport(SenderReport),
    /// It leaves (6.6).
    Bye {
        /// Its synchronisation source.
        ssrc: u32,
    },
}

impl Told {
    /// Whom it is about.
    pub fn ssrc(&self) -> u32 {
        let (Self::SenderReport(SenderReport { ssrc, .. }) | Self::Bye { ssrc }) = *self;
        ssrc
    }
}

/// It is no compound packet (RFC 3550, A.2): its lengths do not add up, or its version is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no RTCP")]
pub struct NotRtcp;

/// Reads a compound packet, or one of reduced size (RFC 5506). Packets within it that are of other types or broken are passed over.
///
/// # Errors
/// When it is none; nothing of it has been given to `out`.
pub fn read(datagram: &[u8], out: &mut impl FnMut(Told)) -> Result<(), NotRtcp> {
    let mut rest = datagram;
    while !rest.is_empty() {
        rest = split(rest).ok_or(NotRtcp)?.1;
    }
    if datagram.is_empty() {
        return Err(NotRtcp);
    }
    let mut rest = datagram;
    while let Some((packet, behind)) = split(rest) {
        rest = behind;
        tell(packet, out);
    }
    Ok(())
}

/// The first packet of a compound, and what is behind it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let &[first, _, high, low] = bytes.first_chunk::<HEADER>()?;
    (first >> 6 == 2).then_some(())?;
    bytes.split_at_checked(HEADER + 4 * usize::from(u16::from_be_bytes([high, low])))
}

fn tell(packet: &[u8], out: &mut impl FnMut(Told)) {
    match packet.get(1).copied() {
        Some(rtcp_types::SenderReport::PACKET_TYPE) => {
            let Ok(report) = rtcp_types::SenderReport::parse(packet) else { return };
            out(Told::SenderReport(SenderReport {
                ssrc: report.ssrc(),
                ntp: report.ntp_timestamp(),
                timestamp: report.rtp_timestamp(),
                packets: report.packet_count(),
                octets: report.octet_count(),
            }));
        }
        Some(Bye::PACKET_TYPE) => {
            let Ok(bye) = Bye::parse(packet) else { return };
            bye.ssrcs().for_each(|ssrc| out(Told::Bye { ssrc }));
        }
        _ => {}
    }
}

/// A report block (RFC 3550, 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Block {
    /// Whom it is about.
    pub ssrc: u32,
    /// What was lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// What was lost since the beginning; negative where more came than was sent. 24 bits go out.
    pub cumulative_lost: i32,
    /// The lower 32 bits of the extended highest sequence number.
    pub highest: u32,
    /// Interarrival jitter, in units of the timestamp.
    pub jitter: u32,
    /// The middle 32 bits of the last sender report's NTP time; 0: there was none.
    pub last_sender_report: u32,
    /// How long ago that came, in units of 2^-16 s.
    pub delay_since_last_sender_report: u32,
}

/// What the last report said, of which the next one needs to know (A.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Losses {
    expected: u64,
    received: u64,
}

impl Losses {
    /// The fraction that was lost since the last report, and what was lost since the beginning (A.3).
    pub fn next(&mut self, order: &Order) -> (u8, i32) {
        let (expected, received) = (order.expected(), order.received());
        let before = std::mem::replace(self, Self { expected, received });
        let due = expected.saturating_sub(before.expected);
        let lost = due.saturating_sub(received.saturating_sub(before.received));
        let fraction = lost.saturating_mul(256).checked_div(due).unwrap_or(0);
        let all = i128::from(expected) - i128::from(received);
        (u8::try_from(fraction).unwrap_or(u8::MAX), all.clamp(-0x80_0000, 0x7F_FFFF) as i32)
    }
}

/// A compound packet: a receiver report, our canonical name, and perhaps a request for a picture that can be begun with, of this source
/// (RFC 3550, 6.1; RFC 4585, 3.1 and 6.3.1). `None`, which does not happen, where the library refuses it.
pub fn build(ours: u32, cname: &str, block: Option<Block>, picture_of: Option<u32>) -> Option<Vec<u8>> {
    let mut report = ReceiverReport::builder(ours);
    if let Some(block) = block {
        report = report.add_report_block(
            ReportBlock::builder(block.ssrc)
                .fraction_lost(block.fraction_lost)
                .cumulative_lost(block.cumulative_lost.cast_unsigned() & 0xFF_FFFF)
                .extended_sequence_number(block.highest)
                .interarrival_jitter(block.jitter)
                .last_sender_report_timestamp(block.last_sender_report)
                .delay_since_last_sender_report_timestamp(block.delay_since_last_sender_report),
        );
    }
    let cname = cname.get(..cname.floor_char_boundary(LONGEST_NAME)).unwrap_or_default();
    let name = SdesChunk::builder(ours).add_item(SdesItem::builder(SdesItem::CNAME, cname));
    let compound = Compound::builder().add_packet(report).add_packet(Sdes::builder().add_chunk(name));
    let written = match picture_of {
        None => write(&compound),
        Some(ssrc) => {
            let ask = PayloadFeedback::builder_owned(Pli::builder()).sender_ssrc(ours).media_ssrc(ssrc);
            write(&compound.add_packet(ask))
        }
    };
    written.ok()
}

fn write(compound: &impl RtcpPacketWriter) -> Result<Vec<u8>, RtcpWriteError> {
    let mut bytes = vec![0; compound.calculate_size()?];
    let length = compound.write_into(&mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Time to the next report (RFC 3550, 6.2 and 6.3.1), for one of `members` receivers and senders of a session with so many bytes of
/// media a second, of which a twentieth may be reports; half for the first one. `random` spreads it over half to one and a half
/// of that, so that not all speak at once.
pub fn interval(members: u32, bytes_per_second: u64, report_bytes: u64, first: bool, random: u32) -> Duration {
    // A twentieth of it; three quarters of that for the receivers.
    let share = (bytes_per_second.saturating_mul(3) / 80).max(1);
    let needed_ms = report_bytes.saturating_mul(u64::from(members)).saturating_mul(1000) / share;
    let least = if first { MIN_INTERVAL / 2 } else { MIN_INTERVAL };
    // Nobody who watches has a use for reports rarer than that.
    let interval = Duration::from_millis(needed_ms.min(60_000)).max(least);
    let spread = 0.5 + f64::from(random) / f64::from(u32::MAX);
    // e - 3/2: timer reconsideration, which is not done here for so few members, would make it shorter (6.3.1).
    interval.mul_f64(spread / 1.218_28)
}
