//! Which frames of the buffer go first where memory is short. Pure.
//!
//! Always: what is left of a group of pictures can be decoded, so reference frames go from its end back, a keyframe goes after
//! all that needs it, and the newest keyframe never goes.

use super::picture::PictureKind;

/// In which order frames go (`drop_strategy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DropStrategy {
    /// `lowest_priority`: those that are missed least, in groups from the oldest on. B frames that no other needs; then the last half of
    /// each group's P frames, and B frames that others need; then all of a group but its keyframe; then keyframes.
    #[default]
    LowestPriority,
    /// `oldest`: whole groups, the oldest first.
    Oldest,
}

impl DropStrategy {
    /// By its name in the settings.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "lowest_priority" => Some(Self::LowestPriority),
            "oldest" => Some(Self::Oldest),
            _ => None,
        }
    }
}

/// A frame of a group, as far as it matters here. The first of each group is its keyframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its kind.
    pub kind: PictureKind,
    /// Others may be predicted from it.
    pub reference: bool,
    /// What is gained.
    pub bytes: u64,
}

impl Candidate {
    /// A B frame that no other needs. Of those that others need P frames may be the others.
    pub fn is_disposable(&self) -> bool {
        self.kind == PictureKind::B && !self.reference
    }
}

/// A frame that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Victim {
    /// Index of its group.
    pub group: usize,
    /// Its index there.
    pub frame: usize,
}

/// The frames that go so that at least `needed` bytes are gained, as far as that is possible: no more than it takes. Groups are
/// given the oldest first, frames in decoding order.
pub fn plan(groups: &[Vec<Candidate>], strategy: DropStrategy, needed: u64) -> Vec<Victim> {
    let mut plan = Plan { groups, gone: groups.iter().map(|group| vec![false; group.len()]).collect(), needed, victims: vec![] };
    if strategy == DropStrategy::LowestPriority {
        for group in 0..groups.len() {
            plan.take(group, usize::MAX, Candidate::is_disposable);
        }
        for (index, group) in groups.iter().enumerate() {
            let others = group.iter().skip(1).filter(|candidate| !candidate.is_disposable()).count();
            // Later ones may be predicted from earlier ones: from the end back.
            plan.take(index, others.div_ceil(2), |candidate| !candidate.is_disposable());
        }
        for group in 0..groups.len() {
            plan.take(group, usize::MAX, |_| true);
        }
    }
    for group in 0..groups.len() {
        plan.take(group, usize::MAX, |_| true);
        if group + 1 < groups.len() {
            plan.take_one(group, 0);
        }
    }
    plan.victims
}

struct Plan<'a> {
    groups: &'a [Vec<Candidate>],
    gone: Vec<Vec<bool>>,
    needed: u64,
    victims: Vec<Victim>,
}

impl Plan<'_> {
    /// Frames of a group that are not its keyframe, from its end back, at most so many.
    fn take(&mut self, group: usize, most: usize, wanted: impl Fn(&Candidate) -> bool) {
        let Some(candidates) = self.groups.get(group) else { return };
        let mut left = most;
        for (frame, candidate) in candidates.iter().enumerate().skip(1).rev() {
            if left == 0 || self.needed == 0 {
                return;
            }
            if wanted(candidate) && self.take_one(group, frame) {
                left -= 1;
            }
        }
    }

    /// Whether it was still there.
    fn take_one(&mut self, group: usize, frame: usize) -> bool {
        let Some(candidate) = self.groups.get(group).and_then(|candidates| candidates.get(frame)) else { return false };
        let Some(gone) = self.gone.get_mut(group).and_then(|gone| gone.get_mut(frame)) else { return false };
        if *gone || self.needed == 0 {
            return false;
        }
        *gone = true;
        self.needed = self.needed.saturating_sub(candidate.bytes);
        self.victims.push(Victim { group, frame });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    /// Groups divided by spaces: `I P B`, and `b` for a B frame that nothing is predicted from. Each has ten bytes.
    fn groups(text: &str) -> Vec<Vec<Candidate>> {
        let candidate = |letter: char| {
            let kind = match letter.to_ascii_uppercase() {
                'I' => PictureKind::I,
                'P' => PictureKind::P,
                _ => PictureKind::B,
            };
            Candidate { kind, reference: letter != 'b', bytes: 10 }
        };
        text.split_whitespace().map(|group| group.chars().map(candidate).collect()).collect()
    }

    /// What is left, a `.` for each frame that went.
    fn left(text: &str, victims: &[Victim]) -> String {
        let mut left: Vec<Vec<char>> = text.split_whitespace().map(|group| group.chars().collect()).collect();
        victims.iter().for_each(|victim| left[victim.group][victim.frame] = '.');
        left.iter().map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
    }

    #[rstest]
    #[case(0, "IPbBPbB IPbPb")]
    #[case(10, "IPbBP.B IPbPb")]
    #[case(11, "IP.BP.B IPbPb")]
    #[case(30, "IP.BP.B IPbP.")]
    #[case(40, "IP.BP.B IP.P.")]
    #[case(50, "IP.BP.. IP.P.")]
    #[case(60, "IP.B... IP.P.")]
    #[case(70, "IP.B... IP...")]
    #[case(80, "IP..... IP...")]
    #[case(90, "I...... IP...")]
    #[case(100, "I...... I....")]
    #[case(110, "....... I....")]
    #[case(1000, "....... I....")]
    fn the_least_missed_go_first(#[case] needed: u64, #[case] expected: &str) {
        let text = "IPbBPbB IPbPb";
        assert_eq!(left(text, &plan(&groups(text), DropStrategy::LowestPriority, needed)), expected);
    }

    #[rstest]
    #[case(10, "IPbP. IPb")]
    #[case(50, "..... IPb")]
    #[case(60, "..... IP.")]
    #[case(1000, "..... I..")]
    fn the_oldest_go_first(#[case] needed: u64, #[case] expected: &str) {
        let text = "IPbPb IPb";
        assert_eq!(left(text, &plan(&groups(text), DropStrategy::Oldest, needed)), expected);
    }

    #[test]
    fn strategies_have_names() {
        assert_eq!(DropStrategy::named("lowest_priority"), Some(DropStrategy::LowestPriority));
        assert_eq!(DropStrategy::named("oldest"), Some(DropStrategy::Oldest));
        assert_eq!(DropStrategy::named("newest"), None);
    }

    proptest! {
        #[test]
        fn what_is_left_can_be_decoded(
            texts in proptest::collection::vec("[IP][IPBb]{0,8}", 0..5), sizes in proptest::collection::vec(1u64..50, 45),
            needed in 0u64..1500, oldest: bool,
        ) {
            let mut groups = groups(&texts.join(" "));
            let mut all = 0;
            for (candidate, size) in groups.iter_mut().flatten().zip(sizes.iter().cycle()) {
                candidate.bytes = *size;
                all += size;
            }
            let kept: u64 = groups.last().map_or(0, |group| group[0].bytes);
            let strategy = if oldest { DropStrategy::Oldest } else { DropStrategy::LowestPriority };
            let victims = plan(&groups, strategy, needed);
            let mut left: Vec<Vec<bool>> = groups.iter().map(|group| vec![true; group.len()]).collect();
            let (mut gained, mut before_last) = (0, 0);
            for victim in &victims {
                let frame = &mut left[victim.group][victim.frame];
                prop_assert!(*frame, "nothing goes twice");
                *frame = false;
                before_last = gained;
                gained += groups[victim.group][victim.frame].bytes;
                // However far it is followed: references are there from the keyframe on, without a hole.
                for (left, group) in left.iter().zip(&groups) {
                    let references: Vec<bool> =
                        left.iter().zip(group).filter(|(_, frame)| !frame.is_disposable()).map(|(left, _)| *left).collect();
                    prop_assert!(references.is_sorted_by(|a, b| a >= b), "{references:?}");
                    prop_assert!(left[0] || !left.contains(&true), "no frame is left without its keyframe");
                }
            }
            prop_assert!(gained >= needed.min(all - kept));
            prop_assert!(victims.is_empty() || before_last < needed, "no more than it takes");
            prop_assert!(left.last().is_none_or(|left| left[0]), "the newest keyframe stays");
        }
    }
}
