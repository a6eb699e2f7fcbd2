//! Which guide number a new channel gets. Pure.

use std::collections::HashSet;

use crate::model::GuideNumber;

/// Where numbers begin that nobody asked for.
const FIRST: u32 = 100;
/// Five digits are the most that clients show.
const LAST: u32 = 99_999;

/// The numbers that are taken: by living channels, or kept aside.
#[derive(Debug)]
pub(super) struct Numbers {
    taken: HashSet<GuideNumber>,
    next: u32,
}

impl Numbers {
    pub(super) fn new(taken: HashSet<GuideNumber>) -> Self {
        Self { taken, next: FIRST }
    }

    /// Takes `wish` if it is free. 0 is what playlists write for "none".
    pub(super) fn take(&mut self, wish: &GuideNumber) -> bool {
        wish.major() != 0 && self.taken.insert(wish.clone())
    }

    /// Takes the next free number.
    pub(super) fn take_next(&mut self) -> Option<GuideNumber> {
        while self.next <= LAST {
            let number = GuideNumber::whole(self.next);
            self.next += 1;
            if self.taken.insert(number.clone()) {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> GuideNumber {
        text.parse().unwrap()
    }

    #[test]
    fn wishes_are_granted_once() {
        let mut numbers = Numbers::new(HashSet::from([number("5")]));
        assert!(!numbers.take(&number("5")));
        assert!(!numbers.take(&number("0")));
        assert!(numbers.take(&number("5.1")));
        assert!(!numbers.take(&number("5.1")));
    }

    #[test]
    fn the_next_free_one_is_from_a_hundred_on() {
        let mut numbers = Numbers::new(HashSet::from([number("101"), number("7")]));
        assert!(numbers.take(&number("103")));
        let given: Vec<String> = (0..3).map(|_| numbers.take_next().unwrap().to_string()).collect();
        assert_eq!(given, ["100", "102", "104"]);
    }

    #[test]
    fn there_is_an_end() {
        let mut numbers = Numbers::new(HashSet::new());
        let mut count = 0;
        while numbers.take_next().is_some() {
            count += 1;
        }
        assert_eq!(count, 99_900);
    }
}
