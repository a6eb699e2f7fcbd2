use proptest::prelude::*;

use super::*;
use crate::ingest::tap::memory::{Ledger, Limits};
use crate::ingest::tap::picture::Counts;
use crate::ingest::tap::sync::drift::Status;
use crate::ingest::tap::testing::{SETS, start, stream};
use crate::model::Codec;
use crate::ts::PACKET;

const MIB: u64 = 1024 * 1024;

struct Line {
    tap: Tap,
    ledger: Ledger,
    ms: u64,
}

impl Line {
    fn new(settings: Settings, limits: Limits) -> Self {
        let ledger = Ledger::new(limits);
        Self { tap: Tap::new(settings, ledger.account(), start()), ledger, ms: 0 }
    }

    fn usual() -> Self {
        Self::new(Settings::default(), Limits::of_machine(8 << 30))
    }

    fn now(&self) -> (Instant, Moment) {
        (start() + Duration::from_millis(self.ms), Moment(self.ms as i64))
    }

    /// How often a keyframe was asked for.
    fn play(&mut self, frames: &[Vec<u8>]) -> u64 {
        let mut asked = 0;
        for frame in frames {
            let (now, wall) = self.now();
            asked += u64::from(self.tap.push(frame, now, wall));
            asked += u64::from(self.tap.tick(now, wall));
            self.ms += 40;
        }
        asked
    }

    fn wait(&mut self, ms: u64) -> u64 {
        let mut asked = 0;
        for _ in 0..ms / 100 {
            self.ms += 100;
            let (now, wall) = self.now();
            asked += u64::from(self.tap.tick(now, wall));
        }
        asked
    }
}

#[test]
fn a_stream_is_known_by_what_passes() {
    let mut line = Line::usual();
    let asked = line.play(&stream(&"IPbbPbb".repeat(6), (1 << 33) - 90_000, 3000));
    line.wait(300);
    let tap = &line.tap;
    assert_eq!((tap.frames.codec(), tap.info().resolution().as_deref()), (Some(Codec::H264), Some("1920x1080")));
    let gops = tap.gops();
    assert_eq!((gops.counts, gops.total, gops.average_size), (Counts { i: 6, p: 12, b: 24 }, 6, 7.0));
    assert_eq!(gops.average_duration, Duration::from_millis(280));
    assert_eq!(tap.assembled(), Assembled { frames: 42, broken: 0 });
    let buffer = tap.buffer.statistics();
    assert_eq!((buffer.gops, buffer.frames, buffer.duration), (3, 21, Duration::from_millis(800)));
    assert_eq!(line.ledger.used(), buffer.bytes);
    let sync = &tap.sync;
    assert_eq!(sync.video_statistics().map(|track| (track.packets, track.wraps, track.jumps, track.errors)), Some((42, 1, 0, 0)));
    assert_eq!(sync.drift().status, Status::Unknown);
    assert_eq!(tap.parameters().statistics().picture_ids, [0]);
    assert_eq!(tap.parameters().units().collect::<Vec<_>>(), [&SETS[4..31], &SETS[34..]], "as they came");
    assert!(tap.recovery().is_healthy() && asked == 0 && !tap.pressure().dropping);
}

#[test]
fn a_preview_is_a_stream_of_its_own() {
    let mut line = Line::usual();
    assert!(line.tap.kept(Duration::from_secs(1)).is_none() && line.tap.picture().is_none());
    line.play(&stream(&"IPbb".repeat(20), 0, 3000));
    let (programme, frames) = line.tap.kept(Duration::from_millis(200)).unwrap();
    let bytes = preview::transport_stream(&programme, frames.iter());
    let mut again = Line::usual();
    again.play(&[bytes]);
    again.wait(300);
    assert_eq!((again.tap.assembled(), frames.len()), (Assembled { frames: 5, broken: 0 }, 5));
    assert_eq!(again.tap.input.stats().continuity_errors, 0);
    assert_eq!(again.tap.info().audio[0].language.as_deref(), Some("deu"));
    let (programme, frame) = line.tap.picture().unwrap();
    let picture = preview::transport_stream(&programme, std::iter::once(&frame));
    assert_eq!((picture.len() % PACKET, frame.id), (0, 77));
    let mut again = Line::usual();
    again.play(&[picture]);
    again.wait(300);
    assert_eq!(again.tap.gops().counts, Counts { i: 1, p: 0, b: 0 });
}

#[test]
fn a_hole_is_waited_out_until_a_keyframe_comes() {
    let mut line = Line::usual();
    let mut frames = stream("IPPPPIPPP", 0, 5000);
    // Packets of the third frame.
    let cut = 4 * PACKET;
    frames[2].drain(cut..cut + 6 * PACKET);
    assert_eq!(line.play(&frames[..4]), 1);
    assert!(!line.tap.recovery().is_healthy());
    assert_eq!(line.play(&frames[4..]), 0);
    let found = line.tap.recovery();
    assert!(found.is_healthy(), "{found:?}");
    assert_eq!((found.recovered, found.missing, found.corruptions), (1, 6, 1));
    assert_eq!(line.tap.assembled().broken, 1);
}

#[test]
fn what_was_not_looked_at_is_no_fault_of_the_stream() {
    let mut line = Line::usual();
    let mut frames = stream("IPPPPIPPPPPP", 0, 5000);
    frames[10].drain(4 * PACKET..10 * PACKET);
    line.play(&frames[..2]);
    line.tap.missed();
    line.play(&frames[3..9]);
    line.wait(300);
    let found = line.tap.seen();
    assert!(found.recovery.is_healthy() && found.recovery.missing == 0, "{:?}", found.recovery);
    assert_eq!((found.assembled.broken, found.gops.keyframes), (0, 2));
    assert_eq!(line.tap.buffer.statistics().frames, 1 + 4, "behind the hole nothing is kept until a keyframe comes");
    line.play(&frames[9..]);
    assert_eq!(line.tap.recovery().missing, 6, "and then faults are faults again");
}

#[test]
fn nothing_is_kept_of_a_stream_that_ended() {
    let mut line = Line::usual();
    line.play(&stream("IPPPP", 0, 5000));
    let (now, wall) = line.now();
    line.tap.rest(now, wall);
    assert_eq!((line.ledger.used(), line.tap.assembled().frames), (0, 5));
    assert_eq!(line.wait(5000), 0, "a keyframe of it is not waited for");
    assert_eq!(line.tap.seen().info.resolution().as_deref(), Some("1920x1080"));
}

#[test]
fn silence_and_leaps_are_faults() {
    let mut line = Line::usual();
    line.play(&stream("IPPP", 0, 500));
    assert_eq!(line.wait(1900), 0);
    assert_eq!(line.wait(200), 1);
    assert_eq!((line.tap.recovery().timeouts, line.tap.recovery().is_healthy()), (1, false));
    line.play(&stream("IPPPP", 0, 500));
    assert!(line.tap.recovery().is_healthy());
    assert_eq!(line.tap.recovery().jumps, 0, "back by less than a second");
    line.play(&stream("PPP", 900_000_000, 500));
    assert_eq!(line.tap.recovery().jumps, 1);
}

#[test]
fn another_sender_begins_anew() {
    let mut line = Line::usual();
    line.play(&stream("IPPIPP", 0, 500));
    let (now, wall) = line.now();
    line.tap.begin_anew(now, wall);
    assert_eq!((line.ledger.used(), line.tap.frames.codec(), line.tap.gops().total), (0, None, 0));
    line.play(&stream("IPP", 900_000_000, 500));
    line.wait(300);
    assert_eq!((line.tap.gops().counts.total(), line.tap.recovery().jumps), (3, 0));
    assert_eq!(line.tap.assembled().frames, 9);
}

#[test]
fn a_person_may_set_the_pressure() {
    let mut line = Line::usual();
    line.play(&stream(&"IPbbPbb".repeat(3), 0, 3000));
    let before = line.tap.buffer.statistics().bytes;
    line.tap.control(Control::SetPressure(0.9), Moment(0));
    let after = line.tap.buffer.statistics().bytes;
    assert!(after <= before * 2 / 3 && line.tap.pressure().dropping, "{after} of {before}");
    line.play(&stream(&"IPbbPbb".repeat(9), 0, 3000));
    assert!(line.tap.buffer.statistics().bytes <= after + 30_000, "it stays so");
    assert!(line.tap.buffer.frames().all(|kept| kept.reference), "what no other needs does not even come in");
    line.tap.control(Control::Reset, Moment(0));
    line.play(&stream(&"IPbbPbb".repeat(4), 0, 3000));
    assert!(!line.tap.pressure().dropping && line.tap.buffer.statistics().frames > 14);
    let gops = line.tap.buffer.statistics().gops;
    line.tap.control(Control::DropGop, Moment(0));
    assert_eq!(line.tap.buffer.statistics().gops, gops - 1);
}

#[test]
fn memory_that_is_short_is_shared() {
    let limits = Limits { global: 3 * MIB, per_stream: 2 * MIB };
    let mut line = Line::new(Settings::default(), limits);
    let frames = stream(&"IPbbPbb".repeat(10), 0, 150_000);
    let largest = frames.iter().map(Vec::len).max().unwrap() as u64;
    for frame in &frames {
        line.play(std::slice::from_ref(frame));
        let held = line.tap.frames.held() as u64;
        assert!(line.ledger.used() + held <= limits.per_stream + 2 * largest);
        assert!(line.ledger.used() <= limits.per_stream);
        assert!(line.tap.account.pressure() <= Settings::default().watermarks.high);
    }
    let found = line.tap.buffer.statistics();
    assert!(found.dropped_frames > 0 && line.tap.pressure().adjustments > 0, "{found:?}");
    assert!(line.tap.buffer.keyframe().is_some());
    assert_eq!(line.tap.gops().counts.total() + 1, 70, "all are counted; the last may go on");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn damage_is_survived_within_bounds(
        kinds in "[IPb]{1,40}", size in 1usize..4000, cut in 1usize..3000,
        breaks in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..60),
        global in 10_000u64..200_000, passed in 0u64..400,
    ) {
        let limits = Limits { global, per_stream: global / 2 };
        let buffer = gop_buffer::Settings { most_bytes: 60_000, ..gop_buffer::Settings::default() };
        let mut line = Line::new(Settings { buffer, ..Settings::default() }, limits);
        let mut bytes = stream(&kinds, (1 << 33) - 40_000, size).concat();
        for (at, byte) in breaks {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for piece in bytes.chunks(cut) {
            let (now, wall) = line.now();
            line.tap.push(piece, now, wall);
            line.tap.tick(now, wall);
            line.ms += passed;
            prop_assert!(line.ledger.used() <= limits.per_stream);
            let found = line.tap.buffer.statistics();
            prop_assert_eq!(found.bytes, line.ledger.used());
            prop_assert!(found.bytes <= 60_000 && found.gops <= 3);
            prop_assert!(line.tap.buffer.frames().next().is_none_or(|first: &Kept| first.keyframe));
        }
        line.wait(1000);
        let (gops, all) = (line.tap.gops(), line.tap.assembled());
        prop_assert!(gops.counts.total() <= all.frames + 60);
        drop(line.tap);
        prop_assert_eq!(line.ledger.used(), 0);
    }
}
