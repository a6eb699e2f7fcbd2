//! Tables whose CRC never holds: several damaged copies are laid over each other, and what most of them say at a place is
//! taken to be what was sent there. 13818-1 has nothing of the kind; it asks that tables be repeated, and that is what
//! this lives on.

use super::section::crc32;

/// Copies laid over each other: the newest.
const MOST_COPIES: usize = 5;
/// So many are needed for a majority.
const LEAST_COPIES: usize = 3;

/// Damaged copies of one section.
#[derive(Debug, Clone, Default)]
pub struct Mender {
    copies: Vec<Vec<u8>>,
}

impl Mender {
    /// Takes one more copy whose CRC did not hold. Gives the section as it must have been sent, if that can be told: where
    /// the copies differ, the CRC of what most of them say holds; where they do not, whoever made the section has
    /// computed its CRC wrongly, and always will.
    pub fn push(&mut self, section: &[u8]) -> Option<Vec<u8>> {
        self.copies.retain(|copy| copy.len() == section.len());
        if self.copies.len() >= MOST_COPIES {
            self.copies.remove(0);
        }
        self.copies.push(section.to_vec());
        let newest = self.copies.get(self.copies.len().checked_sub(LEAST_COPIES)?..)?;
        if newest.iter().all(|copy| copy == section) {
            return Some(section.to_vec());
        }
        let voted: Vec<u8> = (0..section.len()).map(|at| self.most_say(at)).collect();
        (crc32(&voted) == 0).then_some(voted)
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.copies.clear();
    }

    /// The byte that most copies have at a place.
    fn most_say(&self, at: usize) -> u8 {
        let bytes = || self.copies.iter().filter_map(|copy| copy.get(at).copied());
        let votes = |byte: u8| bytes().filter(|other| *other == byte).count();
        bytes().max_by_key(|byte| votes(*byte)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ts::section;

    fn damaged(section: &[u8], places: &[usize]) -> Vec<u8> {
        let mut copy = section.to_vec();
        places.iter().for_each(|at| copy[at % section.len()] ^= 0x55);
        copy
    }

    #[test]
    fn what_most_copies_say_is_what_was_sent() {
        let section = section::build(2, 1, 0, b"a programme map, as it was sent");
        let mut mender = Mender::default();
        assert_eq!(mender.push(&damaged(&section, &[4])), None);
        assert_eq!(mender.push(&damaged(&section, &[9, 20])), None);
        assert_eq!(mender.push(&damaged(&section, &[11])), Some(section.clone()));
        assert_eq!(mender.push(&damaged(&section, &[30])), Some(section));
    }

    #[test]
    fn a_wrong_crc_that_never_changes_is_believed() {
        let section = damaged(&section::build(2, 1, 0, b"made by a careless multiplexer"), &[33]);
        let mut mender = Mender::default();
        assert_eq!((mender.push(&section), mender.push(&section)), (None, None));
        assert_eq!(mender.push(&section), Some(section));
    }

    #[test]
    fn copies_that_do_not_agree_mend_nothing() {
        let section = section::build(2, 1, 0, b"nothing can be done about this one");
        let mut mender = Mender::default();
        for n in 0..20 {
            assert_eq!(mender.push(&damaged(&section, &[3 + n, 4, 4 + n])), None, "{n}");
        }
        let other = section::build(2, 1, 0, b"another");
        assert_eq!(mender.push(&damaged(&other, &[3])), None);
    }

    proptest! {
        #[test]
        fn noise_is_survived_and_never_believed(sections in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 3..40), 1..30)) {
            let mut mender = Mender::default();
            for section in sections {
                if let Some(mended) = mender.push(&section) {
                    prop_assert!(crc32(&mended) == 0);
                }
            }
        }
    }
}
