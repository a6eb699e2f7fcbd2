use super::*;
use rstest::rstest;

/// Writes bits.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn u(mut self, count: u32, value: u32) -> Self {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    fn ue(self, value: u32) -> Self {
        let length = 32 - (value + 1).leading_zeros();
        self.u(length - 1, 0).u(length, value + 1)
    }

    /// With emulation prevention and the NAL unit's header.
    fn nal(self, header: u8) -> Vec<u8> {
        let bits = self.u(1, 1).0;
        let byte = |bits: &[bool]| bits.iter().enumerate().fold(0u8, |byte, (n, bit)| byte | u8::from(*bit) << (7 - n));
        let mut nal = vec![header];
        for byte in bits.chunks(8).map(byte) {
            if nal.len() > 2 && nal.ends_with(&[0, 0]) && byte < 4 {
                nal.push(3);
            }
            nal.push(byte);
        }
        nal
    }
}

fn sps(frames_only: bool) -> Vec<u8> {
    // Main profile; frame_num of 4 bits, pic_order_cnt_type 2.
    let bits = Bits::default().u(8, 77).u(16, 30).ue(0).ue(0).ue(2).ue(1).u(1, 0).ue(10).ue(8);
    bits.u(1, u32::from(frames_only)).nal(0x67)
}

fn pps() -> Vec<u8> {
    Bits::default().ue(0).ue(0).u(2, 0).nal(0x68)
}

/// `fields`: none, `Some(false)` top, `Some(true)` bottom. A long first_mb has zeros that must be escaped.
fn slice(header: u8, first_mb: u32, slice_type: u32, frame_num: u32, fields: Option<bool>) -> Vec<u8> {
    let bits = Bits::default().ue(first_mb).ue(slice_type).ue(0).u(4, frame_num);
    match fields {
        None => bits.u(1, 0),
        Some(bottom) => bits.u(1, 1).u(1, u32::from(bottom)),
    }
    .u(16, 0)
    .nal(header)
}

/// One letter a NAL unit: the kind of a picture, `2` behind it for a second field, `-` for more of it, `.` for else.
fn seen(units: &[Vec<u8>]) -> String {
    let mut reader = Reader::default();
    let shown = |unit: &Vec<u8>| match reader.unit(unit) {
        Seen::Picture(Picture { kind, second_field, .. }) => format!("{kind:?}{}", if second_field { "2" } else { "" }),
        Seen::More => "-".into(),
        Seen::Set(_) | Seen::Other => ".".into(),
    };
    units.iter().map(shown).collect()
}

#[rstest]
#[case(0, "P")]
#[case(1, "B")]
#[case(2, "I")]
#[case(3, "P")]
#[case(4, "I")]
#[case(5, "P")]
#[case(6, "B")]
#[case(7, "I")]
#[case(8, "P")]
#[case(9, "I")]
#[case(10, ".")]
fn slice_types(#[case] slice_type: u32, #[case] shown: &str) {
    assert_eq!(seen(&[slice(0x41, 0, slice_type, 0, None)]), shown);
}

#[test]
fn slices_of_one_picture_belong_together() {
    let units = [
        sps(false),
        pps(),
        slice(0x65, 0, 7, 0, None),
        slice(0x65, 65_535, 7, 0, None),
        slice(0x41, 0, 5, 1, None),
        slice(0x41, 300, 5, 1, None),
        // The first slice of this one is missing.
        slice(0x01, 300, 6, 2, None),
        vec![9, 0xF0],
        slice(0x01, 300, 6, 2, None),
    ];
    assert_eq!(seen(&units), "..I-P-B.B");
}

#[test]
fn emulation_prevention_is_taken_out() {
    let escaped = slice(0x41, 0x40_0000, 1, 3, None);
    assert!(escaped.windows(3).any(|bytes| bytes == [0, 0, 3]), "{escaped:x?}");
    assert_eq!(seen(&[escaped]), "B");
}

#[test]
fn two_fields_are_one_frame() {
    let (top, bottom) = (Some(false), Some(true));
    let units = [
        sps(false),
        pps(),
        slice(0x65, 0, 7, 0, top),
        slice(0x41, 0, 5, 0, bottom),
        slice(0x41, 0, 5, 1, bottom),
        slice(0x41, 0, 5, 1, top),
        // A field without another, then a frame.
        slice(0x01, 0, 6, 2, top),
        slice(0x01, 0, 6, 2, None),
        slice(0x01, 0, 6, 3, bottom),
        slice(0x01, 0, 6, 4, top),
        // Half of each is lost.
        slice(0x01, 0, 6, 4, top),
    ];
    assert_eq!(seen(&units), "..IP2PP2BBBBB");
    assert_eq!(seen(&[sps(true), pps(), slice(0x65, 0, 7, 0, top)]), "..I", "without fields there are no flags");
}

#[test]
fn sets_have_ids_within_their_range() {
    let mut reader = Reader::default();
    let set = |kind, id, refers_to| Seen::Set(Set { kind, id, refers_to });
    assert_eq!(reader.unit(&sps(true)), set(SetKind::Sequence, 0, None));
    assert_eq!(reader.unit(&Bits::default().ue(255).ue(31).nal(0x68)), set(SetKind::Picture, 255, Some(31)));
    assert_eq!(reader.unit(&Bits::default().ue(256).ue(0).nal(0x68)), Seen::Other);
    assert_eq!(reader.unit(&Bits::default().ue(0).ue(32).nal(0x68)), Seen::Other);
    assert_eq!(reader.unit(&Bits::default().u(8, 77).u(16, 30).ue(32).ue(0).nal(0x67)), Seen::Other);
}
