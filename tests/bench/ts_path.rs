//! The whole path of a packet (alignment, continuity, PCR, PSI, random access, splice) over recorded streams, on one
//! core, beside `mpeg2ts-reader`, which merely demultiplexes the same bytes in the same run.
//!
//! `cargo bench --bench ts_path` measures time: a recording too large for any cache, both sides in turn, medians.
//! `cargo bench --bench ts_path -- --instructions` counts instructions with `valgrind --tool=callgrind`: a process that
//! has a recording read, less one in which it merely arrives. A name behind either picks one recording.
//! A ratio is theirs to ours: 1 or more is the goal.
//!
//! Bytes come as from a socket: they are copied, a piece at a time, to where the reader keeps them, which is the ring's
//! memory for a session's pump and a buffer for `mpeg2ts-reader`. That is the same for both, whatever they then do, and not
//! counted; the column `arrival` says what it takes. What follows is counted: ours until the chunks are in the ring.

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
use rooftop::ts::PACKET;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Larger than any last-level cache.
const RECORDED: usize = 256 << 20;
/// Runs of each side, in turn.
const RUNS: usize = 21;
/// Bytes that arrive at once: what a session takes in one go, in whole packets, which `mpeg2ts-reader` asks for.
const PIECE: usize = 16 * 1024 / PACKET * PACKET;

/// A reader of a transport stream.
trait Reader {
    /// Bytes come out of a socket, as many as it has room for. Says how many.
    fn arrive(&mut self, bytes: &[u8]) -> usize;
    /// They go their way.
    fn pass(&mut self);
    /// The bytes that came out.
    fn finish(self) -> u64;
}

/// Gives a recording to a reader, piece by piece. Says how long the arrival took, and what followed.
fn read(mut reader: impl Reader, recording: &Recording) -> Outcome<Took> {
    let mut took = Took::default();
    let mut at = Instant::now();
    for mut piece in recording.bytes.chunks(PIECE) {
        while !piece.is_empty() {
            piece = &piece[reader.arrive(piece)..];
            let there = Instant::now();
            reader.pass();
            let done = Instant::now();
            took.arrival += there - at;
            took.path += done - there;
            at = done;
        }
    }
    if reader.finish() == 0 { Err("nothing came out".into()) } else { Ok(took) }
}

#[derive(Default)]
struct Took {
    arrival: Duration,
    path: Duration,
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
        println!(
            "{:<16} {:>9} {:>9} {:>9} {:>7}  arrival ns: ours, theirs",
            "recording", "packets", "ours ns", "theirs ns", "ratio"
        );
    }
    let recording = Recording::of(name, RECORDED)?;
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    // The first of each brings pages and tables in.
    for run in 0..=RUNS {
        let mine = read(ours::Session::default(), &recording)?;
        let other = read(theirs::Session::default(), &recording)?;
        if run > 0 {
            ratios.push(other.path.as_secs_f64() / mine.path.as_secs_f64());
            ours.push(mine);
            theirs.push(other);
        }
    }
    let packets = recording.packets();
    let each = |side: &[Took], of: fn(&Took) -> Duration| {
        median(side.iter().map(|took| of(took).as_secs_f64()).collect()) * 1e9 / packets as f64
    };
    let (mine, other) = (each(&ours, |took| took.path), each(&theirs, |took| took.path));
    let (here, there) = (each(&ours, |took| took.arrival), each(&theirs, |took| took.arrival));
    println!("{name:<16} {packets:>9} {mine:>9.2} {other:>9.2} {:>7.2}  {here:.2}, {there:.2}", median(ratios));
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
