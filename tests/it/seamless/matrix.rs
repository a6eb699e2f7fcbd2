//! Faults by pairs of codecs by modes of the filler: 56 cells in `make test`, in which each fault meets each pair, and both meet
//! each mode; all 336 of them with `ROOFTOP_IT_MATRIX=all`, as in `make prove`, which writes the table to `ROOFTOP_IT_TABLE`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::cell::{self, Cell, FAULTS, Outcome, WHOLE};
use crate::support::app::Setup;
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::entry;
use crate::support::rig::Rig;
use crate::support::ts_oracle::Rules;
use crate::support::upstream::Origin;

/// What plays before and after: seven that are always tried, and those that are tried with `ROOFTOP_IT_MATRIX=all` only.
const PAIRS: [(Kind, Kind); 14] = [
    (Kind::H264, Kind::H264),
    (Kind::H264Ac3, Kind::H264Ac3),
    (Kind::Hevc, Kind::Hevc),
    (Kind::Mpeg2Mp2, Kind::Mpeg2Mp2),
    (Kind::Radio, Kind::Radio),
    (Kind::Small, Kind::HevcEac3),
    (Kind::Mpeg2, Kind::Small),
    (Kind::Small, Kind::Small),
    (Kind::HevcEac3, Kind::HevcEac3),
    (Kind::Mpeg2, Kind::Mpeg2),
    (Kind::Hevc, Kind::Mpeg2Mp2),
    (Kind::H264, Kind::H264Ac3),
    (Kind::Mpeg2Mp2, Kind::Hevc),
    (Kind::Mpeg2TwoTracks, Kind::Mpeg2TwoTracks),
];
const ALWAYS: usize = 7;
const MODES: [&str; 3] = ["slate", "psi", "null"];
/// So many are watched at a time.
const AT_A_TIME: usize = 10;
/// What a busy machine may take; the goals are the benchmark's.
const SILENCE: Duration = Duration::from_secs(4);

fn cells(mode: usize) -> Vec<Cell> {
    let all = std::env::var("ROOFTOP_IT_MATRIX").is_ok_and(|text| text == "all");
    let mut cells = Vec::new();
    for (row, fault) in FAULTS.into_iter().enumerate() {
        for (column, (from, to)) in PAIRS.into_iter().enumerate() {
            if all || column < ALWAYS && (row + column + mode).is_multiple_of(3) {
                cells.push(Cell { fault, from, to });
            }
        }
    }
    cells
}

fn house(cells: &[Cell], mode: &str) -> Rig {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    let mut entries = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        let paths = [cell::path(index, 0), cell::path(index, 1)];
        cell.prepare(&origin, [&paths[0], &paths[1]]);
        for path in &paths {
            let id = format!("tvg-id=\"{index}\"");
            entries.push(entry(&(index + 1).to_string(), "Some", &origin.url(path)).with(&id));
        }
    }
    let setup = Setup::new(&netns).tuners(cells.len() as u8).env("ROOFTOP_FILLER_MODE", mode);
    let app = setup.playlist_each(&entries).start();
    Rig { app, origin, netns }
}

#[rstest::rstest]
fn every_fault(#[values(0, 1, 2)] mode: usize) {
    // Without pictures between the sources there is a hole in the recording, and nothing else.
    let holes = Rules { pcr_gap_ms: 15_000, dts_step_ms: 15_000, ..WHOLE };
    let rules = if MODES[mode] == "slate" { WHOLE } else { holes };
    let mut outcomes: Vec<Outcome> = Vec::new();
    for cells in cells(mode).chunks(AT_A_TIME) {
        let mut rig = house(cells, MODES[mode]);
        outcomes.extend(cell::watch(&rig, MODES[mode], cells, rules));
        rig.app.assert_well();
    }
    let (mut table, mut wrong) = (String::new(), String::new());
    for outcome in &outcomes {
        let row = format!("{:<6} {}", MODES[mode], outcome.row());
        writeln!(table, "{row}").unwrap();
        if let Some(complaint) = complaint(MODES[mode], outcome) {
            writeln!(wrong, "{row}: {complaint}").unwrap();
        }
    }
    println!("{table}");
    if let Some(file) = std::env::var_os("ROOFTOP_IT_TABLE") {
        std::fs::OpenOptions::new().append(true).create(true).open(file).unwrap().write_all(table.as_bytes()).unwrap();
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn complaint(mode: &str, outcome: &Outcome) -> Option<String> {
    if outcome.ended {
        return Some("the client was let go".into());
    }
    if outcome.silence > SILENCE {
        return Some(format!("{:?} of silence", outcome.silence));
    }
    if outcome.back.is_none() && outcome.cell.fault != cell::Fault::Leaps {
        return Some("the other source never came".into());
    }
    if !outcome.found.faults.is_empty() {
        return Some(format!("{:#?}", &outcome.found.faults[..outcome.found.faults.len().min(6)]));
    }
    // Where no group of H.264 is closed, pictures behind the cut give back references that nobody has: of no consequence, but said.
    // Without pictures in between, the first one may be due before one of the source before is over.
    let mut of_none = vec!["mmco: unref short failure", "illegal short term buffer state", "Last message repeated"];
    of_none.extend((mode != "slate").then_some("non monotonically increasing dts to muxer in stream 0"));
    let open_groups = outcome.cell.to == Kind::H264Ac3;
    let worth = |line: &&str| !(open_groups && of_none.iter().any(|words| line.contains(words)));
    let said: Vec<&str> = outcome.ffmpeg.lines().filter(worth).take(6).collect();
    (!said.is_empty()).then(|| said.join("\n"))
}
