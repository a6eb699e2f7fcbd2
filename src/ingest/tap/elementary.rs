//! An elementary stream divided at its start codes, however its bytes are cut: the beginning of each unit, as far as somebody
//! wants it. Knows nothing about what units hold.

use crate::codec::start_code;

/// The longest beginning that can be wanted, in bytes: more than any parameter set has.
pub const LONGEST: usize = 4096;

/// Who looks at units.
pub trait Units {
    /// How many bytes are wanted of the unit behind whose start code this byte lies, itself included; 0: none. At most
    /// [`LONGEST`].
    fn wanted(&self, first: u8) -> usize;

    /// The beginning of a unit: what was wanted, or all of it where it is shorter, perhaps with zeros behind its end.
    fn unit(&mut self, beginning: &[u8]);
}

/// Divides one stream. Keeps no more than the beginning of one unit.
#[derive(Debug, Clone, Default)]
pub struct Divider {
    /// Zeros at the end of what came, at most two.
    zeros: u8,
    /// What was gathered of the unit at hand.
    unit: Vec<u8>,
    gathering: Option<Gathering>,
}

#[derive(Debug, Clone, Copy)]
enum Gathering {
    /// Its first byte has not come.
    Begun,
    /// So many bytes are wanted.
    Until(usize),
}

impl Divider {
    /// The next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8], units: &mut impl Units) {
        let mut at = 0;
        // A start code of which a part came before.
        let rest = match (self.zeros, bytes) {
            (2, [1, ..]) => Some(1),
            (1 | 2, [0, 1, ..]) => Some(2),
            _ => None,
        };
        if let Some(rest) = rest {
            self.begin(units);
            at = rest;
        }
        while let Some(found) = start_code::find(bytes, at) {
            self.gather(bytes.get(at..found).unwrap_or_default(), units);
            self.begin(units);
            at = found + 3;
        }
        self.gather(bytes.get(at..).unwrap_or_default(), units);
        let zeros = bytes.iter().rev().take(2).take_while(|byte| **byte == 0).count() as u8;
        let before = if usize::from(zeros) == bytes.len() { self.zeros } else { 0 };
        self.zeros = (before + zeros).min(2);
    }

    /// The unit at hand is at its end, without another one behind it.
    pub fn end(&mut self, units: &mut impl Units) {
        if let Some(Gathering::Until(_)) = self.gathering.take() {
            units.unit(&self.unit);
        }
        self.zeros = 0;
    }

    /// Bytes are missing: the unit at hand is forgotten.
    pub fn forget(&mut self) {
        self.gathering = None;
        self.zeros = 0;
    }

    fn begin(&mut self, units: &mut impl Units) {
        self.end(units);
        self.unit.clear();
        self.gathering = Some(Gathering::Begun);
    }

    fn gather(&mut self, bytes: &[u8], units: &mut impl Units) {
        let Some(&first) = bytes.first() else { return };
        let wanted = match self.gathering {
            None => return,
            Some(Gathering::Until(wanted)) => wanted,
            Some(Gathering::Begun) => units.wanted(first).min(LONGEST),
        };
        self.gathering = (wanted > 0).then_some(Gathering::Until(wanted));
        let missing = wanted.saturating_sub(self.unit.len());
        self.unit.extend_from_slice(bytes.get(..missing).unwrap_or(bytes));
        if wanted > 0 && self.unit.len() >= wanted {
            self.gathering = None;
            units.unit(&self.unit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Wants as many bytes as the first one says, doubled.
    #[derive(Default)]
    struct All(Vec<Vec<u8>>);

    impl Units for All {
        fn wanted(&self, first: u8) -> usize {
            usize::from(first) * 2
        }

        fn unit(&mut self, beginning: &[u8]) {
            let length = beginning.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            self.0.push(beginning[..length].to_vec());
        }
    }

    /// What a search of the whole gives.
    fn plainly(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut all = All::default();
        let starts: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(&[0, 0, 1])).collect();
        for (n, start) in starts.iter().enumerate() {
            let unit = &bytes[start + 3..starts.get(n + 1).copied().unwrap_or(bytes.len())];
            let wanted = unit.first().map_or(0, |first| all.wanted(*first));
            if wanted > 0 {
                all.unit(&unit[..unit.len().min(wanted)]);
            }
        }
        all.0
    }

    proptest! {
        #[test]
        fn however_it_is_cut(bytes in proptest::collection::vec(0u8..4, 0..80), cuts in proptest::collection::vec(1usize..7, 1..80)) {
            let (mut divider, mut all) = (Divider::default(), All::default());
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at(rest.len().min(*cut));
                divider.push(piece, &mut all);
                rest = after;
            }
            divider.end(&mut all);
            prop_assert_eq!(all.0, plainly(&bytes));
            prop_assert!(divider.unit.len() <= LONGEST);
        }
    }

    #[test]
    fn what_is_forgotten_does_not_go_on() {
        let (mut divider, mut all) = (Divider::default(), All::default());
        divider.push(&[0, 0, 1, 3, 1], &mut all);
        divider.forget();
        divider.push(&[2, 2, 2, 2, 0, 0, 1, 1, 7], &mut all);
        assert_eq!(all.0, [[1, 7]]);
    }
}
