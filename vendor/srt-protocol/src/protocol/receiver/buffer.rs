//! The receive buffer: what came, what is missing, when it is due.
//!
//! Rewritten for Rooftop (see CHANGES.md): as published it dropped what had arrived together with what had not, broke where
//! sequence numbers wrap, and nobody woke up when a hole was to be given up.

use std::{
    collections::VecDeque,
    ops::Range,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};

use crate::{options::PacketCount, packet::*};

use super::{
    time::{ClockAdjustment, SynchronizedRemoteClock},
    DataPacketAction, DataPacketError,
};

/// A hole is given up this long after what lies behind it was due: a retransmission may be on its way.
const TOLERANCE: Duration = Duration::from_millis(5);

/// Losses in one report. Each takes a word at most, and peers have no room for reports that are larger than their packets. The
/// rest waits for the next report.
const REPORTED: usize = 300;

#[derive(Debug)]
enum Slot {
    /// Not here, reported so often, at `feedback_time` last.
    Lost { feedback_time: Instant, reported: u8 },
    Received(DataPacket),
    /// The sender will not send it.
    Dropped,
}

#[derive(Debug, Eq, PartialEq)]
pub struct MessageError {
    pub too_late_packets: Range<SeqNumber>,
    /// How many of them nobody was told of yet: without what the sender gave up.
    pub lost: u64,
    pub delay: TimeSpan,
}

#[derive(Debug)]
pub struct ReceiveBuffer {
    tsbpd_latency: Duration,
    too_late_packet_drop: bool,
    remote_clock: SynchronizedRemoteClock,
    /// Sequence number of the first slot.
    first: SeqNumber,
    slots: VecDeque<Slot>,
    /// How many slots are `Lost`.
    lost: usize,
    /// All before it has come, or will not.
    lrsn: SeqNumber,
    max_buffer_size: usize,
}

impl ReceiveBuffer {
    pub fn new(
        socket_start_time: Instant,
        tsbpd_latency: Duration,
        too_late_packet_drop: bool,
        init_seq_num: SeqNumber,
        max_buffer_size: PacketCount,
    ) -> Self {
        Self {
            tsbpd_latency,
            too_late_packet_drop,
            remote_clock: SynchronizedRemoteClock::new(socket_start_time),
            first: init_seq_num,
            slots: VecDeque::new(),
            lost: 0,
            lrsn: init_seq_num,
            max_buffer_size: max_buffer_size.into(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Data Sequence Number of the packet following the last acknowledged packet
    pub fn next_ack_dsn(&self) -> SeqNumber {
        self.lrsn
    }

    pub fn clear(&mut self) {
        self.first = self.end();
        self.lrsn = self.first;
        self.slots.clear();
        self.lost = 0;
    }

    pub fn synchronize_clock(&mut self, now: Instant, now_ts: TimeStamp) -> Option<ClockAdjustment> {
        self.remote_clock.synchronize(now, now_ts)
    }

    /// Buffer available, in packets
    pub fn buffer_available(&self) -> usize {
        self.max_buffer_size.saturating_sub(self.slots.len())
    }

    /// How many packets are missing now.
    pub fn missing(&self) -> usize {
        self.lost
    }

    /// One behind the last slot.
    fn end(&self) -> SeqNumber {
        self.first + self.slots.len() as u32
    }

    /// Where `number` lies, if it does not lie before the buffer; it may lie behind it.
    fn index(&self, number: SeqNumber) -> Option<usize> {
        (number >= self.first).then(|| (number - self.first) as usize)
    }

    fn due(&self, timestamp: TimeStamp) -> Instant {
        self.remote_clock.instant_from(timestamp) + self.tsbpd_latency
    }

    pub fn push_packet(&mut self, now: Instant, data: DataPacket) -> Result<DataPacketAction, DataPacketError> {
        let seq_number = data.seq_number;
        let Some(index) = self.index(seq_number) else {
            return Err(DataPacketError::PacketTooLate { seq_number, seq_number_0: self.first });
        };
        if index < self.slots.len() {
            return self.recover(index, data);
        }
        let missing = index - self.slots.len();
        if self.buffer_available() == 0 {
            return Err(DataPacketError::BufferFull { seq_number, buffer_size: self.slots.len() });
        }
        if self.buffer_available() < missing + 1 {
            return Err(DataPacketError::PacketTooEarly {
                seq_number,
                buffer_available: self.buffer_available(),
                buffer_required: missing + 1,
            });
        }
        let gap = self.end()..seq_number;
        let whole = self.lrsn == self.end();
        self.slots.extend((0..missing).map(|_| Slot::Lost { feedback_time: now, reported: 1 }));
        self.lost += missing;
        self.slots.push_back(Slot::Received(data));
        if missing > 0 {
            return Ok(DataPacketAction::ReceivedWithLoss(gap.into()));
        }
        if whole {
            self.lrsn = self.end();
        }
        Ok(DataPacketAction::Received { lrsn: self.lrsn, recovered: false })
    }

    fn recover(&mut self, index: usize, data: DataPacket) -> Result<DataPacketAction, DataPacketError> {
        let seq_number = data.seq_number;
        match self.slots.get_mut(index) {
            Some(slot @ Slot::Lost { .. }) => *slot = Slot::Received(data),
            _ => return Err(DataPacketError::DiscardedDuplicate { seq_number }),
        }
        self.lost -= 1;
        if self.lrsn == seq_number {
            self.advance(index);
        }
        Ok(DataPacketAction::Received { lrsn: self.lrsn, recovered: true })
    }

    /// Moves the point of acknowledgement to the first slot from `from` on that is missing.
    fn advance(&mut self, from: usize) {
        let found = self.slots.range(from.min(self.slots.len())..).position(|slot| matches!(slot, Slot::Lost { .. }));
        self.lrsn = found.map_or(self.end(), |found| self.first + (from + found) as u32);
    }

    /// Takes `count` slots off the front.
    fn remove(&mut self, count: usize) {
        let count = count.min(self.slots.len());
        self.lost -= self.slots.drain(..count).filter(|slot| matches!(slot, Slot::Lost { .. })).count();
        self.first += count as u32;
        if self.lrsn < self.first {
            self.advance(0);
        }
    }

    /// How many slots the message at the front has, if all of it is here; where it is not whole, how many slots it spoils.
    fn message(&self) -> Result<usize, usize> {
        for (at, slot) in self.slots.iter().enumerate() {
            let Slot::Received(data) = slot else { return Err(at) };
            if (at == 0) != data.message_loc.contains(PacketLocation::FIRST) {
                return Err(at.max(1));
            }
            if data.message_loc.contains(PacketLocation::LAST) {
                return Ok(at + 1);
            }
        }
        Err(self.slots.len())
    }

    pub fn pop_next_message(&mut self, now: Instant) -> Result<Option<(Instant, Bytes)>, MessageError> {
        let gone = self.slots.iter().take_while(|slot| matches!(slot, Slot::Dropped)).count();
        self.remove(gone);
        let Some((at, timestamp)) = self.next_received() else { return Ok(None) };
        let due = self.due(timestamp);
        if at > 0 {
            return self.give_up(now, at, due + TOLERANCE, due);
        }
        if now < due {
            return Ok(None);
        }
        let count = match self.message() {
            Ok(count) => count,
            Err(spoilt) => return self.give_up(now, spoilt, due + TOLERANCE, due),
        };
        let release_time = self.remote_clock.monotonic_instant_from(timestamp);
        let payload = |slot: &mut Slot| match slot {
            Slot::Received(data) => std::mem::take(&mut data.payload),
            _ => Bytes::new(),
        };
        let message = if count == 1 {
            self.slots.front_mut().map(payload).unwrap_or_default()
        } else {
            let mut whole = BytesMut::new();
            self.slots.iter_mut().take(count).for_each(|slot| whole.extend_from_slice(&payload(slot)));
            whole.freeze()
        };
        self.remove(count);
        Ok(Some((release_time, message)))
    }

    /// Drops `count` slots at the front, when their time is over.
    fn give_up(
        &mut self,
        now: Instant,
        count: usize,
        until: Instant,
        due: Instant,
    ) -> Result<Option<(Instant, Bytes)>, MessageError> {
        if now < until || !self.too_late_packet_drop || count == 0 {
            return Ok(None);
        }
        let too_late_packets = self.first..self.first + count as u32;
        let lost = self.slots.iter().take(count).filter(|slot| !matches!(slot, Slot::Dropped)).count() as u64;
        self.remove(count);
        Err(MessageError { too_late_packets, lost, delay: TimeSpan::from_interval(due, now) })
    }

    /// The first packet that is here.
    fn next_received(&self) -> Option<(usize, TimeStamp)> {
        self.slots.iter().enumerate().find_map(|(at, slot)| match slot {
            Slot::Received(data) => Some((at, data.timestamp)),
            _ => None,
        })
    }

    /// When there will be something to take, or to give up.
    pub fn next_message_release_time(&self) -> Option<Instant> {
        let (at, timestamp) = self.next_received()?;
        let due = self.due(timestamp);
        if at > 0 {
            return Some(due + TOLERANCE);
        }
        match self.message() {
            Ok(_) => Some(due),
            Err(_) => Some(due + TOLERANCE),
        }
    }

    /// What is to be reported again: what was reported last so long ago, or longer where it was in vain for many times.
    pub fn prepare_loss_list(&mut self, now: Instant, interval: TimeSpan) -> Option<CompressedLossList> {
        if self.lost == 0 {
            return None;
        }
        let first = self.first;
        let loss_list = self.slots.iter_mut().enumerate().filter_map(|(at, slot)| match slot {
            Slot::Lost { feedback_time, reported } if now > *feedback_time + interval * (1 + i32::from(*reported / 16)) => {
                *reported = reported.saturating_add(1);
                *feedback_time = now;
                Some(first + at as u32)
            }
            _ => None,
        });
        CompressedLossList::try_from_iter(loss_list.take(REPORTED))
    }

    pub fn drop_packets(&mut self, range: Range<SeqNumber>) -> usize {
        let clamped = |number: SeqNumber| self.index(number).unwrap_or(0).min(self.slots.len());
        let (from, to) = (clamped(range.start), clamped(range.end));
        if from >= to {
            return 0;
        }
        let mut dropped = 0;
        for slot in self.slots.range_mut(from..to) {
            if matches!(slot, Slot::Lost { .. }) {
                *slot = Slot::Dropped;
                dropped += 1;
            }
        }
        self.lost -= dropped;
        if let Some(at) = self.index(self.lrsn) {
            self.advance(at);
        }
        dropped
    }

    pub fn rx_acknowledged_time(&self) -> Duration {
        let stamp = |slot: Option<&Slot>| match slot {
            Some(Slot::Received(data)) => Some(data.timestamp),
            _ => None,
        };
        let last = self.index(self.lrsn).and_then(|index| index.checked_sub(1));
        match (stamp(self.slots.front()), stamp(last.and_then(|last| self.slots.get(last)))) {
            (Some(first), Some(last)) => Duration::from_micros(u64::try_from((last - first).as_micros()).unwrap_or(0)),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod receive_buffer {
    use proptest::prelude::*;

    use super::*;

    const LATENCY: Duration = Duration::from_millis(120);

    fn packet(number: SeqNumber, micros: u32) -> DataPacket {
        DataPacket {
            seq_number: number,
            message_loc: PacketLocation::ONLY,
            in_order_delivery: false,
            encryption: DataEncryption::None,
            retransmitted: false,
            message_number: MsgNumber(0),
            timestamp: TimeStamp::from_micros(micros),
            dest_sockid: SocketId(4),
            payload: Bytes::from(micros.to_be_bytes().to_vec()),
        }
    }

    /// What comes out at `now`: payloads, and how many were given up.
    fn taken(buffer: &mut ReceiveBuffer, now: Instant) -> (Vec<u32>, u32) {
        let (mut out, mut dropped) = (Vec::new(), 0);
        loop {
            match buffer.pop_next_message(now) {
                Ok(Some((_, payload))) => out.push(u32::from_be_bytes(payload[..].try_into().unwrap())),
                Ok(None) => return (out, dropped),
                Err(error) => dropped += error.too_late_packets.end - error.too_late_packets.start,
            }
        }
    }

    #[test]
    fn only_what_is_missing_is_given_up() {
        let start = Instant::now();
        let first = SeqNumber(SeqNumber::MAX - 2);
        let mut buffer = ReceiveBuffer::new(start, LATENCY, true, first, PacketCount(100));
        for n in [0, 1, 3, 4, 6] {
            buffer.push_packet(start, packet(first + n, n * 1000)).unwrap();
        }
        assert_eq!(buffer.next_ack_dsn(), first + 2);
        assert_eq!(buffer.missing(), 2);
        let at = |millis| start + LATENCY + Duration::from_millis(millis);
        assert_eq!(taken(&mut buffer, at(1)), (vec![0, 1000], 0));
        assert_eq!(buffer.next_message_release_time(), Some(at(3) + TOLERANCE));
        assert_eq!(taken(&mut buffer, at(7)), (vec![], 0));
        assert_eq!(taken(&mut buffer, at(8)), (vec![3000, 4000], 1));
        assert_eq!(buffer.next_ack_dsn(), first + 5);
        buffer.push_packet(at(9), packet(first + 5, 5000)).unwrap();
        assert_eq!(taken(&mut buffer, at(9)), (vec![5000, 6000], 0));
        assert_eq!(buffer.missing(), 0);
    }

    #[test]
    fn what_the_sender_gave_up_is_not_counted_again() {
        let start = Instant::now();
        let mut buffer = ReceiveBuffer::new(start, LATENCY, true, SeqNumber(0), PacketCount(100));
        for n in [0, 4] {
            buffer.push_packet(start, packet(SeqNumber(n), n * 1000)).unwrap();
        }
        assert_eq!(buffer.drop_packets(SeqNumber(2)..SeqNumber(3)), 1);
        let late = start + LATENCY + Duration::from_secs(1);
        assert!(matches!(buffer.pop_next_message(late), Ok(Some(_))));
        let given_up = buffer.pop_next_message(late).unwrap_err();
        assert_eq!((given_up.too_late_packets, given_up.lost), (SeqNumber(1)..SeqNumber(4), 2));
    }

    #[test]
    fn a_report_is_bounded_and_the_rest_comes_with_the_next() {
        let start = Instant::now();
        let mut buffer = ReceiveBuffer::new(start, LATENCY, true, SeqNumber(0), PacketCount(10_000));
        for n in (0..=1000).step_by(2) {
            buffer.push_packet(start, packet(SeqNumber(n), n)).unwrap();
        }
        let interval = TimeSpan::from_millis(25);
        let mut at = |millis| buffer.prepare_loss_list(start + Duration::from_millis(millis), interval).map_or(0, |list| list.len());
        assert_eq!([at(25), at(26), at(31), at(36), at(52)], [0, REPORTED as u64, 500 - REPORTED as u64, 0, REPORTED as u64]);
    }

    proptest! {
        #[test]
        fn every_packet_comes_once_and_in_order(
            first in prop_oneof![0u32..SeqNumber::MAX, SeqNumber::MAX - 60..SeqNumber::MAX],
            order in Just((0u32..60).collect::<Vec<_>>()).prop_shuffle(),
            lost in proptest::collection::vec(any::<bool>(), 60),
            dropped in 0u32..60,
        ) {
            let start = Instant::now();
            let first = SeqNumber(first);
            let mut buffer = ReceiveBuffer::new(start, LATENCY, true, first, PacketCount(60));
            let came: Vec<u32> = order.into_iter().filter(|n| !lost[*n as usize] || *n == 59).collect();
            for (at, n) in came.iter().enumerate() {
                let _ = buffer.push_packet(start, packet(first + *n, n * 1000));
                let _ = buffer.push_packet(start, packet(first + *n, n * 1000));
                if at == 5 {
                    buffer.drop_packets(first + dropped..first + dropped + 1);
                }
                let missing = buffer.slots.iter().filter(|slot| matches!(slot, Slot::Lost { .. })).count();
                prop_assert_eq!(missing, buffer.missing());
                prop_assert!(buffer.next_ack_dsn() >= buffer.first && buffer.next_ack_dsn() <= buffer.end());
            }
            let (out, _) = taken(&mut buffer, start + LATENCY + Duration::from_secs(1));
            let mut expected = came.clone();
            expected.sort_unstable();
            // What the sender took back may have come before, or not.
            let expected: Vec<u32> = expected.into_iter().map(|n| n * 1000).collect();
            let without: Vec<u32> = expected.iter().copied().filter(|n| *n != dropped * 1000).collect();
            prop_assert!(out == expected || out == without);
            prop_assert!(buffer.is_empty());
            prop_assert_eq!(buffer.next_ack_dsn(), buffer.end());
        }
    }
}
