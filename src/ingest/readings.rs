//! What the metrics say of inputs. Those of one input are nobody's business who asks without a token: here are only sums.

use super::Registry;
use super::figures::Figures;
use super::registry::{Kind, Shown, Status};
use crate::base::metrics::{Reading, Readings};

impl Readings for Registry {
    fn read(&self) -> Vec<Reading> {
        let inputs = self.all();
        let on = || inputs.iter().filter(|input| input.status != Status::Closed);
        let sum = |value: fn(&Figures) -> u64| on().map(|input| value(&input.figures)).sum::<u64>();
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let of_all = |name, help, value: fn(&Shown) -> u64| Reading::gauge(name, help, on().map(value).sum());
        let of_kind =
            |kind: Kind| (vec![("type", kind.name().to_owned())], number(on().filter(|on| on.sender.kind == kind).count()));
        vec![
            Reading::gauges("stream_ingestion_active", "Streams that are pushed to us", [Kind::Srt, Kind::Rtp].map(of_kind)),
            Reading::gauge("stream_ingestion_readers", "Readers of those streams", number(on().map(|on| on.readers).sum())),
            Reading::gauge("stream_ingestion_bits_per_second", "Their rate now", sum(|figures| figures.bitrate)),
            Reading::gauge("stream_ingestion_bytes", "Bytes of those that are on", sum(|figures| figures.bytes)),
            Reading::gauge(
                "stream_ingestion_packets_lost",
                "Packets of those that are on and never came in time",
                sum(|figures| figures.connection.lost),
            ),
            Reading::gauge(
                "rtp_sessions_active",
                "Those of them that come by RTP",
                number(on().filter(|on| on.sender.kind == Kind::Rtp).count()),
            ),
            Reading::gauge(
                "srt_packets_retransmitted",
                "Packets of those that are on and came again",
                sum(|figures| figures.connection.retransmitted),
            ),
            of_all("stream_ingestion_frames", "Frames of those that are on", |on| on.seen.assembled.frames),
            of_all("stream_ingestion_frames_dropped", "Frames of those that are on and were not kept for want of memory", |on| {
                on.seen.buffer.dropped_frames
            }),
            of_all("stream_ingestion_memory_bytes", "Memory of what is kept of them", |on| on.seen.memory_bytes),
            of_all(
                "stream_ingestion_missed_bytes",
                "Bytes of those that are on and were not looked into for want of time",
                |on| on.missed_bytes,
            ),
            Reading::gauge(
                "stream_ingestion_av_offset_microseconds",
                "The largest distance that picture and sound of one of those that are on have moved apart",
                on().filter_map(|on| on.seen.offset_us()).map(i64::unsigned_abs).max().unwrap_or(0),
            ),
        ]
    }
}
