//! A source that is on air ends, or stalls: what its viewer has of it, and when the next one is on.

use std::collections::HashMap;
use std::io::Read;
use std::time::{Duration, Instant};

use super::client;
use super::origin::{Fault, Origin, Stream, TAIL as ORIGIN_TAIL};
use super::process::Rooftop;
use super::{Outcome, ms, quantile};

const ROUNDS: usize = 6;
/// A source that served for so long is one that is lost for the first time.
const HEALTHY: Duration = Duration::from_secs(21);
/// So much is looked at after a loss.
const AFTER: Duration = Duration::from_secs(6);

/// Packets of the stream that are further apart, or of which none came for so long, come from another source: a quarter of a
/// second of it.
const APART: (usize, Duration) = (1500, Duration::from_millis(250));

/// What the reference does, as it was measured: hdhriptv.md, sections 2.5 and 3.
const REFERENCE: [(Fault, &str); 2] = [
    (Fault::End, "reference: 1.4 s of silence, counters begin anew"),
    (Fault::Stall, "reference: 4 s and more of silence, the next source is dialled after 6.3 s"),
];

/// What the losses of a source cost.
struct Losses {
    silences: Vec<Duration>,
    /// Continuity errors and times that go back.
    faults: usize,
    /// From each loss to the other source being seen, and how much of that is the other source's own.
    backs: Vec<(Duration, Duration)>,
}

/// Two sources of one channel, each an account of its own; the one on air is lost again and again.
pub fn run(stream: &Stream) -> Outcome {
    for (fault, reference) in REFERENCE {
        let Losses { mut silences, faults, backs } = losses(stream, fault, false)?;
        let mut beyond: Vec<_> = backs.iter().map(|(back, own)| back.saturating_sub(*own)).collect();
        let mut whole: Vec<_> = backs.into_iter().map(|(back, _)| back).collect();
        let goals = match fault {
            Fault::End => "goals 100 ms, 0, 100 ms",
            Fault::Stall => "goals 300 ms, 0, 1.3 s",
        };
        println!(
            "failover, {fault:?}: longest silence median {:.0} ms, most {:.0} ms; {faults} errors; back on live, from the loss \
             and less what the next source itself takes to its first keyframe, median {:.0} ms, most {:.0} ms; with it \
             median {:.0} ms, most {:.0} ms ({goals}; {reference})",
            ms(quantile(&mut silences, 0.5)),
            ms(quantile(&mut silences, 1.0)),
            ms(quantile(&mut beyond, 0.5)),
            ms(quantile(&mut beyond, 1.0)),
            ms(quantile(&mut whole, 0.5)),
            ms(quantile(&mut whole, 1.0)),
        );
    }
    for fault in [Fault::End, Fault::Stall] {
        standby(stream, fault)?;
    }
    Ok(())
}

/// The same, where the other source is kept ready.
fn standby(stream: &Stream, fault: Fault) -> Outcome {
    let Losses { mut silences, faults, backs } = losses(stream, fault, true)?;
    let mut backs: Vec<_> = backs.into_iter().map(|(back, _)| back).collect();
    let goals = match fault {
        Fault::End => "goals 0, 500 ms",
        Fault::Stall => "goals 0, 1.5 s",
    };
    println!(
        "hot standby, {fault:?}: longest silence median {:.0} ms, most {:.0} ms; {faults} errors; back on live from the loss median \
         {:.0} ms, most {:.0} ms ({goals})",
        ms(quantile(&mut silences, 0.5)),
        ms(quantile(&mut silences, 1.0)),
        ms(quantile(&mut backs, 0.5)),
        ms(quantile(&mut backs, 1.0)),
    );
    Ok(())
}

/// Loses the source on air again and again. `ready`: the other one is kept open, and known by its place in the stream; else it is
/// dialled, begins at its beginning, and is known by its first keyframe.
fn losses(stream: &Stream, fault: Fault, ready: bool) -> Result<Losses, Box<dyn std::error::Error>> {
    let origin = Origin::from_start(stream)?;
    let lists = [origin.playlist_of("one", 0)?, origin.playlist_of("one", 1)?];
    let settings: &[_] = if ready { &[("ROOFTOP_RECOVERY_HOT_STANDBY", "true")] } else { &[] };
    let rooftop = Rooftop::start_with(&lists, settings)?;
    let mut viewer = Viewer::open(&rooftop.channel(0)?, stream.first_keyframe()?.1)?;
    if ready {
        viewer.places = stream.places();
    }
    let mut losses = Losses { silences: Vec::new(), faults: 0, backs: Vec::new() };
    for _ in 0..ROUNDS {
        viewer.read_for(HEALTHY)?;
        let lost = Instant::now();
        if ready {
            origin.lose_oldest(fault)
        } else {
            origin.lose(fault)
        }
        let seen = viewer.read_for(AFTER)?;
        losses.faults += seen.faults;
        losses.silences.push(seen.silence);
        losses.backs.push(if ready {
            (seen.elsewhere.ok_or("the other source never came")? - lost, Duration::ZERO)
        } else {
            let (dialled, due) = origin.first_keyframe_after(lost).ok_or("no other source was dialled")?;
            let come = seen.marks.iter().find(|at| **at >= due).ok_or("the other source never came")?;
            (*come - lost, due - dialled)
        });
    }
    Ok(losses)
}

/// What was seen for a while.
struct Seen {
    silence: Duration,
    /// Continuity errors and times that go back.
    faults: usize,
    /// When the picture came that a source begins with.
    marks: Vec<Instant>,
    /// When bytes came from another place of the stream than those that follow the ones before.
    elsewhere: Option<Instant>,
}

/// A viewer that judges as it reads.
struct Viewer {
    stream: std::net::TcpStream,
    rest: Vec<u8>,
    counters: HashMap<u16, u8>,
    decoding: HashMap<u16, u64>,
    mark: Vec<u8>,
    /// Where in the stream packets lie that end like this.
    places: HashMap<Vec<u8>, usize>,
    place: Option<(usize, Instant)>,
}

impl Viewer {
    fn open(address: &str, mark: Vec<u8>) -> Result<Self, Box<dyn std::error::Error>> {
        let (stream, rest) = client::opened(address)?;
        Ok(Self { stream, rest, counters: HashMap::new(), decoding: HashMap::new(), mark, places: HashMap::new(), place: None })
    }

    fn read_for(&mut self, time: Duration) -> Result<Seen, Box<dyn std::error::Error>> {
        let began = Instant::now();
        let mut seen = Seen { silence: Duration::ZERO, faults: 0, marks: Vec::new(), elsewhere: None };
        let mut last = began;
        let mut buffer = vec![0; 256 * 1024];
        while began.elapsed() < time {
            let n = self.stream.read(&mut buffer)?;
            if n == 0 {
                return Err("the client was let go".into());
            }
            let now = Instant::now();
            seen.silence = seen.silence.max(now - last);
            last = now;
            self.rest.extend_from_slice(buffer.get(..n).unwrap_or_default());
            let whole = self.rest.len() / 188 * 188;
            let packets: Vec<u8> = self.rest.drain(..whole).collect();
            for packet in packets.as_chunks::<188>().0 {
                self.packet(packet, now, &mut seen);
            }
        }
        Ok(seen)
    }

    fn packet(&mut self, packet: &[u8; 188], now: Instant, seen: &mut Seen) {
        let pid = u16::from(packet[1] & 0x1F) << 8 | u16::from(packet[2]);
        if packet[0] != 0x47 || pid == 0x1FFF {
            seen.faults += usize::from(packet[0] != 0x47);
            return;
        }
        let (counter, has_payload) = (packet[3] & 0xF, packet[3] & 0x10 != 0);
        if let Some(last) = self.counters.insert(pid, counter) {
            seen.faults += usize::from(counter != if has_payload { (last + 1) & 0xF } else { last });
        }
        let at = if packet[3] & 0x20 != 0 { 5 + usize::from(packet[4]) } else { 4 };
        let payload = packet.get(at..).unwrap_or_default();
        if packet[1] & 0x40 != 0
            && let Some(time) = decoding_time(payload)
        {
            let last = self.decoding.insert(pid, time);
            seen.faults += usize::from(last.is_some_and(|last| time.wrapping_sub(last) & ((1 << 33) - 1) > 1 << 32));
        }
        if let Some(place) = packet.get(ORIGIN_TAIL..).and_then(|tail| self.places.get(tail)).copied() {
            let last = self.place.replace((place, now));
            if last.is_some_and(|(last, at)| place.abs_diff(last) > APART.0 || now - at > APART.1) {
                seen.elsewhere.get_or_insert(now);
            }
        }
        if payload.ends_with(&self.mark) {
            seen.marks.push(now);
        }
    }
}

/// DTS, or PTS where there is none, of a PES packet that begins here (13818-1, 2.4.3.7).
fn decoding_time(payload: &[u8]) -> Option<u64> {
    let at = match payload.get(7)? >> 6 {
        _ if payload.get(..3)? != [0, 0, 1] => return None,
        3 => 14,
        2 => 9,
        _ => return None,
    };
    let field: [u8; 5] = payload.get(at..at + 5)?.try_into().ok()?;
    let [a, b, c, d, e] = field.map(u64::from);
    Some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
}
