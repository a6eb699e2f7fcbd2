//! A household for hours: eight channels, four viewers each, and every two seconds something goes wrong at a provider. What is
//! left over afterwards, and what was recorded meanwhile.
//!
//! Three minutes in `make test`; `make prove` gives `ROOFTOP_IT_SOAK_S` and another `ROOFTOP_IT_SEED`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::app::{App, Setup};
use crate::support::media::Kind;
use crate::support::netns::Netns;
use crate::support::playlist::entry;
use crate::support::random::Random;
use crate::support::ts_oracle::{Rules, aligned, examine};
use crate::support::upstream::{Cue, Live, Origin, Script, Tweak};
use crate::support::viewer::{Leave, Viewer};
use crate::support::wait;
use crate::support::watcher::Watcher;

const CHANNELS: usize = 8;
const WATCHERS: usize = 3;
/// Between two faults.
const EVERY: Duration = Duration::from_secs(2);
/// A recording is judged and begun anew after so long.
const TAPE: Duration = Duration::from_secs(45);
/// From then on memory must not grow: rings are full, allocators have what they need.
const WARM: Duration = Duration::from_secs(300);
/// What a recorder may find: anything but a missing packet, a step back, a hole or a broken table. Sources lose packets here, and a
/// PCR or the beginning of a unit may be among them.
const SOUND: Rules = Rules { pcr_gap_ms: 2000, dts_step_ms: 2000, announced_jumps: true };
/// What counts as a silence on a machine that may be busy.
const SILENCE: Duration = Duration::from_secs(4);
/// So much may be missing of a recording: time is a source's own while it trickles, and it is given up after up to five seconds.
const STOOD_STILL: Duration = Duration::from_secs(15);

fn kind(channel: usize) -> Kind {
    [Kind::Small, Kind::Hevc, Kind::Small, Kind::Mpeg2, Kind::Small, Kind::Radio, Kind::Small, Kind::Small][channel % CHANNELS]
}

fn path(channel: usize, source: usize) -> String {
    format!("/channel{channel}/{source}")
}

fn good(channel: usize) -> Live {
    Live::new(&kind(channel).media())
}

/// What goes wrong with a source, and how its next request is answered meanwhile.
fn fault(random: &mut Random, channel: usize) -> (&'static str, Option<Cue>, Script) {
    let live = good(channel);
    let late = Duration::from_millis(random.below(3000));
    match random.below(14) {
        0 => ("ends", Some(Cue::End), live.script()),
        1 => ("ends and is gone", Some(Cue::End), Script::Status(404, vec![])),
        2 => ("is reset", Some(Cue::Reset), Script::Close),
        3 => ("stalls", Some(Cue::Stall), live.script()),
        4 => ("stalls and hangs", Some(Cue::Stall), Script::Hang),
        5 => ("turns to noise", Some(Cue::Garbage), live.script()),
        6 => ("turns to null packets", Some(Cue::Nulls), live.script()),
        7 => ("trickles", Some(Cue::Trickle), live.script()),
        8 => ("leaps in time", Some(Cue::Leap), live.script()),
        9 => ("ends, refuses the account", Some(Cue::End), Script::Status(503, vec![("Retry-After", "2".into())])),
        10 => ("ends, comes late", Some(Cue::End), Script::Late(late, Box::new(live.script()))),
        11 => ("ends, loses packets", Some(Cue::End), live.tweak(Tweak::Loss).script()),
        12 => ("ends, repeats packets", Some(Cue::End), live.tweak(Tweak::Repeats).script()),
        _ => ("ends, one at a time", Some(Cue::End), Script::Limited(1, Box::new(live.script()))),
    }
}

/// A house whose channels have two sources, each an account of its own.
struct House {
    app: App,
    origin: Origin,
    netns: Arc<Netns>,
    healing: Vec<(Instant, usize, usize)>,
    /// How many faults of each kind there were.
    faults: HashMap<&'static str, usize>,
}

impl House {
    fn new() -> Self {
        let netns = Arc::new(Netns::new());
        let origin = Origin::start(&netns);
        let mut entries = Vec::new();
        for channel in 0..CHANNELS {
            for source in 0..2 {
                origin.set(&path(channel, source), good(channel).script());
                let (number, name) = ((channel + 1).to_string(), format!("Channel {channel}"));
                let id = format!("tvg-id=\"{channel}\"");
                entries.push(entry(&number, &name, &origin.url(&path(channel, source))).with(&id));
            }
        }
        let app = Setup::new(&netns).tuners(CHANNELS as u8).playlist_each(&entries).quiet().start();
        Self { app, origin, netns, healing: Vec::new(), faults: HashMap::new() }
    }

    fn path_of(channel: usize) -> String {
        format!("/auto/v{}", channel + 1)
    }

    fn watch(&self, channel: usize) -> Watcher {
        Watcher::open(&self.netns, &Self::path_of(channel))
    }

    fn record(&self, channel: usize) -> Viewer {
        Viewer::open(&self.netns, &Self::path_of(channel))
    }

    /// Something goes wrong at a source that is well; what is long enough ill is made well.
    fn disturb(&mut self, random: &mut Random) {
        let now = Instant::now();
        let healed: Vec<_> = self.healing.extract_if(.., |(at, ..)| *at <= now).collect();
        for (_, channel, source) in healed {
            self.heal(channel, source);
        }
        let (channel, source) = (random.below(CHANNELS as u64) as usize, random.below(2) as usize);
        if self.healing.iter().any(|(_, ill, _)| *ill == channel) {
            return;
        }
        let (name, cue, next) = fault(random, channel);
        let at = path(channel, source);
        if let Some(cue) = cue {
            self.origin.cue(&at, cue);
        }
        self.origin.set(&at, next);
        *self.faults.entry(name).or_default() += 1;
        self.healing.push((now + Duration::from_millis(1000 + random.below(6000)), channel, source));
    }

    fn heal(&self, channel: usize, source: usize) {
        self.origin.set(&path(channel, source), good(channel).script());
    }

    /// Open files once nothing of the start is open any more: the count has been the same for a while.
    fn descriptors(&self) -> usize {
        let (mut seen, mut since) = (self.app.descriptors(), Instant::now());
        wait::until_so("a start that is over", Duration::from_secs(20), || {
            let now = self.app.descriptors();
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
            since.elapsed() > Duration::from_millis(500)
        });
        seen
    }

    fn in_use(&self) -> usize {
        self.app.metric("rooftop_provider_connections").unwrap() as usize
    }
}

#[test]
fn a_household_with_faults_every_two_seconds() {
    let seconds = std::env::var("ROOFTOP_IT_SOAK_S").ok().and_then(|text| text.parse().ok()).unwrap_or(180);
    let mut random = Random::from_environment(3);
    println!("seed {}, {seconds} s", random.seed());
    let mut house = House::new();
    let descriptors = house.descriptors();
    let begun = Instant::now();
    let mut recorders: Vec<(Instant, Viewer)> = (0..CHANNELS).map(|channel| (Instant::now(), house.record(channel))).collect();
    let mut watchers: Vec<Watcher> = (0..CHANNELS * WATCHERS).map(|index| house.watch(index % CHANNELS)).collect();
    // Those that begin with the first use of something stay.
    let threads = house.app.threads();
    let mut memory = Vec::new();
    let mut judged = 0;
    while begun.elapsed() < Duration::from_secs(seconds) {
        house.disturb(&mut random);
        thread::sleep(EVERY);
        memory.push((begun.elapsed(), house.app.resident_kib()));
        for (channel, (since, recorder)) in recorders.iter_mut().enumerate() {
            assert!(!recorder.ended(), "channel {channel} was ended after {:?}", begun.elapsed());
            if since.elapsed() >= TAPE {
                judged += judge(channel, std::mem::replace(recorder, house.record(channel)));
                *since = Instant::now();
            }
        }
        // Some come and go.
        let one = random.below(watchers.len() as u64 * 4) as usize;
        if one < watchers.len() {
            watchers[one] = house.watch(one % CHANNELS);
        }
        let ended = watchers.iter().position(Watcher::ended);
        assert!(ended.is_none(), "watcher {ended:?} was ended after {:?}", begun.elapsed());
    }
    for (channel, (_, recorder)) in recorders.into_iter().enumerate() {
        judged += judge(channel, recorder);
    }
    let seen: u64 = watchers.iter().map(Watcher::bytes).sum();
    drop(watchers);
    println!("faults: {:?}", house.faults);
    println!("{judged} packets judged, {} MB watched by those who stayed, resident KiB: {memory:?}", seen / 1_000_000);
    assert!(judged > 0 && house.faults.len() > 5);
    flat(&memory);
    nothing_is_left(&mut house, descriptors, &threads);
}

/// Fails where a recording could not be played; says how many packets it has.
fn judge(channel: usize, recorder: Viewer) -> usize {
    let (silence, watched) = (recorder.longest_gap(), recorder.opened().elapsed());
    let tape = recorder.leave(Leave::Fin);
    let found = examine(aligned(&tape), SOUND);
    assert!(silence <= SILENCE, "channel {channel}: {silence:?} of silence");
    assert!(found.duration + STOOD_STILL >= watched, "channel {channel}: {:?} recorded of {watched:?}", found.duration);
    assert!(found.faults.is_empty(), "channel {channel}: {:#?}", &found.faults[..found.faults.len().min(10)]);
    assert_ne!(found.video_starts_random_access, Some(false));
    found.packets
}

/// After the first minutes memory neither grows nor creeps.
fn flat(memory: &[(Duration, u64)]) {
    let warm: Vec<f64> = memory.iter().filter(|(at, _)| *at > WARM).map(|(_, kib)| *kib as f64).collect();
    let third = warm.len() / 3;
    if third < 10 {
        return;
    }
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (early, late) = (mean(&warm[..third]), mean(&warm[warm.len() - third..]));
    println!("resident {early:.0} KiB early, {late:.0} KiB late");
    assert!((late / early - 1.0).abs() <= 0.05, "memory went from {early:.0} to {late:.0} KiB");
}

/// So many threads of a name may stay.
fn most(name: &str, played: &BTreeMap<String, usize>) -> usize {
    match name {
        // Those for blocking work end soon after it; those that remain carry the tasks.
        "tokio-rt-worker" => thread::available_parallelism().unwrap().get(),
        // Begun with the first event that is kept.
        "sled-io-" => 7,
        name => played.get(name).copied().unwrap_or_default(),
    }
}

fn nothing_is_left(house: &mut House, descriptors: usize, threads: &BTreeMap<String, usize>) {
    let limit = Duration::from_secs(20);
    wait::until_so("sessions to close", limit, || house.app.busy() == 0 && house.in_use() == 0 && house.origin.live() == 0);
    let given_back = wait::quietly(limit, || house.app.descriptors() <= descriptors);
    assert!(given_back, "{descriptors} descriptors at the start, now: {:#?}", house.app.open_files());
    // Of the store: one that writes, four that read, and what belongs to each.
    let of = |end: &str| house.app.open_files().iter().filter(|file| file.ends_with(end)).count();
    assert!(of("/rooftop.db") <= 5 && of("/rooftop.db-wal") <= 5, "{:#?}", house.app.open_files());
    let ended = wait::quietly(limit, || house.app.threads().iter().all(|(name, count)| *count <= most(name, threads)));
    assert!(ended, "threads while all was played: {threads:?}, now: {:?}", house.app.threads());
    house.app.assert_well();
}
