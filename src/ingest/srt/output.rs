//! A connection by which somebody watches: the stream in pieces of a packet each, as fast as it comes and its receiver takes it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, Ready};
use futures_util::{FutureExt, StreamExt};

use super::connection::{Connected, TOGETHER};
use crate::base::clock::{self, Instant};
use crate::ingest::watch::{Outgoing, Unwatchable};
use crate::ts::PACKET;

/// A stream that somebody wants: there, or on its way.
pub(super) type Coming = Either<Ready<Result<Outgoing, Unwatchable>>, BoxFuture<'static, Result<Outgoing, Unwatchable>>>;

/// The payload of packets that are sent: whole transport packets (7 of them in 1316 bytes). Pure.
pub(super) fn payload(most: u32) -> usize {
    (usize::try_from(most).unwrap_or(usize::MAX) / PACKET).max(1) * PACKET
}

/// Why it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// The watcher said so, or was silent for too long.
    Watcher,
    /// The stream has ended.
    Stream,
    /// The watcher has acknowledged nothing for too long.
    Unmoved,
    /// The program ends.
    Here,
    /// What came made the protocol's code stumble.
    Broken,
}

/// A watcher that acknowledges nothing of what it is sent for so long is let go, as one by HTTP is that takes nothing.
const UNMOVED: Duration = Duration::from_secs(6);
/// Runs that are taken before anything else gets a turn: a run has 64 KiB at most.
const TURN: usize = 16;

/// Of a send buffer of `most` packets, whether there is room for a run of the stream. More than half is never filled, so that nothing
/// is pushed out: what is not taken waits in the ring, where whoever is too slow is led to a newer picture.
fn has_room(waiting: u64, most: u64) -> bool {
    waiting < most / 2
}

impl Connected {
    /// Sends what somebody wants, once it is there.
    pub(super) async fn watch(mut self, stream: &str, mut coming: Coming, payload: usize) {
        let found = loop {
            let now = clock::now();
            let step = catch_unwind(AssertUnwindSafe(|| self.step(now.into_std())));
            let Ok(Some(next)) = step else { return };
            self.flush(now).await;
            if self.stop.is_cancelled() {
                return self.say_goodbye().await;
            }
            tokio::select! {
                found = &mut coming => break found,
                () = self.inbox.news() => {}
                () = self.stop.cancelled() => {}
                () = clock::sleep_until(Instant::from_std(next).max(now + TOGETHER)) => {}
            }
        };
        match found {
            Ok(bytes) => self.send(stream, bytes, payload).await,
            Err(error) => {
                tracing::warn!(client = %self.way.peer, %stream, %error, "there is nothing to be watched by SRT");
                self.say_goodbye().await;
            }
        }
    }

    /// Sends a stream until one of both ends.
    async fn send(mut self, stream: &str, mut bytes: Outgoing, payload: usize) {
        let most = self.core.settings().send_buffer_size.0;
        // It ends a little after its stream does: what is on the way is to arrive.
        let mut ending: Option<Instant> = None;
        let (mut acknowledged, mut heard) = (0, clock::now());
        let over = loop {
            if self.stop.is_cancelled() {
                self.say_goodbye().await;
                break Over::Here;
            }
            let now = clock::now();
            let step = catch_unwind(AssertUnwindSafe(|| {
                let next = self.step(now.into_std());
                self.core.update_statistics(now.into_std());
                next
            }));
            let Ok(next) = step else { break Over::Broken };
            // Who watches has nothing to say.
            self.piece.clear();
            self.flush(now).await;
            let Some(next) = next else { break if ending.is_some() { Over::Stream } else { Over::Watcher } };
            if ending.is_some_and(|ending| now >= ending) {
                self.say_goodbye().await;
                break Over::Stream;
            }
            let counted = self.core.statistics();
            if counted.rx_ack != acknowledged || counted.tx_buffered_data == 0 {
                (acknowledged, heard) = (counted.rx_ack, now);
            }
            if now.saturating_duration_since(heard) >= UNMOVED {
                self.say_goodbye().await;
                break Over::Unmoved;
            }
            clock::sleep(TOGETHER).await;
            let has_room = has_room(self.core.statistics().tx_buffered_data, most);
            tokio::select! {
                () = self.inbox.news() => {}
                () = self.stop.cancelled() => {}
                () = clock::sleep_until(Instant::from_std(next)) => {}
                run = bytes.next(), if has_room && ending.is_none() => {
                    // All that is there by now: somebody may make pieces faster than there are turns here.
                    let mut next = Some(run);
                    let mut left = TURN;
                    while let Some(run) = next.take() {
                        let Some(run) = run else {
                            ending = Some(clock::now() + self.latency + Duration::from_millis(100));
                            break;
                        };
                        let now = clock::now().into_std();
                        if catch_unwind(AssertUnwindSafe(|| self.take(&run, payload, now))).is_err() {
                            break;
                        }
                        left -= 1;
                        if left > 0 {
                            next = bytes.next().now_or_never();
                        }
                    }
                }
            }
        };
        let counted = self.core.statistics();
        tracing::info!(
            client = %self.way.peer, %stream, packets = counted.tx_unique_data, resent = counted.tx_retransmit_data,
            dropped = counted.tx_dropped_data, "{}",
            match over {
                Over::Watcher => "somebody who watched by SRT has left",
                Over::Stream => "a stream that was watched by SRT has ended",
                Over::Unmoved => "somebody who watched by SRT took nothing any more and was let go",
                Over::Here => "a stream that was watched by SRT was closed from here",
                Over::Broken => "somebody who watched by SRT made no sense any more and was let go",
            }
        );
    }

    /// Cuts a run into packets.
    fn take(&mut self, run: &Bytes, payload: usize, now: std::time::Instant) {
        let mut rest = run.clone();
        while !rest.is_empty() {
            let packet = rest.split_to(payload.min(rest.len()));
            self.core.handle_data_input(now, Some((now, packet)));
        }
    }
}
