//! One playlist on its way into a programme: its segments fetched, told apart by their first bytes, and taken apart into units; or
//! passed as they are, where nothing needs to be changed.
//!
//! Runs as a task of its own, so that two playlists are fetched at the same time; what is not taken is not fetched.

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc::{self, Receiver};

use super::mp4::Mp4;
use super::reader::{Event, Reader};
use crate::base::tasks::{self, Task};
use crate::model::stream_info::Kind;
use crate::source::SourceError;
use crate::source::packed::Packed;
use crate::source::sniff::{self, Sniffed};
use crate::ts::mux::{Track, Unit};
use crate::ts::packet::SYNC;
use crate::ts::units::Units;

/// Items that may wait; each is what one read of a connection gave.
const AHEAD: usize = 8;

/// What comes out of a playlist.
#[derive(Debug)]
pub enum Item {
    /// What follows does not go on where this ended.
    Discontinuity {
        /// Of bytes that were passed as they are, the last ones may be in part.
        broken_off: bool,
    },
    /// The tracks that the following units belong to; they count from 0.
    Tracks(Vec<Track>),
    /// Units, those of a track in their order.
    Units(Vec<Unit>),
    /// A segment is over.
    SegmentOver,
    /// Bytes of a transport stream, passed as they are.
    Pass(Bytes),
}

/// What is wanted of a playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All, and transport streams as they are.
    AsItIs,
    /// All but sound, which comes from elsewhere; sound too, if there is nothing else.
    Pictures,
    /// Sound, in a language (ISO 639-2) if that is known.
    Sound(Option<String>),
}

/// A playlist being read. Dropping it ends that.
pub struct Side {
    items: Receiver<Result<Item, SourceError>>,
    _task: Task<()>,
}

impl Side {
    /// Reads a playlist.
    pub fn start(reader: Reader, wanted: Wanted) -> Self {
        let (sender, items) = mpsc::channel(AHEAD);
        let task = tasks::spawn("HLS segments", async move {
            let mut taking =
                Taking { reader, wanted, to: sender, format: Format::None, head: None, map: Map::default(), chosen: Vec::new() };
            if let Err(Stop::Failed(error)) = taking.run().await {
                let _ = taking.to.send(Err(error)).await;
            }
        });
        Self { items, _task: task }
    }

    /// The next item; `None` after the last.
    ///
    /// # Errors
    /// When the playlist cannot be played on; nothing follows.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<Result<Item, SourceError>> {
        self.items.recv().await
    }
}

enum Stop {
    /// Whoever reads is gone.
    Gone,
    Failed(SourceError),
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

/// What the segments are, and what takes them apart.
enum Format {
    None,
    Pass,
    Ts(Box<Units>),
    Mp4(Box<Mp4>),
    Packed(Box<Packed>),
}

struct Taking {
    reader: Reader,
    wanted: Wanted,
    to: mpsc::Sender<Result<Item, SourceError>>,
    format: Format,
    /// Of the segment that has just begun, until it is known what it is.
    head: Option<BytesMut>,
    map: Map,
    /// For each track that the segments have, which of those told of it is, if it is wanted.
    chosen: Vec<Option<usize>>,
}

/// What comes before segments (`EXT-X-MAP`).
#[derive(Default)]
struct Map {
    bytes: Bytes,
    /// It was not used yet.
    new: bool,
}

impl Map {
    /// PAT and PMT for segments that have none (RFC 8216, 3.2), if they were not given yet.
    fn tables(&mut self) -> Option<Bytes> {
        let tables = self.bytes.first() == Some(&SYNC);
        (tables && std::mem::take(&mut self.new)).then(|| self.bytes.clone())
    }
}

impl Taking {
    async fn run(&mut self) -> Result<(), Stop> {
        // Where the segment at hand begins in its resource.
        let mut begins = 0;
        while let Some(event) = self.reader.next().await? {
            match event {
                Event::Segment { discontinuity, broken_off, map, at } => {
                    if discontinuity {
                        self.discontinuity();
                        self.send(Item::Discontinuity { broken_off }).await?;
                    }
                    if let Some(map) = map {
                        self.map = Map { bytes: map.into(), new: true };
                    }
                    begins = at;
                    self.head = Some(BytesMut::new());
                }
                Event::Data(bytes) => match &mut self.head {
                    None => self.data(bytes).await?,
                    Some(head) => {
                        head.extend_from_slice(&bytes);
                        let sniffed = sniff::sniff(head, false);
                        self.begin(sniffed, begins).await?;
                    }
                },
                Event::End => {
                    if let Some(head) = self.head.as_ref().filter(|head| !head.is_empty()) {
                        let sniffed = sniff::sniff(head, true);
                        self.begin(sniffed, begins).await?;
                    }
                    self.head = None;
                    self.end().await?;
                }
            }
        }
        if let Format::Ts(units) = &mut self.format {
            units.finish();
            self.give(Vec::new()).await?;
        }
        Ok(())
    }

    /// The first bytes of a segment may say by now what it is.
    async fn begin(&mut self, sniffed: Sniffed, at: u64) -> Result<(), Stop> {
        let passed = self.wanted == Wanted::AsItIs;
        match sniffed {
            Sniffed::More => return Ok(()),
            Sniffed::TransportStream if passed => {
                self.format = Format::Pass;
                self.reader.accept();
                if let Some(tables) = self.map.tables() {
                    self.send(Item::Pass(tables)).await?;
                }
            }
            Sniffed::TransportStream => {
                if !matches!(self.format, Format::Ts(_)) {
                    (self.format, self.chosen) = (Format::Ts(Box::default()), Vec::new());
                }
                self.reader.accept();
                if let (Some(tables), Format::Ts(units)) = (self.map.tables(), &mut self.format) {
                    units.push(&tables);
                }
            }
            Sniffed::Other(sniff::MP4) => {
                let other = !matches!(self.format, Format::Mp4(_));
                if other {
                    (self.format, self.chosen) = (Format::Mp4(Box::default()), Vec::new());
                }
                let Format::Mp4(mp4) = &mut self.format else { return Ok(()) };
                let before = mp4.tracks();
                if (other || self.map.new) && !self.map.bytes.is_empty() {
                    self.map.new = false;
                    mp4.init(&self.map.bytes)?;
                }
                mp4.begin(at);
                let tracks = mp4.tracks();
                if tracks != before {
                    self.tracks(tracks).await?;
                }
            }
            Sniffed::Audio { .. } => {
                if !matches!(self.format, Format::Packed(_)) {
                    (self.format, self.chosen) = (Format::Packed(Box::default()), Vec::new());
                }
                self.reader.accept();
            }
            other => {
                self.head = None;
                return Ok(self.reader.reject(SourceError::NotAStream { what: describe(other) })?);
            }
        }
        let head = self.head.take().unwrap_or_default().freeze();
        self.data(head).await
    }

    /// Bytes of a segment that is known.
    async fn data(&mut self, bytes: Bytes) -> Result<(), Stop> {
        let mut units = Vec::new();
        match &mut self.format {
            Format::None => {}
            Format::Pass => return self.send(Item::Pass(bytes)).await,
            Format::Ts(ts) => ts.push(&bytes),
            Format::Packed(packed) => packed.push(&bytes, &mut units),
            Format::Mp4(mp4) => {
                let before = mp4.tracks();
                if let Err(error) = mp4.push(&bytes, &mut units) {
                    self.reader.reject(error)?;
                } else if !units.is_empty() {
                    self.reader.accept();
                }
                let tracks = mp4.tracks();
                if tracks != before {
                    // The segment brought its own initialisation.
                    self.tracks(tracks).await?;
                }
            }
        }
        self.give(units).await
    }

    async fn end(&mut self) -> Result<(), Stop> {
        let mut units = Vec::new();
        match &mut self.format {
            Format::None | Format::Pass => return Ok(()),
            Format::Mp4(_) => {}
            Format::Ts(ts) => ts.segment_over(),
            Format::Packed(packed) => packed.segment_over(&mut units),
        }
        self.give(units).await?;
        self.send(Item::SegmentOver).await
    }

    /// What is taken apart goes on elsewhere.
    fn discontinuity(&mut self) {
        match &mut self.format {
            Format::Ts(units) => **units = Units::default(),
            Format::Packed(packed) => packed.discontinuity(),
            Format::Mp4(mp4) => mp4.discontinuity(),
            Format::None | Format::Pass => {}
        }
    }

    /// Sends what was taken apart, behind its tracks where these are new.
    async fn give(&mut self, mut units: Vec<Unit>) -> Result<(), Stop> {
        let new = match &mut self.format {
            Format::Ts(ts) => {
                units.extend(ts.take());
                ts.tracks()
            }
            Format::Packed(packed) if self.chosen.is_empty() => packed.track().map(|track| vec![track.clone()]),
            _ => None,
        };
        if let Some(tracks) = new {
            self.tracks(tracks).await?;
        }
        units.retain_mut(|unit| match self.chosen.get(unit.track) {
            Some(Some(index)) => {
                unit.track = *index;
                true
            }
            _ => false,
        });
        if units.is_empty() {
            return Ok(());
        }
        self.send(Item::Units(units)).await
    }

    /// Chooses among new tracks, and tells of those that are wanted.
    async fn tracks(&mut self, tracks: Vec<Track>) -> Result<(), Stop> {
        let any_picture = tracks.iter().any(|track| track.codec.kind() == Kind::Video);
        let wanted = |track: &Track| match (&self.wanted, track.codec.kind()) {
            (_, Kind::Data) => false,
            (Wanted::AsItIs, _) => true,
            (Wanted::Pictures, kind) => kind != Kind::Audio || !any_picture,
            (Wanted::Sound(_), kind) => kind == Kind::Audio,
        };
        let mut count = 0..;
        self.chosen = tracks.iter().map(|track| wanted(track).then(|| count.next()).flatten()).collect();
        let mut tracks: Vec<Track> = tracks.into_iter().filter(|track| wanted(track)).collect();
        if let Wanted::Sound(Some(language)) = &self.wanted {
            tracks.iter_mut().for_each(|track| track.speak(language));
        }
        self.send(Item::Tracks(tracks)).await
    }

    async fn send(&self, item: Item) -> Result<(), Stop> {
        self.to.send(Ok(item)).await.map_err(|_| Stop::Gone)
    }
}

fn describe(sniffed: Sniffed) -> String {
    match sniffed {
        Sniffed::Other(what) => format!("a segment that is {what}"),
        Sniffed::Playlist => "a segment that is a playlist".into(),
        _ => "a segment of an unknown kind".into(),
    }
}
