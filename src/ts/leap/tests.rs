use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::model::stream_info::Codec;
use crate::ts::programme::Stream;

const SECOND: i64 = 90_000;
const FRAME: i64 = 3600;
const SOUND: i64 = 1920;

fn stream(pid: u16, codec: Codec) -> Stream {
    Stream { pid, stream_type: 0, codec, descriptors: Vec::new(), language: None }
}

/// Picture, sound, subtitles.
fn programme() -> Programme {
    let streams = vec![stream(1, Codec::H264), stream(2, Codec::Aac), stream(3, Codec::DvbSubtitle)];
    Programme { number: 1, pcr_pid: 1, descriptors: Vec::new(), streams }
}

fn leaps() -> Leaps {
    let mut leaps = Leaps::default();
    leaps.programme(&programme());
    leaps
}

fn at(time: i64) -> Pts90k {
    Pts90k(0).plus((time.rem_euclid(1 << 33)).unsigned_abs())
}

/// A stamp of a stream, and where it ends up.
fn unit(leaps: &mut Leaps, stream: u8, time: i64) -> Pts90k {
    let time = at(time);
    time.plus(leaps.of(&Mark { stream, unit_start: true, time: Some(time), ..Mark::default() }))
}

fn pcr(leaps: &mut Leaps, time: i64) -> Pts90k {
    let mark = Mark { pcr: Some(at(time).to_27m()), ..Mark::default() };
    at(time).plus(leaps.of(&mark))
}

/// Some seconds of a source whose time is `base` off, from the true time `from` on. What comes first of each leap is up to
/// `order`: how far PCR, picture and sound lie apart in the multiplex.
fn play(leaps: &mut Leaps, base: i64, from: i64, length: i64, order: [i64; 3], seen: &mut Vec<(u8, i64, Pts90k)>) {
    let mut events: Vec<(i64, u8, i64)> = Vec::new();
    let first = |step: i64| (from + step - 1) / step;
    for n in first(FRAME)..first(FRAME) + length / FRAME {
        events.push((n * FRAME + order[0], 9, n * FRAME - SECOND / 2));
        events.push((n * FRAME + order[1], 0, n * FRAME));
    }
    for n in first(SOUND)..first(SOUND) + length / SOUND {
        events.push((n * SOUND + order[2], 1, n * SOUND));
    }
    events.sort_unstable();
    for (_, stream, time) in events {
        let out = if stream == 9 { pcr(leaps, time + base) } else { unit(leaps, stream, time + base) };
        seen.push((stream, time, out));
    }
}

/// In the output every stream goes on by its own steps, and picture and sound stay together.
fn assert_goes_on(seen: &[(u8, i64, Pts90k)], slack: i64) {
    let moved = |(_, time, out): &(u8, i64, Pts90k)| out.since(at(*time));
    let first = moved(&seen[0]);
    for entry in seen {
        let drift = moved(entry) - first;
        assert!(drift.abs() <= slack, "{entry:?} is {} ms away", drift / 90);
    }
}

#[test]
fn nothing_is_moved_as_long_as_nothing_leaps() {
    let mut leaps = leaps();
    let mut seen = Vec::new();
    // Across the wrap, too.
    play(&mut leaps, (1 << 33) - 5 * SECOND, 0, 20 * SECOND, [0, 0, 30_000], &mut seen);
    assert!(seen.iter().all(|(_, time, out)| *out == at(time + (1 << 33) - 5 * SECOND)));
}

#[rstest]
fn a_leap_is_undone_whoever_leaps_first(
    #[values(3600 * 90_000, -3600 * 90_000, 11 * 90_000, -2 * 90_000, (1 << 33) - 15 * 90_000, 1 << 32)] by: i64,
    #[values([0, 0, 0], [-40_000, 0, 20_000], [0, -40_000, 20_000], [20_000, 0, -40_000])] order: [i64; 3],
) {
    let mut leaps = leaps();
    let mut seen = Vec::new();
    play(&mut leaps, 0, 0, 10 * SECOND, order, &mut seen);
    play(&mut leaps, by, 10 * SECOND, 10 * SECOND, order, &mut seen);
    // Back again, where that is not a hole of some seconds.
    if by.abs() > ON_90K {
        play(&mut leaps, 0, 20 * SECOND, 10 * SECOND, order, &mut seen);
    }
    // The PCR's step is only known to a frame.
    assert_goes_on(&seen, 2 * FRAME);
}

#[test]
fn sound_and_picture_leap_by_the_same() {
    let mut leaps = leaps();
    let mut seen = Vec::new();
    play(&mut leaps, 0, 0, 5 * SECOND, [0, 0, 9_000], &mut seen);
    seen.clear();
    play(&mut leaps, 1 << 30, 5 * SECOND, 5 * SECOND, [0, 0, 9_000], &mut seen);
    let behind = seen.len() / 2;
    assert_goes_on(&seen[behind..], 0);
}

#[test]
fn a_wrong_stamp_is_put_right() {
    let mut leaps = leaps();
    for frame in 0..10 {
        assert_eq!(pcr(&mut leaps, frame * FRAME), at(frame * FRAME));
        assert_eq!(unit(&mut leaps, 0, frame * FRAME), at(frame * FRAME));
    }
    assert_eq!(pcr(&mut leaps, 5_000 * SECOND), at(10 * FRAME));
    assert_eq!(unit(&mut leaps, 0, 10 * FRAME), at(10 * FRAME));
    assert_eq!(pcr(&mut leaps, 11 * FRAME), at(11 * FRAME));
    assert_eq!(unit(&mut leaps, 1, 11 * FRAME), at(11 * FRAME));
}

#[test]
fn a_hole_is_a_hole_and_a_pause_a_pause() {
    let mut leaps = leaps();
    unit(&mut leaps, 1, 0);
    for frame in 0..25 * 60 {
        assert_eq!(unit(&mut leaps, 0, frame * FRAME), at(frame * FRAME));
    }
    // Sound again after a minute, and a source that has lost nine seconds.
    assert_eq!(unit(&mut leaps, 1, 60 * SECOND), at(60 * SECOND));
    assert_eq!(unit(&mut leaps, 0, 69 * SECOND), at(69 * SECOND));
}

#[test]
fn subtitles_never_move_the_others() {
    let mut leaps = leaps();
    unit(&mut leaps, 0, 0);
    assert_eq!(unit(&mut leaps, 2, 500 * SECOND), at(500 * SECOND));
    assert_eq!(unit(&mut leaps, 0, FRAME), at(FRAME));
    // But they follow a leap.
    let leapt = unit(&mut leaps, 0, 1000 * SECOND);
    assert_eq!(leapt, at(2 * FRAME));
    assert_eq!(unit(&mut leaps, 2, 1000 * SECOND + 5), at(2 * FRAME + 5));
}

#[test]
fn another_programme_of_the_same_source_goes_on() {
    let mut leaps = leaps();
    let mut seen = Vec::new();
    play(&mut leaps, 0, 0, 5 * SECOND, [0; 3], &mut seen);
    leaps.programme(&programme());
    play(&mut leaps, 700 * SECOND, 5 * SECOND, 5 * SECOND, [0; 3], &mut seen);
    assert_goes_on(&seen, SECOND / 2 + 2 * FRAME);
}

proptest! {
    /// Whatever is stamped, it never panics, and what is within reason is never moved by itself.
    #[test]
    fn any_stamps(stamps in proptest::collection::vec((0..4u8, 0..1u64 << 33, 0..1u64 << 33), 1..300)) {
        let mut leaps = leaps();
        for (stream, time, clock) in stamps {
            let mark = Mark {
                stream,
                time: (time % 3 != 0).then_some(Pts90k(time)),
                pcr: (clock % 3 != 0).then(|| Pts90k(clock).to_27m()),
                ..Mark::default()
            };
            prop_assert!(leaps.of(&mark) < 1 << 33);
        }
    }

    /// Any number of leaps: time goes on by no more than was played.
    #[test]
    fn many_leaps(bases in proptest::collection::vec(0..1i64 << 33, 1..8), lag in -40_000..40_000i64) {
        let mut leaps = leaps();
        let mut seen = Vec::new();
        for (base, n) in bases.iter().zip(0..) {
            play(&mut leaps, *base, n * 5 * SECOND, 5 * SECOND, [0, 0, lag], &mut seen);
        }
        // A base that lies close to the one before is no leap; one that lies close to the one before that is taken for a return.
        let near = |one: i64, other: i64| at(other).since(at(one)).abs() <= ON_90K;
        let close = |apart: usize| bases.windows(apart + 1).any(|some| near(some[0], some[apart]));
        if !close(1) && !close(2) {
            assert_goes_on(&seen, 2 * FRAME * bases.len() as i64);
        }
    }
}
