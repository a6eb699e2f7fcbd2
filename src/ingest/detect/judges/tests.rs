use rstest::rstest;

use super::*;

const CODED: Verdict = Strong { coded: true };
const SET: Verdict = Strong { coded: false };
const MAYBE: Verdict = Possible { coded: true };

/// Packets that follow each other, 960 ticks apart, without markers: what the last one says.
fn last(packets: &[&[u8]], judge: impl Fn(&Packet<'_>, Option<&Before>, &mut Before) -> Verdict) -> Verdict {
    let mut before: Option<Before> = None;
    let mut verdict = Against;
    for (n, payload) in packets.iter().enumerate() {
        let packet = Packet { sequence: n as u16, timestamp: n as u32 * 960, marker: false, payload };
        let mut next = Before::of(&packet);
        verdict = judge(&packet, before.as_ref(), &mut next);
        before = Some(next);
    }
    verdict
}

#[rstest]
#[case::slice(&[&[0x41, 0x9A][..]], MAYBE)]
#[case::idr(&[&[0x65, 0x88][..]], MAYBE)]
#[case::idr_of_no_use(&[&[0x05, 0x88][..]], Against)]
#[case::sps(&[&[0x67, 77, 0x40, 31, 0][..]], SET)]
#[case::sps_of_no_profile(&[&[0x67, 78, 0x40, 31, 0][..]], Against)]
#[case::partition(&[&[0x42, 1][..]], Against)]
#[case::forbidden(&[&[0xC1, 1][..]], Against)]
#[case::fragment(&[&[0x7C, 0x85][..], &[0x7C, 0x05], &[0x7C, 0x45]], CODED)]
#[case::joined_within(&[&[0x7C, 0x05][..]], CODED)]
#[case::another_fragment(&[&[0x7C, 0x85][..], &[0x7C, 0x01]], Against)]
#[case::begins_within(&[&[0x7C, 0x85][..], &[0x7C, 0x85]], Against)]
#[case::fragment_without_begin(&[&[0x41, 1][..], &[0x7C, 0x05]], Against)]
#[case::ends_and_begins(&[&[0x7C, 0xC5][..]], Against)]
#[case::slice_within(&[&[0x7C, 0x85][..], &[0x41, 1]], Against)]
#[case::aggregate(&[&[0x78, 0, 2, 0x41, 1, 0, 2, 0x41, 2][..]], CODED)]
#[case::aggregate_beyond(&[&[0x78, 0, 2, 0x41, 1, 0, 3, 0x41, 2][..]], Against)]
fn of_h264(#[case] packets: &[&[u8]], #[case] expected: Verdict) {
    assert_eq!(last(packets, h264), expected);
}

#[rstest]
#[case::slice(&[&[0x02, 1, 0xD0][..]], CODED)]
#[case::vps(&[&[0x40, 1, 0x0C][..]], SET)]
#[case::other_layer(&[&[0x02, 9, 0xD0][..]], Against)]
#[case::no_layer(&[&[0x02, 0, 0xD0][..]], Against)]
#[case::reserved(&[&[0x14, 1, 0xD0][..]], Against)]
#[case::fragment(&[&[0x62, 1, 0x93][..], &[0x62, 1, 0x53]], CODED)]
#[case::another_fragment(&[&[0x62, 1, 0x93][..], &[0x62, 1, 0x41]], Against)]
#[case::slice_within(&[&[0x62, 1, 0x93][..], &[0x02, 1, 1]], Against)]
#[case::aggregate(&[&[0x60, 1, 0, 2, 0x40, 1, 0, 2, 0x42, 1][..]], SET)]
#[case::aggregate_beyond(&[&[0x60, 1, 0, 2, 0x40, 1, 0, 9, 0x42, 1][..]], Against)]
#[case::paci(&[&[0x64, 1, 0][..]], Possible { coded: false })]
fn of_hevc(#[case] packets: &[&[u8]], #[case] expected: Verdict) {
    assert_eq!(last(packets, hevc), expected);
}

#[rstest]
#[case::begin(&[&[0x28, 2, 0x08, 0, 0x30, 1][..]], CODED)]
#[case::frame(&[&[0x10, 0x30, 1][..]], CODED)]
#[case::header_only(&[&[0x18, 0x08, 1][..]], SET)]
#[case::begin_with_a_frame(&[&[0x18, 0x30, 1][..]], Against)]
#[case::begin_within(&[&[0x98, 0x08, 1][..]], Against)]
#[case::reserved_bits(&[&[0x11, 0x30, 1][..]], Against)]
#[case::forbidden(&[&[0x10, 0xB0, 1][..]], Against)]
#[case::reserved_type(&[&[0x10, 0x50, 1][..]], Against)]
#[case::too_few(&[&[0x20, 2, 0x30, 1][..]], Against)]
#[case::ended(&[&[0x10, 0x30, 1][..], &[0x90, 1, 2]], Against)]
#[case::unended(&[&[0x50, 0x30, 1][..], &[0x10, 0x30, 2]], Against)]
fn of_av1(#[case] packets: &[&[u8]], #[case] expected: Verdict) {
    assert_eq!(last(packets, av1), expected);
}

#[rstest]
#[case::high(&[0, 16, 0, 16, 1, 2], CODED)]
#[case::two(&[0, 32, 0, 8, 0, 16, 1, 2, 3], CODED)]
#[case::low(&[0, 8, 8, 1, 2], CODED)]
#[case::fragment(&[0, 16, 0, 80, 1, 2], CODED)]
#[case::indexed(&[0, 16, 0, 17, 1, 2], Against)]
#[case::too_long(&[0, 32, 0, 8, 0, 16, 1, 2, 3, 4], Against)]
#[case::nothing(&[0, 0], Against)]
fn of_aac(#[case] payload: &[u8], #[case] expected: Verdict) {
    assert_eq!(last(&[payload], |packet, _, _| aac(packet)), expected);
}

#[rstest]
#[case::first(&[&[0xFC, 1][..]], MAYBE)]
#[case::next(&[&[0xFC, 1][..], &[0xFC, 2]], CODED)]
#[case::of_another_length(&[&[0x40, 1][..], &[0xFC, 2]], Against)]
#[case::longer_than_its_step(&[&[0xFD, 1, 2][..], &[0xFC, 2]], Against)]
#[case::none(&[&[0xFC, 1][..], &[0xFF, 0]], Against)]
#[case::silence(&[&[][..]], Possible { coded: false })]
fn of_opus(#[case] packets: &[&[u8]], #[case] expected: Verdict) {
    assert_eq!(last(packets, |packet, before, _| opus(packet, before)), expected);
}

#[test]
fn what_is_marked_ends_there() {
    let marked = |payload: &'static [u8]| Packet { sequence: 1, timestamp: 2, marker: true, payload };
    let mut next = Before::default();
    assert_eq!(h264(&marked(&[0x7C, 0x85]), None, &mut next), Against);
    assert_eq!(h264(&marked(&[0x7C, 0x45]), None, &mut next), CODED);
    assert_eq!(hevc(&marked(&[0x62, 1, 0x93]), None, &mut next), Against);
    assert_eq!(hevc(&marked(&[0x62, 1, 0x53]), None, &mut next), CODED);
    assert_eq!(av1(&marked(&[0x50, 0x30]), None, &mut next), Against);
    assert_eq!(av1(&marked(&[0x10, 0x30]), None, &mut next), CODED);
}
