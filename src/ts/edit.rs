//! What becomes of a stretch of packets: which stay, and what comes between them.
//!
//! It is noted down while the packets are looked at, and done once they have been: nearly all stay where they lie, so that
//! bytes are moved only behind a packet that fell out or one that came in between.

/// One thing to be done, in the order of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// These bytes stay.
    Keep { from: usize, to: usize },
    /// These bytes of [`Edit::between`] come in.
    Insert { from: usize, to: usize },
}

/// What becomes of a stretch of bytes. Used again and again: allocates only while it grows.
#[derive(Debug, Default)]
pub struct Edit {
    steps: Vec<Step>,
    /// The bytes that stay and have not become a step yet.
    from: usize,
    to: usize,
    between: Vec<u8>,
    /// Bytes of `between` that became steps.
    inserted: usize,
    /// From here on what is to be read must move up first, by so much.
    tight: Option<usize>,
    room: usize,
}

impl Edit {
    /// So many bytes stay. Those before this offset that were not spoken of fall out.
    #[inline]
    pub fn keep(&mut self, at: usize, bytes: usize) {
        if at != self.to {
            self.step();
            self.from = at;
        }
        self.to = at + bytes;
    }

    /// Where to append what comes in here. To be followed by [`Self::insert`].
    #[inline]
    pub fn between(&mut self) -> &mut Vec<u8> {
        &mut self.between
    }

    /// What was appended to [`Self::between`] comes in here.
    #[inline]
    pub fn insert(&mut self) {
        if self.between.len() > self.inserted {
            self.step();
            self.steps.push(Step::Insert { from: self.inserted, to: self.between.len() });
            self.inserted = self.between.len();
        }
    }

    fn step(&mut self) {
        if self.to > self.from {
            self.steps.push(Step::Keep { from: self.from, to: self.to });
        }
        self.from = self.to;
    }

    /// Whether nothing becomes of a stretch of which so many bytes were passed over: all of it stays. Begins anew if so.
    #[inline]
    pub fn is_none(&mut self, passed: usize) -> bool {
        let none = self.steps.is_empty() && self.between.is_empty() && self.from == 0 && self.to == passed;
        if none {
            self.to = 0;
        }
        none
    }

    /// How much room is needed behind a stretch of which so many bytes were passed over, for [`Self::apply`] not to write
    /// over what is still to be read.
    pub fn room(&mut self, passed: usize) -> usize {
        self.step();
        (self.tight, self.room) = (None, 0);
        if self.inserted == 0 {
            return 0;
        }
        let (mut tight, mut room, mut written) = (None, 0, 0);
        let mut reads = |written: usize, at: usize| {
            if written > at {
                tight.get_or_insert(at);
                room = room.max(written - at);
            }
        };
        for step in &self.steps {
            match *step {
                Step::Keep { from, to } => {
                    reads(written, from);
                    written += to - from;
                }
                Step::Insert { from, to } => written += to - from,
            }
        }
        reads(written, passed);
        (self.tight, self.room) = (tight, room);
        room
    }

    /// Does it, with bytes of which the first `passed` were passed over, and the last are as much room as [`Self::room`] has
    /// just asked for. Says how many bytes there are now in place of those passed over; what was behind them follows. Begins
    /// anew.
    pub fn apply(&mut self, bytes: &mut [u8], passed: usize) -> usize {
        let end = bytes.len().saturating_sub(self.room);
        let tight = self.tight.unwrap_or(usize::MAX);
        if tight <= end {
            bytes.copy_within(tight..end, tight + self.room);
        }
        let mut written = 0;
        let keep = |bytes: &mut [u8], from: usize, to: usize, written: usize| {
            // What is tight was moved up, and what lies before it ends there.
            let up = if from >= tight { self.room } else { 0 };
            if from + up != written {
                bytes.copy_within(from + up..to + up, written);
            }
            written + (to - from)
        };
        for step in &self.steps {
            match *step {
                Step::Keep { from, to } => written = keep(bytes, from, to, written),
                Step::Insert { from, to } => {
                    let new = self.between.get(from..to).unwrap_or_default();
                    if let Some(place) = bytes.get_mut(written..written + new.len()) {
                        place.copy_from_slice(new);
                    }
                    written += new.len();
                }
            }
        }
        keep(bytes, passed, end, written);
        self.steps.clear();
        self.between.clear();
        (self.from, self.to, self.inserted) = (0, 0, 0);
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Note {
        Drop(usize),
        Keep(usize),
        Insert(Vec<u8>),
    }

    fn note() -> impl Strategy<Value = Note> {
        prop_oneof![
            (0..20usize).prop_map(Note::Drop),
            (0..40usize).prop_map(Note::Keep),
            proptest::collection::vec(any::<u8>(), 0..60).prop_map(Note::Insert),
        ]
    }

    proptest! {
        #[test]
        fn as_if_it_were_written_anew(rounds in proptest::collection::vec((proptest::collection::vec(note(), 0..12), 0..9usize), 1..4)) {
            let mut edit = Edit::default();
            for (notes, tail) in rounds {
                let (mut bytes, mut expected) = (Vec::new(), Vec::new());
                for note in &notes {
                    let at = bytes.len();
                    match note {
                        Note::Drop(count) => bytes.extend((0..*count).map(|n| n as u8)),
                        Note::Keep(count) => {
                            bytes.extend((0..*count).map(|n| (at + n * 7) as u8));
                            expected.extend_from_slice(&bytes[at..]);
                            edit.keep(at, *count);
                        }
                        Note::Insert(new) => {
                            expected.extend(new);
                            edit.between().extend(new);
                            edit.insert();
                        }
                    }
                }
                let passed = bytes.len();
                if edit.is_none(passed) {
                    prop_assert_eq!(bytes, expected);
                    continue;
                }
                bytes.extend((0..tail).map(|n| 0xF0 | n as u8));
                let room = edit.room(passed);
                let inserted: usize = notes.iter().map(|note| if let Note::Insert(new) = note { new.len() } else { 0 }).sum();
                prop_assert!(room <= inserted);
                bytes.extend(vec![0xAA; room]);
                let written = edit.apply(&mut bytes, passed);
                prop_assert_eq!(&bytes[..written], &expected[..]);
                let tail: Vec<u8> = (0..tail).map(|n| 0xF0 | n as u8).collect();
                prop_assert_eq!(&bytes[written..written + tail.len()], &tail[..]);
            }
        }
    }
}
