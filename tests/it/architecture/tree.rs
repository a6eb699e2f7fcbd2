//! The files of a folder, with the module each of them is.

use std::path::Path;

use super::scan::{self, Use};

/// The name of the worker's program, which stands in the table beside the modules of the library.
pub const WORKER: &str = "rooftop-worker";

/// One source file.
pub struct SourceFile {
    /// Path below the folder, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl SourceFile {
    /// The module it is: `store/writer.rs` is `[store, writer]`, `store/mod.rs` is `[store]`, `lib.rs` and `main.rs` are `[]`.
    pub fn module(&self) -> Vec<&str> {
        let path = self.path.trim_end_matches(".rs");
        let path = path.strip_prefix("bin/").unwrap_or(path);
        let mut parts: Vec<&str> = path.split('/').collect();
        if matches!(parts.last(), Some(&("mod" | "lib" | "main"))) {
            parts.pop();
        }
        parts
    }

    /// The row of the table it falls under; none for `lib.rs` and `main.rs`.
    pub fn top(&self) -> Option<&str> {
        self.module().first().copied()
    }

    /// Whether it belongs to a program of its own, where `crate` is not the library.
    pub fn is_worker(&self) -> bool {
        self.top() == Some(WORKER)
    }

    /// Whether it is compiled for tests only: `foo/tests.rs` and what lies below `foo/tests/`.
    pub fn is_test(&self) -> bool {
        self.module().iter().skip(1).any(|part| *part == "tests" || *part == "testing")
    }

    /// The paths it names, those of its tests left out.
    pub fn uses(&self) -> Vec<Use> {
        if self.is_test() {
            return Vec::new();
        }
        let found = scan::uses(&self.text, &self.module());
        found.unwrap_or_else(|error| panic!("{}: cannot be read as Rust: {error}", self.path))
    }

    /// Top module → top module, for each import across.
    pub fn edges(&self) -> Vec<(String, String)> {
        let Some(own) = self.top() else { return Vec::new() };
        let targets = self.uses().into_iter().filter_map(|found| self.target(&found).map(str::to_owned));
        targets.filter(|target| target != own).map(|target| (own.to_owned(), target)).collect()
    }

    /// The top module of the library that a path leads to.
    pub fn target<'a>(&self, found: &'a Use) -> Option<&'a str> {
        let root = if self.is_worker() || self.path == "main.rs" { "rooftop" } else { "crate" };
        match found.path.as_slice() {
            [first, top, ..] if first == root => Some(top),
            _ => None,
        }
    }
}

/// Lines of a text.
pub fn line_count(text: &str) -> usize {
    text.lines().count()
}

/// Every Rust file below `folder`, by path.
pub fn source_files(folder: &Path) -> Vec<SourceFile> {
    let mut found = Vec::new();
    collect(folder, folder, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<SourceFile>) {
    for entry in std::fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(root, &path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("sources are UTF-8");
            let below = path.strip_prefix(root).expect("it lies below the folder");
            found.push(SourceFile { path: below.to_str().expect("names are UTF-8").to_owned(), text });
        }
    }
}
