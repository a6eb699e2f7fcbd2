//! Feeds of the largest size, read by Rooftop as a process, measured from outside beside a baseline in the same run: a playlist, a
//! guide, what they cost those who watch meanwhile, and a start with much stored.
//!
//! `cargo bench --bench feeds [-- NAME…]`, with `list`, `guide`, `live` and `start` as names, builds the optimised program and prints
//! a few lines each. Everything is on the loopback interface and in a directory below `target/tmp`. Sizes are taken from the
//! environment: `FEEDS_ENTRIES` (910000), `FEEDS_GUIDE_CHANNELS` (2000), `FEEDS_GUIDE_DAYS` (14), `FEEDS_TUNES` (200),
//! `FEEDS_STORED` (50000).

mod baseline;
#[expect(dead_code, reason = "tests use the rest of it")]
mod guide;
mod list;
mod origin;
mod server;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use server::{Cost, Server};

type Error = Box<dyn std::error::Error>;
type Outcome = Result<(), Error>;

/// Channels that are stored beside the large feeds.
const CHANNELS: u32 = 500;
/// Channels that are tuned.
const OWN: u32 = 8;

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--bench")).collect();
    let mut failed = false;
    for (name, run) in [("list", one_list as fn() -> Outcome), ("guide", one_guide), ("live", live), ("start", start)] {
        if args.is_empty() || args.iter().any(|arg| arg == name) {
            // The other figures are good without this one.
            if let Err(error) = run() {
                println!("{name}: {error}");
                failed = true;
            }
        }
    }
    if failed { Err("not everything could be measured".into()) } else { Ok(()) }
}

/// A playlist of the largest size, by a server that has nothing else; then the same one again.
fn one_list() -> Outcome {
    let folder = folder()?;
    let entries = size("FEEDS_ENTRIES", 910_000)?;
    let path = write(&folder.path().join("list.m3u"), |out| list::list(out, entries, 1))?;
    println!("list: {entries} entries, {:.0} MB", mb(std::fs::metadata(&path)?.len()));
    let copied = baseline::copy(&path, folder.path())?;
    let (rows, bytes) = baseline::rows(&path, folder.path())?;
    println!("  a plain copy to the disk: {:.2} s; each line a row of SQLite: {:.2} s, {:.0} MB", s(copied), s(rows), mb(bytes));
    let data = folder.path().join("data");
    let server = Server::start(&data)?;
    let (id, cost) = server.cost(|| {
        let (id, job) = server.add("playlists", &json!({ "location": path }))?;
        server.wait(job).map(|_| id)
    })?;
    print_cost("  first reading", &cost, "6 s, 96 MiB");
    println!("  on disk: {:.0} MB", mb(disk(&data)?));
    let ((), cost) = server.cost(|| server.wait(server.refresh(id)?).map(drop))?;
    print_cost("  once more", &cost, "6 s, 96 MiB");
    println!("  on disk: {:.0} MB", mb(disk(&data)?));
    Ok(())
}

/// A guide of the largest size, of which some hundred channels are wanted.
fn one_guide() -> Outcome {
    let folder = folder()?;
    let (channels, days) = (size("FEEDS_GUIDE_CHANNELS", 2000)?, size("FEEDS_GUIDE_DAYS", 14)?);
    let now_s = i64::try_from(SystemTime::UNIX_EPOCH.elapsed()?.as_secs())?;
    let path = write(&folder.path().join("guide.xml"), |out| guide::guide_from(out, channels, days, 1, now_s - now_s % 86_400))?;
    println!("guide: {channels} channels, {days} days, {:.0} MB", mb(std::fs::metadata(&path)?.len()));
    println!("  a plain copy to the disk: {:.2} s", s(baseline::copy(&path, folder.path())?));
    let data = folder.path().join("data");
    let server = Server::start(&data)?;
    let wanted = write(&folder.path().join("own.m3u"), |out| own_channels(out, CHANNELS.min(channels)))?;
    server.wait(server.add("playlists", &json!({ "location": wanted }))?.1)?;
    let before = disk(&data)?;
    let (result, cost) = server.cost(|| server.wait(server.add("guides", &json!({ "location": path }))?.1))?;
    print_cost("  first reading", &cost, "64 MiB");
    println!("  {} programmes, of which {} are kept; on disk: {:.0} MB more", result["programmes"], result["kept"], {
        mb(disk(&data)?.saturating_sub(before))
    });
    Ok(())
}

/// The lineup and tunes, while a playlist of the largest size is read again and again, and while nothing is read.
fn live() -> Outcome {
    let folder = folder()?;
    let entries = size("FEEDS_ENTRIES", 910_000)?;
    let half = size("FEEDS_TUNES", 200)? as usize / 2;
    let large = write(&folder.path().join("list.m3u"), |out| list::list(out, entries, 1))?;
    let origin = origin::Origin::start()?;
    let own = origin.playlist(folder.path().join("own.m3u"), OWN)?;
    let server = Server::start(&folder.path().join("data"))?;
    server.set_tuners(u8::try_from(OWN)?)?;
    server.wait(server.add("playlists", &json!({ "location": own, "max_connections": OWN }))?.1)?;
    let (id, job) = server.add("playlists", &json!({ "location": large, "rules": { "channels": "none" } }))?;
    server.wait(job)?;
    let (mut quiet, mut busy) = (Times::default(), Times::default());
    let lineup: Vec<serde_json::Value> = serde_json::from_str(&server.get("/lineup.json")?)?;
    let numbers: Vec<&str> = lineup.iter().filter_map(|channel| channel["GuideNumber"].as_str()).collect();
    let mut next = numbers.iter().cycle();
    let mut one = |times: &mut Times| -> Outcome {
        let began = Instant::now();
        server.get("/lineup.json")?;
        times.lineup.push(began.elapsed());
        times.tune.push(server.tune(next.next().ok_or("no channels")?)?);
        // Between two people; and the upstream's connection is closed by then.
        std::thread::sleep(Duration::from_millis(30));
        Ok(())
    };
    while quiet.tune.len() < half {
        // By turns, so that whatever else the machine does meets both.
        for _ in 0..(half - quiet.tune.len()).min(25) {
            one(&mut quiet)?;
        }
        let job = server.refresh(id)?;
        while server.done(job)?.is_none() {
            one(&mut busy)?;
        }
    }
    for (what, quiet, busy) in
        [("/lineup.json", &mut quiet.lineup, &mut busy.lineup), ("tune to its first packet", &mut quiet.tune, &mut busy.tune)]
    {
        let (without, with) = (quantile(quiet, 0.5), quantile(busy, 0.5));
        println!(
            "live: {what}: median {:.2} ms ({} times), {:.2} ms ({} times) during a reading: {:.2} × (goal 1.5); p95 {:.2} and {:.2} ms",
            ms(without),
            quiet.len(),
            ms(with),
            busy.len(),
            with.as_secs_f64() / without.as_secs_f64().max(1e-9),
            ms(quantile(quiet, 0.95)),
            ms(quantile(busy, 0.95)),
        );
    }
    Ok(())
}

#[derive(Default)]
struct Times {
    lineup: Vec<Duration>,
    tune: Vec<Duration>,
}

/// From the start of the process to the first lineup, with many items stored; beside one with an empty database.
fn start() -> Outcome {
    const ROUNDS: usize = 7;
    let folder = folder()?;
    let stored = size("FEEDS_STORED", 50_000)?;
    let path = write(&folder.path().join("list.m3u"), |out| {
        own_channels(out, CHANNELS.min(stored))?;
        list::list(out, stored.saturating_sub(CHANNELS), 1)
    })?;
    let (full, empty) = (folder.path().join("full"), folder.path().join("empty"));
    {
        let server = Server::start(&full)?;
        let rules = json!({ "channels": "groups", "groups": ["Own"] });
        server.wait(server.add("playlists", &json!({ "location": path, "rules": rules }))?.1)?;
        let lineup: Vec<serde_json::Value> = serde_json::from_str(&server.get("/lineup.json")?)?;
        println!("start: {stored} items and {} channels stored, {:.0} MB on disk", lineup.len(), mb(disk(&full)?));
    }
    drop(Server::start(&empty)?);
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (times, data) in times.iter_mut().zip([&full, &empty]) {
            times.push(Server::start(data)?.first_lineup);
        }
    }
    let [full, empty] = &mut times;
    println!(
        "  to the first lineup: median {:.0} ms, most {:.0} ms (goal 300); with an empty database: median {:.0} ms",
        ms(quantile(full, 0.5)),
        ms(quantile(full, 1.0)),
        ms(quantile(empty, 0.5)),
    );
    Ok(())
}

/// Channels of a group of their own, which the guide knows.
fn own_channels(out: &mut impl Write, channels: u32) -> std::io::Result<()> {
    writeln!(out, "#EXTM3U")?;
    for n in 1..=channels {
        writeln!(out, "#EXTINF:-1 tvg-id=\"channel-{n}.example\" tvg-chno=\"{n}\" group-title=\"Own\",Own {n}")?;
        writeln!(out, "http://own.example/{n}.ts")?;
    }
    Ok(())
}

fn print_cost(what: &str, cost: &Cost, goal: &str) {
    let [before, after] = cost.resident;
    println!(
        "{what}: {:.2} s, processor {:.2} s, {:.0} MB written; resident {:.1} MiB before, {:.1} at most, {:.1} after (goal {goal})",
        s(cost.time),
        s(cost.processor),
        mb(cost.written),
        mib(before),
        mib(cost.peak),
        mib(after),
    );
}

fn folder() -> Result<tempfile::TempDir, Error> {
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

fn size(name: &str, usual: u32) -> Result<u32, Error> {
    let said = std::env::var(name).ok().map(|text| text.parse().map_err(|_| format!("{name} is no number: {text}")));
    Ok(said.transpose()?.unwrap_or(usual))
}

fn write(path: &Path, what: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) -> Result<PathBuf, Error> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    what(&mut out)?;
    out.into_inner().map_err(|error| error.into_error())?.sync_all()?;
    Ok(path.to_owned())
}

/// Bytes in a directory and those below it.
fn disk(folder: &Path) -> Result<u64, Error> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        bytes += if meta.is_dir() { disk(&entry.path())? } else { meta.len() };
    }
    Ok(bytes)
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

fn s(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn quantile(times: &mut [Duration], at: f64) -> Duration {
    times.sort();
    let index = ((times.len() as f64 * at).ceil() as usize).clamp(1, times.len().max(1)) - 1;
    times.get(index).copied().unwrap_or_default()
}
