//! One thing that goes wrong with one pair of sources, and what a viewer has of it.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::support::app::App;
use crate::support::media::Kind;
use crate::support::rig::Rig;
use crate::support::ts_oracle::{Findings, Rules, STRICT, aligned, examine, says_ffmpeg};
use crate::support::upstream::{Cue, Live, Origin, Script};
use crate::support::viewer::{Leave, Viewer};
use crate::support::wait;

/// What happens to the source that is on air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Ends,
    IsReset,
    Stalls,
    TurnsToNoise,
    TurnsToNulls,
    Trickles,
    /// It ends, and the other one lets its first byte be waited for.
    EndsOtherIsLate,
    /// Its times leap by an hour; it stays.
    Leaps,
}

/// All of them.
pub const FAULTS: [Fault; 8] = [
    Fault::Ends,
    Fault::IsReset,
    Fault::Stalls,
    Fault::TurnsToNoise,
    Fault::TurnsToNulls,
    Fault::Trickles,
    Fault::EndsOtherIsLate,
    Fault::Leaps,
];

/// A fault, and what plays before and after it.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    pub fault: Fault,
    pub from: Kind,
    pub to: Kind,
}

impl Cell {
    /// Whether nothing but the time stamps and PIDs of the sources differ.
    pub fn same_codec(self) -> bool {
        self.from == self.to || self.fault == Fault::Leaps
    }

    /// Sets up both of its sources.
    pub fn prepare(self, origin: &Origin, paths: [&str; 2]) {
        origin.set(paths[0], Script::live(&self.from.media()));
        // Another provider's time is another one.
        let other = Live::new(&self.to.media().shifted(0x1_5A5A_5A5A)).script();
        let late = self.fault == Fault::EndsOtherIsLate;
        origin.set(paths[1], if late { Script::Late(Duration::from_millis(1500), Box::new(other)) } else { other });
    }

    /// Lets it happen.
    pub fn happen(self, origin: &Origin, path: &str) {
        let (cue, next) = match self.fault {
            Fault::Ends | Fault::EndsOtherIsLate => (Cue::End, Script::Status(404, vec![])),
            Fault::IsReset => (Cue::Reset, Script::Close),
            Fault::Stalls => (Cue::Stall, Script::Hang),
            Fault::TurnsToNoise => (Cue::Garbage, Script::Close),
            Fault::TurnsToNulls => (Cue::Nulls, Script::Close),
            Fault::Trickles => (Cue::Trickle, Script::Hang),
            Fault::Leaps => (Cue::Leap, Script::live(&self.from.media())),
        };
        origin.cue(path, cue);
        origin.set(path, next);
    }
}

/// What a viewer had of it.
#[derive(Debug)]
pub struct Outcome {
    pub cell: Cell,
    /// The longest time without a byte since the fault.
    pub silence: Duration,
    /// From the fault to the other source being on air.
    pub back: Option<Duration>,
    pub ended: bool,
    pub found: Findings,
    /// What ffmpeg says when it decodes and when it copies the recording.
    pub ffmpeg: String,
}

impl Outcome {
    /// A row of the table.
    pub fn row(&self) -> String {
        let Cell { fault, from, to } = self.cell;
        let back = self.back.map_or("-".into(), |back| format!("{} ms", back.as_millis()));
        format!(
            "{:<16} {:<18} {:>6} ms {:>8} {:>4} errors {:>3} lines of ffmpeg {}",
            format!("{fault:?}"),
            format!("{from:?} to {to:?}"),
            self.silence.as_millis(),
            back,
            self.found.faults.len(),
            self.ffmpeg.lines().count(),
            if self.ended { "ENDED" } else { "" },
        )
    }
}

/// Watches channels 1, 2, … while their cells happen, all at the same moment.
pub fn watch(rig: &Rig, mode: &str, cells: &[Cell], rules: Rules) -> Vec<Outcome> {
    let viewers: Vec<Viewer> = (0..cells.len()).map(|index| rig.watch(&(index + 1).to_string())).collect();
    if mode == "slate" {
        let kinds: HashSet<Kind> = cells.iter().map(|cell| cell.from).collect();
        let made = || rig.app.log().matches("clip made").count() >= kinds.len();
        wait::until_so("the slates to be made", Duration::from_secs(60), made);
    }
    thread::sleep(Duration::from_secs(3));
    let (at, wall) = (Instant::now(), SystemTime::now());
    for (index, cell) in cells.iter().enumerate() {
        cell.happen(&rig.origin, &path(index, 0));
    }
    thread::sleep(Duration::from_secs(10));
    let mut outcomes = Vec::new();
    let tapes: Vec<_> = viewers
        .into_iter()
        .map(|viewer| {
            let silence = viewer.gaps().into_iter().filter(|(since, _)| *since >= at).map(|(_, gap)| gap).max();
            let ended = viewer.ended();
            (silence.unwrap_or_default(), ended, viewer.leave(Leave::Fin))
        })
        .collect();
    for (index, (cell, (silence, ended, tape))) in cells.iter().zip(tapes).enumerate() {
        let tape = aligned(&tape);
        super::keep(&format!("{mode}-{:?}-{:?}-{:?}", cell.fault, cell.from, cell.to), tape);
        let rules =
            if cell.same_codec() { rules } else { Rules { pcr_gap_ms: 20_000, dts_step_ms: 20_000, announced_jumps: true } };
        let found = examine(tape, rules);
        let ffmpeg = if cell.same_codec() { says_ffmpeg(tape) } else { String::new() };
        outcomes.push(Outcome { cell: *cell, silence, back: on_air_after(&rig.app, index + 1, wall), ended, found, ffmpeg });
    }
    outcomes
}

/// The path of a channel's source.
pub fn path(index: usize, source: usize) -> String {
    format!("/channel{index}/{source}")
}

/// A recording without seam.
pub const WHOLE: Rules = STRICT;

/// How long after a moment another source of this channel came on air, by the log.
fn on_air_after(app: &App, channel: usize, moment: SystemTime) -> Option<Duration> {
    let number = format!("channel.number={channel} ");
    let log = app.log();
    let mut on_air = log.lines().filter(|line| line.contains("source on air") && line.contains(&number));
    on_air.find_map(|line| {
        let stamp: jiff::Timestamp = line.split_whitespace().next()?.parse().ok()?;
        SystemTime::from(stamp).duration_since(moment).ok()
    })
}
