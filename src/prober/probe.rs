//! One probe: leases that nobody misses, a dial, a look.

use std::time::Duration;

use futures_util::StreamExt;

use super::verdict::{End, Sighting};
use crate::base::clock::{self, Instant};
use crate::base::secret::Secret;
use crate::base::tasks::CancellationToken;
use crate::model::{ChannelId, ProviderId, Source};
use crate::source::{Chunk, Opened, Opener, Target};
use crate::ts::RawPacket;
use crate::ts::input::{Choice, Input, Mark, Proof, Sink};
use crate::ts::programme::Programme;
use crate::tuner::Pool;

/// After the proof, this much more media for the rate, the sound and the damage.
const MORE: Duration = Duration::from_secs(2);
/// Silence after which nothing more is waited for: what came is all there is to judge by.
const SILENCE: Duration = Duration::from_secs(1);

/// What came of something done on the side.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It was done.
    Done(T),
    /// A viewer came. The seed's `ErrProbePreempted`.
    Preempted,
    /// There was nothing to spare; it was not begun.
    NoRoom,
}

/// Looks at a source for at most `limit`, as [`on_the_side`].
pub async fn probe(pool: &Pool, opener: &Opener, source: &Source, limit: Duration) -> Outcome<Sighting> {
    on_the_side(pool, source.provider, source.channel, look(opener, source, limit)).await
}

/// Does `work`, which opens a connection of `provider`, while nobody misses a tuner and a connection. As soon as a viewer needs
/// what it holds, `work` is dropped, and with it its connection; then the leases are given back.
///
/// # Cancel safety
/// Dropping the future does the same.
pub async fn on_the_side<T>(pool: &Pool, provider: ProviderId, channel: ChannelId, work: impl Future<Output = T>) -> Outcome<T> {
    let preempt = CancellationToken::new();
    // Declared first, so that it is dropped last where this future is dropped.
    let Some(lease) = pool.try_probe(provider, channel, preempt.clone()) else { return Outcome::NoRoom };
    let outcome = tokio::select! {
        biased;
        () = preempt.cancelled() => Outcome::Preempted,
        done = work => Outcome::Done(done),
    };
    drop(lease);
    outcome
}

async fn look(opener: &Opener, source: &Source, limit: Duration) -> Sighting {
    let began = clock::now();
    let target = Target { url: Secret::new(source.url.clone()), headers: source.headers.clone(), route: source.route.clone() };
    let mut watch = Watch { began, input: Input::new(Choice::First), first_byte: None, proven: None };
    let end = match clock::timeout(limit, opener.open(&target)).await {
        Err(_) => End::TimeOver,
        Ok(Err(error)) => End::Failed(error),
        Ok(Ok(opened)) => watch.read(opened, limit).await,
    };
    watch.sighting(end)
}

struct Watch {
    began: Instant,
    input: Input,
    first_byte: Option<Duration>,
    /// After what time, and the media time up to which it is looked at.
    proven: Option<(Duration, Option<Duration>)>,
}

impl Watch {
    async fn read(&mut self, mut opened: Opened, limit: Duration) -> End {
        let mut settled = false;
        loop {
            let left = (self.began + limit).saturating_duration_since(clock::now());
            let wait = if settled { left } else { left.min(SILENCE) };
            match clock::timeout(wait, opened.bytes.next()).await {
                Err(_) if wait == left => return End::TimeOver,
                Err(_) => {
                    self.input.settle(&mut Discard);
                    settled = true;
                }
                Ok(None) => {
                    self.input.finish(&mut Discard);
                    self.note();
                    return End::Ended;
                }
                Ok(Some(Err(error))) => return End::Failed(error),
                Ok(Some(Ok(Chunk::Bytes(bytes)))) => {
                    settled = false;
                    self.first_byte.get_or_insert_with(|| clock::now() - self.began);
                    self.input.push(&bytes, &mut Discard);
                }
                Ok(Some(Ok(Chunk::Discontinuity { .. }))) => {
                    self.input.finish(&mut Discard);
                    self.note();
                    // What is proven is told of what came before.
                    if self.proven.is_some() {
                        return End::Enough;
                    }
                    self.input = Input::new(Choice::First);
                }
            }
            self.note();
            if self.seen_enough() || left.is_zero() {
                return if left.is_zero() { End::TimeOver } else { End::Enough };
            }
        }
    }

    fn note(&mut self) {
        if self.proven.is_none() && self.input.proof() == Proof::Proven {
            let until = self.input.media_time().map(|media| media + MORE);
            self.proven = Some((clock::now() - self.began, until));
        }
    }

    fn seen_enough(&mut self) -> bool {
        let Some((_, until)) = &mut self.proven else { return false };
        let now = self.input.media_time();
        let until = *until.get_or_insert(now.unwrap_or_default() + MORE);
        now.is_some_and(|media| media >= until)
    }

    fn sighting(self, end: End) -> Sighting {
        Sighting {
            first_byte: self.first_byte,
            keyframe: self.proven.map(|(after, _)| after),
            proof: self.input.proof(),
            info: self.input.info(),
            end,
        }
    }
}

/// Only what is counted on the way matters.
struct Discard;

impl Sink for Discard {
    fn programme(&mut self, _: &Programme) {}
    fn packet(&mut self, _: &RawPacket, _: Mark) {}
}
