//! Streams that are pushed to Rooftop as a process, measured from outside beside libsrt's own receivers in the same run: what bad links
//! cost, and what many streams at once cost.
//!
//! `cargo bench --bench inputs [-- NAME…]`, with `loss` and `load` as names, builds the optimised program and prints a few lines each.
//! Everything is on the loopback interface; needs Debian's `srt-tools`. Sizes are taken from the environment: `INPUTS_SECONDS` (30) and
//! `INPUTS_SEEDS` (3) of each link, `INPUTS_STREAMS` (25), `INPUTS_MBIT` (10) and `INPUTS_LOAD_SECONDS` (20) of the load.

mod calls;
#[expect(dead_code, unused_imports, reason = "the tests use the rest of it, and there are tests in it")]
#[path = "../../it/support/lossy/mod.rs"]
mod lossy;
#[expect(dead_code, unused_imports, reason = "the tests use the rest of it, and there are tests in it")]
#[path = "../../it/support/numbered.rs"]
mod numbered;
#[expect(dead_code, reason = "the feeds use the rest of it")]
#[path = "../feeds/server.rs"]
mod server;

mod load;
mod loss;

use std::net::{SocketAddr, UdpSocket};

use serde_json::Value;
use server::Server;

type Error = Box<dyn std::error::Error>;
type Outcome = Result<(), Error>;

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--bench")).collect();
    let mut failed = false;
    for (name, run) in [("loss", loss::run as fn() -> Outcome), ("load", load::run)] {
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

/// A Rooftop, and where it takes streams by SRT and by RTP.
struct Rooftop {
    server: Server,
    srt: SocketAddr,
    rtp: SocketAddr,
    _data: tempfile::TempDir,
}

impl Rooftop {
    fn start() -> Result<Self, Error> {
        let (srt, rtp, data) = (free_port()?, free_port()?, tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?);
        let settings = [
            ("ROOFTOP_SRT_LISTEN", srt.to_string()),
            ("ROOFTOP_RTP_LISTEN", rtp.to_string()),
            // Callers say what they want.
            ("ROOFTOP_SRT_LATENCY_MS", "20".into()),
            ("ROOFTOP_SRT_MAX_CONNECTIONS", "200".into()),
            ("ROOFTOP_RTP_MAX_SESSIONS", "200".into()),
        ];
        let server = Server::start_with(&data.path().join("data"), &settings)?;
        Ok(Self { server, srt, rtp, _data: data })
    }

    /// What the API says of all streams that have come in by SRT, or by RTP.
    fn streams(&self, kind: &str) -> Result<Vec<Value>, Error> {
        let all = self.server.json("GET", "/api/v1/streams", &Value::Null)?;
        let streams = all["streams"].as_array().ok_or("no streams")?;
        Ok(streams.iter().filter(|stream| stream["type"] == kind).cloned().collect())
    }
}

/// The sum of one of their counters.
fn sum(streams: &[Value], what: &str) -> u64 {
    streams.iter().filter_map(|stream| stream["stats"][what].as_u64()).sum()
}

/// A port that nobody has, nor the one beside it.
fn free_port() -> Result<SocketAddr, Error> {
    for _ in 0..100 {
        let (socket, port) = (UdpSocket::bind("127.0.0.1:0")?, |socket: &UdpSocket| socket.local_addr());
        let addr = port(&socket)?;
        let is_even = addr.port() % 2 == 0;
        if is_even && UdpSocket::bind((addr.ip(), addr.port() + 1)).is_ok() {
            return Ok(addr);
        }
    }
    Err("there is no free port".into())
}

/// A number of the environment.
fn number(name: &str, default: u64) -> Result<u64, Error> {
    match std::env::var(name) {
        Ok(text) => Ok(text.parse().map_err(|_| format!("{name}={text} is no number"))?),
        Err(_) => Ok(default),
    }
}
