//! One thing that goes wrong with one pair of sources, and what a viewer has of it.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::support::app::App;
use crate::support::media::Kind;
use crate::support::packets::SIZE;
use crate::support::rig::Rig;
use crate::support::ts_oracle::{Findings, STRICT, aligned, examine, programmes, says_ffmpeg};
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
        self.from == self.last()
    }

    /// What plays in the end.
    pub fn last(self) -> Kind {
        if self.fault == Fault::Leaps { self.from } else { self.to }
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
    /// The longest time without a byte that was not over at the fault.
    pub silence: Duration,
    /// From the fault to the other source being on air.
    pub back: Option<Duration>,
    /// From the fault to its source being given up.
    pub lost: Option<Duration>,
    pub ended: bool,
    /// From the answer's head to the end of the recording.
    pub watched: Duration,
    /// From the other source being on air, or the leap, to the end of the recording.
    pub since_back: Duration,
    pub found: Findings,
    /// What came in that time.
    pub behind: Findings,
    /// What ffmpeg says when it decodes and when it copies each programme of the recording.
    pub ffmpeg: Vec<String>,
    /// Bytes that the source sent since its times leapt.
    pub leapt: usize,
    /// Why sources of this channel were lost, by the log.
    pub losses: Vec<String>,
}

impl Outcome {
    /// A row of the table.
    pub fn row(&self) -> String {
        let Cell { fault, from, to } = self.cell;
        let back = self.back.map_or("-".into(), |back| format!("{} ms", back.as_millis()));
        format!(
            "{:<16} {:<18} {:>6} ms {:>8} {:>5.1} of {:>4.1} s {:>4} errors {:>3} lines of ffmpeg {}",
            format!("{fault:?}"),
            format!("{from:?} to {to:?}"),
            self.silence.as_millis(),
            back,
            self.found.duration.as_secs_f64(),
            self.watched.as_secs_f64(),
            self.found.faults.len(),
            self.ffmpeg.iter().map(|said| said.lines().count()).sum::<usize>(),
            if self.ended { "ENDED" } else { "" },
        )
    }
}

/// So long is watched after a fault, and so long at least once the other source is on air.
const AFTER: Duration = Duration::from_secs(10);
const AFTER_BACK: Duration = Duration::from_secs(4);

/// Watches channels 1, 2, … while their cells happen, all at the same moment.
pub fn watch(rig: &Rig, mode: &str, cells: &[Cell]) -> Vec<Outcome> {
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
    thread::sleep(AFTER);
    let backs = || (0..cells.len()).map(|index| said_after(&rig.app, "source on air", index + 1, wall)).collect::<Vec<_>>();
    // Nobody waits for one that never comes: there is a complaint for that.
    let deadline = Instant::now() + Duration::from_secs(20);
    let all_back = || cells.iter().zip(backs()).all(|(cell, back)| back.is_some() || cell.fault == Fault::Leaps);
    while !all_back() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(100));
    }
    let backs = backs();
    let last = backs.iter().flatten().max().copied().unwrap_or_default();
    thread::sleep((last + AFTER_BACK).saturating_sub(at.elapsed()));
    let tapes: Vec<_> = viewers
        .into_iter()
        .zip(&backs)
        .map(|(viewer, back)| {
            let (silence, ended) = (viewer.silence_since(at), viewer.ended());
            let back = at + back.unwrap_or_default();
            let (watched, since_back, first) = (viewer.opened().elapsed(), back.elapsed(), viewer.len_at(back));
            (silence, ended, watched, since_back, first, viewer.leave(Leave::Fin))
        })
        .collect();
    let mut outcomes = Vec::new();
    for (index, (cell, (silence, ended, watched, since_back, first, tape))) in cells.iter().zip(tapes).enumerate() {
        let tape = aligned(&tape);
        super::keep(&format!("{mode}-{:?}-{:?}-{:?}", cell.fault, cell.from, cell.to), tape);
        let found = examine(tape, STRICT);
        outcomes.push(Outcome {
            cell: *cell,
            silence,
            back: backs[index],
            lost: said_after(&rig.app, "source lost", index + 1, wall),
            ended,
            watched,
            since_back,
            behind: examine(&tape[first.next_multiple_of(SIZE).min(tape.len())..], STRICT),
            ffmpeg: programmes(tape, &found).into_iter().map(says_ffmpeg).collect(),
            found,
            leapt: rig.origin.hits(&path(index, 0)).iter().map(|hit| hit.sent.leapt()).sum(),
            losses: losses(&rig.app, index + 1),
        });
    }
    outcomes
}

/// The path of a channel's source.
pub fn path(index: usize, source: usize) -> String {
    format!("/channel{index}/{source}")
}

/// How long after a moment the log first said this of this channel.
fn said_after(app: &App, what: &str, channel: usize, moment: SystemTime) -> Option<Duration> {
    let number = format!("channel.number={channel} ");
    let log = app.log();
    let mut said = log.lines().filter(|line| line.contains(what) && line.contains(&number));
    said.find_map(|line| {
        let stamp: jiff::Timestamp = line.split_whitespace().next()?.parse().ok()?;
        SystemTime::from(stamp).duration_since(moment).ok()
    })
}

/// What the log says of sources of this channel that were lost.
fn losses(app: &App, channel: usize) -> Vec<String> {
    let number = format!("channel.number={channel} ");
    let log = app.log();
    log.lines().filter(|line| line.contains("source lost") && line.contains(&number)).map(str::to_owned).collect()
}
