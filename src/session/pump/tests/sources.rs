//! Sources that end anywhere, with a clip between them: what goes out is one stream of whole pictures and sound.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::base::clock;
use crate::model::Codec;
use crate::ts::adaptation::Adaptation;
use crate::ts::mux::{Muxer, Track, Unit};
use crate::ts::packet::{self, PAYLOAD, UNIT_START, header};
use crate::ts::pes;
use crate::ts::splice::FirstSound;
use crate::ts::time::{Pcr27m, Pts90k};
use crate::ts::units::Units;

const SPS: &[u8] = &[
    0, 0, 0, 1, 0x67, 0x64, 0x00, 0x28, 0xAC, 0xD9, 0x40, 0x78, 0x02, 0x27, 0xE5, 0xC0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00,
    0x00, 0x03, 0x00, 0xC8, 0x3C, 0x60, 0xC6, 0x58, 0, 0, 1, 0x68, 0xEB, 0xE3,
];
const I: &[u8] = &[0, 0, 1, 0x41, 0x88, 0x84];
const P: &[u8] = &[0, 0, 1, 0x41, 0x9A, 0x84];
const STEP: u64 = 3600;
const GROUP: u64 = 12;
const FRAME: u64 = 2160;

/// How a source is made.
#[derive(Debug, Clone)]
struct Made {
    /// Leading pictures of each group, and by how much its time stamps begin.
    leading: u64,
    from: u64,
    /// By how much earlier than its pictures sound is multiplexed, in units of 90 kHz.
    sound_early: i64,
    /// Frames of sound in a PES packet.
    frames: u64,
    seed: u8,
}

/// A picture or a frame of sound that nobody else has.
fn body(kind: u8, seed: u8, number: u64, size: usize) -> Vec<u8> {
    let mut body = vec![kind, seed | 0x80, 0x80 | (number >> 7) as u8, 0x80 | number as u8];
    body.resize(size.max(8), 0xAA);
    body
}

/// So many seconds of it: pictures in groups that are open where there are leading ones, each shown `leading` + 1 frames after it is
/// decoded at most.
fn units(made: &Made, pictures: u64, clip: bool) -> Vec<Unit> {
    let mut units = Vec::new();
    let size = |n: u64| 300 + (n * 7919 + u64::from(made.seed) * 131) as usize % 2700;
    for n in 0..pictures {
        let (at, group) = (n % GROUP, n / GROUP * GROUP);
        // The first of a group is decoded, then its leading ones; every other one is shown in the order it is decoded.
        let shown = match at {
            0 => group + made.leading,
            _ if at <= made.leading => n - 1,
            _ => n,
        };
        let data = match at {
            0 => [SPS, I, &body(0x90, made.seed, n, size(n) * 3)].concat(),
            _ => [P, &body(0x90, made.seed, n, size(n))].concat(),
        };
        let dts = made.from + n * STEP;
        let pts = if clip { dts + 1 } else { made.from + (shown + u64::from(made.leading > 0)) * STEP };
        units.push((dts as i64, Unit { track: 0, pts: Pts90k(pts), dts: Pts90k(dts), random_access: at == 0, data }));
    }
    let shown_from = made.from + u64::from(made.leading > 0) * STEP;
    for n in 0..pictures * STEP / FRAME / made.frames {
        let at = shown_from + n * made.frames * FRAME;
        // Layer II at 48 kHz, 32 kbit/s: 96 bytes a frame.
        let one = |frame: u64| [&[0xFF, 0xFD, 0x14, 0xC4], &body(0, made.seed, n * made.frames + frame, 92)[..]].concat();
        let data = (0..made.frames).flat_map(one).collect();
        units
            .push((at as i64 - made.sound_early, Unit { track: 1, pts: Pts90k(at), dts: Pts90k(at), random_access: true, data }));
    }
    units.sort_by_key(|(at, _)| *at);
    units.into_iter().map(|(_, unit)| unit).collect()
}

fn stream(units: &[Unit]) -> Vec<u8> {
    let tracks = [Codec::H264, Codec::Mp2].map(|codec| Track::new(codec, None).unwrap());
    let (mut muxer, mut out) = (Muxer::new(&tracks), Vec::new());
    units.iter().for_each(|unit| muxer.write(unit, &mut out));
    out
}

struct Session {
    pump: Pump,
    reader: Reader<Arc<Ring>>,
    now: Instant,
    out: Vec<u8>,
}

impl Session {
    fn new() -> Self {
        let limits = Limits { bytes: 64 << 20, bytes_max: 64 << 20, time: Duration::from_secs(3600), join_lead: Duration::ZERO };
        let ring = Arc::new(Ring::new(limits));
        let now = clock::now();
        let pump =
            Pump::new(ring.clone(), Cut { bytes: 65_536, interval: Duration::from_millis(60), at_other_codecs: false }, now);
        Self { pump, reader: Reader::new(ring, Start::First), now, out: Vec::new() }
    }

    /// A source plays, in pieces of so many bytes, and is lost at its end.
    fn play(&mut self, bytes: &[u8], piece: usize, clip: bool) {
        match clip {
            true => self.pump.stand_in(self.now),
            false => self.pump.change_source(self.now),
        }
        let mut input = Input::new(Choice::First);
        for piece in bytes.chunks(piece) {
            self.now += Duration::from_millis(20);
            self.pump.push(&mut input, piece, self.now);
            if piece[0] & 1 == 0 {
                self.pump.flush(self.now);
            }
        }
        if clip {
            return;
        }
        self.pump.finish(&mut input, self.now);
        self.pump.tables(self.now);
        self.pump.null(self.now);
    }

    /// What silence is.
    fn hear(&mut self, clip: &[u8]) {
        let mut sound = FirstSound::default();
        Input::new(Choice::First).push(clip, &mut sound);
        let (codec, unit) = sound.whole().unwrap();
        self.pump.silence(codec, unit);
    }

    fn recorded(mut self) -> Vec<u8> {
        self.pump.give_rest(self.now);
        while let Poll::Ready(Some(read)) = self.reader.poll_read(&mut Context::from_waker(Waker::noop())) {
            self.out.extend_from_slice(&read.bytes);
        }
        self.out
    }
}

/// Continuity counters run on, PCRs never go back or leave gaps, and neither do decoding times. Where no clip `bridged` two sources,
/// pictures without a decoding time of their own are decoded as much later as they are shown later.
fn assert_runs_on(bytes: &[u8], bridged: bool) {
    let (packets, _) = bytes.as_chunks::<PACKET>();
    let mut counters: HashMap<u16, u8> = HashMap::new();
    let mut times: HashMap<u16, Pts90k> = HashMap::new();
    let mut last_pcr: Option<Pcr27m> = None;
    for (index, packet) in packets.iter().enumerate() {
        let word = header(packet);
        let (pid, counter) = (packet::pid(word), word as u8 & 0xF);
        if pid == NULL_PID {
            continue;
        }
        if let Some(last) = counters.insert(pid, counter) {
            let expected = if word & PAYLOAD != 0 { (last + 1) & 0xF } else { last };
            assert_eq!(counter, expected, "packet {index}, PID {pid:#x}");
        }
        let adaptation = Adaptation::of(packet);
        assert!(!adaptation.discontinuity, "packet {index} is announced");
        if let Some(pcr) = adaptation.pcr {
            let step = last_pcr.replace(pcr).map_or(0, |last| pcr.since(last));
            assert!((0..=2_700_000).contains(&step), "packet {index}: PCR steps by {} ms", step / 27_000);
        }
        if word & UNIT_START != 0
            && let Some(header) = pes::Header::parse(packet::payload(packet))
        {
            let (dts, pts) = (header.decoding_time().unwrap(), header.pts.unwrap());
            let step = times.insert(pid, dts).map_or(1, |last| dts.since(last));
            let most = if bridged || pid != 0x100 { 9000 } else { 27_000 };
            assert!((1..=most).contains(&step), "packet {index}, PID {pid:#x}: DTS steps by {} ms", step / 90);
            assert!(pts.since(dts) >= 0, "packet {index}: shown before it is decoded");
            let lead = last_pcr.map_or(1, |pcr| dts.since(pcr.to_90k()));
            assert!(lead > -90_000, "packet {index}, PID {pid:#x}: {} ms late", -lead / 90);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn one_stream_of_whole_units(
        sources in proptest::collection::vec(
            (0..4u64, 0..1u64 << 33, -26_000..26_000i64, 1..4u64, 30..120u64, any::<prop::sample::Index>(), 0..90u64), 1..5),
        piece in 100..20_000usize,
    ) {
        let mut session = Session::new();
        let mut known = HashSet::new();
        let mut clip_from = 1_000_000;
        let mut bridged = true;
        for (n, (leading, from, sound_early, frames, pictures, cut, clip)) in sources.into_iter().enumerate() {
            let seed = n as u8 * 2 + 1;
            let made = Made { leading, from, sound_early, frames, seed };
            let units_of_it = units(&made, pictures, false);
            let bytes = stream(&units_of_it);
            known.extend(units_of_it.into_iter().map(|unit| unit.data));
            let end = bytes.len() / 3 + cut.index(bytes.len() * 2 / 3);
            session.play(&bytes[..end], piece, false);
            // Some follow each other at once: it is known what a clip would sound like.
            let silent = units(&Made { leading: 0, from: 77, sound_early: 0, frames: 1, seed: 0 }, 5, true);
            known.extend(silent.iter().map(|unit| unit.data.clone()));
            session.hear(&stream(&silent));
            if clip < 20 {
                bridged = false;
                continue;
            }
            let made = Made { leading: 0, from: clip_from, sound_early: 0, frames: 1, seed: seed + 1 };
            let units_of_clip = units(&made, clip, true);
            clip_from += 10_000_000;
            known.extend(units_of_clip.iter().map(|unit| unit.data.clone()));
            session.play(&stream(&units_of_clip), 4000, true);
        }
        let recorded = session.recorded();
        prop_assert!(recorded.len() > 20 * PACKET);
        assert_runs_on(&recorded, bridged);
        let mut apart = Units::default();
        apart.push(&recorded);
        apart.finish();
        let found: Vec<Unit> = apart.take().collect();
        // The last one of each stream may be cut off.
        let last = |unit: &Unit| found.iter().rev().find(|other| other.track == unit.track) == Some(unit);
        let broken = found.iter().find(|unit| !known.contains(&unit.data) && !last(unit));
        prop_assert!(broken.is_none(), "half a unit: {broken:?}");
        let mut shown = HashSet::new();
        let pictures: Vec<&Unit> = found.iter().filter(|unit| unit.track == 0).collect();
        prop_assert!(pictures.iter().all(|unit| shown.insert(unit.pts.0)), "shown at the same time");
        // Whatever is decoded later and begins a group is shown later, too.
        let mut highest: Option<Pts90k> = None;
        for picture in pictures {
            let after = highest.is_none_or(|highest| picture.pts.since(highest) > 0);
            let begins = picture.data.windows(SPS.len()).any(|bytes| bytes == SPS);
            prop_assert!(after || !begins, "a group that is shown {} ms before others", highest.unwrap().since(picture.pts) / 90);
            highest = if after { Some(picture.pts) } else { highest };
        }
    }
}

#[test]
fn leading_pictures_are_left_out_behind_a_cut() {
    let made = |seed| Made { leading: 2, from: 900_000, sound_early: -9000, frames: 1, seed };
    let (first, second) = (units(&made(1), 40, false), units(&made(3), 40, false));
    let mut session = Session::new();
    session.play(&stream(&first), 5000, false);
    session.play(&stream(&second), 5000, false);
    let mut apart = Units::default();
    apart.push(&session.recorded());
    apart.finish();
    let found: Vec<Unit> = apart.take().filter(|unit| unit.track == 0).collect();
    let of =
        |seed: u8| found.iter().filter(|unit| unit.data.windows(2).any(|bytes| bytes == [0x90, seed | 0x80])).collect::<Vec<_>>();
    let (first, second) = (of(1), of(3));
    assert_eq!((first.len(), second.len()), (40, 38), "all of the first, and all but two of the second");
    let begins = second[0].pts;
    assert!(second.iter().all(|unit| unit.pts.since(begins) >= 0));
    assert!(first.iter().all(|unit| begins.since(unit.pts) > 0), "not shown before what was shown");
}

#[test]
fn a_silence_in_the_middle_of_a_picture_is_no_silence_for_viewers() {
    let made = Made { leading: 0, from: 0, sound_early: 0, frames: 1, seed: 1 };
    let bytes = stream(&units(&made, 40, false));
    let mut session = Session::new();
    let mut input = Input::new(Choice::First);
    session.pump.push(&mut input, &bytes[..bytes.len() / 2], session.now);
    session.pump.flush(session.now);
    for _ in 0..5 {
        let before = session.pump.pushed_bytes();
        session.pump.tables(session.now);
        assert_eq!(session.pump.pushed_bytes() - before, 2 * PACKET as u64);
    }
    session.pump.push(&mut input, &bytes[bytes.len() / 2..], session.now);
    session.pump.finish(&mut input, session.now);
    assert_runs_on(&session.recorded(), true);
}

#[test]
fn a_sound_that_is_broken_off_holds_no_picture_up() {
    let made = Made { leading: 0, from: 0, sound_early: 0, frames: 3, seed: 1 };
    let bytes = stream(&units(&made, 100, false));
    let (packets, _) = bytes.as_chunks::<PACKET>();
    // Its last packet is half of a frame.
    let of_sound = |packet: &RawPacket| packet::pid(header(packet)) == 0x101;
    let begun = |packet: &RawPacket| of_sound(packet) && header(packet) & UNIT_START != 0;
    let half = packets.iter().enumerate().filter(|(_, packet)| begun(packet)).nth(10).unwrap().0;
    let kept = packets.iter().enumerate().filter(|(at, packet)| *at <= half || !of_sound(packet));
    let bytes: Vec<u8> = kept.flat_map(|(_, packet)| *packet).collect();
    let mut session = Session::new();
    let mut input = Input::new(Choice::First);
    for piece in bytes.chunks(2000) {
        session.pump.push(&mut input, piece, session.now);
        session.pump.flush(session.now);
    }
    assert!(session.pump.pushed_bytes() as usize > bytes.len() * 9 / 10, "{} of {}", session.pump.pushed_bytes(), bytes.len());
}

#[test]
fn a_last_picture_that_is_shown_too_late_by_its_stamp_moves_nothing() {
    let made = |seed| Made { leading: 0, from: 900_000, sound_early: 0, frames: 1, seed };
    let (mut first, second) = (units(&made(1), 40, false), units(&made(3), 60, false));
    let last = first.iter_mut().rfind(|unit| unit.track == 0).unwrap();
    last.pts = last.pts.plus(3600 * 90_000);
    let mut session = Session::new();
    session.play(&stream(&first), 5000, false);
    session.play(&stream(&second), 5000, false);
    let mut apart = Units::default();
    apart.push(&session.recorded());
    apart.finish();
    let found: Vec<Unit> = apart.take().filter(|unit| unit.track == 0).collect();
    assert!(found.len() > 90 && found.iter().any(|unit| unit.pts.since(unit.dts) > 90_000), "{}", found.len());
    let steps: Vec<i64> = found.windows(2).map(|pair| pair[1].dts.since(pair[0].dts)).collect();
    assert!(steps.iter().all(|step| (1..90_000).contains(step)), "{steps:?}");
}

#[rstest::rstest]
#[case::on_other_pids(0x200, 0x1B)]
#[case::in_another_codec(0x100, 0x24)]
fn another_programme_in_the_middle_of_a_picture(#[case] pid: u16, #[case] stream_type: u8) {
    let made = |seed| Made { leading: 0, from: 0, sound_early: 0, frames: 1, seed };
    let (first, second) = (stream(&units(&made(1), 40, false)), stream(&units(&made(3), 40, false)));
    // The second one comes on the same connection.
    let (packets, _) = second.as_chunks::<PACKET>();
    let mut tables = crate::ts::section::packetize(0, &crate::ts::pat::build(1, 1, 1, 0x1000));
    let entries = [(pid, stream_type), (pid + 1, 0x03)];
    let entries = entries.map(|(pid, stream_type)| crate::ts::pmt::Entry { pid, stream_type, descriptors: &[] });
    let body = crate::ts::pmt::body(pid, &[], &entries);
    tables.extend(crate::ts::section::packetize(0x1000, &crate::ts::pmt::build(1, 1, &body)));
    let renamed = packets.iter().filter(|packet| packet::pid(header(packet)) & 0xFFE == 0x100).flat_map(|packet| {
        let mut packet = *packet;
        packet[1] += (pid >> 8) as u8 - 1;
        packet
    });
    let bytes: Vec<u8> =
        first[..first.len() / 2 / PACKET * PACKET].iter().copied().chain(tables.concat()).chain(renamed).collect();
    let mut session = Session::new();
    session.play(&bytes, 5000, false);
    let recorded = session.recorded();
    let (packets, _) = recorded.as_chunks::<PACKET>();
    let mut bodies: HashMap<u16, Vec<Vec<u8>>> = HashMap::new();
    for packet in packets.iter().filter(|packet| (0x100..0x200).contains(&packet::pid(header(packet)))) {
        let of_pid = bodies.entry(packet::pid(header(packet))).or_default();
        if header(packet) & UNIT_START != 0 {
            of_pid.push(Vec::new());
        }
        of_pid.last_mut().unwrap().extend_from_slice(packet::payload(packet));
    }
    let known: Vec<Vec<u8>> = [1, 3].into_iter().flat_map(|seed| units(&made(seed), 40, false)).map(|unit| unit.data).collect();
    let half: Vec<_> = bodies.values().flatten().filter(|body| !known.iter().any(|data| body.ends_with(data))).collect();
    assert!(half.is_empty(), "{half:x?}");
    let pictures: usize = bodies.iter().filter(|(pid, _)| **pid < 0x110).map(|(_, bodies)| bodies.len()).sum();
    // What it says to be in another codec has no picture to begin with.
    assert!(pictures > if pid == 0x100 { 15 } else { 50 }, "{pictures}");
}
