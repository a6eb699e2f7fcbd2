//! Which guide number a new channel gets. Pure.

use std::collections::HashSet;
use std::ops::Range;

use crate::model::GuideNumber;

/// Where numbers begin that nobody asked for.
const FIRST: u32 = 100;
/// Five digits are the most that clients show.
const LAST: u32 = 99_999;

/// The numbers that are taken: by living channels, or kept aside.
#[derive(Debug)]
pub(super) struct Numbers {
    taken: HashSet<GuideNumber>,
    /// Of blocks of events: nobody else gets them by itself.
    reserved: Vec<Range<u32>>,
    next: u32,
}

impl Numbers {
    pub(super) fn new(taken: HashSet<GuideNumber>, reserved: Vec<Range<u32>>) -> Self {
        Self { taken, reserved, next: FIRST }
    }

    /// Takes `wish` if it is free. 0 is what playlists write for "none".
    pub(super) fn take(&mut self, wish: &GuideNumber) -> bool {
        !self.is_reserved(wish.major()) && self.take_slot(wish)
    }

    /// The same for an event, which may have what is reserved.
    pub(super) fn take_slot(&mut self, wish: &GuideNumber) -> bool {
        wish.major() != 0 && self.taken.insert(wish.clone())
    }

    fn is_reserved(&self, number: u32) -> bool {
        self.reserved.iter().any(|range| range.contains(&number))
    }

    /// Takes the next free number.
    pub(super) fn take_next(&mut self) -> Option<GuideNumber> {
        while self.next <= LAST {
            let number = GuideNumber::whole(self.next);
            self.next += 1;
            if !self.is_reserved(number.major()) && self.taken.insert(number.clone()) {
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
        let mut numbers = Numbers::new(HashSet::from([number("5")]), Vec::new());
        assert!(!numbers.take(&number("5")));
        assert!(!numbers.take(&number("0")));
        assert!(numbers.take(&number("5.1")));
        assert!(!numbers.take(&number("5.1")));
    }

    #[test]
    fn the_next_free_one_is_from_a_hundred_on() {
        let mut numbers = Numbers::new(HashSet::from([number("101"), number("7")]), Vec::new());
        assert!(numbers.take(&number("103")));
        let given: Vec<String> = (0..3).map(|_| numbers.take_next().unwrap().to_string()).collect();
        assert_eq!(given, ["100", "102", "104"]);
    }

    #[test]
    fn what_events_keep_nobody_else_gets_by_itself() {
        let mut numbers = Numbers::new(HashSet::new(), vec![101..103, 5..6]);
        assert!(!numbers.take(&number("5")) && !numbers.take(&number("102.1")));
        let given: Vec<String> = (0..3).map(|_| numbers.take_next().unwrap().to_string()).collect();
        assert_eq!(given, ["100", "103", "104"]);
        assert!(numbers.take_slot(&number("101")) && !numbers.take_slot(&number("101")));
    }

    #[test]
    fn there_is_an_end() {
        let mut numbers = Numbers::new(HashSet::new(), Vec::new());
        let mut count = 0;
        while numbers.take_next().is_some() {
            count += 1;
        }
        assert_eq!(count, 99_900);
    }
}
