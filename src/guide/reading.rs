//! The two readings of a guide: for its channels, and for the programmes of those that are wanted, into a version.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::refresh::GuideError;
use super::xmltv::{self, Consumed, End, Sink, Summary};
use crate::base::clock;
use crate::base::progress::Progress;
use crate::base::tasks;
use crate::model::{GuideChannel, Programme};
use crate::store::guides::{Guide, GuideWriter};
use crate::store::items::ItemFile;
use crate::store::{FeedId, Store, StoreError};

/// Programmes are kept that have ended this long ago at most …
const BACK_S: i64 = 24 * 3600;
/// … and begin this far ahead at most.
const AHEAD_S: i64 = 14 * 24 * 3600;
/// Channels of one guide; further ones are passed over.
const MOST_CHANNELS: usize = 200_000;

/// What was counted in a version of a guide.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuideCounts {
    /// Channels of the guide.
    pub channels: u64,
    /// Programmes of the guide.
    pub programmes: u64,
    /// Channels that are mapped to one of ours.
    pub mapped: u64,
    /// Programmes that were kept.
    pub kept: u64,
    /// Channels and programmes that were not understood.
    pub broken: u64,
    /// The first of them.
    pub first_broken: Vec<BrokenPlace>,
    /// Bytes, as it came.
    pub bytes: u64,
    /// Bytes, as it is stored.
    pub stored_bytes: u64,
    /// When the first and the last programme begin, seconds since 1970.
    pub starts_s: Option<(i64, i64)>,
}

/// Something of a guide that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenPlace {
    /// The line in which it begins, counted from 1.
    pub line: u64,
    /// Why.
    pub why: String,
}

/// A guide's channels, and what was counted on the way.
pub(super) struct Scanned {
    pub channels: Vec<GuideChannel>,
    pub summary: Summary,
}

/// The first of two readings: channels only.
pub(super) async fn scan(raw: &Path, progress: &Progress) -> Result<Scanned, GuideError> {
    let (raw, progress) = (raw.to_owned(), progress.clone());
    let work = move || {
        let file = open(&raw)?;
        progress.step("looking for channels", file.metadata().ok().map(|meta| meta.len()));
        let mut scan = Scan { channels: Vec::new(), seen: HashSet::new(), progress: &progress };
        let summary = xmltv::read(file, &mut scan)?;
        let channels = scan.channels;
        if summary.end == End::Stopped { Err(GuideError::Cancelled) } else { Ok(Scanned { channels, summary }) }
    };
    tasks::blocking(work).await.map_err(|_| GuideError::Cancelled)?
}

fn open(path: &Path) -> Result<File, StoreError> {
    File::open(path).map_err(|error| StoreError::Io { what: "cannot open", path: path.to_owned(), error })
}

struct Scan<'a> {
    channels: Vec<GuideChannel>,
    seen: HashSet<String>,
    progress: &'a Progress,
}

fn go_on(progress: &Progress, so_far: Consumed) -> ControlFlow<()> {
    progress.set_bytes(so_far.packed_bytes);
    if progress.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

impl Sink for Scan<'_> {
    fn channel(&mut self, channel: GuideChannel) -> ControlFlow<()> {
        if self.channels.len() < MOST_CHANNELS && self.seen.insert(channel.id.clone()) {
            self.channels.push(channel);
        }
        ControlFlow::Continue(())
    }

    fn wants(&mut self, _: &str, _: i64, _: Option<i64>) -> bool {
        false
    }

    fn programme(&mut self, _: &str, _: Programme) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn progress(&mut self, so_far: Consumed) -> ControlFlow<()> {
        go_on(self.progress, so_far)
    }
}

/// The second reading: programmes of the channels that are wanted go into a version.
pub(super) async fn write(
    store: &Store,
    guide: &Guide,
    wanted: HashSet<String>,
    raw: &Path,
    scanned: Scanned,
    bytes: u64,
    progress: &Progress,
) -> Result<(ItemFile, GuideCounts), GuideError> {
    let (folder, stem) = (store.feeds_dir(), FeedId::Guide(guide.id).stem());
    let (raw, progress, now_s) = (raw.to_owned(), progress.clone(), clock::wall_ms() / 1000);
    let work = move || {
        let mut writer = GuideWriter::create(&folder, &stem)?;
        for channel in &scanned.channels {
            writer.channel(channel, wanted.contains(&channel.id))?;
        }
        let file = open(&raw)?;
        progress.step("reading", file.metadata().ok().map(|meta| meta.len()));
        let mut take = Take {
            from_s: now_s - BACK_S,
            to_s: now_s + AHEAD_S,
            wanted: &wanted,
            writer,
            kept: 0,
            last: HashMap::new(),
            failed: None,
            progress: &progress,
        };
        let summary = xmltv::read(file, &mut take)?;
        if let Some(error) = take.failed {
            return Err(error.into());
        }
        if summary.end == End::Stopped {
            return Err(GuideError::Cancelled);
        }
        let mut counts = counts(&summary, scanned.channels.len(), bytes);
        counts.mapped = scanned.channels.iter().filter(|channel| wanted.contains(&channel.id)).count() as u64;
        counts.kept = take.kept;
        progress.step("storing", None);
        let file = take.writer.finish()?;
        counts.stored_bytes = file.bytes;
        Ok((file, counts))
    };
    tasks::blocking(work).await.map_err(|_| GuideError::Cancelled)?
}

struct Take<'a> {
    from_s: i64,
    to_s: i64,
    wanted: &'a HashSet<String>,
    writer: GuideWriter,
    kept: u64,
    /// What was kept last of each channel: some guides say everything twice.
    last: HashMap<String, (i64, Option<i64>)>,
    failed: Option<StoreError>,
    progress: &'a Progress,
}

impl Sink for Take<'_> {
    fn channel(&mut self, _: GuideChannel) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn wants(&mut self, channel: &str, start_s: i64, stop_s: Option<i64>) -> bool {
        self.wanted.contains(channel) && start_s < self.to_s && stop_s.unwrap_or(start_s) > self.from_s
    }

    fn programme(&mut self, channel: &str, programme: Programme) -> ControlFlow<()> {
        let times = (programme.start_s, programme.stop_s);
        match self.last.get_mut(channel) {
            Some(last) if *last == times => return ControlFlow::Continue(()),
            Some(last) => *last = times,
            None => {
                self.last.insert(channel.to_owned(), times);
            }
        }
        match self.writer.programme(channel, &programme) {
            Ok(()) => {
                self.kept += 1;
                if self.kept.is_multiple_of(256) {
                    self.progress.set_items(self.kept);
                }
                ControlFlow::Continue(())
            }
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn progress(&mut self, so_far: Consumed) -> ControlFlow<()> {
        go_on(self.progress, so_far)
    }
}

pub(super) fn counts(summary: &Summary, channels: usize, bytes: u64) -> GuideCounts {
    GuideCounts {
        channels: channels as u64,
        programmes: summary.programmes,
        broken: summary.broken,
        first_broken: summary.flaws.iter().map(|flaw| BrokenPlace { line: flaw.line, why: flaw.flaw.to_string() }).collect(),
        bytes,
        starts_s: summary.starts_s,
        ..GuideCounts::default()
    }
}
