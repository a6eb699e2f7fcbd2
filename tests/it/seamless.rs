//! Sessions that never break: what a recorder has on its disk when sources come and go.

mod cell;
mod matrix;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::app::Setup;
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::entry;
use crate::support::process::start;
use crate::support::restamp::Media;
use crate::support::rig::Rig;
use crate::support::ts_oracle::{Rules, STRICT, aligned, assert_decodes, examine};
use crate::support::upstream::{Cue, Live, Origin, Script};
use crate::support::viewer::Leave;
use crate::support::wait;

/// Keeps a recording to be looked into, in the folder named by `ROOFTOP_IT_TAPES`.
fn keep(name: &str, bytes: &[u8]) {
    if let Some(folder) = std::env::var_os("ROOFTOP_IT_TAPES") {
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.ts")), bytes).unwrap();
    }
}

fn two_sources(media: [Media; 2]) -> Rig {
    let netns = Arc::new(Netns::new());
    let origin = Origin::start(&netns);
    let sources: Vec<_> = [("/first", 0), ("/second", 1)]
        .into_iter()
        .map(|(path, index)| {
            origin.set(path, Live::new(&media[index]).script());
            entry("1", "One", &origin.url(path)).with("tvg-id=\"one\"")
        })
        .collect();
    // A second on air is enough not to be taken for one that comes and goes, for which there are pauses.
    let app = Setup::new(&netns).env("ROOFTOP_RECOVERY_CYCLE_FAILURE_MIN_HEALTH_S", "1").playlist_each(&sources).start();
    Rig { app, origin, netns }
}

/// ffmpeg gathers frames of sound up to 170 bytes, of which frames of silence have 12 or so; and gives PCRs with pictures only.
const AS_FFMPEG_WRITES: Rules = Rules { pcr_gap_ms: 200, dts_step_ms: 500, ..STRICT };

/// ffmpeg copies a channel into a file, through so many changes of its source: ends, resets, and wishes of a person. Another
/// viewer keeps what was sent as it is.
fn recorded_through(changes: usize, media: [Media; 2]) {
    let mut rig = two_sources(media.clone());
    let file = rig.app.dir().join("recording.ts");
    let mut ffmpeg = rig.app.client("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "warning", "-i", "http://10.77.0.1:5004/auto/v1", "-map", "0", "-c", "copy"]);
    // Else it gathers frames of sound of half a second.
    ffmpeg.args(["-pes_payload_size", "16", "-f", "mpegts", "-y"]);
    let recorder = start(ffmpeg.arg(&file));
    let on_air = |rig: &Rig| rig.app.metric("rooftop_source_selections_total").unwrap_or(0.0) as usize;
    wait::until_so("the first source", Duration::from_secs(20), || on_air(&rig) >= 1);
    let viewer = rig.watch("1");
    let begun = Instant::now();
    let channels: serde_json::Value = rig.app.api("/api/v1/channels").json();
    let wish = serde_json::json!({ "channel_id": channels["channels"][0]["id"], "reason": "wanted" }).to_string();
    wait::until_so("the slate to be made", Duration::from_secs(30), || rig.app.log().contains("clip made"));
    thread::sleep(Duration::from_secs(1));
    for change in 0..changes {
        let before = on_air(&rig);
        let log = rig.app.log();
        let last = log.lines().rfind(|line| line.contains("source on air")).unwrap();
        let current = usize::from(last.contains("/second"));
        let path = ["/first", "/second"][current];
        let end = match change % 3 {
            0 => Some(Cue::End),
            1 => Some(Cue::Reset),
            _ => None,
        };
        if let Some(end) = end {
            rig.origin.cue(path, end);
            // It can be asked again at once, as one that had a hiccup.
            rig.origin.set(path, Script::live(&media[current]));
        } else {
            assert_eq!(rig.app.api_with("POST", "/api/v1/tuners/recovery", Some(&wish)).status, 200);
        }
        println!("change {change}: {before} on air, {path}");
        wait::until_so("another source", Duration::from_secs(20), || on_air(&rig) > before);
        thread::sleep(Duration::from_millis(1100));
    }
    thread::sleep(Duration::from_secs(1));
    let watched = begun.elapsed();
    recorder.signal(Signal::INT);
    let taped = viewer.leave(Leave::Fin);
    let output = recorder.finish(Duration::from_secs(10));
    for word in ["monoton", "corrupt", "error"] {
        assert!(!output.stderr.to_lowercase().contains(word), "{}", output.stderr);
    }
    let recorded = std::fs::read(&file).unwrap();
    for (name, bytes, rules) in [("viewer", aligned(&taped), STRICT), ("ffmpeg", &recorded, AS_FFMPEG_WRITES)] {
        keep(&format!("{name}-{changes}"), bytes);
        let found = examine(bytes, rules);
        println!("{name}: {changes} changes in {watched:?}, {:?} recorded", found.duration);
        assert!(found.faults.is_empty(), "{name}: {:#?}", &found.faults[..found.faults.len().min(10)]);
        assert_eq!((found.pmt_versions.len(), found.announced), (1, 0), "{name}: {found:?}");
        assert!(found.duration + Duration::from_secs(5) > watched, "{name}: {:?} of {watched:?}", found.duration);
        assert_decodes(bytes);
    }
    rig.app.assert_well();
}

/// One file that plays from its beginning to its end.
#[test]
fn a_recorder_goes_through_fifty_changes() {
    let small = Kind::Small.media();
    recorded_through(50, [small.clone(), small.shifted(0x1_2345_6789)]);
}

/// The times of the sources, and of what is made of them, wrap within the minute.
#[test]
fn a_recorder_goes_through_a_wrap() {
    let near = |seconds: u64| Kind::H264.media().shifted((1 << 33) - seconds * 90_000);
    recorded_through(6, [near(6), near(9)]);
}
