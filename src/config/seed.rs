//! Holds the page that says what became of the reference's settings to the reference, and to the settings there are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::key::{KEYS, Key};

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/SETTINGS.md"));
const SEED: &str = "../shared/seeds/004_85c3338e60ba6981.txt";
const STRUCTS: [&str; 4] = ["Config", "SessionManagerConfig", "ProberConfig", "PumpConfig"];

/// Fields of a struct as the reference's documentation prints it.
fn fields<'a>(seed: &'a str, name: &str) -> Vec<&'a str> {
    let opening = format!("\ntype {name} struct {{\n");
    let body = seed.split_once(&opening).and_then(|(_, rest)| rest.split_once("\n}")).unwrap_or_else(|| panic!("no {name}")).0;
    let rows = body.lines().filter_map(|line| line.split_whitespace().next());
    rows.filter(|word| word.starts_with(|first: char| first.is_ascii_uppercase())).collect()
}

/// The rows of the page: the fields each is about, and the settings it names.
fn rows() -> Vec<(Vec<&'static str>, Vec<&'static str>)> {
    let quoted = |cell: &'static str| cell.split('`').skip(1).step_by(2).collect::<Vec<_>>();
    let rows = PAGE.lines().filter(|line| line.starts_with("| `")).map(|line| line.trim_matches('|'));
    rows.filter_map(|row| row.split_once('|')).map(|(fields, what)| (quoted(fields), quoted(what))).collect()
}

#[test]
fn every_field_of_the_reference_has_its_line() {
    let seed = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(SEED)).unwrap();
    let theirs: BTreeSet<&str> = STRUCTS.iter().flat_map(|name| fields(&seed, name)).collect();
    assert!(theirs.len() > 40, "{theirs:?}");
    let mut ours: BTreeMap<&str, usize> = BTreeMap::new();
    rows().iter().flat_map(|(fields, _)| fields).for_each(|field| *ours.entry(field).or_default() += 1);
    let missing: Vec<_> = theirs.iter().filter(|field| !ours.contains_key(*field)).collect();
    let strange: Vec<_> = ours.iter().filter(|(field, times)| !theirs.contains(*field) || **times != 1).collect();
    assert!(missing.is_empty() && strange.is_empty(), "missing: {missing:?}; unknown or twice: {strange:?}");
}

#[test]
fn settings_that_are_named_exist() {
    let named: Vec<&str> = rows().iter().flat_map(|(_, what)| what.clone()).collect();
    let tables: BTreeSet<&str> = KEYS.iter().filter_map(|key| key.name.split_once('.')).map(|(table, _)| table).collect();
    for name in named.iter().filter(|name| name.split_once('.').is_some_and(|(table, _)| tables.contains(table))) {
        assert!(Key::of(name).is_some(), "{name}");
    }
    assert!(named.len() > 25, "{named:?}");
}
