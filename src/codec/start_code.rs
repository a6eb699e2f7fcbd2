//! Start codes 00 00 01, which divide the streams of MPEG-2 video, VC-1, H.264, HEVC and VVC.

/// The offset of the first start code at or after `from`; what follows it begins three bytes later.
pub fn find(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from.checked_add(2)?;
    // The third byte says how far one may go: nearly always three bytes.
    while let Some(&third) = bytes.get(at) {
        at += match third {
            2.. => 3,
            1 if bytes.get(at - 2..at) == Some(&[0, 0]) => return Some(at - 2),
            1 => 3,
            _ if bytes.get(at - 1) == Some(&0) => 1,
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
