use super::*;
use crate::model::Codec;
use crate::ts::PACKET;
use crate::ts::programme::Stream;
use crate::ts::time::Pcr27m;

const VIDEO: u8 = 0;
const AUDIO: u8 = 1;

fn lead_in(codecs: &[Codec]) -> LeadIn {
    let stream =
        |(pid, codec): (u16, &Codec)| Stream { pid, stream_type: 0, codec: *codec, language: None, descriptors: Vec::new() };
    let streams = (0u16..).zip(codecs).map(stream).collect();
    let mut lead_in = LeadIn::default();
    lead_in.programme(&Programme { number: 1, pcr_pid: 0, descriptors: Vec::new(), streams });
    lead_in
}

/// The beginning of a unit, in frames of 40 ms.
fn unit(stream: u8, dts: u64, pts: u64) -> (RawPacket, Mark) {
    let mut packet = [stream; PACKET];
    packet[..13].copy_from_slice(&[0x47, 0x40, stream, 0x10, 0, 0, 1, 0xE0, 0, 0, 0x80, 0xC0, 10]);
    packet[13..18].copy_from_slice(&pes::stamp_field(3, Pts90k(pts * 3600)));
    packet[18..23].copy_from_slice(&pes::stamp_field(1, Pts90k(dts * 3600)));
    (packet, Mark { stream, unit_start: true, ..Mark::default() })
}

fn begins((packet, mark): (RawPacket, Mark)) -> (RawPacket, Mark) {
    (packet, Mark { random_access: true, ..mark })
}

fn stamps(packet: &RawPacket) -> (u64, u64) {
    let header = pes::Header::parse(packet::payload(packet)).unwrap();
    (header.decoding_time().unwrap().0, header.pts.unwrap().0)
}

#[test]
fn leading_pictures_are_left_out_and_sound_from_before_is_kept() {
    let mut lead_in = lead_in(&[Codec::H264, Codec::Aac]);
    let mut take = |(packet, mark): (RawPacket, Mark)| lead_in.packet(&packet, mark);
    assert_eq!(take(unit(VIDEO, 9, 9)), Taken::Passes);
    assert_eq!(take(unit(AUDIO, 12, 12)), Taken::Kept);
    assert_eq!(take(begins(unit(VIDEO, 10, 14))), Taken::Kept);
    assert_eq!(take(unit(VIDEO, 11, 12)), Taken::Kept);
    let with_clock = unit(VIDEO, 12, 13);
    let mark = Mark { pcr: Some(Pcr27m(0)), ..with_clock.1 };
    assert_eq!(take((with_clock.0, mark)), Taken::Kept);
    assert_eq!(take(unit(AUDIO, 13, 13)), Taken::Kept);
    assert_eq!(take(unit(VIDEO, 13, 17)), Taken::Ready);
    let Beginning { delayed_90k, packets } = lead_in.take();
    assert_eq!(delayed_90k, 3 * 3600 - 9000, "so that the next one comes 100 ms later");
    let order: Vec<(u8, bool)> = packets.iter().map(|(_, mark)| (mark.stream, mark.unit_start)).collect();
    assert_eq!(order, [(VIDEO, true), (AUDIO, true), (VIDEO, false), (AUDIO, true), (VIDEO, true)]);
    assert_eq!(stamps(&packets[0].0), (10 * 3600 + delayed_90k, 14 * 3600));
    assert_eq!(packets[2].0[3] & 0x30, 0x20, "the clock of a leading picture stays");
}

#[rstest::rstest]
#[case::pictures_in_order(&[Codec::H264, Codec::Aac], VIDEO, 10)]
#[case::sound_alone(&[Codec::Aac], 0, 14)]
fn others_begin_at_once(#[case] codecs: &[Codec], #[case] stream: u8, #[case] pts: u64) {
    let mut lead_in = lead_in(codecs);
    let (packet, mark) = begins(unit(stream, 10, pts));
    assert_eq!(lead_in.packet(&packet, mark), Taken::Ready);
    let beginning = lead_in.take();
    assert_eq!((beginning.delayed_90k, beginning.packets), (0, vec![(packet, mark)]));
}

#[rstest::rstest]
#[case(Codec::Hevc, 0x24)]
#[case(Codec::H264, 0x2A)]
fn a_picture_of_hevc_goes_on_with_none_of_another_source(#[case] codec: Codec, #[case] begins_with: u8) {
    let mut lead_in = lead_in(&[codec]);
    let mut of_cra = |(mut packet, mark): (RawPacket, Mark)| {
        packet[23..27].copy_from_slice(&[0, 0, 1, 0x2A]);
        lead_in.packet(&packet, mark)
    };
    assert_eq!(of_cra(begins(unit(VIDEO, 10, 12))), Taken::Kept);
    assert_eq!(of_cra(unit(VIDEO, 11, 15)), Taken::Ready);
    let taken: Vec<u8> = lead_in.take().packets.iter().map(|(packet, _)| packet[26]).collect();
    assert_eq!(taken, [begins_with, 0x2A], "the first, and no other");
}

#[test]
fn a_closed_group_is_not_delayed() {
    let mut lead_in = lead_in(&[Codec::H264]);
    let mut take = |(packet, mark): (RawPacket, Mark)| lead_in.packet(&packet, mark);
    assert_eq!([begins(unit(VIDEO, 10, 12)), unit(VIDEO, 11, 15)].map(&mut take), [Taken::Kept, Taken::Ready]);
    assert_eq!(lead_in.take().delayed_90k, 0);
}

#[test]
fn a_first_picture_that_is_shown_too_late_by_its_stamp_does_not_hold_up_the_others() {
    let mut lead_in = lead_in(&[Codec::H264]);
    let mut take = |(packet, mark): (RawPacket, Mark)| lead_in.packet(&packet, mark);
    assert_eq!(take(begins(unit(VIDEO, 10, 90_000))), Taken::Kept);
    let taken: Vec<Taken> = (11..100).map(|n| take(unit(VIDEO, n, n))).take_while(|taken| *taken != Taken::Ready).collect();
    assert_eq!(taken.len(), MOST_LEADING);
}

#[test]
fn nothing_is_kept_for_ever() {
    let mut lead_in = lead_in(&[Codec::H264, Codec::Aac]);
    let sound = unit(AUDIO, 1, 1);
    for _ in 0..3 * MOST_EARLY {
        assert_eq!(lead_in.packet(&sound.0, sound.1), Taken::Kept);
    }
    assert!(lead_in.packets.len() <= MOST_EARLY);
    let (packet, mark) = begins(unit(VIDEO, 10, 14));
    lead_in.packet(&packet, mark);
    let more = Mark { stream: VIDEO, ..Mark::default() };
    assert!((0..=MOST_PACKETS).any(|_| lead_in.packet(&[0x47; PACKET], more) == Taken::Ready));
}
