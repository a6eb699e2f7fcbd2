use super::*;

const SPS: &[u8] = b"\x67\x64\x00\x1e\xac\xd9\x40\xa0\x2f\xf9\x70\xe1\x00\x00\x03\x00\x01\x00\x00\x03\x00\x32\x0f\x16\x2d\x96";
const OTHER_SPS: &[u8] = b"\x67\x42\xc0\x1e\xda\x02\x80\xbf\xe5\xc0\x44\x00\x00\x03\x00\x04\x00\x00\x03\x00\xc8\x3c\x58\xba\x80";
const FRAME: i64 = 3600;
const START: i64 = 1 << 33;

/// What came out, in short: `i` for an initialisation section, `f` for a fragment.
#[derive(Default)]
struct Out(String, Vec<String>);

impl Out {
    fn take(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            match piece {
                Piece::Init(content_type, _) => {
                    self.0.push('i');
                    self.1.push(content_type);
                }
                Piece::Fragment(bytes) => {
                    assert_eq!(&bytes[4..8], b"moof");
                    self.0.push('f');
                }
            }
        }
    }
}

fn picture(cutter: &mut Cutter, dts_90k: i64, key: bool, sps: &[u8]) -> Result<Vec<Piece>, Stop> {
    let mut bytes = Vec::new();
    let units: &[&[u8]] = if key { &[sps, b"\x68\xef\xbc\xb0", b"\x65\x88"] } else { &[b"\x41\x9a"] };
    for unit in units {
        bytes.extend_from_slice(&[0, 0, 1]);
        bytes.extend_from_slice(unit);
    }
    cutter.picture(PictureCodec::H264, Unit { dts_90k, pts_90k: dts_90k + FRAME, key, bytes: &bytes })
}

fn sound(cutter: &mut Cutter, pts_90k: i64) -> Result<Vec<Piece>, Stop> {
    cutter.sound(Sound::lc(48_000, 2).unwrap(), pts_90k, vec![1])
}

/// Pictures at 25 and sound at 46.875 frames a second, each with a key every 12.
fn run(cutter: &mut Cutter, frames: std::ops::Range<i64>, sps: &[u8], with_sound: bool) -> Out {
    let mut out = Out::default();
    for frame in frames {
        let at = START + frame * FRAME;
        out.take(picture(cutter, at, frame % 12 == 0, sps).unwrap());
        if with_sound {
            out.take(sound(cutter, at).unwrap());
            out.take(sound(cutter, at + 1920).unwrap());
        }
    }
    out
}

#[rstest::rstest]
#[case::both(true, true, 12, "iff", "video/mp4; codecs=\"avc1.64001e,mp4a.40.2\"")]
#[case::no_sound_announced(false, false, 12, "iff", "video/mp4; codecs=\"avc1.64001e\"")]
#[case::sound_does_not_come(true, false, 17, "", "")]
#[case::and_is_not_waited_for_any_longer(true, false, 19, "if", "video/mp4; codecs=\"avc1.64001e\"")]
fn it_begins_when_it_knows_its_tracks(
    #[case] announced: bool,
    #[case] comes: bool,
    #[case] frames: i64,
    #[case] expected: &str,
    #[case] content_type: &str,
) {
    let out = run(&mut Cutter::new(true, announced), 0..frames, SPS, comes);
    assert_eq!(out.0, expected);
    assert_eq!(out.1.first().map_or("", String::as_str), content_type);
}

#[test]
fn nothing_is_shown_before_a_picture_to_begin_with() {
    let mut cutter = Cutter::new(true, true);
    assert_eq!(run(&mut cutter, 1..12, SPS, true).0, "");
    assert_eq!(run(&mut cutter, 12..17, SPS, true).0, "if");
}

#[test]
fn radio_begins_with_its_sound_and_so_does_a_picture_that_never_comes() {
    for (announced, most) in [(false, 10), (true, 145)] {
        let mut cutter = Cutter::new(announced, true);
        let mut out = Out::default();
        for frame in 0..most {
            out.take(sound(&mut cutter, START + frame * 1920).unwrap());
        }
        assert_eq!((out.0.as_str(), out.1[0].as_str()), ("if", "audio/mp4; codecs=\"mp4a.40.2\""));
        let late = picture(&mut cutter, START, true, SPS);
        assert!(matches!(late, Err(Stop::Changed(_))) || !announced);
    }
}

#[test]
fn other_parameter_sets_make_a_new_beginning_and_the_same_ones_none() {
    let mut cutter = Cutter::new(true, false);
    assert_eq!(run(&mut cutter, 0..24, SPS, false).0, "ifffff");
    let out = run(&mut cutter, 24..36, OTHER_SPS, false);
    assert!(out.0.starts_with("fi"), "what came before goes out before: {}", out.0);
    assert_eq!(out.1, ["video/mp4; codecs=\"avc1.42c01e\""]);
}

#[test]
fn a_leap_ends_it_and_a_hole_does_not() {
    let mut cutter = Cutter::new(true, true);
    run(&mut cutter, 0..24, SPS, true);
    assert!(sound(&mut cutter, START + 30 * FRAME).is_ok());
    assert!(picture(&mut cutter, START + 60 * FRAME, false, SPS).is_ok());
    assert!(picture(&mut cutter, START + 59 * FRAME, false, SPS).is_ok(), "a step back is set right");
    assert_eq!(picture(&mut cutter, START + 400 * FRAME, false, SPS), Err(Stop::Leapt));
    assert_eq!(sound(&mut cutter, START - (1 << 20)), Err(Stop::Leapt));
    let other = Sound::lc(44_100, 2).unwrap();
    assert!(matches!(cutter.sound(other, START + 31 * FRAME, vec![1]), Err(Stop::Changed(_))));
}

#[test]
fn durations_are_what_lies_between() {
    let waiting = |dts| Waiting { dts, pts: dts, key: false, bytes: Vec::new() };
    let mut held: Vec<Waiting> = [0, 3600, 7200, 100_000, 103_000].into_iter().map(waiting).collect();
    let of = |samples: Vec<Sample>| samples.iter().map(|sample| sample.duration_90k).collect::<Vec<_>>();
    // A hole is not filled with a picture that stands still.
    assert_eq!(of(timed(&mut held, 0, false)), [3600, 3600, 3600, 3000]);
    assert_eq!((held.len(), of(timed(&mut held, 0, true))), (1, vec![3600]));
}
