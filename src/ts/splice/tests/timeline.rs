//! More than a day of output, made of many sources that each have a time of their own: no drift between picture and sound, and
//! nothing goes back, whatever wraps where.
//!
//! Every unit carries in its bytes the time that its source gave it, so that how far the splice has moved it can be read from
//! the output alone.

use rstest::rstest;

use super::*;
use crate::model::stream_info::Codec;
use crate::ts::adaptation::Adaptation;
use crate::ts::mux::{Muxer, Track, Unit, nal};
use crate::ts::packet::UNIT_START;
use crate::ts::time::{Pcr27m, Pts90k};

const SECOND: u64 = 90_000;
const FRAME: u64 = 3600;
const WRAP: u64 = 1 << 33;
/// Between picture and sound, TUNER.md, "Splice": 20 ms.
const IN_STEP_90K: i64 = 1800;
/// Marks the time in a unit's bytes.
const TAG: &[u8] = b"source time ";

/// A programme of a provider: 25 pictures a second, a random access point each half second, and sound.
struct Source {
    muxer: Muxer,
    start: u64,
    /// How far sound is behind (or ahead) in the multiplex, and where its frames lie between the pictures.
    lag: i64,
    picture: u64,
    sound: u64,
    bytes: Vec<u8>,
}

impl Source {
    fn new(start: u64, lag: i64, first_picture: u64) -> Self {
        let tracks = [Track::new(Codec::H264, None).unwrap(), Track::new(Codec::Aac, None).unwrap()];
        let sound = first_picture * FRAME / 1920;
        Self { muxer: Muxer::new(&tracks), start, lag, picture: first_picture, sound, bytes: Vec::new() }
    }

    /// The next unit of either track, as packets.
    fn next(&mut self) -> &[u8] {
        let (video, audio) = (self.picture * FRAME, self.sound * 1920);
        let base = Pts90k(self.start);
        let unit = if video as i64 <= audio as i64 + self.lag {
            self.picture += 1;
            let random_access = (self.picture - 1).is_multiple_of(12);
            let pts = base.plus(video + 2 * FRAME);
            Unit { track: 0, pts, dts: base.plus(video), random_access, data: picture(random_access, pts) }
        } else {
            self.sound += 1;
            let pts = base.plus(audio + 2 * FRAME);
            Unit { track: 1, pts, dts: pts, random_access: true, data: tagged(pts) }
        };
        self.bytes.clear();
        self.muxer.write(&unit, &mut self.bytes);
        &self.bytes
    }
}

fn tagged(pts: Pts90k) -> Vec<u8> {
    [TAG, format!("{:010}", pts.0).as_bytes()].concat()
}

fn picture(random_access: bool, pts: Pts90k) -> Vec<u8> {
    let sps = vec![
        0x67, 0x64, 0x00, 0x28, 0xAC, 0xD9, 0x40, 0x78, 0x02, 0x27, 0xE5, 0xC0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00,
        0x03, 0x00, 0xC8, 0x3C, 0x60, 0xC6, 0x58,
    ];
    let slice = [&[if random_access { 0x65 } else { 0x41 }, 0x88], tagged(pts).as_slice()].concat();
    let mut data = Vec::new();
    nal::access_unit(Codec::H264, [slice.as_slice()].into_iter(), &[sps, vec![0x68, 0xEB]], random_access, &mut data);
    data
}

/// What is known of the output of one track.
#[derive(Default)]
struct Heard {
    dts: Option<Pts90k>,
    /// How far its times were moved by the splice.
    moved: Option<Pts90k>,
    units: u64,
    longest_step: i64,
}

/// Reads the output as it comes, and complains at once.
#[derive(Default)]
struct Judge {
    tracks: HashMap<u16, Heard>,
    pcr: Option<Pcr27m>,
    longest_pcr_step: i64,
    worst_drift: i64,
    media: u64,
    announced: usize,
}

impl Judge {
    fn packets(&mut self, bytes: &[u8]) {
        let (packets, rest) = bytes.as_chunks::<PACKET>();
        assert!(rest.is_empty());
        for packet in packets {
            let field = Adaptation::of(packet);
            if let Some(pcr) = field.pcr {
                // Providers hold their pictures back for different times, so that the clock may have to step where one follows
                // another: then it must say so (13818-1, 2.4.3.5).
                let step = self.pcr.filter(|_| !field.discontinuity).map_or(0, |last| pcr.since(last));
                self.announced += usize::from(field.discontinuity);
                assert!(step >= 0, "PCR goes back by {} ms", -step / 27_000);
                self.longest_pcr_step = self.longest_pcr_step.max(step);
                self.pcr = Some(pcr);
            }
            if header(packet) & UNIT_START != 0 && !matches!(packet::pid(header(packet)), pat::PID | PMT_PID) {
                self.unit(packet::pid(header(packet)), packet::payload(packet));
            }
        }
    }

    fn unit(&mut self, pid: u16, payload: &[u8]) {
        let times = pes::Header::parse(payload).unwrap();
        let (pts, dts) = (times.pts.unwrap(), times.decoding_time().unwrap());
        let at = payload.windows(TAG.len()).position(|window| window == TAG).expect("the source's time") + TAG.len();
        let of_source = std::str::from_utf8(&payload[at..at + 10]).unwrap().parse().unwrap();
        let track = self.tracks.entry(pid).or_default();
        if let Some(last) = track.dts {
            let step = dts.since(last);
            assert!(step > 0, "DTS of {pid:#x} goes back by {} ms", -step / 90);
            track.longest_step = track.longest_step.max(step);
            self.media += if pid == 0x100 { step as u64 } else { 0 };
        }
        track.dts = Some(dts);
        track.moved = Some(Pts90k(pts.offset_from(Pts90k(of_source))));
        track.units += 1;
        let ahead = self.pcr.map_or(0, |pcr| dts.since(pcr.to_90k()));
        assert!((0..=SECOND as i64 * 2).contains(&ahead), "DTS is {} ms from the PCR", ahead / 90);
    }

    /// To be asked where both tracks have shown units of the same source.
    fn in_step(&mut self) {
        let moved: Vec<Pts90k> = self.tracks.values().filter_map(|track| track.moved).collect();
        assert_eq!(moved.len(), 2);
        let drift = moved[0].since(moved[1]).abs();
        self.worst_drift = self.worst_drift.max(drift);
        assert!(drift <= IN_STEP_90K, "sound and picture are {} ms apart", drift / 90);
    }
}

/// splitmix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ z >> 31
}

/// Plays a source into the session for so long.
fn play(session: &mut Session, judge: &mut Judge, mut source: Source, length: u64) {
    let mut input = Input::new(Choice::First);
    let from = source.picture * FRAME;
    while source.picture * FRAME < from + length {
        input.push(source.next(), session);
        judge.packets(&session.out);
        session.out.clear();
        session.given.clear();
        // Both have been heard a second after the beginning.
        if source.picture * FRAME > from + 2 * SECOND && source.picture.is_multiple_of(25) {
            judge.in_step();
        }
    }
    session.splice.cut();
}

/// 26 hours, in which sources last from seconds to an hour, and begin anywhere in their 26 and a half hours of time.
#[test]
fn a_day_of_many_sources_stays_in_step() {
    let (mut session, mut judge) = (Session::default(), Judge::default());
    let seed = std::env::var("ROOFTOP_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(26);
    println!("seed {seed}");
    let mut state = seed;
    let (mut played, mut sources) = (0, 0);
    while played < 26 * 3600 * SECOND {
        let length = match random(&mut state) % 8 {
            0 => 3 + random(&mut state) % 20,
            1 => 2400 + random(&mut state) % 1200,
            _ => 60 + random(&mut state) % 900,
        } * SECOND;
        // A quarter of them wraps within the minute.
        let early = WRAP - random(&mut state) % (60 * SECOND);
        let start = if random(&mut state).is_multiple_of(4) { early } else { random(&mut state) % WRAP };
        let lag = (random(&mut state) % (SECOND / 2)) as i64 - SECOND as i64 / 4;
        let first = 10 + random(&mut state) % 12;
        play(&mut session, &mut judge, Source::new(start, lag, first), length);
        played += length;
        sources += 1;
    }
    let longest: Vec<_> = judge.tracks.iter().map(|(pid, track)| (*pid, track.units, track.longest_step / 90)).collect();
    println!("{sources} sources, {longest:?}, PCR {} ms, drift {} / 90 ms", judge.longest_pcr_step / 27_000, judge.worst_drift);
    // Until its first random access point nothing of a source is shown.
    assert!(judge.media > played - sources * SECOND, "{} of {} s", judge.media / SECOND, played / SECOND);
    assert!(judge.longest_pcr_step <= 500 * 27_000, "{} ms without a PCR", judge.longest_pcr_step / 27_000);
    assert!(judge.announced < sources as usize, "{} steps of the clock", judge.announced);
    assert!(judge.tracks[&0x100].longest_step <= 2 * FRAME as i64);
}

/// The wrap lies within the first source, at the change, or within the second one.
#[rstest]
fn a_wrap_is_no_step(
    #[values(0, 1, 2, 3)] seconds: u64,
    #[values(-5, -2, -1, 0, 1, 2, 5)] frames: i64,
    #[values(0, 1)] other: u64,
) {
    let (mut session, mut judge) = (Session::default(), Judge::default());
    let start = WRAP - (seconds * SECOND).wrapping_add_signed(frames * FRAME as i64) % WRAP;
    let starts = [start % WRAP, if other == 0 { 5 * SECOND } else { start % WRAP }];
    for start in starts {
        play(&mut session, &mut judge, Source::new(start, 0, 12), 3 * SECOND);
    }
    assert!(judge.media > 5 * SECOND, "{} ms", judge.media / 90);
    assert!(judge.longest_pcr_step <= 100 * 27_000 && judge.announced == 0);
}
