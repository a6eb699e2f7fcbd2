//! Many streams at once: what receiving them costs in processor time, and what is lost of them.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::calls::{Caller, Receiver, told};
use super::numbered::Numbered;
use super::server::processor_time;
use super::{Error, Outcome, Rooftop, free_port, number, sum};

/// Takes a chunk of a stream, its number, and when it is due.
type Sender<'a> = Box<dyn FnMut(u64, Duration, &[u8]) + Send + 'a>;

/// How much there is of what.
#[derive(Clone, Copy)]
struct Load {
    streams: u64,
    /// Bit/s of each.
    rate: u64,
    time: Duration,
}

/// What it cost.
struct Cost {
    sent: u64,
    received: u64,
    lost: u64,
    processor: Duration,
    /// How much longer than it should the slowest sender took: the machine has no more to give.
    behind: Duration,
}

/// Prints a line for each receiver.
pub fn run() -> Outcome {
    let mbit = number("INPUTS_MBIT", 10)?;
    let time = Duration::from_secs(number("INPUTS_LOAD_SECONDS", 20)?);
    let load = Load { streams: number("INPUTS_STREAMS", 25)?, rate: mbit * 1_000_000, time };
    println!("load: {} streams of {mbit} Mbit/s for {} s", load.streams, time.as_secs());
    let theirs = libsrt(load)?;
    print("libsrt", &theirs, &theirs);
    let rooftop = Rooftop::start()?;
    print("Rooftop, SRT", &srt(&rooftop, load)?, &theirs);
    print("Rooftop, RTP", &rtp(&rooftop, load)?, &theirs);
    Ok(())
}

fn print(name: &str, cost: &Cost, theirs: &Cost) {
    println!(
        "  {name:<13} {:>6.2} s of processor, {:.2} × libsrt; {} packets sent, {} received, {} lost; senders {:.1} s behind",
        cost.processor.as_secs_f64(),
        cost.processor.as_secs_f64() / theirs.processor.as_secs_f64().max(0.01),
        cost.sent,
        cost.received,
        cost.lost,
        cost.behind.as_secs_f64(),
    );
}

/// Plays a stream on a thread for each of these; gives how many chunks were sent, and how far behind the slowest was.
fn play(load: Load, senders: Vec<Sender<'_>>) -> (u64, Duration) {
    let began = Instant::now();
    let sent = std::thread::scope(|scope| {
        let threads: Vec<_> =
            senders.into_iter().map(|mut send| scope.spawn(move || Numbered::play(load.rate, load.time, &mut send))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).sum()
    });
    (sent, began.elapsed().saturating_sub(load.time))
}

/// Callers, connected, and what feeds them. They hang up when that is dropped.
fn calling(to: impl Iterator<Item = SocketAddr>) -> Result<Vec<Caller>, Error> {
    let callers = to.enumerate().map(|(n, to)| Caller::start(to, &format!("streamid=load-{n}"))).collect::<Result<_, _>>()?;
    std::thread::sleep(Duration::from_secs(2));
    Ok(callers)
}

fn feeding(callers: &mut [Caller]) -> Vec<Sender<'_>> {
    // One that is gone is missing in what was received.
    callers.iter_mut().map(|caller| Box::new(|_, _, chunk: &[u8]| drop(caller.send(chunk))) as Sender<'_>).collect()
}

/// srt-live-transmit, one for each stream.
fn libsrt(load: Load) -> Result<Cost, Error> {
    let ports = (0..load.streams).map(|_| free_port()).collect::<Result<Vec<_>, _>>()?;
    let mut statistics = Vec::new();
    let mut receivers = Vec::new();
    for port in &ports {
        let file = tempfile::NamedTempFile::new()?;
        receivers.push(Receiver::idle(*port, file.path())?);
        statistics.push(file);
    }
    let mut callers = calling(ports.iter().copied())?;
    let processor = || receivers.iter().map(|receiver| processor_time(receiver.id())).sum::<Result<Duration, _>>();
    let before = processor()?;
    let (sent, behind) = play(load, feeding(&mut callers));
    std::thread::sleep(Duration::from_millis(500));
    let processor = processor()? - before;
    drop(callers);
    let (mut received, mut lost) = (0, 0);
    for file in &statistics {
        let (came, gone) = told(&std::fs::read_to_string(file.path())?);
        received += came;
        lost += gone;
    }
    Ok(Cost { sent, received, lost, processor, behind })
}

/// Rooftop, all of them.
fn srt(rooftop: &Rooftop, load: Load) -> Result<Cost, Error> {
    let mut callers = calling((0..load.streams).map(|_| rooftop.srt))?;
    let ((sent, behind), cost) = rooftop.server.cost(|| {
        let played = play(load, feeding(&mut callers));
        std::thread::sleep(Duration::from_millis(500));
        Ok(played)
    })?;
    told_by(rooftop, "srt", sent, behind, cost.processor)
}

/// The same by RTP, payload type 33.
fn rtp(rooftop: &Rooftop, load: Load) -> Result<Cost, Error> {
    let mut sockets = Vec::new();
    for _ in 0..load.streams {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(rooftop.rtp)?;
        sockets.push(socket);
    }
    let senders = sockets.iter().zip(1u32..).map(|(socket, ssrc)| {
        Box::new(move |number: u64, due: Duration, chunk: &[u8]| {
            let (number, timestamp) = ((number as u16).to_be_bytes(), ((due.as_micros() * 9 / 100) as u32).to_be_bytes());
            // RFC 3550, 5.1.
            let _ = socket.send(&[&[0x80, 33], &number[..], &timestamp, &ssrc.to_be_bytes(), chunk].concat());
        }) as Sender<'_>
    });
    let senders = senders.collect();
    let ((sent, behind), cost) = rooftop.server.cost(|| {
        let played = play(load, senders);
        std::thread::sleep(Duration::from_millis(500));
        Ok(played)
    })?;
    told_by(rooftop, "rtp", sent, behind, cost.processor)
}

fn told_by(rooftop: &Rooftop, kind: &str, sent: u64, behind: Duration, processor: Duration) -> Result<Cost, Error> {
    // Figures are told once in a second.
    std::thread::sleep(Duration::from_secs(1));
    let streams = rooftop.streams(kind)?;
    let (received, lost) = (sum(&streams, "packets_received"), sum(&streams, "packets_lost"));
    Ok(Cost { sent, received, lost, processor, behind })
}
