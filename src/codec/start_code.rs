//! Start codes 00 00 01, which divide the streams of MPEG-2 video, VC-1, H.264, HEVC and VVC.

/// The offset of the first start code at or after `from`; what follows it begins three bytes later.
pub fn find(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // Three bytes at a time: the third says how far one may go.
    while let Some(&[a, b, c]) = bytes.get(at..).and_then(|rest| rest.first_chunk::<3>()) {
        at += match (a, b, c) {
            (0, 0, 1) => return Some(at),
            (_, _, 2..) => 3,
            (_, _, 1) => 3,
            (_, 0, 0) => 1,
            _ => 2,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_a_plain_search(bytes in proptest::collection::vec(0u8..3, 0..60), from in 0usize..70) {
            let plain = (from..bytes.len()).find(|&at| bytes[at..].starts_with(&[0, 0, 1]));
            prop_assert_eq!(find(&bytes, from), plain);
        }
    }
}
