//! What a probe found out about a source. Plain.

use serde::Serialize;

use super::StreamInfo;

/// What came of the last look at a source that nobody watched.
#[derive(Debug, Clone, Default, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Verdict {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Whether there was something to begin at: a random access point with its parameter sets, or the sound of a radio.
    pub proven: bool,
    /// Why not, in words, without credentials.
    pub reason: Option<String>,
    /// Milliseconds from dialling to the first byte of the stream.
    pub first_byte_ms: Option<u32>,
    /// Milliseconds from dialling to the point at which it could be played.
    pub keyframe_ms: Option<u32>,
    /// What was in it: codecs, resolution, frame rate, bit rate, scrambling, packets missing.
    pub info: StreamInfo,
}
