//! Sources that show pictures in another order than they are decoded in, lost between any two of them: nothing is shown before,
//! or nearly at the same time as, what was shown already.

use proptest::prelude::*;

use super::*;
use crate::model::stream_info::Codec;
use crate::ts::mux::{Muxer, Track, Unit, nal};
use crate::ts::packet::UNIT_START;
use crate::ts::time::Pts90k;

const FRAME: u64 = 3600;
/// Of four pictures behind a random access point: how much later than decoded the picture is shown, in pictures. A pyramid.
const SHOWN: [u64; 4] = [5, 2, 0, 1];
const GROUP: u64 = 25;

/// The n-th picture of a source: whether a decoder can begin there, and by how much it is shown later than it is decoded.
fn picture(n: u64, reordered: bool) -> (bool, u64) {
    let in_group = n % GROUP;
    let shown = match (reordered, in_group) {
        (false, _) => 0,
        (true, 0) => 2,
        // The last four of a group are shown before its end, too: 25 is 1 and six times four.
        (true, in_group) => SHOWN[(in_group as usize - 1) % 4],
    };
    (in_group == 0, shown)
}

/// Plays so many pictures of a source, or of a clip of ours.
fn play(session: &mut Session, start: u64, first: u64, pictures: u64, reordered: bool) {
    let tracks = [Track::new(Codec::H264, None).unwrap()];
    let (mut muxer, mut input) = (Muxer::new(&tracks), Input::new(Choice::First));
    session.standing_in = !reordered;
    let sps = vec![
        0x67, 0x64, 0x00, 0x28, 0xAC, 0xD9, 0x40, 0x78, 0x02, 0x27, 0xE5, 0xC0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00,
        0x03, 0x00, 0xC8, 0x3C, 0x60, 0xC6, 0x58,
    ];
    for n in first..first + pictures {
        let (random_access, shown) = picture(n, reordered);
        let dts = Pts90k(start).plus(n * FRAME);
        // As the worker makes them, so that each has a decoding time of its own.
        let at_once = u64::from(!reordered);
        let mut data = Vec::new();
        let slice = [&[if random_access { 0x65 } else { 0x41 }, 0x88], [0x55; 300].as_slice()].concat();
        nal::access_unit(Codec::H264, [slice.as_slice()].into_iter(), &[sps.clone(), vec![0x68, 0xEB]], random_access, &mut data);
        let mut bytes = Vec::new();
        muxer.write(&Unit { track: 0, pts: dts.plus(shown * FRAME + at_once), dts, random_access, data }, &mut bytes);
        input.push(&bytes, session);
    }
    input.finish(session);
    session.splice.cut();
}

proptest! {
    #[test]
    fn nothing_is_shown_twice(
        sources in proptest::collection::vec((0..1u64 << 33, 0..GROUP, 26..120u64, 0..30u64), 1..12)
    ) {
        let mut session = Session::default();
        play(&mut session, 1000, 0, 60, true);
        for (start, first, pictures, slate) in sources {
            if slate > 0 {
                play(&mut session, 0, 0, slate, false);
            }
            play(&mut session, start, first, pictures, true);
        }
        assert_legal(session.packets());
        let units = session.packets().iter().filter(|packet| {
            header(packet) & UNIT_START != 0 && !matches!(packet::pid(header(packet)), pat::PID | PMT_PID)
        });
        let times: Vec<_> = units.map(|packet| pes::Header::parse(packet::payload(packet)).unwrap()).collect();
        let (mut last, mut shown) = (None, Vec::new());
        for header in times {
            let (dts, pts) = (header.decoding_time().unwrap(), header.pts.unwrap());
            if let Some(last) = last {
                let step = dts.since(last);
                prop_assert!((1..=9000).contains(&step), "decoded {step} later");
            }
            prop_assert!(pts.since(dts) >= 0, "shown {} before it is decoded", dts.since(pts));
            last = Some(dts);
            shown.push(pts);
        }
        prop_assert!(shown.len() > 50, "{} pictures, {} packets came in", shown.len(), session.given.len());
        let first = shown[0];
        let mut shown: Vec<i64> = shown.into_iter().map(|pts| pts.since(first)).collect();
        shown.sort_unstable();
        for pair in shown.windows(2) {
            let step = pair[1] - pair[0];
            prop_assert!(step >= FRAME as i64 - 17, "shown {step} apart");
            // Those of which the rest was lost with their source leave gaps.
            prop_assert!(step <= 5 * FRAME as i64, "shown {step} apart");
        }
    }
}
