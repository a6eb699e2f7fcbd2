//! One viewer's way through the ring.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;

use super::ring::{Reader, Ring, Start};
use super::shared::{Shared, Tally};
use crate::model::{SessionId, SubscriberId};

/// A viewer. Its items are runs of whole transport packets, the first of them PAT, PMT and a random access point; it ends when
/// the session does. Dropping it frees the viewer's place.
///
/// Polling is cancel-safe, allocates nothing and copies nothing: the bytes are shared by all viewers.
#[derive(Debug)]
pub struct Subscription {
    id: SubscriberId,
    tuner: u8,
    reader: Reader<Arc<Ring>>,
    tally: Arc<Tally>,
    shared: Arc<Shared>,
    reason: &'static str,
    /// For viewers that do not read, such as a tuner that was only tuned.
    skipping: bool,
}

impl Subscription {
    pub(super) fn new(id: SubscriberId, tuner: u8, start: Start, tally: Arc<Tally>, shared: Arc<Shared>) -> Self {
        let reader = Reader::new(shared.ring().clone(), start);
        Self { id, tuner, reader, tally, shared, reason: "client left", skipping: false }
    }

    /// The tuner it occupies, from 0.
    pub fn tuner(&self) -> u8 {
        self.tuner
    }

    /// The session it watches.
    pub fn session(&self) -> SessionId {
        self.shared.id()
    }

    /// Itself.
    pub fn id(&self) -> SubscriberId {
        self.id
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Whether the session still runs.
    pub fn is_alive(&self) -> bool {
        self.shared.is_open()
    }

    /// Records why it ends, for the history; else it is "client left".
    pub fn close_reason(&mut self, reason: &'static str) {
        self.reason = reason;
    }

    /// Starts again at the live edge, as if it had just joined: for a holder that begins to read late.
    pub fn rejoin(&mut self) {
        self.reader = Reader::new(self.shared.ring().clone(), Start::Join);
        self.skipping = false;
    }
}

impl Stream for Subscription {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let this = &mut *self;
        this.tally.touch();
        let read = std::task::ready!(this.reader.poll_read(cx));
        if read.is_none() {
            this.reason = "codecs changed";
        }
        Poll::Ready(read.map(|read| {
            if read.skipped && !this.skipping {
                this.tally.skips.fetch_add(1, Ordering::Relaxed);
                this.shared.skipped(this.id, read.missed_chunks, read.missed_bytes);
                tracing::info!(
                    session.id = %this.shared.id(), subscriber.id = %this.id, "slow viewer skipped to a newer picture"
                );
            }
            this.skipping = read.skipped;
            this.tally.accepted(read.bytes.len());
            read.bytes
        }))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let reason = if self.shared.is_open() { self.reason } else { "session ended" };
        self.shared.leave(self.id, reason);
    }
}
