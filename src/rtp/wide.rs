//! Numbers that wrap, made numbers that do not: the only place where sequence numbers and timestamps are unwrapped. Pure.
//!
//! The lower bits of a wide number are always those of the packet. Wide numbers may be negative: something may come from before
//! the first.

/// The sequence number (RFC 3550, A.1: 16 bits) nearest to `near`.
pub fn sequence(value: u16, near: i64) -> i64 {
    near.wrapping_add(i64::from(value.wrapping_sub(near as u16).cast_signed()))
}

/// The smallest sequence number behind `last`, for a sender that begins anew.
pub fn sequence_after(value: u16, last: i64) -> i64 {
    let next = last.wrapping_add(1);
    next.wrapping_add(i64::from(value.wrapping_sub(next as u16)))
}

/// The timestamp (RFC 3550, 5.1: 32 bits) nearest to `near`.
pub fn timestamp(value: u32, near: i64) -> i64 {
    near.wrapping_add(i64::from(value.wrapping_sub(near as u32).cast_signed()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::same(7, 7, 7)]
    #[case::on(9, 7, 9)]
    #[case::back(5, 7, 5)]
    #[case::wraps(1, 65535, 65537)]
    #[case::wraps_back(65535, 65537, 65535)]
    #[case::before_the_first(65535, 0, -1)]
    #[case::far(0, 0x7_8000, 0x7_0000)]
    fn sequences(#[case] value: u16, #[case] near: i64, #[case] wide: i64) {
        assert_eq!(sequence(value, near), wide);
    }

    #[rstest]
    #[case::next(8, 7, 8)]
    #[case::same_again(7, 7, 65543)]
    #[case::lower(5, 7, 65541)]
    #[case::higher(40000, 7, 40000)]
    #[case::behind_a_wrap(3, 65535, 65539)]
    fn sequences_of_another_beginning(#[case] value: u16, #[case] last: i64, #[case] wide: i64) {
        assert_eq!(sequence_after(value, last), wide);
    }

    proptest! {
        #[test]
        fn a_wide_sequence_ends_in_the_narrow_one(value: u16, near: i64) {
            let (wide, after) = (sequence(value, near), sequence_after(value, near));
            prop_assert_eq!((wide as u16, after as u16), (value, value));
            prop_assert!((-0x8000..0x8000).contains(&wide.wrapping_sub(near)));
            prop_assert!((1..=0x1_0000).contains(&after.wrapping_sub(near)));
        }

        /// Steps below half a turn, forth and back, add up.
        #[test]
        fn timestamps_are_followed(start: u32, steps in proptest::collection::vec(-0x7FFF_FFFFi64..0x8000_0000, 0..50)) {
            let mut wide = i64::from(start);
            let mut expected = wide;
            for step in steps {
                expected += step;
                wide = timestamp(expected as u32, wide);
                prop_assert_eq!(wide, expected);
            }
        }
    }
}
