//! Which streams are pushed to us now, by whom, and who reads them.

mod fetched;
mod notes;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

pub use self::fetched::Role;
use super::figures::{Counters, Figures};
use super::tap::Seen;
use super::taps::{Feed, Tapped, Taps};
use super::tee::Tee;
use crate::base::clock;
use crate::base::tasks::CancellationToken;
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
    #[error("{from} is sending this stream already; another address takes it over by SRT only, with a passphrase or a login")]
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
    /// What is in it, as far as it is known.
    pub seen: Seen,
    /// Bytes that were not looked at for want of time.
    pub missed_bytes: u64,
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
    listening_for_rtp: Arc<Mutex<Vec<SocketAddr>>>,
    /// What of streams that are described cannot be received.
    troubles: Arc<Mutex<BTreeMap<String, String>>>,
    /// None: nobody looks into what comes.
    taps: Option<Taps>,
}

#[derive(Debug)]
struct Input {
    tee: Arc<Tee>,
    sender: Sender,
    role: Role,
    since_ms: i64,
    counters: Arc<Counters>,
    tapped: Option<Arc<Tapped>>,
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

    /// An empty one, with taps that look into what comes.
    pub fn with_taps(taps: Taps) -> Self {
        Self { taps: Some(taps), ..Self::default() }
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
        let inputs = self.lock();
        if let Some(before) = inputs.get(id)
            && before.close.is_some()
            && (before.role != Role::Listener || (!sender.proven && before.sender.from.ip() != sender.from.ip()))
        {
            return Err(Refused::Taken { from: before.sender.from });
        }
        Ok(self.begin(inputs, id.to_owned(), sender, Role::Listener))
    }

    /// Begins a stream of this id. Where there was one before, its readers, its tap, and whether it is paused, are the new one's.
    fn begin(&self, mut inputs: MutexGuard<'_, BTreeMap<String, Input>>, id: String, sender: Sender, role: Role) -> Publisher {
        let (close, counters) = (CancellationToken::new(), Arc::new(Counters::default()));
        let generation = self.senders.fetch_add(1, Ordering::Relaxed);
        let (tee, tapped, paused, anew) = match inputs.remove(&id) {
            Some(before) => {
                if let Some(old) = before.close {
                    old.cancel();
                    before.tee.begin_anew();
                }
                (before.tee, before.tapped, before.paused, true)
            }
            None => (Arc::new(Tee::new()), self.taps.as_ref().map(Taps::tapped), false, false),
        };
        let tap = self.taps.as_ref().zip(tapped.as_ref());
        let feed = tap.map(|(taps, tapped)| taps.feed(tapped, close.clone(), anew));
        let input = Input {
            tee: tee.clone(),
            sender,
            role,
            since_ms: clock::wall_ms(),
            counters: counters.clone(),
            tapped,
            paused,
            close: Some(close.clone()),
            generation,
        };
        inputs.insert(id.clone(), input);
        drop(inputs);
        self.changed();
        Publisher { registry: self.clone(), id, generation, tee, counters, feed, closed: close }
    }

    /// The inputs there are, by id.
    pub fn all(&self) -> Vec<Shown> {
        let inputs: Vec<_> = self.lock().iter().map(|(id, input)| (shown(id, input), input.tapped.clone())).collect();
        // A tap may be busy for a moment, and the data path needs the lock.
        inputs.into_iter().map(|(shown, tapped)| looked_into(shown, tapped.as_deref())).collect()
    }

    /// One of them.
    pub fn get(&self, id: &str) -> Option<Shown> {
        let (shown, tapped) = self.lock().get(id).map(|input| (shown(id, input), input.tapped.clone()))?;
        Some(looked_into(shown, tapped.as_deref()))
    }

    /// What one of them is up to. Never waits for its tap, as [`Self::get`] may.
    pub fn status(&self, id: &str) -> Option<Status> {
        self.lock().get(id).map(Input::status)
    }

    /// The tap of one of them; none where nobody looks into what comes.
    pub fn tapped(&self, id: &str) -> Option<Arc<Tapped>> {
        self.lock().get(id)?.tapped.clone()
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

    /// Lets go whoever sends a stream by SRT, to call again by what holds now. By RTP nobody calls, and nothing but a description holds.
    pub fn call_anew(&self, id: &str) {
        if self.lock().get(id).is_some_and(|input| input.sender.kind == Kind::Srt) {
            self.close(id);
        }
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
        seen: Seen::default(),
        missed_bytes: 0,
    }
}

fn looked_into(shown: Shown, tapped: Option<&Tapped>) -> Shown {
    match tapped {
        Some(tapped) => Shown { seen: tapped.seen(), missed_bytes: tapped.missed_bytes(), ..shown },
        None => shown,
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
    feed: Option<Feed>,
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

    /// Whether the stream waits for a keyframe, so that its sender is to be asked for one where it can be (RFC 4585, 6.3.1). Once each
    /// time.
    pub fn wants_keyframe(&self) -> bool {
        self.feed.as_ref().is_some_and(Feed::wants_keyframe)
    }

    /// Gives a piece to whoever reads. Never waits.
    pub fn push(&mut self, piece: Bytes) {
        self.counters.count(piece.len());
        if self.closed.is_cancelled() {
            return;
        }
        if let Some(feed) = &mut self.feed {
            feed.push(&piece);
        }
        // While it is paused nobody reads.
        self.tee.send(piece);
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
