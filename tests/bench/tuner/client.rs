//! Viewers: one that looks for the first decodable frame, and many that just read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

type Error = Box<dyn std::error::Error>;

/// What a viewer saw of its start.
pub struct Joined {
    /// From connecting to the last byte of the first decodable frame.
    pub frame: Duration,
    /// Pictures that came before it and could not be decoded.
    pub undecodable: usize,
    /// Bytes received by the end of the observation.
    pub bytes_by_then: usize,
}

fn connect(address: &str) -> Result<TcpStream, Error> {
    let rest = address.strip_prefix("http://").ok_or("not http")?;
    let (host, path) = rest.split_once('/').ok_or("no path")?;
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(15)))?;
    write!(stream, "GET /{path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: bench\r\n\r\n")?;
    Ok(stream)
}

/// A stream whose head was read, and what came behind it.
pub fn opened(address: &str) -> Result<(TcpStream, Vec<u8>), Error> {
    let mut stream = connect(address)?;
    let mut body = Vec::new();
    let mut buffer = vec![0; 4096];
    loop {
        let n = stream.read(&mut buffer)?;
        body.extend_from_slice(buffer.get(..n).unwrap_or_default());
        if n == 0 || !b"HTTP/1.".iter().zip(&body).all(|(a, b)| a == b) {
            return Err("no answer".into());
        }
        if let Some(end) = body.windows(4).position(|four| four == b"\r\n\r\n") {
            if body.get(9..12) != Some(b"200") {
                return Err(format!("answered {}", String::from_utf8_lossy(body.get(..40).unwrap_or(&body))).into());
            }
            body.drain(..end + 4);
            return Ok((stream, body));
        }
    }
}

/// Reads until the first keyframe is complete, and for `longer` after it.
pub fn first_frame(address: &str, longer: Duration) -> Result<Joined, Error> {
    let began = Instant::now();
    let mut stream = connect(address)?;
    let mut buffer = vec![0; 256 * 1024];
    let mut body = Vec::new();
    let mut head = true;
    let mut seen = Seen::default();
    let mut scanned = 0;
    let mut frame = None;
    loop {
        if frame.is_some_and(|frame| began.elapsed() >= frame + longer) {
            break;
        }
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Err("the stream ended before its first frame".into());
        }
        body.extend_from_slice(buffer.get(..n).unwrap_or_default());
        if head {
            let Some(end) = body.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            if !body.starts_with(b"HTTP/1.1 200") && !body.starts_with(b"HTTP/1.0 200") {
                return Err(format!("answered {}", String::from_utf8_lossy(body.get(..40).unwrap_or(&body))).into());
            }
            body.drain(..end + 4);
            head = false;
        }
        while let Some(packet) = body.get(scanned..scanned + 188) {
            scanned += 188;
            if frame.is_none() && seen.packet(packet) {
                frame = Some(began.elapsed());
            }
        }
    }
    Ok(Joined { frame: frame.unwrap_or_default(), undecodable: seen.undecodable, bytes_by_then: body.len() })
}

/// Follows the video PID: which is the one whose PES packets are of stream id 0xE0.
#[derive(Default)]
struct Seen {
    pid: Option<u16>,
    keyframe: bool,
    undecodable: usize,
}

impl Seen {
    /// Whether the first keyframe is complete, which shows by the beginning of the next picture.
    fn packet(&mut self, packet: &[u8]) -> bool {
        let [_, high, low, control, rest @ ..] = packet else { return false };
        let pid = u16::from(high & 0x1F) << 8 | u16::from(*low);
        if high & 0x40 == 0 || self.pid.is_some_and(|video| video != pid) {
            return false;
        }
        let adaptation = if control & 0x20 != 0 { 1 + usize::from(rest.first().copied().unwrap_or(0)) } else { 0 };
        let begins_video = rest.get(adaptation..adaptation + 4) == Some(&[0, 0, 1, 0xE0]);
        if !begins_video {
            return false;
        }
        self.pid = Some(pid);
        if self.keyframe {
            return true;
        }
        self.keyframe = adaptation > 1 && rest.get(1).is_some_and(|flags| flags & 0x40 != 0);
        if !self.keyframe {
            self.undecodable += 1;
        }
        false
    }
}

/// Viewers that read as fast as it comes and keep nothing.
pub struct Drain {
    received: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Drain {
    pub fn start(address: &str, viewers: usize) -> Result<Self, Error> {
        let (received, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let mut threads = Vec::new();
        for _ in 0..viewers {
            let mut stream = connect(address)?;
            let (received, stop) = (received.clone(), stop.clone());
            threads.push(std::thread::spawn(move || {
                let mut buffer = vec![0; 64 * 1024];
                while !stop.load(Ordering::Relaxed) {
                    match stream.read(&mut buffer) {
                        Ok(n) if n > 0 => received.fetch_add(n as u64, Ordering::Relaxed),
                        _ => return,
                    };
                }
            }));
        }
        Ok(Self { received, stop, threads })
    }

    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
