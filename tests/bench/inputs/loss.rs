//! Links that lose, delay and reorder: the same stream in the same seconds over links with the same seed, to libsrt and to Rooftop.

use std::time::{Duration, Instant};

use super::calls::{Caller, Receiver};
use super::lossy::{Counted, Direction, Lossy};
use super::numbered::Numbered;
use super::{Error, Outcome, Rooftop, free_port, number, sum};

const MBIT: u64 = 1_000_000;
/// A link that was late itself by so much says nothing about receivers: the machine was busy with something else.
const DISTURBED: Duration = Duration::from_millis(20);
const ATTEMPTS: u64 = 3;

/// A link, and how it is used.
struct Scenario {
    name: &'static str,
    /// Bit/s.
    rate: u64,
    latency_ms: u64,
    up: Direction,
    down: Direction,
}

const fn both(name: &'static str, latency_ms: u64, way: Direction) -> Scenario {
    Scenario { name, rate: 20 * MBIT, latency_ms, up: way, down: way }
}

/// Loses so much, and takes so long.
const fn link(loss: f64, delay_ms: u64) -> Direction {
    Direction { loss, delay: Duration::from_millis(delay_ms), spared: 20, ..Direction::CLEAR }
}

const SCENARIOS: [Scenario; 10] = [
    both("bursts of 5, 25 ms, latency 120", 120, Direction { burst: 5, ..link(0.003, 25) }),
    both("5 %, 25 ms and jitter 10, latency 200", 200, Direction { jitter: Duration::from_millis(10), ..link(0.05, 25) }),
    both("2 %, 25 ms, latency 120", 120, link(0.02, 25)),
    Scenario { down: link(0.3, 25), ..both("2 %, and 30 % back, 25 ms, latency 200", 200, link(0.02, 25)) },
    both("1 %, 10 ms, latency 120", 120, link(0.01, 10)),
    both("2 %, 25 ms, latency 300", 300, link(0.02, 25)),
    Scenario {
        up: Direction { reorder: 0.02, reorder_by: Duration::from_millis(3), ..link(0.0, 10) },
        ..both("2 % out of order, 10 ms, latency 120", 120, link(0.0, 10))
    },
    both("5 %, 25 ms, latency 120", 120, link(0.05, 25)),
    both("2 %, 5 ms, latency 40", 40, link(0.02, 5)),
    Scenario { rate: 60 * MBIT, ..both("2 %, 25 ms, latency 120, 60 Mbit/s", 120, link(0.02, 25)) },
];

/// What became of a stream.
#[derive(Clone, Copy)]
struct Fate {
    /// Packets that were sent, and those that never came.
    sent: u64,
    /// See above.
    lost: u64,
    link: [Counted; 2],
}

/// What became of it at libsrt, and at Rooftop.
struct Run {
    fates: [Fate; 2],
}

impl Run {
    fn is_disturbed(&self) -> bool {
        self.fates.iter().flat_map(|fate| fate.link).any(|way| way.worst_late > DISTURBED)
    }
}

/// Prints the table.
pub fn run() -> Outcome {
    let (seconds, seeds) = (number("INPUTS_SECONDS", 30)?, number("INPUTS_SEEDS", 3)?);
    let rooftop = Rooftop::start()?;
    println!("loss: {seconds} s each; packets that never came, for each of {seeds} seeds, by libsrt and by Rooftop at once");
    let mut all = [0, 0];
    for (at, scenario) in SCENARIOS.iter().enumerate() {
        let (mut runs, mut disturbed) = (Vec::new(), 0);
        for seed in 1..=seeds {
            for attempt in 1..=ATTEMPTS {
                let name = format!("{at}-{seed}-{attempt}");
                let run = once(&rooftop, scenario, seed, &name, Duration::from_secs(seconds))?;
                if attempt == ATTEMPTS || !run.is_disturbed() {
                    disturbed += u64::from(run.is_disturbed());
                    runs.push(run);
                    break;
                }
            }
        }
        let sent: u64 = runs.iter().map(|run| run.fates[1].sent).sum();
        let note = if disturbed == 0 { String::new() } else { format!(" ({disturbed} disturbed)") };
        println!("  {}: {sent} packets{note}", scenario.name);
        for (which, name) in ["libsrt", "Rooftop"].into_iter().enumerate() {
            let fates: Vec<Fate> = runs.iter().filter_map(|run| run.fates.get(which).copied()).collect();
            let of = |count: fn(&Fate) -> u64| fates.iter().map(count).sum::<u64>();
            let lost = of(|fate| fate.lost);
            if let Some(all) = all.get_mut(which) {
                *all += lost;
            }
            let each: Vec<_> = fates.iter().map(|fate| fate.lost.to_string()).collect();
            println!(
                "    {name:<8} {lost:>5} lost ({}), {:>6} sent again, {:>6} reports of {:>6} losses",
                each.join(", "),
                of(|fate| fate.link[0].retransmitted),
                of(|fate| fate.link[1].reports),
                of(|fate| fate.link[1].reported),
            );
        }
    }
    let [theirs, ours] = all;
    println!("  all: libsrt lost {theirs}, Rooftop {ours}: {:.2} × (goal 1.1)", ours as f64 / theirs.max(1) as f64);
    Ok(())
}

fn once(rooftop: &Rooftop, scenario: &Scenario, seed: u64, name: &str, time: Duration) -> Result<Run, Error> {
    let options = format!("latency={}", scenario.latency_ms);
    let theirs = free_port()?;
    let receiver = Receiver::counting(theirs, &options)?;
    let any = ([127, 0, 0, 1], 0).into();
    let start = |to| Lossy::start(any, to, seed, [scenario.up, scenario.down]);
    let links = [start(theirs)?, start(rooftop.srt)?];
    let call = |link: &Lossy| Caller::start(link.addr(), &format!("{options}&streamid={name}"));
    let mut callers = [call(&links[0])?, call(&links[1])?];
    // The answers to an induction and to a conclusion.
    let began = Instant::now();
    while links.iter().any(|link| link.counted()[1].forwarded < 2) {
        if began.elapsed() > Duration::from_secs(10) {
            return Err(format!("{}: a caller was not answered", scenario.name).into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // What they are fed with before they have these is gone.
    std::thread::sleep(Duration::from_millis(200));
    let mut broken = None;
    Numbered::play(scenario.rate, time, |_, _, chunk| {
        broken = callers.iter_mut().find_map(|caller| caller.send(chunk).err()).or(broken.take());
    });
    if let Some(error) = broken {
        return Err(format!("{}: {error}", scenario.name).into());
    }
    // What is late is given up by then, and told within a second.
    std::thread::sleep(Duration::from_millis(1500 + scenario.latency_ms));
    let counted = links.each_ref().map(Lossy::counted);
    let mut streams = rooftop.streams("srt")?;
    streams.retain(|stream| stream["id"] == name);
    drop(callers);
    let came = [receiver.finish()?.chunks().came, sum(&streams, "packets_received")];
    let fate = |which: usize| {
        let (link, sent) = (counted[which], counted[which][0].data);
        Fate { sent, lost: sent.saturating_sub(came[which]), link }
    };
    Ok(Run { fates: [fate(0), fate(1)] })
}
