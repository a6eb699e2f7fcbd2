use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::base::clock;
use crate::ts::PACKET;
use crate::ts::programme::Stream;

const VIDEO: u16 = 0x100;
const AUDIO: u16 = 0x110;

fn programme(codec: Codec) -> Programme {
    let stream = |pid, codec| Stream { pid, stream_type: 0, codec, language: None, descriptors: Vec::new() };
    let streams = vec![stream(AUDIO, Codec::Mp2), stream(VIDEO, codec)];
    Programme { number: 1, pcr_pid: VIDEO, descriptors: Vec::new(), streams }
}

/// A picture of MPEG-2, with a slice of so many bytes.
fn picture(kind: char, structure: u8, size: usize) -> Vec<u8> {
    let coding_type = " IPB".find(kind).unwrap() as u8;
    let mut bytes = vec![0, 0, 1, 0, 0, coding_type << 3, 0xFF, 0xFF];
    bytes.extend([0, 0, 1, 0xB5, 0x8F, 0xFF, 0xF0 | structure, 0, 0, 0, 1, 1]);
    bytes.resize(bytes.len() + size, 0xAA);
    bytes
}

fn frame(kind: char) -> Vec<u8> {
    picture(kind, 3, 20)
}

/// The packets of a PES packet, padded with an adaptation field at the end.
fn packets(pid: u16, pts: Option<u64>, body: &[u8]) -> Vec<RawPacket> {
    let mut bytes = vec![0, 0, 1, 0xE0, 0, 0, 0x80];
    match pts {
        Some(pts) => {
            bytes.extend([0x80, 5]);
            bytes.extend(pes::stamp_field(2, Pts90k(pts)));
        }
        None => bytes.extend([0, 0]),
    }
    bytes.extend(body);
    let packet = |(n, piece): (usize, &[u8])| {
        let mut packet = [0xFF; PACKET];
        packet[..4].copy_from_slice(&packet::plain(pid).to_be_bytes());
        packet[1] |= if n == 0 { 0x40 } else { 0 };
        if piece.len() < 184 {
            packet[3] |= 0x20;
            packet[4] = (183 - piece.len()) as u8;
            if packet[4] > 0 {
                packet[5] = 0;
            }
        }
        packet[PACKET - piece.len()..].copy_from_slice(piece);
        packet
    };
    bytes.chunks(184).enumerate().map(packet).collect()
}

struct Line {
    frames: Frames,
    now: Instant,
}

impl Line {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let mut line = Self { frames: Frames::new(settings), now: clock::now() };
        line.frames.at(line.now, Moment(7));
        Sink::programme(&mut line.frames, &programme(Codec::Mpeg2));
        assert_eq!(line.frames.events().collect::<Vec<_>>(), [Event::Video(Some(Codec::Mpeg2))]);
        line
    }

    fn give(&mut self, pts: Option<u64>, keyframe: bool, body: &[u8]) -> usize {
        let packets = packets(VIDEO, pts, body);
        for (n, packet) in packets.iter().enumerate() {
            let mark = Mark { stream: 1, unit_start: n == 0, random_access: keyframe && n == 0, ..Mark::default() };
            self.frames.packet(packet, mark);
        }
        packets.len() * PACKET
    }

    fn found(&mut self) -> Vec<Frame> {
        let frame = |event| match event {
            Event::Frame(frame) => Some(frame),
            _ => None,
        };
        self.frames.events().filter_map(frame).collect()
    }

    fn all(&mut self) -> Vec<Frame> {
        self.frames.finish();
        self.found()
    }
}

fn kinds(frames: &[Frame]) -> String {
    let one = |frame: &Frame| format!("{:?}{}", frame.kind, if frame.keyframe { "!" } else { "" });
    frames.iter().map(one).collect()
}

#[test]
fn a_frame_ends_where_the_next_begins() {
    let mut line = Line::new();
    let lengths = [
        line.give(Some(100), true, &picture('I', 3, 3000)),
        line.give(Some(400), false, &frame('P')),
        line.give(Some(200), false, &frame('B')),
    ];
    assert_eq!(kinds(&line.found()), "I!P");
    line.give(Some(300), false, &frame('B'));
    let last = line.all();
    assert_eq!(last.iter().map(|frame| (frame.id, frame.pts.unwrap().0)).collect::<Vec<_>>(), [(3, 200), (4, 300)]);
    assert_eq!((last[0].packets.len(), last[0].reference, last[0].whole), (lengths[2], false, true));
    assert_eq!(last[0].at, line.now);
}

#[test]
fn what_comes_before_the_first_keyframe_is_not_counted() {
    let mut line = Line::new();
    line.give(Some(0), false, &frame('P'));
    line.give(Some(1), true, &frame('I'));
    line.give(Some(2), false, &frame('B'));
    line.give(Some(3), false, &frame('P'));
    line.give(Some(4), false, &frame('B'));
    let counts: Vec<_> = line.all().iter().map(|frame| frame.counts.total()).collect();
    assert_eq!(counts, [0, 1, 0, 1, 1], "nor are pictures that need something before it");
}

#[test]
fn two_fields_in_two_units_are_one_frame() {
    let mut line = Line::new();
    let first = line.give(Some(100), true, &picture('I', 1, 50));
    let second = line.give(Some(101), false, &picture('P', 2, 500));
    line.give(Some(200), false, &picture('P', 1, 50));
    let found = line.found();
    assert_eq!((kinds(&found), found[0].counts, found[0].pts), ("I!".into(), Counts { i: 1, p: 0, b: 0 }, Some(Pts90k(100))));
    assert_eq!(found[0].packets.len(), first + second);
}

#[test]
fn a_unit_without_a_time_that_begins_in_the_middle_goes_on() {
    let mut line = Line::new();
    let length = line.give(Some(100), true, &picture('I', 3, 500)) + line.give(None, false, &[0xAA; 300]);
    line.give(None, false, &frame('P'));
    let found = line.found();
    assert_eq!((kinds(&found), found[0].packets.len()), ("I!".into(), length));
    assert_eq!(line.all()[0].pts, None, "one with a picture of its own does not");
}

#[test]
fn headers_in_a_unit_of_their_own_belong_to_what_follows() {
    let mut line = Line::new();
    let sequence = [0, 0, 1, 0xB3, 0x2D, 0x02, 0x40, 0x33, 0x24, 0x9F, 0x23, 0x81];
    line.give(Some(50), true, &frame('I'));
    let length = line.give(None, true, &sequence) + line.give(Some(100), false, &frame('I'));
    let found = line.all();
    assert_eq!((kinds(&found), found[1].packets.len(), found[1].pts), ("I!I!".into(), length, Some(Pts90k(100))));
    assert_eq!(line.frames.parameters().statistics().updated, Some(Moment(7)));
}

#[test]
fn several_frames_in_one_unit_are_counted_and_stay_together() {
    let mut line = Line::new();
    line.give(Some(100), true, &[frame('I'), frame('P'), frame('B')].concat());
    let found = line.all();
    assert_eq!((kinds(&found), found[0].counts), ("I!".into(), Counts { i: 1, p: 1, b: 1 }));
}

#[test]
fn a_hole_breaks_the_frame_in_which_it_is() {
    let mut line = Line::new();
    let big = packets(VIDEO, Some(100), &picture('I', 3, 1000));
    for (n, packet) in big.iter().enumerate() {
        let mark = Mark { stream: 1, unit_start: n == 0, discontinuity: n == 3, ..Mark::default() };
        line.frames.packet(packet, mark);
    }
    line.give(Some(200), false, &frame('P'));
    let events: Vec<Event> = line.frames.events().collect();
    assert!(events.contains(&Event::Gap(Track::Video)));
    let whole = |event: &Event| matches!(event, Event::Frame(frame) if frame.whole);
    assert!(events.iter().any(|event| matches!(event, Event::Frame(_))) && !events.iter().any(whole));
    assert!(line.all()[0].whole);
}

#[test]
fn a_unit_that_says_how_long_it_is_must_be_so() {
    let mut line = Line::new();
    let length =
        packets(VIDEO, Some(100), &picture('I', 3, 300)).iter().map(|packet| packet::payload(packet).len()).sum::<usize>();
    for told in [length, length + 1] {
        for (n, mut packet) in packets(VIDEO, Some(100), &picture('I', 3, 300)).into_iter().enumerate() {
            if n == 0 {
                packet[8..10].copy_from_slice(&(told as u16 - 6).to_be_bytes());
            }
            line.frames.packet(&packet, Mark { stream: 1, unit_start: n == 0, ..Mark::default() });
        }
    }
    assert_eq!(line.all().iter().map(|frame| frame.whole).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_header_may_be_longer_than_a_packet() {
    let mut line = Line::new();
    // What looks like a picture lies in the header, behind the first packet.
    let body = [vec![0xFF; 180], frame('I'), frame('P')].concat();
    let length = 5 + 180 + frame('I').len();
    for (n, mut packet) in packets(VIDEO, Some(100), &body).into_iter().enumerate() {
        if n == 0 {
            packet[12] = length as u8;
        }
        line.frames.packet(&packet, Mark { stream: 1, unit_start: n == 0, ..Mark::default() });
    }
    assert_eq!(kinds(&line.all()), "P");
}

#[test]
fn a_frame_of_which_no_more_comes_is_at_its_end() {
    let mut line = Line::new();
    line.give(Some(100), true, &frame('I'));
    let later = |ms| line.now + Duration::from_millis(ms);
    let (early, late) = (later(199), later(200));
    line.frames.expire(early);
    assert!(line.found().is_empty());
    line.frames.expire(late);
    assert_eq!(kinds(&line.found()), "I!");
    line.frames.expire(late);
    assert!(line.all().is_empty());
}

#[test]
fn a_frame_that_is_too_large_is_cut() {
    let most_bytes = 10 * PACKET;
    let mut line = Line::with(Settings { most_bytes, ..Settings::default() });
    line.give(Some(100), true, &picture('I', 3, 30_000));
    assert!(line.frames.held() <= most_bytes);
    let found = line.all();
    assert_eq!((found[0].packets.len(), found[0].whole), (most_bytes, false));
}

#[test]
fn what_comes_beside_is_kept_and_stamped() {
    let mut line = Line::new();
    let sound = packets(AUDIO, Some(90), &[1, 2, 3]);
    line.frames.packet(&sound[0], Mark { unit_start: true, ..Mark::default() });
    line.give(Some(100), true, &frame('I'));
    line.frames.packet(&sound[0], Mark { unit_start: true, ..Mark::default() });
    line.give(Some(200), false, &frame('P'));
    let events: Vec<Event> = line.frames.events().collect();
    let stamp = |track, time| Event::Stamp { track, pts: Pts90k(time), dts: Pts90k(time) };
    assert_eq!(events[..3], [stamp(Track::Audio, 90), stamp(Track::Video, 100), stamp(Track::Audio, 90)]);
    assert!(matches!(&events[4], Event::Frame(frame) if *frame.beside == sound[0]));
}

#[test]
fn codecs_that_are_not_read_have_a_frame_in_each_unit() {
    let mut line = Line::new();
    Sink::programme(&mut line.frames, &programme(Codec::Av1));
    line.give(Some(1), true, &[0x12, 0]);
    line.give(Some(2), false, &[0x12, 0]);
    line.give(None, false, &[0x55; 200]);
    line.give(Some(3), false, &[0x12, 0]);
    assert_eq!(kinds(&line.all()), "I!PP");
}

proptest! {
    #[test]
    fn anything_is_survived_within_bounds(
        codec in prop_oneof![Just(Codec::H264), Just(Codec::Hevc), Just(Codec::Mpeg2), Just(Codec::Av1)],
        units in proptest::collection::vec(
            (proptest::option::of(0u64..1 << 33), proptest::collection::vec(0u8..4, 0..600), any::<[bool; 4]>(), any::<u8>()), 0..40,
        ),
    ) {
        let most_bytes = 5 * PACKET;
        let mut line = Line::with(Settings { most_bytes, ..Settings::default() });
        Sink::programme(&mut line.frames, &programme(codec));
        let mut ids = 0;
        for (pts, mut body, [keyframe, broken, damaged, end], header) in units {
            if body.len() > 4 {
                body[3] = header;
            }
            for (n, packet) in packets(VIDEO, pts, &body).iter_mut().enumerate() {
                if damaged {
                    packet[usize::from(header) % PACKET] ^= header;
                }
                let stream = if header == 0 { 0 } else { 1 };
                let mark = Mark { stream, unit_start: n == 0, random_access: keyframe, discontinuity: broken && n == 1, ..Mark::default() };
                line.frames.packet(packet, mark);
                prop_assert!(line.frames.held() <= 4 * most_bytes);
            }
            if end {
                line.frames.finish();
            }
            for frame in line.found() {
                ids += 1;
                prop_assert_eq!(frame.id, ids);
                prop_assert!(frame.packets.len() <= most_bytes && frame.packets.len() % PACKET == 0);
            }
        }
    }
}
