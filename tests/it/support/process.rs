//! Running the real clients: each with a time limit, its output kept, never left behind.

use std::io::Read;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// What a program left.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
    /// How long it ran.
    pub elapsed: Duration,
}

impl Output {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Its exit code; -1 when a signal ended it.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// Fails the test unless it ended with 0; gives its standard output.
    pub fn ok(self) -> String {
        assert_eq!(self.code(), 0, "{self:#?}");
        self.text()
    }
}

/// A running program; killed when dropped. It stays in the test's process group, which nextest kills as a whole.
pub struct Running {
    child: Child,
    pid: Pid,
    stdout: Option<Pipe>,
    stderr: Option<Pipe>,
    started: Instant,
    name: String,
}

/// Starts a program.
pub fn start(command: &mut Command) -> Running {
    launch(command.stdin(Stdio::null()))
}

/// Starts a program that reads what is written to it.
pub fn start_fed(command: &mut Command) -> (Running, ChildStdin) {
    let mut running = launch(command.stdin(Stdio::piped()));
    let feed = running.child.stdin.take().unwrap();
    (running, feed)
}

fn launch(command: &mut Command) -> Running {
    let name = format!("{command:?}");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
    let pid = Pid::from_child(&child);
    let stdout = child.stdout.take().map(collect);
    let stderr = child.stderr.take().map(collect);
    Running { child, pid, stdout, stderr, started: Instant::now(), name }
}

/// Runs a program to its end; fails the test when that takes longer than `limit`.
pub fn run(command: &mut Command, limit: Duration) -> Output {
    start(command).finish(limit)
}

impl Running {
    /// Waits for the end; fails the test when that takes longer than `limit`.
    pub fn finish(mut self, limit: Duration) -> Output {
        let deadline = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() >= deadline {
                self.signal(Signal::KILL);
                let _ = self.child.wait();
                let (stdout, stderr) = self.output();
                panic!("not over within {limit:?}: {}\n{}\n{stderr}", self.name, String::from_utf8_lossy(&stdout));
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let elapsed = self.started.elapsed();
        let (stdout, stderr) = self.output();
        Output { status, stdout, stderr, elapsed }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process(self.pid, signal);
    }

    /// What it has said so far, on standard output and then on standard error.
    pub fn so_far(&self) -> String {
        let said: Vec<u8> = [&self.stdout, &self.stderr].into_iter().flatten().flat_map(Pipe::so_far).collect();
        String::from_utf8_lossy(&said).into_owned()
    }

    fn output(&mut self) -> (Vec<u8>, String) {
        let stdout = self.stdout.take().map(Pipe::finish).unwrap_or_default();
        let stderr = self.stderr.take().map(Pipe::finish).unwrap_or_default();
        (stdout, String::from_utf8_lossy(&stderr).into_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// What comes out of a program.
struct Pipe {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

impl Pipe {
    fn so_far(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    fn finish(self) -> Vec<u8> {
        self.thread.join().unwrap();
        std::mem::take(&mut self.bytes.lock().unwrap())
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> Pipe {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let thread = std::thread::spawn({
        let bytes = Arc::clone(&bytes);
        move || {
            let mut buffer = [0; 16 * 1024];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                bytes.lock().unwrap().extend_from_slice(&buffer[..length]);
            }
        }
    });
    Pipe { bytes, thread }
}
