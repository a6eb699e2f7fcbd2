//! The score: precision of the matches made without asking, recall of the suggestions, over the labels and over the perturbations.

use std::collections::BTreeMap;

use super::guides::{Guide, guides};
use super::labels::labels;
use super::perturb::cases;
use crate::guide::matcher::{Guide as Input, Index, Match, Wanted};

/// Least share of automatic matches that are right.
const PRECISION: f64 = 0.99;
/// Least share of channels whose match is among the first three suggestions.
const RECALL: f64 = 0.9;

/// An index of the guides, each known by its place.
pub fn index(guides: &[Guide]) -> Index {
    let names: Vec<[&str; 1]> = guides.iter().map(|guide| [guide.name]).collect();
    let inputs: Vec<Input> = guides
        .iter()
        .zip(&names)
        .enumerate()
        .map(|(place, (guide, hints))| Input { source: place as i64, hints, channels: &guide.channels })
        .collect();
    Index::new(&inputs)
}

#[derive(Debug, Default, Clone, Copy)]
struct Score {
    /// Channels that have a match.
    have: usize,
    /// Of them, those with it among the first three suggestions.
    suggested: usize,
    /// Of them, those matched rightly without asking.
    matched: usize,
    /// Matches made without asking, right and wrong.
    automatic: usize,
    wrong: usize,
}

impl Score {
    fn count(&mut self, found: &Match, right: &[(i64, &str)]) -> bool {
        let is_right = |source: i64, id: &str| right.contains(&(source, id));
        let suggested = found.suggestions.iter().take(3).any(|scored| is_right(scored.source, &scored.id));
        let automatic = found.automatic.as_ref().map(|found| is_right(found.source, &found.id));
        self.have += usize::from(!right.is_empty());
        self.suggested += usize::from(suggested);
        self.automatic += usize::from(automatic.is_some());
        self.matched += usize::from(automatic == Some(true));
        self.wrong += usize::from(automatic == Some(false));
        automatic != Some(false) && (right.is_empty() || suggested)
    }

    fn add(&mut self, other: Self) {
        self.have += other.have;
        self.suggested += other.suggested;
        self.matched += other.matched;
        self.automatic += other.automatic;
        self.wrong += other.wrong;
    }

    fn precision(&self) -> f64 {
        if self.automatic == 0 { 1.0 } else { 1.0 - self.wrong as f64 / self.automatic as f64 }
    }

    fn recall(&self) -> f64 {
        if self.have == 0 { 1.0 } else { self.suggested as f64 / self.have as f64 }
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { have, suggested, matched, automatic, wrong } = self;
        write!(
            f,
            "precision {:.4} ({wrong} wrong of {automatic}), recall {:.4} ({suggested} of {have}; {matched} without asking)",
            self.precision(),
            self.recall()
        )
    }
}

#[test]
fn labelled_channels_find_their_guide() {
    let guides = guides();
    let index = index(&guides);
    let mut score = Score::default();
    for label in labels().iter().filter(|label| label.sure) {
        let tvg_id = (!label.tvg_id.is_empty()).then_some(label.tvg_id.as_str());
        let found = index.find(&Wanted { name: &label.name, tvg_id, group: Some(&label.group), ..Wanted::default() });
        let place = |name: &str| guides.iter().position(|guide| guide.name == name).expect("a known guide") as i64;
        let right: Vec<(i64, &str)> = label.right.iter().map(|(guide, id)| (place(guide), id.as_str())).collect();
        if !score.count(&found, &right) {
            let first: Vec<_> = found.suggestions.iter().map(|scored| (&scored.name, scored.score)).collect();
            println!("line {}: {} ({}): {:?}; {first:?}", label.line, label.name, label.tvg_id, found.automatic);
        }
    }
    println!("labels: {score}");
    assert!(score.automatic >= 20, "a matcher that matches nothing is never wrong: {score}");
    assert!(score.precision() >= PRECISION, "{score}");
    assert!(score.recall() >= RECALL, "{score}");
}

#[rstest::rstest]
#[case(1)]
#[case(2)]
#[case(2026)]
fn perturbed_names_find_their_guide(#[case] seed: u64) {
    let guides = guides();
    let index = index(&guides);
    let mut scores = BTreeMap::<_, Score>::new();
    for case in cases(&guides, seed) {
        let wanted =
            Wanted { name: &case.name, tvg_id: case.tvg_id.as_deref(), group: case.group.as_deref(), ..Wanted::default() };
        let right: Vec<(i64, &str)> = case.right.iter().map(|(place, id)| (*place as i64, id.as_str())).collect();
        let found = index.find(&wanted);
        if !scores.entry(case.class).or_default().count(&found, &right) {
            println!(
                "{:?}: {} as {:?} {:?} {:?}: {:?}",
                case.class, case.from, case.name, case.tvg_id, case.group, found.automatic
            );
        }
    }
    let mut all = Score::default();
    for (class, score) in &scores {
        println!("{class:?}: {score}");
        all.add(*score);
    }
    println!("all: {all}");
    for (class, score) in scores {
        // No class may hide behind the others; matches of what has none are counted over all of it.
        assert!(class.negative() || score.precision() >= PRECISION, "{class:?}: {score}");
        assert!(score.recall() >= RECALL, "{class:?}: {score}");
    }
    assert!(all.precision() >= PRECISION, "{all}");
}
