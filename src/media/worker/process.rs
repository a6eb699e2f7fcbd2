//! One running worker process: the pipes to it, and the exchange of one request. No policy.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::WorkerError;
use super::frame::{self, FrameError, HEAD_BYTES, Head};
use super::job::{Job, Outcome};
use super::protocol::{Hello, Reply, Request, VERSION};
use crate::base::{clock, tasks};

/// A worker that has not greeted by then never will.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// A worker that was told to end gets this long to do it.
const END_WITHIN: Duration = Duration::from_secs(1);
/// Lines on its stderr that are logged one by one; the rest is counted.
const LOGGED_LINES: u32 = 20;
/// Longest line on its stderr that is kept, in bytes.
const LINE_BYTES: u64 = 400;

/// What a worker is held by, once it has greeted and is spoken to by somebody else. Dropping the child kills it.
#[derive(Debug)]
pub struct Pipes {
    /// The process.
    pub child: Child,
    /// What it is told.
    pub stdin: ChildStdin,
    /// What it says.
    pub stdout: BufReader<ChildStdout>,
    /// Passes what it complains about to our log.
    pub stderr: tasks::Task<()>,
}

/// A worker. Dropping it kills the process.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    stderr: tasks::Task<()>,
    next_id: u64,
    /// What it said first.
    pub(super) hello: Hello,
    /// Time it has spent on jobs.
    pub(super) busy: Duration,
}

impl Process {
    /// Starts the executable and waits for its greeting.
    ///
    /// # Errors
    /// When it does not start, does not greet, or is of another version.
    pub(super) async fn start(program: &Path, args: &[String]) -> Result<Self, WorkerError> {
        let not_started = |reason: String| WorkerError::Start { reason };
        let mut child = Command::new(program)
            .args(args)
            .env_clear()
            // Threads of an encoder would each reserve 64 MiB of address space, and that is limited.
            .env("MALLOC_ARENA_MAX", "2")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| not_started(format!("{}: {error}", program.display())))?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err(not_started("no pipes".to_owned()));
        };
        let mut stdout = BufReader::with_capacity(64 * 1024, stdout);
        let greeting = clock::timeout(HELLO_WITHIN, read_reply(&mut stdout)).await;
        let stderr = tasks::spawn("worker stderr", log_stderr(stderr));
        let hello = match greeting {
            Ok(Ok((Reply::Hello(hello), 0))) => hello,
            Ok(Ok(_)) => return Err(WorkerError::Garbage { reason: "no greeting".to_owned() }),
            Ok(Err(Broken::Closed(reason))) => return Err(not_started(died(&mut child, reason).await)),
            Ok(Err(Broken::Nonsense(error))) => return Err(WorkerError::Garbage { reason: error.to_string() }),
            Err(_) => return Err(WorkerError::TimedOut(HELLO_WITHIN)),
        };
        if hello.version != VERSION {
            return Err(WorkerError::Version { theirs: hello.version, ours: VERSION });
        }
        Ok(Self { child, stdin, stdout, stderr, next_id: 1, hello, busy: Duration::ZERO })
    }

    /// Has one job done; what it makes is written to `output` as it comes, and flushed after each part. A silence longer
    /// than `patience` is an error.
    ///
    /// # Errors
    /// After [`WorkerError::Job`] the worker may be used on; after any other it must be dropped.
    ///
    /// # Cancel safety
    /// None: when this is abandoned the worker must be dropped.
    pub(super) async fn run<W>(
        &mut self,
        job: Job,
        input: &[u8],
        output: &mut W,
        patience: Duration,
    ) -> Result<Outcome, WorkerError>
    where
        W: AsyncWrite + Unpin + Send,
    {
        let id = self.next_id;
        self.next_id += 1;
        let head =
            frame::encode(&Request { id, job }, input.len()).map_err(|error| WorkerError::Job { reason: error.to_string() })?;
        let sent = async {
            self.stdin.write_all(&head).await?;
            self.stdin.write_all(input).await?;
            self.stdin.flush().await
        };
        let sent = clock::timeout(patience, sent).await.map_err(|_| WorkerError::TimedOut(patience))?;
        if let Err(error) = sent {
            return Err(WorkerError::Died { how: died(&mut self.child, error.to_string()).await });
        }
        loop {
            let reply = clock::timeout(patience, read_reply(&mut self.stdout)).await;
            let (reply, payload) = match reply.map_err(|_| WorkerError::TimedOut(patience))? {
                Ok(reply) => reply,
                Err(Broken::Closed(reason)) => return Err(WorkerError::Died { how: died(&mut self.child, reason).await }),
                Err(Broken::Nonsense(error)) => return Err(WorkerError::Garbage { reason: error.to_string() }),
            };
            match reply {
                Reply::Part { id: of } if of == id => {
                    let passed_on = clock::timeout(patience, self.pass_on(payload, output)).await;
                    passed_on.map_err(|_| WorkerError::TimedOut(patience))??;
                }
                Reply::Done { id: of, outcome } if of == id && payload == 0 => {
                    return output.flush().await.map(|()| outcome).map_err(not_kept);
                }
                Reply::Failed { id: of, reason } if of == id && payload == 0 => return Err(WorkerError::Job { reason }),
                other => {
                    return Err(WorkerError::Garbage { reason: format!("unexpected {other:?}").chars().take(200).collect() });
                }
            }
        }
    }

    /// Copies a payload that is next on the pipe.
    async fn pass_on<W: AsyncWrite + Unpin>(&mut self, mut left: usize, output: &mut W) -> Result<(), WorkerError> {
        while left > 0 {
            let bytes = self.stdout.fill_buf().await.unwrap_or_default();
            if bytes.is_empty() {
                return Err(WorkerError::Died { how: died(&mut self.child, "end of file".to_owned()).await });
            }
            let count = bytes.len().min(left);
            let bytes = bytes.get(..count).unwrap_or_default();
            output.write_all(bytes).await.map_err(not_kept)?;
            self.stdout.consume(count);
            left -= count;
        }
        output.flush().await.map_err(not_kept)
    }

    /// Lets somebody else speak to it.
    pub(super) fn into_pipes(self) -> Pipes {
        Pipes { child: self.child, stdin: self.stdin, stdout: self.stdout, stderr: self.stderr }
    }

    /// Whether the process still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Its process id, while it lives.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends it: by end of file on its input, or else by force.
    pub(super) async fn stop(self) {
        let Self { mut child, stdin, .. } = self;
        drop(stdin);
        if clock::timeout(END_WITHIN, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
    }
}

/// Why no reply could be read.
enum Broken {
    Closed(String),
    Nonsense(FrameError),
}

/// The next reply, and the bytes of payload that follow it on the pipe.
async fn read_reply(stdout: &mut BufReader<ChildStdout>) -> Result<(Reply, usize), Broken> {
    let closed = |error: std::io::Error| Broken::Closed(error.to_string());
    let mut head = [0; HEAD_BYTES];
    stdout.read_exact(&mut head).await.map_err(closed)?;
    let head = Head::parse(&head).map_err(Broken::Nonsense)?;
    let mut header = vec![0; head.header_len];
    stdout.read_exact(&mut header).await.map_err(closed)?;
    let reply = frame::decode(&header).map_err(Broken::Nonsense)?;
    Ok((reply, head.payload_len))
}

/// How the process ended, in words; or `reason`, where it lives on without a pipe.
async fn died(child: &mut Child, reason: String) -> String {
    match clock::timeout(END_WITHIN, child.wait()).await {
        Ok(Ok(status)) => status.to_string(),
        _ => reason,
    }
}

fn not_kept(error: std::io::Error) -> WorkerError {
    WorkerError::Output { reason: error.to_string() }
}

/// Passes what the worker complains about to our log: the first lines, and how many more there were.
async fn log_stderr(stderr: ChildStderr) {
    let mut stderr = BufReader::new(stderr);
    let (mut lines, mut line) = (0u32, Vec::new());
    loop {
        line.clear();
        match (&mut stderr).take(LINE_BYTES).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => break,
            Ok(_) => lines = lines.saturating_add(1),
        }
        if lines <= LOGGED_LINES {
            tracing::warn!(worker.line = %String::from_utf8_lossy(&line).trim_end(), "media worker complains");
        }
    }
    if lines > LOGGED_LINES {
        tracing::warn!(worker.lines = lines - LOGGED_LINES, "media worker complained more, not shown");
    }
}
