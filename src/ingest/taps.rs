//! The taps of all inputs, beside the data path: what is pushed goes into a queue of its input, and one thread, which is less urgent
//! than all others, looks at it. Who pushes never waits for that. What there is no room for is not looked at, is counted, and the tap is told.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

use super::tap::memory::{Ledger, Limits};
use super::tap::{Seen, Settings, Tap};
use crate::base::clock::{self, Instant};
use crate::base::tasks::{self, CancellationToken, DropGuard, Thread};
use crate::model::Moment;

/// What came within so long is looked at together.
const TOGETHER: Duration = Duration::from_millis(20);
/// Pieces of one input that may wait.
const MOST_PIECES: usize = 512;
/// Their bytes: a third of a second of 50 Mbit/s.
const MOST_BYTES: u64 = 2 * 1024 * 1024;

/// The taps. A cheap handle.
#[derive(Debug, Clone)]
pub struct Taps {
    settings: Settings,
    ledger: Ledger,
    begun: mpsc::UnboundedSender<Line>,
}

/// The thread that looks. Dropping it ends it.
#[derive(Debug)]
#[must_use = "nothing is looked at once it is dropped"]
pub struct Looking {
    /// Declared first: dropping the thread waits for its end.
    _stop: DropGuard,
    _thread: Thread,
}

/// The tap of one input, for whoever wants to know. It outlives its senders.
#[derive(Debug)]
pub struct Tapped {
    tap: Mutex<Tap>,
    waiting_bytes: AtomicU64,
    missed_bytes: AtomicU64,
    wants_keyframe: AtomicBool,
    still: tokio::sync::Mutex<Option<(u64, Option<Bytes>)>>,
}

impl Tapped {
    /// The tap. Whoever has it makes the thread wait that looks at all inputs: for as long as it takes to read something off.
    pub fn tap(&self) -> MutexGuard<'_, Tap> {
        self.tap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known now.
    pub fn seen(&self) -> Seen {
        self.tap().seen()
    }

    /// Bytes that were not looked at for want of time.
    pub fn missed_bytes(&self) -> u64 {
        self.missed_bytes.load(Ordering::Relaxed)
    }

    /// The still picture that was made last, with the id of its frame; none: that one
    /// makes no picture. Whoever makes one holds this meanwhile, so that it is made once.
    pub fn still(&self) -> &tokio::sync::Mutex<Option<(u64, Option<Bytes>)>> {
        &self.still
    }
}

/// A piece of a stream.
#[derive(Debug)]
struct Piece {
    bytes: Bytes,
    at: Instant,
    /// Something before it was not put in.
    behind_hole: bool,
}

/// The sender's end of a queue.
#[derive(Debug)]
pub(super) struct Feed {
    pieces: mpsc::Sender<Piece>,
    tapped: Arc<Tapped>,
    hole: bool,
}

impl Feed {
    /// Whether a keyframe is to be asked for, where that is possible: once.
    pub(super) fn wants_keyframe(&self) -> bool {
        self.tapped.wants_keyframe.swap(false, Ordering::Relaxed)
    }

    /// Has a piece looked at, if there is room. Never waits.
    pub(super) fn push(&mut self, bytes: &Bytes) {
        let size = bytes.len() as u64;
        let waiting = &self.tapped.waiting_bytes;
        let piece = Piece { bytes: bytes.clone(), at: clock::now(), behind_hole: self.hole };
        let fits = waiting.fetch_add(size, Ordering::Relaxed).saturating_add(size) <= MOST_BYTES;
        self.hole = !(fits && self.pieces.try_send(piece).is_ok());
        if self.hole {
            waiting.fetch_sub(size, Ordering::Relaxed);
            self.tapped.missed_bytes.fetch_add(size, Ordering::Relaxed);
        }
    }
}

/// The other end.
#[derive(Debug)]
struct Line {
    pieces: mpsc::Receiver<Piece>,
    tapped: Arc<Tapped>,
    /// Nobody wants to see more of this sender's.
    closed: CancellationToken,
    /// Another sender came before it.
    anew: bool,
}

impl Drop for Line {
    /// What nobody looks at any more does not wait any more.
    fn drop(&mut self) {
        while let Ok(piece) = self.pieces.try_recv() {
            self.tapped.waiting_bytes.fetch_sub(piece.bytes.len() as u64, Ordering::Relaxed);
        }
    }
}

impl Line {
    /// Looks at what is there. `false`: it is over.
    fn look(&mut self, now: Instant, wall: Moment) -> bool {
        let mut tap = self.tapped.tap();
        if std::mem::take(&mut self.anew) {
            tap.begin_anew(now, wall);
        }
        let mut asks = false;
        // What comes meanwhile has to wait for the next time: others are to be looked at, too, and whoever asks waits for the tap.
        let mut left = self.pieces.len().max(1);
        let goes_on = loop {
            let is_over = self.pieces.is_closed() && self.pieces.is_empty();
            let next = if left == 0 && !is_over { Err(TryRecvError::Empty) } else { self.pieces.try_recv() };
            left = left.saturating_sub(1);
            match next {
                Ok(piece) => {
                    self.tapped.waiting_bytes.fetch_sub(piece.bytes.len() as u64, Ordering::Relaxed);
                    if self.closed.is_cancelled() {
                        continue;
                    }
                    if piece.behind_hole {
                        tap.missed();
                    }
                    asks |= tap.push(&piece.bytes, piece.at, wall);
                }
                Err(TryRecvError::Empty) => {
                    asks |= tap.tick(now, wall);
                    break true;
                }
                Err(TryRecvError::Disconnected) => {
                    if !self.closed.is_cancelled() {
                        tap.rest(now, wall);
                        // Whoever makes one now has nothing more to make it of.
                        if let Ok(mut still) = self.tapped.still.try_lock() {
                            *still = None;
                        }
                    }
                    break false;
                }
            }
        };
        if asks {
            self.tapped.wants_keyframe.store(true, Ordering::Relaxed);
        }
        goes_on
    }
}

impl Taps {
    /// Starts the thread. To be called within the runtime.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(settings: Settings, limits: Limits) -> io::Result<(Self, Looking)> {
        let (taps, lines) = Self::new(settings, limits);
        let stop = CancellationToken::new();
        let thread = tasks::thread_of("tap", look(lines, stop.clone()))?;
        Ok((taps, Looking { _stop: stop.drop_guard(), _thread: thread }))
    }

    fn new(settings: Settings, limits: Limits) -> (Self, mpsc::UnboundedReceiver<Line>) {
        let (begun, lines) = mpsc::unbounded_channel();
        (Self { settings, ledger: Ledger::new(limits), begun }, lines)
    }

    /// A tap for a further input.
    pub(super) fn tapped(&self) -> Arc<Tapped> {
        let account = self.ledger.account();
        Arc::new(Tapped {
            tap: Mutex::new(Tap::new(self.settings, account, clock::now())),
            waiting_bytes: AtomicU64::new(0),
            missed_bytes: AtomicU64::new(0),
            wants_keyframe: AtomicBool::new(false),
            still: tokio::sync::Mutex::new(None),
        })
    }

    /// A sender of the input begins, until `closed` is cancelled or what is given is dropped. `anew`: another one came before.
    pub(super) fn feed(&self, tapped: &Arc<Tapped>, closed: CancellationToken, anew: bool) -> Feed {
        let (sender, pieces) = mpsc::channel(MOST_PIECES);
        // Without a thread that looks, nothing fits.
        let _ = self.begun.send(Line { pieces, tapped: tapped.clone(), closed, anew });
        Feed { pieces: sender, tapped: tapped.clone(), hole: false }
    }

    /// Memory of all inputs.
    #[cfg(test)]
    fn memory(&self) -> &Ledger {
        &self.ledger
    }
}

async fn look(mut begun: mpsc::UnboundedReceiver<Line>, stop: CancellationToken) {
    // What is watched goes first. On Linux this is said of the thread alone (nice(2)).
    let _ = rustix::process::nice(5);
    let mut lines: Vec<Line> = Vec::new();
    loop {
        let next = async {
            if lines.is_empty() {
                return begun.recv().await;
            }
            clock::sleep(TOGETHER).await;
            begun.try_recv().ok()
        };
        let further = tokio::select! {
            next = next => next,
            () = stop.cancelled() => return,
        };
        lines.extend(further);
        while let Ok(line) = begun.try_recv() {
            lines.push(line);
        }
        if lines.is_empty() {
            // Nobody can begin any more.
            return;
        }
        let (now, wall) = (clock::now(), Moment(clock::wall_ms()));
        lines.retain_mut(|line| {
            // A stream that makes it stumble is alone with that.
            let looked = catch_unwind(AssertUnwindSafe(|| line.look(now, wall)));
            looked.unwrap_or_else(|_| {
                tracing::error!("a stream made the tap stumble; it is not looked at any more");
                false
            })
        });
    }
}

#[cfg(test)]
mod tests;
