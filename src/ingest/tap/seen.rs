//! Everything that a tap knows of a stream at one moment, without its bytes: for whoever shows it.

use super::gop_buffer::Statistics as Buffered;
use super::{Assembled, Tap, gop, parameters, pressure, recovery, sync};
use crate::model::StreamInfo;
use sync::{drift, timeline};

/// See above. The default is what is known of a stream that nobody looked at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// Codecs, profile, resolution, frame rate.
    pub info: StreamInfo,
    /// Frames that came.
    pub assembled: Assembled,
    /// Groups of pictures, and kinds of frames.
    pub gops: gop::Statistics,
    /// What is kept of them.
    pub buffer: Buffered,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Whether frames are dropped, and why.
    pub pressure: pressure::Statistics,
    /// The track of the picture; none before its first stamp.
    pub video: Option<timeline::Statistics>,
    /// The track of the sound; the same.
    pub audio: Option<timeline::Statistics>,
    /// Whether both stay together.
    pub drift: drift::Statistics,
    /// What went wrong.
    pub recovery: recovery::Statistics,
    /// Parameter sets.
    pub parameters: parameters::Statistics,
}

impl Seen {
    /// How far the picture is ahead of the sound now, measured against how it was at first; none while that is not known.
    pub fn offset_us(&self) -> Option<i64> {
        (self.drift.status != drift::Status::Unknown).then_some(self.drift.average_us)
    }
}

impl Tap {
    /// What is known now. Allocates.
    pub fn seen(&self) -> Seen {
        Seen {
            info: self.known.clone().unwrap_or_else(|| self.info()),
            assembled: self.assembled(),
            gops: self.gops(),
            buffer: self.buffer.statistics(),
            memory_bytes: self.account.used(),
            pressure: self.pressure(),
            video: self.sync.video_statistics(),
            audio: self.sync.audio_statistics(),
            drift: self.sync.drift(),
            recovery: self.recovery(),
            parameters: self.parameters().statistics(),
        }
    }
}
