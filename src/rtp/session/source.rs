//! The source that a session hears: its numbers, its clock, and what is told back to it.

use std::time::Duration;

use super::super::Why;
use super::super::candidate::Candidate;
use super::super::probation::Order;
use super::super::rtcp::{self, Block, Losses};
use super::super::transit::Transit;
use super::super::wallclock::{Ntp, Wallclock};
use super::HANDOVER;
use crate::base::clock::Instant;

/// Whoever has been silent for so long may be followed, whatever it did before.
const LONGEST_SILENCE: Duration = Duration::from_secs(5);
/// Bytes of a report, with the headers below it.
const REPORT_BYTES: u64 = 100;

/// The source that is heard.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) ssrc: u32,
    pub(super) payload_type: u8,
    pub(super) order: Order,
    pub(super) transit: Transit,
    pub(super) began: Instant,
    pub(super) heard: Instant,
    /// The longest wait for a packet lately.
    gap: Duration,
    /// It has said that it leaves; packets may still be under way until then.
    pub(super) leaving: Option<Instant>,
    pub(super) losses: Losses,
    pub(super) report: Option<(Instant, Ntp)>,
    pub(super) wallclock: Option<Wallclock>,
    pub(super) bytes: u64,
    pub(super) next_report: Instant,
}

impl Source {
    /// A source that is believed; extended numbers lie behind `after`.
    pub(super) fn new<K>(now: Instant, candidate: &Candidate<K>, clock_rate: u32, after: Option<i64>) -> Self {
        let began = candidate.packets().next().map_or(now, |(arrival, _)| arrival);
        Self {
            ssrc: candidate.ssrc,
            payload_type: candidate.payload_type(),
            order: Order::begin(began, candidate.first(), after),
            transit: Transit::new(began, clock_rate),
            began,
            heard: began,
            gap: Duration::ZERO,
            leaving: None,
            losses: Losses::default(),
            report: None,
            wallclock: None,
            bytes: 0,
            next_report: now,
        }
    }

    /// Something came of it.
    pub(super) fn hear(&mut self, arrival: Instant) {
        let gap = arrival.saturating_duration_since(self.heard);
        self.gap = gap.max(self.gap - self.gap / 16);
        self.heard = self.heard.max(arrival);
    }

    /// When another may follow, if nothing comes: a radio has a packet now and then, and is not gone between them.
    pub(super) fn silent_at(&self) -> Instant {
        self.heard + (self.gap * 3).clamp(HANDOVER, LONGEST_SILENCE)
    }

    /// Whether another may follow.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        self.leaving.is_some() || now >= self.silent_at()
    }

    /// Whether it is over, and why.
    pub(super) fn over(&self, now: Instant, idle: Duration) -> Option<Why> {
        if self.leaving.is_some_and(|leaving| leaving <= now) {
            return Some(Why::Bye);
        }
        (now.saturating_duration_since(self.heard) >= idle).then_some(Why::Idle)
    }

    /// What a report says of it.
    pub(super) fn block(&mut self, now: Instant) -> Block {
        let (fraction_lost, cumulative_lost) = self.losses.next(&self.order);
        let ago = self.report.map_or(Duration::ZERO, |(came, _)| now.saturating_duration_since(came));
        Block {
            ssrc: self.ssrc,
            fraction_lost,
            cumulative_lost,
            highest: self.order.highest() as u32,
            jitter: self.transit.jitter(),
            last_sender_report: self.report.map_or(0, |(_, ntp)| ntp.middle()),
            delay_since_last_sender_report: u32::try_from((ago.as_micros() << 16) / 1_000_000).unwrap_or(u32::MAX),
        }
    }

    /// When the next report is due.
    pub(super) fn schedule(&mut self, now: Instant, first: bool, random: &mut u32) {
        // Xorshift (Marsaglia): reports need to be spread, not to be unpredictable.
        *random ^= *random << 13;
        *random ^= *random >> 17;
        *random ^= *random << 5;
        let ms = now.saturating_duration_since(self.began).as_millis().max(1);
        let rate = u64::try_from(u128::from(self.bytes) * 1000 / ms).unwrap_or(u64::MAX);
        // Before the first report there is no rate that would say anything.
        let rate = if first { u64::MAX } else { rate };
        self.next_report = now + rtcp::interval(2, rate, REPORT_BYTES, first, *random);
    }
}
