use proptest::prelude::*;

use super::*;
use crate::model::Codec;
use crate::ts::units::Units;

const SECOND: u64 = 90_000;
const PICTURES: usize = 0;
const SOUND: usize = 1;

fn track(codec: Codec) -> Vec<Track> {
    vec![Track::new(codec, None).unwrap()]
}

/// Units of a second each quarter of it.
fn second(from: u64) -> Item {
    let unit = |quarter: u64| {
        let time = Pts90k(from * SECOND + quarter * SECOND / 4);
        // Nothing decodes it; where it came from is to be seen.
        Unit { track: 0, pts: time, dts: time, random_access: true, data: (from * 4 + quarter).to_be_bytes().to_vec() }
    };
    Item::Units((0..4).map(unit).collect())
}

/// A programme whose playlists give these items in turn, and what came of it: times in quarters of a second, by part.
struct Played {
    parts: Vec<[Vec<u64>; 2]>,
}

fn play(pictures: Vec<Item>, sound: Vec<Item>) -> Played {
    let mut join = Join::new(2);
    let mut items = [pictures.into_iter(), sound.into_iter()];
    let mut parts = vec![Vec::new()];
    let mut steps = 0..2_000;
    loop {
        steps.next().expect("an end in finitely many steps");
        match join.write(parts.last_mut().unwrap()) {
            Step::Over => break,
            Step::Discontinuity => parts.push(Vec::new()),
            Step::Take(index) => match items[index].next() {
                Some(item) => join.take(index, item),
                None => join.over(index),
            },
        }
    }
    assert!(items.iter_mut().all(|items| items.next().is_none()), "all was taken");
    Played { parts: parts.iter().map(|bytes| quarters(bytes)).collect() }
}

fn quarters(bytes: &[u8]) -> [Vec<u64>; 2] {
    let mut units = Units::default();
    units.push(bytes);
    units.finish();
    let codecs: Vec<Codec> = units.tracks().unwrap_or_default().iter().map(|track| track.codec).collect();
    let mut found = [Vec::new(), Vec::new()];
    for unit in units.take() {
        let part = usize::from(codecs[unit.track] != Codec::H264);
        found[part].push(u64::from_be_bytes(unit.data.try_into().unwrap()));
    }
    found
}

fn begun(codec: Codec, seconds: std::ops::Range<u64>) -> Vec<Item> {
    let mut items = vec![Item::Tracks(track(codec))];
    seconds.for_each(|at| items.extend([second(at), Item::SegmentOver]));
    items
}

fn range(seconds: std::ops::Range<u64>) -> Vec<u64> {
    (seconds.start * 4..seconds.end * 4).collect()
}

#[test]
fn sound_from_before_the_picture_is_left_out() {
    let played = play(begun(Codec::H264, 10..14), begun(Codec::Aac, 7..14));
    assert_eq!(played.parts, [[range(10..14), range(10..14)]]);
    let played = play(begun(Codec::H264, 10..14), begun(Codec::Aac, 12..14));
    assert_eq!(played.parts, [[range(10..14), range(12..14)]], "and one that comes later is not waited for");
}

#[test]
fn a_segment_that_one_missed_is_no_new_beginning() {
    let mut pictures = begun(Codec::H264, 0..4);
    pictures.push(Item::Discontinuity { broken_off: false });
    pictures.extend(begun(Codec::H264, 6..9));
    let played = play(pictures, begun(Codec::Aac, 0..9));
    assert_eq!(played.parts, [[[range(0..4), range(6..9)].concat(), range(0..9)]]);
}

#[test]
fn both_begin_anew_whoever_tells_first() {
    let with = |codec: Codec, first: std::ops::Range<u64>| {
        let mut items = begun(codec, first);
        items.push(Item::Discontinuity { broken_off: false });
        items.extend(begun(codec, 1000..1004));
        items
    };
    for (pictures, sound) in [(4, 6), (6, 4)] {
        let played = play(with(Codec::H264, 0..pictures), with(Codec::Aac, 0..sound));
        assert_eq!(played.parts, [[range(0..pictures), range(0..sound)], [range(1000..1004), range(1000..1004)]]);
    }
}

#[test]
fn one_that_never_tells_is_left_behind_until_it_is_there() {
    let mut pictures = begun(Codec::H264, 0..4);
    pictures.push(Item::Discontinuity { broken_off: false });
    pictures.extend(begun(Codec::H264, 1000..1010));
    let mut sound = begun(Codec::Aac, 0..40);
    sound.push(Item::Discontinuity { broken_off: false });
    sound.extend(begun(Codec::Aac, 1000..1010));
    let played = play(pictures, sound);
    let [first, second] = played.parts.as_slice() else { panic!("{} parts", played.parts.len()) };
    assert_eq!(first[PICTURES], range(0..4));
    assert!((60..100).contains(&first[SOUND].len()), "15 s more: {}", first[SOUND].len());
    assert_eq!(second[PICTURES], range(1000..1010));
    assert!(second[SOUND].iter().all(|quarter| *quarter >= 4000), "nothing of before: {:?}", second[SOUND]);
}

#[test]
fn other_tracks_are_another_beginning() {
    let mut pictures = begun(Codec::H264, 0..4);
    pictures.extend(begun(Codec::H264, 4..8));
    let mut sound = begun(Codec::Aac, 0..4);
    sound.push(Item::Discontinuity { broken_off: false });
    sound.extend(begun(Codec::Ac3, 4..8));
    let played = play(pictures, sound);
    assert_eq!(played.parts.len(), 2);
    assert_eq!(played.parts[0][SOUND], range(0..4));
    assert_eq!(played.parts[1][SOUND], range(4..8));
    let all: Vec<u64> = played.parts.iter().flat_map(|part| part[PICTURES].clone()).collect();
    assert_eq!(all, range(0..8), "no picture is lost");
}

#[test]
fn one_that_ends_does_not_hold_the_other() {
    let played = play(begun(Codec::H264, 0..8), begun(Codec::Aac, 0..3));
    assert_eq!(played.parts, [[range(0..8), range(0..3)]]);
    let played = play(begun(Codec::H264, 0..8), vec![]);
    assert_eq!(played.parts, [[range(0..8), vec![]]]);
    let played = play(begun(Codec::H264, 0..8), vec![Item::Tracks(vec![]), Item::SegmentOver]);
    assert_eq!(played.parts, [[range(0..8), vec![]]], "nor one without sound");
}

/// What a broken playlist may say: anything in any order.
fn plan() -> impl Strategy<Value = Vec<(u8, u64)>> {
    proptest::collection::vec((0u8..12, prop_oneof![0u64..40, 1000u64..1040, 90_000u64..95_000]), 0..60)
}

fn made(codec: Codec, plan: &[(u8, u64)]) -> Vec<Item> {
    let mut now = 0;
    let one = |&(kind, time): &(u8, u64)| match kind {
        0 => Item::Discontinuity { broken_off: false },
        1 => Item::Tracks(track(codec)),
        2 => Item::Tracks(track(Codec::Ac3)),
        3 => Item::Tracks(Vec::new()),
        4 => Item::SegmentOver,
        5 => {
            now = time;
            second(time)
        }
        _ => {
            now += 1;
            second(now)
        }
    };
    plan.iter().map(one).collect()
}

proptest! {
    #[test]
    fn whatever_they_say_there_is_an_end(pictures in plan(), sound in plan()) {
        let mut join = Join::new(2);
        let mut items = [made(Codec::H264, &pictures).into_iter(), made(Codec::Aac, &sound).into_iter()];
        let mut out = Vec::new();
        let mut steps = 0;
        loop {
            steps += 1;
            prop_assert!(steps < 2_000, "no end");
            match join.write(&mut out) {
                Step::Over => break,
                Step::Discontinuity => {}
                Step::Take(index) => match items[index].next() {
                    Some(item) => join.take(index, item),
                    None => join.over(index),
                },
            }
        }
        prop_assert_eq!(out.len() % 188, 0);
        prop_assert!(items.iter_mut().all(|items| items.next().is_none()), "all was taken");
    }
}
