//! Rooftop as a process, measured from outside, beside a baseline in the same run: join, cold tune, fan-out,
//! failover, memory, idle.
//!
//! `cargo bench --bench tuner [-- NAME…]` builds the optimised program and prints one line a figure. Everything is on the
//! loopback interface. Needs Debian's `ffmpeg` for the test stream.

mod baseline;
mod client;
mod failover;
mod origin;
mod process;

use std::time::Duration;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--bench")).collect();
    if let [first, rest @ ..] = args.as_slice()
        && first == "--baseline-writer"
    {
        return baseline::writer(rest);
    }
    let wanted = |name: &str| args.is_empty() || args.iter().any(|arg| arg == name);
    let stream = origin::stream(9000)?;
    if wanted("idle") {
        idle()?;
    }
    if wanted("join") {
        join(&stream)?;
    }
    if wanted("cold") {
        cold(&stream)?;
    }
    if wanted("fanout") {
        fanout(&stream)?;
    }
    if wanted("failover") {
        failover::run(&stream)?;
    }
    if wanted("memory") {
        memory(&origin::stream(19_375)?)?;
    }
    Ok(())
}

/// Resident memory with the demo lineup and nobody watching.
fn idle() -> Outcome {
    let rooftop = process::Rooftop::start(&[])?;
    rooftop.settle(Duration::from_secs(20));
    println!("idle: {:.1} MiB resident with the demo lineup (goal 16)", mib(rooftop.resident_bytes()?));
    Ok(())
}

/// From request to the first decodable frame, on a channel that runs; beside a connection to the origin itself, which has no
/// memory and so makes a client wait for the next keyframe.
fn join(stream: &origin::Stream) -> Outcome {
    let origin = origin::Origin::live(stream)?;
    let rooftop = process::Rooftop::start(&[origin.playlist(1)?])?;
    let address = rooftop.channel(0)?;
    let _viewer = client::Drain::start(&address, 1)?;
    std::thread::sleep(Duration::from_secs(6));
    let mut times = Vec::new();
    let (mut undecodable, mut burst) = (0, 0);
    for _ in 0..60 {
        let joined = client::first_frame(&address, Duration::from_millis(60))?;
        times.push(joined.frame);
        undecodable += joined.undecodable;
        burst = burst.max(joined.bytes_by_then);
        std::thread::sleep(Duration::from_millis(130));
    }
    let mut bare = Vec::new();
    for _ in 0..20 {
        bare.push(client::first_frame(&origin.address(0), Duration::ZERO)?.frame);
        std::thread::sleep(Duration::from_millis(137));
    }
    println!(
        "join: median {:.2} ms, p95 {:.2} ms (goal 5), {undecodable} undecodable units (goal 0), burst at most {:.2} MB \
         (one GOP + 1 s is {:.2} MB); bare origin: median {:.0} ms",
        ms(quantile(&mut times, 0.5)),
        ms(quantile(&mut times, 0.95)),
        burst as f64 / 1e6,
        2.0 * stream.bytes_per_second() / 1e6 + 0.1,
        ms(quantile(&mut bare, 0.5)),
    );
    Ok(())
}

/// A tune of a channel that is not running, against the same stream taken from the origin directly.
fn cold(stream: &origin::Stream) -> Outcome {
    let origin = origin::Origin::from_start(stream)?;
    let rooftop = process::Rooftop::start(&[origin.playlist(1)?])?;
    let address = rooftop.channel(0)?;
    let (mut added, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        let direct = client::first_frame(&origin.address(0), Duration::ZERO)?.frame;
        let through = client::first_frame(&address, Duration::ZERO)?.frame;
        added.push(through.saturating_sub(direct));
        bare.push(direct);
        // The session must be gone before the next one is cold.
        std::thread::sleep(Duration::from_millis(5600));
    }
    println!(
        "cold: adds median {:.2} ms (goal 3), most {:.2} ms (goal 20), to the origin's own median {:.0} ms",
        ms(quantile(&mut added, 0.5)),
        ms(quantile(&mut added, 1.0)),
        ms(quantile(&mut bare, 0.5)),
    );
    Ok(())
}

/// Processor time to give one channel to 100 viewers, against plain writes of 64 KiB of the same bytes to as many.
fn fanout(stream: &origin::Stream) -> Outcome {
    const VIEWERS: usize = 100;
    const SPAN: Duration = Duration::from_secs(15);
    let origin = origin::Origin::live(stream)?;
    let rooftop = process::Rooftop::start(&[origin.playlist(1)?])?;
    let address = rooftop.channel(0)?;
    let mut ratios = Vec::new();
    for _ in 0..3 {
        let (ours, bytes) = {
            let viewers = client::Drain::start(&address, VIEWERS)?;
            std::thread::sleep(Duration::from_secs(3));
            let (before, received) = (rooftop.processor_time()?, viewers.received());
            std::thread::sleep(SPAN);
            (rooftop.processor_time()? - before, viewers.received() - received)
        };
        let plain = baseline::run(VIEWERS, stream.bytes_per_second(), SPAN)?;
        let per_byte = |time: Duration, bytes: u64| time.as_secs_f64() / bytes.max(1) as f64;
        let ratio = per_byte(ours, bytes) / per_byte(plain.time, plain.bytes);
        println!(
            "  fanout: ours {:.2} s for {:.0} MB, plain writes {:.2} s for {:.0} MB: {ratio:.2} ×",
            ours.as_secs_f64(),
            bytes as f64 / 1e6,
            plain.time.as_secs_f64(),
            plain.bytes as f64 / 1e6
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("fanout: median {:.2} × plain writes for {VIEWERS} viewers (goal 1.5)", ratios.get(1).unwrap_or(&f64::NAN));
    Ok(())
}

/// Memory that eight channels take beyond their rings.
fn memory(stream: &origin::Stream) -> Outcome {
    let origin = origin::Origin::live(stream)?;
    let lists: Vec<_> = (0..8).map(|n| origin.playlist_from(n)).collect::<Result<_, _>>()?;
    let rooftop = process::Rooftop::start(&lists)?;
    rooftop.set_tuners(8)?;
    rooftop.settle(Duration::from_secs(5));
    let before = rooftop.resident_bytes()?;
    let viewers: Vec<_> =
        (0..8).map(|n| client::Drain::start(&rooftop.channel(n)?, 1)).collect::<Result<_, Box<dyn std::error::Error>>>()?;
    std::thread::sleep(Duration::from_secs(25));
    let (after, rings) = (rooftop.resident_bytes()?, rooftop.ring_bytes()?);
    let rate: u64 = viewers.iter().map(client::Drain::received).sum::<u64>() * 8 / 25;
    println!(
        "memory: 8 channels, {:.0} Mbit/s: {:.1} MiB above idle, of which rings {:.1} MiB; beyond them {:.1} MiB (goal 26)",
        rate as f64 / 1e6,
        mib(after.saturating_sub(before)),
        mib(rings),
        mib(after.saturating_sub(before).saturating_sub(rings)),
    );
    Ok(())
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn quantile(times: &mut [Duration], at: f64) -> Duration {
    times.sort();
    let index = ((times.len() as f64 * at).ceil() as usize).clamp(1, times.len().max(1)) - 1;
    times.get(index).copied().unwrap_or_default()
}
