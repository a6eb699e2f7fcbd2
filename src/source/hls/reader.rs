//! The segments of one playlist as one run of decrypted bytes. Segments that cannot be had are stepped over, within reason.

use std::sync::Arc;

use bytes::Bytes;

use super::decrypt::Decryptor;
use super::feed::Feed;
use super::fetch::{Fetcher, Resource};
use super::playlist::{Map, Segment, broken};
use crate::source::SourceError;

/// Segments in a row that may fail.
const FAILED: u32 = 3;

/// What comes out of a playlist.
#[derive(Debug)]
pub enum Event {
    /// A segment begins.
    Segment {
        /// It does not go on where the last one ended.
        discontinuity: bool,
        /// Nor did that one come to its end.
        broken_off: bool,
        /// What must be read before it, if that is not what was read before the last one.
        map: Option<Vec<u8>>,
        /// First byte of it within its resource.
        at: u64,
    },
    /// Bytes of it.
    Data(Bytes),
    /// It ends.
    End,
}

/// Reads a playlist's segments one after the other.
pub struct Reader {
    fetcher: Arc<Fetcher>,
    feed: Feed,
    current: Option<Current>,
    /// The map that was handed out last.
    map: Option<Arc<Map>>,
    /// Of the last one a part was handed out.
    broken_off: bool,
    failed: u32,
}

/// A segment being read.
struct Current {
    sequence: u64,
    resource: Resource,
    decryptor: Option<Decryptor>,
    /// All its bytes have been handed out.
    done: bool,
}

impl Reader {
    /// Of a playlist.
    pub fn new(fetcher: Arc<Fetcher>, feed: Feed) -> Self {
        Self { fetcher, feed, current: None, map: None, broken_off: false, failed: 0 }
    }

    /// What comes next; `None` after the last segment.
    ///
    /// # Errors
    /// When the playlist, or several segments in a row, cannot be had.
    pub async fn next(&mut self) -> Result<Option<Event>, SourceError> {
        loop {
            let Some(current) = &mut self.current else {
                let Some(due) = self.feed.next().await? else { return Ok(None) };
                match begin(&self.fetcher, &due.segment, self.map.as_ref()).await {
                    Ok((current, map)) => {
                        self.current = Some(current);
                        self.map.clone_from(&due.segment.map);
                        let at = due.segment.range.map_or(0, |range| range.first);
                        let broken_off = std::mem::take(&mut self.broken_off);
                        return Ok(Some(Event::Segment { discontinuity: due.discontinuity, broken_off, map, at }));
                    }
                    Err(error) => self.skip(due.segment.sequence, error)?,
                }
                continue;
            };
            if current.done {
                self.current = None;
                return Ok(Some(Event::End));
            }
            match current.next(&self.fetcher).await {
                Ok(Some(bytes)) if bytes.is_empty() => {}
                Ok(Some(bytes)) => return Ok(Some(Event::Data(bytes))),
                Ok(None) => current.done = true,
                Err(error) => {
                    let sequence = current.sequence;
                    self.current = None;
                    self.broken_off = true;
                    self.skip(sequence, error)?;
                    return Ok(Some(Event::End));
                }
            }
        }
    }

    /// The segment at hand is what it should be.
    pub fn accept(&mut self) {
        self.failed = 0;
    }

    /// The segment at hand is not what it should be: the next one, please.
    ///
    /// # Errors
    /// `error`, if that happened several times in a row.
    pub fn reject(&mut self, error: SourceError) -> Result<(), SourceError> {
        let sequence = self.current.take().map_or(0, |current| current.sequence);
        self.skip(sequence, error)
    }

    fn skip(&mut self, sequence: u64, error: SourceError) -> Result<(), SourceError> {
        self.failed += 1;
        // A broken key or an unknown method is so for the next segment, too.
        if self.failed >= FAILED || matches!(&error, SourceError::Hls { .. }) {
            return Err(error);
        }
        tracing::info!(segment.sequence = sequence, error = %error, "HLS segment skipped");
        self.feed.skipped();
        Ok(())
    }
}

async fn begin(
    fetcher: &Fetcher,
    segment: &Segment,
    known: Option<&Arc<Map>>,
) -> Result<(Current, Option<Vec<u8>>), SourceError> {
    let map = match &segment.map {
        Some(map) if known != Some(map) => Some(fetcher.map(map).await?),
        _ => None,
    };
    let decryptor = fetcher.decryptor(&segment.encryption, Some(segment.sequence)).await?;
    let resource = fetcher.resource(&segment.url, segment.range).await?;
    Ok((Current { sequence: segment.sequence, resource, decryptor, done: false }, map))
}

impl Current {
    async fn next(&mut self, fetcher: &Fetcher) -> Result<Option<Bytes>, SourceError> {
        let bytes = self.resource.next(fetcher).await?;
        match (&mut self.decryptor, bytes) {
            (None, bytes) => Ok(bytes),
            (Some(decryptor), Some(bytes)) => Ok(Some(decryptor.push(&bytes))),
            (Some(decryptor), None) => {
                let rest = decryptor.finish().ok_or_else(|| broken("an encrypted segment of broken length"));
                self.decryptor = None;
                rest.map(|rest| Some(rest).filter(|rest| !rest.is_empty()))
            }
        }
    }
}
