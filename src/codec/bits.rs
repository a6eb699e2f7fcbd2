//! Bits, most significant first, with the Exp-Golomb codes of H.264 and HEVC. Every read may find the end.

/// A reader over bytes. With emulation prevention, the 03 in 00 00 03 is passed over (H.264, 7.3.1).
#[derive(Debug, Clone)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits of `bytes[0]` that were read.
    used: u32,
    zeros: u32,
    escaped: bool,
}

impl<'a> BitReader<'a> {
    /// Bits as they lie.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, used: 0, zeros: 0, escaped: false }
    }

    /// Bits of a NAL unit, emulation prevention taken out.
    pub fn escaped(bytes: &'a [u8]) -> Self {
        Self { escaped: true, ..Self::new(bytes) }
    }

    /// One bit.
    pub fn flag(&mut self) -> Option<bool> {
        self.bits(1).map(|bit| bit == 1)
    }

    /// Up to 32 bits.
    pub fn bits(&mut self, count: u32) -> Option<u32> {
        let mut value = 0u64;
        let mut missing = count.min(32);
        while missing > 0 {
            let (&byte, rest) = self.bytes.split_first()?;
            if self.used == 0 && self.escaped && self.zeros >= 2 && byte == 3 {
                self.bytes = rest;
                self.zeros = 0;
                continue;
            }
            let left = 8 - self.used;
            let now = left.min(missing);
            let chunk = u32::from(byte) >> (left - now) & ((1 << now) - 1);
            value = value << now | u64::from(chunk);
            missing -= now;
            self.used += now;
            if self.used == 8 {
                self.zeros = if byte == 0 { self.zeros + 1 } else { 0 };
                self.used = 0;
                self.bytes = rest;
            }
        }
        Some(value as u32)
    }

    /// Bits that are not read yet, as they lie.
    pub fn left(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.used as usize)
    }

    /// Passes over any number of bits.
    pub fn skip(&mut self, mut count: u32) -> Option<()> {
        while count > 0 {
            let now = count.min(32);
            self.bits(now)?;
            count -= now;
        }
        Some(())
    }

    /// ue(v) (H.264, 9.1).
    pub fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1u32 << zeros) - 1 + self.bits(zeros)?)
    }

    /// se(v) (H.264, 9.1.1).
    pub fn se(&mut self) -> Option<i32> {
        let code = i64::from(self.ue()?);
        let value = (code + 1) / 2;
        i32::try_from(if code % 2 == 0 { -value } else { value }).ok()
    }
}

/// The bytes of a NAL unit, emulation prevention taken out: what [`BitReader::escaped`] gives eight bits at a time.
#[derive(Debug, Clone)]
pub struct EscapedBytes<'a> {
    bytes: &'a [u8],
    zeros: u32,
}

impl<'a> EscapedBytes<'a> {
    /// From the beginning of `bytes`, which lies behind the NAL unit's header.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, zeros: 0 }
    }
}

impl Iterator for EscapedBytes<'_> {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        loop {
            let (&byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            if byte == 3 && self.zeros >= 2 {
                self.zeros = 0;
                continue;
            }
            self.zeros = if byte == 0 { self.zeros + 1 } else { 0 };
            return Some(byte);
        }
    }

    /// At once, where nothing of what is passed over can be emulation prevention.
    fn nth(&mut self, n: usize) -> Option<u8> {
        match self.bytes.split_at_checked(n) {
            Some((passed, rest)) if !passed.contains(&3) => {
                let zeros = passed.iter().rev().take_while(|byte| **byte == 0).count();
                let before = if zeros == passed.len() { self.zeros } else { 0 };
                (self.bytes, self.zeros) = (rest, before + zeros as u32);
            }
            _ => {
                for _ in 0..n {
                    self.next()?;
                }
            }
        }
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exp_golomb() {
        // 1, 010, 011, 00100, then 00101 as se
        let mut bits = BitReader::new(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        assert_eq!([bits.ue(), bits.ue(), bits.ue(), bits.ue()], [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(bits.se(), Some(-2));
    }

    proptest! {
        #[test]
        fn passing_over_is_reading(bytes in proptest::collection::vec(0u8..5, 0..40), steps in proptest::collection::vec(0usize..12, 1..8)) {
            let (mut at_once, mut each) = (EscapedBytes::new(&bytes), EscapedBytes::new(&bytes));
            for step in steps {
                let mut last = None;
                for _ in 0..=step {
                    last = each.next();
                }
                prop_assert_eq!(at_once.nth(step), last);
            }
        }
    }

    #[test]
    fn emulation_prevention() {
        let bytes = [0, 0, 3, 1, 0, 0, 3];
        assert_eq!(BitReader::escaped(&bytes).bits(24), Some(1));
        assert_eq!(BitReader::new(&bytes).bits(32), Some(0x0000_0301));
    }

    #[test]
    fn the_end() {
        assert_eq!(BitReader::new(&[0xFF]).bits(9), None);
        assert_eq!(BitReader::new(&[0; 8]).ue(), None);
    }

    proptest! {
        #[test]
        fn bytes_are_bits_by_eight(bytes in proptest::collection::vec(0u8..5, 0..40)) {
            let mut bits = BitReader::escaped(&bytes);
            let by_bits: Vec<_> = std::iter::from_fn(|| bits.bits(8)).collect();
            let by_bytes: Vec<_> = EscapedBytes::new(&bytes).map(u32::from).collect();
            prop_assert_eq!(by_bytes, by_bits);
        }

        #[test]
        fn any_cut_gives_the_same(bytes in proptest::collection::vec(any::<u8>(), 4), cut in 0u32..=32) {
            let mut bits = BitReader::new(&bytes);
            let high = u64::from(bits.bits(cut).unwrap());
            let low = u64::from(bits.bits(32 - cut).unwrap());
            let whole = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            prop_assert_eq!(high << (32 - cut) | low, u64::from(whole));
        }
    }
}
