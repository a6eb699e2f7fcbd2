//! The whole path of a packet (alignment, continuity, PCR, PSI, random access, splice) over recorded streams, on one
//! core, beside `mpeg2ts-reader`, which merely demultiplexes the same bytes in the same run.
//!
//! `cargo bench --bench ts_path` measures time: a recording too large for any cache, both sides in turn, medians.
//! `cargo bench --bench ts_path -- --instructions` counts instructions with `valgrind --tool=callgrind`: a process that
//! makes the recording and passes over it, less one that only makes it. A name behind either picks one recording.
//! A ratio is theirs to ours: 1 or more is the goal.
//!
//! What they deliver is a reference into the recording, of which they read the headers; what we deliver is a copy. The
//! column `copy` says what copying the recording into chunks takes, and nothing else: no path of ours can be faster.

#[path = "ts_path/instructions.rs"]
mod instructions;
#[path = "ts_path/ours.rs"]
mod ours;
#[path = "ts_path/recording.rs"]
mod recording;
#[path = "ts_path/theirs.rs"]
mod theirs;

use std::time::{Duration, Instant};

use recording::Recording;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Larger than any last-level cache.
const RECORDED: usize = 256 << 20;
/// Runs of each side, in turn.
const RUNS: usize = 21;
/// Bytes handed over at once: whole packets, which `mpeg2ts-reader` asks for.
const HANDED_OVER: usize = 348 * rooftop::ts::PACKET;

/// One of the two, or a mere copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
    Copy,
}

impl Side {
    /// Passes over a recording once. Gives the bytes that came out.
    fn pass(self, recording: &Recording) -> u64 {
        let pieces = recording.bytes.chunks(HANDED_OVER);
        match self {
            Self::Ours => ours::pass(pieces),
            Self::Theirs => theirs::pass(pieces),
            Self::Copy => copied(pieces),
        }
    }
}

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    if let ["--count", name, side] = args[..] {
        return instructions::counted(name, side);
    }
    if !recording::corpus().is_dir() {
        println!("ts_path: not measured: the recordings are missing: {}", recording::corpus().display());
        return Ok(());
    }
    let (flags, names): (Vec<&str>, Vec<&str>) = args.iter().partition(|arg| arg.starts_with("--"));
    let recordings = recording::NAMES.into_iter().filter(|name| names.is_empty() || names.contains(name));
    match flags[..] {
        [] => recordings.enumerate().try_for_each(|(row, name)| time(row, name)),
        ["--instructions"] => instructions::table(recordings),
        _ => Err(format!("ts_path: what is {}? There is --instructions.", flags.join(" ")).into()),
    }
}

fn time(row: usize, name: &str) -> Outcome {
    if row == 0 {
        println!("time: {} MiB each, medians of {RUNS} runs; ratio is theirs to ours", RECORDED >> 20);
        println!("{:<16} {:>9} {:>9} {:>9} {:>9} {:>7}", "recording", "packets", "ours ns", "theirs ns", "copy ns", "ratio");
    }
    let recording = Recording::of(name, RECORDED)?;
    let (mut ours, mut theirs, mut copies, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // The first of each brings pages and tables in.
    for run in 0..=RUNS {
        let (mine, other) = (timed(Side::Ours, &recording)?, timed(Side::Theirs, &recording)?);
        if run > 0 {
            ours.push(mine.as_secs_f64());
            theirs.push(other.as_secs_f64());
            copies.push(timed(Side::Copy, &recording)?.as_secs_f64());
            ratios.push(other.as_secs_f64() / mine.as_secs_f64());
        }
    }
    let packets = recording.packets();
    let each = |times| median(times) * 1e9 / packets as f64;
    let (ours, theirs, copy) = (each(ours), each(theirs), each(copies));
    println!("{name:<16} {packets:>9} {ours:>9.2} {theirs:>9.2} {copy:>9.2} {:>7.2}", median(ratios));
    Ok(())
}

/// Copies into a chunk that is used again and again.
#[inline(never)]
fn copied<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> u64 {
    let mut chunk = Vec::with_capacity(HANDED_OVER);
    pieces.fold(0, |copied, piece| {
        chunk.clear();
        chunk.extend_from_slice(piece);
        std::hint::black_box(&chunk);
        copied + piece.len() as u64
    })
}

fn timed(side: Side, recording: &Recording) -> Outcome<Duration> {
    let began = Instant::now();
    let out = side.pass(recording);
    let took = began.elapsed();
    if out == 0 { Err(format!("{side:?} gave nothing").into()) } else { Ok(took) }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
