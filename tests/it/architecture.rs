//! Guards the shape of the source: the import table of ARCHITECTURE.md, the size of files, and what may be named where.
//!
//! The table is read from ARCHITECTURE.md itself, so that the page and the code cannot drift apart.

mod rules;
mod scan;
mod tree;

use std::collections::BTreeSet;
use std::path::Path;

use rules::{Table, banned, cycle};
use tree::{SourceFile, line_count, source_files};

/// Most lines of a file. Most have about 150.
const MOST_LINES: usize = 500;

/// Names that say nothing: what is in such a file has a better place.
const EMPTY_NAMES: [&str; 6] = ["util", "utils", "common", "helper", "helpers", "misc"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn table() -> Table {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is readable");
    Table::parse(&text).expect("ARCHITECTURE.md holds the import table")
}

fn sources() -> Vec<SourceFile> {
    let files = source_files(&root().join("src"));
    assert!(files.len() > 20, "src is where it is expected");
    files
}

/// Fails with every finding at once, one a line.
fn none(findings: Vec<String>) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let table = table();
    none(sources().iter().flat_map(|file| table.violations(file)).collect());
}

#[test]
fn the_table_lists_the_modules_that_exist() {
    let table = table();
    let listed: BTreeSet<&str> = table.modules().collect();
    let files = sources();
    let existing: BTreeSet<&str> = files.iter().filter_map(SourceFile::top).collect();
    assert_eq!(listed, existing, "left: the rows of ARCHITECTURE.md, right: the modules of src");
}

#[test]
fn modules_do_not_import_each_other_in_circles() {
    let files = sources();
    let edges = files.iter().flat_map(SourceFile::edges).collect();
    if let Some(circle) = cycle(&edges) {
        panic!("modules import each other in a circle: {}", circle.join(" → "));
    }
}

#[test]
fn what_is_banned_is_named_only_where_it_belongs() {
    none(sources().iter().flat_map(banned).collect());
}

#[test]
fn files_stay_within_their_budget() {
    let mut files = sources();
    files.extend(source_files(&root().join("tests")));
    none(
        files
            .iter()
            .filter(|file| line_count(&file.text) > MOST_LINES)
            .map(|file| format!("{}: {} lines; split it by concern (at most {MOST_LINES})", file.path, line_count(&file.text)))
            .collect(),
    );
}

#[test]
fn every_file_says_what_it_owns() {
    none(
        sources()
            .iter()
            .filter(|file| !file.is_test() && !file.text.trim_start().starts_with("//!"))
            .map(|file| format!("{}: does not open with a `//!` that says what it owns", file.path))
            .collect(),
    );
}

#[test]
fn names_say_what_is_inside() {
    let mut files = sources();
    files.extend(source_files(&root().join("tests")));
    none(
        files
            .iter()
            .filter(|file| file.path.split(['/', '.']).any(|part| EMPTY_NAMES.contains(&part)))
            .map(|file| format!("{}: the name says nothing about what is inside", file.path))
            .collect(),
    );
}
