//! One try at a source: a connection lease, the dial, and the proof.
//!
//! What arrives before the proof is kept and played from its beginning, so that proving costs the viewer nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;

use super::ports::Candidate;
use super::shared::Shared;
use super::standby::Warm;
use crate::base::clock::{self, Instant};
use crate::source::{Chunk, Opened, Opener, SourceError, Target};
use crate::ts::RawPacket;
use crate::ts::input::{Choice, Input, Mark, Proof, Sink};
use crate::ts::programme::Programme;
use crate::tuner::{ConnectionLease, Kind, Pool};

/// Silence after which nothing more is waited for: what came is all there is to judge by.
const SILENCE: Duration = Duration::from_secs(1);
/// Most bytes kept while a source proves itself: 10 s of the fattest broadcast.
const HELD_BYTES: usize = 48 * 1024 * 1024;

/// A source that has proven itself. Its connection closes before its lease is given back: fields drop in this order.
#[derive(Debug)]
pub struct Proven {
    /// The connection.
    pub opened: Opened,
    /// The lease on the provider's connection.
    pub lease: Arc<ConnectionLease>,
    /// What it was.
    pub candidate: Candidate,
    /// What came so far.
    pub held: VecDeque<Chunk>,
    /// It was proven by a silence: nothing is to be waited for any more once this is played.
    pub settled: bool,
    /// From dialling to proof.
    pub after: Duration,
    /// How far it was read already, if it was kept ready.
    pub warm: Option<Box<Warm>>,
}

/// Why a try failed.
#[derive(Debug, Clone)]
pub enum Failure {
    /// The source's doing.
    Source(SourceError),
    /// Bytes came in time, but no transport stream, or one without a point to begin at.
    Unproven(Proof),
    /// Its pictures are scrambled, and nothing here can undo that.
    Scrambled,
    /// All connections of its provider are in use.
    ProviderBusy,
    /// Its account was refused or throttled, and must not be dialled again for so long.
    AccountRests(Duration),
    /// Nothing failed: a person wants another source, for this reason.
    Asked(String),
    /// Nothing failed: a source that comes before it is well again.
    Better,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Source(error) => error.fmt(f),
            Self::Unproven(Proof::Nothing) => f.write_str("no transport stream came"),
            Self::Unproven(Proof::Transport) => f.write_str("a transport stream without PAT and PMT"),
            Self::Unproven(_) => f.write_str("no random access point came"),
            Self::Scrambled => f.write_str("the stream is scrambled"),
            Self::ProviderBusy => f.write_str("all connections of the provider are in use"),
            Self::AccountRests(rest) => write!(f, "the provider's account must rest for {} s more", rest.as_secs() + 1),
            Self::Better => f.write_str("a source that comes before it is well again"),
            Self::Asked(reason) => write!(f, "asked for: {reason}"),
        }
    }
}

/// What all tries of a session need.
#[derive(Clone)]
pub struct Means {
    pub(super) pool: Pool,
    pub(super) opener: Arc<Opener>,
}

/// How long to try.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Without a transport stream.
    pub silent: Duration,
    /// At all, which is when the whole tune is over.
    pub until: Instant,
    /// For a connection of the provider.
    pub connection: Duration,
}

/// Dials a candidate and waits until it is proven. `flowing` is set as soon as a transport stream comes.
///
/// # Cancel safety
/// Dropping the future closes the connection and gives the lease back.
pub async fn prove(
    candidate: Candidate,
    means: &Means,
    shared: &Shared,
    limits: Limits,
    flowing: &AtomicBool,
) -> Result<Proven, Failure> {
    let lease = means
        .pool
        .connection(candidate.provider, Kind::Client, shared.connection_preempt(), limits.connection)
        .await
        .map(Arc::new)
        .ok_or(Failure::ProviderBusy)?;
    shared.hold_connection(&lease);
    prove_on(lease, candidate, means, limits, flowing).await
}

/// The same with a lease that is there already.
///
/// # Cancel safety
/// As above.
pub async fn prove_on(
    lease: Arc<ConnectionLease>,
    candidate: Candidate,
    means: &Means,
    limits: Limits,
    flowing: &AtomicBool,
) -> Result<Proven, Failure> {
    let began = clock::now();
    let target = Target { url: candidate.url.clone(), headers: candidate.headers.clone(), route: candidate.route.clone() };
    let opened = clock::timeout(limits.silent, means.opener.open(&target))
        .await
        .map_err(|_| Failure::Source(SourceError::TimedOut(limits.silent)))?
        .map_err(Failure::Source)?;
    let mut proven =
        Proven { opened, lease, candidate, held: VecDeque::new(), settled: false, after: Duration::ZERO, warm: None };
    watch(&mut proven, began, limits, flowing).await?;
    proven.after = clock::now() - began;
    Ok(proven)
}

async fn watch(proven: &mut Proven, began: Instant, limits: Limits, flowing: &AtomicBool) -> Result<(), Failure> {
    let mut input = Input::new(Choice::First);
    let mut held_bytes = 0;
    let mut settled = false;
    loop {
        let until = if input.proof() >= Proof::Transport { limits.until } else { limits.until.min(began + limits.silent) };
        let left = until.saturating_duration_since(clock::now());
        let wait = if settled { left } else { left.min(SILENCE) };
        match clock::timeout(wait, proven.opened.bytes.next()).await {
            Err(_) if wait == left => return Err(unproven(&input)),
            Err(_) => {
                input.settle(&mut Discard);
                settled = true;
            }
            Ok(None) => {
                // A stream that is over may have been a whole one. What was ended is not asked again.
                input.finish(&mut Discard);
                proven.opened.bytes = Box::pin(futures_util::stream::empty());
                if input.proof() < Proof::Proven {
                    return Err(Failure::Source(SourceError::Ended));
                }
            }
            Ok(Some(Err(error))) => return Err(Failure::Source(error)),
            Ok(Some(Ok(chunk))) => {
                settled = false;
                match &chunk {
                    Chunk::Bytes(bytes) => {
                        input.push(bytes, &mut Discard);
                        held_bytes += bytes.len();
                    }
                    Chunk::Discontinuity { .. } => input.finish(&mut Discard),
                }
                let another = matches!(chunk, Chunk::Discontinuity { .. }) && input.proof() < Proof::Proven;
                proven.held.push_back(chunk);
                if another {
                    input = Input::new(Choice::First);
                }
            }
        }
        match input.proof() {
            Proof::Proven => {
                proven.settled = settled;
                return Ok(());
            }
            Proof::Nothing => {}
            _ => flowing.store(true, Ordering::Relaxed),
        }
        if held_bytes > HELD_BYTES {
            return Err(unproven(&input));
        }
    }
}

fn unproven(input: &Input) -> Failure {
    if input.stats().scrambled_packets > 0 { Failure::Scrambled } else { Failure::Unproven(input.proof()) }
}

/// Only the proof matters yet.
struct Discard;

impl Sink for Discard {
    fn programme(&mut self, _: &Programme) {}
    fn packet(&mut self, _: &RawPacket, _: Mark) {}
}
