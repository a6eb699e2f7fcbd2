//! libsrt's own programs: who calls, and who is called.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::Error;
use super::numbered::Tally;

/// Programs end within so long when they are told to.
const PATIENCE: Duration = Duration::from_secs(5);

fn transmit(from: &str, to: &str) -> Command {
    let mut command = Command::new("srt-live-transmit");
    command
        .args(["-q", "-a:no", "-chunk:1316", "-buffering:1", from, to])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// A program that calls, and sends what is written to it. It hangs up when dropped.
pub struct Caller {
    child: Child,
    feed: ChildStdin,
}

impl Caller {
    /// Calls with these options. It takes what is written to it once it is connected.
    pub fn start(to: SocketAddr, options: &str) -> Result<Self, Error> {
        let mut command = transmit("file://con", &format!("srt://{to}?mode=caller&{options}"));
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        let feed = child.stdin.take().ok_or("no input")?;
        Ok(Self { child, feed })
    }

    pub fn send(&mut self, chunk: &[u8]) -> Result<(), Error> {
        Ok(self.feed.write_all(chunk)?)
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        // It does not end with its input, and says goodbye when it is told to end.
        end(&mut self.child);
    }
}

/// A program that is called.
pub struct Receiver {
    child: Child,
    tally: Option<JoinHandle<Tally>>,
}

impl Receiver {
    /// Looks at everything that comes.
    pub fn counting(at: SocketAddr, options: &str) -> Result<Self, Error> {
        let mut command = transmit(&format!("srt://{at}?mode=listener&{options}"), "file://con");
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut out = child.stdout.take().ok_or("no output")?;
        let tally = std::thread::spawn(move || {
            let (mut tally, mut buffer) = (Tally::default(), vec![0; 64 * 1024]);
            while let Ok(length @ 1..) = out.read(&mut buffer) {
                tally.take(buffer.get(..length).unwrap_or_default());
            }
            tally
        });
        Ok(Self { child, tally: Some(tally) })
    }

    /// Throws away what comes, and keeps statistics in this file.
    pub fn idle(at: SocketAddr, statistics: &Path) -> Result<Self, Error> {
        let mut command = transmit(&format!("srt://{at}?mode=listener"), "file://con");
        command.args(["-s:500", "-pf:json", "-f"]).arg(format!("-statsout:{}", statistics.display()));
        Ok(Self { child: command.spawn()?, tally: None })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What came. Its caller's goodbye may be lost.
    pub fn finish(mut self) -> Result<Tally, Error> {
        end(&mut self.child);
        self.tally.take().ok_or("nothing was counted")?.join().map_err(|_| "what came could not be counted".into())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn end(child: &mut Child) {
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Packets that came to a receiver, and those it has given up, as its statistics tell in the end: each line has all so far.
pub fn told(statistics: &str) -> (u64, u64) {
    let mut lines = statistics.lines().rev().map(|line| serde_json::from_str::<Value>(line.trim().trim_end_matches(',')));
    let last = lines.find_map(Result::ok).unwrap_or_default();
    let of = |what: &str| last["recv"][what].as_u64().unwrap_or(0);
    (of("packets"), of("packetsDropped"))
}
