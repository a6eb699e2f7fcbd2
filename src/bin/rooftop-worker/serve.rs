//! Reads requests, has them done, writes the answers.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rooftop::media::worker::frame::{self, HEAD_BYTES, Head};
use rooftop::media::worker::job::{Job, Outcome};
use rooftop::media::worker::protocol::{Hello, Reply, Request};
use serde::Serialize;

use crate::{clip, escape, still};

/// Bytes in one part of an output.
const PART_BYTES: usize = 128 * 1024;

/// Greets, and serves until the input ends.
///
/// # Errors
/// When the pipe breaks or holds no frames.
pub fn serve(hello: Hello, requests: &mut impl Read) -> io::Result<()> {
    send(&Reply::Hello(hello), &[])?;
    while let Some((request, input)) = receive(requests)? {
        let id = request.id;
        // A bug here costs the job, as one in libav does, but not the process.
        let done = catch_unwind(AssertUnwindSafe(|| work(request.job, &input, Parts::new(id))));
        let reply = match done {
            Ok(Ok(outcome)) => Reply::Done { id, outcome },
            Ok(Err(reason)) => Reply::Failed { id, reason },
            Err(_) => Reply::Failed { id, reason: "a bug in the worker: see its log".to_owned() },
        };
        send(&reply, &[])?;
    }
    Ok(())
}

fn work(job: Job, input: &[u8], output: Parts) -> Result<Outcome, String> {
    match job {
        Job::Confined => Ok(Outcome::Confined(escape::try_everything())),
        Job::MakeClip(spec) => {
            spec.check().map_err(|error| error.to_string())?;
            clip::make(&spec, input, output).map(Outcome::Clip).map_err(|error| error.to_string())
        }
        Job::Still => {
            still::make(input, output).map(|(width, height)| Outcome::Still(width, height)).map_err(|error| error.to_string())
        }
        other => Err(format!("no job of this version is called {}", other.name())),
    }
}

/// The next request, or `None` at the end of the input.
fn receive(input: &mut impl Read) -> io::Result<Option<(Request, Vec<u8>)>> {
    let mut head = [0; HEAD_BYTES];
    match input.read(&mut head)? {
        0 => return Ok(None),
        count => input.read_exact(head.get_mut(count..).unwrap_or_default())?,
    }
    let head = Head::parse(&head).map_err(io::Error::other)?;
    let mut header = vec![0; head.header_len];
    input.read_exact(&mut header)?;
    let mut payload = vec![0; head.payload_len];
    input.read_exact(&mut payload)?;
    Ok(Some((frame::decode(&header).map_err(io::Error::other)?, payload)))
}

/// Writes one message.
///
/// # Errors
/// When the pipe breaks.
pub fn send(reply: &impl Serialize, payload: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(&frame::encode(reply, payload.len()).map_err(io::Error::other)?)?;
    output.write_all(payload)?;
    output.flush()
}

/// A job's output, on its way to the server part by part.
#[derive(Debug)]
pub struct Parts {
    id: u64,
    buffer: Vec<u8>,
}

impl Parts {
    fn new(id: u64) -> Self {
        Self { id, buffer: Vec::with_capacity(PART_BYTES) }
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PART_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            send(&Reply::Part { id: self.id }, &self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}
