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
use crate::support::packets::{Packet, packets};
use crate::support::pes_units::{Pes, in_order, pes_units, resynchronised};
use crate::support::playlist::entry;
use crate::support::rig::Rig;
use crate::support::ts_oracle::{aligned, assert_begins_well, examine};
use crate::support::upstream::{Body, Origin, Script};
use crate::support::viewer::{Leave, Viewer};

/// No elementary stream at all: nothing to play, and a clear answer.
const NOTHING_IN_IT: &str = "tsduck/test-030.ts";
/// Damaged: no crash, resynchronised, what is whole arrives. So many PES packets of the programme are whole from the first random
/// access point on; of `test-143.ts` 19 more are not. `sample_with_junk` has junk between whole packets, and loses nothing.
const DAMAGED: [(&str, usize); 2] = [("tsduck/test-143.ts", 24), ("androidx/sample_with_junk", 5)];

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
    // What a client gets beyond the file is no slate; and its last picture, of which nobody can know that it is whole, is given when
    // the source is given up.
    let setup = Setup::new(&netns).env("ROOFTOP_FILLER_MODE", "psi").env("ROOFTOP_RECOVERY_FAILOVER_TOTAL_TIMEOUT_S", "3");
    let app = setup.playlist_each(&entries).tuners(40).start();
    let mut rig = Rig { app, origin, netns };
    let numbered: Vec<(usize, &(String, PathBuf))> = files.iter().enumerate().collect();
    let mut failures = Vec::new();
    for group in numbered.chunks(7) {
        let results: Vec<(String, Result<String, String>)> = thread::scope(|scope| {
            let threads: Vec<_> = group
                .iter()
                .map(|(index, (name, path))| {
                    let rig = &rig;
                    scope.spawn(move || one_file(rig, *index, name, path))
                })
                .collect();
            let ended = threads.into_iter().zip(group.iter());
            ended
                .map(|(thread, (_, (name, _)))| (name.clone(), thread.join().unwrap_or(Err("see the panic above".into()))))
                .collect()
        });
        for (name, result) in results {
            match result {
                Ok(what) => println!("{name}: {what}"),
                Err(what) => failures.push(format!("{name}: {what}")),
            }
        }
    }
    assert!(failures.is_empty(), "{} of {} files:\n{}", failures.len(), files.len(), failures.join("\n"));
    rig.app.assert_well();
}

fn one_file(rig: &Rig, index: usize, name: &str, path: &Path) -> Result<String, String> {
    let request = Request::get(&format!("/auto/v{}", index + 1));
    if name == NOTHING_IN_IT {
        let (status, error) = rig.refused(&request);
        let right = status == 503 && error.starts_with("807");
        return if right { Ok("nothing to play".into()) } else { Err(format!("{status} {error}")) };
    }
    let viewer = Viewer::attempt(&rig.netns, &request)
        .map_err(|answer| format!("{} {:?}", answer.status, answer.header("X-HDHomeRun-Error")))?;
    // Once is enough: what the recording holds is what came of one round.
    rig.origin.set(&format!("/file{index}"), Script::Status(404, Vec::new()));
    let recording = to_the_end(viewer);
    let bytes = aligned(&recording);
    if bytes.len() != recording.len() || bytes.first() != Some(&0x47) {
        return Err(format!("{} bytes are no whole packets", recording.len()));
    }
    assert_begins_well(&examine(bytes, Default::default()));
    let file = tempfile::Builder::new().suffix(".ts").tempfile().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let original = demux(path);
    let (whole, places) = resynchronised(&std::fs::read(path).unwrap());
    let start = first_random_access(&original, &places);
    let damaged = match DAMAGED.iter().find(|(damaged, _)| *damaged == name) {
        Some((_, count)) => what_is_whole_arrived(&whole, bytes, start, &original, *count)?,
        None => String::new(),
    };
    if name == DAMAGED[0].0 {
        return Ok(damaged);
    }
    let cut = tempfile::Builder::new().suffix(".ts").tempfile().unwrap();
    std::fs::write(cut.path(), without_what_came_before(&whole, &original, start)).unwrap();
    let same = same_packets(&wanted(&whole, &places, original, &demux(cut.path()), start), &demux(file.path()))?;
    Ok([same, damaged].join(" "))
}

/// Records until the response ends.
fn to_the_end(viewer: Viewer) -> Vec<u8> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline && !viewer.ended() {
        thread::sleep(Duration::from_millis(100));
    }
    viewer.leave(Leave::Rst)
}

/// The packet with which the first random access point begins: of the picture, or else of the first stream there is.
fn first_random_access(streams: &[Stream], places: &[u64]) -> usize {
    let governs = streams.iter().find(|stream| stream.kind == "video").or(streams.first());
    let at = governs.and_then(|stream| stream.units.iter().find(|unit| unit.key)?.pos).expect("a random access point");
    places.partition_point(|place| *place < at)
}

/// The file without the packets of elementary streams in front of its first random access point.
fn without_what_came_before(file: &[u8], streams: &[Stream], start: usize) -> Vec<u8> {
    let late = |(index, packet): &(usize, Packet<'_>)| *index >= start || streams.iter().all(|stream| stream.pid != packet.pid());
    packets(file).enumerate().filter(late).flat_map(|(_, packet)| packet.0.to_vec()).collect()
}

/// What the client must get: of every stream the first whole unit that begins at or behind the first random access point, and all
/// that follow. A unit without a place of its own lies in the PES packet of the one before it.
fn wanted(file: &[u8], places: &[u64], mut streams: Vec<Stream>, cut: &[Stream], start: usize) -> Vec<Stream> {
    for stream in &mut streams {
        let late = |unit: &Unit| unit.pos.is_some_and(|pos| places.get(start).is_some_and(|start| pos >= *start));
        let early = match stream.sections {
            true => packets(file).take(start).filter(|packet| packet.pid() == stream.pid && packet.unit_start()).count(),
            false => stream.units.iter().position(late).unwrap_or(stream.units.len()),
        };
        stream.units.drain(..early.min(stream.units.len()));
        // ffmpeg counts the first zero of `00 00 00 01` to the unit before, where there is one.
        if let Some(first) = stream.units.first_mut().filter(|_| stream.kind == "video")
            && let Some(alone) = cut.iter().find(|other| other.pid == stream.pid).and_then(|other| other.units.first())
            && first.size + 1 == alone.size
        {
            first.hash.clone_from(&alone.hash);
        }
    }
    streams.retain(|stream| !stream.units.is_empty());
    streams
}

/// Every stream's packets, none missing and none besides, with the times that they have in the file but for one amount by which all
/// are moved.
fn same_packets(wanted: &[Stream], recorded: &[Stream]) -> Result<String, String> {
    let mut shifts = HashSet::new();
    let mut counts = Vec::new();
    let mut left: Vec<&Stream> = recorded.iter().collect();
    for stream in wanted {
        let what = format!("{} {} on PID {:#x}", stream.kind, stream.codec, stream.pid);
        let wanted = &stream.units;
        let arrived = |other: &&Stream| other.kind == stream.kind && other.codec == stream.codec && same(&other.units, wanted);
        let Some(found) = left.iter().position(arrived) else {
            let counts: Vec<String> = left.iter().map(|s| format!("{} {} ×{}", s.kind, s.codec, s.units.len())).collect();
            return Err(format!("the {} packets of {what} did not arrive whole; recorded: {counts:?}", wanted.len()));
        };
        counts.push(format!("{} {}", wanted.len(), stream.codec));
        let found = left.remove(found);
        for (mine, theirs) in found.units.iter().zip(wanted).filter(|_| !stream.sections) {
            for (mine, theirs) in [(mine.pts, theirs.pts), (mine.dts, theirs.dts)] {
                match (mine, theirs) {
                    (Some(mine), Some(theirs)) => _ = shifts.insert(moved(mine, theirs)),
                    (None, None) => {}
                    _ => return Err(format!("{what}: a time stamp of {theirs:?} is {mine:?}")),
                }
            }
        }
    }
    if !left.is_empty() {
        return Err(format!("streams that the file does not have: {left:?}"));
    }
    // Rounding of what ffmpeg interpolates is one tick.
    let (least, most) = (shifts.iter().min().copied().unwrap_or(0), shifts.iter().max().copied().unwrap_or(0));
    if most - least > 1 {
        return Err(format!("times are moved by different amounts: {least} to {most}"));
    }
    Ok(counts.join(", "))
}

/// From one time stamp to another the short way round.
fn moved(mine: i64, theirs: i64) -> i64 {
    (mine - theirs + (1 << 32)).rem_euclid(1 << 33) - (1 << 32)
}

/// The same payloads in the same order, none missing and none besides.
fn same(recorded: &[Unit], wanted: &[Unit]) -> bool {
    recorded.iter().map(|unit| &unit.hash).eq(wanted.iter().map(|unit| &unit.hash))
}

/// Of a damaged file: every PES packet that is whole in it, from the first random access point on, is in the recording, in
/// its order, and their times are moved by one amount. There are `count` of them.
fn what_is_whole_arrived(file: &[u8], recorded: &[u8], start: usize, streams: &[Stream], count: usize) -> Result<String, String> {
    let pids: Vec<u16> = streams.iter().map(|stream| stream.pid).collect();
    let of_recording: Vec<u16> = examine(recorded, Default::default()).streams.iter().map(|(_, pid)| *pid).collect();
    let recorded = pes_units(recorded, &of_recording);
    let mut shifts = HashSet::new();
    let mut counts = Vec::new();
    let mut total = 0;
    for (pid, units) in pes_units(file, &pids) {
        let from: Vec<&Pes> = units.iter().filter(|unit| unit.at >= start).collect();
        let wanted: Vec<&Pes> = from.iter().copied().filter(|unit| unit.whole).collect();
        let arrived = recorded.values().map(|theirs| in_order(&wanted, theirs)).max_by_key(Vec::len).unwrap_or_default();
        if arrived.len() < wanted.len() {
            return Err(format!("of {} whole PES packets on PID {pid:#x}, {} arrived", wanted.len(), arrived.len()));
        }
        total += arrived.len();
        let times = arrived.iter().filter_map(|(mine, theirs)| Some((mine.times?.0 as i64, theirs.times?.0 as i64)));
        shifts.extend(times.map(|(mine, theirs)| moved(mine, theirs)));
        counts.push(format!("{pid:#x}: {} whole PES packets of {}", wanted.len(), from.len()));
    }
    if shifts.len() > 1 || total != count {
        return Err(format!("{total} instead of {count}, moved by {shifts:?}: {counts:?}"));
    }
    Ok(counts.join(", "))
}
