//! A viewer that records, and leaves in the way it is told.

use std::io::{BufReader, ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::http::{Request, Response};
use super::netns::Netns;
use super::wait;

/// How a viewer leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// It closes its side and reads on to the end.
    Fin,
    /// It resets the connection.
    Rst,
}

struct Tape {
    bytes: Vec<u8>,
    arrivals: Vec<(Instant, usize)>,
    opened: Instant,
    ended: Option<Instant>,
}

impl Tape {
    /// Times without a byte, each with its end: from the head to the first byte, between any two, and from the last one to now
    /// or to the end.
    fn silences(&self) -> impl Iterator<Item = (Instant, Duration)> {
        let last = self.ended.unwrap_or_else(Instant::now);
        let mut before = self.opened;
        let times = self.arrivals.iter().map(|(at, _)| *at).chain([last]);
        times.map(move |at| (at, at.duration_since(std::mem::replace(&mut before, at))))
    }
}

/// A client whose stream has begun.
pub struct Viewer {
    /// The head's fields.
    pub headers: Vec<(String, String)>,
    stream: Option<TcpStream>,
    tape: Arc<Mutex<Tape>>,
    leaving: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Viewer {
    /// Opens `path` on port 5004 and records from then on; fails the test unless the status is 200.
    pub fn open(netns: &Netns, path: &str) -> Self {
        match Self::attempt(netns, &Request::get(path)) {
            Ok(viewer) => viewer,
            Err(response) => panic!("{path}: {} {:?}", response.status, response.headers),
        }
    }

    /// The same, but gives back an answer that is not 200.
    pub fn attempt(netns: &Netns, request: &Request) -> Result<Self, Box<Response>> {
        Self::attempt_at(netns, request, "10.77.0.1:5004")
    }

    /// The same at another address.
    pub fn attempt_at(netns: &Netns, request: &Request, to: &str) -> Result<Self, Box<Response>> {
        let response = request.send(netns, to).unwrap();
        if response.status != 200 {
            return Err(Box::new(response));
        }
        let headers = response.headers.clone();
        let reader = response.into_stream();
        let stream = reader.get_ref().try_clone().unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let tape = Tape { bytes: Vec::new(), arrivals: Vec::new(), opened: Instant::now(), ended: None };
        let tape = Arc::new(Mutex::new(tape));
        let leaving = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (tape, leaving) = (Arc::clone(&tape), Arc::clone(&leaving));
            move || record(reader, &tape, &leaving)
        });
        Ok(Self { headers, stream: Some(stream), tape, leaving, thread: Some(thread) })
    }

    /// A header field's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Bytes recorded so far.
    pub fn len(&self) -> usize {
        self.tape.lock().unwrap().bytes.len()
    }

    /// A copy of what is recorded so far.
    pub fn so_far(&self) -> Vec<u8> {
        self.tape.lock().unwrap().bytes.clone()
    }

    /// Whether the server has ended the stream.
    pub fn ended(&self) -> bool {
        self.tape.lock().unwrap().ended.is_some()
    }

    /// Waits for that many more bytes.
    pub fn more(&self, bytes: usize, limit: Duration) {
        let goal = self.len() + bytes;
        wait::until_so(&format!("{bytes} more bytes"), limit, || self.len() >= goal);
    }

    /// The longest time without a byte, up to now or to the end.
    pub fn longest_gap(&self) -> Duration {
        self.tape.lock().unwrap().silences().map(|(_, silence)| silence).max().unwrap_or_default()
    }

    /// The longest time without a byte that was not over at `moment`, up to now or to the end.
    pub fn silence_since(&self, moment: Instant) -> Duration {
        let tape = self.tape.lock().unwrap();
        tape.silences().filter(|(over, _)| *over >= moment).map(|(_, silence)| silence).max().unwrap_or_default()
    }

    /// When the head came.
    pub fn opened(&self) -> Instant {
        self.tape.lock().unwrap().opened
    }

    /// How many bytes had come at a moment.
    pub fn len_at(&self, moment: Instant) -> usize {
        self.tape.lock().unwrap().arrivals.iter().take_while(|(at, _)| *at <= moment).map(|(_, length)| length).sum()
    }

    /// Leaves, and gives the recording.
    pub fn leave(mut self, how: Leave) -> Vec<u8> {
        self.go(how);
        std::mem::take(&mut self.tape.lock().unwrap().bytes)
    }

    /// Waits for the server to end the stream, and gives the recording.
    pub fn read_to_the_end(mut self, limit: Duration) -> Vec<u8> {
        wait::until_so("the end of the stream", limit, || self.ended());
        self.go(Leave::Fin);
        std::mem::take(&mut self.tape.lock().unwrap().bytes)
    }

    fn go(&mut self, how: Leave) {
        let (Some(thread), Some(stream)) = (self.thread.take(), self.stream.take()) else { return };
        match how {
            Leave::Fin => {
                let _ = stream.shutdown(Shutdown::Write);
                // A server that does not notice is not waited for: the tests look at its state.
                let deadline = Instant::now() + Duration::from_secs(2);
                while !thread.is_finished() && Instant::now() < deadline {
                    std::thread::sleep(Duration::from_millis(5));
                }
                self.leaving.store(true, Ordering::Relaxed);
                let _ = stream.shutdown(Shutdown::Both);
            }
            // The reset is sent when the last handle is closed: the thread's or this one.
            Leave::Rst => {
                self.leaving.store(true, Ordering::Relaxed);
                socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
        drop(stream);
        thread.join().unwrap();
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.go(Leave::Rst);
    }
}

fn record(mut reader: BufReader<TcpStream>, tape: &Mutex<Tape>, leaving: &AtomicBool) {
    let mut buffer = vec![0; 256 * 1024];
    while !leaving.load(Ordering::Relaxed) {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                let mut tape = tape.lock().unwrap();
                tape.bytes.extend_from_slice(&buffer[..length]);
                tape.arrivals.push((Instant::now(), length));
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => break,
        }
    }
    tape.lock().unwrap().ended = Some(Instant::now());
}
