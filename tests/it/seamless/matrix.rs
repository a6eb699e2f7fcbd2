//! Faults by pairs of codecs by modes of the filler: 56 cells in `make test`, in which each fault meets each pair, and both meet
//! each mode; all 336 of them with `ROOFTOP_IT_MATRIX=all`, as in `make prove`, which writes the table to `ROOFTOP_IT_TABLE`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::cell::{self, Cell, FAULTS, Fault, Outcome};
use crate::support::app::Setup;
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::entry;
use crate::support::rig::Rig;
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

/// A recording may be shorter than what was watched by so much: what lay in buffers when it was left.
const SHORT: Duration = Duration::from_secs(2);

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
    let mut outcomes: Vec<Outcome> = Vec::new();
    for cells in cells(mode).chunks(AT_A_TIME) {
        let mut rig = house(cells, MODES[mode]);
        outcomes.extend(cell::watch(&rig, MODES[mode], cells));
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

/// One recording without seam, as long as it was watched, that plays; whatever the filler and the codecs. Without pictures
/// between the sources its time stands still there.
fn complaint(mode: &str, outcome: &Outcome) -> Option<String> {
    let Outcome { cell, found, behind, .. } = outcome;
    if outcome.ended {
        return Some("the client was let go".into());
    }
    if outcome.silence > SILENCE {
        return Some(format!("{:?} of silence", outcome.silence));
    }
    if cell.fault == Fault::Leaps {
        // It goes on, if the machine is not so busy that it falls silent. A second of the slowest is 24 kB.
        let not_for_silence = outcome.losses.iter().find(|loss| !loss.contains("nothing came within"));
        if outcome.leapt < 24_000 || not_for_silence.is_some() {
            return Some(format!("{} bytes after the leap, {:?}", outcome.leapt, outcome.losses));
        }
    } else if outcome.back.is_none() {
        return Some("the other source never came".into());
    }
    if !found.faults.is_empty() {
        return Some(format!("{:#?}", &found.faults[..found.faults.len().min(6)]));
    }
    let (versions, programmes) = (found.pmt_versions.len(), if cell.same_codec() { 1 } else { 2 });
    if versions != programmes || found.announced != 0 {
        return Some(format!("{versions} versions of the PMT, {} announced jumps", found.announced));
    }
    let absent = match (mode, cell.fault) {
        // What trickles is a source until it is given up, and time is its time.
        ("slate", Fault::Trickles) => outcome.lost.unwrap_or_default(),
        ("slate", _) => Duration::ZERO,
        _ => outcome.back.unwrap_or_default(),
    };
    if found.duration + absent + SHORT < outcome.watched {
        return Some(format!("{:?} recorded of {:?} watched, {absent:?} absent", found.duration, outcome.watched));
    }
    if behind.duration + SHORT < outcome.since_back {
        return Some(format!("{:?} recorded in the {:?} since it was back", behind.duration, outcome.since_back));
    }
    // Where no group of H.264 is closed, pictures behind the cut give back references that nobody has: of no consequence, but said.
    // Without pictures in between, the first one may be due before one of the source before is over.
    let mut of_none = vec!["mmco: unref short failure", "illegal short term buffer state", "Last message repeated"];
    of_none.extend((mode != "slate").then_some("non monotonically increasing dts to muxer in stream 0"));
    let said = outcome.ffmpeg.iter().enumerate().flat_map(|(programme, said)| said.lines().map(move |line| (programme, line)));
    let open_groups = |programme: usize| programme + 1 == programmes && cell.last() == Kind::H264Ac3;
    let worth =
        |(programme, line): &(usize, &str)| !(open_groups(*programme) && of_none.iter().any(|words| line.contains(words)));
    let said: Vec<String> =
        said.filter(worth).take(6).map(|(programme, line)| format!("programme {programme}: {line}")).collect();
    (!said.is_empty()).then(|| said.join("\n"))
}
