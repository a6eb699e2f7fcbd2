//! Which streams are pushed to us now, by whom, and who reads them.

mod fetched;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

pub use self::fetched::Role;
use super::figures::{Counters, Figures};
use super::look::Look;
use super::tee::Tee;
use crate::base::clock;
use crate::base::metrics::{Reading, Readings};
use crate::base::tasks::CancellationToken;
use crate::model::StreamInfo;
use crate::source::pushed::Pushed;
use crate::source::{ByteStream, Opened, Pace, SourceError};

/// Inputs that are remembered after their sender has gone.
const REMEMBERED: usize = 100;

/// How a stream comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SRT.
    Srt,
    /// RTP.
    Rtp,
}

impl Kind {
    /// As the API has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Srt => "srt",
            Self::Rtp => "rtp",
        }
    }
}

/// Who sends a stream, and what proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// How.
    pub kind: Kind,
    /// From where.
    pub from: SocketAddr,
    /// Whether a passphrase or a password was asked for, and right: then the address may be another one next time.
    pub proven: bool,
}

/// Why a stream is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Somebody else sends it.
    #[error("{from} is sending this stream already; give it a passphrase if its encoder changes its address")]
    Taken {
        /// Who.
        from: SocketAddr,
    },
}

/// What an input is up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It comes.
    Active,
    /// It comes, and a person does not want it.
    Paused,
    /// Nobody sends it any more.
    Closed,
}

impl Status {
    /// As the API has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Closed => "closed",
        }
    }
}

/// An input, as it is shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its id.
    pub id: String,
    /// Who sends it, or did last.
    pub sender: Sender,
    /// What we are to its sender.
    pub role: Role,
    /// What it is up to.
    pub status: Status,
    /// Milliseconds since 1970: since when.
    pub since_ms: i64,
    /// How many read it.
    pub readers: usize,
    /// What came.
    pub figures: Figures,
    /// What it carries, as far as it is known.
    pub info: StreamInfo,
}

/// All inputs. A cheap handle.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    inputs: Arc<Mutex<BTreeMap<String, Input>>>,
    /// Counts what begins and ends.
    changes: Arc<watch::Sender<u64>>,
    /// Counts senders: none has the number of another, however late one of them notices that it is over.
    senders: Arc<AtomicU64>,
    listening: Arc<Mutex<Vec<SocketAddr>>>,
}

#[derive(Debug)]
struct Input {
    tee: Arc<Tee>,
    sender: Sender,
    role: Role,
    since_ms: i64,
    counters: Arc<Counters>,
    info: StreamInfo,
    paused: bool,
    /// Ends the sender's connection; `None`: it has ended.
    close: Option<CancellationToken>,
    /// Which of its senders this is.
    generation: u64,
}

impl Input {
    fn status(&self) -> Status {
        match (&self.close, self.paused) {
            (None, _) => Status::Closed,
            (Some(_), true) => Status::Paused,
            (Some(_), false) => Status::Active,
        }
    }
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Input>> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Notes at which addresses streams may come by SRT.
    pub fn listens(&self, at: Vec<SocketAddr>) {
        *self.listening.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// Where that is.
    pub fn listening(&self) -> Vec<SocketAddr> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Moves whenever a stream begins, ends, is paused or resumed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Begins a stream. One that is sent already is taken over by the newest sender, if it is the same by its address or can
    /// prove it: readers stay, and are told that it begins anew.
    ///
    /// # Errors
    /// When it is somebody else's.
    pub fn publish(&self, id: &str, sender: Sender) -> Result<Publisher, Refused> {
        let close = CancellationToken::new();
        let counters = Arc::new(Counters::default());
        let mut inputs = self.lock();
        if let Some(before) = inputs.get(id)
            && before.close.is_some()
            && (before.role != Role::Listener || (!sender.proven && before.sender.from.ip() != sender.from.ip()))
        {
            return Err(Refused::Taken { from: before.sender.from });
        }
        let generation = self.senders.fetch_add(1, Ordering::Relaxed);
        let (tee, paused) = match inputs.remove(id) {
            Some(before) => {
                if let Some(old) = before.close {
                    old.cancel();
                    before.tee.begin_anew();
                }
                (before.tee, before.paused)
            }
            None => (Arc::new(Tee::new()), false),
        };
        let input = Input {
            tee: tee.clone(),
            sender,
            role: Role::Listener,
            since_ms: clock::wall_ms(),
            counters: counters.clone(),
            info: StreamInfo::default(),
            paused,
            close: Some(close.clone()),
            generation,
        };
        inputs.insert(id.to_owned(), input);
        drop(inputs);
        self.changed();
        Ok(Publisher {
            registry: self.clone(),
            id: id.to_owned(),
            generation,
            tee,
            counters,
            look: Look::default(),
            closed: close,
        })
    }

    /// The inputs there are, by id.
    pub fn all(&self) -> Vec<Shown> {
        self.lock().iter().map(|(id, input)| shown(id, input)).collect()
    }

    /// One of them.
    pub fn get(&self, id: &str) -> Option<Shown> {
        self.lock().get(id).map(|input| shown(id, input))
    }

    /// Pauses or resumes a stream: its sender stays connected, its readers' streams end. `false`: there is none of this id.
    pub fn pause(&self, id: &str, paused: bool) -> bool {
        let mut inputs = self.lock();
        let is_on = |input: &&mut Input| input.close.is_some() && input.role == Role::Listener;
        let Some(input) = inputs.get_mut(id).filter(is_on) else { return false };
        if input.paused != paused {
            input.paused = paused;
            if paused {
                input.tee.end();
            }
        }
        drop(inputs);
        self.changed();
        true
    }

    /// Ends a stream and forgets it: its sender's connection is closed. `false`: there is none of this id.
    pub fn close(&self, id: &str) -> bool {
        let Some(input) = self.lock().remove(id) else { return false };
        if let Some(close) = input.close {
            close.cancel();
        }
        self.changed();
        true
    }

    /// The sender of this generation has gone.
    fn ended(&self, id: &str, generation: u64) {
        let mut inputs = self.lock();
        if let Some(input) = inputs.get_mut(id).filter(|input| input.generation == generation) {
            input.close = None;
            input.since_ms = clock::wall_ms();
            input.tee.end();
            if input.role != Role::Listener {
                inputs.remove(id);
            }
        }
        let closed = inputs.iter().filter(|(_, input)| input.close.is_none());
        let mut closed: Vec<(i64, String)> = closed.map(|(id, input)| (input.since_ms, id.clone())).collect();
        closed.sort();
        for (_, id) in closed.iter().rev().skip(REMEMBERED) {
            inputs.remove(id);
        }
        drop(inputs);
        self.changed();
    }
}

fn shown(id: &str, input: &Input) -> Shown {
    Shown {
        id: id.to_owned(),
        sender: input.sender.clone(),
        role: input.role,
        status: input.status(),
        since_ms: input.since_ms,
        readers: input.tee.readers(),
        figures: input.counters.now(),
        info: input.info.clone(),
    }
}

impl Readings for Registry {
    fn read(&self) -> Vec<Reading> {
        let inputs = self.all();
        let on = || inputs.iter().filter(|input| input.status != Status::Closed);
        let sum = |value: fn(&Figures) -> u64| on().map(|input| value(&input.figures)).sum::<u64>();
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let of_kind =
            |kind: Kind| (vec![("type", kind.name().to_owned())], number(on().filter(|on| on.sender.kind == kind).count()));
        vec![
            Reading::gauges("stream_ingestion_active", "Streams that are pushed to us", [Kind::Srt, Kind::Rtp].map(of_kind)),
            Reading::gauge("stream_ingestion_readers", "Readers of those streams", number(on().map(|on| on.readers).sum())),
            Reading::gauge("stream_ingestion_bits_per_second", "Their rate now", sum(|figures| figures.bitrate)),
            Reading::gauge("stream_ingestion_bytes", "Bytes of those that are on", sum(|figures| figures.bytes)),
            Reading::gauge(
                "stream_ingestion_packets_lost",
                "Packets of those that are on and never came in time",
                sum(|figures| figures.connection.lost),
            ),
            Reading::gauge(
                "srt_packets_retransmitted",
                "Packets of those that are on and came again",
                sum(|figures| figures.connection.retransmitted),
            ),
        ]
    }
}

impl Pushed for Registry {
    fn open(&self, id: &str) -> Result<Opened, SourceError> {
        let inputs = self.lock();
        let Some(input) = inputs.get(id).filter(|input| input.close.is_some() && input.role == Role::Listener) else {
            return Err(SourceError::NotPushed { id: id.to_owned() });
        };
        if input.paused {
            return Err(SourceError::Paused { id: id.to_owned() });
        }
        Ok(Opened { bytes: input.tee.read(), pace: Pace::Live, producer: input.sender.kind.name(), stall_after: None })
    }
}

/// The sender's side of a stream. Dropping it ends the stream.
#[derive(Debug)]
pub struct Publisher {
    registry: Registry,
    id: String,
    generation: u64,
    tee: Arc<Tee>,
    look: Look,
    /// To be filled.
    pub counters: Arc<Counters>,
    /// Cancelled when somebody wants the connection closed: a person, or a newer sender.
    pub closed: CancellationToken,
}

impl Publisher {
    /// What comes from now on.
    pub fn read(&self) -> ByteStream {
        self.tee.read()
    }

    /// The stream's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Gives a piece to whoever reads. Never waits.
    pub fn push(&mut self, piece: Bytes) {
        self.counters.count(piece.len());
        if let Some(info) = self.look.at(&piece)
            && let Some(input) = self.registry.lock().get_mut(&self.id).filter(|input| input.generation == self.generation)
        {
            input.info = info;
        }
        // While it is paused nobody reads.
        if !self.closed.is_cancelled() {
            self.tee.send(piece);
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.registry.ended(&self.id, self.generation);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;
    use crate::source::Chunk;

    fn sender(host: u8, proven: bool) -> Sender {
        Sender { kind: Kind::Srt, from: SocketAddr::from(([192, 168, 1, host], 4000)), proven }
    }

    fn read(registry: &Registry) -> ByteStream {
        registry.open("a").unwrap().bytes
    }

    /// What a reader has waiting: `-` for a new beginning, `.` for the end.
    fn waiting(stream: &mut ByteStream) -> String {
        let mut all = String::new();
        while let Some(next) = stream.next().now_or_never() {
            match next {
                Some(Ok(Chunk::Bytes(bytes))) => all.push_str(std::str::from_utf8(&bytes).unwrap()),
                Some(Ok(Chunk::Discontinuity { .. })) => all.push('-'),
                Some(Err(error)) => panic!("{error}"),
                None => return all + ".",
            }
        }
        all
    }

    #[test]
    fn readers_see_a_stream_from_its_beginning_to_its_end() {
        let registry = Registry::default();
        assert_eq!(registry.open("a").unwrap_err().to_string(), "nobody is sending the stream \"a\"");
        let mut publisher = registry.publish("a", sender(1, false)).unwrap();
        let mut reader = read(&registry);
        publisher.push(Bytes::from_static(b"1"));
        publisher.push(Bytes::from_static(b"2"));
        assert_eq!(waiting(&mut reader), "12");
        assert_eq!(registry.get("a").unwrap().figures.bytes, 2);
        drop(publisher);
        assert_eq!(waiting(&mut reader), ".");
        assert_eq!(registry.get("a").unwrap().status, Status::Closed);
        assert!(registry.open("a").is_err());
    }

    #[test]
    fn the_newest_sender_wins_and_no_stranger_does() {
        let registry = Registry::default();
        let mut first = registry.publish("a", sender(1, false)).unwrap();
        let mut reader = read(&registry);
        first.push(Bytes::from_static(b"1"));
        assert!(matches!(registry.publish("a", sender(2, false)), Err(Refused::Taken { .. })));
        let mut second = registry.publish("a", sender(1, false)).unwrap();
        assert!(first.closed.is_cancelled());
        first.push(Bytes::from_static(b"x"));
        second.push(Bytes::from_static(b"2"));
        drop(first);
        let mut third = registry.publish("a", sender(2, true)).unwrap();
        third.push(Bytes::from_static(b"3"));
        assert_eq!(waiting(&mut reader), "1-2-3");
        drop(second);
        assert_eq!(registry.get("a").unwrap().status, Status::Active);
        drop(third);
        assert_eq!(waiting(&mut reader), ".");
        assert!(registry.publish("a", sender(3, false)).is_ok(), "nobody has it any more");
    }

    #[test]
    fn what_is_paused_is_not_to_be_had_and_comes_back() {
        let registry = Registry::default();
        let mut publisher = registry.publish("a", sender(1, false)).unwrap();
        let mut reader = read(&registry);
        publisher.push(Bytes::from_static(b"1"));
        assert!(registry.pause("a", true) && !registry.pause("b", true));
        publisher.push(Bytes::from_static(b"2"));
        assert_eq!(registry.open("a").unwrap_err().to_string(), "the stream \"a\" is paused");
        assert!(waiting(&mut reader).ends_with('.'));
        let mut again = registry.publish("a", sender(1, false)).unwrap();
        assert_eq!(registry.get("a").unwrap().status, Status::Paused, "an encoder that comes back does not undo it");
        assert!(registry.pause("a", false));
        let mut reader = read(&registry);
        again.push(Bytes::from_static(b"3"));
        assert_eq!(waiting(&mut reader), "3");
        assert!(registry.close("a") && again.closed.is_cancelled());
    }

    #[test]
    fn streams_that_ended_are_remembered_up_to_a_number() {
        let registry = Registry::default();
        let kept = registry.publish("kept", sender(1, false)).unwrap();
        for n in 0..REMEMBERED + 50 {
            drop(registry.publish(&format!("s{n}"), sender(1, false)).unwrap());
        }
        assert_eq!(registry.all().len(), REMEMBERED + 1);
        assert_eq!(registry.get(kept.id()).unwrap().status, Status::Active);
    }

    #[test]
    fn a_sender_that_was_closed_and_notices_late_ends_nobody_else() {
        let registry = Registry::default();
        let closed = registry.publish("a", sender(1, false)).unwrap();
        assert!(registry.close("a"));
        let _next = registry.publish("a", sender(1, false)).unwrap();
        drop(closed);
        assert_eq!(registry.get("a").unwrap().status, Status::Active);
    }
}
