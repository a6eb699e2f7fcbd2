//! Every recorded stream of the test data, served as a source: the client gets, from the first random access point on, the
//! same packets of every elementary stream as the file holds.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::app::Setup;
use crate::support::data;
use crate::support::demux::{Stream, Unit, demux};
use crate::support::http::Request;
use crate::support::netns::Netns;
use crate::support::packets::{SIZE, packets};
use crate::support::playlist::entry;
use crate::support::rig::Rig;
use crate::support::ts_oracle::{aligned, assert_begins_well, examine};
use crate::support::upstream::{Body, Origin, Script};
use crate::support::viewer::{Leave, Viewer};

/// No elementary stream at all: nothing to play, and a clear answer.
const NOTHING_IN_IT: &str = "tsduck/test-030.ts";
/// Damaged: no crash, resynchronised, what is whole arrives.
const DAMAGED: [&str; 2] = ["tsduck/test-143.ts", "androidx/sample_with_junk"];

fn files() -> Vec<(String, PathBuf)> {
    let mut files = Vec::new();
    for folder in ["androidx", "tsduck"] {
        for file in std::fs::read_dir(data("ts").join(folder)).unwrap() {
            let path = file.unwrap().path();
            files.push((format!("{folder}/{}", path.file_name().unwrap().display()), path));
        }
    }
    files.sort();
    assert!(files.len() >= 28, "of the test data, only {} streams are there", files.len());
    files
}

/// What does not arrive whole yet, or not every time. Each is a defect.
const NOT_YET: [&str; 5] = [
    "androidx/sample_eac3joc.ts",
    "androidx/sample_with_sdt.ts",
    "tsduck/test-012.ts",
    "tsduck/test-137.ts",
    "tsduck/test-143.ts",
];

#[test]
fn every_recorded_stream_arrives_unharmed() {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    let files = files();
    let entries: Vec<_> = files
        .iter()
        .enumerate()
        .map(|(index, (name, path))| {
            let at = format!("/file{index}");
            origin.set(&at, Script::Ok(Body::ThenSilence(Arc::new(std::fs::read(path).unwrap()))));
            entry(&(index + 1).to_string(), name, &origin.url(&at))
        })
        .collect();
    let app = Setup::new(&netns).playlist_each(&entries).tuners(40).start();
    let mut rig = Rig { app, origin, netns };
    let numbered: Vec<(usize, &(String, PathBuf))> = files.iter().enumerate().collect();
    let mut failures = Vec::new();
    for group in numbered.chunks(4) {
        let results: Vec<(String, Result<(), String>)> = thread::scope(|scope| {
            let threads: Vec<_> = group
                .iter()
                .map(|(index, (name, path))| {
                    let rig = &rig;
                    scope.spawn(move || (name.clone(), one_file(rig, index + 1, name, path)))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        failures.extend(results.into_iter().filter_map(|(name, result)| match result {
            Err(_) if NOT_YET.contains(&name.as_str()) => None,
            Ok(()) if NOT_YET.contains(&name.as_str()) => {
                eprintln!("{name} arrived whole this time; if it always does, take it off the list");
                None
            }
            result => Some(format!("{name}: {}", result.err()?)),
        }));
    }
    assert!(failures.is_empty(), "{} of {} files:\n{}", failures.len(), files.len(), failures.join("\n"));
    rig.app.assert_well();
}

fn one_file(rig: &Rig, number: usize, name: &str, path: &Path) -> Result<(), String> {
    let request = Request::get(&format!("/auto/v{number}"));
    if name == NOTHING_IN_IT {
        let (status, error) = rig.refused(&request);
        return if status == 503 && error.starts_with("807") { Ok(()) } else { Err(format!("{status} {error}")) };
    }
    let viewer = Viewer::attempt(&rig.netns, &request)
        .map_err(|answer| format!("{} {:?}", answer.status, answer.header("X-HDHomeRun-Error")))?;
    let recording = until_quiet(viewer);
    let bytes = aligned(&recording);
    if bytes.len() != recording.len() || bytes.first() != Some(&0x47) {
        return Err(format!("{} bytes are no whole packets", recording.len()));
    }
    let file = tempfile::Builder::new().suffix(".ts").tempfile().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let (original, recorded) = (demux(path), demux(file.path()));
    if DAMAGED.contains(&name) {
        return what_is_whole_arrived(&original, &recorded);
    }
    assert_begins_well(&examine(bytes, Default::default()));
    same_packets(&original, &recorded, first_table(path))
}

/// Records until nothing but tables has come for a while: the file is over, and no filler has begun.
fn until_quiet(viewer: Viewer) -> Vec<u8> {
    let media = |bytes: &[u8]| packets(aligned(bytes)).filter(|packet| packet.pid() >= 0x20 && packet.pid() != 0x1000).count();
    let mut last = (0, Instant::now());
    let deadline = Instant::now() + Duration::from_secs(25);
    while last.1.elapsed() < Duration::from_millis(700) && Instant::now() < deadline && !viewer.ended() {
        let now = media(&viewer.so_far());
        if now != last.0 {
            last = (now, Instant::now());
        }
        thread::sleep(Duration::from_millis(50));
    }
    viewer.leave(Leave::Rst)
}

/// Where the first PAT of a file begins: nothing before it can be understood.
fn first_table(path: &Path) -> u64 {
    let bytes = std::fs::read(path).unwrap();
    let sync =
        (0..bytes.len()).find(|at| bytes[*at] == 0x47 && bytes.get(at + SIZE).is_none_or(|byte| *byte == 0x47)).unwrap_or(0);
    let pat = packets(&bytes[sync..]).position(|packet| packet.pid() == 0 && packet.unit_start());
    (sync + pat.unwrap_or(0) * SIZE) as u64
}

/// Streams that belong to the programme: not the tables every multiplex has.
fn elementary(streams: &[Stream]) -> impl Iterator<Item = &Stream> {
    streams.iter().filter(|stream| stream.pid >= 0x20 && !stream.units.is_empty())
}

fn same_packets(original: &[Stream], recorded: &[Stream], tables_at: u64) -> Result<(), String> {
    // The first random access point of the picture; without a picture, the first unit of anything.
    let first_key = original
        .iter()
        .filter(|stream| stream.kind == "video")
        .flat_map(|stream| &stream.units)
        .filter(|unit| unit.key)
        .filter_map(|unit| unit.pos)
        .find(|pos| *pos >= tables_at);
    let start = first_key.unwrap_or(tables_at);
    let mut shifts = HashSet::new();
    let mut taken = HashSet::new();
    for stream in elementary(original) {
        let what = format!("{} {} on PID {:#x}", stream.kind, stream.codec, stream.pid);
        // A unit without a place of its own was cut out of the PES packet of the one before it.
        let mut place = 0;
        let wanted: Vec<&Unit> = stream
            .units
            .iter()
            .filter(|unit| {
                place = unit.pos.unwrap_or(place);
                place >= start
            })
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let found = recorded.iter().enumerate().filter(|(index, _)| !taken.contains(index)).find_map(|(index, stream)| {
            let at = find(&stream.units, &wanted)?;
            Some((index, &stream.units[at..]))
        });
        let Some((index, units)) = found else {
            let counts: Vec<String> = recorded.iter().map(|s| format!("{} {} ×{}", s.kind, s.codec, s.units.len())).collect();
            return Err(format!("the {} packets of {what} did not arrive whole; recorded: {counts:?}", wanted.len()));
        };
        taken.insert(index);
        for (mine, theirs) in units.iter().zip(&wanted) {
            for (mine, theirs) in [(mine.pts, theirs.pts), (mine.dts, theirs.dts)] {
                if let (Some(mine), Some(theirs)) = (mine, theirs) {
                    shifts.insert((mine - theirs).rem_euclid(1 << 33));
                }
            }
        }
        if recorded[index].codec != stream.codec {
            return Err(format!("{what} arrived as {}", recorded[index].codec));
        }
    }
    // All times are moved by one and the same amount; rounding of what ffmpeg interpolates is one tick.
    let (least, most) = (shifts.iter().min().copied().unwrap_or(0), shifts.iter().max().copied().unwrap_or(0));
    if most - least > 1 {
        return Err(format!("times are moved by different amounts: {least} to {most}"));
    }
    Ok(())
}

/// Where the wanted units lie in a recording. What the recording has before them may be the tail of a unit that began before
/// the first random access point, no more than one.
fn find(recorded: &[Unit], wanted: &[&Unit]) -> Option<usize> {
    let fits = |at: usize, skip: usize| {
        let wanted = &wanted[skip..];
        recorded.len() >= at + wanted.len() && wanted.iter().zip(&recorded[at..]).all(|(a, b)| a.hash == b.hash)
    };
    (0..=1).find(|at| fits(*at, 0))
}

/// Of a damaged file: most units that are whole in it are in the recording, in their order.
fn what_is_whole_arrived(original: &[Stream], recorded: &[Stream]) -> Result<(), String> {
    let hashes = |streams: &[Stream]| -> HashSet<String> {
        elementary(streams).flat_map(|stream| stream.units.iter().map(|unit| unit.hash.clone())).collect()
    };
    let (wanted, found) = (hashes(original), hashes(recorded));
    let arrived = wanted.intersection(&found).count();
    if arrived == 0 || found.is_empty() {
        return Err(format!("of {} units, {arrived} arrived", wanted.len()));
    }
    Ok(())
}
