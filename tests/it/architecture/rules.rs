//! The import table, the bans, and circles.

use std::collections::{BTreeMap, BTreeSet};

use super::scan::Use;
use super::tree::{SourceFile, WORKER};

/// What a module may import besides `base` and itself.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Allowed {
    /// Everything but these.
    AllBut(BTreeSet<String>),
    /// These modules, or parts of modules (`media::clip`); and, if told, any module's `Settings`.
    Only { paths: Vec<Vec<String>>, settings_of_any: bool },
}

/// The import table of ARCHITECTURE.md.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table(BTreeMap<String, Allowed>);

impl Table {
    /// Reads the table out of the page: the one whose header begins with `Module`.
    ///
    /// # Errors
    /// When there is none, or a row of it is not understood.
    pub fn parse(page: &str) -> Result<Self, String> {
        let rows = page.lines().skip_while(|line| !line.starts_with("| Module |")).skip(2);
        let mut table = BTreeMap::new();
        for row in rows.take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
            let [modules, allowed, ..] = cells.as_slice() else { return Err(format!("row without two cells: {row}")) };
            for module in quoted(modules) {
                table.insert(module.to_owned(), Allowed::parse(allowed)?);
            }
        }
        if table.is_empty() { Err("no table begins with | Module |".to_owned()) } else { Ok(Self(table)) }
    }

    /// Its rows.
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What a file imports against the table.
    pub fn violations(&self, file: &SourceFile) -> Vec<String> {
        let Some(own) = file.top() else { return Vec::new() };
        let Some(allowed) = self.0.get(own) else { return vec![format!("{}: {own} has no row in the table", file.path)] };
        let mut findings = Vec::new();
        for found in file.uses() {
            let Some(target) = file.target(&found) else { continue };
            let free = target == own || target == "base" || !self.0.contains_key(target);
            if !free && !allowed.permits(&found.path[1..]) {
                findings.push(format!("{}:{}: {own} may not import {}", file.path, found.line, found.path.join("::")));
            }
        }
        findings
    }
}

impl Allowed {
    fn parse(cell: &str) -> Result<Self, String> {
        let cell = cell.trim();
        if let Some(rest) = cell.strip_prefix("everything") {
            return Ok(Self::AllBut(quoted(rest).map(str::to_owned).collect()));
        }
        if cell == "nothing" {
            return Ok(Self::Only { paths: Vec::new(), settings_of_any: false });
        }
        let mut paths = Vec::new();
        let mut settings_of_any = false;
        for item in cell.split(',').map(str::trim) {
            if item == "any module's `Settings`" {
                settings_of_any = true;
            } else if let Some(path) = item.strip_prefix('`').and_then(|item| item.strip_suffix('`')) {
                paths.push(path.split("::").map(str::to_owned).collect());
            } else {
                return Err(format!("not understood: {item:?} in {cell:?}"));
            }
        }
        Ok(Self::Only { paths, settings_of_any })
    }

    fn permits(&self, path: &[String]) -> bool {
        match self {
            Self::AllBut(not) => path.first().is_some_and(|top| !not.contains(top)),
            Self::Only { paths, settings_of_any } => {
                paths.iter().any(|allowed| path.starts_with(allowed))
                    || (*settings_of_any && path.last().is_some_and(|last| last.ends_with("Settings")))
            }
        }
    }
}

/// The words in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Something that may be named only in some modules.
struct Ban {
    /// How a path that names it begins …
    begins: &'static [&'static [&'static str]],
    /// … or ends.
    ends: &'static [&'static [&'static str]],
    /// What is harmless all the same.
    except: &'static [&'static [&'static str]],
    /// Where it belongs.
    only_in: &'static [&'static str],
    /// Why.
    reason: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        begins: &[&["rusqlite"], &["rusqlite_migration"]],
        ends: &[],
        except: &[],
        only_in: &["store"],
        reason: "SQL is the store's",
    },
    Ban {
        begins: &[&["axum"], &["hyper"], &["hyper_util"], &["http_body"], &["http_body_util"], &["tower"]],
        ends: &[],
        except: &[],
        only_in: &["http", "hdhr", "admin", "app", "source"],
        reason: "HTTP is spoken by http, hdhr, admin, app and source",
    },
    Ban {
        begins: &[&["ffmpeg_next"], &["ffmpeg_sys_next"]],
        ends: &[],
        except: &[],
        only_in: &[WORKER],
        reason: "libav runs in the confined worker and nowhere else",
    },
    Ban {
        begins: &[&["tokio", "spawn"], &["tokio", "task"], &["std", "thread"]],
        ends: &[&["thread", "spawn"], &["task", "spawn"], &["task", "spawn_blocking"]],
        except: &[&["tokio", "task", "yield_now"], &["tokio", "task", "coop"], &["std", "thread", "available_parallelism"]],
        only_in: &["base", WORKER],
        reason: "tasks and threads are started by base::tasks",
    },
    Ban {
        begins: &[&["tokio", "time"]],
        ends: &[&["Instant", "now"], &["SystemTime", "now"], &["Timestamp", "now"], &["Zoned", "now"]],
        except: &[],
        only_in: &["base", WORKER],
        reason: "the clock is base::clock",
    },
];

/// What a file names that belongs elsewhere.
pub fn banned(file: &SourceFile) -> Vec<String> {
    let own = file.top().unwrap_or("");
    let uses = file.uses();
    let mut findings = Vec::new();
    for ban in BANS.iter().filter(|ban| !ban.only_in.contains(&own)) {
        for found in uses.iter().filter(|found| ban.matches(found)) {
            findings.push(format!("{}:{}: {} ({})", file.path, found.line, found.path.join("::"), ban.reason));
        }
    }
    findings
}

impl Ban {
    fn matches(&self, found: &Use) -> bool {
        let path: Vec<&str> = found.path.iter().map(String::as_str).collect();
        let begins = |starts: &[&[&str]]| starts.iter().any(|start| path.starts_with(start));
        (begins(self.begins) || self.ends.iter().any(|end| path.ends_with(end))) && !begins(self.except)
    }
}

/// A circle among `edges`, if there is one.
pub fn cycle(edges: &BTreeSet<(String, String)>) -> Option<Vec<String>> {
    let nodes: BTreeSet<&String> = edges.iter().map(|(from, _)| from).collect();
    nodes.into_iter().find_map(|node| way_back(edges, node, vec![node.clone()], &mut BTreeSet::new()))
}

fn way_back(
    edges: &BTreeSet<(String, String)>,
    goal: &String,
    way: Vec<String>,
    seen: &mut BTreeSet<String>,
) -> Option<Vec<String>> {
    let here = way.last()?;
    for (_, next) in edges.iter().filter(|(from, _)| from == here) {
        let mut further = way.clone();
        further.push(next.clone());
        if next == goal {
            return Some(further);
        }
        if seen.insert(next.clone())
            && let Some(found) = way_back(edges, goal, further, seen)
        {
            return Some(found);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "words\n\n| Module | May import |\n|---|---|\n| `base`, `model` | nothing |\n| `store` | `model` |\n\
        | `session` | `model`, `media::clip` |\n| `config` | any module's `Settings` |\n| `app` | everything but `cli` |\n\
        | `cli` | everything |\n| `media` | `model` |\n| `rooftop-worker` | `media` |\n\nmore words | with bars |\n";

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    #[rstest::rstest]
    #[case("store/mod.rs", "use crate::model::Channel;")]
    #[case("store/mod.rs", "use crate::base::clock;")]
    #[case("store/mod.rs", "use crate::store::error::E;")]
    #[case("session/pump.rs", "use crate::media::clip::Clip;")]
    #[case("config/mod.rs", "use crate::session::settings::Settings;")]
    #[case("config/mod.rs", "use crate::{session::Settings as S, store::WriterSettings};")]
    #[case("app/wire.rs", "use crate::store::Store;")]
    #[case("cli/mod.rs", "use crate::app::run;")]
    #[case("main.rs", "use rooftop::cli;")]
    #[case("bin/rooftop-worker/main.rs", "use rooftop::media::worker; use crate::encode;")]
    #[case("store/tests.rs", "use crate::session::Manager;")]
    fn what_the_table_allows_passes(#[case] path: &str, #[case] text: &str) {
        assert_eq!(Table::parse(PAGE).unwrap().violations(&file(path, text)), Vec::<String>::new());
    }

    #[rstest::rstest]
    #[case("base/clock.rs", "use crate::model::Channel;", "base/clock.rs:1: base may not import crate::model::Channel")]
    #[case("store/a.rs", "\nfn f() -> crate::app::X {}", "store/a.rs:2: store may not import crate::app::X")]
    #[case("store/a.rs", "use super::super::session::X;", "store/a.rs:1: store may not import crate::session::X")]
    #[case("session/a.rs", "use crate::media::worker::X;", "session/a.rs:1: session may not import crate::media::worker::X")]
    #[case("session/a.rs", "use crate::media;", "session/a.rs:1: session may not import crate::media")]
    #[case("config/mod.rs", "use crate::session::Manager;", "config/mod.rs:1: config may not import crate::session::Manager")]
    #[case("app/wire.rs", "use crate::cli;", "app/wire.rs:1: app may not import crate::cli")]
    #[case("extra/mod.rs", "", "extra/mod.rs: extra has no row in the table")]
    #[case(
        "bin/rooftop-worker/main.rs",
        "use rooftop::store::Store;",
        "bin/rooftop-worker/main.rs:1: rooftop-worker may not import rooftop::store::Store"
    )]
    fn what_it_does_not_allow_is_told(#[case] path: &str, #[case] text: &str, #[case] finding: &str) {
        assert_eq!(Table::parse(PAGE).unwrap().violations(&file(path, text)), [finding]);
    }

    #[rstest::rstest]
    #[case("no table at all")]
    #[case("| Module | May import |\n|---|---|\n| `store` | model and others |\n")]
    fn a_page_that_is_not_understood_is_refused(#[case] page: &str) {
        assert!(Table::parse(page).is_err());
    }

    #[rstest::rstest]
    #[case("session/a.rs", "use rusqlite::Connection;")]
    #[case("session/a.rs", "fn f() { axum::Router::new() }")]
    #[case("playlist/a.rs", "use hyper::Request;")]
    #[case("media/a.rs", "use ffmpeg_next as ffmpeg;")]
    #[case("session/a.rs", "fn f() { tokio::spawn(g()); }")]
    #[case("session/a.rs", "use tokio::{sync::Notify, task::JoinSet};")]
    #[case("session/a.rs", "use std::thread;")]
    #[case("session/a.rs", "fn f() { Instant::now() }")]
    #[case("session/a.rs", "fn f() { std::time::SystemTime::now() }")]
    #[case("session/a.rs", "use tokio::time::timeout;")]
    #[case("main.rs", "fn main() { std::thread::spawn(f); }")]
    fn bans_hold(#[case] path: &str, #[case] text: &str) {
        assert_eq!(banned(&file(path, text)).len(), 1, "{:?}", banned(&file(path, text)));
    }

    #[rstest::rstest]
    #[case("store/a.rs", "use rusqlite::Connection;")]
    #[case("admin/a.rs", "use axum::Router;")]
    #[case("base/clock.rs", "fn f() { tokio::time::Instant::now() }")]
    #[case("bin/rooftop-worker/main.rs", "use ffmpeg_next as ffmpeg;")]
    #[case("session/a.rs", "use std::time::{Duration, SystemTime};")]
    #[case("session/a.rs", "fn f() { tokio::task::yield_now() }")]
    #[case("session/a.rs", "#[cfg(test)] mod tests { fn f() { tokio::time::advance(x) } }")]
    fn what_is_where_it_belongs_passes(#[case] path: &str, #[case] text: &str) {
        assert_eq!(banned(&file(path, text)), Vec::<String>::new());
    }

    #[test]
    fn circles_are_found() {
        let edges = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(cycle(&edges(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
        assert_eq!(cycle(&edges(&[("a", "b"), ("b", "c"), ("c", "a")])).unwrap(), ["a", "b", "c", "a"]);
    }
}
